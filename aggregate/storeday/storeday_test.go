package storeday

import (
	"math"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
)

// two zones, of which ground has two sensors, one of them at the entrance; the stairs are an entrance too.
const twoZones = `
stores:
  - id: a
    time_zone: UTC
    zones:
      - {id: ground, sensors: [{id: door, entrance: true}, {id: till}]}
      - {id: upper, sensors: [{id: stairs, entrance: true}]}
`

// parse reads one store.
func parse(t testing.TB, text string) *stores.Store {
	t.Helper()
	list, err := stores.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &list[0]
}

func inZone(t testing.TB, zone string) *stores.Store {
	t.Helper()
	return parse(t, "stores: [{id: a, time_zone: "+zone+", zones: [{id: in, sensors: [{id: door}]}]}]")
}

func day(t testing.TB, date string) calendar.Day {
	t.Helper()
	d, err := calendar.ParseDay(date)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// noon is a Unix minute in the middle of the test's day, at which a cell and an hour begin.
const noon = 29_500_560 // 2026-02-02 12:00 UTC

// people makes a minute that was listened to.
func people(at int64, random float64) Minute {
	return Minute{Minute: noon + at, Random: random, ListenedS: 60, Final: true}
}

func compute(t testing.TB, in Input) Exact {
	t.Helper()
	if in.Store == nil {
		in.Store = parse(t, twoZones)
	}
	if in.Day == 0 {
		in.Day = day(t, "2026-02-02")
	}
	if in.Stay == 0 {
		in.Stay = 12
	}
	return Compute(in)
}

func near(got, want float64) bool { return math.Abs(got-want) < 1e-9 }

func TestRandomDevicesOfTheStore(t *testing.T) {
	tests := []struct {
		name             string
		door, till, upon []Minute
		listened         int
		random           float64
	}{
		{"one sensor", []Minute{people(0, 2), people(1, 4)}, nil, nil, 2, 3},
		{"of a zone the larger, minute by minute", []Minute{people(0, 5), people(1, 0)}, []Minute{people(0, 1), people(1, 4)}, nil, 2, 4.5},
		{"of two zones the larger, not the sum", []Minute{people(0, 5)}, []Minute{people(0, 3)}, []Minute{people(0, 7)}, 1, 7},
		{"a minute of one sensor only is that one's", []Minute{people(0, 5)}, []Minute{people(1, 3)}, nil, 2, 4},
		{"minutes without listening are left out", []Minute{people(0, 6), {Minute: noon + 1, Random: 0}}, nil, nil, 1, 6},
		{"silent minutes that were listened to are not", []Minute{people(0, 6), people(1, 0)}, nil, nil, 2, 3},
		{"nobody listened", []Minute{{Minute: noon}}, nil, nil, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := compute(t, Input{Minutes: [][]Minute{test.door, test.till, test.upon}})
			if len(got.Cells) != 1 {
				t.Fatalf("got %d cells, want 1", len(got.Cells))
			}
			c := got.Cells[0]
			low, high := estimate.Interval(test.random)
			if test.listened == 0 {
				low, high = 0, 0
			}
			if c.Start != noon || c.Listened != test.listened || !near(c.People.Random, test.random) || c.People.Stable != 0 {
				t.Errorf("got %d minutes of %v from %d, want %d of %v from %d", c.Listened, c.People.Random, c.Start, test.listened, test.random, noon)
			}
			if !near(c.People.Occupancy, test.random) || !near(c.People.Low, low) || !near(c.People.High, high) {
				t.Errorf("occupancy: got %v in %v..%v, want %v in %v..%v", c.People.Occupancy, c.People.Low, c.People.High, test.random, low, high)
			}
			if got.Totals.Listened != test.listened || !near(got.Totals.People.Random, test.random) {
				t.Errorf("totals: got %d minutes of %v, want %d of %v", got.Totals.Listened, got.Totals.People.Random, test.listened, test.random)
			}
		})
	}
}

// passers makes a minute with passers-by and frames.
func passers(at int64, n, frames uint32) Minute {
	m := people(at, 0)
	m.PassersBy, m.FramesRandom, m.FramesStable = n, 2*frames, frames
	return m
}

