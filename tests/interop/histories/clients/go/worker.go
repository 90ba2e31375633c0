package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"math/rand"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const wait = 10 * time.Second

// settings are what the runner says, and what all workers of the program share.
type settings struct {
	Client                     string
	ClientNumber               int64 `json:"client_number"`
	Seed                       int64
	Address, History           string
	Topics                     map[string]int32
	Written, Read, Groups      []string
	Transformed                string
	TransformFrom              []string `json:"transform_from"`
	TransformGroup             string   `json:"transform_group"`
	TransformProtocol          string   `json:"transform_protocol"`
	ClassicGroup               string   `json:"classic_group"`
	ConsumerGroup              string   `json:"consumer_group"`
	PauseS                     float64  `json:"pause_s"`
	TransactionPauseS          float64  `json:"transaction_pause_s"`
	TransactionTimeoutMs       int      `json:"transaction_timeout_ms"`
	lastValue, lastTransaction atomic.Int64
	out                        *history
	stopping                   context.Context
}

// place is a partition.
type place struct {
	topic     string
	partition int32
}

func (p place) String() string { return fmt.Sprintf("%s-%d", p.topic, p.partition) }

func (s *settings) places(topics ...string) (places []place) {
	for _, topic := range slices.Sorted(slices.Values(topics)) {
		for partition := range s.Topics[topic] {
			places = append(places, place{topic, partition})
		}
	}
	return places
}

func (s *settings) allPlaces() []place {
	topics := []string{}
	for topic := range s.Topics {
		topics = append(topics, topic)
	}
	return s.places(topics...)
}

// values are numbers that nobody else sends.
func (s *settings) values(count int) (values []int64) {
	last := s.lastValue.Add(int64(count))
	for value := last - int64(count); value < last; value++ {
		values = append(values, s.ClientNumber<<40+value)
	}
	return values
}

func (s *settings) transaction() int64 { return s.ClientNumber<<40 + s.lastTransaction.Add(1) }

// common is what all clients are told.
func (s *settings) common() []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(s.Address), kgo.MetadataMinAge(100 * time.Millisecond), kgo.RequestTimeoutOverhead(5 * time.Second),
		kgo.RetryBackoffFn(func(tries int) time.Duration {
			return min(500*time.Millisecond, time.Duration(tries)*50*time.Millisecond)
		}),
	}
}

// worker is one process of the history. turn is called again and again; an error is noted and no reason to stop.
type worker struct {
	*settings
	process string
	rng     *rand.Rand
}

type works interface {
	turn() error
	close()
	base() *worker
}

func newWorker(s *settings, kind string) *worker {
	process := s.Client + "/" + kind
	hash := fnv.New64()
	fmt.Fprintf(hash, "%d/%s", s.Seed, process)
	return &worker{s, process, rand.New(rand.NewSource(int64(hash.Sum64())))}
}

func (w *worker) base() *worker { return w }

func (w *worker) isStopping() bool { return w.stopping.Err() != nil }

func (w *worker) note(err error) {
	log.Printf("%s: %v", w.process, err)
	w.out.note(w.process, err)
}

func (w *worker) pause(mostS float64) {
	select {
	case <-w.stopping.Done():
	case <-time.After(time.Duration(w.rng.Float64() * mostS * float64(time.Second))):
	}
}

func anyOf[T any](rng *rand.Rand, choices []T) T { return choices[rng.Intn(len(choices))] }

func run(w works) {
	for !w.base().isStopping() {
		if err := w.turn(); err != nil {
			w.base().note(err)
			w.base().pause(0.5)
		}
	}
	w.close()
}

// franz-go as a program that writes down what it sees: see ../../README.md. It works until its input ends.
func main() {
	s := &settings{}
	must(json.Unmarshal(must1(os.ReadFile(os.Args[1])), s))
	s.out = newHistory(s.History)
	stopping, stop := context.WithCancel(context.Background())
	s.stopping = stopping
	workers := []works{
		newSender(s, "plain", false),
		newSender(s, "idempotent", true),
		newInTransactions(s, "transactional"),
		newTransformer(s, "transformer"),
		newAssignedReader(s, "committed", "committed"),
		newAssignedReader(s, "uncommitted", "uncommitted"),
		newMember(s, "classic-member", s.ClassicGroup, "classic"),
		newMember(s, "consumer-member", s.ConsumerGroup, "consumer"),
		newObserver(s, "observer"),
	}
	var all sync.WaitGroup
	for _, each := range workers {
		all.Go(func() { run(each) })
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	stop()
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
	}
}
