package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"
)

// Earliest as an offset means the first message that is still there.
const Earliest int64 = kafka.FirstOffset

// Message is a message as it lies in Kafka. A nil Value is a tombstone.
type Message struct {
	Topic     string
	Partition int
	Offset    int64
	Time      time.Time
	Key       []byte
	Value     []byte
}

// Batch is what one fetch from a partition brought, in order. It has no messages where the fetch found none.
type Batch struct {
	Topic     string
	Partition int
	Messages  []Message
	Next      int64 // the offset to go on at; it can lie beyond the last message by some that compaction removed
	End       int64 // the end of the partition as it stood at the fetch: Next >= End means that all was read
	Reset     bool  // the offset asked for was not there, or the topic may be another one; reading began again at the earliest message
}

const (
	fetchBytes = 1 << 20
	fetchWait  = 500 * time.Millisecond
)

// partitionReader reads one partition from an offset on, through broken connections and changes of leader.
type partitionReader struct {
	cfg       Config
	topic     string
	partition int
	offset    int64
	wait      time.Duration // of a fetch; fetchWait where zero
	metrics   consumerMetrics
	log       *slog.Logger
	reset     bool
	mark      *mark // where each connection begins by looking whether the topic is still the same; nil: it does not
}

// run fetches until the context ends or deliver returns an error, which it returns.
func (r *partitionReader) run(ctx context.Context, deliver func(Batch) error) error {
	for failures := 0; ctx.Err() == nil; {
		progress, err := r.session(ctx, deliver)
		var stopped stopError
		switch {
		case errors.As(err, &stopped):
			return stopped.error
		case ctx.Err() != nil:
			return ctx.Err()
		case progress:
			failures = 0
		}
		failures++
		r.metrics.fetchErrors.WithLabelValues(r.topic).Inc()
		if failures == 1 || failures%20 == 0 {
			r.log.Warn("kafka does not answer, reading again", "topic", r.topic, "partition", r.partition, "error", err)
		}
		if !waitUpTo(ctx, failures, r.ceiling()) {
			break
		}
	}
	return ctx.Err()
}

// ceiling of the waits: who is in no hurry at the end of a partition does not knock every three seconds when Kafka is away, nor
// together with a thousand others when it returns.
func (r *partitionReader) ceiling() time.Duration {
	return max(backoffMax, min(2*r.wait, 10*time.Second))
}

// stopError carries an error of deliver through the retries.
type stopError struct{ error }

// session reads through one connection until it fails; progress says that something was fetched.
func (r *partitionReader) session(ctx context.Context, deliver func(Batch) error) (progress bool, err error) {
	conn, err := r.cfg.dialLeader(ctx, r.topic, r.partition)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // wakes a fetch that waits
	if err := r.recognise(conn); err != nil {
		return false, err
	}
	if r.offset < 0 {
		if err := r.toEarliest(conn); err != nil {
			return false, err
		}
	}
	if _, err := conn.Seek(r.offset, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return false, fmt.Errorf("go to an offset of %s/%d: %w", r.topic, r.partition, err)
	}
	// The first fetch of a connection answers soon: somebody may wait to hear that all was read.
	for patience := fetchWait; ; patience = cmp.Or(r.wait, fetchWait) {
		batch, err := r.fetch(conn, patience)
		if ctx.Err() != nil {
			return progress, ctx.Err()
		}
		if errors.Is(err, kafka.OffsetOutOfRange) {
			r.log.Warn("offset is not there any more, reading from the earliest message", "topic", r.topic, "partition", r.partition, "offset", r.offset)
			r.metrics.outOfRange.WithLabelValues(r.topic).Inc()
			r.beginAgain()
			return progress, err
		}
		if err == nil || len(batch.Messages) > 0 {
			progress = true
			batch.Reset, r.reset = r.reset, false
			r.offset = batch.Next
			r.mark.move(batch)
			if stop := deliver(batch); stop != nil {
				return progress, stopError{stop}
			}
		}
		if err != nil {
			return progress, fmt.Errorf("read %s/%d: %w", r.topic, r.partition, err)
		}
	}
}

func (r *partitionReader) toEarliest(conn *kafka.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return fmt.Errorf("set a deadline: %w", err)
	}
	first, err := conn.ReadFirstOffset()
	if err != nil {
		return fmt.Errorf("ask for the earliest offset of %s/%d: %w", r.topic, r.partition, err)
	}
	r.offset = first
	return nil
}

// fetch waits for messages, half a second where the reader has no other time. With an error it returns what it could read before.
func (r *partitionReader) fetch(conn *kafka.Conn, patience time.Duration) (Batch, error) {
	batch := Batch{Topic: r.topic, Partition: r.partition, Next: r.offset}
	if err := conn.SetDeadline(time.Now().Add(patience + callTimeout)); err != nil {
		return batch, fmt.Errorf("set a deadline: %w", err)
	}
	fetched := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: fetchBytes, MaxWait: patience})
	batch.End = fetched.HighWaterMark()
	bytes := 0
	for {
		m, err := fetched.ReadMessage()
		if err != nil {
			break // Close repeats it, unless it is the end
		}
		if m.Offset < r.offset {
			continue // a compressed batch begins before the offset asked for
		}
		bytes += len(m.Key) + len(m.Value)
		batch.Messages = append(batch.Messages, Message{m.Topic, m.Partition, m.Offset, m.Time, m.Key, m.Value})
		batch.Next = m.Offset + 1
	}
	next := fetched.Offset()
	err := fetched.Close()
	switch {
	case errors.Is(err, kafka.RequestTimedOut):
		err = nil // so kafka-go calls a fetch that found nothing
	case err == nil:
		batch.Next = max(batch.Next, next)
	}
	r.metrics.messages.WithLabelValues(r.topic).Add(float64(len(batch.Messages)))
	r.metrics.bytes.WithLabelValues(r.topic).Add(float64(bytes))
	return batch, err
}

// FirstOffset is the offset of the earliest message that is still there, or of the next one where there is none. It asks
// for about ten seconds before it gives up.
func FirstOffset(ctx context.Context, cfg Config, topic string, partition int) (int64, error) {
	return askOffset(ctx, cfg, topic, partition, (*kafka.Conn).ReadFirstOffset)
}

// EndOffset is the offset that the next message will get. It asks for about ten seconds before it gives up.
func EndOffset(ctx context.Context, cfg Config, topic string, partition int) (int64, error) {
	return askOffset(ctx, cfg, topic, partition, (*kafka.Conn).ReadLastOffset)
}

func askOffset(ctx context.Context, cfg Config, topic string, partition int, ask func(*kafka.Conn) (int64, error)) (int64, error) {
	var offset int64
	err := retry(ctx, func() error {
		conn, err := cfg.dialLeader(ctx, topic, partition)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		if err := conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
			return fmt.Errorf("set a deadline: %w", err)
		}
		offset, err = ask(conn)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("ask for an offset of %s/%d: %w", topic, partition, err)
	}
	return offset, nil
}
