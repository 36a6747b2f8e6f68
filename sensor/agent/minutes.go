package agent

import (
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
)

// beginPeriod starts listening at the first kept frame: until the store closes or its day ends.
func (p *Pipeline) beginPeriod(t int64) {
	p.period.open = true
	p.period.nextMinute = t / minuteNS
	p.period.end = p.dayEnd
	if p.set.Live && p.set.Hours.Open(time.Unix(0, t-minuteNS).In(p.set.Calendar.Location())) {
		p.period.young = t
	}
	if p.set.Hours.Always() {
		return
	}
	loc := p.set.Calendar.Location()
	for at := (t/minuteNS + 1) * minuteNS; at < p.dayEnd; at += minuteNS {
		if !p.set.Hours.Open(time.Unix(0, at).In(loc)) {
			p.period.end = at
			return
		}
	}
}

// endPeriod gives out what is still held. Passers-by whose silence has not lasted long enough yet count in the last minute,
// and everything that remembers an address is emptied: outside opening hours nothing is kept.
func (p *Pipeline) endPeriod() {
	p.bursts.flush()
	last := p.period.lastMinute
	p.expireStays((last + 1) * minuteNS)
	for _, ok := p.stables.oldest(); ok; _, ok = p.stables.oldest() {
		p.resolve(last)
	}
	p.closeMinutes(last + 1)
	p.flushRollup()
	p.bursts.forget()
	p.stables.empty()
	p.randoms.clear()
	class, epoch := p.period.class, p.period.epoch
	p.period = period{}
	if p.set.OneClassKey {
		p.period.class, p.period.epoch = class, epoch
	}
	clear(p.pending)
	p.current = nil
}

// minuteAt is the counters of a minute that is not closed yet.
func (p *Pipeline) minuteAt(number int64) *minute {
	if p.current != nil && p.current.number == number {
		return p.current
	}
	m := p.pending[number]
	if m == nil {
		m = newMinute(number)
		p.pending[number] = m
	}
	if p.current == nil || number > p.current.number {
		p.current = m
	}
	return m
}

// settle does what is due when no burst that began before water can come any more: passers-by that have been silent long
// enough, and minutes that are complete.
func (p *Pipeline) settle(water int64) {
	if len(p.rollup.devices) > 0 && water >= (p.rollup.quarter+1)*quarterNS {
		p.flushRollup()
	}
	if water < (p.period.nextMinute+1)*minuteNS {
		p.expireStays(water)
		return
	}
	for end := (p.period.nextMinute + 1) * minuteNS; end <= water; end += minuteNS {
		p.expireStays(end)
		p.closeMinutes(end / minuteNS)
	}
	p.expireStays(water)
	p.randoms.sweep(water)
}

// closeMinutes gives out the minutes before the given one, empty ones too: a minute listened to with nothing heard is not a
// minute without listening.
func (p *Pipeline) closeMinutes(before int64) {
	for n := p.period.nextMinute; n < before && n <= p.period.lastMinute; n++ {
		m := p.pending[n]
		if m == nil {
			m = newMinute(n)
		}
		p.counts.PassersBy += uint64(m.passersBy)
		p.counts.ExcludedLong += uint64(m.excludedLong)
		if !p.set.Live || m.heard() {
			p.out.minute(m.wire(p.listened(m)), p.epochOf(n))
		}
		delete(p.pending, n)
		if p.current == m {
			p.current = nil
		}
		p.period.nextMinute = n + 1
	}
}

// epochOf is the class epoch of a minute, which may lie before that of the newest frame.
func (p *Pipeline) epochOf(minute int64) int32 {
	if p.set.OneClassKey {
		return p.epoch(minute * minuteNS)
	}
	return p.set.Calendar.ClassEpoch(time.Unix(minute*60, 0))
}

// burst takes a closed burst, in the order of starts.
func (p *Pipeline) burst(b *burst) {
	p.settle(b.start)
	p.counts.Bursts++
	if p.optedOutSince(b) {
		p.counts.OptedOutBursts++
		return
	}
	if b.addr.Random() {
		p.counts.RandomBursts++
		p.randoms.count(b, p.minuteAt(b.start/minuteNS))
		return
	}
	if b.best < p.set.RSSIFloor {
		p.counts.WeakBursts++
		return
	}
	s := p.stables.touch(b.addr, b.start)
	if b.best < p.set.RSSIInside {
		p.counts.OutsideBursts++
		return
	}
	p.inside(s, b)
}

