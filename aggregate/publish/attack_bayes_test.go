package publish

import (
	"math"
	"slices"
	"time"
)

// pmf is a distribution over a count from 0 up, perhaps not scaled to 1.
type pmf []float64

// likeliest is the best guess.
func (p pmf) likeliest() (n int) {
	for i := range p {
		if p[i] > p[n] {
			n = i
		}
	}
	return n
}

func (p pmf) times(like pmf) pmf {
	out := make(pmf, len(p))
	total := 0.
	for i := range min(len(p), len(like)) {
		out[i] = p[i] * like[i]
		total += out[i]
	}
	for i := range out {
		out[i] /= max(total, 1e-300)
	}
	return out
}

// scaled adds up to 1.
func (p pmf) scaled() pmf {
	return p.times(slices.Repeat(pmf{1}, len(p)))
}

// plus is the distribution of the sum.
func (p pmf) plus(q pmf) pmf {
	if len(p) == 0 {
		return q
	}
	out := make(pmf, len(p)+len(q)-1)
	for i, x := range p {
		if x > 1e-14 {
			for k, y := range q {
				out[i+k] += x * y
			}
		}
	}
	return out
}

// of is, for each n, how likely n plus a number of p is.
func (p pmf) of(sum pmf, top int) pmf {
	out := make(pmf, top+1)
	for n := range out {
		for k := range min(len(p), len(sum)-n) {
			out[n] += p[k] * sum[n+k]
		}
	}
	return out
}

// memory keeps distributions that were computed once.
type memory map[memoryKey]pmf

type memoryKey struct {
	of int // 0: Poisson
	p  float64
}

func (m memory) poisson(mean float64) pmf {
	k := memoryKey{0, mean}
	if m[k] == nil {
		m[k] = newPoisson(mean)
	}
	return m[k]
}

func (m memory) binomial(n int, p float64) pmf {
	if n == 0 {
		return pmf{1}
	}
	k := memoryKey{n, p}
	if m[k] == nil {
		m[k] = newBinomial(n, p)
	}
	return m[k]
}

func newPoisson(mean float64) pmf {
	out := make(pmf, int(mean+8*math.Sqrt(mean))+8)
	for n := range out {
		g, _ := math.Lgamma(float64(n + 1))
		out[n] = math.Exp(float64(n)*math.Log(mean) - mean - g)
	}
	return out
}

func newBinomial(n int, p float64) pmf {
	out := make(pmf, n+1)
	out[0] = math.Pow(1-p, float64(n))
	for k := 1; k <= n; k++ {
		out[k] = out[k-1] * float64(n-k+1) / float64(k) * p / (1 - p)
	}
	return out
}

// draws are what matters of a draw where counts are whole: in which fifth it lies. Each is equally likely.
var draws = [5]Cell{{.1}, {.3}, {.5}, {.7}, {.9}}

// looks gives, for everything that may be published, how likely it is by the exact count.
func looks[K comparable](top int, publish func(Cell, int) K) map[K]pmf {
	out := map[K]pmf{}
	for n := range top + 1 {
		for _, c := range draws {
			k := publish(c, n)
			if out[k] == nil {
				out[k] = make(pmf, top+1)
			}
			out[k][n] += 1. / float64(len(draws))
		}
	}
	return out
}

// attacker knows everything but the key and the counts: how they come about, with which means, and this code. From all published
// tables together it takes the likeliest value of each count, by Bayes' rule over the counts and the draws. No linear combination of
// published numbers can be right more often. A shop that rounds wrongly is attacked in the same way, knowing that.
type attacker struct {
	shop    *shop
	quarter map[QuarterRow]pmf
	hour    map[HourRow]pmf
	visits  map[Value]pmf
	least   map[Estimate]pmf // estimates of an hour
	memory  memory
}

const mostInAnHour = 140

func newAttacker(s *shop) *attacker {
	return &attacker{
		shop:    s,
		memory:  memory{},
		quarter: looks(mostInAnHour, func(c Cell, n int) QuarterRow { return c.quarter(s.exactQuarter(n)) }),
		hour:    looks(mostInAnHour, func(c Cell, n int) HourRow { return c.hour(s.exactHour(n)) }),
		visits:  looks(mostInAnHour, func(c Cell, n int) Value { return c.Count(n) }),
		least:   looks(mostInAnHour, func(c Cell, n int) Estimate { return c.Estimate(s.exactHour(n).Estimated) }),
	}
}

// hourLike is how likely what is published of an hour is, by its visits.
func (a *attacker) hourLike(h HourRow) pmf {
	if a.shop.wrongly {
		return a.visits[h.Visits].times(a.least[h.EstimatedVisits])
	}
	return a.hour[h]
}

// zoneLike is the same of its zones, and with two of them also the distribution of the front zone's visits where all visits have post.
func (a *attacker) zoneLike(zones [2]Value, post pmf) (like, front pmf) {
	if a.shop.zones == 1 {
		return a.visits[zones[0]], nil
	}
	like, front = make(pmf, mostInAnHour+1), make(pmf, mostInAnHour+1)
	for n := range like {
		split := a.memory.binomial(n, .5)
		for f := max(0, zones[0].N-Base); f <= min(n, zones[0].N+2*Base); f++ {
			for _, c := range draws {
				if c.Count(f) == zones[0] && c.Count(n-f) == zones[1] {
					like[n] += split[f] / 5
					if n < len(post) {
						front[f] += split[f] * post[n]
					}
				}
			}
		}
	}
	return like, front
}

