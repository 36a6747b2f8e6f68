package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
)

// RewriteOptions say which Kafka forgets, and how.
type RewriteOptions struct {
	Config broker.Config // of the embedded broker
	// Truncate deletes the messages of a partition before an offset: truncate.Truncator.Before.
	Truncate func(ctx context.Context, topic string, partition int, before int64) (first int64, err error)
	// Roll has each batch of a topic begin a file of its own, or no longer: truncate.Truncator.RollEach.
	Roll   func(ctx context.Context, topic string, each bool) error
	Logger *slog.Logger
}

// Rewrite has the embedded broker forget what was undone: it compacts nothing, so tag, day and receipt's hash of a registration that
// was undone would stay. Where the registry or its quarantine has anything that is superseded, the records that count are appended
// again, as they are and under the same day, and what stood before them is truncated. Offsets only grow, so versions of the list do
// too, and who follows sees no record join or leave. A crash at any point leaves each record at least once; the next start ends it.
// It is called before anybody writes; what somebody writes all the same while it runs stays the newest.
func Rewrite(ctx context.Context, o RewriteOptions) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	decode := map[string]func(key, value []byte) (removed bool, err error){
		broker.OptOuts:    func(key, value []byte) (bool, error) { r, err := Decode(key, value); return r.Removed, err },
		broker.Quarantine: func(key, value []byte) (bool, error) { r, err := DecodeHeld(key, value); return r.Removed, err },
	}
	for _, topic := range []string{broker.OptOuts, broker.Quarantine} {
		if err := (rewriting{o, topic, decode[topic]}).run(ctx); err != nil {
			return fmt.Errorf("have %s forget what was undone: %w: it is tried again at the next start", topic, err)
		}
	}
	return nil
}

// rewriting is that of one topic.
type rewriting struct {
	RewriteOptions
	topic  string
	decode func(key, value []byte) (removed bool, err error)
}

// blank is the key of a removal that stands in a topic of which nothing is left: the embedded broker keeps the last message of a
// partition, and that must not be of somebody's receipt. It is no receipt's hash.
func blank() []byte { return make([]byte, 32) }

func (w rewriting) run(ctx context.Context) error {
	messages := 0
	live := map[string]broker.Message{}
	newest := ""
	end, err := broker.ReadPartition(ctx, w.Config, w.topic, 0, broker.Earliest, func(m broker.Message) error {
		messages++
		newest = string(m.Key)
		if removed, err := w.decode(m.Key, m.Value); err == nil && !removed {
			live[newest] = m
		} else if err == nil {
			delete(live, newest)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if messages == len(live) || messages == 1 && newest == string(blank()) {
		return nil // nothing is superseded
	}
	if err := w.again(ctx, live, end); err != nil {
		return err
	}
	if _, err := w.Truncate(ctx, w.topic, 0, end); err != nil {
		return err
	}
	w.Logger.Info("what was undone is forgotten", "topic", w.topic, "records", len(live), "messages_before", messages)
	return nil
}

// again appends the records behind the end, in files that nothing of before is in.
func (w rewriting) again(ctx context.Context, live map[string]broker.Message, end int64) (err error) {
	if err := w.Roll(ctx, w.topic, true); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Roll(ctx, w.topic, false)) }()
	records := make([]broker.Message, 0, len(live)+1)
	for _, m := range live {
		records = append(records, m)
	}
	slices.SortFunc(records, func(a, b broker.Message) int { return int(a.Offset - b.Offset) })
	if len(records) == 0 {
		records = append(records, broker.Message{Key: blank(), Time: time.Now().UTC().Truncate(24 * time.Hour)})
	}
	if err := w.write(ctx, records); err != nil {
		return err
	}
	var others []broker.Message // written by somebody else since the end was asked for: they are newer than what was read
	_, err = broker.ReadPartition(ctx, w.Config, w.topic, 0, end, func(m broker.Message) error {
		if was, ours := live[string(m.Key)]; (!ours || !bytes.Equal(was.Value, m.Value)) && !bytes.Equal(m.Key, blank()) {
			others = append(others, m)
		}
		return nil
	})
	if err == nil && len(others) > 0 {
		err = w.write(ctx, others)
	}
	return err
}

// write appends messages under the times that they have, in few requests: those of one day go together.
func (w rewriting) write(ctx context.Context, messages []broker.Message) (err error) {
	var at atomic.Int64
	p, err := broker.NewProducer(w.Config, broker.ProducerOptions{Now: func() time.Time { return time.UnixMilli(at.Load()) }, Logger: w.Logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(ctx)) }()
	for i, m := range messages {
		if i > 0 && !m.Time.Equal(messages[i-1].Time) {
			if err := p.Flush(ctx); err != nil {
				return err
			}
		}
		at.Store(m.Time.UnixMilli())
		if err := p.Send(ctx, w.topic, m.Key, m.Value); err != nil {
			return err
		}
	}
	return p.Flush(ctx)
}
