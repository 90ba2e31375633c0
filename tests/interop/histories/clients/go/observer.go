package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// observer looks at marks and at committed offsets.
type observer struct {
	*worker
	admin *kadm.Client
}

func newObserver(s *settings, kind string) *observer {
	return &observer{newWorker(s, kind), kadm.NewClient(must1(kgo.NewClient(s.common()...)))}
}

func (o *observer) turn() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if o.rng.Intn(2) == 0 {
		o.observe(ctx, anyOf(o.rng, o.allPlaces()), anyOf(o.rng, []string{"log_start", "high_watermark", "last_stable_offset"}))
	} else {
		o.committed(ctx, anyOf(o.rng, o.Groups), o.rng.Intn(2) == 0)
	}
	o.pause(4 * o.PauseS)
	return nil
}

func (o *observer) observe(ctx context.Context, at place, mark string) {
	list := map[string]func(context.Context, ...string) (kadm.ListedOffsets, error){
		"log_start": o.admin.ListStartOffsets, "high_watermark": o.admin.ListEndOffsets, "last_stable_offset": o.admin.ListCommittedOffsets,
	}[mark]
	op := o.out.invoke(o.process, "observe", fields{"partition": at.String(), "mark": mark})
	listed, err := list(ctx, at.topic)
	found, isThere := listed.Lookup(at.topic, at.partition)
	switch {
	case err == nil && isThere && found.Err == nil:
		o.out.ok(op, fields{"offset": found.Offset})
	default:
		o.out.unknown(op)
		o.note(fmt.Errorf("%s of %s: %w", mark, at, errors.Join(err, found.Err)))
	}
}

func (o *observer) committed(ctx context.Context, group string, isStable bool) {
	isolation := "uncommitted"
	if isStable {
		isolation, ctx = "committed", kadm.RequireStable(ctx)
	}
	op := o.out.invoke(o.process, "committed_offsets", fields{"group": group, "isolation": isolation})
	found, err := o.admin.FetchOffsets(ctx, group)
	// Where the broker dies after its answer, the client can't say which topics the ids in it are, and leaves their names empty.
	if err = errors.Join(err, found.Error()); err != nil || len(found[""]) > 0 {
		o.out.unknown(op)
		o.note(fmt.Errorf("offsets of %s: %w", group, err))
		return
	}
	positions := []fields{}
	for _, each := range o.allPlaces() {
		// All that have an offset are in the answer.
		position := fields{"partition": each.String(), "offset": nil}
		if answer, isThere := found.Lookup(each.topic, each.partition); isThere {
			position["offset"] = answer.At
		}
		positions = append(positions, position)
	}
	o.out.ok(op, fields{"positions": positions})
}

func (o *observer) close() { o.admin.Close() }
