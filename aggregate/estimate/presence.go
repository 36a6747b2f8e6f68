package estimate

import (
	"cmp"
	"math"
	"slices"

	"github.com/openfootfall/footfall/ingest/wire"
)

// collisionsFrom is the crowd from which two models with one 10-bit class are worth correcting for (section 3).
const collisionsFrom = 100

// count is a row as the estimator keeps it: bursts of a sensor with a young memory apart, so that the counters of several
// boots add up as whole numbers and no order of arrival can change a result.
type count struct {
	class              uint16
	band               uint8
	bursts             uint32 // all of them: a class is heard where there is one
	young, fresh, back uint32
}

// minute is one listened minute of one sensor, summed over its boots.
type minute struct {
	at    int64
	epoch int32
	rows  []count // sorted by class, then band
}

// take adds one boot's rows to the minute.
func (m *minute) take(d MinuteData) {
	for _, r := range d.Rows {
		c := count{class: r.Class, band: r.Band, bursts: r.Bursts, fresh: r.Fresh, back: r.Back}
		if d.MemoryAge < fullMemory {
			c.young, c.fresh, c.back = r.Bursts, 0, 0
		}
		m.rows = append(m.rows, c)
	}
	byKey := func(a, b count) int { return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.band, b.band)) }
	if !slices.IsSortedFunc(m.rows, byKey) {
		slices.SortFunc(m.rows, byKey)
	}
	kept := m.rows[:0]
	for _, c := range m.rows {
		if n := len(kept); n > 0 && kept[n-1].class == c.class && kept[n-1].band == c.band {
			kept[n-1].add(c)
			continue
		}
		kept = append(kept, c)
	}
	m.rows = kept
}

func (c *count) add(o count) {
	c.bursts += o.bursts
	c.young += o.young
	c.fresh += o.fresh
	c.back += o.back
}

// Final is how many random devices were inside in each listened minute, with the past and the future of each minute known:
// section 3, final form. The minutes are of one sensor and sorted; several boots may have an entry for the same minute.
// Presence and rate are cut where the class epoch changes. With whole, a capture no longer than the gap has no past, and
// every class heard counts for all of it.
func Final(minutes []MinuteData, p Params, whole bool) []People {
	var ms []minute
	for _, d := range minutes {
		if !d.listened() {
			continue
		}
		if n := len(ms); n == 0 || ms[n-1].at != d.Minute {
			ms = append(ms, minute{at: d.Minute, epoch: d.Epoch})
		}
		ms[len(ms)-1].take(d)
	}
	return final(ms, 0, len(ms), p, whole)
}

// final gives the minutes from index lo up to, not including, hi; the others are their past and future.
func final(ms []minute, lo, hi int, p Params, whole bool) []People {
	if lo >= hi {
		return nil
	}
	whole = whole && float64(ms[len(ms)-1].at-ms[0].at+1) <= p.Gap
	var out []People
	for a := 0; a < hi; {
		b := a + 1
		for b < len(ms) && ms[b].epoch == ms[a].epoch {
			b++
		}
		if b > lo {
			reach := int64(math.Ceil(p.horizon()))
			epoch := ms[a:b]
			from, to := max(lo-a, 0), min(hi, b)-a
			near := epoch[search(epoch, epoch[from].at-reach):search(epoch, epoch[to-1].at+reach+1)]
			from, to = search(near, epoch[from].at), search(near, epoch[to-1].at+1)
			out = append(out, finalEpoch(near, from, to, p, whole)...)
		}
		a = b
	}
	return out
}

// search is the index of the first minute at or after at.
func search(ms []minute, at int64) int {
	i, _ := slices.BinarySearchFunc(ms, at, func(m minute, at int64) int { return cmp.Compare(m.at, at) })
	return i
}

// finalEpoch is final within one class epoch.
func finalEpoch(ms []minute, from, to int, p Params, whole bool) []People {
	out := make([]People, to-from)
	for i := range out {
		out[i].Minute = ms[from+i].at
	}
	heard := byClass(ms)
	var hits []hit
	for _, floor := range p.floors() {
		c := crowd{present: make([]int, len(out)), excess: make([]float64, len(out))}
		for rows := range heard {
			hits = aboveFloor(hits, rows, floor)
			c.addClass(ms, from, to, hits, p, whole)
		}
		for i := range out {
			out[i].Random += p.people(c.present[i], c.excess[i])
		}
	}
	for i := range out {
		out[i].Random /= softFloors
	}
	return out
}

// crowd holds, for each minute asked for, the classes present and the phones beyond the first of each.
type crowd struct {
	present []int
	excess  []float64
}

// addClass adds one class, heard in hits, to the minutes ms[from:to].
func (c *crowd) addClass(ms []minute, from, to int, hits []hit, p Params, whole bool) {
	w := window{ms: ms, hits: hits, p: p}
	next := from
	stays(hits, p.Gap, func(first, last int64) {
		if whole {
			first, last = ms[0].at, ms[len(ms)-1].at
		}
		for next = max(next, search(ms, first)); next < to && ms[next].at <= last; next++ {
			rate := w.rate(ms[next].at-int64(p.Half), ms[next].at+int64(p.Half))
			c.present[next-from]++
			c.excess[next-from] += max(1, rate) - 1
		}
	})
}

// stays calls stay with the first and last minute of each unbroken presence of a class.
func stays(hits []hit, gap float64, stay func(first, last int64)) {
	open := false
	var first, last int64
	for _, h := range hits {
		switch {
		case h.bursts == 0:
			continue
		case open && float64(h.at-last) <= gap:
		case open:
			stay(first, last)
			first = h.at
		default:
			open, first = true, h.at
		}
		last = h.at
	}
	if open {
		stay(first, last)
	}
}

// people is n_f of section 3 for a crowd of present classes whose rates exceed one phone's by excess phones in all.
func (p Params) people(present int, excess float64) float64 {
	s := float64(present)
	n := s
	if present > collisionsFrom {
		n = math.Log1p(-min(s, wire.Classes-1)/wire.Classes) / math.Log1p(-1./wire.Classes)
	}
	return n + s/max(1, s+p.Few)*excess
}
