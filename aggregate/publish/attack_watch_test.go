package publish

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// watched is a count that grows by one from flush to flush under the eyes of an attacker who knows when it grows, but not from what:
// an hour that is over, into which the last visits come one by one. It returns how likely the first number is by what was seen, for
// the given looks, each a level with a draw of its own.
func watched(first, growth int, prior pmf, looks []Cell) pmf {
	out := make(pmf, len(prior))
	copy(out, prior)
	for _, look := range looks {
		like := make(pmf, len(prior))
		for n := range like {
			for _, c := range draws {
				same := true
				for step := 0; step <= growth && same; step++ {
					same = c.Count(n+step) == look.Count(first+step)
				}
				if same {
					like[n]++
				}
			}
		}
		out = out.times(like)
	}
	return out
}

// TestWhoWatchesACountGrowDoesNotLearnIt: the flushes of an open day are versions of one row. Whoever sees all of them sees at which one a
// count crosses a step, and with that where it stands relative to the draw, but not the draw.
//
// Criterion: as in TestNothingExactIsRecoveredFromWhatIsPublished, also where the attacker knows every single growth and sees two levels
// at which it is the same count, as the hour of a store with one zone.
func TestWhoWatchesACountGrowDoesNotLearnIt(t *testing.T) {
	const cells, growth, mean = 2240, 10, 25
	hits, r := scores{}, rand.New(rand.NewPCG(3, 3))
	prior := newPoisson(mean)
	for i := range cells {
		key, at, n := keyed(t, uint64(i/500)), monday.Add(time.Duration(i)*time.Hour), poisson(r, mean)
		hour, zone := key.Cell(LevelStoreHour, "kiosk", at), key.Cell(LevelZoneHour, "kiosk", at)
		hits.note("hour", watched(n, growth, prior, []Cell{hour}).likeliest(), n)
		hits.note("hour and zone", watched(n, growth, prior, []Cell{hour, zone}).likeliest(), n)
		// Were each version rounded anew, ten of them would be ten looks.
		var anew []Cell
		for v := range growth {
			anew = append(anew, key.Cell("wrong", "kiosk", at.Add(time.Duration(v)*time.Second)))
		}
		post := prior
		for v, c := range anew {
			like := make(pmf, len(prior))
			for n0 := range like {
				for _, d := range draws {
					if d.Count(n0+v) == c.Count(n+v) {
						like[n0]++
					}
				}
			}
			post = post.times(like)
		}
		hits.note("control: each version anew", post.likeliest(), n)
	}
	hits.log(t, "watched")
	for what := range hits {
		rate, margin := hits.rate(what)
		if what == "control: each version anew" {
			if rate-margin <= .5 {
				t.Errorf("%s: got %.3f right, want more than .5: the attack sees nothing", what, rate)
			}
			continue
		}
		if rate+margin > .5 {
			t.Errorf("%s: got %.3f right, want at most .5 less a margin of %.3f", what, rate, margin)
		}
	}
}

// crowd is how many are inside from one five-minute step to the next: each leaves at random after a mean stay, others come.
type crowd struct {
	mean, stay float64 // people, minutes
}

func (c crowd) leaves() float64 { return 1 - math.Exp(-LiveGrid.Minutes()/c.stay) }

// follow gives how likely each number inside was at each step, by all that was shown that day.
func (c crowd) follow(live, quarters []Value) []pmf {
	top := int(c.mean*2 + 20)
	to := make([]pmf, top+1) // by the number before
	coming := newPoisson(c.mean * c.leaves())
	for n := range to {
		to[n] = newBinomial(n, 1-c.leaves()).plus(coming)
	}
	likes := make([]pmf, len(live))
	for i := range live {
		likes[i] = make(pmf, top+1)
		for n := range likes[i] {
			likes[i][n] = chance(n, live[i])
			if i%3 == 1 {
				likes[i][n] *= chance(n, quarters[i/3])
			}
		}
	}
	out := make([]pmf, len(live))
	now := append(newPoisson(c.mean), make(pmf, top+1)...)[:top+1]
	for i := range live { // what was shown before
		if i > 0 {
			next := make(pmf, top+1)
			for n, p := range now {
				for k := range min(len(to[n]), top+1) {
					next[k] += p * to[n][k]
				}
			}
			now = next
		}
		now = now.times(likes[i])
		out[i] = now
	}
	after := make(pmf, top+1)
	for n := range after {
		after[n] = 1
	}
	for i := len(live) - 1; i > 0; i-- { // and after
		out[i] = out[i].times(after)
		like, before := after.times(likes[i]), make(pmf, top+1)
		for n := range before {
			for k := range min(len(to[n]), top+1) {
				before[n] += to[n][k] * like[k]
			}
		}
		after = before
	}
	out[0] = out[0].times(after)
	return out
}

// chance is how likely so many read so.
func chance(n int, as Value) (p float64) {
	for _, d := range draws {
		if d.Count(n).N == as.N { // quiet is 0 as under 10 is
			p += 1. / float64(len(draws))
		}
	}
	return p
}

// TestTheLiveOccupancyIsNotFollowed: each five-minute step of the live occupancy has a draw of its own, and the number inside changes
// little from one to the next. The attacker knows how people come and how long they stay, and puts all steps of a day together, and the
// quarters of an hour, which here are even taken for another look at one of their steps.
//
// Criterion: as in TestNothingExactIsRecoveredFromWhatIsPublished.
func TestTheLiveOccupancyIsNotFollowed(t *testing.T) {
	for _, row := range []struct {
		name string
		crowd
		seen bool // the control: who stays all day is counted exactly by and by
	}{
		{"a kiosk", crowd{12, 8}, false},
		{"a shop", crowd{20, 25}, false},
		{"a furniture store", crowd{30, 60}, false},
		{"a restaurant", crowd{25, 90}, false},
		{"control: twenty people who never leave", crowd{20, 1e6}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			hits, r := scores{}, rand.New(rand.NewPCG(5, uint64(row.stay)))
			for day := range 20 {
				key, inside := keyed(t, uint64(day)), poisson(r, row.mean)
				var live, quarters []Value
				var exact []int
				for step := range 120 {
					if step > 0 {
						inside += poisson(r, row.mean*row.leaves()) - binomial(r, inside, row.leaves())
					}
					at := monday.Add(time.Duration(step) * LiveGrid)
					v := key.Live("s", at, Live{Measured, interval(float64(inside))})
					live, exact = append(live, Value{v.N, v.State}), append(exact, inside)
					if step%3 == 1 {
						q := key.Quarter("s", at.Truncate(15*time.Minute), Quarter{Condition: Measured, Occupancy: interval(float64(inside))}).Occupancy
						quarters = append(quarters, Value{q.N, q.State})
					}
				}
				for i, p := range row.follow(live, quarters) {
					hits.note("inside", p.likeliest(), exact[i])
				}
			}
			rate, margin := hits.rate("inside")
			t.Logf("%s: %.3f of %d", row.name, rate, hits["inside"][1])
			if row.seen && rate-margin <= .5 {
				t.Errorf("got %.3f right, want more than .5: the attack sees nothing", rate)
			}
			if !row.seen && rate+margin > .5 {
				t.Errorf("got %.3f right, want at most .5 less a margin of %.3f", rate, margin)
			}
		})
	}
}
