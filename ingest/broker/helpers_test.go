package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

const partitions = 4

// start gives the test a Kafka with Footfall's topics.
func start(t testing.TB) broker.Config {
	t.Helper()
	cfg := broker.Config{Brokers: kafkatest.Start(t), ClientID: "test"}
	ensure(t, cfg)
	return cfg
}

func ensure(t testing.TB, cfg broker.Config) {
	t.Helper()
	settings := broker.Settings{Partitions: partitions, Replication: 1, SealAfter: 4 * time.Hour, Embedded: !kafkatest.Apache()}
	if err := broker.EnsureTopics(soon(t), cfg, settings); err != nil {
		t.Fatalf("EnsureTopics: %v", err)
	}
}

// soon is a context that ends before a test that hangs is killed without a word.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func producer(t testing.TB, cfg broker.Config, o broker.ProducerOptions) *broker.Producer {
	t.Helper()
	p, err := broker.NewProducer(cfg, o)
	if err != nil {
		t.Fatalf("NewProducer: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what a test did not flush, it does not want
		_ = p.Close(ctx)
	})
	return p
}

// fill sends n numbered messages of one key and waits for them.
func fill(t testing.TB, cfg broker.Config, topic, key string, from, n int) {
	t.Helper()
	p := producer(t, cfg, broker.ProducerOptions{})
	for i := from; i < from+n; i++ {
		if err := p.Send(soon(t), topic, []byte(key), []byte(fmt.Sprint(i))); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
	if err := p.Close(soon(t)); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// values reads a partition.
func values(t testing.TB, cfg broker.Config, topic string, partition int) []string {
	t.Helper()
	var got []string
	if _, err := broker.ReadPartition(soon(t), cfg, topic, partition, broker.Earliest, func(m broker.Message) error {
		got = append(got, string(m.Value))
		return nil
	}); err != nil {
		t.Fatalf("ReadPartition: %v", err)
	}
	return got
}

// all reads every partition of a topic, one after the other.
func all(t testing.TB, cfg broker.Config, topic string) []string {
	t.Helper()
	var got []string
	for p := range partitions {
		got = append(got, values(t, cfg, topic, p)...)
	}
	return got
}

func numbers(from, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(from + i)
	}
	return list
}

// metric is the sum of a metric over its labels.
func metric(t testing.TB, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return sum
}

// testLog shows what the code logged where a test fails.
func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}
