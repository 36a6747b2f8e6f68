package broker_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/openfootfall/footfall/ingest/broker"
)

// owners notes who owns which partition and objects to two owners at a time.
type owners struct {
	t    *testing.T
	mu   sync.Mutex
	of   map[broker.TopicPartition]string
	seen map[string]bool
	all  chan struct{} // closed when want values were seen
	want int
}

func (o *owners) take(name string, g *broker.Generation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	mine := map[int]int{}
	for _, a := range g.Assignments() {
		tp := broker.TopicPartition{Topic: a.Topic, Partition: a.Partition}
		if other, ok := o.of[tp]; ok {
			o.t.Errorf("%v: got the owners %s and %s at once, want one", tp, other, name)
		}
		o.of[tp] = name
		mine[a.Partition]++
	}
	for p, n := range mine {
		if n != len(both) {
			o.t.Errorf("partition %d: got %d of the topics in one hand, want %d", p, n, len(both))
		}
	}
}

func (o *owners) giveBack(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for tp, owner := range o.of {
		if owner == name {
			delete(o.of, tp)
		}
	}
}

func (o *owners) handed(name string, b broker.Batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if owner := o.of[broker.TopicPartition{Topic: b.Topic, Partition: b.Partition}]; owner != name {
		o.t.Errorf("%s/%d: got messages handed to %s while %q owns it", b.Topic, b.Partition, name, owner)
	}
	for _, m := range b.Messages {
		if v := string(m.Value); !o.seen[v] {
			o.seen[v] = true
			if len(o.seen) == o.want {
				close(o.all)
			}
		}
	}
}

// TestConsumersHandPartitionsOver lets three consumers come and go while messages flow. A partition never has two owners,
// nobody is handed a message of a partition that is another's, both topics' partitions go together, and every message is
// handed to somebody.
func TestConsumersHandPartitionsOver(t *testing.T) {
	cfg := start(t)
	const messages = 3000
	o := &owners{t: t, of: map[broker.TopicPartition]string{}, seen: map[string]bool{}, all: make(chan struct{}), want: messages}
	var wg sync.WaitGroup
	join := func(name string) (leave context.CancelFunc, owns <-chan struct{}) {
		ctx, cancel := context.WithCancel(soon(t))
		joined := make(chan struct{}, 1000)
		wg.Go(func() {
			err := consumer(t, cfg, nil).Run(ctx, func(ctx context.Context, g *broker.Generation) error {
				o.take(name, g)
				defer o.giveBack(name)
				joined <- struct{}{}
				next := map[broker.TopicPartition]int64{}
				for b := range g.Read(ctx, starts(g)) {
					o.handed(name, b)
					next[broker.TopicPartition{Topic: b.Topic, Partition: b.Partition}] = b.Next
				}
				_ = g.Commit(next) // refused where the group went on without us; the messages come again then
				return nil
			})
			if err != nil {
				t.Errorf("Run of %s: %v", name, err)
			}
		})
		return cancel, joined
	}
	p := producer(t, cfg, broker.ProducerOptions{})
	send := func(from, n int) {
		for i := from; i < from+n; i++ {
			if err := p.Send(soon(t), both[i%2], []byte(fmt.Sprint("store-", i%17)), []byte(fmt.Sprint(i))); err != nil {
				t.Errorf("Send: %v", err)
			}
		}
	}
	leaveA, owns := join("a")
	<-owns
	send(0, 1000)
	leaveB, owns := join("b")
	<-owns
	send(1000, 1000)
	leaveC, owns := join("c")
	<-owns
	leaveA()
	send(2000, 1000)
	select {
	case <-o.all:
	case <-soon(t).Done():
		t.Errorf("messages handed out: got %d, want %d", len(o.seen), messages)
	}
	leaveB()
	leaveC()
	wg.Wait()
}
