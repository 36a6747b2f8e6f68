package estimate

import (
	"math"
	"slices"
)

// Quarter is the length of a cell in minutes. Cells begin on the clock's quarters, which are those of UTC in every time zone.
const Quarter = 15

// Interval is what n people estimated may be in truth, at 95 %, where no truth on site has calibrated the estimate: section 3.
// It was measured on cells of a quarter of an hour and covered 92 to 95 % of them (section 2.6).
func Interval(n float64) (low, high float64) { return interval(n, 1) }

// interval is Interval for the mean of as many crowds as follow one another in its time: the counting part of the spread,
// 1 + n, is each crowd's own and averages out; the part that grows with n is the phones' unknown habits, and stays.
func interval(n, crowds float64) (low, high float64) {
	n = max(0, n)
	own := (1 + n) / crowds
	return max(0, n-2.3*math.Sqrt(own+.02*n*n)), n + 2.6*math.Sqrt(own+.12*n*n)
}

// Max joins what several sensors say of one zone, or several zones of one store: minute by minute the largest. A minute that
// only some of them listened to is theirs; one that none listened to is left out. Each series is sorted by minute.
func Max(series ...[]People) []People {
	var all []People
	for _, s := range series {
		all = append(all, s...)
	}
	slices.SortFunc(all, func(a, b People) int {
		switch {
		case a.Minute != b.Minute:
			return int(min(max(a.Minute-b.Minute, -1), 1))
		case a.Random > b.Random:
			return -1
		case a.Random < b.Random:
			return 1
		}
		return 0
	})
	return slices.CompactFunc(all, func(a, b People) bool { return a.Minute == b.Minute })
}

// Cell is the people inside over a stretch of time. Its means are over the minutes that were listened to.
type Cell struct {
	Start   int64   // Unix minutes, the first minute of the quarter of an hour
	Minutes int     // minutes listened to
	Stable  float64 // mean stable devices inside
	Random  float64 // mean random devices inside
	// Occupancy is their sum; truth lies from Low to High in 95 of 100 cells (Interval).
	Occupancy, Low, High float64
}

// Cells gives the cell of each quarter of an hour in which a minute was listened to. random has the listened minutes of a
// store or zone in order; stable says how many stable devices were inside in a minute and may be nil.
func Cells(random []People, stable func(minute int64) float64) []Cell {
	var out []Cell
	for _, m := range random {
		start := m.Minute - (m.Minute%Quarter+Quarter)%Quarter
		if n := len(out); n == 0 || out[n-1].Start != start {
			out = append(out, Cell{Start: start})
		}
		c := &out[len(out)-1]
		c.Minutes++
		c.Random += m.Random
		if stable != nil {
			c.Stable += stable(m.Minute)
		}
	}
	for i := range out {
		c := &out[i]
		c.Random /= float64(c.Minutes)
		c.Stable /= float64(c.Minutes)
		c.Occupancy = c.Random + c.Stable
		c.Low, c.High = Interval(c.Occupancy)
	}
	return out
}

// Mean is the mean occupancy over several cells, an hour's or a store-day's, each with the weight of its minutes; w is the
// mean stay in minutes. Start is the first cell's.
//
// The interval of one cell is for one crowd with an unknown mix of phones. That mix is largely shared over a day, so the part
// of the spread that grows with the crowd (.02 n^2, .12 n^2) is kept whole however many cells there are, and a large crowd's
// day is known to -33 % and +90 % at best. Only the counting part (1 + n) is divided, by the crowds that can have followed
// one another: the time over twice the mean stay, which is the correlation time of a crowd whose stays scatter as much as
// they last. One cell, or any time shorter than that, has Interval. On 26 day-sensors of the lab (shared/data, G = W = 36) it
// held for all days and 94 % of hours.
func Mean(cells []Cell, w float64) Cell {
	var mean Cell
	for _, c := range cells {
		if mean.Minutes == 0 {
			mean.Start = c.Start
		}
		mean.Minutes += c.Minutes
		mean.Random += c.Random * float64(c.Minutes)
		mean.Stable += c.Stable * float64(c.Minutes)
	}
	if mean.Minutes == 0 {
		return Cell{}
	}
	mean.Random /= float64(mean.Minutes)
	mean.Stable /= float64(mean.Minutes)
	mean.Occupancy = mean.Random + mean.Stable
	mean.Low, mean.High = interval(mean.Occupancy, crowds(float64(mean.Minutes), w))
	return mean
}

// crowds is how many crowds with a mean stay of w can follow one another in so many minutes, at least one.
func crowds(minutes, w float64) float64 { return max(1, minutes/(2*max(w, Quarter))) }
