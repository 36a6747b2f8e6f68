package estimate

import "math/rand/v2"

// buckets is how many a return filter has (DESIGN section 6).
const buckets = 1 << 16

// shop simulates one sensor's return filters as DESIGN section 6 has them: a filter a week under a key of its own, born
// random, redrawn at the end of each day for the buckets with a visit, asked as it stood when the day began. Visitors are
// numbered from 0 and two of them may share a bucket.
type shop struct {
	rng     *rand.Rand
	p1      float64
	seed    uint64
	filters [Filters][]bool // by week, 0 the earliest
	ones    [Filters]int
	came    [Filters][]bool // by visitor
	drawn   []int           // by bucket: the last day that redrew it
	days    int
}

// newShop opens one for visitors with numbers below visitors.
func newShop(seed uint64, epsilon float64, visitors int) *shop {
	s := &shop{rng: rand.New(rand.NewPCG(seed, 7)), p1: KeepProbability(epsilon), seed: seed, drawn: make([]int, buckets)}
	p0 := uint64((1 - s.p1) * (1 << 16))
	for week := range s.filters {
		f := make([]bool, buckets)
		for b := 0; b < buckets; b += 4 {
			for k, x := 0, s.rng.Uint64(); k < 4; k, x = k+1, x>>16 {
				if x&0xffff < p0 {
					f[b+k] = true
					s.ones[week]++
				}
			}
		}
		s.filters[week] = f
		s.came[week] = make([]bool, visitors)
	}
	return s
}

// bucket stands for the keyed hash: independent from week to week.
func (s *shop) bucket(visitor, week int) int {
	x := s.seed*0xd6e8feb86659fd93 ^ uint64(visitor+1)*0x9e3779b97f4a7c15 ^ uint64(week+100)*0xbf58476d1ce4e5b9
	x = (x ^ x>>31) * 0x94d049bb133111eb
	x = (x ^ x>>29) * 0xbf58476d1ce4e5b9
	return int((x ^ x>>32) % buckets)
}

// visit lets the visitors of one day come, after they have been asked.
func (s *shop) visit(week int, visitors []int) {
	s.days++
	for _, v := range visitors {
		s.came[week][v] = true
		b := s.bucket(v, week)
		if s.drawn[b] == s.days {
			continue
		}
		s.drawn[b] = s.days
		was, is := s.filters[week][b], s.rng.Float64() < s.p1
		s.filters[week][b] = is
		switch {
		case is && !was:
			s.ones[week]++
		case was && !is:
			s.ones[week]--
		}
	}
}

// ask gives the answers of one day of the last week, and the truth: how many of the visitors came on an earlier day of that
// week or in the week before, and the same with the four weeks before.
func (s *shop) ask(visitors []int) (a Answers, week1, week4 int) {
	const last = Filters - 1
	a.Lookback = last
	for k := range Filters {
		a.Q0[k] = float64(s.ones[last-k]) / buckets
	}
	for _, v := range visitors {
		pattern, since := 0, Filters
		for k := range Filters {
			if s.filters[last-k][s.bucket(v, last-k)] {
				pattern |= 1 << k
			}
			if since == Filters && s.came[last-k][v] {
				since = k
			}
		}
		a.Counts[pattern]++
		if since <= 1 {
			week1++
		}
		if since < Filters {
			week4++
		}
	}
	return a, week1, week4
}

// habits is who comes to a shop.
type habits int

const (
	half       habits = iota // half of a day's visitors are regulars, three times as many as come on a day
	everyDay                 // a quarter come nearly every day, a quarter are regulars
	strangers                // nobody comes twice
	neighbours               // the same people every day
)

// day chooses n different visitors; next numbers those who come once.
func (h habits) day(rng *rand.Rand, n int, next *int) []int {
	out := make([]int, 0, n)
	in := map[int]bool{}
	add := func(v int) {
		if !in[v] {
			in[v] = true
			out = append(out, v)
		}
	}
	for len(out) < n {
		switch {
		case h == neighbours:
			add(rng.IntN(n + 2))
		case h == everyDay && len(out) < n/4:
			add(rng.IntN(n/4 + 1))
		case h != strangers && len(out) < n/2:
			add(n + rng.IntN(3*n))
		default:
			*next++
			add(*next)
		}
	}
	return out
}

// week simulates five weeks and gives the answers of the last one, and the truth of it as shares.
func (h habits) week(seed uint64, n int, epsilon float64) (days []Answers, p1, week1, week4 float64) {
	s := newShop(seed, epsilon, 4*n+10+7*Filters*n+1)
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	next := 4*n + 10
	for d := range 7 * Filters {
		visitors := h.day(rng, n, &next)
		if d/7 == Filters-1 {
			a, w1, w4 := s.ask(visitors)
			days = append(days, a)
			week1 += float64(w1)
			week4 += float64(w4)
		}
		s.visit(d/7, visitors)
	}
	return days, s.p1, week1 / float64(7*n), week4 / float64(7*n)
}
