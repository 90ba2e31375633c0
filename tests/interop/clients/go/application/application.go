// Package application has what the applications in Go have in common: the commands that ../../../applications.py describes.
package application

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Wait is how long a command may take.
const Wait = time.Minute

// Client is what a client gives. Arguments and results are as in applications.py.
type Client interface {
	Topic(ctx context.Context, topic string, partitions int32) error
	// Produce returns when all values are acknowledged.
	Produce(ctx context.Context, topic string, values []Value) error
	// Member reads, tells and commits, until the context ends; then it leaves.
	Member(ctx context.Context, m Member) error
	Groups(ctx context.Context) (map[string]string, error)
	Describe(ctx context.Context, group string) (state string, members int, err error)
	Committed(ctx context.Context, group, topic string) (map[int32]int64, error)
	Reset(ctx context.Context, group, topic string, offsets map[int32]int64) error
	Delete(ctx context.Context, group string) error
}

// Transactional is a client that has transactions.
type Transactional interface {
	Open(ctx context.Context, transactional string) (Producer, error)
	// Transform is a member that writes each record that it reads to a topic, in a transaction with its offsets.
	Transform(ctx context.Context, m Member) error
}

// Sharing is a client that knows share groups.
type Sharing interface {
	// Share is a member of a share group, until the context ends: see share_checks.py.
	Share(ctx context.Context, s Sharer) error
}

// Producer has a transactional id.
type Producer interface {
	Begin() error
	// Send returns when all values are acknowledged.
	Send(ctx context.Context, topic string, values []Value) error
	Commit(ctx context.Context) error
	Abort(ctx context.Context) error
}

// Value is to be written to a partition. In JSON it is an array of both.
type Value struct {
	Partition int32
	Value     string
}

func (v *Value) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[2]any{&v.Partition, &v.Value})
}

// Record was read. In JSON it is an array: partition, offset, value.
type Record struct {
	Partition int32
	Offset    int64
	Value     string
}

func (r Record) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{r.Partition, r.Offset, r.Value})
}

// Transformed is the value that a transform writes for a record.
func (r Record) Transformed() Value {
	return Value{r.Partition, fmt.Sprintf("%d:%d:%s", r.Partition, r.Offset, r.Value)}
}

// Member is one that joins a group. Isolation and To may be empty; Instance is, unless it is a static member.
type Member struct {
	Name          string `json:"member"`
	Group         string
	Topic         string
	Instance      string
	Isolation     string
	To            string
	Transactional string
}

// Read tells of what was read; say it before the commit.
func (m Member) Read(records []Record) {
	tell(map[string]any{"member": m.Name, "read": records})
}

// Committed tells of the next offsets that the broker has acknowledged.
func (m Member) Committed(next map[int32]int64) {
	tell(map[string]any{"member": m.Name, "committed": pairs(next)})
}

// Failed notes what went wrong; the member goes on after it.
func (m Member) Failed(err error) {
	fmt.Fprintf(os.Stderr, "%s %s: %v\n", time.Now().Format("15:04:05.000"), m.Name, err)
}

// Sharer is a member of a share group.
type Sharer struct {
	Member
	Explicit bool
	Hold     bool
	Records  int32
	Strict   bool
}

// Shared tells of what was delivered, partition, offset, value and delivery count of each; say it before the acknowledgement.
func (s Sharer) Shared(records [][4]any) {
	tell(map[string]any{"member": s.Name, "shared": records})
}

// Acknowledged tells of what the broker has acknowledged: partition, offset, and what was made of the record.
func (s Sharer) Acknowledged(records [][3]any) {
	tell(map[string]any{"member": s.Name, "acknowledged": records})
}

type command struct {
	ID         int
	Do         string
	Partitions int32
	Values     []Value
	Offsets    [][2]int64
	Producer   string
	Explicit   bool
	Hold       bool
	Records    int32
	Strict     bool
	Member
}

type server struct {
	client    Client
	mutex     sync.Mutex
	members   map[string]func() error // member -> leaves
	producers map[string]Producer
}

// Serve obeys the commands of the standard input until it ends.
func Serve(client Client) {
	s := &server{client: client, members: map[string]func() error{}, producers: map[string]Producer{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %s\n", err, lines.Text())
			os.Exit(1)
		}
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), Wait)
			defer cancel()
			result, err := s.obey(ctx, c)
			if err != nil {
				tell(map[string]any{"id": c.ID, "error": err.Error()})
			} else {
				tell(map[string]any{"id": c.ID, "result": result})
			}
		}()
	}
}

func (s *server) obey(ctx context.Context, c command) (any, error) {
	switch c.Do {
	case "topic":
		return nil, s.client.Topic(ctx, c.Topic, c.Partitions)
	case "produce":
		return nil, s.client.Produce(ctx, c.Topic, c.Values)
	case "join":
		return nil, s.join(c.Member, s.client.Member)
	case "leave":
		s.mutex.Lock()
		leave := s.members[c.Name]
		s.mutex.Unlock()
		return nil, leave()
	case "groups":
		return s.client.Groups(ctx)
	case "describe":
		state, members, err := s.client.Describe(ctx, c.Group)
		return []any{state, members}, err
	case "committed":
		offsets, err := s.client.Committed(ctx, c.Group, c.Topic)
		return pairs(offsets), err
	case "reset":
		offsets := map[int32]int64{}
		for _, each := range c.Offsets {
			offsets[int32(each[0])] = each[1]
		}
		return nil, s.client.Reset(ctx, c.Group, c.Topic, offsets)
	case "delete":
		return nil, s.client.Delete(ctx, c.Group)
	}
	if client, can := s.client.(Sharing); can && c.Do == "share" {
		sharer := Sharer{c.Member, c.Explicit, c.Hold, c.Records, c.Strict}
		return nil, s.join(c.Member, func(ctx context.Context, _ Member) error { return client.Share(ctx, sharer) })
	}
	if client, can := s.client.(Transactional); can {
		return nil, s.transact(ctx, client, c)
	}
	return nil, errors.New("unknown command")
}

func (s *server) transact(ctx context.Context, client Transactional, c command) error {
	if c.Do == "transform" {
		return s.join(c.Member, client.Transform)
	}
	s.mutex.Lock()
	producer := s.producers[c.Producer]
	s.mutex.Unlock()
	switch c.Do {
	case "open":
		producer, err := client.Open(ctx, c.Transactional)
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.producers[c.Producer] = producer
		return err
	case "begin":
		return producer.Begin()
	case "send":
		return producer.Send(ctx, c.Topic, c.Values)
	case "commit":
		return producer.Commit(ctx)
	case "abort":
		return producer.Abort(ctx)
	}
	return errors.New("unknown command")
}

func (s *server) join(m Member, work func(context.Context, Member) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := work(ctx, m)
		if err != nil {
			m.Failed(err)
		}
		ended <- err
	}()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.members[m.Name] = func() error {
		cancel()
		return <-ended
	}
	return nil
}

var output sync.Mutex

func tell(said map[string]any) {
	line, err := json.Marshal(said)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func pairs(offsets map[int32]int64) [][2]int64 {
	result := [][2]int64{}
	for partition, offset := range offsets {
		result = append(result, [2]int64{int64(partition), offset})
	}
	return result
}
