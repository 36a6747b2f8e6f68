package broker_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

// stamped makes the next append be answered as a broker does whose topic has LogAppendTime.
func stamped(cluster *kfake.Cluster, at time.Time) {
	cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		asked := req.(*kmsg.ProduceRequest)
		partition := kmsg.NewProduceResponseTopicPartition()
		partition.LogAppendTime = at.UnixMilli()
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.Partitions = asked.Topics[0].Topic, []kmsg.ProduceResponseTopicPartition{partition}
		answer := asked.ResponseKind().(*kmsg.ProduceResponse)
		answer.Topics = []kmsg.ProduceResponseTopic{topic}
		return answer, nil, true
	})
}

// TestBrokerTimeIsTheStamp asks brokers whose clocks differ from this machine's by years.
func TestBrokerTimeIsTheStamp(t *testing.T) {
	for _, want := range []time.Time{
		time.UnixMilli(86_400_001), // a Pi that boots in 1970
		time.Date(2026, 10, 25, 2, 30, 0, 123_000_000, time.UTC),
		time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		cluster := fake(t, kfake.SeedTopics(1, broker.Clock))
		stamped(cluster, want)
		got, err := broker.BrokerTime(soon(t), broker.Config{Brokers: cluster.ListenAddrs()})
		if err != nil || !got.Equal(want) {
			t.Errorf("time: got %v, %v, want %v", got, err, want)
		}
	}
}

// askTime asks again for as long as the error has one of the reasons: a fresh topic is not everywhere at once.
func askTime(t *testing.T, cfg broker.Config, again ...string) (time.Time, error) {
	t.Helper()
	ctx := soon(t)
	for {
		got, err := broker.BrokerTime(ctx, cfg)
		if err == nil || errors.Is(err, broker.ErrNoBrokerTime) || !slices.Contains(again, broker.Reason(err)) || ctx.Err() != nil {
			return got, err
		}
	}
}

// TestBrokerTimeOfARealBroker: Apache Kafka stamps in the topic that EnsureTopics made; the embedded broker says that it does
// not, and that it is on this machine.
func TestBrokerTimeOfARealBroker(t *testing.T) {
	cfg := start(t)
	for range 3 {
		before := time.Now().Truncate(time.Millisecond)
		got, err := askTime(t, cfg, broker.ReasonBroker)
		after := time.Now()
		switch {
		case !kafkatest.Apache():
			if !errors.Is(err, broker.ErrNoBrokerTime) || !cfg.Loopback() {
				t.Errorf("embedded: got %v, %v, want ErrNoBrokerTime from this machine", got, err)
			}
		case err != nil || got.Before(before) || got.After(after):
			t.Errorf("time: got %v, %v, want from %v to %v", got, err, before, after)
		}
	}
}

func TestBrokerTimeFails(t *testing.T) {
	plain := broker.Config{Brokers: kafkatest.Start(t)}
	_, err := broker.BrokerTime(soon(t), plain)
	checkReason(t, err, broker.ReasonUnknownTopic)
	checkError(t, err, "start the aggregator once")

	client := &kafka.Client{Addr: kafka.TCP(plain.Brokers...)}
	made, err := client.CreateTopics(soon(t), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: broker.Clock, NumPartitions: 1, ReplicationFactor: 1}},
	})
	if err = errors.Join(err, made.Errors[broker.Clock]); err != nil {
		t.Fatal(err)
	}
	if _, err = askTime(t, plain, broker.ReasonBroker, broker.ReasonUnknownTopic); !errors.Is(err, broker.ErrNoBrokerTime) {
		t.Errorf("a topic made by hand: got %v, want ErrNoBrokerTime", err)
	}
	ensure(t, plain) // sets what is missing
	if kafkatest.Apache() {
		for ctx := soon(t); ctx.Err() == nil; { // Kafka says yes some time before it does it
			if _, err = broker.BrokerTime(ctx, plain); !errors.Is(err, broker.ErrNoBrokerTime) {
				break
			}
		}
		checkError(t, err, "")
	}

	_, err = broker.BrokerTime(soon(t), broker.Config{Brokers: []string{"127.0.0.1:1"}})
	checkReason(t, err, broker.ReasonNetwork)
	checkError(t, err, "check that the broker runs")
	_, err = broker.BrokerTime(soon(t), broker.Config{})
	checkError(t, err, "no Kafka brokers")
}

func TestLoopback(t *testing.T) {
	tests := []struct {
		name    string
		brokers []string
		want    bool
	}{
		{"none", nil, false},
		{"an address", []string{"127.0.0.1:9092"}, true},
		{"another of the same net", []string{"127.8.9.10:9092"}, true},
		{"IPv6 and the name", []string{"[::1]:9092", "localhost:9092"}, true},
		{"one elsewhere", []string{"127.0.0.1:9092", "10.0.0.1:9092"}, false},
		{"a name", []string{"kafka.example.org:9092"}, false},
		{"every address", []string{"0.0.0.0:9092"}, false},
		{"broken", []string{"127.0.0.1"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (broker.Config{Brokers: tt.brokers}).Loopback(); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
