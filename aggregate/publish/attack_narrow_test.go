package publish

import (
	"fmt"
	"maps"
	"math"
	"testing"

	"github.com/openfootfall/footfall/aggregate/estimate"
)

// published is what a metric reads, as text, by the draw and the exact count.
type published struct {
	name string
	of   func(c Cell, n int) string
}

func metric(name string, of func(c Cell, n int) any) published {
	return published{name, func(c Cell, n int) string { return fmt.Sprint(of(c, n)) }}
}

// countsOfAllTables are all published counts, with their states, and what is shown or not by a count. Of an estimate it is the number:
// its interval also moves with the counted part, which is a count of its own.
func countsOfAllTables() []published {
	number := func(e Estimate) any { return [2]any{e.N, e.State} }
	day := func(c Cell, change func(*Day)) DayRow {
		d := Day{Condition: Measured, Visits: 103, Visitors: 97, Bounces: 31, PassersBy: 44, Engaged: 52, DwellP25S: 1, DwellP50S: 2, DwellP75S: 3, Estimated: counted(103, 720)}
		change(&d)
		return c.day(d)
	}
	return []published{
		metric("live occupancy", func(c Cell, n int) any { return number(c.Estimate(interval(float64(n)))) }),
		metric("quarter: occupancy", func(c Cell, n int) any {
			return number(c.quarter(Quarter{Condition: Measured, Occupancy: interval(float64(n))}).Occupancy)
		}),
		metric("quarter: occupancy with its interval", func(c Cell, n int) any {
			return c.quarter(Quarter{Condition: Measured, Occupancy: interval(float64(n))}).Occupancy
		}),
		metric("quarter: estimated visits", func(c Cell, n int) any {
			return number(c.quarter(Quarter{Condition: Measured, Estimated: visits(float64(n)+7.3, float64(n))}).EstimatedVisits)
		}),
		metric("quarter: counted", func(c Cell, n int) any {
			return c.quarter(Quarter{Condition: Measured, HasCounted: true, Counted: n}).Counted
		}),
		metric("hour: visits", func(c Cell, n int) any { return c.hour(Hour{Condition: Measured, Visits: n}).Visits }),
		metric("hour: estimated visits", func(c Cell, n int) any {
			return number(c.hour(Hour{Condition: Measured, Estimated: visits(float64(n)+12.8, float64(n))}).EstimatedVisits)
		}),
		metric("zone hour: visits", func(c Cell, n int) any { return c.Count(n) }),
		metric("day: visits", func(c Cell, n int) any { return day(c, func(d *Day) { d.Visits = n }).Visits }),
		metric("day: visitors", func(c Cell, n int) any { return day(c, func(d *Day) { d.Visitors = n }).Visitors }),
		metric("day: visitors, and whether dwell is shown", func(c Cell, n int) any {
			out := day(c, func(d *Day) { d.Visitors = n })
			return [2]any{out.Visitors, out.Dwell.State}
		}),
		metric("day: bounces", func(c Cell, n int) any { return day(c, func(d *Day) { d.Bounces = n }).Bounces }),
		metric("day: passers-by", func(c Cell, n int) any { return day(c, func(d *Day) { d.PassersBy = n }).PassersBy }),
		metric("day: estimated visits", func(c Cell, n int) any {
			return number(day(c, func(d *Day) { d.Estimated = visits(float64(n)+40.1, float64(n)) }).EstimatedVisits)
		}),
		metric("week: visitors", func(c Cell, n int) any { return c.Count(n) }),
		metric("week: whether a day is full enough for shares", func(c Cell, n int) any { return c.Count(n).certain() }),
		metric("week: the shares' interval, by answers", func(c Cell, n int) any { return StateValue.rate(rate(.3, 1.1), c.Count(n)) }),
	}
}

// TestOneDeviceChangesAPublishedCountWithAFifthAtMost: one device more or less, which visits once, changes a published count, its state
// included, with a probability of .2 at most over the keys. It is exact: of the five parts of a draw that matter, at most one. A device
// that visits three times is three visits, and changes their number with up to .6; it is one visitor.
func TestOneDeviceChangesAPublishedCountWithAFifthAtMost(t *testing.T) {
	for _, m := range countsOfAllTables() {
		for n := range 200 {
			const fine = 500 // estimates have parts that are not whole
			changed := 0
			for i := range fine {
				c := Cell{(float64(i) + .5) / fine}
				if m.of(c, n) != m.of(c, n+1) {
					changed++
				}
			}
			if changed > fine/5+1 {
				t.Errorf("%s, %d to %d: got a change with %.3f, want .2 at most", m.name, n, n+1, float64(changed)/fine)
				break
			}
		}
	}
	if m := fifths(func(_ Cell, n int) bool { return n >= 10 }, 9); m != 5 { // the control: a device that decides by itself what is shown
		t.Errorf("an exact threshold changes in %d fifths of the draws, want 5: this test sees nothing", m)
	}
}

