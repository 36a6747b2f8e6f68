package visits

import (
	"cmp"
	"slices"
)

// tally makes a Result of devices that come in ascending order of their ids.
type tally struct {
	day      *Day
	layout   Layout
	p        Params
	cells    []Cell  // dense, from the quarter in which the day begins
	hours    []int64 // start of the local hour of each of them
	zones    map[ZoneHour]int
	steps    []int32 // change of the stable devices inside, by minute
	dwells   []int64 // ms
	patterns patterns
	out      Result
}

func newTally(d *Day, layout Layout, p Params) *tally {
	first, last := floorDiv(d.startMS, quarterMS), floorDiv(d.startMS+d.limitMS-1, quarterMS)
	t := &tally{day: d, layout: layout, p: p, zones: map[ZoneHour]int{}, patterns: patterns{filters: &d.filters}}
	for q := first; q <= last; q++ {
		t.cells = append(t.cells, Cell{StartMS: q * quarterMS})
		t.hours = append(t.hours, HourStart(q*quarterMS, layout.Location))
	}
	t.out.Inside.FirstMinute = floorDiv(d.startMS, minuteMS)
	t.steps = make([]int32, floorDiv(d.startMS+d.limitMS-1, minuteMS)-t.out.Inside.FirstMinute+2)
	return t
}

// quarter is the index of an instant's cell.
func (t *tally) quarter(ms int64) int { return int(floorDiv(ms-t.cells[0].StartMS, quarterMS)) }

// device counts one device with its settled sightings.
func (t *tally) device(dev uint32, run []Sighting) {
	out := Device{ID: t.day.ids[dev], Sightings: len(run), Changed: t.day.changed[dev]}
	for rest := run; len(rest) > 0; {
		n := sessionLen(rest, t.p.SessionTimeout)
		session := rest[:n]
		rest = rest[n:]
		cell := &t.cells[t.quarter(t.day.startMS+session[0].OffsetMS())]
		switch kindOf(session, t.p) {
		case bounceKind:
			out.Bounces++
			cell.Bounces++
		case longKind:
			out.ExcludedLong++
			cell.ExcludedLong++
		case visitKind:
			v := newVisit(session, t.day.startMS, t.layout.ZoneOf)
			out.Visits = append(out.Visits, v)
			t.visit(&v, cell)
		}
	}
	if len(out.Visits) > 0 {
		t.out.Visitors++
		t.patterns.add(run, t.day.answers.of(dev))
		if ids, ok := t.day.returns.of(dev); ok {
			t.out.Returned = append(t.out.Returned, ids)
		}
	}
	t.out.Devices = append(t.out.Devices, out)
}

func (t *tally) visit(v *Visit, cell *Cell) {
	dwell := v.LastMS - v.FirstMS
	cell.Visits++
	if v.Dwell() >= t.p.Engaged {
		cell.Engaged++
	}
	cell.DwellS = append(cell.DwellS, uint32((dwell+500)/1000))
	t.dwells = append(t.dwells, dwell)
	t.steps[floorDiv(v.FirstMS, minuteMS)-t.out.Inside.FirstMinute]++
	t.steps[floorDiv(v.LastMS, minuteMS)-t.out.Inside.FirstMinute+1]--
	for _, stay := range v.Zones {
		t.zones[ZoneHour{StartMS: t.hours[t.quarter(stay.FirstMS)], Zone: stay.Zone}]++
	}
}

func (t *tally) result() Result {
	out := &t.out
	out.Totals.StartMS = t.day.startMS
	for i := range t.cells {
		c := &t.cells[i]
		if c.Visits+c.Bounces+c.ExcludedLong == 0 {
			continue
		}
		slices.Sort(c.DwellS)
		out.Cells = append(out.Cells, *c)
		out.Totals.Visits += c.Visits
		out.Totals.Bounces += c.Bounces
		out.Totals.Engaged += c.Engaged
		out.Totals.ExcludedLong += c.ExcludedLong
		out.Totals.DwellS = append(out.Totals.DwellS, c.DwellS...)
	}
	slices.Sort(out.Totals.DwellS)
	for key, n := range t.zones {
		out.ZoneHours = append(out.ZoneHours, ZoneHour{key.StartMS, key.Zone, n})
	}
	slices.SortFunc(out.ZoneHours, func(a, b ZoneHour) int {
		return cmp.Or(cmp.Compare(a.StartMS, b.StartMS), cmp.Compare(a.Zone, b.Zone))
	})
	out.Inside.Stable = make([]uint32, len(t.steps)-1)
	inside := int32(0)
	for i := range out.Inside.Stable {
		inside += t.steps[i]
		out.Inside.Stable[i] = uint32(inside)
	}
	out.Dwell = dwellOf(t.dwells)
	out.Returns = t.patterns.result()
	return *out
}

func dwellOf(ms []int64) Dwell {
	slices.Sort(ms)
	sum := int64(0)
	for _, x := range ms {
		sum += x
	}
	return Dwell{
		SumS: float64(sum) / 1000,
		P25S: Quantile(ms, .25) / 1000,
		P50S: Quantile(ms, .5) / 1000,
		P75S: Quantile(ms, .75) / 1000,
	}
}

// floorDiv divides towards minus infinity, so that instants before 1970 fall into the cell they lie in.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
