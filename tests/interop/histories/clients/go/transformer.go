package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// transformer is a member of a group that sends as many records as it reads, in transactions that commit its offsets, too: a
// GroupTransactSession, which goes back to what is committed by itself where it has to abort.
type transformer struct {
	*membership
	session *kgo.GroupTransactSession
}

func newTransformer(s *settings, kind string) *transformer {
	return &transformer{newMembership(s, kind, s.TransformGroup, s.TransformProtocol), nil}
}

func (t *transformer) turn() error {
	if t.session == nil {
		session, err := kgo.NewGroupTransactSession(append(t.options(t.TransformFrom), transactional(t.worker)...)...)
		if err != nil {
			return err
		}
		t.session = session
	}
	defer func() {
		if t.session != nil {
			t.session.AllowRebalance()
		}
	}()
	transaction, err := begin(t.worker, t.session.Begin)
	if err != nil {
		t.close()
		return err
	}
	t.forget()
	for t.poll(t.session.PollRecords, fields{"transaction": transaction}, t.wentElsewhere) == 0 {
		t.session.AllowRebalance()
		if t.isStopping() {
			t.abort(transaction)
			return nil
		}
	}
	if !sendSome(t.worker, t.session.Client(), t.places(t.Transformed), transaction) || t.rng.Float64() < 0.15 {
		t.abort(transaction)
	} else {
		t.commit(transaction)
	}
	t.pause(2 * t.TransactionPauseS)
	return nil
}

// commit: the session commits the offsets of what was polled first. Where it says that it has not committed, it has gone back.
func (t *transformer) commit(transaction int64) {
	offsets := t.out.invoke(t.process, "commit_offsets", fields{"group": t.group, "positions": t.positions(), "transaction": transaction})
	op := t.out.invoke(t.process, "commit_transaction", fields{"transaction": transaction})
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	isCommitted, err := t.session.End(ctx, kgo.TryCommit)
	if isCommitted && err == nil {
		t.out.ok(offsets, nil)
		t.out.ok(op, nil)
		return
	}
	t.out.unknown(offsets)
	t.out.unknown(op)
	t.goneBack(err)
}

func (t *transformer) abort(transaction int64) {
	op := t.out.invoke(t.process, "abort_transaction", fields{"transaction": transaction})
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	_, err := t.session.End(ctx, kgo.TryAbort)
	if err == nil {
		t.out.ok(op, nil)
	} else {
		t.out.unknown(op)
	}
	t.goneBack(err)
}

// goneBack: with an error the session has to be given up; a new one ends what it has left.
func (t *transformer) goneBack(err error) {
	if err != nil {
		t.note(err)
		t.close()
		return
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	for _, each := range t.all() {
		t.wentElsewhere(each)
	}
}

func (t *transformer) close() {
	if t.session != nil {
		t.session.CloseAllowingRebalance()
		t.session = nil
	}
}