func TestPassersByAndFrames(t *testing.T) {
	tests := []struct {
		name    string
		minutes [][]Minute // door (entrance), till, stairs (entrance)
		cells   []int      // passers-by of each cell
		frames  uint64
	}{
		{"an entrance's are added up within the cell", [][]Minute{{passers(0, 3, 1), passers(14, 4, 1)}, nil, nil}, []int{7}, 2},
		{"those of a sensor inside do not count", [][]Minute{{passers(0, 3, 1)}, {passers(0, 50, 1)}, nil}, []int{3}, 2},
		{"of two entrances the larger, cell by cell", [][]Minute{{passers(0, 3, 1), passers(15, 9, 1)}, nil, {passers(0, 5, 1), passers(15, 2, 1)}}, []int{5, 9}, 4},
		{"the larger of the cells, not of the minutes", [][]Minute{{passers(0, 3, 0), passers(1, 0, 0)}, nil, {passers(0, 0, 0), passers(1, 2, 0)}}, []int{3}, 0},
		{"frames of all sensors are added up", [][]Minute{{passers(0, 0, 1)}, {passers(0, 0, 10)}, {passers(0, 0, 100)}}, []int{0}, 111},
		{"they count without listening", [][]Minute{{{Minute: noon, PassersBy: 2, FramesStable: 1, FramesRandom: 2}}, nil, nil}, []int{2}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := compute(t, Input{Minutes: test.minutes})
			sum := 0
			for i, want := range test.cells {
				if i >= len(got.Cells) || got.Cells[i].PassersBy != want {
					t.Fatalf("got cells %+v, want passers-by %v", got.Cells, test.cells)
				}
				sum += want
			}
			if got.Totals.PassersBy != sum || got.Totals.FramesStable != test.frames || got.Totals.FramesRandom != 2*test.frames {
				t.Errorf("totals: got %d passers-by, %d and %d frames, want %d, %d and %d",
					got.Totals.PassersBy, got.Totals.FramesStable, got.Totals.FramesRandom, sum, test.frames, 2*test.frames)
			}
		})
	}
}

func TestACellIsFinalWhenAllItsMinutesAre(t *testing.T) {
	open := people(1, 1)
	open.Final = false
	tests := []struct {
		name    string
		minutes [][]Minute
		want    []bool
	}{
		{"all", [][]Minute{{people(0, 1), people(1, 1)}}, []bool{true}},
		{"one is not", [][]Minute{{people(0, 1), open, people(15, 1)}}, []bool{false, true}},
		{"one of another sensor is not", [][]Minute{{people(0, 1)}, {open}}, []bool{false}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for i, c := range compute(t, Input{Minutes: test.minutes}).Cells {
				if c.Final != test.want[i] {
					t.Errorf("cell %d: got final %v, want %v", i, c.Final, test.want[i])
				}
			}
		})
	}
}

// A day of changing clocks has 23 or 25 hours; none is lost, doubled or cut short, and the hours are the store's own.
func TestHoursFollowTheStoresClock(t *testing.T) {
	tests := []struct {
		name, zone, date string
		hours            int
		first            string // the first hour's start, UTC
	}{
		{"an ordinary day", "Europe/Berlin", "2026-02-02", 24, "2026-02-02T03:00:00Z"},
		{"clocks go forward", "Europe/Berlin", "2026-03-28", 23, "2026-03-28T03:00:00Z"},
		{"clocks go back", "Europe/Berlin", "2025-10-25", 25, "2025-10-25T02:00:00Z"},
		{"half an hour off", "Asia/Kolkata", "2026-02-02", 24, "2026-02-01T22:30:00Z"},
		{"three quarters of an hour off", "Asia/Kathmandu", "2026-02-02", 24, "2026-02-01T22:15:00Z"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, d := inZone(t, test.zone), day(t, test.date)
			var minutes []Minute
			for at := s.Calendar.Start(d).Unix() / 60; at < s.Calendar.End(d).Unix()/60; at++ {
				minutes = append(minutes, Minute{Minute: at, Random: 2, ListenedS: 60, FramesStable: 1, PassersBy: 1, Final: true})
			}
			got := compute(t, Input{Store: s, Day: d, Minutes: [][]Minute{minutes}})
			if len(got.Cells) != 4*test.hours || len(got.Hours) != test.hours || got.Totals.Listened != 60*test.hours {
				t.Fatalf("got %d cells, %d hours, %d minutes, want %d, %d, %d", len(got.Cells), len(got.Hours), got.Totals.Listened, 4*test.hours, test.hours, 60*test.hours)
			}
			if first := Start(got.Hours[0].Start).Format(time.RFC3339); first != test.first {
				t.Errorf("first hour: got %s, want %s", first, test.first)
			}
			for i, h := range got.Hours {
				if h.Listened != 60 || h.PassersBy != 60 || h.FramesStable != 60 || !near(h.People.Random, 2) || h.People.Minutes != 60 {
					t.Errorf("hour %d: got %+v, want 60 of everything", i, h)
				}
				if local := Start(h.Start).In(s.Calendar.Location()); local.Minute() != 0 || i > 0 && h.Start-got.Hours[i-1].Start != 60 {
					t.Errorf("hour %d begins at %v, which is no full hour after the one before", i, local)
				}
			}
		})
	}
}

