package run

import (
	"math"
	"testing"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/storeday"
)

// A sensor set to -65 dBm hears a phone at -68 as outside, and so must the estimate: of its three soft floors only the lowest
// takes the phone, where a sensor at -70 has two that do.
func TestRandomDevicesCountFromTheSensorsOwnFloor(t *testing.T) {
	for _, row := range []struct {
		name  string
		floor int32
		want  float64
	}{
		{"the default", 0, 2. / 3},
		{"-70", -70, 2. / 3},
		{"-65", -65, 1. / 3},
		{"-75", -75, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := newHeard(estimate.DefaultParams())
			for minute := range int64(90) {
				data := estimate.MinuteData{Minute: minute, ListenedS: 60, MemoryAge: 15, Rows: []estimate.Row{{Class: 7, Band: 4, Bursts: 1}}}
				h.stream(row.floor).Add(1, data)
				h.add(minuteOf(minute))
			}
			h.end()
			if !h.settle(func(int32) (float64, bool) { return 12, true }) {
				t.Fatal("nothing became final")
			}
			for at, m := range h.minutes {
				if !m.Final || math.Abs(m.Random-row.want) > 1e-9 {
					t.Fatalf("minute %d: got %.3f (final %v), want %.3f", at, m.Random, m.Final, row.want)
				}
			}
		})
	}
}

// A sensor that is set anew in the middle of a day counts each minute from the floor it was heard under.
func TestASensorSetAnewCountsEachMinuteFromItsFloor(t *testing.T) {
	h := newHeard(estimate.DefaultParams())
	for minute := range int64(60) {
		floor, boot := int32(-70), uint64(1)
		if minute >= 30 {
			floor, boot = -65, 2
		}
		h.stream(floor).Add(boot, estimate.MinuteData{Minute: minute, ListenedS: 60, MemoryAge: 15, Rows: []estimate.Row{{Class: 7, Band: 4, Bursts: 1}}})
		h.add(minuteOf(minute))
	}
	h.end()
	h.settle(func(int32) (float64, bool) { return 12, true })
	for at, m := range h.minutes {
		want := 2. / 3
		if at >= 30 {
			want = 1. / 3
		}
		if !m.Final || math.Abs(m.Random-want) > 1e-9 {
			t.Errorf("minute %d: got %.3f (final %v), want %.3f", at, m.Random, m.Final, want)
		}
	}
}

func minuteOf(at int64) storeday.Minute { return storeday.Minute{Minute: at, ListenedS: 60} }
