// Package truncate makes Kafka forget: DeleteRecords, which kafka-go does not have, through franz-go. A partition and an
// offset come in; messages before the offset cannot be read afterwards, and their segments leave the disk once whole. Only
// programs that run beside the aggregator import it; the sensor never does.
package truncate

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	franz "github.com/twmb/franz-go/pkg/sasl"

	"github.com/openfootfall/footfall/ingest/broker"
)

// Options say which Kafka.
type Options struct {
	Kafka broker.Config // the brokers, and how to log in to them

	// Embedded says that it is the embedded broker. The last record of a partition always stays there: after a truncation
	// up to the end, a power cut would begin its offsets at 0 again (DESIGN section 9). Truncated records whose segment is
	// not whole yet become readable again after a power cut, so repeat the truncation after each roll of a segment. Segments
	// are rolled by size, and by RollEach.
	Embedded bool
}

// Truncator deletes the beginnings of partitions. It is safe for concurrent use.
type Truncator struct {
	client   *kadm.Client
	embedded bool
}

// New checks the options; the first truncation connects.
func New(o Options) (*Truncator, error) {
	if err := o.Kafka.Validate(); err != nil {
		return nil, err
	}
	opts := []kgo.Opt{kgo.SeedBrokers(o.Kafka.Brokers...)}
	if o.Kafka.ClientID != "" {
		opts = append(opts, kgo.ClientID(o.Kafka.ClientID))
	}
	if o.Kafka.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(o.Kafka.TLS))
	}
	if o.Kafka.SASL != nil {
		opts = append(opts, kgo.SASL(login{o.Kafka.SASL}))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("set up the truncation of topics: %w", err)
	}
	return &Truncator{client: kadm.NewClient(client), embedded: o.Embedded}, nil
}

// Close ends the connections.
func (t *Truncator) Close() { t.client.Close() }

// Before deletes the messages of a partition before the offset and returns the first offset that can be read then. Repeating
// it is harmless, an offset that was passed already included. An offset beyond the end is an error: it may come from another
// cluster, and nothing is deleted.
func (t *Truncator) Before(ctx context.Context, topic string, partition int, offset int64) (first int64, err error) {
	first, end, err := t.bounds(ctx, topic, int32(partition))
	if err != nil {
		return 0, err
	}
	if offset > end {
		return first, fmt.Errorf("truncate %s/%d before offset %d: it ends at %d: the offset comes from another cluster, or the broker lost messages; "+
			"reset the consumer group's offsets", topic, partition, offset, end)
	}
	if t.embedded {
		offset = min(offset, end-1)
	}
	if offset <= first {
		return first, nil
	}
	var what kadm.Offsets
	what.AddOffset(topic, int32(partition), offset, -1)
	answers, err := t.client.DeleteRecords(ctx, what)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		return first, fmt.Errorf("truncate %s/%d before offset %d: %w", topic, partition, offset, err)
	}
	answer, _ := answers.Lookup(topic, int32(partition))
	return answer.LowWatermark, nil
}

// RollEach has every message of a topic begin a segment, so a file, of its own, or no longer. The embedded broker begins one by size
// alone, and what was truncated leaves the disk only with its file: so whoever truncates has files replaced now and then.
// broker.EnsureTopics undoes it, too. Kafka begins segments by time; there it is an error.
func (t *Truncator) RollEach(ctx context.Context, topic string, each bool) error {
	if !t.embedded {
		return errors.New("have a topic's segments begun: Kafka does so by segment.ms: leave it to it")
	}
	size := strconv.Itoa(broker.EmbeddedSegmentBytes)
	if each {
		size = "1"
	}
	answers, err := t.client.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "segment.bytes", Value: &size}}, topic)
	if err == nil {
		_, err = answers.On(topic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
	}
	if err != nil {
		return fmt.Errorf("have segments of %s begun: %w", topic, err)
	}
	return nil
}

func (t *Truncator) bounds(ctx context.Context, topic string, partition int32) (first, end int64, err error) {
	ask := func(list func(context.Context, ...string) (kadm.ListedOffsets, error)) int64 {
		if err != nil {
			return 0
		}
		var offsets kadm.ListedOffsets
		if offsets, err = list(ctx, topic); err != nil {
			return 0
		}
		o, ok := offsets.Lookup(topic, partition)
		if !ok {
			err = errors.New("there is no such partition")
		} else {
			err = o.Err
		}
		return o.Offset
	}
	first, end = ask(t.client.ListStartOffsets), ask(t.client.ListEndOffsets)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the offsets of %s/%d: %w", topic, partition, err)
	}
	return first, end, nil
}

// login has franz-go log in by the mechanism that the other client was given.
type login struct{ mechanism sasl.Mechanism }

// Name implements franz-go's sasl.Mechanism.
func (l login) Name() string { return l.mechanism.Name() }

// Authenticate implements franz-go's sasl.Mechanism.
func (l login) Authenticate(ctx context.Context, _ string) (franz.Session, []byte, error) {
	steps, first, err := l.mechanism.Start(ctx)
	if err != nil {
		return nil, nil, err
	}
	return session{ctx, steps}, first, nil
}

// session is one login under way; franz-go asks for its steps without a context.
type session struct {
	ctx   context.Context //nolint:containedctx // its interface has no other place for it
	steps sasl.StateMachine
}

// Challenge implements franz-go's sasl.Session.
func (s session) Challenge(challenge []byte) (done bool, answer []byte, err error) {
	return s.steps.Next(s.ctx, challenge)
}
