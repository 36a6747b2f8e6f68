package broker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Follower reads one partition on its own, without a group.
type Follower struct {
	Config     Config
	Topic      string
	Partition  int
	Registerer prometheus.Registerer
	Logger     *slog.Logger
	// Wait is how long a fetch waits at the end of the partition, half a second where zero. A message ends the waiting at once;
	// over a metered line a longer one saves megabytes a day (an empty fetch is some 500 bytes).
	Wait time.Duration

	once bool // reading ends soon, and nothing may come twice: it does not look whether the topic is the same
}

// Follow reads from the offset on (Earliest for everything) and calls each with every fetch, also with the empty ones that
// come after every Wait at the end of the partition: a Batch with Next >= End says that all was read. It goes on through
// outages until the context ends or each returns an error, and returns that error. After each outage it looks whether the topic
// is still the one that it read; where it is not, or nothing shows that it is, the next Batch is a Reset, of the earliest messages.
func (f Follower) Follow(ctx context.Context, from int64, each func(Batch) error) error {
	if err := f.Config.Validate(); err != nil {
		return err
	}
	m, err := newConsumerMetrics(f.Registerer)
	if err != nil {
		return err
	}
	if f.Logger == nil {
		f.Logger = slog.New(slog.DiscardHandler)
	}
	r := &partitionReader{cfg: f.Config, topic: f.Topic, partition: f.Partition, offset: from, wait: f.Wait, metrics: m, log: f.Logger}
	if !f.once {
		r.mark = newMark(from)
	}
	return r.run(ctx, each)
}

var errAllRead = errors.New("all read")

// ReadPartition calls each with every message from the offset to the end of the partition as it stands at the call, and
// returns that end. A first message later than from is not an error. An error of each ends it and is returned.
func ReadPartition(ctx context.Context, cfg Config, topic string, partition int, from int64, each func(Message) error) (end int64, err error) {
	first, err := FirstOffset(ctx, cfg, topic, partition)
	if err != nil {
		return 0, err
	}
	end, err = EndOffset(ctx, cfg, topic, partition)
	if err != nil {
		return 0, err
	}
	if from = max(from, first); from >= end {
		return end, nil
	}
	f := Follower{Config: cfg, Topic: topic, Partition: partition, once: true}
	err = f.Follow(ctx, from, func(b Batch) error {
		for _, m := range b.Messages {
			if m.Offset >= end {
				break
			}
			if err := each(m); err != nil {
				return err
			}
		}
		if b.Next >= end {
			return errAllRead
		}
		return nil
	})
	if errors.Is(err, errAllRead) {
		return end, nil
	}
	return end, err
}
