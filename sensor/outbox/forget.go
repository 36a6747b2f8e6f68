package outbox

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

const (
	forgetWithin = 3 * time.Second // a Forget's delay
	spareWithin  = time.Hour       // that of a match more than there are records
	// forgetsAtOnce bounds what one change of the list makes: more records than that join only in a flood, or while a sensor was
	// away for long, and matches come first.
	forgetsAtOnce = 4096
)

// forgetting is a Forget whose time has not come.
type forgetting struct {
	match
	at    time.Time
	day   calendar.Day // of the id
	spare bool         // a match that no record stands for
	first bool         // no other id leaves before it
}

// match is what a Forget says.
type match struct {
	id      uint64
	returns [2]uint64 // of an extended store: of the period of the day, and of the one before
	tag     uint32    // whose return ids they are, where kept
	kept    bool      // some of them are
}

// nobody is a match of nothing: what cannot be told from one by who may not read ids.
func nobody() match { return match{id: randomID(), returns: [2]uint64{randomID(), randomID()}} }

// forgets are the Forgets to come. Its lock is held until what is due is in the ledger, and taken before that of the ledger.
type forgets struct {
	mu      sync.Mutex
	waiting []forgetting
	timer   *time.Timer
	closing bool // they do not wait any more
}

// Joined tells that so many records came onto the opt-out list, which knows them already and is not confirmed yet. Each makes
// exactly one Forget, after a random delay of up to three seconds: with an id of today whose tag is listed now, or with a random
// one, so that number, size and time of Forgets are the same whether the device was here or not. Which ids were real is known to
// nobody who may not read ids. Ids that waited for the list to be confirmed wait for these Forgets too.
//
// What can still be told: where more ids match than records joined (two ids of a day share a tag; with 10,000 ids that is one
// match in 27,000), the others take the place of random ids in later Forgets, and what is left of them goes out within an hour,
// as Forgets for which no record stands. Of more than 4,096 records that join at once those beyond have no Forget. What is not
// forgotten: ids of before a restart, of an earlier day, or beyond the bound of Heard; they go when their day is sealed.
//
// In an extended store every Forget has two return ids beside the id: random ones, or those that were sent of the match in the last
// 28 days, for which a device need not have been here today.
func (o *Outbox) Joined(records int) {
	if records <= 0 || o.opt.Policy == wire.Policy_POLICY_COUNT_ONLY {
		return
	}
	day, heard, begun := o.heard.take(o.opt.List.Has)
	if !begun {
		return // there are no ids before the first store-day
	}
	matches := o.matches(heard)
	o.forgets.mu.Lock()
	matches = append(matches, o.forgets.spares(day)...)
	o.forgets.mu.Unlock()
	said := make([]match, min(records, forgetsAtOnce))
	for i := range said {
		if said[i] = nobody(); len(matches) > 0 {
			said[i], matches = matches[0], matches[1:]
		}
	}
	o.forget(day, said, matches)
}

// forget makes Forgets within seconds, and spare ones within the hour.
func (o *Outbox) forget(day calendar.Day, said, spare []match) {
	f := &o.forgets
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range said {
		at := time.Now().Add(mathrand.N(forgetWithin))
		f.waiting = append(f.waiting, forgetting{at: at, match: m, day: day})
	}
	for _, m := range spare {
		at := time.Now().Add(forgetWithin + mathrand.N(spareWithin))
		f.waiting = append(f.waiting, forgetting{at: at, match: m, day: day, spare: true})
	}
	o.giveOutDue()
}

func randomID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return binary.LittleEndian.Uint64(b[:])
}

// spares takes out the matches of the day that no record stands for.
func (f *forgets) spares(day calendar.Day) (matches []match) {
	f.waiting = slices.DeleteFunc(f.waiting, func(w forgetting) bool {
		if w.spare && w.day == day {
			matches = append(matches, w.match)
			return true
		}
		return false
	})
	return matches
}

// due takes out what has its time, in that order, and sets the timer for the others.
func (f *forgets) due(now time.Time, again func()) (due []forgetting) {
	if f.timer != nil {
		f.timer.Stop()
	}
	slices.SortFunc(f.waiting, func(a, b forgetting) int { return a.at.Compare(b.at) })
	n := 0
	for n < len(f.waiting) && (f.closing || !f.waiting[n].at.After(now)) {
		n++
	}
	due = slices.Clone(f.waiting[:n])
	f.waiting = slices.Delete(f.waiting, 0, n)
	if len(f.waiting) == 0 {
		f.waiting = nil
		return due
	}
	f.timer = time.AfterFunc(f.waiting[0].at.Sub(now), again)
	return due
}

// giveOutDue spools the Forgets whose time has come, under the lock of forgets.
func (o *Outbox) giveOutDue() {
	due := o.forgets.due(time.Now(), func() {
		o.forgets.mu.Lock()
		defer o.forgets.mu.Unlock()
		o.giveOutDue()
	})
	for _, f := range due {
		o.metrics.messages.WithLabelValues(outMade).Inc()
		if err := o.spoolForget(f); err != nil {
			o.giveUp(outLost, 0, err)
		}
	}
}

// spoolForget makes the message as of now, or where the clock is not in the id's day, of its nearest instant: the aggregator
// wants them together.
func (o *Outbox) spoolForget(f forgetting) error {
	cal := o.opt.Calendar
	ms := min(max(o.opt.Now().UnixMilli(), cal.Start(f.day).UnixMilli()), cal.End(f.day).UnixMilli()-1)
	e := &wire.Envelope{
		Header: &wire.Header{
			Store: o.opt.Store, Sensor: o.opt.Sensor, Zone: o.opt.Zone, StoreDay: int32(f.day), BaseMs: ms,
			OptoutVersion: o.opt.List.Version(), Policy: o.opt.Policy,
		},
		Body: &wire.Envelope_Forget{Forget: &wire.Forget{Id: f.id}},
	}
	if o.extended() {
		e.GetForget().ReturnIds, e.GetForget().ReturnPeriod = f.returns[:], wire.ReturnPeriod(int32(f.day))
	}
	raw, err := o.seal(e)
	if err == nil {
		err = o.enter(kindForget, raw, entry{timeMS: ms, forget: true, first: f.first})
	}
	if err != nil && f.first {
		o.mu.Lock()
		o.ledger.first--
		o.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("make a Forget: %w", err)
	}
	o.sent(f.match)
	return nil
}

// forgetFirst has all Forgets of now, but what no record stands for, go before any other id.
func (o *Outbox) forgetFirst() {
	o.forgets.mu.Lock()
	defer o.forgets.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.forgets.waiting {
		if w := &o.forgets.waiting[i]; !w.first && !w.spare {
			w.first = true
			o.ledger.first++
		}
	}
	for i := range o.ledger.entries {
		if e := &o.ledger.entries[i]; e.forget && !e.first {
			e.first = true
			o.ledger.first++
		}
	}
}

// closeForgets spools them all: the sensor stops, and the next start knows none.
func (o *Outbox) closeForgets() {
	o.forgets.mu.Lock()
	defer o.forgets.mu.Unlock()
	o.forgets.closing = true
	o.giveOutDue()
}
