package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// ErrUnavailable is what errors.Is finds in the error of a change that Kafka did not confirm in time.
var ErrUnavailable = errors.New("the opt-out registry cannot be changed now: try again later")

// DeskOptions say where the registry is.
type DeskOptions struct {
	Config     broker.Config
	Now        func() time.Time // time.Now where nil
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Desk is the registry as the opt-out service, and only it, keeps it: it follows the registry and its quarantine from their
// beginnings, knows what became of each receipt, and writes to both. It is safe for concurrent use while Run runs.
//
// What it writes says no more than the UTC day: neither the records nor the times that they are stamped with do. All changes of
// a kind go one way, whether the tag or the receipt is known or not, so that neither answers nor their times tell.
type Desk struct {
	cfg       broker.Config
	now       func() time.Time
	reg       prometheus.Registerer
	log       *slog.Logger
	publisher *broker.Publisher
	metrics   deskMetrics
	ready     chan struct{} // closed once both topics were read to their end
	withdraw  chan struct{} // wakes who withdraws what failed and came to be stored all the same

	mu      sync.RWMutex
	optouts *book
	held    *book
	unread  int          // topics that were not read to their end since the start
	swept   calendar.Day // when the quarantine was last looked through for what Kafka dropped
	waiting map[write][]chan uint64
	failed  map[write]failure
}

// NewDesk checks the options; Run connects.
func NewDesk(o DeskOptions) (*Desk, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Desk{
		cfg: o.Config, now: o.Now, reg: o.Registerer, log: o.Logger, ready: make(chan struct{}), withdraw: make(chan struct{}, 1),
		optouts: newBook(), held: newBook(), unread: 2, waiting: map[write][]chan uint64{}, failed: map[write]failure{},
	}
	var err error
	if d.publisher, err = broker.NewPublisher(o.Config, broker.ProducerOptions{Now: d.stamp, Registerer: o.Registerer}); err != nil {
		return nil, fmt.Errorf("set up the opt-out registry: %w", err)
	}
	if d.metrics, err = newDeskMetrics(o.Registerer); err != nil {
		return nil, err
	}
	return d, nil
}

// today is the UTC day, which is all that a record says of its time.
func (d *Desk) today() calendar.Day { return calendar.DayOfDate(d.now().UTC().Date()) }

// stamp is the time that Kafka is given with a message: the beginning of the UTC day.
func (d *Desk) stamp() time.Time { return d.today().Date() }

// Run follows both topics through outages until the context ends, and returns the context's error. It is called once.
func (d *Desk) Run(ctx context.Context) error {
	defer func() { _ = d.publisher.Close() }() // its error is always nil
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.follow(ctx, broker.OptOuts, &d.optouts, (*book).list) })
	g.Go(func() error { return d.follow(ctx, broker.Quarantine, &d.held, (*book).hold) })
	g.Go(func() error { return d.withdrawFailed(ctx) })
	return g.Wait()
}

// follow keeps the book that a topic says. Another topic of the same name is the whole truth: its book is written aside and
// takes the old one's place when it is whole.
func (d *Desk) follow(ctx context.Context, topic string, shown **book, write func(b *book, key, value []byte, offset int64) (removed bool, err error)) error {
	f := broker.Follower{Config: d.cfg, Topic: topic, Registerer: d.reg, Logger: d.log}
	building, read := newBook(), false
	return f.Follow(ctx, broker.Earliest, func(b broker.Batch) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if b.Reset {
			building = newBook()
			d.log.Warn("the topic was made anew, so the opt-out service begins anew with it", "topic", topic)
			d.metrics.resets.WithLabelValues(topic).Inc()
		}
		for _, m := range b.Messages {
			removed, err := write(building, m.Key, m.Value, m.Offset)
			if err != nil {
				d.metrics.broken.WithLabelValues(topic).Inc()
				continue
			}
			d.arrived(topic, m, removed)
		}
		building.end = uint64(b.Next)
		if b.Next >= b.End && *shown != building {
			*shown = building
			d.swept = 0
		}
		if b.Next >= b.End && !read {
			read = true
			if d.unread--; d.unread == 0 {
				close(d.ready)
			}
		}
		d.sweep()
		d.observe()
		return nil
	})
}

// sweep lets go of what waits in the quarantine for longer than Kafka keeps it.
func (d *Desk) sweep() {
	today := d.today()
	if today == d.swept {
		return
	}
	d.swept = today
	d.held.sweep(today - calendar.Day(broker.QuarantineRetention/(24*time.Hour)))
}

// Ready says whether both topics were read to their end since the start. Before, Look and Stats know nothing of them.
func (d *Desk) Ready() bool {
	select {
	case <-d.ready:
		return true
	default:
		return false
	}
}

// AwaitReady waits until Ready, or returns the context's error.
func (d *Desk) AwaitReady(ctx context.Context) error {
	select {
	case <-d.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
