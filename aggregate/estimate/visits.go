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
	v := Visits{Value: stable + random*turnover(minutes, w)}
	v.Low, v.High = visitsInterval(stable, random, minutes, w)
	return v
}

// VisitsInterval is the interval of EstimatedVisits where so many visits were estimated in all and stable of them are stable ones.
// It says no more than its arguments do, so that what is published of them can be given the interval that belongs to it.
func VisitsInterval(stable, all, minutes, w float64) (low, high float64) {
	random := max(0, all-stable) / turnover(minutes, w)
	if !(random >= 0 && minutes > 0) || math.IsInf(random*minutes, 1) {
		return all, all
	}
	return visitsInterval(stable, random, minutes, w)
}

// turnover is how often the people inside are others, in so many minutes.
func turnover(minutes, w float64) float64 { return minutes / stay(w) }

func stay(w float64) float64 {
	if !(w > 1) {
		return 1
	}
	return w
}

func visitsInterval(stable, random, minutes, w float64) (low, high float64) {
	turns := turnover(minutes, w)
	least, most := interval(random, crowds(minutes, stay(w)))
	came := random * turns
	chance := 1.96 * math.Sqrt(came+2*random)
	return stable + max(0, came-math.Hypot((random-least)*turns, chance)), stable + came + math.Hypot((most-random)*turns, chance)
}
