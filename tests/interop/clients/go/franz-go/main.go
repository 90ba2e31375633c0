// franz-go, Go's own client: makes the checks that suite.py describes.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const wait = 30 * time.Second

type manifest struct {
	TopicConfigs map[string]*string          `json:"topic_configs"`
	RecordSets   map[string][]manifestRecord `json:"record_sets"`
	Writers      map[string][]topic          `json:"writers"`
}

type manifestRecord struct {
	Partition   int32        `json:"partition"`
	TimestampMs *int64       `json:"timestamp_ms"`
	Key         *string      `json:"key"`
	Value       *string      `json:"value"`
	Headers     [][2]*string `json:"headers"`
}

type topic struct {
	Topic       string   `json:"topic"`
	Check       string   `json:"check"`
	Partitions  int32    `json:"partitions"`
	RecordSet   string   `json:"record_set"`
	FlushEvery  int      `json:"flush_every"`
	Compression string   `json:"compression"`
	Acks        int      `json:"acks"`
	Idempotent  bool     `json:"idempotent"`
	Offsets     []offset `json:"offsets"`
}

type offset struct {
	Partition   int32 `json:"partition"`
	At          any   `json:"at"` // earliest, latest, max_timestamp or a time in ms
	Offset      int64 `json:"offset"`
	TimestampMs int64 `json:"timestamp_ms"`
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

type suite struct {
	name    string
	address string
	client  *kgo.Client
	admin   *kadm.Client
	manifest
}

func main() {
	if os.Args[2] == "serve" {
		serve(os.Args[3])
		return
	}
	s := suite{name: os.Args[1], address: os.Args[3]}
	must(json.Unmarshal(must1(os.ReadFile(os.Args[4])), &s.manifest))
	// The client keeps metadata for a while; a check that waits for a change wants it fresh.
	s.client = must1(kgo.NewClient(kgo.SeedBrokers(s.address), kgo.MetadataMinAge(10*time.Millisecond)))
	s.admin = kadm.NewClient(s.client)
	defer s.admin.Close()
	if os.Args[2] == "write" {
		s.write()
	} else {
		s.read()
	}
}

func (s *suite) write() {
	topics := s.Writers[s.name]

	s.check("create topics", func(ctx context.Context) {
		for _, t := range topics {
			must1(s.admin.CreateTopic(ctx, t.Partitions, 1, s.TopicConfigs, t.Topic))
		}
		for _, t := range topics {
			for partition := range t.Partitions {
				await(ctx, func() error { return equal("log end", s.offsetAt(ctx, t.Topic, partition, "latest").Offset, 0) })
			}
		}
		_, err := s.admin.CreateTopic(ctx, 1, 1, nil, topics[0].Topic)
		if !errors.Is(err, kerr.TopicAlreadyExists) {
			panic(fmt.Errorf("creating a topic again: got error %v", err))
		}
	})

	s.check("describe topics", func(ctx context.Context) {
		for _, t := range topics {
			partitions := s.describe(ctx, t.Topic)
			must(equal("partitions", len(partitions), int(t.Partitions)))
			for _, partition := range partitions {
				node := []int32{partition.Leader}
				must(equal("replicas", fmt.Sprint(partition.Replicas, partition.ISR), fmt.Sprint(node, node)))
			}
		}
		all := must1(s.admin.ListTopics(ctx))
		for _, t := range topics {
			must(equal("listed "+t.Topic, all.Has(t.Topic), true))
		}
	})

	s.check("describe cluster", func(ctx context.Context) {
		cluster := must1(s.admin.BrokerMetadata(ctx))
		must(equal("brokers", len(cluster.Brokers), 1))
		broker := cluster.Brokers[0]
		must(equal("broker", fmt.Sprintf("%s:%d", broker.Host, broker.Port), s.address))
		must(equal("controller", cluster.Controller, broker.NodeID))
		must(equal("has a cluster id", cluster.Cluster != "", true))
		// BrokerMetadata asks Metadata; newer clients ask DescribeCluster.
		described := must1(kmsg.NewPtrDescribeClusterRequest().RequestWith(ctx, s.client))
		must(kerr.ErrorForCode(described.ErrorCode))
		must(equal("cluster id", described.ClusterID, cluster.Cluster))
	})

	s.check("describe configs", func(ctx context.Context) {
		config := func(configs kadm.ResourceConfigs, err error) func(key string) string {
			must(err)
			must(equal("resources", len(configs), 1))
			must(configs[0].Err)
			return func(key string) string {
				for _, each := range configs[0].Configs {
					if each.Key == key {
						return fmt.Sprintf("%s %t", each.MaybeValue(), each.Source == kmsg.ConfigSourceDefaultConfig)
					}
				}
				return "missing"
			}
		}
		of := config(s.admin.DescribeTopicConfigs(ctx, topics[0].Topic))
		must(equal("retention.ms", of("retention.ms"), "-1 false"))
		must(equal("cleanup.policy", of("cleanup.policy"), "delete true"))
		node := must1(s.admin.BrokerMetadata(ctx)).Controller
		of = config(s.admin.DescribeBrokerConfigs(ctx, node))
		must(equal("log.segment.bytes", of("log.segment.bytes"), "1073741824 true"))
		must(equal("node.id", strings.Fields(of("node.id"))[0], strconv.Itoa(int(node))))
	})

	for _, t := range topics {
		s.check("produce "+t.Check, func(ctx context.Context) { s.produce(ctx, t) })
	}

	s.check("list offsets", func(ctx context.Context) {
		for _, t := range topics {
			for _, want := range t.Offsets {
				got := s.offsetAt(ctx, t.Topic, want.Partition, want.At)
				what := fmt.Sprintf("%s %d at %v", t.Topic, want.Partition, want.At)
				if want.Offset == -1 { // kadm then asks again, for the end
					must(equal(what+", its time", got.Timestamp, -1))
					continue
				}
				must(equal(what, got.Offset, want.Offset))
				if want.At == "earliest" || want.At == "latest" {
					want.TimestampMs = -1
				}
				must(equal(what+", its time", got.Timestamp, want.TimestampMs))
			}
		}
	})

	doomed := s.name + "-doomed"
	s.check("create partitions", func(ctx context.Context) {
		must1(s.admin.CreateTopic(ctx, 2, 1, nil, doomed))
		responses := must1(s.admin.UpdatePartitions(ctx, 4, doomed))
		must(responses.Error())
		await(ctx, func() error { return equal("partitions", len(s.describe(ctx, doomed)), 4) })
	})

	s.check("delete topic", func(ctx context.Context) {
		must1(s.admin.DeleteTopic(ctx, doomed))
		await(ctx, func() error {
			all := must1(s.admin.ListTopics(ctx))
			return equal("listed", fmt.Sprint(all.Has(doomed), all.Has(topics[0].Topic)), "false true")
		})
	})
}

func (s *suite) produce(ctx context.Context, t topic) {
	codec := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}[t.Compression]
	acks := map[int]kgo.Acks{0: kgo.NoAck(), 1: kgo.LeaderAck(), -1: kgo.AllISRAcks()}[t.Acks]
	options := []kgo.Opt{
		kgo.SeedBrokers(s.address), kgo.DefaultProduceTopic(t.Topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codec), kgo.RequiredAcks(acks),
	}
	if !t.Idempotent {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	client := must1(kgo.NewClient(options...))
	defer client.Close()

	records := make([]*kgo.Record, 0)
	failures := make(chan error, len(s.RecordSets[t.RecordSet]))
	for index, each := range s.RecordSets[t.RecordSet] {
		record := &kgo.Record{
			Partition: each.Partition, Timestamp: time.UnixMilli(*each.TimestampMs),
			Key: decode(each.Key), Value: decode(each.Value), Headers: headers(each),
		}
		records = append(records, record)
		client.Produce(ctx, record, func(_ *kgo.Record, err error) { failures <- err })
		if (index+1)%t.FlushEvery == 0 {
			must(client.Flush(ctx))
		}
	}
	must(client.Flush(ctx))
	next := map[int32]int64{}
	for index, record := range records {
		must(<-failures)
		must(equal("partition", record.Partition, s.RecordSets[t.RecordSet][index].Partition))
		if t.Acks != 0 {
			must(equal("offset", record.Offset, next[record.Partition]))
		}
		next[record.Partition]++
	}
}

func (s *suite) read() {
	writers := make([]string, 0)
	for writer := range s.Writers {
		writers = append(writers, writer)
	}
	sort.Strings(writers)
	for _, writer := range writers {
		s.check("read "+writer, func(ctx context.Context) {
			wanted := map[place][]*kgo.Record{}
			for _, t := range s.Writers[writer] {
				s.expected(t, wanted)
			}
			for at, records := range wanted {
				must(equal(fmt.Sprint(at, " log end"), s.offsetAt(ctx, at.topic, at.partition, "latest").Offset, int64(len(records))))
			}
			s.expectRecords(ctx, wanted)
		})
	}
	s.check("seek", func(ctx context.Context) {
		wanted := map[place][]*kgo.Record{}
		s.expected(s.Writers[writers[0]][0], wanted)
		for at, records := range wanted {
			wanted[at] = records[len(records)/2:]
		}
		s.expectRecords(ctx, wanted)
	})
}

// expected adds what the topic's partitions must hold.
func (s *suite) expected(t topic, wanted map[place][]*kgo.Record) {
	for _, each := range s.RecordSets[t.RecordSet] {
		at := place{t.Topic, each.Partition}
		record := &kgo.Record{Offset: int64(len(wanted[at])), Key: decode(each.Key), Value: decode(each.Value), Headers: headers(each)}
		if each.TimestampMs != nil {
			record.Timestamp = time.UnixMilli(*each.TimestampMs)
		}
		wanted[at] = append(wanted[at], record)
	}
}

// expectRecords consumes from the first wanted offset of each partition on, and compares.
func (s *suite) expectRecords(ctx context.Context, wanted map[place][]*kgo.Record) {
	starts := map[string]map[int32]kgo.Offset{}
	missing := 0
	for at, records := range wanted {
		if starts[at.topic] == nil {
			starts[at.topic] = map[int32]kgo.Offset{}
		}
		starts[at.topic][at.partition] = kgo.NewOffset().At(records[0].Offset)
		missing += len(records)
	}
	client := must1(kgo.NewClient(kgo.SeedBrokers(s.address), kgo.ConsumePartitions(starts), kgo.ConsumeResetOffset(kgo.NoResetOffset())))
	defer client.Close()
	seen := map[place]int{}
	for missing > 0 {
		fetches := client.PollFetches(ctx)
		must(fetches.Err())
		fetches.EachRecord(func(got *kgo.Record) {
			at := place{got.Topic, got.Partition}
			if seen[at] == len(wanted[at]) {
				panic(fmt.Errorf("%v: one record more than expected", at))
			}
			must(equalRecord(fmt.Sprintf("%v at offset %d: ", at, got.Offset), got, wanted[at][seen[at]]))
			seen[at]++
			missing--
		})
	}
}

func equalRecord(what string, got, want *kgo.Record) error {
	show := func(data []byte) string {
		if data == nil {
			return "null"
		}
		return fmt.Sprintf("%d bytes %.40q", len(data), data)
	}
	same := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	if got.Offset != want.Offset {
		return fmt.Errorf("%sexpected offset %d", what, want.Offset)
	}
	if !want.Timestamp.IsZero() && !got.Timestamp.Equal(want.Timestamp) {
		return fmt.Errorf("%stimestamp: got %v, expected %v", what, got.Timestamp, want.Timestamp)
	}
	if !same(got.Key, want.Key) {
		return fmt.Errorf("%skey: got %s, expected %s", what, show(got.Key), show(want.Key))
	}
	if !same(got.Value, want.Value) {
		return fmt.Errorf("%svalue: got %s, expected %s", what, show(got.Value), show(want.Value))
	}
	equalHeaders := slices.EqualFunc(got.Headers, want.Headers, func(a, b kgo.RecordHeader) bool {
		return a.Key == b.Key && same(a.Value, b.Value)
	})
	if !equalHeaders {
		return fmt.Errorf("%sheaders: got %v, expected %v", what, got.Headers, want.Headers)
	}
	return nil
}

func (s *suite) offsetAt(ctx context.Context, topic string, partition int32, at any) kadm.ListedOffset {
	var listed kadm.ListedOffsets
	switch at := at.(type) {
	case float64:
		listed = must1(s.admin.ListOffsetsAfterMilli(ctx, int64(at), topic))
	case string:
		list := map[string]func(context.Context, ...string) (kadm.ListedOffsets, error){
			"earliest": s.admin.ListStartOffsets, "latest": s.admin.ListEndOffsets, "max_timestamp": s.admin.ListMaxTimestampOffsets,
		}[at]
		listed = must1(list(ctx, topic))
	}
	answer, found := listed.Lookup(topic, partition)
	must(equal("an offset was listed", found, true))
	must(answer.Err)
	return answer
}

func (s *suite) describe(ctx context.Context, topic string) []kadm.PartitionDetail {
	details := must1(s.admin.ListTopics(ctx, topic))
	must(details[topic].Err)
	return details[topic].Partitions.Sorted()
}

func headers(record manifestRecord) []kgo.RecordHeader {
	result := []kgo.RecordHeader{}
	for _, header := range record.Headers {
		result = append(result, kgo.RecordHeader{Key: *header[0], Value: decode(header[1])})
	}
	return result
}

// decode keeps null (nil) and empty (not nil) apart.
func decode(text *string) []byte {
	if text == nil {
		return nil
	}
	data := must1(base64.StdEncoding.DecodeString(*text))
	if data == nil {
		data = []byte{}
	}
	return data
}

// check runs one check and prints its line. A failed check panics with an error.
func (s *suite) check(name string, body func(ctx context.Context)) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	outcome, detail := "pass", ""
	if err := try(func() { body(ctx) }); err != nil {
		outcome, detail = "fail", strings.Join(strings.Fields(err.Error()), " ")
	}
	fmt.Printf("%s\t%s\t%.2f\t%s\n", name, outcome, time.Since(start).Seconds(), detail)
}

// await repeats until there is no error: metadata reaches a broker a moment after the call that changed it.
func await(ctx context.Context, attempt func() error) {
	for {
		err := try(func() { must(attempt()) })
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			panic(fmt.Errorf("after %v still: %w", wait, err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func try(body func()) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			var isError bool
			if err, isError = reason.(error); !isError {
				err = fmt.Errorf("%v", reason)
			}
		}
	}()
	body()
	return nil
}

func equal[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, expected %v", what, got, want)
	}
	return nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func must1[T any](value T, err error) T {
	must(err)
	return value
}
