package main

import (
	"fmt"
	"io"
	"math"
)

// Bounds of the demo's own check: what a store may rely on.
const (
	visitsWithin   = .02 // of the truth, over all days
	dayWithin      = 2   // visits of a single day, where 2 % are fewer
	dwellWithinMin = 1.0
	intervalsHold  = .8 // of the days
)

// check holds the report against its bounds and says each that is left.
func (r *storeReport) check(out io.Writer) error {
	failed := false
	fail := func(format string, args ...any) {
		failed = true
		fmt.Fprintf(out, "! "+format+"\n", args...)
	}
	fmt.Fprintln(out)
	visits, truth, open, inVisits, inPeople := 0, 0, 0, 0, 0
	for i := range r.truth.Days {
		t := &r.truth.Days[i]
		d, ok := r.days[t.Date]
		if !ok || !d.Sealed {
			fail("%s was not sealed", t.Date)
			continue
		}
		if !t.Open {
			continue
		}
		open++
		visits += int(d.Visits)
		truth += t.Stable.Visits
		if diff := math.Abs(float64(d.Visits) - float64(t.Stable.Visits)); diff > math.Max(dayWithin, visitsWithin*float64(t.Stable.Visits)) {
			fail("%s: %d visits, truth %d", t.Date, d.Visits, t.Stable.Visits)
		}
		if d.DwellP50S == nil || math.Abs(*d.DwellP50S-t.Stable.Dwell.Median)/60 > dwellWithinMin {
			fail("%s: median dwell %s min, truth %.1f", t.Date, minutesOf(d.DwellP50S), t.Stable.Dwell.Median/60)
		}
		if holds(d.EstimatedLow, d.EstimatedHigh, float64(t.Stays)) {
			inVisits++
		}
		if holds(d.OccupancyLow, d.OccupancyHigh, meanInside(t)) {
			inPeople++
		}
	}
	if math.Abs(float64(visits-truth)) > visitsWithin*float64(truth) {
		fail("%d visits over all days, truth %d", visits, truth)
	}
	for what, n := range map[string]int{"estimated visits": inVisits, "people inside": inPeople} {
		if float64(n) < intervalsHold*float64(open) {
			fail("the interval of %s holds the truth on %d of %d days", what, n, open)
		}
	}
	weeks := r.checkWeeks(fail)
	if failed {
		return errBounds
	}
	fmt.Fprintf(out, "checked: visits %d of %d true ones (%+.1f %%), median dwell within %.0f min on each day; intervals hold the truth: estimated visits %d, people inside %d of %d days%s\n",
		visits, truth, 100*(ratio(float64(visits), float64(truth))-1), dwellWithinMin, inVisits, inPeople, open, weeks)
	return nil
}

func holds(low, high, truth float64) bool { return low <= truth && truth <= high }

// checkWeeks looks at the repeat rate from the second week on. One draw of the noise may leave a 95 % interval by chance, so
// here all but one of the weeks' rates must be inside; the tests look at many draws.
func (r *storeReport) checkWeeks(fail func(string, ...any)) string {
	in, n := 0, 0
	for i := range r.truth.Weeks {
		t := &r.truth.Weeks[i]
		w, ok := r.weeks[t.Monday]
		if i == 0 {
			continue
		}
		if !ok {
			if 7*(i+1) <= len(r.truth.Days) { // a week is published when its Sunday is sealed
				fail("week of %s is missing", t.Monday)
			}
			continue
		}
		if w.Repeat1W == nil {
			fail("week of %s has no repeat rate", t.Monday)
			continue
		}
		n++
		if holds(*w.Repeat1WLow, *w.Repeat1WHigh, t.OneWeek.SpanShare) {
			in++
		}
		if w.Repeat4W != nil {
			n++
			if holds(*w.Repeat4WLow, *w.Repeat4WHigh, t.FourWeeks.SpanShare) {
				in++
			}
		}
	}
	if n == 0 {
		return ""
	}
	if in < n-1 {
		fail("the interval of the repeat rate holds the truth in %d of %d", in, n)
	}
	return fmt.Sprintf(", repeat rate %d of %d", in, n)
}
