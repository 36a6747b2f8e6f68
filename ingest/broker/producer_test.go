package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

// murmur2 is the hash of Kafka's own clients, written down independently from its definition (seed 0x9747b28c, little
// endian, sign bit cut off).
func murmur2(key string) int {
	const m = uint32(0x5bd1e995)
	h := uint32(0x9747b28c) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k = (k ^ k>>24) * m
		h = h*m ^ k
	}
	for i := len(key) - 1; i >= 0; i-- {
		h ^= uint32(key[i]) << (8 * i)
		if i == 0 {
			h *= m
		}
	}
	h = (h ^ h>>13) * m
	return int((h ^ h>>15) & 0x7fffffff)
}

func TestProducerKeepsOrderAndPartition(t *testing.T) {
	cfg := start(t)
	p := producer(t, cfg, broker.ProducerOptions{})
	keys := []string{"berlin-1", "berlin-2", "paris", "rome-12", "x", "koeln-ehrenfeld"}
	const each = 300
	for i := range each {
		for _, key := range keys {
			if err := p.Send(soon(t), broker.Sightings, []byte(key), []byte(fmt.Sprint(key, " ", i))); err != nil {
				t.Fatalf("Send: %v", err)
			}
		}
	}
	if err := p.Flush(soon(t)); err != nil {
		t.Fatalf("Flush: %v", err)
	}
	got := map[string][]string{}
	for partition := range partitions {
		for _, v := range values(t, cfg, broker.Sightings, partition) {
			key, number, _ := strings.Cut(v, " ")
			if want := murmur2(key) % partitions; partition != want {
				t.Fatalf("partition of %s: got %d, want %d", key, partition, want)
			}
			got[key] = append(got[key], number)
		}
	}
	for _, key := range keys {
		if !slices.Equal(got[key], numbers(0, each)) {
			t.Errorf("messages of %s: got %v, want 0 to %d in order", key, got[key], each-1)
		}
	}
}

