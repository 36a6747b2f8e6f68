package simulate

import "slices"

// The words of DESIGN section 2, written down here once more: the truth shares no code with what it checks.
const (
	sessionTimeout = 15 * minute
	visitMinDwell  = 5 * minute
	visitMax       = 360 * minute
	rssiFloor      = -90
	quarter        = 15 * minute
	hour           = 60 * minute
)

// seen is who had a visit on a store-day: numbers of phones that come on more days than one, and how many others.
type seen struct {
	regulars []int32
	once     int
}

// group is what one phone sent without a pause longer than sessionTimeout.
type group struct{ from, to, entry, exit int64 }

// measure recounts a store-day.
func measure(x *day, inside int) (DayTruth, seen) {
	t := DayTruth{Date: x.number.String(), Open: len(x.open) > 0}
	t.Cells = x.cells(quarter)
	t.Hours = x.cells(hour)
	x.countStays(&t)
	in, out := x.byDevice(inside)
	var who seen
	var dwell, door []float64
	for dev := range x.devices {
		visits := 0
		for _, g := range x.groups(in[dev]) {
			switch long := g.to - g.from; {
			case long > visitMax:
				t.Stable.ExcludedLong++
			case long < visitMinDwell:
				t.Stable.Bounces++
			default:
				visits++
				dwell = append(dwell, float64(long)/float64(second))
				door = append(door, float64(g.exit-g.entry)/float64(second))
				t.Cells[g.from/quarter].StableVisits++
				t.Hours[g.from/hour].StableVisits++
			}
		}
		t.Stable.Visits += visits
		x.countOutside(&t.Stable, out[dev], in[dev])
		if visits == 0 {
			continue
		}
		t.Stable.Visitors++
		if n := x.devices[dev].regular; n >= 0 {
			who.regulars = append(who.regulars, n)
		} else {
			who.once++
		}
	}
	t.Stable.CaptureRate = share(t.Stable.Visits, t.Stable.Visits+t.Stable.Bounces+t.Stable.PassersBy)
	t.Stable.Dwell, t.Stable.DoorToDoor, t.Stable.MeanDwell = quartiles(dwell), quartiles(door), mean(dwell)
	return t, who
}

// byDevice lists each stable phone's bursts while the store was open: those at inside or above, and the weaker ones. A phone's
// stays follow each other in time, so its bursts do too.
func (x *day) byDevice(inside int) (in, out [][]burst) {
	in, out = make([][]burst, len(x.devices)), make([][]burst, len(x.devices))
	for _, b := range x.bursts {
		dev := x.stays[b.stay].device
		switch {
		case !x.devices[dev].phone.stable() || !x.isOpen(b.at):
		case int(b.peak) >= inside:
			in[dev] = append(in[dev], b)
		case b.peak >= rssiFloor:
			out[dev] = append(out[dev], b)
		}
	}
	return in, out
}

func (x *day) groups(bursts []burst) []group {
	var list []group
	for _, b := range bursts {
		s := x.stays[b.stay]
		if n := len(list); n > 0 && b.at-list[n-1].to <= sessionTimeout {
			list[n-1].to, list[n-1].exit = b.at, s.to
			continue
		}
		list = append(list, group{b.at, b.at, s.from, s.to})
	}
	return list
}

// countOutside counts a phone's groups of weak bursts, unless it was heard inside within the same silence.
func (x *day) countOutside(t *Stable, weak, strong []burst) {
	for _, g := range x.groups(weak) {
		came := slices.ContainsFunc(strong, func(b burst) bool {
			return b.at >= g.from-sessionTimeout && b.at <= g.to+sessionTimeout
		})
		switch {
		case came:
		case g.to-g.from > visitMax:
			t.LongOutside++
		default:
			t.PassersBy++
		}
	}
}

// cells are the whole store-day in steps, empty.
func (x *day) cells(step int64) []Cell {
	var list []Cell
	for at := int64(0); at < x.length; at += step {
		c := Cell{Start: x.at(at).UTC(), LocalHour: int(x.local[at/minute].hour)}
		for m := at; m < min(at+step, x.length); m += minute {
			c.Open = c.Open || x.isOpen(m)
		}
		list = append(list, c)
	}
	return list
}

// countStays counts people by the door, without any radio.
func (x *day) countStays(t *DayTruth) {
	came := make([]bool, len(x.devices))
	for _, s := range x.stays {
		random := !x.devices[s.device].phone.stable()
		switch s.role {
		case staff:
			spread(t.Cells, quarter, x.length, s.span, func(c *Cell, part float64) { addStaff(c, part, random) })
			spread(t.Hours, hour, x.length, s.span, func(c *Cell, part float64) { addStaff(c, part, random) })
		case shopper:
			t.Entries++
			if random {
				t.RandomEntries++
			}
			if s.to-s.from >= visitMinDwell {
				t.Stays++
				if !came[s.device] {
					t.People++
				}
				came[s.device] = true
			}
			t.Cells[s.from/quarter].Entries++
			t.Hours[s.from/hour].Entries++
			spread(t.Cells, quarter, x.length, s.span, func(c *Cell, part float64) { c.Occupancy += part })
			spread(t.Hours, hour, x.length, s.span, func(c *Cell, part float64) { c.Occupancy += part })
		case passer, fixture, neighbour:
		}
	}
}

func addStaff(c *Cell, part float64, random bool) {
	c.Staff += part
	if random {
		c.StaffRandom += part
	}
}

// spread hands every cell that the span touches the part of the cell that it covers.
func spread(cells []Cell, step, length int64, s span, add func(*Cell, float64)) {
	for i := s.from / step; i*step < s.to; i++ {
		from, to := i*step, min((i+1)*step, length)
		add(&cells[i], float64(min(to, s.to)-max(from, s.from))/float64(to-from))
	}
}

func quartiles(values []float64) Quartiles {
	slices.Sort(values)
	return Quartiles{quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)}
}

// quantile of sorted values, interpolated linearly.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
