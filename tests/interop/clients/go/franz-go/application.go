package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"ottla-interop/application"
)

// client makes franz-go an application: see ../application.
type client struct {
	address  string
	producer *kgo.Client
	admin    *kadm.Client
}

func serve(address string) {
	c := &client{address: address, producer: must1(kgo.NewClient(
		kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(10*time.Millisecond)))}
	c.admin = kadm.NewClient(c.producer)
	application.Serve(c)
}

func (c *client) Topic(ctx context.Context, topic string, partitions int32) error {
	_, err := c.admin.CreateTopic(ctx, partitions, 1, nil, topic)
	return err
}

func (c *client) Produce(ctx context.Context, topic string, values []application.Value) error {
	return send(ctx, c.producer, topic, values)
}

func (c *client) options(m application.Member) []kgo.Opt {
	options := []kgo.Opt{
		kgo.SeedBrokers(c.address), kgo.ConsumerGroup(m.Group), kgo.ConsumeTopics(m.Topic), kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), kgo.SessionTimeout(30 * time.Second), kgo.HeartbeatInterval(200 * time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(isolation(m)),
	}
	if m.Instance != "" {
		options = append(options, kgo.InstanceID(m.Instance))
	}
	if isServerSide() {
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
	}
	return options
}

// isServerSide is whether the broker assigns.
func isServerSide() bool { return os.Args[4] == "consumer" }

func isolation(m application.Member) kgo.IsolationLevel {
	if m.Isolation == "read_uncommitted" {
		return kgo.ReadUncommitted()
	}
	return kgo.ReadCommitted()
}

func (c *client) Member(ctx context.Context, m application.Member) error {
	consumer, err := kgo.NewClient(c.options(m)...)
	if err != nil {
		return err
	}
	defer consumer.CloseAllowingRebalance()
	for ctx.Err() == nil {
		records := poll(ctx, m, consumer.PollRecords)
		if len(records) > 0 {
			m.Read(told(records))
			if err := consumer.CommitRecords(context.Background(), records...); err != nil {
				m.Failed(err)
			} else {
				m.Committed(next(records))
			}
		}
		consumer.AllowRebalance()
	}
	return nil
}

func poll(ctx context.Context, m application.Member, poll func(context.Context, int) kgo.Fetches) []*kgo.Record {
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	fetches := poll(short, 100)
	fetches.EachError(func(_ string, _ int32, err error) {
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			m.Failed(err)
		}
	})
	return fetches.Records()
}

func told(records []*kgo.Record) []application.Record {
	result := []application.Record{}
	for _, each := range records {
		result = append(result, application.Record{Partition: each.Partition, Offset: each.Offset, Value: string(each.Value)})
	}
	return result
}

func next(records []*kgo.Record) map[int32]int64 {
	result := map[int32]int64{}
	for _, each := range records {
		result[each.Partition] = each.Offset + 1
	}
	return result
}

func (c *client) Groups(ctx context.Context) (map[string]string, error) {
	listed, err := c.admin.ListGroups(ctx)
	groups := map[string]string{}
	for _, each := range listed {
		groups[each.Group] = strings.ToLower(each.State)
	}
	return groups, err
}

func (c *client) Describe(ctx context.Context, group string) (string, int, error) {
	if isServerSide() {
		described, err := c.admin.DescribeConsumerGroups(ctx, group)
		return strings.ToLower(described[group].State), len(described[group].Members), errors.Join(err, described[group].Err)
	}
	described, err := c.admin.DescribeGroups(ctx, group)
	return strings.ToLower(described[group].State), len(described[group].Members), errors.Join(err, described[group].Err)
}

func (c *client) Committed(ctx context.Context, group, topic string) (map[int32]int64, error) {
	committed := map[int32]int64{}
	fetched, err := c.admin.FetchOffsets(ctx, group)
	fetched.Offsets().Each(func(each kadm.Offset) {
		if each.Topic == topic {
			committed[each.Partition] = each.At
		}
	})
	return committed, err
}

func (c *client) Reset(ctx context.Context, group, topic string, offsets map[int32]int64) error {
	wanted := kadm.Offsets{}
	for partition, offset := range offsets {
		wanted.AddOffset(topic, partition, offset, -1)
	}
	return c.admin.CommitAllOffsets(ctx, group, wanted)
}

func (c *client) Delete(ctx context.Context, group string) error {
	_, err := c.admin.DeleteGroup(ctx, group)
	return err
}

type producer struct{ *kgo.Client }

// Open asks for the producer id at once; the client by itself would do it with the first record.
func (c *client) Open(ctx context.Context, transactional string) (application.Producer, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.address), kgo.TransactionalID(transactional),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		return nil, err
	}
	_, _, err = client.ProducerID(ctx)
	return producer{client}, err
}

func (p producer) Begin() error { return p.BeginTransaction() }

func (p producer) Send(ctx context.Context, topic string, values []application.Value) error {
	return send(ctx, p.Client, topic, values)
}

func (p producer) Commit(ctx context.Context) error { return p.EndTransaction(ctx, kgo.TryCommit) }

func (p producer) Abort(ctx context.Context) error { return p.EndTransaction(ctx, kgo.TryAbort) }

// Transform opens a new session after a failure that the session does not get over.
func (c *client) Transform(ctx context.Context, m application.Member) error {
	for ctx.Err() == nil {
		session, err := kgo.NewGroupTransactSession(append(c.options(m), kgo.TransactionalID(m.Transactional),
			kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(10*time.Millisecond))...)
		if err != nil {
			return err
		}
		for err == nil && ctx.Err() == nil {
			if records := poll(ctx, m, session.PollRecords); len(records) > 0 {
				m.Read(told(records))
				err = transform(session, m, told(records))
			}
			session.AllowRebalance()
		}
		if err != nil {
			m.Failed(err)
		}
		session.CloseAllowingRebalance()
	}
	return nil
}

// transform returns an error only where the session has to be given up.
func transform(session *kgo.GroupTransactSession, m application.Member, records []application.Record) error {
	ctx, cancel := context.WithTimeout(context.Background(), application.Wait)
	defer cancel()
	if err := session.Begin(); err != nil {
		return err
	}
	values := []application.Value{}
	for _, each := range records {
		values = append(values, each.Transformed())
	}
	end := kgo.TryCommit
	if err := session.ProduceSync(ctx, prepared(m.To, values)...).FirstErr(); err != nil {
		m.Failed(err)
		end = kgo.TryAbort
	}
	_, err := session.End(ctx, end)
	return err
}

func send(ctx context.Context, client *kgo.Client, topic string, values []application.Value) error {
	return client.ProduceSync(ctx, prepared(topic, values)...).FirstErr()
}

func prepared(topic string, values []application.Value) []*kgo.Record {
	records := []*kgo.Record{}
	for _, each := range values {
		records = append(records, &kgo.Record{Topic: topic, Partition: each.Partition, Value: []byte(each.Value)})
	}
	return records
}
