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

// ErrUnavailable is what errors.Is finds in the error of a change that Kafka did not confirm in time, or that was not tried.
var ErrUnavailable = errors.New("the opt-out registry cannot be changed now: try again later")

// What errors.Is finds besides ErrUnavailable.
var (
	// ErrUncertain is an undo that may have been stored, or may be yet: only looking the receipt up tells.
	ErrUncertain = errors.New("the registration may have been undone: look the receipt up, and undo it again where it is still there")
	// ErrFull is a registration that the quarantine has no room for.
	ErrFull = fmt.Errorf("%w: the quarantine is full: look through it with footfall optout review", ErrUnavailable)
	// ErrClock is a clock that cannot be right: a registration has a date.
	ErrClock = fmt.Errorf("%w: this machine's clock stands before 2020: set it", ErrUnavailable)
)

var (
	errUnread = fmt.Errorf("%w: the opt-out registry is not read yet: registrations are refused until Kafka answers", ErrUnavailable)
	errSilent = fmt.Errorf("%w: Kafka does not answer: registrations are refused until it does", ErrUnavailable)
)

const (
	// silence is how long Kafka may say nothing of either topic, where it is asked twice a second, before it counts as gone.
	silence = 10 * time.Second
	// maxHeld is how many registrations may wait for an operator: some 15 MB of memory. Each takes somebody a proof of work.
	maxHeld = 100_000
)

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

	maxHeld int

	mu       sync.RWMutex
	optouts  *book
	held     *book
	unread   int           // topics that were not read to their end since the start
	heard    [2]time.Time  // when Kafka last said something of the topic
	moved    chan struct{} // closed when something was heard of the registry, and made anew
	badClock bool          // it was said
	waiting  map[write][]chan uint64
	failed   map[write]failure
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
		optouts: newBook(), held: newBook(), unread: 2, moved: make(chan struct{}), maxHeld: maxHeld,
		waiting: map[write][]chan uint64{}, failed: map[write]failure{},
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
	g.Go(func() error {
		return d.follow(ctx, &reading{topic: broker.OptOuts, heard: &d.heard[0], shown: &d.optouts, write: (*book).list})
	})
	g.Go(func() error {
		return d.follow(ctx, &reading{topic: broker.Quarantine, heard: &d.heard[1], shown: &d.held, write: (*book).hold})
	})
	g.Go(func() error { return d.withdrawFailed(ctx) })
	return g.Wait()
}

// Ready says whether registrations can be made: Health says what is wrong where they cannot.
func (d *Desk) Ready() bool { return d.Health() == nil }

// Health is nil where both topics were read to their end since the start, Kafka answers, and the clock can be right. Otherwise it
// is an ErrUnavailable that says what to do. Before both were read, Look and Stats know nothing of them.
func (d *Desk) Health() error {
	if d.today() < 1 {
		return ErrClock
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.unread > 0 {
		return errUnread
	}
	for _, heard := range d.heard {
		if d.now().Sub(heard) > silence {
			return errSilent
		}
	}
	return nil
}

// AwaitReady waits until both topics were read to their end, or returns the context's error.
func (d *Desk) AwaitReady(ctx context.Context) error {
	select {
	case <-d.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