func TestProducerStampsSendTimes(t *testing.T) {
	cfg := start(t)
	want := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	p := producer(t, cfg, broker.ProducerOptions{Now: func() time.Time { return want }})
	if err := errors.Join(p.Send(soon(t), broker.OptOuts, []byte("k"), nil), p.Flush(soon(t))); err != nil {
		t.Fatal(err)
	}
	_, err := broker.ReadPartition(soon(t), cfg, broker.OptOuts, 0, 0, func(m broker.Message) error {
		if !m.Time.Equal(want) || m.Value != nil || string(m.Key) != "k" {
			t.Errorf("got time %v, key %q, value %v, want %v, k and a tombstone", m.Time, m.Key, m.Value, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestProducerFlushMeansStored reads the end of the partition after every Flush.
func TestProducerFlushMeansStored(t *testing.T) {
	cfg := start(t)
	p := producer(t, cfg, broker.ProducerOptions{})
	if err := p.Flush(soon(t)); err != nil {
		t.Fatalf("Flush of nothing: %v", err)
	}
	for round := range int64(5) {
		for i := range 10 {
			if err := p.Send(soon(t), broker.OptOuts, []byte("k"), []byte(fmt.Sprint(i))); err != nil {
				t.Fatalf("Send: %v", err)
			}
		}
		if err := p.Flush(soon(t)); err != nil {
			t.Fatalf("Flush: %v", err)
		}
		end, err := broker.EndOffset(soon(t), cfg, broker.OptOuts, 0)
		if err != nil {
			t.Fatal(err)
		}
		if want := (round + 1) * 10; end != want {
			t.Errorf("messages stored after Flush: got %d, want %d", end, want)
		}
	}
}

// TestProducerWaitsWhileKafkaIsDown fills the queue while nobody listens: it takes what its bound allows and not one message
// more, and everything arrives, in order, once a broker is there.
func TestProducerWaitsWhileKafkaIsDown(t *testing.T) {
	if kafkatest.Apache() {
		t.Skip("the broker has to come up late: that needs the embedded one")
	}
	early, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := broker.Config{Brokers: []string{early.Addr()}}
	early.Close() // its address is free now

	const bound, size = 1 << 20, 50 << 10
	reg := prometheus.NewRegistry()
	p := producer(t, cfg, broker.ProducerOptions{QueueBytes: bound, Registerer: reg})
	message := func(i int) []byte {
		return append(fmt.Appendf(nil, "%d ", i), bytes.Repeat([]byte{'x'}, size)...)
	}
	sent := sendUntilFull(t, p, message)
	if queued := metric(t, reg, "footfall_producer_queue_bytes"); queued > bound || queued < bound-2*size {
		t.Errorf("bytes in the queue: got %.0f, want nearly %d", queued, bound)
	}
	if want := bound / (size + 103); sent != want {
		t.Errorf("messages taken while Kafka is down: got %d, want %d", sent, want)
	}
	late, err := embedded.Start(embedded.Options{Addr: cfg.Brokers[0]})
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	ensure(t, cfg)
	if err := p.Send(soon(t), broker.Sightings, []byte("store"), message(sent)); err != nil { // waits for room
		t.Fatalf("Send after the outage: %v", err)
	}
	if err := p.Flush(soon(t)); err != nil {
		t.Fatalf("Flush after the outage: %v", err)
	}
	var got []string
	for _, v := range all(t, cfg, broker.Sightings) {
		number, _, _ := strings.Cut(v, " ")
		got = append(got, number)
	}
	if !slices.Equal(got, numbers(0, sent+1)) {
		t.Errorf("messages after the outage: got %v, want 0 to %d in order", got, sent)
	}
	if in, out := metric(t, reg, "footfall_producer_messages_total"), metric(t, reg, "footfall_producer_acknowledged_total"); in != out || in != float64(sent+1) {
		t.Errorf("messages taken and acknowledged: got %.0f and %.0f, want %d", in, out, sent+1)
	}
	if held := metric(t, reg, "footfall_producer_queue_messages") + metric(t, reg, "footfall_producer_queue_bytes"); held != 0 {
		t.Errorf("left in the queue: got %.0f, want 0", held)
	}
	if metric(t, reg, "footfall_producer_retries_total") == 0 {
		t.Error("retries: got none, want some")
	}
}

// sendUntilFull sends until the producer has no room for a tenth of a second, and returns how many it took.
func sendUntilFull(t *testing.T, p *broker.Producer, message func(int) []byte) (sent int) {
	t.Helper()
	for ; ; sent++ {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err := p.Send(ctx, broker.Sightings, []byte("store"), message(sent))
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return sent
		}
		if err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
}

// TestProducerRepeats makes the broker fail in several ways. What it applied and did not acknowledge arrives twice.
func TestProducerRepeats(t *testing.T) {
	tests := []struct {
		name  string
		key   kmsg.Key
		err   *kerr.Error
		twice bool
	}{
		{"not the leader", kmsg.Produce, kerr.NotLeaderForPartition, false},
		{"too few replicas", kmsg.Produce, kerr.NotEnoughReplicas, false},
		{"stored and not acknowledged", kmsg.Produce, kerr.NotEnoughReplicasAfterAppend, true},
		{"not authorised yet", kmsg.Produce, kerr.TopicAuthorizationFailed, false},
		{"batches too large", kmsg.Produce, kerr.MessageTooLarge, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			cfg := broker.Config{Brokers: cluster.ListenAddrs()}
			cluster.Fault(kfake.Fault{Keys: []kmsg.Key{tt.key}, Topic: "t", Err: tt.err, Count: 2})
			reg := prometheus.NewRegistry()
			p := producer(t, cfg, broker.ProducerOptions{Registerer: reg, Logger: testLog(t)})
			for i := range 20 {
				if err := p.Send(soon(t), "t", []byte("k"), []byte(fmt.Sprint(i))); err != nil {
					t.Fatalf("Send: %v", err)
				}
			}
			if err := p.Flush(soon(t)); err != nil {
				t.Fatalf("Flush: %v", err)
			}
			got := values(t, cfg, "t", 0)
			if twice := len(got) > 20; twice != tt.twice {
				t.Errorf("messages: got %v, want duplicates: %v", got, tt.twice)
			}
			slices.SortStableFunc(got, func(a, b string) int {
				x, _ := strconv.Atoi(a)
				y, _ := strconv.Atoi(b)
				return x - y
			})
			if got = slices.Compact(got); !slices.Equal(got, numbers(0, 20)) {
				t.Errorf("messages: got %v, want 0 to 19", got)
			}
			if retries := metric(t, reg, "footfall_producer_retries_total"); retries < 2 {
				t.Errorf("retries: got %.0f, want at least 2", retries)
			}
		})
	}
}

func TestProducerWaitsForTheTopic(t *testing.T) {
	cfg := broker.Config{Brokers: kafkatest.Start(t)}
	p := producer(t, cfg, broker.ProducerOptions{})
	if err := p.Send(soon(t), broker.Counters, []byte("k"), []byte("v")); err != nil {
		t.Fatalf("Send: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 messages") {
		t.Errorf("Flush without a topic: got %v, want a deadline and the number of messages", err)
	}
	ensure(t, cfg)
	if err := p.Flush(soon(t)); err != nil {
		t.Fatalf("Flush: %v", err)
	}
	if got := all(t, cfg, broker.Counters); !slices.Equal(got, []string{"v"}) {
		t.Errorf("messages: got %v, want v", got)
	}
}

func TestProducerRefuses(t *testing.T) {
	p := producer(t, broker.Config{Brokers: []string{"127.0.0.1:1"}}, broker.ProducerOptions{})
	checkError(t, p.Send(soon(t), "t", nil, make([]byte, broker.MaxMessage+1)), "send at most")
	_, err := broker.NewProducer(broker.Config{Brokers: []string{"127.0.0.1:1"}}, broker.ProducerOptions{QueueBytes: 1000})
	checkError(t, err, "room for one message")
}

// TestProducerClose drains while Kafka answers, and says what it gives up where it does not.
func TestProducerClose(t *testing.T) {
	cfg := start(t)
	fill(t, cfg, broker.Counters, "k", 0, 500) // Close without Flush
	if got := all(t, cfg, broker.Counters); !slices.Equal(got, numbers(0, 500)) {
		t.Errorf("messages after Close: got %d, want 500 in order", len(got))
	}
	down := producer(t, broker.Config{Brokers: []string{"127.0.0.1:1"}}, broker.ProducerOptions{})
	for range 3 {
		if err := down.Send(soon(t), "t", nil, []byte("v")); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	checkError(t, down.Close(ctx), "3 messages")
	if err := down.Send(soon(t), "t", nil, []byte("v")); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Send after Close: got %v, want ErrClosed", err)
	}
	if err := down.Flush(soon(t)); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Flush after Close: got %v, want ErrClosed", err)
	}
}

// TestProducersShareMetrics is the demo: sensor and aggregator in one process.
func TestProducersShareMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	cfg := broker.Config{Brokers: []string{"127.0.0.1:1"}}
	for range 2 {
		if err := producer(t, cfg, broker.ProducerOptions{Registerer: reg}).Send(soon(t), "t", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := metric(t, reg, "footfall_producer_messages_total"); got != 2 {
		t.Errorf("messages of both: got %.0f, want 2", got)
	}
}

// BenchmarkProducer reports what one store's sensor can send: messages of a kilobyte, to one partition.
func BenchmarkProducer(b *testing.B) {
	for _, codec := range []kafka.Compression{kafka.Zstd, kafka.Lz4} {
		b.Run(codec.String(), func(b *testing.B) {
			cfg := start(b)
			p := producer(b, cfg, broker.ProducerOptions{Compression: codec})
			value := bytes.Repeat([]byte("0123456789abcdef"), 64)
			b.SetBytes(int64(len(value)))
			for b.Loop() {
				if err := p.Send(b.Context(), broker.Sightings, []byte("store"), value); err != nil {
					b.Fatal(err)
				}
			}
			if err := p.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
