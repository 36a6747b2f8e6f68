package simulate

import (
	"math"
	"slices"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// heard is a burst of the one stable phone of a test's day, at a time since 10:00.
type heard struct {
	at   int64
	peak int8
}

func TestStableDevicesAreCountedByDesignsWords(t *testing.T) {
	stableModel := &model{stable: true}
	ten := 6 * hour // 10:00 in a day that begins at 04:00
	every := func(from, to, step int64, peak int8) []heard {
		var list []heard
		for at := from; at <= to; at += step {
			list = append(list, heard{at, peak})
		}
		return list
	}
	for name, row := range map[string]struct {
		bursts []heard
		want   Stable
	}{
		"silence":                   {nil, Stable{}},
		"one burst is a bounce":     {every(0, 0, 1, -50), Stable{Bounces: 1}},
		"five minutes is a visit":   {every(0, 5*minute, 5*minute, -50), Stable{Visits: 1, Visitors: 1}},
		"a microsecond less is not": {every(0, 5*minute-1, 5*minute-1, -50), Stable{Bounces: 1}},
		"a gap of 15 minutes holds": {every(0, 15*minute, 15*minute, -70), Stable{Visits: 1, Visitors: 1}},
		"a longer one parts":        {[]heard{{0, -50}, {15*minute + 1, -50}}, Stable{Bounces: 2}},
		"two visits of one visitor": {slices.Concat(every(0, 6*minute, minute, -50), every(30*minute, 40*minute, minute, -50)), Stable{Visits: 2, Visitors: 1}},
		"six hours is a visit":      {every(0, 6*hour, 10*minute, -50), Stable{Visits: 1, Visitors: 1}},
		"longer is left out":        {every(0, 6*hour+minute, minute, -50), Stable{ExcludedLong: 1}},
		"just outside passes by":    {every(0, 10*minute, minute, -71), Stable{PassersBy: 1}},
		"passes by twice":           {[]heard{{0, -80}, {16 * minute, -80}}, Stable{PassersBy: 2}},
		"below the floor is silent": {every(0, 10*minute, minute, -91), Stable{}},
		"outside for a day":         {every(0, 6*hour+minute, minute, -80), Stable{LongOutside: 1}},
		"weak, then inside":         {slices.Concat(every(0, minute, minute, -80), every(2*minute, 8*minute, minute, -60)), Stable{Visits: 1, Visitors: 1}},
		"inside, later outside":     {slices.Concat(every(0, 8*minute, minute, -60), every(40*minute, 41*minute, minute, -80)), Stable{Visits: 1, Visitors: 1, PassersBy: 1}},
		"before opening":            {every(-2*hour, -hour-1, minute, -50), Stable{}},
		"across opening":            {every(-hour-4*minute, -hour+4*minute, minute, -50), Stable{Bounces: 1}},
		"after closing":             {every(10*hour, 11*hour, minute, -50), Stable{}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, "corner", "2026-01-12", 1) // 09:00 to 20:00
			x := newDay(cfg.Store, cfg.Start)
			x.devices = []device{{phone{model: stableModel}, 7}}
			x.stays = []stay{{span: span{ten, ten + 9*hour}, role: fixture}}
			for _, h := range row.bursts {
				x.bursts = append(x.bursts, burst{at: ten + h.at, peak: h.peak, frames: 3})
			}
			truth, who := measure(x, -70)
			got := truth.Stable
			if total := got.Visits + got.Bounces + got.PassersBy; total > 0 && got.CaptureRate != float64(got.Visits)/float64(total) {
				t.Errorf("got a capture rate of %g", got.CaptureRate)
			}
			if (len(who.regulars) == 1) != (got.Visitors == 1) {
				t.Errorf("got %v seen of %d visitors", who, got.Visitors)
			}
			got.CaptureRate, got.Dwell, got.DoorToDoor, got.MeanDwell = 0, Quartiles{}, Quartiles{}, 0
			if got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestOccupancyIsTheMeanOfACell(t *testing.T) {
	cfg := testConfig(t, "corner", "2026-01-12", 1)
	x := newDay(cfg.Store, cfg.Start)
	phones := []phone{{model: &model{stable: true}}, {model: &model{}}, {model: &model{}}}
	for _, p := range phones {
		x.devices = append(x.devices, device{p, -1})
	}
	x.stays = []stay{
		{span: span{6 * hour, 6*hour + 30*minute}, role: shopper, device: 0},
		{span: span{6*hour + 10*minute, 6*hour + 14*minute}, role: shopper, device: 1},
		{span: span{5 * hour, 8 * hour}, role: staff, device: 2},
	}
	truth, _ := measure(x, -70)
	if truth.Entries != 2 || truth.RandomEntries != 1 || truth.Stays != 1 || truth.People != 1 {
		t.Errorf("got %d entries, %d random, %d stays, %d people, want 2 1 1 1", truth.Entries, truth.RandomEntries, truth.Stays, truth.People)
	}
	for name, row := range map[string]struct {
		cell      Cell
		hour      int
		occupancy float64
		entries   int
		staff     float64
	}{
		"10:00 quarter": {truth.Cells[24], 10, 1 + 4.0/15, 2, 1},
		"10:15 quarter": {truth.Cells[25], 10, 1, 0, 1},
		"10:30 quarter": {truth.Cells[26], 10, 0, 0, 1},
		"10:00 hour":    {truth.Hours[6], 10, 0.5 + 4.0/60, 2, 1},
		"noon hour":     {truth.Hours[8], 12, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := row.cell
			if math.Abs(c.Occupancy-row.occupancy) > 1e-9 || c.Entries != row.entries || c.LocalHour != row.hour || c.Staff != row.staff || c.StaffRandom != row.staff {
				t.Errorf("got %+v", c)
			}
		})
	}
	if !truth.Cells[20].Open || truth.Cells[19].Open || truth.Cells[64].Open || !truth.Cells[63].Open {
		t.Error("the store is open from 9 to 20")
	}
}

func TestDaysWithAChangeOfClocksHaveOtherCells(t *testing.T) {
	for name, row := range map[string]struct {
		date         string
		cells, hours int
	}{
		"plain": {"2026-01-12", 96, 24}, "forward": {"2026-03-28", 92, 23}, "back": {"2026-10-24", 100, 25},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, "corner", row.date, 1)
			truth, _ := measure(newDay(cfg.Store, cfg.Start), -70)
			if len(truth.Cells) != row.cells || len(truth.Hours) != row.hours {
				t.Errorf("got %d cells and %d hours, want %d and %d", len(truth.Cells), len(truth.Hours), row.cells, row.hours)
			}
		})
	}
}

