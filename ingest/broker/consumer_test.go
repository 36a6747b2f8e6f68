package broker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/truncate"
)

var both = []string{broker.Sightings, broker.Counters}

func consumer(t testing.TB, cfg broker.Config, reg prometheus.Registerer) *broker.Consumer {
	t.Helper()
	c, err := broker.NewConsumer(cfg, broker.ConsumerOptions{Group: "aggregators", Topics: both, Registerer: reg, Logger: testLog(t)})
	if err != nil {
		t.Fatalf("NewConsumer: %v", err)
	}
	return c
}

// errDone ends a Run from within.
var errDone = errors.New("done")

// once runs one generation.
func once(t testing.TB, c *broker.Consumer, fn func(context.Context, *broker.Generation) error) {
	t.Helper()
	err := c.Run(soon(t), func(ctx context.Context, g *broker.Generation) error {
		return errors.Join(fn(ctx, g), errDone)
	})
	if err == nil || err.Error() != errDone.Error() {
		t.Fatalf("Run: got %v, want what fn returned", err)
	}
}

// starts begins where the group left off.
func starts(g *broker.Generation) []broker.Start {
	var list []broker.Start
	for _, a := range g.Assignments() {
		list = append(list, broker.Start{Topic: a.Topic, Partition: a.Partition, Offset: a.Committed})
	}
	return list
}

func TestConsumerAssignsBothTopics(t *testing.T) {
	cfg := start(t)
	once(t, consumer(t, cfg, nil), func(ctx context.Context, g *broker.Generation) error {
		var want []broker.Assignment
		for _, topic := range []string{broker.Counters, broker.Sightings} {
			for p := range partitions {
				want = append(want, broker.Assignment{Topic: topic, Partition: p, Committed: broker.Earliest})
			}
		}
		if got := g.Assignments(); !slices.Equal(got, want) {
			t.Errorf("assignments: got %v, want %v", got, want)
		}
		first, err := g.FirstOffset(ctx, broker.Sightings, 0)
		end, err2 := g.EndOffset(ctx, broker.Sightings, 0)
		if err != nil || err2 != nil || first != 0 || end != 0 {
			t.Errorf("offsets of an empty partition: got %d, %d, %v, %v, want 0 and 0", first, end, err, err2)
		}
		return nil
	})
}

func TestConsumerResumesAtItsCommit(t *testing.T) {
	cfg := start(t)
	fill(t, cfg, broker.Sightings, "store", 0, 100)
	at := murmur2("store") % partitions
	read := func(commit int64) (got []string) {
		once(t, consumer(t, cfg, nil), func(ctx context.Context, g *broker.Generation) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			for b := range g.Read(ctx, starts(g)) {
				for _, m := range b.Messages {
					got = append(got, string(m.Value))
				}
				if b.Next >= b.End {
					break
				}
			}
			return g.Commit(map[broker.TopicPartition]int64{{Topic: broker.Sightings, Partition: at}: commit})
		})
		return got
	}
	if got := read(60); !slices.Equal(got, numbers(0, 100)) {
		t.Errorf("first: got %v, want 0 to 99", got)
	}
	if got := read(100); !slices.Equal(got, numbers(60, 40)) {
		t.Errorf("after committing 60: got %v, want 60 to 99", got)
	}
	fill(t, cfg, broker.Sightings, "store", 100, 5)
	if got := read(100); !slices.Equal(got, numbers(100, 5)) {
		t.Errorf("after committing 100: got %v, want 100 to 104", got)
	}
}

func TestConsumerBeginsAtTheEarliestMessage(t *testing.T) {
	cfg := start(t)
	fill(t, cfg, broker.Sightings, "store", 0, 10)
	at := murmur2("store") % partitions
	tr, err := truncate.New(truncate.Options{Kafka: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if _, err := tr.Before(soon(t), broker.Sightings, at, 6); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]int64{"truncated": 2, "beyond the end": 1000} {
		t.Run(name, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			once(t, consumer(t, cfg, reg), func(ctx context.Context, g *broker.Generation) error {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				b := <-g.Read(ctx, []broker.Start{{Topic: broker.Sightings, Partition: at, Offset: from}})
				if len(b.Messages) != 4 || b.Messages[0].Offset != 6 || !b.Reset || b.Next != 10 || b.End != 10 {
					t.Errorf("batch: got %+v, want the messages 6 to 9 after a reset", b)
				}
				return nil
			})
			if got := metric(t, reg, "footfall_consumer_out_of_range_total"); got != 1 {
				t.Errorf("out of range: got %.0f, want 1", got)
			}
		})
	}
}

