package registry

import (
	"context"
	"errors"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// reading is how a desk follows one of its topics.
type reading struct {
	topic string
	heard *time.Time
	shown **book
	write func(b *book, key, value []byte, offset int64) (removed bool, err error)
	whole bool // it was read to its end since the start
}

// errNewDay ends a reading of the quarantine.
var errNewDay = errors.New("another day")

// follow reads a topic again and again. The quarantine is read from its beginning every day: Kafka drops what waited for too long
// there and tells nobody. So what this machine's clock calls too old is let go of for a day at most, should the clock be wrong.
func (d *Desk) follow(ctx context.Context, r *reading) error {
	for {
		if err := d.read(ctx, r); !errors.Is(err, errNewDay) {
			return err
		}
	}
}

// read keeps the book that a topic says. It is written aside and takes the old one's place when it is whole. Another topic of the
// same name is the whole truth, and a book of its own.
func (d *Desk) read(ctx context.Context, r *reading) error {
	f := broker.Follower{Config: d.cfg, Topic: r.topic, Registerer: d.reg, Logger: d.log}
	building, day := newBook(), d.today()
	return f.Follow(ctx, broker.Earliest, func(b broker.Batch) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if b.Reset {
			building = newBook()
			d.log.Warn("the topic was made anew, so the opt-out service begins anew with it", "topic", r.topic)
			d.metrics.resets.WithLabelValues(r.topic).Inc()
		}
		d.take(b, r, building)
		if b.Next >= b.End {
			d.show(r, building, day)
			if r.topic == broker.Quarantine && d.today() != day {
				return errNewDay
			}
		}
		return nil
	})
}

// take writes down what a fetch brought. The caller holds the lock.
func (d *Desk) take(b broker.Batch, r *reading, building *book) {
	for _, m := range b.Messages {
		removed, err := r.write(building, m.Key, m.Value, m.Offset)
		if err != nil {
			d.metrics.broken.WithLabelValues(r.topic).Inc()
			continue
		}
		d.arrived(r.topic, m, removed)
	}
	building.end = uint64(b.Next)
	*r.heard = d.now()
	if bad := d.today() < 1; bad != d.badClock {
		d.badClock = bad
		if bad {
			d.log.Error("nobody can register", "error", ErrClock)
		}
	}
}

// show makes a whole book the one that is asked. The caller holds the lock.
func (d *Desk) show(r *reading, building *book, day calendar.Day) {
	if *r.shown != building {
		if r.topic == broker.Quarantine {
			building.sweep(day - calendar.Day(broker.QuarantineRetention/(24*time.Hour)))
		}
		*r.shown = building
	}
	if !r.whole {
		r.whole = true
		if d.unread--; d.unread == 0 {
			close(d.ready)
		}
	}
	if r.topic == broker.OptOuts {
		close(d.moved)
		d.moved = make(chan struct{})
	}
	d.observe()
}

// caughtUp waits until the desk has read all that is in the registry at the call.
func (d *Desk) caughtUp(ctx context.Context) error {
	end, err := broker.EndOffset(ctx, d.cfg, broker.OptOuts, 0)
	if err != nil {
		return err
	}
	for {
		d.mu.RLock()
		at, moved := d.optouts.end, d.moved
		d.mu.RUnlock()
		if at >= uint64(end) {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
