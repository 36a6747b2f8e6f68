package run

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/stores"
)

// cluster is a Kafka of a test's own with the topics.
type cluster struct {
	t     testing.TB
	kafka broker.Config
	send  *broker.Producer
	sent  atomic.Int64 // what messages say of when they were sent, Unix ms; 0 is now
}

func newCluster(t testing.TB, partitions int) *cluster {
	t.Helper()
	c := &cluster{t: t, kafka: broker.Config{Brokers: kafkatest.Start(t), ClientID: "test"}}
	settings := broker.Settings{Partitions: partitions, Replication: 1, Embedded: !kafkatest.Apache()}
	if err := broker.EnsureTopics(t.Context(), c.kafka, settings); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.send, err = broker.NewProducer(c.kafka, broker.ProducerOptions{Now: c.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.send.Close(context.Background()) })
	return c
}

func (c *cluster) now() time.Time {
	if ms := c.sent.Load(); ms != 0 {
		return time.UnixMilli(ms)
	}
	return time.Now()
}

// say sends messages of a store and waits until they are in the log.
func (c *cluster) say(s *stores.Store, entries ...entry) {
	c.t.Helper()
	for _, e := range entries {
		if err := c.send.Send(c.t.Context(), topics[e.topic], []byte(s.ID), e.raw); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := c.send.Flush(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// offsets are where the first partition of a topic begins and ends.
func (c *cluster) offsets(topic string) (first, end int64) {
	c.t.Helper()
	first, err := broker.FirstOffset(c.t.Context(), c.kafka, topic, 0)
	if err == nil {
		end, err = broker.EndOffset(c.t.Context(), c.kafka, topic, 0)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return first, end
}

// running is an Aggregator at work.
type running struct {
	t    testing.TB
	reg  *prometheus.Registry
	stop func() // ends it and waits; it may be called again
	done chan error
}

func (c *cluster) start(db *store.DB, cfg Config) *running {
	c.t.Helper()
	cfg.Kafka, cfg.RoundingKey, cfg.Session = c.kafka, [32]byte{5, 10}, 6*time.Second
	if cfg.FlushEvery == 0 {
		cfg.FlushEvery = 30 * time.Millisecond
	}
	r := &running{t: c.t, reg: prometheus.NewRegistry(), done: make(chan error, 1)}
	a, err := New(cfg, db, r.reg, slog.New(slog.DiscardHandler))
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	go func() { r.done <- a.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-r.done; err != nil {
			c.t.Errorf("Run: %v", err)
		}
	})
	c.t.Cleanup(r.stop)
	return r
}

// drain runs an Aggregator until every day is sealed.
func (c *cluster) drain(db *store.DB, cfg Config) *running {
	c.t.Helper()
	now := make(chan struct{})
	close(now)
	cfg.Drained = now
	r := c.start(db, cfg)
	r.wait()
	return r
}

func (r *running) wait() {
	r.t.Helper()
	select {
	case err := <-r.done:
		r.done <- nil // for stop
		if err != nil {
			r.t.Fatalf("Run: %v", err)
		}
	case <-time.After(time.Minute):
		r.t.Fatal("Run did not end within a minute")
	}
}

// until waits for something to become true.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("within a minute it was not true that %s", what)
		}
	}
}
