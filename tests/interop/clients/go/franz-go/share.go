package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"ottla-interop/application"
)

// deliveries is how often each record was delivered, to any member of this program.
var deliveries = struct {
	sync.Mutex
	of map[string]int
}{of: map[string]int{}}

// share is one turn of a member of a share group after the other.
type share struct {
	application.Sharer
	consumer *kgo.Client
	mutex    sync.Mutex
	failed   map[int32]bool // partitions whose acknowledgements were refused since the last flush
}

// Share is a member of a share group: see share_checks.py.
func (c *client) Share(ctx context.Context, m application.Sharer) error {
	s := &share{Sharer: m, failed: map[int32]bool{}}
	options := []kgo.Opt{
		kgo.SeedBrokers(c.address), kgo.ShareGroup(m.Group), kgo.ConsumeTopics(m.Topic), kgo.ShareAckCallback(s.acknowledged),
		kgo.MetadataMinAge(10 * time.Millisecond),
	}
	if m.Records > 0 {
		options = append(options, kgo.ShareMaxRecords(m.Records))
	}
	if m.Strict {
		options = append(options, kgo.ShareMaxRecordsStrict())
	}
	consumer, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	s.consumer = consumer
	defer consumer.Close()
	for ctx.Err() == nil {
		if records := poll(ctx, m.Member, consumer.PollRecords); len(records) > 0 {
			m.Shared(shared(records))
			if m.Hold {
				<-ctx.Done()
				return nil
			}
			s.settle(records)
		}
	}
	return nil
}

func (s *share) acknowledged(_ *kgo.Client, results kgo.ShareAckResults) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, each := range results {
		if each.Err != nil {
			s.Failed(each.Err)
			s.failed[each.Partition] = true
		}
	}
}

func (s *share) settle(records []*kgo.Record) {
	statuses := map[*kgo.Record]kgo.AckStatus{}
	renewed := []*kgo.Record{}
	for _, record := range records {
		status := kgo.AckAccept
		if s.Explicit {
			status = fate(record)
		}
		if status == kgo.AckRenew {
			renewed = append(renewed, record)
		} else {
			statuses[record] = status
			record.Ack(status)
		}
	}
	if len(renewed) > 0 {
		s.takeTime(renewed)
		for _, record := range renewed {
			statuses[record] = kgo.AckAccept
			record.Ack(kgo.AckAccept)
		}
	}
	s.flush()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	settled := [][3]any{}
	for record, status := range statuses {
		if !s.failed[record.Partition] {
			settled = append(settled, [3]any{record.Partition, record.Offset, status.String()})
		}
	}
	s.failed = map[int32]bool{}
	s.Acknowledged(settled)
}

func (s *share) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), application.Wait)
	defer cancel()
	if err := s.consumer.FlushAcks(ctx); err != nil {
		s.Failed(err)
	}
}

// takeTime takes longer than records are locked for without being renewed.
func (s *share) takeTime(records []*kgo.Record) {
	lock := time.Until(records[0].AcquisitionDeadline())
	for range 4 {
		for _, record := range records {
			record.Ack(kgo.AckRenew)
		}
		s.flush()
		time.Sleep(lock / 2)
	}
}

func fate(record *kgo.Record) kgo.AckStatus {
	deliveries.Lock()
	defer deliveries.Unlock()
	key := fmt.Sprintf("%s %d %d", record.Topic, record.Partition, record.Offset)
	deliveries.of[key]++
	word, _, _ := strings.Cut(string(record.Value), " ")
	switch {
	case word == "poison", word == "release" && deliveries.of[key] == 1:
		return kgo.AckRelease
	case word == "reject":
		return kgo.AckReject
	case word == "renew":
		return kgo.AckRenew
	}
	return kgo.AckAccept
}

func shared(records []*kgo.Record) [][4]any {
	told := [][4]any{}
	for _, each := range records {
		told = append(told, [4]any{each.Partition, each.Offset, string(each.Value), each.DeliveryCount()})
	}
	return told
}
