package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
)

// patience bounds a change, whatever its context allows.
const patience = 15 * time.Second

// write is something that is waited for until it was read back: of a topic and key, a registration or a removal.
type write struct {
	topic   string
	key     keyHash
	removal bool
}

// failure is a registration that was reported as failed. Kafka may have stored it, or do so yet.
type failure struct {
	key   []byte
	since time.Time
	seen  bool // it was stored, and has to be removed
}

// Register appends a registration to the registry and waits until this desk has read it back. It returns the version of the
// list from which on sensors enforce it. A tag that is known already goes the very same way.
//
// An error that is not ErrBroken is ErrUnavailable: nothing is registered then, and what Kafka stores of it later all the same
// is removed again. So the next attempt takes a receipt of its own.
func (d *Desk) Register(ctx context.Context, key []byte, tag uint32) (version uint64, err error) {
	if d.today() < 1 {
		return 0, fmt.Errorf("register: %w", ErrClock)
	}
	key, value, err := Record{Key: key, Tag: tag, Day: int32(d.today())}.Encode()
	if err != nil {
		return 0, fmt.Errorf("register: %w", err)
	}
	if version, err = d.add(ctx, broker.OptOuts, key, value); err != nil {
		return 0, fmt.Errorf("register: %w", err)
	}
	return version, nil
}

// Hold puts a registration into quarantine, where it is not enforced until an operator releases it. Errors are Register's, and
// ErrFull.
func (d *Desk) Hold(ctx context.Context, key []byte, tag, burst uint32) error {
	if err := d.mayHold(); err != nil {
		return fmt.Errorf("hold a registration: %w", err)
	}
	key, value, err := HeldRecord{Key: key, Tag: tag, Day: int32(d.today()), Burst: burst}.Encode()
	if err == nil {
		_, err = d.add(ctx, broker.Quarantine, key, value)
	}
	if err != nil {
		return fmt.Errorf("hold a registration: %w", err)
	}
	return nil
}

func (d *Desk) mayHold() error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	switch {
	case d.today() < 1:
		return ErrClock
	case len(d.held.entries) >= d.maxHeld:
		d.metrics.unavailable.Inc()
		return ErrFull
	}
	return nil
}

