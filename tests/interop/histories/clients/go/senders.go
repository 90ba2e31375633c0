package main

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What an error rules out: the client sends a batch again and again until its time is over, so that one which failed in the end may have
// been written by an attempt before. Only what it never took into its buffer was certainly not sent. The same goes for commits of offsets
// and of transactions.
func outcome(record *kgo.Record, err error) any {
	switch {
	case err == nil:
		return record.Offset
	case errors.Is(err, kgo.ErrMaxBuffered):
		return "fail"
	default:
		return "unknown"
	}
}

// batch is the records of one send; its outcome is written down when that of each is known.
type batch struct {
	worker *worker
	place  place
	values []int64
	op     int

	lock     sync.Mutex
	outcomes []any
	left     int
	isOver   chan struct{}
}

func newBatch(w *worker, to place, count int, more fields) *batch {
	values := w.values(count)
	said := fields{"partition": to.String(), "values": values}
	for name, value := range more {
		said[name] = value
	}
	return &batch{worker: w, place: to, values: values, op: w.out.invoke(w.process, "send", said),
		outcomes: make([]any, count), left: count, isOver: make(chan struct{})}
}

func (b *batch) send(client *kgo.Client) {
	for at, value := range b.values {
		record := &kgo.Record{Topic: b.place.topic, Partition: b.place.partition, Value: []byte(strconv.FormatInt(value, 10)),
			// Records are of different sizes, so that segments end anywhere.
			Key: []byte(strings.Repeat("k", anyOf(b.worker.rng, []int{0, 10, 100, 400})))}
		client.Produce(context.Background(), record, func(record *kgo.Record, err error) { b.produced(at, record, err) })
	}
}

func (b *batch) produced(at int, record *kgo.Record, err error) {
	if err != nil {
		b.worker.note(err)
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	b.outcomes[at] = outcome(record, err)
	b.left--
	if b.left == 0 {
		b.worker.out.sent(b.op, b.outcomes)
		close(b.isOver)
	}
}

// isGood waits until the outcome is known.
func (b *batch) isGood() bool {
	<-b.isOver
	for _, each := range b.outcomes {
		if _, isOffset := each.(int64); !isOffset {
			return false
		}
	}
	return true
}

// sender sends without transactions: idempotent, or at least once. A few sends are under way at a time.
type sender struct {
	*worker
	isIdempotent bool
	client       *kgo.Client
	underWay     chan struct{}
}

func newSender(s *settings, kind string, isIdempotent bool) *sender {
	options := producing(s)
	if !isIdempotent {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	return &sender{newWorker(s, kind), isIdempotent, must1(kgo.NewClient(options...)), make(chan struct{}, 4)}
}

func producing(s *settings) []kgo.Opt {
	return append(s.common(), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(2*time.Millisecond), kgo.RecordDeliveryTimeout(wait))
}

func (s *sender) turn() error {
	s.pause(2 * s.PauseS)
	select {
	case s.underWay <- struct{}{}:
	case <-s.stopping.Done():
		return nil
	}
	more := fields{}
	if s.isIdempotent {
		more["once"] = true
	}
	sent := newBatch(s.worker, anyOf(s.rng, s.places(s.Written...)), 1+s.rng.Intn(6), more)
	sent.send(s.client)
	go func() { <-sent.isOver; <-s.underWay }()
	return nil
}

func (s *sender) close() {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	_ = s.client.Flush(ctx)
	s.client.Close()
}

// inTransactions is a producer that sends to several partitions and commits, or aborts. Once in a while it is fenced by one with its id.
type inTransactions struct {
	*worker
	client *kgo.Client
}

func newInTransactions(s *settings, kind string) *inTransactions {
	return &inTransactions{newWorker(s, kind), nil}
}

func transactional(w *worker) []kgo.Opt {
	return append(producing(w.settings), kgo.TransactionalID(strings.ReplaceAll(w.process, "/", "-")),
		kgo.TransactionTimeout(time.Duration(w.TransactionTimeoutMs)*time.Millisecond))
}

// open ends what the producer before has left, whichever way it was going.
func (t *inTransactions) open() error {
	t.close()
	client, err := kgo.NewClient(transactional(t.worker)...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*wait)
	defer cancel()
	if _, _, err := client.ProducerID(ctx); err != nil {
		client.Close()
		return err
	}
	t.client = client
	return nil
}

func (t *inTransactions) close() {
	if t.client != nil {
		t.client.Close()
		t.client = nil
	}
}

func (t *inTransactions) turn() error {
	if t.client == nil {
		if err := t.open(); err != nil {
			return err
		}
	}
	t.pause(2 * t.TransactionPauseS)
	transaction, err := begin(t.worker, t.client.BeginTransaction)
	if err != nil {
		t.close()
		return err
	}
	isSent := sendSome(t.worker, t.client, t.places(t.Written...), transaction)
	switch {
	case t.rng.Float64() < 0.02:
		return t.beFenced(transaction)
	case !isSent || t.rng.Float64() < 0.2:
		t.end(transaction, "abort_transaction", kgo.TryAbort)
	default:
		t.end(transaction, "commit_transaction", kgo.TryCommit)
	}
	return nil
}

func begin(w *worker, begin func() error) (int64, error) {
	transaction := w.transaction()
	op := w.out.invoke(w.process, "begin_transaction", fields{"transaction": transaction})
	if err := begin(); err != nil {
		w.out.unknown(op)
		return 0, err
	}
	w.out.ok(op, nil)
	return transaction, nil
}

// sendSome waits for all, and is true if all were acknowledged.
func sendSome(w *worker, client *kgo.Client, places []place, transaction int64) bool {
	batches := []*batch{}
	for range 1 + w.rng.Intn(5) {
		sent := newBatch(w, anyOf(w.rng, places), 1+w.rng.Intn(3), fields{"transaction": transaction})
		sent.send(client)
		batches = append(batches, sent)
	}
	isGood := true
	for _, sent := range batches {
		isGood = sent.isGood() && isGood
	}
	return isGood
}

// end: a commit that failed may have been done by an attempt whose answer was lost. The next producer ends it, whichever way it was going.
func (t *inTransactions) end(transaction int64, operation string, try kgo.TransactionEndTry) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	op := t.out.invoke(t.process, operation, fields{"transaction": transaction})
	if err := t.client.EndTransaction(ctx, try); err != nil {
		t.note(err)
		t.out.unknown(op)
		t.close()
		return
	}
	t.out.ok(op, nil)
}

// beFenced: once another producer has the id, this one's transaction is aborted, and it can end neither that nor the other's.
func (t *inTransactions) beFenced(transaction int64) error {
	zombie := t.client
	defer zombie.Close()
	t.client = nil
	if err := t.open(); err != nil {
		return err
	}
	later, err := begin(t.worker, t.client.BeginTransaction)
	if err != nil {
		t.close()
		return err
	}
	sendSome(t.worker, t.client, t.places(t.Written...), later)
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	op := t.out.invoke(t.process, "commit_transaction", fields{"transaction": transaction})
	if err := zombie.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.out.fail(op)
	} else {
		t.out.ok(op, nil)
	}
	t.end(later, "abort_transaction", kgo.TryAbort)
	return nil
}
