package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const atOnce = 200 // records of a poll

// reader polls, and writes down what it gets.
type reader struct {
	*worker
	isolation string
	next      map[place]int64 // behind the last record that was read
}

func newReader(s *settings, kind, isolation string) *reader {
	return &reader{newWorker(s, kind), isolation, map[place]int64{}}
}

func (r *reader) options() []kgo.Opt {
	level := kgo.ReadCommitted()
	if r.isolation == "uncommitted" {
		level = kgo.ReadUncommitted()
	}
	return append(r.common(), kgo.FetchIsolationLevel(level), kgo.FetchMinBytes(20_000), kgo.FetchMaxWait(200*time.Millisecond))
}

// poll: how many records it got. seek goes to the start of a partition where the client has lost its way.
func (r *reader) poll(from func(context.Context, int) kgo.Fetches, more fields, seek func(place)) int {
	said := fields{"isolation": r.isolation}
	maps.Copy(said, more)
	op := r.out.invoke(r.process, "poll", said)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	fetches := from(ctx, atOnce)
	reads, count := []fields{}, 0
	fetches.EachPartition(func(of kgo.FetchTopicPartition) {
		records := [][2]int64{}
		for _, record := range of.Records {
			records = append(records, [2]int64{record.Offset, must1(strconv.ParseInt(string(record.Value), 10, 64))})
		}
		if len(records) > 0 {
			at := place{of.Topic, of.Partition}
			reads = append(reads, fields{"partition": at.String(), "records": records})
			r.next[at] = records[len(records)-1][0] + 1
			count += len(records)
		}
	})
	r.out.ok(op, fields{"reads": reads})
	fetches.EachError(func(topic string, partition int32, err error) { r.failed(place{topic, partition}, err, seek) })
	return count
}

func (r *reader) failed(at place, err error, seek func(place)) {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return
	}
	var lost *kgo.ErrDataLoss
	switch {
	case errors.As(err, &lost):
		// The client goes where it thinks that the log ends. It may err: it goes past markers without noting their epoch, and then asks
		// where the epoch before them ended.
		r.note(err)
		r.out.event(r.process, "seek", fields{"partition": at.String()})
	case errors.Is(err, kerr.OffsetOutOfRange):
		r.note(fmt.Errorf("lost its way: %w", err))
		r.out.event(r.process, "seek", fields{"partition": at.String()})
		seek(at)
	default:
		r.note(err)
	}
}

func names(places []place) []string {
	all := []string{}
	for _, each := range places {
		all = append(all, each.String())
	}
	slices.Sort(all)
	return all
}

// assignedReader reads all partitions from their start, and goes back now and then.
type assignedReader struct {
	*reader
	client *kgo.Client
}

func newAssignedReader(s *settings, kind, isolation string) *assignedReader {
	return &assignedReader{newReader(s, kind, isolation), nil}
}

func (a *assignedReader) turn() error {
	if a.client == nil {
		a.open()
	}
	if a.rng.Float64() < 0.03 && len(a.next) > 0 {
		a.seek()
	}
	a.poll(a.client.PollRecords, nil, func(at place) { a.goTo(at, 0) })
	a.pause(a.PauseS)
	return nil
}

func (a *assignedReader) open() {
	wanted := map[string]map[int32]kgo.Offset{}
	for _, each := range a.allPlaces() {
		if wanted[each.topic] == nil {
			wanted[each.topic] = map[int32]kgo.Offset{}
		}
		wanted[each.topic][each.partition] = kgo.NewOffset().At(0)
	}
	a.out.event(a.process, "assign", fields{"partitions": names(a.allPlaces())})
	a.client = must1(kgo.NewClient(append(a.options(), kgo.ConsumePartitions(wanted), kgo.ConsumeResetOffset(kgo.NoResetOffset()))...))
	for _, each := range a.allPlaces() {
		a.out.event(a.process, "seek", fields{"partition": each.String(), "to": 0})
	}
}

func (a *assignedReader) seek() {
	read := slices.SortedFunc(maps.Keys(a.next), byName)
	at := anyOf(a.rng, read)
	least := max(0, a.next[at]-2000)
	to := least + between(a.rng, a.next[at]-least)
	a.next[at] = max(to, 1)
	a.goTo(at, to)
}

func (a *assignedReader) goTo(at place, to int64) {
	a.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{at.topic: {at.partition: {Epoch: -1, Offset: to}}})
	a.out.event(a.process, "seek", fields{"partition": at.String(), "to": to})
}

func (a *assignedReader) close() {
	if a.client != nil {
		a.client.Close()
	}
}

