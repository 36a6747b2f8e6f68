package agent

import (
	"slices"
	"time"

	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// inHours reports whether the store is open. Within a period it surely is.
func (p *Pipeline) inHours(t int64) bool {
	return p.period.open || p.set.Hours.Open(time.Unix(0, t).In(p.set.Calendar.Location()))
}

func (p *Pipeline) isExcluded(a hwaddr.Addr) bool {
	if len(p.excluded) == 0 {
		return false
	}
	_, ok := p.excluded[a]
	return ok
}

// underList notes which opt-out list holds from here on. It is read once a frame, before any address is looked up, so that
// what is sent as made under a version was never looked up in an older one.
func (p *Pipeline) underList() {
	if p.list != nil && p.out.underList(p.list.Version()) {
		p.forgetListed()
	}
}

// forgetListed drops the stays of addresses that came on the list, and unmarks their return buckets: nothing of them is drawn
// when the day ends.
func (p *Pipeline) forgetListed() {
	if p.list.Len() == 0 {
		return
	}
	for a, i := range p.stables.at {
		if !p.list.Has(p.hash.Tag(a)) {
			continue
		}
		if s := &p.stables.pool[i]; s.marked && p.returns != nil {
			p.returns.Clear(s.bucket)
		}
		p.stables.drop(i)
	}
}

// checkList fails closed when the opt-out list was not confirmed for OptOutMaxAge: only counters leave until it is.
func (p *Pipeline) checkList() {
	if p.listAge == nil {
		return
	}
	p.out.listAge = p.listAge()
	if p.set.Live {
		return // its run loop judges this and all else
	}
	if p.out.listAge > OptOutMaxAge {
		p.FailClosed([]string{FailClosedStaleList})
		return
	}
	p.FailClosed(nil)
}

// FailClosed says why ids may not leave from here on; none: they may.
func (p *Pipeline) FailClosed(reasons []string) {
	p.ear.news = p.ear.news || p.set.Live && !slices.Equal(p.out.failClosed, reasons)
	p.out.failClosed = reasons
	if closed := len(reasons) > 0; closed != p.closed {
		p.flushRollup()
		p.closed = closed
	}
}

// optedOut asks once a burst and list: of a burst that is open its first frame was asked.
func (p *Pipeline) optedOut(a hwaddr.Addr) bool {
	if p.list == nil || p.list.Len() == 0 {
		return false
	}
	i, open := p.bursts.open[a]
	if open && p.bursts.pool[i].list == p.out.version {
		return false
	}
	if p.list.Has(p.hash.Tag(a)) {
		return true
	}
	if open {
		p.bursts.pool[i].list = p.out.version
	}
	return false
}

// optedOutSince asks again about a burst whose list was replaced while it was held.
func (p *Pipeline) optedOutSince(b *burst) bool {
	return p.list != nil && b.list != p.out.version && p.list.Len() > 0 && p.list.Has(p.hash.Tag(b.addr))
}

func (p *Pipeline) hasStrength(probe *dot11.Probe) bool {
	if probe.HasRSSI {
		return true
	}
	p.counts.NoRSSI++
	probe.RSSI = 0
	return p.set.NoRSSIInside
}

// keep counts the frame and adds it to its burst.
func (p *Pipeline) keep(t int64, probe *dot11.Probe) {
	p.counts.Kept++
	if !p.period.open {
		p.beginPeriod(t)
	}
	m := p.minuteAt(t / minuteNS)
	if probe.Addr.Random() {
		m.framesRandom++
	} else {
		m.framesStable++
	}
	p.period.lastMinute = m.number
	a, elements := probe.Addr, probe.Elements
	p.bursts.add(a, t, probe.RSSI, func(b *burst) {
		b.list = p.out.version
		if a.Random() {
			b.class = p.class(t, elements)
		}
	})
	p.settle(p.bursts.watermark(t))
}

// class is the keyed class of a burst's first frame; its key is that of the epoch in which the burst began.
func (p *Pipeline) class(t int64, elements []byte) uint16 {
	if p.classOf != nil {
		return p.classOf(elements)
	}
	p.masked = dot11.Masked(p.masked[:0], elements)
	return p.hash.Class(p.epoch(t), p.masked)
}

func (p *Pipeline) epoch(t int64) int32 {
	if p.set.OneClassKey && p.period.class {
		return p.period.epoch
	}
	if !p.period.class || t >= p.period.epochEnd {
		at := time.Unix(0, t)
		p.period.class, p.period.epoch = true, p.set.Calendar.ClassEpoch(at)
		p.period.epochEnd = p.set.Calendar.EpochEnd(at).UnixNano()
	}
	return p.period.epoch
}
