package visits

import (
	"cmp"
	"slices"
)

// Result is everything a store-day's cells and rows are made of. Equal sets of sightings give equal results.
type Result struct {
	Devices   []Device   // with at least one sighting, ascending by id
	Visitors  int        // distinct devices with a visit
	Cells     []Cell     // quarters of an hour in which something began, ascending
	ZoneHours []ZoneHour // by hour, then zone
	Inside    Inside     // stable devices by minute
	Dwell     Dwell      // over the day's visits
	Returns   Returns    // of the visitors
	// Returned are the return ids of the visitors that have some, ascending by the device's id: policy extended.
	Returned []ReturnIDs
	// Totals are the sums of Cells.
	Totals Cell
	// Generation numbers the calls of Result: a device with a Changed above an earlier result's Generation has gained sightings
	// since that one was made.
	Generation uint32
}

// Device is one device-day. ExcludedLong counts its stays over the longest visit.
type Device struct {
	ID           uint64
	Sightings    int
	Bounces      int
	ExcludedLong int
	Visits       []Visit
	Changed      uint32 // see Result.Generation
}

// Cell is what began in one quarter of an hour: a visit, a bounce and an excluded stay belong to the cell of their first
// sighting. StartMS is in Unix milliseconds, DwellS are the dwells of its visits in seconds, ascending.
type Cell struct {
	StartMS                                int64
	Visits, Bounces, Engaged, ExcludedLong int
	DwellS                                 []uint32
}

// ZoneHour is how many visits were first heard in a zone during a store-local clock hour, which begins at StartMS (Unix
// milliseconds). A visit counts once in every zone it touched.
type ZoneHour struct {
	StartMS int64
	Zone    int
	Visits  int
}

// Inside is how many stable devices were in a visit, minute by minute, from the minute of its first sighting to that of its
// last, both included.
type Inside struct {
	FirstMinute int64 // Unix minutes
	Stable      []uint32
}

// At is the number of stable devices inside in a Unix minute.
func (in *Inside) At(minute int64) uint32 {
	if i := minute - in.FirstMinute; i >= 0 && i < int64(len(in.Stable)) {
		return in.Stable[i]
	}
	return 0
}

// Dwell is the sum and the quartiles of the visits' dwell, in seconds; all zero without visits.
type Dwell struct{ SumS, P25S, P50S, P75S float64 }

// Result computes the day as it stands. It may be called as often as needed; later sightings change later results only.
func (d *Day) Result(layout Layout, p Params) Result {
	d.settle()
	d.answers.settle()
	d.returns.settle()
	order := make([]uint32, 0, len(d.ids))
	for dev := range d.ids {
		if begin, end := d.run(uint32(dev)); end > begin {
			order = append(order, uint32(dev))
		}
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(d.ids[a], d.ids[b]) })

	t := newTally(d, layout, p)
	for _, dev := range order {
		begin, end := d.run(dev)
		t.device(dev, d.runs[begin:end])
	}
	out := t.result()
	out.Generation = d.generation
	d.generation++
	return out
}

// StableLive is how many devices were heard within the last minutes (Params.Live) before now, in Unix milliseconds, both ends
// included. Whoever has already stayed longer than the longest visit is staff or a till and does not count; sightings after
// now, of a sensor that is ahead of the others, do not either.
func (d *Day) StableLive(nowMS int64, p Params) int {
	d.settle()
	now := nowMS - d.startMS
	live := 0
	for dev := range d.ids {
		begin, end := d.run(uint32(dev))
		run := d.runs[begin:end]
		for len(run) > 0 && run[len(run)-1].OffsetMS() > now {
			run = run[:len(run)-1]
		}
		if len(run) == 0 || now-run[len(run)-1].OffsetMS() > p.Live.Milliseconds() {
			continue
		}
		first := len(run) - 1
		for first > 0 && run[first].OffsetMS()-run[first-1].OffsetMS() <= p.SessionTimeout.Milliseconds() {
			first--
		}
		if kindOf(run[first:], p) != longKind {
			live++
		}
	}
	return live
}

// Quantile is the q-quantile of an ascending list, between its neighbours in proportion (numpy's default); 0 of an empty one.
func Quantile[T ~uint32 | ~int64](sorted []T, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	if !(q > 0) { // not a number, too
		q = 0
	}
	at := min(q, 1) * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return float64(sorted[len(sorted)-1])
	}
	return float64(sorted[i]) + (at-float64(i))*(float64(sorted[i+1])-float64(sorted[i]))
}
