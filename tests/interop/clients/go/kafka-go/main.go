// kafka-go, as an application: see ../application. It has no transactional producer.
package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"ottla-interop/application"
)

// What is written has as many partitions at most.
const maxPartitions = 4

type client struct {
	address string
	client  *kafka.Client
	writer  *kafka.Writer
}

func main() {
	address := os.Args[3]
	application.Serve(&client{
		address: address,
		client:  &kafka.Client{Addr: kafka.TCP(address), Timeout: application.Wait},
		writer: &kafka.Writer{
			Addr:         kafka.TCP(address),
			RequiredAcks: kafka.RequireAll,
			BatchTimeout: time.Millisecond,
			MaxAttempts:  1000,
			Balancer: kafka.BalancerFunc(func(message kafka.Message, _ ...int) int {
				return message.WriterData.(int)
			}),
		},
	})
}

func (c *client) Topic(ctx context.Context, topic string, partitions int32) error {
	answer, err := c.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: int(partitions), ReplicationFactor: 1}},
	})
	if err != nil {
		return err
	}
	return answer.Errors[topic]
}

func (c *client) Produce(ctx context.Context, topic string, values []application.Value) error {
	messages := []kafka.Message{}
	for _, each := range values {
		messages = append(messages, kafka.Message{Topic: topic, Value: []byte(each.Value), WriterData: int(each.Partition)})
	}
	return c.writer.WriteMessages(ctx, messages...)
}

// Member reads each of its partitions in a routine of its own, for as long as a generation of the group lasts.
func (c *client) Member(ctx context.Context, m application.Member) error {
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: m.Group, Brokers: []string{c.address}, Topics: []string{m.Topic}, StartOffset: kafka.FirstOffset,
		HeartbeatInterval: 200 * time.Millisecond, JoinGroupBackoff: 200 * time.Millisecond,
		// After a crash it joins as a new member, beside what is left of itself.
		SessionTimeout: 6 * time.Second, RebalanceTimeout: 6 * time.Second,
	})
	if err != nil {
		return err
	}
	for {
		generation, err := group.Next(ctx)
		if ctx.Err() != nil {
			return group.Close()
		}
		if err != nil {
			m.Failed(err)
			continue
		}
		for _, each := range generation.Assignments[m.Topic] {
			generation.Start(func(ctx context.Context) { c.read(ctx, m, generation, each) })
		}
	}
}

func (c *client) read(ctx context.Context, m application.Member, generation *kafka.Generation, from kafka.PartitionAssignment) {
	config := kafka.ReaderConfig{
		Brokers: []string{c.address}, Topic: m.Topic, Partition: from.ID, MaxWait: 100 * time.Millisecond,
		ReadBackoffMin: 10 * time.Millisecond, ReadBackoffMax: 100 * time.Millisecond,
	}
	if m.Isolation != "read_uncommitted" {
		config.IsolationLevel = kafka.ReadCommitted
	}
	reader := kafka.NewReader(config)
	defer reader.Close()
	reader.SetOffset(from.Offset)
	for {
		batch, err := readBatch(ctx, reader)
		if len(batch) == 0 {
			if ctx.Err() != nil {
				return
			}
			m.Failed(err)
			continue
		}
		m.Read(batch)
		next := batch[len(batch)-1].Offset + 1
		if err := generation.CommitOffsets(map[string]map[int]int64{m.Topic: {from.ID: next}}); err != nil {
			m.Failed(err)
		} else {
			m.Committed(map[int32]int64{int32(from.ID): next})
		}
	}
}

// readBatch waits for one record, and takes those that come right behind it.
func readBatch(ctx context.Context, reader *kafka.Reader) ([]application.Record, error) {
	batch := []application.Record{}
	for len(batch) < 100 {
		message, err := reader.ReadMessage(ctx)
		if err != nil {
			return batch, err
		}
		batch = append(batch, application.Record{Partition: int32(message.Partition), Offset: message.Offset, Value: string(message.Value)})
		if len(batch) == 1 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, 2*time.Millisecond)
			defer cancel()
		}
	}
	return batch, nil
}

// Groups asks for the states one by one: the list has none. It can't read what members of some other clients say.
func (c *client) Groups(ctx context.Context) (map[string]string, error) {
	listed, err := c.client.ListGroups(ctx, &kafka.ListGroupsRequest{})
	if err != nil {
		return nil, err
	}
	groups := map[string]string{}
	for _, each := range listed.Groups {
		state, _, err := c.Describe(ctx, each.GroupID)
		if err != nil {
			state = err.Error()
		}
		groups[each.GroupID] = state
	}
	return groups, listed.Error
}

func (c *client) Describe(ctx context.Context, group string) (string, int, error) {
	described, err := c.client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
	if err != nil {
		return "", 0, err
	}
	found := described.Groups[0]
	return strings.ToLower(found.GroupState), len(found.Members), found.Error
}

func (c *client) Committed(ctx context.Context, group, topic string) (map[int32]int64, error) {
	partitions := []int{}
	for partition := range maxPartitions {
		partitions = append(partitions, partition)
	}
	fetched, err := c.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: partitions}})
	if err != nil {
		return nil, err
	}
	committed := map[int32]int64{}
	for _, each := range fetched.Topics[topic] {
		if each.CommittedOffset >= 0 {
			committed[int32(each.Partition)] = each.CommittedOffset
		}
	}
	return committed, fetched.Error
}

func (c *client) Reset(ctx context.Context, group, topic string, offsets map[int32]int64) error {
	wanted := []kafka.OffsetCommit{}
	for partition, offset := range offsets {
		wanted = append(wanted, kafka.OffsetCommit{Partition: int(partition), Offset: offset})
	}
	answer, err := c.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{topic: wanted},
	})
	if err != nil {
		return err
	}
	for _, each := range answer.Topics[topic] {
		err = errors.Join(err, each.Error)
	}
	return err
}

func (c *client) Delete(ctx context.Context, group string) error {
	answer, err := c.client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
	if err != nil {
		return err
	}
	return errors.Join(append([]error{}, collect(maps.Values(answer.Errors))...)...)
}

func collect(errs func(func(error) bool)) []error {
	all := []error{}
	for err := range errs {
		all = append(all, err)
	}
	return all
}
