package estimate

import "math"

// Visits is how many people came, with or without a random address.
type Visits struct {
	Value     float64 // visits
	Low, High float64 // 95 %
}

// EstimatedVisits adds to the stable visits of some time the visits that the random devices inside speak for, by Little's law:
// mean number inside x time / mean stay. random is the mean of random devices inside over the minutes listened to, minutes
// their number, w the mean stay in minutes (that of the store's stable visits; a w of nothing is taken as one minute). It
// serves a quarter of an hour, an hour and a day alike; days add up from cells, since all use the same w.
//
// The interval has two parts. The random devices inside are known no better than Mean says, with their habits shared over
// the whole time; that part scales with time/w and is most of it from an hour on. And Little's law is about long times: in a short one
// people come who stay longer than it and others leave who came before, and stays scatter. With stays as long as they
// scatter, visits differ from the law by a variance of one a visit, for the stays, and one a person inside at each end.
// Both parts are independent and are joined by their squares. Stable visits are counted, not estimated, and bound it below.
//
// The interval rests on phones with random addresses staying as long as stable ones. w itself is not exact: visits shorter
// than visit_min_dwell are missing from it, which biases it upward and the visits downward (against which the short stays
// are inside all the same, and count); hearing the first and the last burst instead of the door shortens it.
func EstimatedVisits(stableVisits int, random, minutes, w float64) Visits {
	stable := float64(stableVisits)
	if !(random >= 0 && minutes > 0) || math.IsInf(random*minutes, 1) {
		return Visits{stable, stable, stable}
	}
	if !(w > 1) {
		w = 1
	}
	turnover := minutes / w
	low, high := interval(random, crowds(minutes, w))
	came := random * turnover
	chance := 1.96 * math.Sqrt(came+2*random)
	return Visits{
		Value: stable + came,
		Low:   stable + max(0, came-math.Hypot((random-low)*turnover, chance)),
		High:  stable + came + math.Hypot((high-random)*turnover, chance),
	}
}
