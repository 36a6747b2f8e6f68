package broker_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

func describe(t *testing.T, cfg broker.Config, topic string) map[string]string {
	t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(cfg.Brokers...)}
	res, err := client.DescribeConfigs(soon(t), &kafka.DescribeConfigsRequest{
		Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic}},
	})
	if err != nil {
		t.Fatalf("DescribeConfigs: %v", err)
	}
	got := map[string]string{}
	for _, r := range res.Resources {
		for _, e := range r.ConfigEntries {
			got[e.ConfigName] = e.ConfigValue
		}
	}
	return got
}

func TestEnsureTopicsSettings(t *testing.T) {
	cfg := broker.Config{Brokers: kafkatest.Start(t)}
	embedded := broker.Settings{Partitions: 3, Replication: 1, SealAfter: 4 * time.Hour, Embedded: !kafkatest.Apache()}
	optouts := map[string]string{"retention.ms": "-1", "cleanup.policy": "delete"} // the embedded broker must not compact
	if kafkatest.Apache() {
		optouts = map[string]string{"cleanup.policy": "compact"}
	}
	hour := func(n int) string { return fmt.Sprint(n * 3600 * 1000) }
	check := func(step, topic string, want map[string]string) {
		t.Helper()
		got := describe(t, cfg, topic)
		for ctx := soon(t); ctx.Err() == nil; got = describe(t, cfg, topic) { // Apache Kafka says yes some time before it does it
			if !slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(name string) bool { return got[name] != want[name] }) {
				break
			}
		}
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%s: %s of %s: got %q, want %q", step, name, topic, got[name], want[name])
			}
		}
	}
	for _, step := range []string{"first", "again"} {
		if err := broker.EnsureTopics(soon(t), cfg, embedded); err != nil {
			t.Fatalf("%s: EnsureTopics: %v", step, err)
		}
		check(step, broker.Sightings, map[string]string{"retention.ms": hour(30), "segment.ms": hour(1), "cleanup.policy": "delete"})
		check(step, broker.Counters, map[string]string{"retention.ms": hour(12), "segment.ms": hour(1), "cleanup.policy": "delete"})
		check(step, broker.OptOuts, optouts)
		check(step, broker.DeadLetters, map[string]string{"retention.ms": hour(720), "cleanup.policy": "delete"})
		check(step, broker.Clock, map[string]string{"retention.ms": hour(1), "message.timestamp.type": "LogAppendTime"})
	}
	later := embedded
	later.SealAfter = 10 * time.Hour
	if err := broker.EnsureTopics(soon(t), cfg, later); err != nil {
		t.Fatalf("EnsureTopics with another seal_after: %v", err)
	}
	check("another seal_after", broker.Sightings, map[string]string{"retention.ms": hour(36)})

	more := embedded
	more.Partitions = 6
	err := broker.EnsureTopics(soon(t), cfg, more)
	if err == nil || !strings.Contains(err.Error(), "has 3 partitions and should have 6") {
		t.Errorf("another number of partitions: got %v, want an error that names both", err)
	}
	for topic, want := range map[string]int{broker.Sightings: 3, broker.Counters: 3, broker.OptOuts: 1, broker.DeadLetters: 1, broker.Clock: 1} {
		conn, err := kafka.Dial("tcp", cfg.Brokers[0])
		if err != nil {
			t.Fatal(err)
		}
		got, err := conn.ReadPartitions(topic)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != want {
			t.Errorf("partitions of %s: got %d, want %d", topic, len(got), want)
		}
		_ = conn.Close()
	}
}

func TestEnsureTopicsCompactsTheRegistryOnKafka(t *testing.T) {
	if !kafkatest.Apache() {
		t.Skipf("the embedded broker never compacts: set %s for Apache Kafka", kafkatest.LibsEnv)
	}
	cfg := start(t)
	if got := describe(t, cfg, broker.OptOuts); got["cleanup.policy"] != "compact" || got["max.compaction.lag.ms"] != "86400000" {
		t.Errorf("the registry's cleanup: got %v, want compaction within a day", got)
	}
}

func TestSettingsValidate(t *testing.T) {
	good := broker.Settings{Partitions: 12, Replication: 3, SealAfter: 24 * time.Hour}
	tests := []struct {
		name   string
		change func(*broker.Settings)
		want   string
	}{
		{"as it should be", func(*broker.Settings) {}, ""},
		{"no partitions", func(s *broker.Settings) { s.Partitions = 0 }, "0 partitions"},
		{"no copies", func(s *broker.Settings) { s.Replication = 0 }, "replication 0"},
		{"sealed before the day ends", func(s *broker.Settings) { s.SealAfter = -time.Second }, "seal_after -1s"},
		{"sealed in a week", func(s *broker.Settings) { s.SealAfter = 7 * 24 * time.Hour }, "seal_after 168h"},
		{"everything", func(s *broker.Settings) { *s = broker.Settings{SealAfter: -1} }, "replication 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := good
			tt.change(&s)
			checkError(t, s.Validate(), tt.want)
		})
	}
}

func TestConfigValidate(t *testing.T) {
	tests := []struct {
		name    string
		brokers []string
		want    string
	}{
		{"one", []string{"127.0.0.1:9092"}, ""},
		{"an IPv6 address", []string{"[::1]:9092"}, ""},
		{"none", nil, "no Kafka brokers"},
		{"no port", []string{"kafka.example.org"}, "write it as host:port"},
		{"no host", []string{":9092"}, "write it as host:port"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := broker.Config{Brokers: tt.brokers}
			checkError(t, cfg.Validate(), tt.want)
			_, err := broker.NewProducer(cfg, broker.ProducerOptions{})
			checkError(t, err, tt.want)
			_, err = broker.NewConsumer(cfg, broker.ConsumerOptions{Group: "g", Topics: []string{"t"}})
			checkError(t, err, tt.want)
		})
	}
}

// checkError wants an error that contains the text, or none for no text.
func checkError(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("error: got %v, want %q in it", err, want)
	}
}
