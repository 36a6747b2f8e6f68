package estimate

import (
	"iter"
	"slices"
)

// hit is one class in one minute, at or above a floor.
type hit struct {
	at int64
	count
}

// byClass yields the rows of each class, in order of class, then minute, then band. The order is part of the result: sums of
// fractions depend on it, and a stream that sees a part of the minutes must come to the same number as one that sees all.
func byClass(ms []minute) iter.Seq[[]hit] {
	total, top := 0, 0
	for _, m := range ms {
		total += len(m.rows)
		for _, r := range m.rows {
			top = max(top, int(r.class))
		}
	}
	ends := make([]int, top+2) // ends[c+1] counts class c first, then becomes where its rows end
	for _, m := range ms {
		for _, r := range m.rows {
			ends[r.class+1]++
		}
	}
	for c := 1; c < len(ends); c++ {
		ends[c] += ends[c-1]
	}
	next := slices.Clone(ends)
	hits := make([]hit, total)
	for _, m := range ms {
		for _, r := range m.rows {
			hits[next[r.class]] = hit{m.at, r}
			next[r.class]++
		}
	}
	return func(yield func([]hit) bool) {
		for c := range top + 1 {
			if ends[c] < ends[c+1] && !yield(hits[ends[c]:ends[c+1]]) {
				return
			}
		}
	}
}

// aboveFloor sums the rows of one class over the bands from floor up, minute by minute. It writes over buffer.
func aboveFloor(buffer, rows []hit, floor uint8) []hit {
	out := buffer[:0]
	for _, r := range rows {
		if r.band < floor {
			continue
		}
		if n := len(out); n > 0 && out[n-1].at == r.at {
			out[n-1].add(r.count)
			continue
		}
		out = append(out, r)
	}
	return out
}

// window slides over the minutes of one epoch, forward only, and sums the counters of one class in it.
type window struct {
	ms                          []minute
	hits                        []hit
	p                           Params
	msLow, msHigh, low, high    int
	sumYoung, sumFresh, sumBack uint64
}

// rate is how many phones of the class the counters between two minutes, both included, speak for: the mean over the listened
// minutes of fresh/kappa + back, at the edges of the epoch over fewer. Little's law makes the mean of back the number of
// returning addresses present (section 4).
func (w *window) rate(first, last int64) float64 {
	for w.high < len(w.hits) && w.hits[w.high].at <= last {
		w.sum(w.hits[w.high].count, 1)
		w.high++
	}
	for w.low < w.high && w.hits[w.low].at < first {
		w.sum(w.hits[w.low].count, -1)
		w.low++
	}
	for w.msHigh < len(w.ms) && w.ms[w.msHigh].at <= last {
		w.msHigh++
	}
	for w.msLow < w.msHigh && w.ms[w.msLow].at < first {
		w.msLow++
	}
	if w.msLow == w.msHigh {
		return 0
	}
	phones := float64(w.sumFresh)/w.p.Kappa + float64(w.sumYoung)/w.p.KappaBursts + float64(w.sumBack)
	return phones / float64(w.msHigh-w.msLow)
}

func (w *window) sum(c count, sign int64) {
	w.sumYoung += uint64(sign * int64(c.young))
	w.sumFresh += uint64(sign * int64(c.fresh))
	w.sumBack += uint64(sign * int64(c.back))
}
