package visits

import (
	"reflect"
	"testing"
	"time"
)

// sightings makes a run of one device from seconds and sensors.
func sightings(pairs ...[2]int) []Sighting {
	var run []Sighting
	for _, p := range pairs {
		run = append(run, NewSighting(uint32(p[0]), p[1]))
	}
	return run
}

// every makes sightings of sensor 0 at a step, in ms, from one time to another.
func every(step, from, to int) []Sighting {
	var run []Sighting
	for ms := from; ms < to; ms += step {
		run = append(run, NewSighting(uint32(ms), 0))
	}
	return append(run, NewSighting(uint32(to), 0))
}

func TestSplitCounts(t *testing.T) {
	const minute, hour = 60_000, 3_600_000
	for _, c := range []struct {
		name                  string
		run                   []Sighting
		visits, bounces, long int
	}{
		{"nothing", nil, 0, 0, 0},
		{"one sighting is a bounce", every(1, 0, 0), 0, 1, 0},
		{"a millisecond short of a visit", sightings([2]int{0, 0}, [2]int{299_999, 0}), 0, 1, 0},
		{"exactly the shortest visit", sightings([2]int{0, 0}, [2]int{300_000, 0}), 1, 0, 0},
		{"a gap of exactly the timeout holds", sightings([2]int{0, 0}, [2]int{900_000, 0}), 1, 0, 0},
		{"a gap over the timeout splits", sightings([2]int{0, 0}, [2]int{900_001, 0}), 0, 2, 0},
		{"another sensor bridges the gap", sightings([2]int{0, 0}, [2]int{600_000, 1}, [2]int{1_200_000, 0}), 1, 0, 0},
		{"exactly the longest visit", every(10*minute, 0, 6*hour), 1, 0, 0},
		{"a millisecond over the longest", every(10*minute, 0, 6*hour+1), 0, 0, 1},
		{"all day behind the till", every(10*minute, 0, 12*hour), 0, 0, 1},
		{"visit, bounce, visit", append(append(every(minute, 0, 10*minute), every(minute, 60*minute, 61*minute)...), every(minute, 120*minute, 150*minute)...), 2, 1, 0},
		{"two sensors in one millisecond", sightings([2]int{5, 0}, [2]int{5, 1}), 0, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			visits, bounces, long := Split(c.run, testStart, []int{0, 1}, DefaultParams())
			if len(visits) != c.visits || bounces != c.bounces || long != c.long {
				t.Errorf("got %d visits, %d bounces, %d long; want %d, %d, %d", len(visits), bounces, long, c.visits, c.bounces, c.long)
			}
		})
	}
}

func TestSplitZones(t *testing.T) {
	run := sightings([2]int{0, 2}, [2]int{100_000, 0}, [2]int{200_000, 1}, [2]int{250_000, 5}, [2]int{400_000, 0})
	for _, c := range []struct {
		name   string
		zoneOf []int
		want   []ZoneStay
	}{
		{"each sensor its zone", []int{0, 1, 2, 2, 2, 2}, []ZoneStay{
			{0, testStart + 100_000, testStart + 400_000, 2}, {1, testStart + 200_000, testStart + 200_000, 1}, {2, testStart, testStart + 250_000, 2},
		}},
		{"two sensors in one zone", []int{1, 1, 0, 0, 0, 0}, []ZoneStay{
			{0, testStart, testStart + 250_000, 2}, {1, testStart + 100_000, testStart + 400_000, 3},
		}},
		{"sensors without a zone count for the store alone", []int{0, -1}, []ZoneStay{{0, testStart + 100_000, testStart + 400_000, 2}}},
		{"zones out of range", []int{32, 1 << 40}, nil},
		{"no zones known", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			visits, _, _ := Split(run, testStart, c.zoneOf, DefaultParams())
			want := []Visit{{FirstMS: testStart, LastMS: testStart + 400_000, Zones: c.want}}
			if !reflect.DeepEqual(visits, want) {
				t.Errorf("got %+v, want %+v", visits, want)
			}
		})
	}
}

func TestSplitFollowsItsParams(t *testing.T) {
	p := Params{SessionTimeout: time.Minute, VisitMinDwell: 0, VisitMax: 2 * time.Minute}
	run := append(every(60_000, 0, 120_000), every(60_000, 600_000, 780_000)...)
	visits, bounces, long := Split(run, testStart, nil, p)
	if len(visits) != 1 || bounces != 0 || long != 1 {
		t.Errorf("got %d visits, %d bounces, %d long; want 1, 0, 1", len(visits), bounces, long)
	}
}

func TestHourStartIsLocal(t *testing.T) {
	for _, c := range []struct{ name, zone, at, want string }{
		{"whole hours", "Europe/Berlin", "2026-03-02T10:59:59.999Z", "2026-03-02T10:00:00Z"},
		{"on the hour", "Europe/Berlin", "2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z"},
		{"half an hour off", "Asia/Kolkata", "2026-03-02T10:29:00Z", "2026-03-02T09:30:00Z"},
		{"three quarters off", "Asia/Kathmandu", "2026-03-02T10:15:00Z", "2026-03-02T10:15:00Z"},
		{"the hour before clocks go back", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z"},
		{"the same hour again", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			loc, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Skipf("no time zones here: %v", err)
			}
			at, _ := time.Parse(time.RFC3339Nano, c.at)
			if got := time.UnixMilli(HourStart(at.UnixMilli(), loc)).UTC().Format(time.RFC3339); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	if got := HourStart(3_600_000+5, nil); got != 3_600_000 {
		t.Errorf("without a location: got %d, want 3600000", got)
	}
}

func TestSightingPacks(t *testing.T) {
	for _, c := range []struct {
		name   string
		ms     uint32
		sensor int
	}{
		{"first", 0, 0},
		{"end of a day with clocks going back", 25*3600*1000 - 1, 31},
		{"the last that fits", MaxDayMS - 1, 31},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewSighting(c.ms, c.sensor)
			if s.OffsetMS() != int64(c.ms) || s.Sensor() != c.sensor {
				t.Errorf("got %d ms, sensor %d; want %d, %d", s.OffsetMS(), s.Sensor(), c.ms, c.sensor)
			}
		})
	}
}