func TestHoursAreMeansOfTheirCells(t *testing.T) {
	// 15 minutes of 8 people and 5 of none: the mean is over the minutes that were listened to.
	var minutes []Minute
	for i := range int64(15) {
		minutes = append(minutes, people(i, 8))
	}
	for i := int64(45); i < 50; i++ {
		minutes = append(minutes, people(i, 0))
	}
	minutes = append(minutes, people(60, 1))
	in := Input{Minutes: [][]Minute{minutes}, Stay: 20}
	in.Visits.Cells = []visits.Cell{
		{StartMS: noon * 60_000, Visits: 3, Bounces: 1, Engaged: 2, DwellS: []uint32{300, 900, 1000}},
		{StartMS: (noon + 30) * 60_000, Visits: 2, ExcludedLong: 1, DwellS: []uint32{400, 500}}, // nobody listened
	}
	got := compute(t, in)
	if len(got.Cells) != 4 || len(got.Hours) != 2 {
		t.Fatalf("got %d cells and %d hours, want 4 and 2", len(got.Cells), len(got.Hours))
	}
	h := got.Hours[0]
	if h.Visits != 5 || h.Listened != 20 || !near(h.People.Random, 6) {
		t.Errorf("hour: got %d visits, %d minutes, %v random, want 5, 20, 6", h.Visits, h.Listened, h.People.Random)
	}
	if want := estimate.EstimatedVisits(5, 6, 20, 20); h.Estimated != want {
		t.Errorf("hour's estimated visits: got %+v, want %+v", h.Estimated, want)
	}
	if want := estimate.Mean([]estimate.Cell{got.Cells[0].People, got.Cells[2].People}, 20); h.People != want {
		t.Errorf("hour's people: got %+v, want %+v", h.People, want)
	}
	if want := estimate.EstimatedVisits(3, 8, 15, 20); got.Cells[0].Estimated != want {
		t.Errorf("cell's estimated visits: got %+v, want %+v", got.Cells[0].Estimated, want)
	}
	if c := got.Cells[1]; c.Visits != 2 || c.ExcludedLong != 1 || c.Listened != 0 || c.Estimated.Value != 2 {
		t.Errorf("cell nobody listened to: got %+v, want its 2 visits", c)
	}
	tot := got.Totals
	if tot.Visits != 5 || tot.Bounces != 1 || tot.Engaged != 2 || tot.ExcludedLong != 1 || tot.Listened != 21 {
		t.Errorf("totals: got %+v, want the sums of the cells", tot)
	}
}

func TestStableDevicesComeFromVisits(t *testing.T) {
	in := Input{Minutes: [][]Minute{{people(0, 1), people(1, 1), people(2, 1)}}}
	in.Visits.Inside = visits.Inside{FirstMinute: noon, Stable: []uint32{3, 6, 0}}
	in.Visits.Visitors, in.Visits.Dwell = 4, visits.Dwell{SumS: 100, P50S: 25}
	got := compute(t, in)
	if p := got.Cells[0].People; !near(p.Stable, 3) || !near(p.Random, 1) || !near(p.Occupancy, 4) {
		t.Errorf("got %+v, want 3 stable and 1 random", p)
	}
	if got.Totals.Visitors != 4 || got.Totals.Dwell != in.Visits.Dwell {
		t.Errorf("totals: got %+v, want the visits' visitors and dwell", got.Totals)
	}
}

func TestNothingHeardIsNothing(t *testing.T) {
	got := compute(t, Input{})
	if len(got.Cells) != 0 || len(got.Hours) != 0 || got.Totals.Listened != 0 || got.Totals.People != (estimate.Cell{}) {
		t.Errorf("got %+v, want nothing", got)
	}
}
