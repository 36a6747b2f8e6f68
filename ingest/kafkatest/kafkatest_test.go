package kafkatest_test

import (
	"slices"
	"testing"

	"github.com/segmentio/kafka-go"

	"github.com/openfootfall/footfall/ingest/kafkatest"
)

// TestStart gives every test a Kafka of its own, without topics.
func TestStart(t *testing.T) {
	var before []string
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			brokers := kafkatest.Start(t)
			if len(brokers) != 1 || slices.Contains(before, brokers[0]) {
				t.Fatalf("brokers: got %v, want one other than %v", brokers, before)
			}
			before = append(before, brokers...)
			conn, err := kafka.Dial("tcp", brokers[0])
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			partitions, err := conn.ReadPartitions()
			if err != nil || len(partitions) != 0 {
				t.Errorf("partitions: got %v, %v, want none", partitions, err)
			}
			if err := conn.CreateTopics(kafka.TopicConfig{Topic: "mine", NumPartitions: 1, ReplicationFactor: 1}); err != nil {
				t.Errorf("create a topic: %v", err)
			}
		})
	}
	if conn, err := kafka.Dial("tcp", before[0]); err == nil {
		_ = conn.Close()
		t.Error("after its test: got a broker that answers, want none")
	}
}
