package visits

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"
)

// stay adds sightings of a device every minute from one minute of the store-day to another.
func stay(d *Day, id uint64, sensor, from, to int) {
	for m := from; m <= to; m++ {
		d.Add(id, sensor, uint32(m)*60_000)
	}
}

func TestResultOfASmallDay(t *testing.T) {
	d := newTestDay(t)
	stay(d, 30, 0, 300, 310) // 09:00, ten minutes
	stay(d, 10, 1, 308, 338) // across three quarters, engaged
	stay(d, 10, 3, 339, 345) // and on into another zone
	stay(d, 10, 0, 500, 502) // later a bounce
	stay(d, 20, 0, 0, 1000)  // a till
	r := d.Result(testLayout(), DefaultParams())

	at := func(minute int) int64 { return testStart + int64(minute)*60_000 }
	wantCells := []Cell{
		{StartMS: at(0), ExcludedLong: 1},
		{StartMS: at(300), Visits: 2, Engaged: 1, DwellS: []uint32{600, 37 * 60}},
		{StartMS: at(495), Bounces: 1},
	}
	if !reflect.DeepEqual(r.Cells, wantCells) {
		t.Errorf("cells: got %+v, want %+v", r.Cells, wantCells)
	}
	wantTotals := Cell{StartMS: testStart, Visits: 2, Bounces: 1, Engaged: 1, ExcludedLong: 1, DwellS: []uint32{600, 37 * 60}}
	if !reflect.DeepEqual(r.Totals, wantTotals) {
		t.Errorf("totals: got %+v, want %+v", r.Totals, wantTotals)
	}
	wantZones := []ZoneHour{{at(300), 0, 1}, {at(300), 1, 1}, {at(300), 2, 1}}
	if !reflect.DeepEqual(r.ZoneHours, wantZones) {
		t.Errorf("zone hours: got %+v, want %+v", r.ZoneHours, wantZones)
	}
	if r.Visitors != 2 {
		t.Errorf("visitors: got %d, want 2", r.Visitors)
	}
	if want := (Dwell{SumS: 47 * 60, P25S: 600 + 27*60*.25, P50S: 600 + 27*60*.5, P75S: 600 + 27*60*.75}); r.Dwell != want {
		t.Errorf("dwell: got %+v, want %+v", r.Dwell, want)
	}
	for minute, want := range map[int]uint32{299: 0, 300: 1, 308: 2, 310: 2, 311: 1, 345: 1, 346: 0, 501: 0, 1439: 0, -1: 0, 5000: 0} {
		if got := r.Inside.At(testStart/60_000 + int64(minute)); got != want {
			t.Errorf("inside in minute %d: got %d, want %d", minute, got, want)
		}
	}
	var ids []uint64
	for _, dev := range r.Devices {
		ids = append(ids, dev.ID)
	}
	if want := []uint64{10, 20, 30}; !reflect.DeepEqual(ids, want) {
		t.Errorf("devices: got %v, want %v", ids, want)
	}
}

func TestResultOfAnEmptyDay(t *testing.T) {
	r := newTestDay(t).Result(Layout{}, DefaultParams())
	if len(r.Devices)+len(r.Cells)+len(r.ZoneHours)+r.Visitors != 0 || r.Dwell != (Dwell{}) || r.Returns != (Returns{}) {
		t.Errorf("got %+v, want nothing", r)
	}
	if len(r.Inside.Stable) != 1440 {
		t.Errorf("minutes: got %d, want 1440", len(r.Inside.Stable))
	}
}

func TestZoneHoursAreLocal(t *testing.T) {
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Skipf("no time zones here: %v", err)
	}
	d := newTestDay(t)
	stay(d, 1, 0, 20, 40) // the day begins on the hour in UTC, so half past it is the full hour here
	r := d.Result(Layout{ZoneOf: []int{4}, Location: kolkata}, DefaultParams())
	if want := []ZoneHour{{testStart - 1_800_000, 4, 1}}; !reflect.DeepEqual(r.ZoneHours, want) {
		t.Errorf("got %+v, want %+v", r.ZoneHours, want)
	}
}

