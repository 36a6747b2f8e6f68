package publish

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/estimate"
)

// shop is a simulated store as an attacker would like it: all of its phones keep their address, so that the estimated visits are the
// visits themselves and give another look at them, and the attacker knows how many visits each hour has on average.
type shop struct {
	name       string
	hours      int
	zones      int     // 1: the zone's visits are the store's, another look at them
	least, top float64 // mean visits of the slowest and the busiest hour
	again      float64 // share of visits that are somebody's second one
	days       int
	told       bool // the attacker knows a day's bounces, and with them something of the draw that all counts of the day share
	wrongly    bool // every metric of a cell is rounded with a draw of its own
}

// Means of the day's other counts, as the attacker knows them.
const (
	meanBounces, meanPassers, engagedShare = 30., 80., .4
	hourMinutes, stayMinutes               = 60, 12
)

func (s *shop) mean(hour int) float64 {
	if s.hours == 1 {
		return s.top
	}
	return s.least + (s.top-s.least)*math.Sin(math.Pi*float64(hour)/float64(s.hours-1))
}

// truth is an exact day of a shop.
type truth struct {
	quarters                           [][4]int
	hours, front                       []int // front is the first of two zones
	visits, visitors, bounces, passers int
	engaged                            int
}

// shown is what is published of it.
type shown struct {
	quarters [][4]QuarterRow
	hours    []HourRow
	zones    [][2]Value
	day      DayRow
}

func poisson(r *rand.Rand, mean float64) (n int) {
	for at := r.ExpFloat64(); at < mean; at += r.ExpFloat64() {
		n++
	}
	return n
}

func binomial(r *rand.Rand, n int, p float64) (k int) {
	for range n {
		if r.Float64() < p {
			k++
		}
	}
	return k
}

func (s *shop) live(r *rand.Rand) truth {
	var t truth
	for h := range s.hours {
		var q [4]int
		n := 0
		for i := range q {
			q[i] = poisson(r, s.mean(h)/4)
			n += q[i]
		}
		t.quarters, t.hours, t.front = append(t.quarters, q), append(t.hours, n), append(t.front, binomial(r, n, .5))
		t.visits += n
	}
	t.visitors = t.visits - binomial(r, t.visits, s.again)
	t.bounces, t.passers, t.engaged = poisson(r, meanBounces), poisson(r, meanPassers), binomial(r, t.visits, engagedShare)
	return t
}

// counted are estimated visits of which all were counted.
func counted(n, minutes int) Range {
	return Range{Value: float64(n), Counted: float64(n), Ends: func(all, counted float64) (low, high float64) {
		return estimate.VisitsInterval(counted, all, float64(minutes), stayMinutes)
	}}
}

func (s *shop) exactQuarter(n int) Quarter {
	return Quarter{Condition: Measured, Estimated: counted(n, hourMinutes/4)}
}

func (s *shop) exactHour(n int) Hour {
	return Hour{Condition: Measured, Visits: n, Estimated: counted(n, hourMinutes)}
}

func (s *shop) exactDay(t *truth) Day {
	return Day{
		Condition: Measured, Visits: t.visits, Visitors: t.visitors, Bounces: t.bounces, PassersBy: t.passers, Engaged: t.engaged,
		DwellP25S: 300, DwellP50S: 600, DwellP75S: 900, Estimated: counted(t.visits, hourMinutes*s.hours), FramesRandom: 5000, FramesStable: 5000,
	}
}

// publish shows a day under a key. Wrongly, each number has a draw of its own.
func (s *shop) publish(key Rounder, start time.Time, t *truth) shown {
	var out shown
	for h := range s.hours {
		at := start.Add(time.Duration(h) * time.Hour)
		var q [4]QuarterRow
		for i := range q {
			q[i] = key.Quarter(s.name, at.Add(time.Duration(i)*15*time.Minute), s.exactQuarter(t.quarters[h][i]))
		}
		row := key.Hour(s.name, at, s.exactHour(t.hours[h]))
		zones := [2]Value{key.ZoneHour(s.name, at, ZoneHour{Condition: Measured, Visits: t.hours[h]})}
		if s.zones == 2 {
			zones[0] = key.ZoneHour(s.name, at, ZoneHour{Condition: Measured, Visits: t.front[h]})
			zones[1] = key.ZoneHour(s.name, at, ZoneHour{Condition: Measured, Visits: t.hours[h] - t.front[h]})
		}
		if s.wrongly {
			row.EstimatedVisits = key.Cell("estimates", s.name, at).Estimate(s.exactHour(t.hours[h]).Estimated)
		}
		out.quarters, out.hours, out.zones = append(out.quarters, q), append(out.hours, row), append(out.zones, zones)
	}
	out.day = key.Day(s.name, start, s.exactDay(t))
	if s.wrongly {
		out.day.EstimatedVisits = key.Cell("estimates", s.name, start.Add(time.Second)).Estimate(s.exactDay(t).Estimated)
		out.day.Visitors = key.Cell("visitors", s.name, start).Count(t.visitors)
	}
	return out
}

// year lives a shop's days under one key after another, 56 days each.
func (s *shop) year(t testing.TB, each func(start time.Time, key Rounder, truth *truth, shown *shown)) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(len(s.name)), 6))
	for d := range s.days {
		key, start := keyed(t, uint64(d/56)), monday.AddDate(0, 0, d%56)
		tr := s.live(r)
		sh := s.publish(key, start, &tr)
		each(start, key, &tr, &sh)
	}
}
