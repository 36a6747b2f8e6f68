package broker_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/truncate"
)

// cable is a network that can be unplugged.
type cable struct {
	mu    sync.Mutex
	out   bool
	conns []net.Conn
}

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out {
		return nil, errors.Join(errors.New("unplugged"), conn.Close())
	}
	c.conns = append(c.conns, conn)
	return conn, nil
}

func (c *cable) unplug(out bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close() // the follower notices
	}
	c.conns, c.out = nil, out
}

// anew deletes a topic and makes it again. Kafka's controller answers before its broker has let go of the old one, which takes
// messages until then.
func anew(t *testing.T, cfg broker.Config, topic string) {
	t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(cfg.Brokers...)}
	res, err := client.DeleteTopics(soon(t), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err = errors.Join(err, res.Errors[topic]); err != nil {
		t.Fatal(err)
	}
	ensure(t, cfg)
	for ctx := soon(t); ; {
		end, err := broker.EndOffset(ctx, cfg, topic, 0)
		if err != nil {
			t.Fatal(err)
		}
		if end == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestFollowRecognisesTheTopic does something to a topic while its follower, which has read five messages, is cut off.
func TestFollowRecognisesTheTopic(t *testing.T) {
	old := numbers(0, 5)
	for _, row := range []struct {
		name   string
		change func(t *testing.T, cfg broker.Config)
		reset  bool
		want   []string // all that is true afterwards
	}{
		{"nothing", func(*testing.T, broker.Config) {}, false, old},
		{"more comes", func(t *testing.T, cfg broker.Config) { fill(t, cfg, broker.Quarantine, "k", 5, 3) }, false, numbers(0, 8)},
		{"made anew and grew beyond", func(t *testing.T, cfg broker.Config) {
			anew(t, cfg, broker.Quarantine)
			fill(t, cfg, broker.Quarantine, "k", 100, 9)
		}, true, numbers(100, 9)},
		{"made anew and ends where reading would go on", func(t *testing.T, cfg broker.Config) {
			anew(t, cfg, broker.Quarantine)
			fill(t, cfg, broker.Quarantine, "k", 100, 5)
		}, true, numbers(100, 5)},
		{"made anew and ends at the message read last", func(t *testing.T, cfg broker.Config) {
			anew(t, cfg, broker.Quarantine)
			fill(t, cfg, broker.Quarantine, "k", 100, 4)
		}, true, numbers(100, 4)},
		{"made anew and is shorter", func(t *testing.T, cfg broker.Config) {
			anew(t, cfg, broker.Quarantine)
			fill(t, cfg, broker.Quarantine, "k", 100, 2)
		}, true, numbers(100, 2)},
		{"made anew with the same values under another key", func(t *testing.T, cfg broker.Config) {
			anew(t, cfg, broker.Quarantine)
			fill(t, cfg, broker.Quarantine, "another", 0, 7)
		}, true, numbers(0, 7)},
		{"what was read is gone as after a compaction", func(t *testing.T, cfg broker.Config) {
			fill(t, cfg, broker.Quarantine, "k", 5, 3)
			tr, err := truncate.New(truncate.Options{Kafka: cfg})
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			if _, err := tr.Before(soon(t), broker.Quarantine, 0, 6); err != nil {
				t.Fatal(err)
			}
		}, true, numbers(6, 2)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			cfg := start(t)
			fill(t, cfg, broker.Quarantine, "k", 0, 5)
			wire, reg := new(cable), prometheus.NewRegistry()
			f := broker.Follower{Config: cfg.WithDial(wire.dial), Topic: broker.Quarantine, Registerer: reg, Wait: 100 * time.Millisecond, Logger: testLog(t)}
			var got []string
			cut, resets := false, 0
			err := f.Follow(soon(t), broker.Earliest, func(b broker.Batch) error {
				if b.Reset {
					got = nil
					resets++
				}
				for _, m := range b.Messages {
					got = append(got, string(m.Value))
				}
				switch {
				case cut && b.Next >= b.End:
					return errDone
				case !cut && len(got) == len(old):
					cut = true
					wire.unplug(true)
					row.change(t, cfg)
					wire.unplug(false)
				}
				return nil
			})
			if !errors.Is(err, errDone) || !slices.Equal(got, row.want) {
				t.Errorf("got %v and %v, want %v", got, err, row.want)
			}
			want := 0
			if row.reset {
				want = 1
			}
			if n := metric(t, reg, "footfall_consumer_out_of_range_total"); resets != want || n != float64(want) {
				t.Errorf("resets: got %d, and %v in the metric, want %d", resets, n, want)
			}
		})
	}
}

// TestFollowRecognisesATopicOfNothing reads a topic that is empty but does not begin at 0, as after a truncation.
func TestFollowRecognisesATopicOfNothing(t *testing.T) {
	cfg := start(t)
	fill(t, cfg, broker.Quarantine, "k", 0, 5)
	tr, err := truncate.New(truncate.Options{Kafka: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if _, err := tr.Before(soon(t), broker.Quarantine, 0, 5); err != nil {
		t.Fatal(err)
	}
	wire := new(cable)
	f := broker.Follower{Config: cfg.WithDial(wire.dial), Topic: broker.Quarantine, Logger: testLog(t)}
	var got []string
	cut := false
	err = f.Follow(soon(t), broker.Earliest, func(b broker.Batch) error {
		for _, m := range b.Messages {
			got = append(got, string(m.Value))
		}
		switch {
		case cut && b.Next >= b.End && len(got) > 0:
			return errDone
		case !cut:
			cut = true
			wire.unplug(true)
			anew(t, cfg, broker.Quarantine)
			fill(t, cfg, broker.Quarantine, "k", 100, 9)
			wire.unplug(false)
		}
		return nil
	})
	if !errors.Is(err, errDone) || !slices.Equal(got, numbers(100, 9)) {
		t.Errorf("got %v and %v, want the new topic from its beginning", got, err)
	}
}

// TestFollowNoticesATopicMadeAnewWhileItWaits keeps its connection: the broker says that the topic is gone.
func TestFollowNoticesATopicMadeAnewWhileItWaits(t *testing.T) {
	cfg := start(t)
	fill(t, cfg, broker.Quarantine, "k", 0, 5)
	f := broker.Follower{Config: cfg, Topic: broker.Quarantine, Wait: 10 * time.Second, Logger: testLog(t)}
	var got []string
	var replaced chan struct{} // closed when it is, nil before
	err := f.Follow(soon(t), broker.Earliest, func(b broker.Batch) error {
		if b.Reset {
			got = nil
		}
		for _, m := range b.Messages {
			got = append(got, string(m.Value))
		}
		if replaced == nil && b.Next >= b.End {
			replaced = make(chan struct{})
			go func() {
				defer close(replaced)
				anew(t, cfg, broker.Quarantine)
				fill(t, cfg, broker.Quarantine, "k", 100, 9)
			}()
		}
		if len(got) == 9 && b.Next >= b.End {
			return errDone
		}
		return nil
	})
	<-replaced
	if !errors.Is(err, errDone) || !slices.Equal(got, numbers(100, 9)) {
		t.Errorf("got %v and %v, want the new topic", got, err)
	}
}
