package outbox

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
)

const (
	futureMax  = 2 * time.Minute // a time further ahead of a clock to be trusted has no age
	forgetsMax = 48 * time.Hour  // a Forget that waited so long is of a sealed day, whatever the clock says
	// forgetEarly is how long before its day is sealed a Forget counts as too late for it: it has to arrive before the Seal.
	forgetEarly = time.Minute
)

// victim is a message whose ids become counts.
type victim struct {
	lsn   uint64
	cause wire.Rollup_Cause
	e     *wire.Envelope
}

// moment is what ages are measured against.
type moment struct {
	wallMS  int64  // Unix milliseconds
	sealed  int64  // sightings before it are of sealed days, Unix milliseconds
	closing int64  // Forgets before it are too late
	elapsed uint32 // seconds on the clock that nobody sets
	trusted bool   // the wall clock
}

func (o *Outbox) moment() moment {
	now := o.opt.Now()
	return moment{
		wallMS: now.UnixMilli(), sealed: o.sealedBefore(now), closing: o.sealedBefore(now.Add(forgetEarly)),
		elapsed: seconds(o.opt.Elapsed()), trusted: o.opt.Trusted(),
	}
}

// due says whether a message may no longer be sent with its ids. Its age is the larger of what the wall clock says and how long
// this start has held it, so a clock that is set back keeps nothing longer. While the clock is not to be trusted a time ahead of
// it means nothing: a box that wakes up in 1970 keeps what it has, and does not send it.
func (o *Outbox) due(e *entry, at moment) bool {
	held := at.elapsed - min(at.elapsed, e.since)
	switch {
	case e.forget: // its id is with the reader, so only a clock to be trusted may say that its day is sealed there
		return at.trusted && e.timeMS < at.closing || held > seconds(forgetsMax)
	case e.timeMS < at.sealed:
		return true
	case o.opt.Policy == wire.Policy_POLICY_COUNT_ONLY:
		return true
	case at.trusted && e.timeMS-at.wallMS > futureMax.Milliseconds():
		return true
	}
	return at.wallMS-e.timeMS > o.opt.IDAge.Milliseconds() || held > seconds(o.opt.IDAge)
}

// dueCause is why what is due leaves as counts.
func (o *Outbox) dueCause() wire.Rollup_Cause {
	if o.opt.Policy == wire.Policy_POLICY_COUNT_ONLY {
		return wire.Rollup_CAUSE_POLICY
	}
	return wire.Rollup_CAUSE_SPOOL_AGE
}

// age counts and shreds every message with ids whose time has come.
func (o *Outbox) age() {
	at := o.moment()
	o.mu.Lock()
	due := o.ledger.due(func(e *entry) bool { return o.due(e, at) })
	o.mu.Unlock()
	o.rolled.forget(max(at.sealed, at.wallMS-o.opt.IDAge.Milliseconds()-keepQuarterMS))
	for rest := due; len(rest) > 0; {
		rest = o.ageSome(rest)
	}
}

// ageSome reads the first of the messages and those that the same read brings, and returns the others.
func (o *Outbox) ageSome(due []uint64) (rest []uint64) {
	messages, err := o.opt.Spool.Next(due[0]-1, maxMessages, maxBytes)
	if err != nil {
		o.opt.Logger.Error("the spool cannot be read to count what is too old; replace the disk if this stays", "error", err)
		o.troubles.disk(reading, true)
		return nil
	}
	var victims []victim
	dropped := false
	for _, m := range messages {
		for len(due) > 0 && due[0] < m.LSN {
			due = due[1:] // the spool has it no more; watchLosses counts it
		}
		if len(due) == 0 || due[0] != m.LSN {
			continue
		}
		due = due[1:]
		switch e, err := wire.Decode(m.Data); {
		case err != nil || kindOf(e) != m.Kind:
			o.drop(m.LSN, outBroken)
			dropped = true
		case o.foreign(e):
			o.drop(m.LSN, outForeign)
			dropped = true
		case m.Kind == kindForget:
			o.expire(m.LSN, e)
			dropped = true
		default:
			victims = append(victims, victim{m.LSN, o.dueCause(), e})
		}
	}
	if dropped && len(victims) == 0 {
		o.shred()
	}
	o.rollUp(victims)
	if len(messages) == 0 {
		return nil
	}
	return due
}