func TestConsumerRunEnds(t *testing.T) {
	cfg := start(t)
	t.Run("with fn's error", func(t *testing.T) {
		broken := errors.New("the database is gone")
		err := consumer(t, cfg, nil).Run(soon(t), func(context.Context, *broker.Generation) error { return broken })
		if !errors.Is(err, broken) {
			t.Errorf("Run: got %v, want fn's error", err)
		}
	})
	t.Run("with the context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(soon(t))
		readers := 0
		err := consumer(t, cfg, nil).Run(ctx, func(ctx context.Context, g *broker.Generation) error {
			cancel()
			for range g.Read(ctx, starts(g)) {
				readers++
			}
			return g.Commit(map[broker.TopicPartition]int64{{Topic: broker.Counters, Partition: 0}: 0})
		})
		if err != nil {
			t.Errorf("Run: got %v, want nothing", err)
		}
	})
	t.Run("and begins again after nil", func(t *testing.T) {
		generations := 0
		err := consumer(t, cfg, nil).Run(soon(t), func(context.Context, *broker.Generation) error {
			if generations++; generations == 3 {
				return errDone
			}
			return nil
		})
		if !errors.Is(err, errDone) || generations != 3 {
			t.Errorf("got %v after %d generations, want errDone after 3", err, generations)
		}
	})
}

// TestConsumerJoinsAFreshCluster has no coordinator at first, as Kafka in its first seconds.
func TestConsumerJoinsAFreshCluster(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, both...))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator}, Group: "aggregators", Err: kerr.CoordinatorNotAvailable, Count: 3})
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Group: "aggregators", Err: kerr.NotCoordinator, Count: 1})
	reg := prometheus.NewRegistry()
	once(t, consumer(t, broker.Config{Brokers: cluster.ListenAddrs()}, reg), func(_ context.Context, g *broker.Generation) error {
		if got := len(g.Assignments()); got != 4 {
			t.Errorf("assignments: got %d, want 4", got)
		}
		return nil
	})
	if got := metric(t, reg, "footfall_consumer_join_errors_total"); got != 4 {
		t.Errorf("failed joins: got %.0f, want 4", got)
	}
}

// TestConsumerReadsThroughFaults makes fetches fail; nothing is skipped and nothing comes twice.
func TestConsumerReadsThroughFaults(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(1, both...))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cfg := broker.Config{Brokers: cluster.ListenAddrs()}
	p := producer(t, cfg, broker.ProducerOptions{})
	reg := prometheus.NewRegistry()
	once(t, consumer(t, cfg, reg), func(ctx context.Context, g *broker.Generation) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		batches := g.Read(ctx, []broker.Start{{Topic: broker.Sightings, Partition: 0, Offset: broker.Earliest}})
		for round := range 4 {
			switch round {
			case 1:
				cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: broker.Sightings, Err: kerr.NotLeaderForPartition, Count: 2})
			case 2: // the leader moves
				if err := cluster.MoveTopicPartition(broker.Sightings, 0, 1-cluster.LeaderFor(broker.Sightings, 0)); err != nil {
					return err
				}
			case 3:
				cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: broker.Sightings, Err: kerr.UnknownServerError, Count: 1})
			}
			var got []string
			for i := range 10 {
				if err := p.Send(ctx, broker.Sightings, nil, []byte(fmt.Sprint(round*10+i))); err != nil {
					return err
				}
			}
			for len(got) < 10 {
				select {
				case b := <-batches:
					for _, m := range b.Messages {
						got = append(got, string(m.Value))
					}
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if want := numbers(round*10, 10); !slices.Equal(got, want) {
				t.Errorf("round %d: got %v, want %v", round, got, want)
			}
		}
		return nil
	})
	if got := metric(t, reg, "footfall_consumer_fetch_errors_total"); got < 3 {
		t.Errorf("fetch errors: got %.0f, want at least 3", got)
	}
}

func TestNewConsumerRefuses(t *testing.T) {
	cfg := broker.Config{Brokers: []string{"127.0.0.1:1"}}
	_, err := broker.NewConsumer(cfg, broker.ConsumerOptions{Topics: both})
	checkError(t, err, "no consumer group")
	_, err = broker.NewConsumer(cfg, broker.ConsumerOptions{Group: "g"})
	checkError(t, err, "no topics")
}

// BenchmarkConsumer reports what reading costs: messages of a kilobyte in one partition.
func BenchmarkConsumer(b *testing.B) {
	cfg := start(b)
	p := producer(b, cfg, broker.ProducerOptions{})
	value := make([]byte, 1024)
	for i := range value {
		value[i] = byte(i * 7)
	}
	const n = 50000
	for range n {
		if err := p.Send(b.Context(), broker.Sightings, []byte("store"), value); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	at := murmur2("store") % partitions
	b.SetBytes(n * int64(len(value)))
	for b.Loop() {
		got := 0
		begin := time.Now()
		if _, err := broker.ReadPartition(b.Context(), cfg, broker.Sightings, at, 0, func(broker.Message) error {
			got++
			return nil
		}); err != nil || got != n {
			b.Fatal(err, got)
		}
		b.ReportMetric(float64(time.Since(begin).Nanoseconds())/n, "ns/message")
	}
}