func between(rng *rand.Rand, most int64) int64 { return rng.Int63n(most + 1) }

func byName(one, other place) int {
	switch {
	case one.String() < other.String():
		return -1
	case one == other:
		return 0
	default:
		return 1
	}
}

// membership is what a group has given to a consumer. The client tells of it only while nobody has records that were polled.
type membership struct {
	*reader
	group, protocol string
	lock            sync.Mutex
	has             map[place]bool
}

func newMembership(s *settings, kind, group, protocol string) *membership {
	return &membership{reader: newReader(s, kind, "committed"), group: group, protocol: protocol, has: map[place]bool{}}
}

func (m *membership) options(topics []string) []kgo.Opt {
	options := append(m.reader.options(), kgo.ConsumerGroup(m.group), kgo.ConsumeTopics(topics...), kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(300*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Balancers(kgo.RangeBalancer()),
		kgo.OnPartitionsAssigned(m.got), kgo.OnPartitionsRevoked(m.gave), kgo.OnPartitionsLost(m.gave))
	if m.protocol == "consumer" {
		options = append(options, kgo.ServerSideBalancer())
	}
	return options
}

func (m *membership) got(_ context.Context, client *kgo.Client, places map[string][]int32) {
	m.lock.Lock()
	defer m.lock.Unlock()
	kept := names(m.all())
	for _, each := range flat(places) {
		m.has[each] = true
	}
	_, generation := client.GroupMetadata()
	m.assigned(kept, fields{"group": m.group, "generation": generation})
}

func (m *membership) gave(_ context.Context, _ *kgo.Client, places map[string][]int32) {
	m.lock.Lock()
	defer m.lock.Unlock()
	for _, each := range flat(places) {
		delete(m.has, each)
		delete(m.next, each)
	}
	m.assigned(names(m.all()), nil)
}

func (m *membership) assigned(kept []string, more fields) {
	said := fields{"partitions": names(m.all()), "kept": kept}
	maps.Copy(said, more)
	m.out.event(m.process, "assign", said)
}

func (m *membership) all() []place { return slices.SortedFunc(maps.Keys(m.has), byName) }

func (m *membership) positions() []fields {
	positions := []fields{}
	for at, offset := range m.next {
		positions = append(positions, fields{"partition": at.String(), "offset": offset})
	}
	return positions
}

// forget: what was read counts no more, since it is committed or read again.
func (m *membership) forget() {
	m.lock.Lock()
	defer m.lock.Unlock()
	clear(m.next)
}

// wentElsewhere: the client does so by itself, and begins at the earliest record where nothing is committed.
func (m *membership) wentElsewhere(at place) {
	m.out.event(m.process, "seek", fields{"partition": at.String()})
}

func flat(places map[string][]int32) (all []place) {
	for topic, partitions := range places {
		for _, partition := range partitions {
			all = append(all, place{topic, partition})
		}
	}
	return all
}

// member of a group that commits what it has read; it leaves and comes back now and then.
type member struct {
	*membership
	client    *kgo.Client
	turnsLeft int
}

func newMember(s *settings, kind, group, protocol string) *member {
	return &member{newMembership(s, kind, group, protocol), nil, 0}
}

func (m *member) turn() error {
	if m.turnsLeft == 0 {
		m.close()
		client, err := kgo.NewClient(m.options(m.Read)...)
		if err != nil {
			return err
		}
		m.client, m.turnsLeft = client, 80+m.rng.Intn(220)
	}
	m.turnsLeft--
	if m.poll(m.client.PollRecords, nil, m.wentElsewhere) > 0 && m.rng.Float64() < 0.7 {
		m.commit()
	}
	m.client.AllowRebalance()
	m.pause(2 * m.PauseS)
	return nil
}

func (m *member) commit() {
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for at, offset := range m.next {
		if offsets[at.topic] == nil {
			offsets[at.topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[at.topic][at.partition] = kgo.EpochOffset{Epoch: -1, Offset: offset}
	}
	op := m.out.invoke(m.process, "commit_offsets", fields{"group": m.group, "positions": m.positions()})
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	good := 0
	m.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			m.note(err)
			return
		}
		for _, topic := range answer.Topics {
			for _, partition := range topic.Partitions {
				if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
					m.note(err)
				} else {
					good++
				}
			}
		}
	})
	if good == len(m.next) {
		m.out.ok(op, nil)
	} else {
		m.out.unknown(op)
	}
}

func (m *member) close() {
	if m.client != nil {
		m.client.CloseAllowingRebalance()
		m.client = nil
	}
}
