// sarama, as an application: see ../application.
package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"ottla-interop/application"
)

type client struct {
	addresses []string
	producer  sarama.SyncProducer
	admin     sarama.ClusterAdmin
}

func main() {
	c := &client{addresses: []string{os.Args[3]}}
	var err error
	if c.producer, err = sarama.NewSyncProducer(c.addresses, config()); err == nil {
		c.admin, err = sarama.NewClusterAdmin(c.addresses, config())
	}
	if err != nil {
		panic(err)
	}
	application.Serve(c)
}

// config is for a producer that loses nothing and writes nothing twice, and for consumers that commit by themselves.
func config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Net.MaxOpenRequests = 1
	config.Metadata.Retry.Max = 100
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Retry.Max = 100
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = 30 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	config.Consumer.Retry.Backoff = 100 * time.Millisecond
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	return config
}

func (c *client) Topic(_ context.Context, topic string, partitions int32) error {
	return c.admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false)
}

func (c *client) Produce(_ context.Context, topic string, values []application.Value) error {
	return c.producer.SendMessages(messages(topic, values))
}

func messages(topic string, values []application.Value) []*sarama.ProducerMessage {
	result := []*sarama.ProducerMessage{}
	for _, each := range values {
		result = append(result, &sarama.ProducerMessage{Topic: topic, Partition: each.Partition, Value: sarama.StringEncoder(each.Value)})
	}
	return result
}

func (c *client) Member(ctx context.Context, m application.Member) error {
	return c.consume(ctx, m, &reader{client: c, Member: m})
}

// consume joins again whenever a session has ended.
func (c *client) consume(ctx context.Context, m application.Member, handler sarama.ConsumerGroupHandler) error {
	config := config()
	config.Consumer.Group.InstanceId = m.Instance
	if m.Isolation == "read_uncommitted" {
		config.Consumer.IsolationLevel = sarama.ReadUncommitted
	}
	group, err := sarama.NewConsumerGroup(c.addresses, m.Group, config)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{m.Topic}, handler); err != nil {
			m.Failed(err)
		}
	}
	return group.Close()
}

// reader reads each of its partitions in a routine of its own.
type reader struct {
	client *client
	application.Member
}

func (r *reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (r *reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r *reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for batch := range batches(session, claim) {
		r.Read(told(batch))
		session.MarkMessage(batch[len(batch)-1], "")
		session.Commit()
		// Commit returns no error: the broker has to be asked.
		if committed, err := r.client.Committed(context.Background(), r.Group, r.Topic); err != nil {
			r.Failed(err)
		} else if next, has := committed[claim.Partition()]; has {
			r.Committed(map[int32]int64{claim.Partition(): next})
		}
	}
	return nil
}

// batches gives what has come in, until the session ends.
func batches(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) func(func([]*sarama.ConsumerMessage) bool) {
	return func(yield func([]*sarama.ConsumerMessage) bool) {
		for {
			var batch []*sarama.ConsumerMessage
			select {
			case message, more := <-claim.Messages():
				if !more {
					return
				}
				batch = append(batch, message)
			case <-session.Context().Done():
				return
			}
			for len(claim.Messages()) > 0 && len(batch) < 100 {
				if message, more := <-claim.Messages(); more {
					batch = append(batch, message)
				}
			}
			if !yield(batch) {
				return
			}
		}
	}
}

func told(batch []*sarama.ConsumerMessage) []application.Record {
	result := []application.Record{}
	for _, each := range batch {
		result = append(result, application.Record{Partition: each.Partition, Offset: each.Offset, Value: string(each.Value)})
	}
	return result
}

// Groups asks for the states one by one: the list has only the types.
func (c *client) Groups(ctx context.Context) (map[string]string, error) {
	listed, err := c.admin.ListConsumerGroups()
	groups := map[string]string{}
	for group := range listed {
		state, _, describeErr := c.Describe(ctx, group)
		groups[group] = state
		err = errors.Join(err, describeErr)
	}
	return groups, err
}

func (c *client) Describe(_ context.Context, group string) (string, int, error) {
	described, err := c.admin.DescribeConsumerGroups([]string{group})
	if err != nil {
		return "", 0, err
	}
	if described[0].Err != sarama.ErrNoError {
		return "", 0, described[0].Err
	}
	return strings.ToLower(described[0].State), len(described[0].Members), nil
}

func (c *client) Committed(_ context.Context, group, topic string) (map[int32]int64, error) {
	committed := map[int32]int64{}
	fetched, err := c.admin.ListConsumerGroupOffsets(group, nil)
	if err != nil {
		return nil, err
	}
	for partition, block := range fetched.Blocks[topic] {
		if block.Offset >= 0 {
			committed[partition] = block.Offset
		}
	}
	return committed, nil
}

func (c *client) Reset(_ context.Context, group, topic string, offsets map[int32]int64) error {
	wanted := map[int32]sarama.OffsetAndMetadata{}
	for partition, offset := range offsets {
		wanted[partition] = sarama.OffsetAndMetadata{Offset: offset, LeaderEpoch: -1}
	}
	_, err := c.admin.AlterConsumerGroupOffsets(group, map[string]map[int32]sarama.OffsetAndMetadata{topic: wanted}, nil)
	return err
}

func (c *client) Delete(_ context.Context, group string) error {
	return c.admin.DeleteConsumerGroup(group)
}

type producer struct{ sarama.SyncProducer }

func (c *client) Open(_ context.Context, transactional string) (application.Producer, error) {
	config := config()
	config.Producer.Transaction.ID = transactional
	opened, err := sarama.NewSyncProducer(c.addresses, config)
	return producer{opened}, err
}

func (p producer) Begin() error { return p.BeginTxn() }

func (p producer) Send(_ context.Context, topic string, values []application.Value) error {
	return p.SendMessages(messages(topic, values))
}

func (p producer) Commit(context.Context) error { return p.CommitTxn() }

func (p producer) Abort(context.Context) error { return p.AbortTxn() }

// transformer has one producer for all its partitions. After a failure it takes a new one with the same id, which ends
// what the old one left, and joins anew, from the committed offsets.
type transformer struct {
	client *client
	application.Member
	mutex    sync.Mutex
	producer sarama.SyncProducer
}

func (c *client) Transform(ctx context.Context, m application.Member) error {
	return c.consume(ctx, m, &transformer{client: c, Member: m})
}

func (t *transformer) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (t *transformer) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (t *transformer) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for batch := range batches(session, claim) {
		t.Read(told(batch))
		if err := t.transform(session, batch); err != nil {
			t.Failed(err)
			return err
		}
	}
	return nil
}

func (t *transformer) transform(session sarama.ConsumerGroupSession, batch []*sarama.ConsumerMessage) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.producer == nil {
		opened, err := t.client.Open(context.Background(), t.Transactional)
		if err != nil {
			return err
		}
		t.producer = opened.(producer).SyncProducer
		return errors.New("a new producer: from the committed offsets")
	}
	values := []application.Value{}
	for _, each := range told(batch) {
		values = append(values, each.Transformed())
	}
	err := t.producer.BeginTxn()
	if err == nil {
		err = t.producer.SendMessages(messages(t.To, values))
	}
	if err == nil {
		metadata := sarama.NewConsumerGroupMetadataFromSession(session, t.Group, nil)
		err = t.producer.AddMessageToTxnWithGroupMetadata(batch[len(batch)-1], metadata, nil)
	}
	if err == nil {
		err = t.producer.CommitTxn()
	}
	if err != nil {
		t.producer.Close()
		t.producer = nil
	}
	return err
}