func TestQuartiles(t *testing.T) {
	for name, row := range map[string]struct {
		values []float64
		want   Quartiles
	}{
		"none": {nil, Quartiles{}}, "one": {[]float64{5}, Quartiles{5, 5, 5}},
		"two": {[]float64{4, 0}, Quartiles{1, 2, 3}}, "five": {[]float64{5, 1, 4, 2, 3}, Quartiles{2, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := quartiles(row.values); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

// TestTheCaptureHoldsTheTruth recounts a written capture by address, knowing nothing of who sent what.
func TestTheCaptureHoldsTheTruth(t *testing.T) {
	cfg := testConfig(t, "corner", "2026-01-12", 6)
	truth, c := run(t, cfg)
	for i, day := range truth.Days {
		t.Run(day.Date, func(t *testing.T) {
			d := cfg.Start + calendar.Day(i)
			got := recount(cfg, d, readCapture(t, c.files[d].Bytes()))
			want := day.Stable
			within(t, "visits", got.Visits, want.Visits, 0.02)
			within(t, "visitors", got.Visitors, want.Visitors, 0.02)
			within(t, "bounces", got.Bounces, want.Bounces, 0.1)
			within(t, "passers-by", got.PassersBy, want.PassersBy, 0.03)
			within(t, "excluded_long", got.ExcludedLong, want.ExcludedLong, 0)
			within(t, "excluded_long outside", got.LongOutside, want.LongOutside, 0)
			if diff := math.Abs(got.Dwell.Median - want.Dwell.Median); diff > 15 {
				t.Errorf("median dwell: got %g s, want %g s", got.Dwell.Median, want.Dwell.Median)
			}
		})
	}
}

func within(t *testing.T, what string, got, want int, tolerance float64) {
	t.Helper()
	if math.Abs(float64(got-want)) > tolerance*float64(want) {
		t.Errorf("%s: got %d, want %d", what, got, want)
	}
}

func recount(cfg Config, d calendar.Day, probes []probe) Stable {
	day := newDay(cfg.Store, d)
	start := cfg.Store.Calendar.Start(d).UnixMicro()
	bursts := make(map[hwaddr.Addr][]heard)
	last := make(map[hwaddr.Addr]int64)
	for _, p := range probes {
		at := p.unix - start
		if p.random || p.dbm < -90 || !day.isOpen(at) {
			continue
		}
		list := bursts[p.sender]
		if n := len(list); n > 0 && at-last[p.sender] <= second {
			list[n-1].peak = max(list[n-1].peak, int8(p.dbm))
		} else {
			list = append(list, heard{at, int8(p.dbm)})
		}
		bursts[p.sender], last[p.sender] = list, at
	}
	var s Stable
	var dwell []float64
	for _, list := range bursts {
		visits := 0
		for len(list) > 0 {
			n := 1
			for n < len(list) && list[n].at-list[n-1].at <= 15*minute {
				n++
			}
			all := list[:n]
			list = list[n:]
			inside := slices.DeleteFunc(slices.Clone(all), func(h heard) bool { return int(h.peak) < cfg.InsideDBM })
			switch long := lasting(inside); {
			case len(inside) == 0 && lasting(all) > 6*hour:
				s.LongOutside++
			case len(inside) == 0:
				s.PassersBy++
			case long > 6*hour:
				s.ExcludedLong++
			case long < 5*minute:
				s.Bounces++
			default:
				visits++
				dwell = append(dwell, float64(long)/1e6)
			}
		}
		s.Visits += visits
		s.Visitors += min(visits, 1)
	}
	s.Dwell = quartiles(dwell)
	return s
}

// lasting is the time from the first of a list to its last.
func lasting(list []heard) int64 {
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].at - list[0].at
}