func TestGenerationsTellWhatChanged(t *testing.T) {
	d := newTestDay(t)
	layout, p := testLayout(), DefaultParams()
	stay(d, 1, 0, 0, 10)
	stay(d, 2, 0, 0, 10)
	first := d.Result(layout, p)
	stay(d, 1, 0, 0, 10) // a replay changes nothing
	stay(d, 2, 0, 11, 12)
	stay(d, 3, 0, 0, 1)
	second := d.Result(layout, p)
	third := d.Result(layout, p)
	changed := func(r Result, since uint32) (ids []uint64) {
		for _, dev := range r.Devices {
			if dev.Changed > since {
				ids = append(ids, dev.ID)
			}
		}
		return ids
	}
	for _, c := range []struct {
		name      string
		got, want []uint64
	}{
		{"all are new at first", changed(first, 0), []uint64{1, 2}},
		{"those with new sightings", changed(second, first.Generation), []uint64{2, 3}},
		{"none without", changed(third, second.Generation), nil},
		{"a result that was not written is caught up", changed(third, first.Generation), []uint64{2, 3}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestStableLive(t *testing.T) {
	d := newTestDay(t)
	stay(d, 1, 0, 500, 505)                  // gone for a while
	stay(d, 2, 0, 590, 600)                  // just now
	stay(d, 3, 1, 600, 600)                  // one sighting, just now
	stay(d, 4, 0, 100, 600)                  // a till
	stay(d, 5, 0, 601, 605)                  // ahead of the clock
	stay(d, 6, 0, 595, 620)                  // on both sides of it
	d.Add(7, 0, 590*60_000)                  // ten minutes ago exactly
	d.Add(8, 0, 590*60_000-1)                // a millisecond more
	stay(d, 9, 0, 100, 300)                  // long this morning
	stay(d, 9, 0, 599, 600)                  // and back
	d.Answer(10, 0, 3)                       // nothing but an answer
	for i, want := range []int{5, 5, 0, 0} { // 2, 3, 6, 7, 9
		now := testStart + []int64{600, 600, -5, 2000}[i]*60_000
		if got := d.StableLive(now, DefaultParams()); got != want {
			t.Errorf("at minute %d: got %d, want %d", (now-testStart)/60_000, got, want)
		}
	}
}

func TestReturnsUseOneAnswerOfTheSensorThatHeardMost(t *testing.T) {
	type answerOf struct {
		sensor int
		bits   uint8
	}
	ones := func(n uint32) [Weeks]uint32 { return [Weeks]uint32{n, n, n, n, n} }
	for _, c := range []struct {
		name     string
		heard    [3]int // minutes on each sensor
		given    []answerOf
		pattern  int // -1: unanswered
		q0       float64
		lookback uint8
	}{
		{"the one that heard it most", [3]int{5, 10, 0}, []answerOf{{0, 1}, {1, 2}}, 2, .5, 3},
		{"a tie: the lower index", [3]int{8, 8, 0}, []answerOf{{1, 2}, {0, 1}}, 1, .25, 4},
		{"most heard, but no answer", [3]int{5, 10, 0}, []answerOf{{0, 1}}, 1, .25, 4},
		{"a new filter is left out", [3]int{5, 0, 10}, []answerOf{{0, 1}, {2, 31}}, 1, .25, 4},
		{"nothing but a new filter", [3]int{0, 0, 10}, []answerOf{{2, 31}}, -1, 0, 0},
		{"no answer", [3]int{10, 0, 0}, nil, -1, 0, 0},
		{"two answers of one sensor: the smaller", [3]int{10, 0, 0}, []answerOf{{0, 30}, {0, 7}, {0, 30}}, 7, .25, 4},
		{"no filter known", [3]int{10, 0, 0}, []answerOf{{3, 1}}, -1, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newTestDay(t)
			d.Filter(0, ones(filterBits/4), 4, false)
			d.Filter(1, ones(filterBits/2), 3, false)
			d.Filter(2, ones(filterBits), 0, true)
			minute := 300
			for sensor, n := range c.heard {
				stay(d, 1, sensor, minute, minute+n-1)
				minute += n
			}
			for _, a := range c.given {
				d.Answer(1, a.sensor, a.bits)
				d.Answer(2, a.sensor, a.bits) // a device without a visit: its answer does not count
			}
			d.Add(2, 0, 0)
			want := Returns{Unanswered: 1}
			if c.pattern >= 0 {
				want = Returns{Visitors: 1, Lookback: c.lookback, Q0: [Weeks]float64{c.q0, c.q0, c.q0, c.q0, c.q0}}
				want.Counts[c.pattern] = 1
			}
			if got := d.Result(testLayout(), DefaultParams()).Returns; got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestReturnsWeighFiltersByAnswers(t *testing.T) {
	d := newTestDay(t)
	d.Filter(0, [Weeks]uint32{0, 0, 0, 0, 100}, 4, false)
	d.Filter(1, [Weeks]uint32{filterBits, 0, 0, 0, 300}, 2, false)
	for id := range uint64(4) {
		sensor := 0
		if id == 3 {
			sensor = 1
		}
		stay(d, id, sensor, 300, 310)
		d.Answer(id, sensor, uint8(id))
	}
	got := d.Result(testLayout(), DefaultParams()).Returns
	want := Returns{Visitors: 4, Lookback: 2, Q0: [Weeks]float64{.25, 0, 0, 0, 600. / 4 / filterBits}}
	want.Counts[0], want.Counts[1], want.Counts[2], want.Counts[3] = 1, 1, 1, 1
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestFilterKeepsTheLesserClaim(t *testing.T) {
	type said struct {
		ones     uint32
		lookback uint8
		fresh    bool
	}
	for _, c := range []struct {
		name string
		a, b said
		want said
	}{
		{"the same twice", said{5, 2, false}, said{5, 2, false}, said{5, 2, false}},
		{"new wins", said{5, 2, false}, said{9, 4, true}, said{9, 4, true}},
		{"the shorter look-back", said{5, 2, false}, said{1, 3, false}, said{5, 2, false}},
		{"fewer ones", said{5, 2, false}, said{1, 2, false}, said{1, 2, false}},
	} {
		for _, order := range [][2]said{{c.a, c.b}, {c.b, c.a}} {
			t.Run(fmt.Sprintf("%s/%d first", c.name, order[0].ones), func(t *testing.T) {
				d := newTestDay(t)
				for _, s := range order {
					d.Filter(3, [Weeks]uint32{s.ones}, s.lookback, s.fresh)
				}
				if got := d.filters[3]; got.ones[0] != c.want.ones || got.lookback != c.want.lookback || got.fresh != c.want.fresh {
					t.Errorf("got %+v, want %+v", got, c.want)
				}
			})
		}
	}
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		name string
		of   []uint32
		q    float64
		want float64
	}{
		{"of nothing", nil, .5, 0},
		{"of one", []uint32{7}, .25, 7},
		{"between two", []uint32{10, 20}, .5, 15},
		{"a quarter of four", []uint32{1, 2, 3, 4}, .25, 1.75},
		{"on a value", []uint32{1, 2, 3, 4, 5}, .75, 4},
		{"the least", []uint32{1, 2, 3}, -1, 1},
		{"the most", []uint32{1, 2, 3}, 2, 3},
		{"not a number", []uint32{1, 2, 3}, math.NaN(), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Quantile(c.of, c.q); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