// fifths is in how many fifths of the draws one more changes what is shown of n.
func fifths(shown func(Cell, int) bool, n int) (changed int) {
	for _, c := range draws {
		if shown(c, n) != shown(c, n+1) {
			changed++
		}
	}
	return changed
}

// TestAPhoneThatSpeaksForManyChangesAnEstimateInProportion: in an estimate a phone with made-up addresses counts for its stay over the mean
// stay, which may be more than one visit. The number then changes with a fifth of that: who stays three times as long as others, with .6.
// There is no number of devices in it that could be rounded; .2 holds for whoever counts once.
func TestAPhoneThatSpeaksForManyChangesAnEstimateInProportion(t *testing.T) {
	const fine = 2000
	for _, speaks := range []float64{.25, .5, 1, 2, 3} {
		for n := 0.; n < 120; n += .7 {
			changed := 0
			for i := range fine {
				c := Cell{(float64(i) + .5) / fine}
				a, b := c.Estimate(visits(n, 0)), c.Estimate(visits(n+speaks, 0))
				if a.N != b.N || a.State != b.State {
					changed++
				}
			}
			if p := float64(changed) / fine; p > speaks/5+.002 {
				t.Errorf("%.1f and %.2f more: got a change with %.3f, want %.3f at most", n, speaks, p, speaks/5)
			}
		}
	}
}

// partsOfAnEstimate are what is published of an estimate, one by one and together. By is the most fifths of the draws in which a phone
// that is counted changes it.
func partsOfAnEstimate() []struct {
	name string
	of   func(Estimate) any
	by   int
} {
	return []struct {
		name string
		of   func(Estimate) any
		by   int
	}{
		{"the number", func(e Estimate) any { return [2]any{e.N, e.State} }, 1},
		{"the lower end", func(e Estimate) any { return e.Low }, 1},
		{"the upper end", func(e Estimate) any { return e.High }, 2},
		{"all of it", func(e Estimate) any { return e }, 2},
	}
}

// share is the share of the draws with which what is published of two estimates differs.
func share(of func(Estimate) any, a, b Range) float64 {
	const fine = 500
	differ := 0
	for i := range fine {
		c := Cell{(float64(i) + .5) / fine}
		if of(c.Estimate(a)) != of(c.Estimate(b)) {
			differ++
		}
	}
	return float64(differ) / fine
}

// TestOneDeviceChangesAnIntervalWithTwoFifthsAtMost: the interval of estimated visits is made of two rounded counts, the estimate and its
// counted part. A phone that is counted is in both, one with made-up addresses in the first only, so something of the estimate changes
// with .4 at most by the first, and with .2, as the number alone does, by the second. Less is not to be had: the number by itself takes
// the .2, so that nothing beside it could depend on the counted part, without which intervals at a coverage of 30 % are a third wider.
func TestOneDeviceChangesAnIntervalWithTwoFifthsAtMost(t *testing.T) {
	for _, p := range partsOfAnEstimate() {
		most := 0.
		for _, minutes := range []float64{15, 60, 720} { // a quarter, an hour, a day
			of := func(all, counted float64) Range {
				return Range{Value: all, Counted: counted, Ends: func(all, counted float64) (low, high float64) {
					return estimate.VisitsInterval(counted, all, minutes, stayMinutes)
				}}
			}
			for n := range 150 {
				for _, k := range []int{0, n / 10, n * 3 / 10, n / 2, n} {
					all, part := float64(n)+.3, float64(k)
					counted, other := share(p.of, of(all, part), of(all+1, part+1)), share(p.of, of(all, part), of(all+1, part))
					if counted > float64(p.by)/5+.004 || other > .2+.004 {
						t.Errorf("%.0f minutes, %d of which %d are counted, %s: got a change with %.3f by a phone that is counted and %.3f by another, want %d fifths and one at most",
							minutes, n, k, p.name, counted, other, p.by)
					}
					most = max(most, counted)
				}
			}
		}
		if most < float64(p.by)/5-.004 {
			t.Errorf("%s: got a change with %.3f at most, want %d fifths somewhere: PRIVACY.md says of it what is not so", p.name, most, p.by)
		}
	}
}

// sets collects which exact counts are possible, by what is published.
type sets map[string]map[[2]int]bool

func (s sets) add(seen any, counts [2]int) {
	key := fmt.Sprint(seen)
	if s[key] == nil {
		s[key] = map[[2]int]bool{}
	}
	s[key][counts] = true
}

// narrowing enumerates exact counts and draws. alone is what is published of the counts, all is that and the rest.
type narrowing struct {
	alone, all sets
	of         map[string]any // what stands alone, by all
}

func newNarrowing() *narrowing { return &narrowing{sets{}, sets{}, map[string]any{}} }

