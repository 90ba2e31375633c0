package main

import (
	"encoding/json"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// fields of a line, by their names.
type fields map[string]any

// history writes down what a client asks for and what comes of it, as ../history.py describes it.
type history struct {
	file *os.File
	lock sync.Mutex
	ops  int
}

func newHistory(path string) *history {
	// A line is in the file when the call returns, whatever becomes of this process.
	return &history{file: must1(os.Create(path))}
}

// invoke: something is about to begin.
func (h *history) invoke(process, operation string, more fields) int {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.ops++
	h.write(fields{"type": "invoke", "op": h.ops, "process": process, "operation": operation}, more)
	return h.ops
}

func (h *history) ok(op int, more fields) { h.say(fields{"type": "ok", "op": op}, more) }

// fail: it certainly had no effect.
func (h *history) fail(op int) { h.say(fields{"type": "fail", "op": op}, nil) }

func (h *history) unknown(op int) { h.say(fields{"type": "unknown", "op": op}, nil) }

// sent: for each value its offset, "unknown" or "fail".
func (h *history) sent(op int, outcomes []any) {
	h.say(fields{"type": "sent", "op": op, "outcomes": outcomes}, nil)
}

func (h *history) event(process, operation string, more fields) {
	h.say(fields{"type": "event", "process": process, "operation": operation}, more)
}

func (h *history) note(process string, err error) {
	h.say(fields{"type": "note", "process": process, "what": err.Error()}, nil)
}

func (h *history) say(line, more fields) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.write(line, more)
}

func (h *history) write(line, more fields) {
	for name, value := range more {
		line[name] = value
	}
	var now unix.Timespec
	must(unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	line["at_ns"] = now.Nano()
	must1(h.file.Write(append(must1(json.Marshal(line)), '\n')))
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
