package publish

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// scores is how often a kind of count was recovered.
type scores map[string]*[2]int

func (s scores) note(what string, guess, truth int) {
	if s[what] == nil {
		s[what] = new([2]int)
	}
	if s[what][1]++; guess == truth {
		s[what][0]++
	}
}

// rate is the share of hits, and the three standard errors that a rate of a half has over so many cells.
func (s scores) rate(what string) (rate, margin float64) {
	x := s[what]
	return float64(x[0]) / float64(x[1]), 3 * math.Sqrt(.25/float64(x[1]))
}

func (s scores) log(t *testing.T, name string) {
	t.Helper()
	var keys []string
	for k := range s {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		rate, _ := s.rate(k)
		t.Logf("%-12s %-32s %.3f of %d", name, k, rate, s[k][1])
	}
}

func shops(days int) []shop {
	return []shop{
		{name: "high street", hours: 11, zones: 2, least: 12, top: 48, again: .05, days: days / 8},
		{name: "kiosk", hours: 8, zones: 1, least: 8, top: 28, again: .1, days: days / 4},
		// Open for an hour a day, in one zone, and nobody comes twice: hour, zone and day are three looks at one count.
		{name: "market", hours: 1, zones: 1, top: 25, days: days},
		{name: "told market", hours: 1, zones: 1, top: 25, told: true, days: days},
	}
}

// TestNothingExactIsRecoveredFromWhatIsPublished attacks the published numbers of simulated shops over weeks.
//
// Criterion: for every kind of count of every table (quarter, hour, zone hour, day, week) and for sums of them over hours and days, the
// attacker's guess is the exact number in at most half of the cells: the share of hits and three standard errors on top, 3 sqrt(.25/n)
// for n cells, stay at .5 or below. There are more than 2,000 cells of each kind that a day has several of, and fewer, with a
// wider margin, of days and weeks. The attacker knows the means, the shares, the code and all published rows, their intervals,
// shares and states; it knows neither the key nor a count, but for a shop of which it is told one exact count of each day. It takes the likeliest value by Bayes' rule over all tables together (the
// day against the sum of its hours, the store against the sum of its zones, all that share a cell's draw), and also plain linear
// combinations, and means over weeks.
//
// What it cannot fail to see is in TestTheAttackSeesWhatIsWrong. It stands and falls with counts that nobody knows beforehand: a nought
// of a closed hour is no secret, and who knows that the same number came in five intervals or more can average (see there).
func TestNothingExactIsRecoveredFromWhatIsPublished(t *testing.T) {
	for _, s := range shops(2240) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			hits := raid(t, &s)
			hits.log(t, s.name)
			for what, n := range hits {
				rate, margin := hits.rate(what)
				if n[1] < 40 || rate+margin > .5 {
					t.Errorf("%s: got %.3f right of %d, want at most .5 less a margin of %.3f", what, rate, n[1], margin)
				}
			}
		})
	}
}

// raid attacks all days of a shop.
func raid(t testing.TB, s *shop) scores {
	t.Helper()
	hits, a := scores{}, newAttacker(s)
	var week pmf
	var days []Daily
	sum := pmf{}
	visits := 0
	var hours [][]HourRow // of 56 days
	var exact [][]int
	s.year(t, func(start time.Time, key Rounder, tr *truth, sh *shown) {
		g := a.attack(sh, tr.bounces)
		for h := range s.hours {
			hits.note("hour", g.hours[h].likeliest(), tr.hours[h])
			for q := range 4 {
				hits.note("quarter", g.quarters[h][q].likeliest(), tr.quarters[h][q])
			}
			if s.zones == 2 {
				hits.note("zone hour", g.front[h].likeliest(), tr.front[h])
			}
		}
		hits.note("day visits", g.visits.likeliest(), tr.visits)
		hits.note("day visitors", g.visitors.likeliest(), tr.visitors)
		if !s.told {
			hits.note("day bounces", g.bounce.likeliest(), tr.bounces)
		}
		if s.hours > 2 {
			hits.note("sum of three hours", g.hours[0].plus(g.hours[1]).plus(g.hours[2]).likeliest(), tr.hours[0]+tr.hours[1]+tr.hours[2])
		}
		s.combine(hits, tr, sh)
		if hours, exact = append(hours, sh.hours), append(exact, tr.hours); len(hours) == 56 {
			average(hits, hours, exact)
			hours, exact = nil, nil
		}
		week, sum, visits = week.plus(g.visitors), sum.plus(g.visits), visits+tr.visits
		days = append(days, Daily{Start: start, Visitors: tr.visitors})
		if begin, last := weekOf(start); last {
			row := key.Week(s.name, begin, Week{Condition: Measured, Days: days, Answers: 100})
			total := 0
			for _, d := range days {
				total += d.Visitors
			}
			// Only what is near the rounded number can be it.
			for n := range week {
				like := 0.
				for _, c := range draws {
					if c.Count(n) == row.Visitors {
						like++
					}
				}
				week[n] *= like
			}
			hits.note("week visitors", week.likeliest(), total)
			hits.note("sum of a week's days", sum.likeliest(), visits)
			week, sum, days, visits = nil, nil, nil, 0
		}
	})
	return hits
}

