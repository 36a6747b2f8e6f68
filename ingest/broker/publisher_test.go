package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

func publisher(t testing.TB, cfg broker.Config, reg prometheus.Registerer) *broker.Publisher {
	t.Helper()
	p, err := broker.NewPublisher(cfg, broker.ProducerOptions{Registerer: reg})
	if err != nil {
		t.Fatalf("NewPublisher: %v", err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func list(values ...string) [][]byte {
	var out [][]byte
	for _, v := range values {
		out = append(out, []byte(v))
	}
	return out
}

// checkReason wants an error of the reason, or none for "".
func checkReason(t testing.TB, err error, want string) {
	t.Helper()
	if got := broker.Reason(err); got != want {
		t.Errorf("reason: got %q (%v), want %q", got, err, want)
	}
}

// repeat publishes again, as the outbox does, until it succeeds.
func repeat(t testing.TB, p *broker.Publisher, topic, key string, values [][]byte) {
	t.Helper()
	ctx := soon(t)
	var err error
	for ctx.Err() == nil {
		if err = p.Publish(ctx, topic, []byte(key), values); err == nil {
			return
		}
	}
	t.Fatalf("Publish never succeeded: %v", err)
}

// settle waits until every partition of a fresh topic takes messages: Kafka answers that the leader is another for a moment.
func settle(t testing.TB, cfg broker.Config, topic string) {
	t.Helper()
	for partition := range partitions {
		if _, err := broker.EndOffset(soon(t), cfg, topic, partition); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPublishKeepsOrderAndPartition(t *testing.T) {
	cfg := start(t)
	reg := prometheus.NewRegistry()
	p := publisher(t, cfg, reg)
	keys := []string{"berlin-1", "paris", "rome-12", "x"}
	settle(t, cfg, broker.Sightings)
	want := map[string][]string{}
	size := 0
	for round := range 10 {
		for _, key := range keys {
			var batch []string
			for i := range round + 1 {
				batch = append(batch, fmt.Sprint(key, " ", round, " ", i))
				size += 2*len(key) + len(fmt.Sprint(" ", round, " ", i))
			}
			if err := p.Publish(soon(t), broker.Sightings, []byte(key), list(batch...)); err != nil {
				t.Fatalf("Publish: %v", err)
			}
			want[key] = append(want[key], batch...)
		}
	}
	got := map[string][]string{}
	for partition := range partitions {
		for _, v := range values(t, cfg, broker.Sightings, partition) {
			key, _, _ := strings.Cut(v, " ")
			if right := murmur2(key) % partitions; partition != right {
				t.Fatalf("partition of %s: got %d, want %d", key, partition, right)
			}
			got[key] = append(got[key], v)
		}
	}
	for _, key := range keys {
		if !slices.Equal(got[key], want[key]) {
			t.Errorf("messages of %s: got %v, want %v", key, got[key], want[key])
		}
	}
	for name, want := range map[string]float64{"attempts_total": 40, "messages_total": 220, "bytes_total": float64(size)} {
		if got := metric(t, reg, "footfall_publisher_"+name); got != want {
			t.Errorf("%s: got %.0f, want %.0f", name, got, want)
		}
	}
	if got := metric(t, reg, "footfall_publisher_wire_bytes_total"); got < 2000 || got > 60000 {
		t.Errorf("bytes on the wire: got %.0f, want some kilobytes", got)
	}
}

func TestPublishRefuses(t *testing.T) {
	reg := prometheus.NewRegistry()
	p := publisher(t, broker.Config{Brokers: []string{"127.0.0.1:1"}}, reg)
	err := p.Publish(soon(t), "t", nil, [][]byte{make([]byte, broker.MaxMessage), {1}})
	checkReason(t, err, broker.ReasonTooLarge)
	checkError(t, err, fmt.Sprintf("send at most %d bytes at once", broker.MaxMessage))
	err = p.Publish(soon(t), "t", nil, nil)
	checkReason(t, err, broker.ReasonInvalid)
	checkError(t, err, "give at least one")
	if err := p.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := p.Publish(soon(t), "t", nil, list("v")); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Publish after Close: got %v, want ErrClosed", err)
	}
	if got := metric(t, reg, "footfall_publisher_attempts_total"); got != 3 {
		t.Errorf("attempts: got %.0f, want 3", got)
	}
	_, err = broker.NewPublisher(broker.Config{}, broker.ProducerOptions{})
	checkError(t, err, "no Kafka brokers")
}

// TestPublishLarge: the largest batch, of bytes that do not compress and of bytes that do, arrives as it was.
func TestPublishLarge(t *testing.T) {
	cfg := start(t)
	p := publisher(t, cfg, nil)
	noise := make([]byte, broker.MaxMessage-1)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	sizes := []int{broker.PublishBytes - 1, broker.PublishBytes, broker.MaxMessage - 1}
	var want []string
	for _, size := range sizes {
		for _, value := range [][]byte{noise[:size], bytes.Repeat([]byte{'x'}, size)} {
			repeat(t, p, broker.OptOuts, "k", [][]byte{value})
			want = append(want, string(value))
		}
	}
	if got := values(t, cfg, broker.OptOuts, 0); !slices.Equal(got, want) {
		t.Errorf("messages: got %d, want %d, byte for byte", len(got), len(want))
	}
}

// fake is a broker whose answers a test decides, with the topic t.
func fake(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, "t")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

// TestPublishSaysWhatBecameOfIt makes the broker refuse once: one attempt, one error with its reason; then it takes the batch.
func TestPublishSaysWhatBecameOfIt(t *testing.T) {
	tests := []struct {
		name   string
		key    kmsg.Key
		err    *kerr.Error
		reason string
		out    broker.Outcome
		copies int
	}{
		{"not the leader", kmsg.Produce, kerr.NotLeaderForPartition, broker.ReasonBroker, broker.Later, 1},
		{"too few replicas", kmsg.Produce, kerr.NotEnoughReplicas, broker.ReasonBroker, broker.Later, 1},
		{"stored and not acknowledged", kmsg.Produce, kerr.NotEnoughReplicasAfterAppend, broker.ReasonBroker, broker.Later, 2},
		{"overloaded", kmsg.Produce, kerr.RequestTimedOut, broker.ReasonTimeout, broker.Later, 2},
		{"disk full", kmsg.Produce, kerr.KafkaStorageError, broker.ReasonBrokerFull, broker.Later, 1},
		{"quota used up", kmsg.Produce, kerr.PolicyViolation, broker.ReasonBrokerFull, broker.Later, 1},
		{"not authorised", kmsg.Produce, kerr.TopicAuthorizationFailed, broker.ReasonNotAuthorized, broker.Refused, 1},
		{"not authorised to see it", kmsg.Metadata, kerr.TopicAuthorizationFailed, broker.ReasonNotAuthorized, broker.Refused, 1},
		{"deleted and made again", kmsg.Produce, kerr.UnknownTopicOrPartition, broker.ReasonUnknownTopic, broker.Refused, 1},
		{"no leader yet", kmsg.Metadata, kerr.LeaderNotAvailable, broker.ReasonBroker, broker.Later, 1},
		{"record too large", kmsg.Produce, kerr.MessageTooLarge, broker.ReasonTooLarge, broker.TooLarge, 1},
		{"batch too large", kmsg.Produce, kerr.RecordListTooLarge, broker.ReasonTooLarge, broker.TooLarge, 1},
		{"bad record", kmsg.Produce, kerr.InvalidRecord, broker.ReasonInvalid, broker.Invalid, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cluster := fake(t)
			cluster.Fault(kfake.Fault{Keys: []kmsg.Key{tt.key}, Topic: "t", Err: tt.err})
			cfg := broker.Config{Brokers: cluster.ListenAddrs()}
			reg := prometheus.NewRegistry()
			p := publisher(t, cfg, reg)
			err := p.Publish(soon(t), "t", []byte("k"), list("1", "2"))
			checkReason(t, err, tt.reason)
			if got := broker.OutcomeOf(broker.Reason(err)); got != tt.out {
				t.Errorf("outcome: got %v, want %v", got, tt.out)
			}
			if next := broker.Advice(err); next != "" {
				checkError(t, err, next)
			}
			if err := p.Publish(soon(t), "t", []byte("k"), list("1", "2")); err != nil {
				t.Fatalf("Publish again: %v", err)
			}
			var want []string
			for range tt.copies {
				want = append(want, "1", "2")
			}
			if got := values(t, cfg, "t", 0); !slices.Equal(got, want) {
				t.Errorf("messages: got %v, want %v", got, want)
			}
			if got := metric(t, reg, "footfall_publisher_messages_total"); got != 2 {
				t.Errorf("messages acknowledged: got %.0f, want 2", got)
			}
		})
	}
}

func TestPublishWaitsForNoTopic(t *testing.T) {
	cfg := broker.Config{Brokers: kafkatest.Start(t)}
	p := publisher(t, cfg, nil)
	err := p.Publish(soon(t), broker.Counters, []byte("k"), list("v"))
	checkReason(t, err, broker.ReasonUnknownTopic)
	checkError(t, err, "start the aggregator once")
	ensure(t, cfg)
	repeat(t, p, broker.Counters, "k", list("v"))
	if got := all(t, cfg, broker.Counters); !slices.Equal(got, []string{"v"}) {
		t.Errorf("messages: got %v, want v", got)
	}
}

// TestPublishToASlowBroker holds an answer back until the sensor has given up: it is told so, and repeats without a loss.
func TestPublishToASlowBroker(t *testing.T) {
	cluster := fake(t)
	cfg := broker.Config{Brokers: cluster.ListenAddrs()}
	p := publisher(t, cfg, nil)
	if err := p.Publish(soon(t), "t", nil, list("0")); err != nil {
		t.Fatalf("Publish: %v", err)
	}
	awake := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.SleepControl(func() { <-awake })
		return nil, nil, false
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	checkReason(t, p.Publish(ctx, "t", nil, list("1")), broker.ReasonTimeout)
	close(awake)
	repeat(t, p, "t", "", list("1"))
	repeat(t, p, "t", "", list("2"))
	got := values(t, cfg, "t", 0)
	slices.Sort(got) // the first attempt may still be stored after the second
	if got = slices.Compact(got); !slices.Equal(got, numbers(0, 3)) {
		t.Errorf("messages: got %v, want 0 to 2", got)
	}
}

// TestPublishFollowsTheLeader moves the partition between three brokers: at most one attempt fails each time.
func TestPublishFollowsTheLeader(t *testing.T) {
	cluster := fake(t, kfake.NumBrokers(3))
	cfg := broker.Config{Brokers: cluster.ListenAddrs()}
	p := publisher(t, cfg, nil)
	for round := range int32(6) {
		if err := cluster.MoveTopicPartition("t", 0, round%3); err != nil {
			t.Fatal(err)
		}
		err := p.Publish(soon(t), "t", nil, list(fmt.Sprint(round)))
		if err != nil {
			checkReason(t, err, broker.ReasonBroker)
			err = p.Publish(soon(t), "t", nil, list(fmt.Sprint(round)))
		}
		if err != nil {
			t.Fatalf("Publish after a move: %v", err)
		}
	}
	if got := values(t, cfg, "t", 0); !slices.Equal(got, numbers(0, 6)) {
		t.Errorf("messages: got %v, want 0 to 5", got)
	}
}

// TestPublishLeavesNothingBehind fails and recovers often, from several goroutines: connections and goroutines end.
func TestPublishLeavesNothingBehind(t *testing.T) {
	cluster := fake(t)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "t", Err: kerr.NotLeaderForPartition, Count: 60})
	p := publisher(t, broker.Config{Brokers: cluster.ListenAddrs()}, nil)
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 20 {
				repeat(t, p, "t", fmt.Sprint(i), list("v"))
			}
		})
	}
	wg.Wait()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := soon(t)
	for runtime.NumGoroutine() > before && ctx.Err() == nil {
		runtime.Gosched()
	}
	if got := runtime.NumGoroutine(); got > before {
		t.Errorf("goroutines: got %d, want %d as before", got, before)
	}
	if got := len(values(t, broker.Config{Brokers: cluster.ListenAddrs()}, "t", 0)); got != 80 {
		t.Errorf("messages: got %d, want 80", got)
	}
}