// inside makes a sighting, or where ids may not leave, a mark in the quarter's count.
func (p *Pipeline) inside(s *stay, b *burst) {
	if !p.SendsIDs() && !b.sighted {
		p.counts.CountedBursts++
		s.inside = true
		p.rollup.add(p, b)
		return
	}
	if s.firstInside == 0 { // also of a stay that was only counted while the opt-out list was stale
		s.inside = true
		s.id = b.id
		if !b.sighted {
			s.id = p.newID(b.addr)
		}
		s.firstInside = b.start
	} else if b.start-s.lastInside > int64(SessionTimeout) {
		s.firstInside, s.marked, s.long = b.start, false, false
	}
	s.lastInside = b.start
	p.counts.Sightings++
	if !b.sighted {
		p.out.sighting(s.id, b.start/1e6, wire.Band(int(b.best)))
	}
	p.remember(s, b)
}

// remember does what is due when a stay becomes a visit: it asks the return filters and marks the open day's bucket, and a stay too
// long for a visitor is unmarked again; or, in an extended store, it gives out the return ids.
func (p *Pipeline) remember(s *stay, b *burst) {
	dwell := s.lastInside - s.firstInside
	switch {
	case p.set.Policy == wire.Policy_POLICY_EXTENDED:
		if dwell >= int64(VisitMinDwell) && !s.marked {
			s.marked = true
			p.giveReturnIDs(s, b)
		}
		return
	case p.returns == nil:
		return
	}
	if dwell >= int64(VisitMinDwell) && !s.marked && !s.long {
		buckets := p.hash.Buckets(s.addr)
		s.marked, s.bucket = true, buckets[0]
		p.returns.Mark(buckets[0])
		if p.firstVisit(s, b) {
			weeks, isNew := p.returns.Lookback()
			p.out.answer(s.id, p.returns.Ask(buckets), p.returns.Ones(), weeks, isNew)
		}
	}
	if dwell > int64(VisitMax) && s.marked {
		p.returns.Clear(s.bucket)
		s.marked, s.long = false, true
	}
}

// firstVisit reports whether nothing was sent beside the id today, and has the sighting in the open batch, where what goes beside
// it belongs.
func (p *Pipeline) firstVisit(s *stay, b *burst) bool {
	if _, asked := p.stables.asked[s.id]; asked {
		return false
	}
	p.stables.asked[s.id] = struct{}{}
	if b.sighted { // its batch may have left: the same sighting again counts once
		p.out.sighting(s.id, b.start/1e6, wire.Band(int(b.best)))
	}
	return true
}

// giveReturnIDs gives out the return ids of a visitor. Only a live sensor does: they outlive the day, and a replayed file has nobody
// who takes them back when the address is listed later.
func (p *Pipeline) giveReturnIDs(s *stay, b *burst) {
	if !p.set.Live || p.keysDay != p.day {
		return
	}
	if now, before, ok := p.hash.ReturnIDs(s.addr); ok && p.firstVisit(s, b) {
		p.out.returning(s.id, now, before)
	}
}

// expireStays resolves the stays that have been silent for longer than SessionTimeout at the given time.
func (p *Pipeline) expireStays(at int64) {
	for s, ok := p.stables.oldest(); ok && s.last+int64(SessionTimeout) < at; s, ok = p.stables.oldest() {
		p.resolve((s.last + int64(SessionTimeout)) / minuteNS)
	}
}

// resolve forgets the stay silent longest. If it never came inside it is a passer-by, in the minute given.
func (p *Pipeline) resolve(minute int64) {
	s, _ := p.stables.oldest()
	if !s.inside {
		m := p.minuteAt(min(max(minute, p.period.nextMinute), p.period.lastMinute))
		if s.last-s.first > int64(VisitMax) {
			m.excludedLong++
		} else {
			m.passersBy++
		}
	}
	p.stables.forget()
}