// Undo removes the registration with the key from the registry and from the quarantine, and returns a version of the list
// that has it no more. A key that is unknown takes the same way and gets an answer like any other. Other records of the same
// tag stay in force.
//
// An error other than ErrBroken is ErrUnavailable; undoing again is harmless. Where it is not ErrUncertain, nothing was changed.
func (d *Desk) Undo(ctx context.Context, key []byte) (version uint64, err error) {
	if _, _, err := (Record{Key: key, Removed: true}).Encode(); err != nil {
		return 0, fmt.Errorf("undo a registration: %w", err)
	}
	if err := d.Health(); err != nil {
		return 0, fmt.Errorf("undo a registration: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if version, err = d.undo(ctx, key); err != nil {
		return 0, fmt.Errorf("undo a registration: %w: %w", err, ErrUncertain)
	}
	return version, nil
}

// undo writes two messages, whether the key is known or not. The first goes to the quarantine. Somebody who releases the
// registration meanwhile finds it gone there and takes it back, or has written it to the registry by now (Release); so then all of
// the registry is read that there is. The second removes the key from the registry if it is there. If it is not, the message would
// stay for nothing, on the embedded broker for ever: then it goes to the quarantine, which drops it, under a key that nobody has.
//
// What remains: the topics are different ones, so the second message of a hit may take another time than that of a miss, by as
// much as one topic's disk and reader are slower at the moment than the other's. It would tell whether a receipt of 100 random
// bits is good to somebody who holds it, and whom Look tells the same.
func (d *Desk) undo(ctx context.Context, key []byte) (version uint64, err error) {
	h := hashKey(key)
	if _, err := d.confirmed(ctx, write{broker.Quarantine, h, true}, key, nil); err != nil {
		return 0, err
	}
	if err := d.caughtUp(ctx); err != nil {
		return 0, fmt.Errorf("read the registry: %w: %w", err, ErrUnavailable)
	}
	d.mu.RLock()
	_, listed := d.optouts.entries[h]
	version = d.optouts.end
	d.mu.RUnlock()
	if listed {
		return d.confirmed(ctx, write{broker.OptOuts, h, true}, key, nil)
	}
	nobodys := make([]byte, len(key))
	_, _ = rand.Read(nobodys) // it never fails
	_, err = d.confirmed(ctx, write{broker.Quarantine, hashKey(nobodys), true}, nobodys, nil)
	return version, err
}

// add writes a registration, or sees to it that there is none.
func (d *Desk) add(ctx context.Context, topic string, key, value []byte) (version uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return d.confirmed(ctx, write{topic, hashKey(key), false}, key, value)
}

// confirmed sends a message and waits until the desk has read it back. It returns the offset behind it. A registration that was
// not confirmed is remembered: it may be stored all the same.
func (d *Desk) confirmed(ctx context.Context, w write, key, value []byte) (next uint64, err error) {
	back := make(chan uint64, 1)
	d.mu.Lock()
	d.waiting[w] = append(d.waiting[w], back)
	d.mu.Unlock()
	if err = d.publish(ctx, w.topic, key, value); err == nil {
		select {
		case next = <-back:
		case <-ctx.Done():
			err = fmt.Errorf("read it back from Kafka: %w", ctx.Err())
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting[w] = slices.DeleteFunc(d.waiting[w], func(c chan uint64) bool { return c == back }); len(d.waiting[w]) == 0 {
		delete(d.waiting, w)
	}
	if err != nil {
		select {
		case next = <-back: // Kafka stored it without saying so
			err = nil
		default:
		}
	}
	if err == nil {
		delete(d.failed, w)
		return next, nil
	}
	if !w.removal {
		d.failed[w] = failure{key: slices.Clone(key), since: d.now()}
	}
	d.metrics.unavailable.Inc()
	return 0, fmt.Errorf("%w: %w", err, ErrUnavailable)
}

// attempts of a change: a leader that moved is found by the second, and a page does not wait for longer.
const attempts = 4

// publish sends a message. Sending it again is harmless: a key has one record.
func (d *Desk) publish(ctx context.Context, topic string, key, value []byte) (err error) {
	for attempt := 1; ; attempt++ {
		err = d.publisher.Publish(ctx, topic, key, [][]byte{value})
		if err == nil || attempt == attempts || ctx.Err() != nil || broker.OutcomeOf(broker.Reason(err)) != broker.Later || !pause(ctx, time.Duration(attempt)*pauseUnit) {
			return err
		}
	}
}

const pauseUnit = 100 * time.Millisecond

// pause sleeps, and says whether the context still lives.
func pause(ctx context.Context, length time.Duration) bool {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// arrived tells who waits for a message that it was read. The caller holds the lock.
func (d *Desk) arrived(topic string, m broker.Message, removal bool) {
	if len(d.waiting) == 0 && len(d.failed) == 0 {
		return // a million records are read at a start
	}
	w := write{topic, hashKey(m.Key), removal}
	for _, back := range d.waiting[w] {
		select {
		case back <- uint64(m.Offset) + 1:
		default: // it was told
		}
	}
	if f, known := d.failed[w]; known && len(d.waiting[w]) == 0 {
		f.seen = true
		d.failed[w] = f
		select {
		case d.withdraw <- struct{}{}:
		default:
		}
	}
}

const (
	failureAge    = time.Hour // after which Kafka stores nothing any more that it was sent
	withdrawPause = 3 * time.Second
)

// withdrawFailed removes registrations that were stored although their senders were told that they were not.
func (d *Desk) withdrawFailed(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.withdraw:
		}
		for w, f := range d.stored() {
			for {
				err := d.publish(ctx, w.topic, f.key, nil)
				if err == nil {
					break
				}
				if !pause(ctx, withdrawPause) {
					return ctx.Err()
				}
			}
			d.metrics.withdrawn.Inc()
			d.mu.Lock()
			delete(d.failed, w)
			d.mu.Unlock()
		}
	}
}

// stored are the failures that Kafka came to store. Old ones that it did not are forgotten.
func (d *Desk) stored() map[write]failure {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := map[write]failure{}
	for w, f := range d.failed {
		switch {
		case f.seen:
			seen[w] = f
		case d.now().Sub(f.since) > failureAge:
			delete(d.failed, w)
		}
	}
	return seen
}