// guess is what the attacker makes of a day.
type guess struct {
	quarters                 [][4]pmf
	hours, front             []pmf
	visits, visitors, bounce pmf
}

// attack wants the day's exact bounces only for a shop of which it is told them.
func (a *attacker) attack(sh *shown, bounces int) guess {
	s := a.shop
	var g guess
	evidence := make([]pmf, s.hours) // of each hour by itself
	parts := make([][4]pmf, s.hours)
	rest := make([]pmf, s.hours) // what an hour's own rows say of its visits, without its quarters
	before := make([]pmf, s.hours+1)
	before[0] = pmf{1}
	for h := range s.hours {
		sum := pmf{1}
		for q := range parts[h] {
			parts[h][q] = a.memory.poisson(s.mean(h) / 4).times(a.quarter[sh.quarters[h][q]])
			sum = sum.plus(parts[h][q])
		}
		zones, _ := a.zoneLike(sh.zones[h], nil)
		rest[h] = a.hourLike(sh.hours[h]).times(zones)
		evidence[h] = sum.times(rest[h])
		before[h+1] = before[h].plus(evidence[h])
	}
	day := a.day(&sh.day, before[s.hours], bounces)
	g.visits, g.visitors, g.bounce = day.visits, day.visitors, day.bounces
	g.hours, g.front, g.quarters = make([]pmf, s.hours), make([]pmf, s.hours), make([][4]pmf, s.hours)
	after := day.like // how likely the day is, by the visits up to an hour
	for h := s.hours - 1; h >= 0; h-- {
		rest[h] = rest[h].times(before[h].of(after, mostInAnHour))
		g.hours[h] = evidence[h].times(before[h].of(after, mostInAnHour))
		_, g.front[h] = a.zoneLike(sh.zones[h], g.hours[h])
		for q := range 4 {
			others := pmf{1}
			for o := range 4 {
				if o != q {
					others = others.plus(parts[h][o])
				}
			}
			g.quarters[h][q] = parts[h][q].times(others.of(rest[h], len(parts[h][q])))
		}
		after = evidence[h].of(after, len(before[h]))
	}
	return g
}

// reads is how likely a count with a known mean reads so.
func (a *attacker) reads(c Cell, mean float64, want Value) (p float64) {
	for n, x := range a.memory.poisson(mean) {
		if c.Count(n) == want {
			p += x
		}
	}
	return p
}

type dayGuess struct{ like, visits, visitors, bounces pmf }

// day is how likely a day's row is, by its visits, and what it tells of its other counts where all before says before.
func (a *attacker) day(row *DayRow, before pmf, told int) dayGuess {
	out := dayGuess{like: make(pmf, len(before)), visitors: make(pmf, len(before)), bounces: a.memory.poisson(meanBounces)}
	own := make(pmf, len(out.bounces))
	var passers, bounces [len(draws)]float64
	for j, c := range draws {
		passers[j], bounces[j] = a.reads(c, meanPassers, row.PassersBy), a.reads(c, meanBounces, row.Bounces)
		if a.shop.told {
			bounces[j] = 0
			if c.Count(told) == row.Bounces {
				bounces[j] = 1
			}
		}
	}
	for n := max(0, row.Visits.N-Base); n < min(len(before), row.Visits.N+2*Base); n++ {
		engaged, repeats := a.memory.binomial(n, engagedShare), a.memory.binomial(n, a.shop.again)
		var seen [4][5]float64 // by what is published and by draw: the rest, estimated visits, visitors, bounces
		of := make([]pmf, len(draws))
		for j, c := range draws {
			if c.Count(n) == row.Visits {
				share := 0.
				for e, p := range engaged {
					if Share(c.Count(e), row.Visits) == row.Engaged {
						share += p
					}
				}
				seen[0][j] = share * passers[j]
			}
			if c.Estimate(a.shop.estimatedDay(n)) == row.EstimatedVisits {
				seen[1][j] = 1
			}
			of[j] = make(pmf, n+1)
			for k, p := range repeats {
				if c.Count(n-k) == row.Visitors {
					of[j][n-k] = p
					seen[2][j] += p
				}
			}
			seen[3][j] = bounces[j]
		}
		out.like[n] = a.joint(&seen)
		for j, c := range draws {
			if w := before[n] * seen[0][j] * seen[1][j] * seen[2][j] * seen[3][j]; w > 0 {
				for k, p := range of[j] {
					out.visitors[k] += w * p / seen[2][j]
				}
				for b := range own {
					if c.Count(b) == row.Bounces {
						own[b] += w / seen[3][j]
					}
				}
			}
		}
	}
	out.visits, out.visitors, out.bounces = before.times(out.like), out.visitors.scaled(), out.bounces.times(own)
	return out
}

// joint puts the looks of a cell together: with one draw for all, or, rounded wrongly, with one for each of three groups.
func (a *attacker) joint(seen *[4][5]float64) (p float64) {
	var alone [3]float64
	for j := range draws {
		first := seen[0][j] * seen[3][j]
		p += first * seen[1][j] * seen[2][j] / 5
		for i, x := range []float64{first, seen[1][j], seen[2][j]} {
			alone[i] += x / 5
		}
	}
	if a.shop.wrongly {
		return alone[0] * alone[1] * alone[2]
	}
	return p
}

func (s *shop) estimatedDay(n int) Range { return counted(n, hourMinutes*s.hours) }

// weekOf is the start of the week that a day's start is in, and whether it is its last day.
func weekOf(start time.Time) (time.Time, bool) {
	day := int(start.Sub(monday).Hours()) / 24
	return monday.AddDate(0, 0, day-day%7), day%7 == 6
}