// combine tries plain linear combinations, where nothing in them is suppressed.
func (s *shop) combine(hits scores, tr *truth, sh *shown) {
	hours, zones := 0, 0
	for h, row := range sh.hours {
		quarters := 0
		for _, q := range sh.quarters[h] {
			quarters += q.EstimatedVisits.N
		}
		both := sh.zones[h][0].N + sh.zones[h][1].N
		hours, zones = hours+row.Visits.N, zones+both
		hits.note("linear: the hour", row.Visits.N, tr.hours[h])
		hits.note("linear: hour, zones and quarters", round(float64(row.Visits.N+both+quarters)/3), tr.hours[h])
	}
	for h, row := range sh.hours {
		hits.note("linear: day less other hours", sh.day.Visits.N-hours+row.Visits.N, tr.hours[h])
	}
	hits.note("linear: day, hours and zones", round(float64(sh.day.Visits.N+hours+zones)/3), tr.visits)
}

// average takes the mean of an hour over the weeks for each day's.
func average(hits scores, hours [][]HourRow, exact [][]int) {
	for h := range hours[0] {
		mean := 0.
		for _, day := range hours {
			mean += float64(day[h].Visits.N) / float64(len(hours))
		}
		for _, day := range exact {
			hits.note("linear: mean over the weeks", round(mean), day[h])
		}
	}
}

func round(x float64) int { return int(math.Floor(x + .5)) }

// TestTheAttackSeesWhatIsWrong runs attacks on numbers that were made as they must not be. Each has to succeed in more than half of the
// cells, three standard errors included, or the attacks above would show nothing.
func TestTheAttackSeesWhatIsWrong(t *testing.T) {
	const cells = 2240
	hits := scores{}
	r := rand.New(rand.NewPCG(1, 2))
	for range cells {
		n := 20 + r.IntN(60)
		fresh, same := 0., 0.
		for range 100 {
			fresh += float64(Cell{r.Float64()}.Count(n).N) / 100 // a new draw for each query
		}
		hits.note("fresh draws, 100 times", round(fresh), n)
		for range 100 { // the right rounding: 100 queries of one cell are one
			same += float64(keyed(t, 1).Cell(LevelStoreHour, "s", monday).Count(n).N) / 100
		}
		hits.note("right: one draw, 100 times", round(same), n)
		// A share of exact counts, beside the rounded count.
		engaged, c := binomial(r, n, .4), Cell{r.Float64()}
		best, ratio := 0, float64(engaged)/float64(n)
		for guess := c.Count(n).N - 4; guess <= c.Count(n).N+4; guess++ {
			if k := ratio * float64(guess); math.Abs(k-math.Round(k)) < 1e-9 && (best == 0 || abs(guess-c.Count(n).N) < abs(best-c.Count(n).N)) {
				best = guess
			}
		}
		hits.note("an exact share", best, n)
		// A count that is known to be the same in many intervals: no rounding by interval hides it.
		equal := 0.
		for i := range 100 {
			equal += float64(keyed(t, uint64(n)).Cell(LevelStoreHour, "s", monday.Add(time.Duration(i)*time.Hour)).Count(n).N) / 100
		}
		hits.note("100 intervals known to be equal", round(equal), n)
	}
	s := shops(cells)[2]
	s.wrongly = true
	wrong := raid(t, &s)
	hits["a draw for each metric"] = wrong["day visits"]
	hits.log(t, "control")
	for what := range hits {
		rate, margin := hits.rate(what)
		if what == "right: one draw, 100 times" {
			if rate+margin > .5 {
				t.Errorf("%s: got %.3f, want .5 at most", what, rate)
			}
			continue
		}
		if rate-margin <= .5 {
			t.Errorf("%s: got %.3f right, want more than .5: the attack sees nothing", what, rate)
		}
	}
}

func abs(n int) int { return max(n, -n) }