func (n *narrowing) add(alone, rest any, counts [2]int) {
	n.alone.add(alone, counts)
	whole := [2]any{alone, rest}
	n.all.add(whole, counts)
	n.of[fmt.Sprint(whole)] = alone
}

// narrower is how many of the published tuples allow fewer exact counts than the counts in them do by themselves.
func (n *narrowing) narrower() (narrower, of int) {
	for whole, counts := range n.all {
		if !maps.Equal(counts, n.alone[fmt.Sprint(n.of[whole])]) {
			narrower++
		}
	}
	return narrower, len(n.all)
}

// TestNothingPublishedNarrowsARoundedCount enumerates exact counts and draws.
//
// Criterion: for each tuple that can be published (rounded counts, with their intervals, shares and states) the set of exact counts that
// are consistent with it is the set consistent with the rounded counts alone. Made wrongly it is not: the controls.
func TestNothingPublishedNarrowsARoundedCount(t *testing.T) {
	for _, row := range []struct {
		name  string
		wrong bool
		fill  func(n *narrowing, c Cell)
	}{
		{"occupancy and its interval", false, func(n *narrowing, c Cell) {
			for k := range 160 {
				e := c.Estimate(interval(float64(k)))
				n.add([2]any{e.N, e.State}, e, [2]int{k})
			}
		}},
		{"control: interval in proportion to the exact estimate", true, func(n *narrowing, c Cell) {
			for k := 10; k < 160; k++ {
				low, high := estimate.Interval(float64(k))
				at := float64(c.Count(k).N)
				n.add(at, [2]float64{math.Floor(low * (at - 5) / float64(k) / 5), math.Ceil(high * (at + 5) / float64(k) / 5)}, [2]int{k})
			}
		}},
		{"hour: visits, estimated visits and their interval", false, func(n *narrowing, c Cell) {
			for k := range 60 {
				for all := k; all < k+40; all++ {
					h := c.hour(Hour{Condition: Measured, Visits: k, Estimated: visits(float64(all), float64(k))})
					n.add([3]any{h.Visits, h.EstimatedVisits.N, h.EstimatedVisits.State}, h, [2]int{k, all})
				}
			}
		}},
		{"quarter: estimated visits, counted parts unknown", false, func(n *narrowing, c Cell) {
			for all := range 90 {
				for k := range all + 1 {
					e := c.Estimate(visits(float64(all), float64(k)))
					n.add([2]any{e.N, e.State}, e, [2]int{all})
				}
			}
		}},
		{"day: engaged share, capture rate, coverage and dwell", false, func(n *narrowing, c Cell) {
			for visits := range 36 {
				for visitors := max(0, visits-9); visitors <= visits; visitors++ {
					for engaged := range visits + 1 {
						d := c.day(someDay(visits, visitors, engaged))
						n.add([4]any{d.Visits, d.Visitors, d.Bounces, d.PassersBy}, d, [2]int{visits, visitors})
					}
				}
			}
		}},
		{"control: dwell from exactly 10 visitors", true, func(n *narrowing, c Cell) {
			for visitors := range 36 {
				n.add(c.Count(visitors), visitors >= 10, [2]int{visitors})
			}
		}},
		{"control: a share of exact counts", true, func(n *narrowing, c Cell) {
			for visits := 10; visits < 36; visits++ {
				for engaged := range visits + 1 {
					n.add(c.Count(visits), 100*engaged/visits, [2]int{visits})
				}
			}
		}},
		{"week: new and repeat with their intervals", false, func(n *narrowing, c Cell) {
			for visitors := 10; visitors < 120; visitors++ {
				v := c.Count(visitors)
				n.add(v, [2]any{StateValue.rate(rate(.3, 1.1), v), StateValue.rate(rate(.3, 1.1).rest(), v)}, [2]int{visitors})
			}
		}},
		{"control: intervals as wide as the exact number makes them", true, func(n *narrowing, c Cell) {
			for visitors := 10; visitors < 120; visitors++ {
				low, high := rate(.3, 1.1).Ends(float64(visitors))
				n.add(c.Count(visitors), [2]float64{math.Floor(100 * low), math.Ceil(100 * high)}, [2]int{visitors})
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			n := newNarrowing()
			for _, c := range draws {
				row.fill(n, c)
			}
			narrower, of := n.narrower()
			t.Logf("%d of %d tuples narrow the count", narrower, of)
			if (narrower > 0) != row.wrong {
				t.Errorf("got %d of %d published tuples that allow fewer exact counts, want some: %v", narrower, of, row.wrong)
			}
		})
	}
}

func someDay(visits, visitors, engaged int) Day {
	return Day{
		Condition: Measured, Visits: visits, Visitors: visitors, Bounces: 30, PassersBy: 40, Engaged: engaged, DwellP25S: 60, DwellP50S: 120, DwellP75S: 180,
		Estimated: counted(visits, 720), FramesRandom: 1000, FramesStable: 1000,
	}
}
