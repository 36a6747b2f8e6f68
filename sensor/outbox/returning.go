package outbox

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/outbox/kept"
)

// keptEvery is how often an extended store's visits are written. A power cut loses those since, whose return ids then go when they
// are 28 days old, unless the device comes again.
const keptEvery = time.Minute

// keeping is what an extended store's sensor remembers of the return ids it sent.
type keeping struct {
	table *kept.Table  // nil in any other store
	saved atomic.Int64 // when, on the clock that nobody sets, in nanoseconds
	soon  atomic.Bool  // what is gone must not wait
}

func (o *Outbox) extended() bool { return o.opt.Policy == wire.Policy_POLICY_EXTENDED }

// openKept reads what is kept, or destroys what a store of another policy has no use for.
func (o *Outbox) openKept() (err error) {
	switch {
	case o.opt.State == "":
		return nil
	case !o.extended():
		return kept.Destroy(o.opt.State)
	}
	o.kept.table, err = kept.Open(o.opt.State)
	return err
}

// keepReturns notes the return ids of a message before it can leave. What cannot be kept, and so could not be taken back, is taken
// out of it: where there is no folder or no room, and where the device is not known any more or listed already.
func (o *Outbox) keepReturns(e *wire.Envelope) {
	s := e.GetSightings()
	if len(s.GetReturnOf()) == 0 || len(s.ReturnIds) != 2*len(s.ReturnOf) {
		return // what contradicts itself is refused as invalid
	}
	of, ids := s.ReturnOf[:0], s.ReturnIds[:0]
	for i, at := range s.ReturnOf {
		pair := [2]uint64(s.ReturnIds[2*i:])
		if int(at) >= len(s.Ids) || !o.keepReturn(calendar.Day(e.GetHeader().GetStoreDay()), s.Ids[at], pair) {
			o.metrics.withheld.Inc()
			continue
		}
		of, ids = append(of, at), append(ids, pair[0], pair[1])
	}
	s.ReturnOf, s.ReturnIds = of, ids
	if len(of) == 0 {
		s.ReturnOf, s.ReturnIds, s.ReturnPeriod = nil, nil, 0
	}
}

func (o *Outbox) keepReturn(day calendar.Day, id uint64, pair [2]uint64) bool {
	if o.kept.table == nil {
		return false
	}
	tag, known := o.heard.tag(id)
	return known && !o.opt.List.Has(tag) && o.kept.table.Note(day, kept.Visit{Tag: tag, IDs: pair})
}

// keptDay begins a store-day. What is kept of tags that are listed by now was to be forgotten when the sensor stopped.
func (o *Outbox) keptDay(day calendar.Day) {
	if o.kept.table == nil {
		return
	}
	o.kept.table.BeginDay(day)
	o.kept.soon.Store(true)
	if left := o.matches(nil); len(left) > 0 {
		o.forget(day, nil, left)
	}
}

// matches joins ids of today with the return ids that were sent of the same tags on whatever day.
func (o *Outbox) matches(heard []tagged) (matches []match) {
	byTag := map[uint32][]int{}
	for _, t := range heard {
		m := nobody()
		m.id = t.id
		byTag[t.tag] = append(byTag[t.tag], len(matches))
		matches = append(matches, m)
	}
	if o.kept.table == nil {
		return matches
	}
	for _, k := range o.kept.table.Take(o.opt.List.Has) {
		if free := byTag[k.Tag]; len(free) > 0 {
			byTag[k.Tag] = free[1:]
			matches[free[0]].keep(k)
			continue
		}
		m := nobody()
		m.keep(k)
		matches = append(matches, m)
	}
	return matches
}

// keep takes over what is known.
func (m *match) keep(k kept.Match) {
	m.tag, m.kept = k.Tag, true
	for i, id := range k.IDs {
		if id != 0 {
			m.returns[i] = id
		}
	}
}

// sent ends the keeping of what a Forget in the spool says.
func (o *Outbox) sent(m match) {
	if m.kept {
		o.kept.table.Sent(kept.Match{Tag: m.tag, IDs: m.returns})
		o.kept.soon.Store(true)
	}
}

// expire does away with a Forget that its day's Seal overtakes. Its id goes by that; the return ids do not, so in an extended store
// the Forget is made anew. That happens to every Forget alike, whether it matched or not.
func (o *Outbox) expire(lsn uint64, e *wire.Envelope) {
	if m, day, ok := o.renewed(e); ok {
		o.mu.Lock()
		old, _ := o.ledger.find(lsn)
		if old.first { // then so is this one, and it is counted while it is made
			o.ledger.first++
		}
		o.mu.Unlock()
		o.metrics.messages.WithLabelValues(outMade).Inc()
		// At once, so that the spool has it before it loses the other. The delays that hid anything have passed.
		if err := o.spoolForget(forgetting{match: m, day: day, first: old.first}); err != nil {
			o.giveUp(outLost, 0, err)
		}
	}
	o.drop(lsn, outExpired)
}

// renewed is what a Forget says under the day that a clock to be trusted shows, which the keys may not have reached yet. Where
// nobody knows the day it keeps its own, and waits on.
func (o *Outbox) renewed(e *wire.Envelope) (m match, day calendar.Day, ok bool) {
	was, f := calendar.Day(e.Header.StoreDay), e.GetForget()
	day = was
	if o.opt.Trusted() {
		day = max(was, o.opt.Calendar.DayOf(o.opt.Now()))
	}
	m = nobody()
	periods := int(wire.ReturnPeriod(int32(day)) - wire.ReturnPeriod(int32(was)))
	if !o.extended() || periods >= len(m.returns) || len(f.GetReturnIds()) != len(m.returns) {
		return m, day, false
	}
	copy(m.returns[periods:], f.ReturnIds)
	return m, day, true
}

// saveKept writes what is kept, when its time has come.
func (o *Outbox) saveKept() error {
	now := int64(o.opt.Elapsed())
	if o.kept.table == nil || !o.kept.soon.Swap(false) && now-o.kept.saved.Load() < int64(keptEvery) {
		return nil
	}
	o.kept.saved.Store(now)
	if err := o.kept.table.Save(); err != nil {
		o.kept.soon.Store(true)
		return fmt.Errorf("keep return ids: %w", err)
	}
	return nil
}
