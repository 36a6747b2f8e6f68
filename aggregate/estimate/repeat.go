package estimate

import "math"

// Filters is how many weeks have a return filter: this store-week and the four before it.
const Filters = 5

// Answers are the noisy return answers of one store-day: one for each stable visitor, five bits each.
type Answers struct {
	// Counts is how many visitors had each pattern of answers. Bit 0 is the answer of this store-week's filter as it stood
	// when the day began, bit k that of the k-th week before.
	Counts [1 << Filters]uint32
	// Q0 is the mean share of ones in each filter: how often it answers 1 for somebody who was not there.
	Q0 [Filters]float64
	// Lookback is how many earlier weeks the filters cover, 0..4: bits beyond it say nothing.
	Lookback int
}

// Share is a part of a whole, from 0 to 1, with its 95 % interval. Where it is not Known, the answers cannot tell.
type Share struct {
	Value, Low, High float64
	Known            bool
	noise            noise
}

// noise is the filters' variance of one visitor's answer: of one who is part of the share, and of one who is not.
type noise struct{ part, rest float64 }

// Of is the interval that the share would have of so many visitors, which are not none. It is wider of fewer, and depends on the
// true number in nothing: with the interval of a rounded number, a published one does not tell the number that was rounded.
func (s Share) Of(visitors float64) (low, high float64) {
	return solve(s.Value, s.noise.part, s.noise.rest, visitors)
}

// RepeatRate is what the answers of a store-week say. Every visitor counts once a store-day.
type RepeatRate struct {
	Visitors int   // answers: visitors of the days, added up
	Distinct int   // visitors who are certainly distinct: those of the fullest day
	Lookback int   // earlier weeks that the shares below could look at, 0..4
	Week1    Share // visited on an earlier day of the week or in the week before; wants a look-back of 1
	Week4    Share // the same with the four weeks before; wants a look-back of 4
	New      Share // never here within Lookback: on no earlier day of the week and in none of those weeks
}

// MinVisitors is from how many distinct visitors a repeat rate may be published (DESIGN section 6).
const MinVisitors = 10

// KeepProbability is p1, how often a filter answers 1 for somebody who was there: e^E/(1+e^E) for a privacy parameter E.
func KeepProbability(epsilon float64) float64 { return 1 / (1 + math.Exp(-epsilon)) }

// telling is the least difference of a filter's answers for those who were there and those who were not. A filter with
// less is full, or broken, and is treated like one that does not exist.
const telling = .05

// Repeat estimates the repeat rate of a store-week from the answers of its store-days, added up, by expectation-maximisation
// over the true patterns (DESIGN section 6). p1 is KeepProbability's.
//
// The interval is for the filters' noise, with these visitors given. Its variance is that of the unbiased estimate of the new
// share, the mean over answers of the product of (p1 - bit)/(p1 - q0), which has a closed form for each true pattern; it is
// solved for the share as in Wilson's interval, so that it does not vanish at none or all. It is a little wide: simulated
// weeks of 30 to 2,000 visitors a day, E 2 and 3, are covered 95 to 100 times in 100. Visitors who come on several days
// ask the same bits of earlier weeks each time; that needs no widening, because after their first day this week's bit, freshly
// drawn each day, makes the weight of the product zero on average, and so uncorrelated with the first day's.
func Repeat(days []Answers, p1 float64) RepeatRate {
	r := RepeatRate{Lookback: Filters - 1}
	for _, d := range days {
		n := 0
		for _, c := range d.Counts {
			n += int(c)
		}
		if n == 0 {
			continue
		}
		r.Visitors += n
		r.Distinct = max(r.Distinct, n)
		r.Lookback = min(r.Lookback, d.lookback(p1))
	}
	if r.Visitors == 0 || r.Lookback < 0 {
		r.Lookback = 0
		return r
	}
	ch := newChannel(days, p1, r.Lookback+1)
	truth := ch.maximise()
	r.New = ch.share(truth, r.Lookback+1)
	if r.Lookback >= 1 {
		r.Week1 = ch.share(truth, 2).rest()
	}
	if r.Lookback >= 4 {
		r.Week4 = ch.share(truth, Filters).rest()
	}
	return r
}

// lookback is how many earlier weeks the day's answers can tell of; -1 where even this week's filter is useless.
func (a Answers) lookback(p1 float64) int {
	weeks := -1
	for weeks < min(a.Lookback, Filters-1) && a.Q0[weeks+1] >= 0 && p1-a.Q0[weeks+1] >= telling {
		weeks++
	}
	return weeks
}

// rest is the share of the others.
func (s Share) rest() Share {
	return Share{1 - s.Value, 1 - s.High, 1 - s.Low, s.Known, noise{s.noise.rest, s.noise.part}}
}