// rollUp turns messages into counts, which the spool brings to disk before it overwrites the ids. A disk that cannot be written
// stops neither: ids that are due do not wait for it.
func (o *Outbox) rollUp(victims []victim) {
	if len(victims) == 0 {
		return
	}
	touched := map[page]map[int64]struct{}{}
	for _, v := range victims {
		p := page{v.e.Header.StoreDay, v.cause}
		if touched[p] == nil {
			touched[p] = map[int64]struct{}{}
		}
		o.rolled.add(v.e, touched[p])
	}
	pages := slices.SortedFunc(maps.Keys(touched), func(a, b page) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.cause, b.cause))
	})
	for _, p := range pages {
		o.giveOut(p, touched[p])
	}
	o.rolled.trim()
	for _, v := range victims {
		e, _ := o.done(v.lsn)
		o.metrics.messages.WithLabelValues(outRolled).Inc()
		o.metrics.sightings.WithLabelValues(outRolled).Add(float64(e.sightings))
	}
	o.shred()
}

// giveOut spools a Rollup of the quarters.
func (o *Outbox) giveOut(p page, quarters map[int64]struct{}) {
	if len(quarters) == 0 {
		return
	}
	counts := make([]wire.QuarterCount, 0, len(quarters))
	for q := range quarters {
		counts = append(counts, wire.QuarterCount{Quarter: q, Devices: uint32(len(o.rolled[q]))})
	}
	r := wire.NewRollup(p.cause, counts)
	e := &wire.Envelope{
		Header: &wire.Header{
			Store: o.opt.Store, Sensor: o.opt.Sensor, Zone: o.opt.Zone, StoreDay: p.day, BaseMs: r.FirstQuarter * quarterMS,
			OptoutVersion: o.opt.List.Version(), Policy: o.opt.Policy,
		},
		Body: &wire.Envelope_Rollup{Rollup: r},
	}
	o.metrics.messages.WithLabelValues(outMade).Inc()
	raw, err := o.seal(e)
	if err != nil {
		o.giveUp(outInvalid, 0, err)
		return
	}
	if err := o.keep(kindRollup, e.Header.BaseMs, raw, 0); err != nil {
		o.giveUp(outLost, 0, err)
	}
}

// shred makes what was done to the spool true on its disk. An error is told as a trouble, and the next Sync tries again.
func (o *Outbox) shred() { _ = o.Sync() }

// takeOver lists what an earlier start left behind, as held since now. Places come from memory, so that a disk that cannot be read
// here and there hides no message from ageing; how many sightings it has is only counted.
func (o *Outbox) takeOver() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	since := seconds(o.opt.Elapsed())
	for after := uint64(0); ; {
		places := o.opt.Spool.Held(after, maxMessages)
		if len(places) == 0 {
			break
		}
		for _, p := range places {
			after = p.LSN
			o.metrics.messages.WithLabelValues(outRecovered).Inc()
			if hasIDs(p.Kind) {
				o.ledger.add(entry{lsn: p.LSN, timeMS: p.TimeMS, forget: p.Kind == kindForget, since: since})
			}
		}
	}
	for after := uint64(0); ; {
		messages, err := o.opt.Spool.Next(after, maxMessages, maxBytes)
		if err != nil || len(messages) == 0 {
			return err
		}
		for _, m := range messages {
			after = m.LSN
			e, err := wire.Decode(m.Data)
			i, waits := o.ledger.index(m.LSN)
			if err != nil || !waits {
				continue
			}
			n := sightingsOf(e)
			o.ledger.entries[i].sightings = uint32(n)
			o.metrics.sightings.WithLabelValues(outRecovered).Add(float64(n))
		}
	}
}
