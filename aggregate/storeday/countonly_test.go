package storeday

import (
	"testing"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/wire"
)

// In a store that only counts, the counted devices of a quarter are the stable ones inside. Elsewhere a sensor that may only
// count for a while adds nothing to the occupancy: its ids are missing, and a mixture would be neither.
func TestCountedDevices(t *testing.T) {
	tests := []struct {
		name           string
		policy         wire.Policy
		counted        map[int64]uint32
		inside         uint32
		minutes        []Minute
		stable, random float64
		cells          int
		hourStable     float64
	}{
		{"count only", wire.Policy_POLICY_COUNT_ONLY, map[int64]uint32{noon / 15: 7}, 0, []Minute{people(0, 2), people(1, 4)}, 7, 3, 1, 7},
		{"count only, nothing counted", wire.Policy_POLICY_COUNT_ONLY, nil, 0, []Minute{people(0, 2)}, 0, 2, 1, 0},
		{"count only, another quarter counted too", wire.Policy_POLICY_COUNT_ONLY, map[int64]uint32{noon / 15: 4, noon/15 + 1: 9}, 0, []Minute{people(0, 2), people(15, 2)}, 4, 2, 2, 6.5},
		{"count only, its minutes still on the way", wire.Policy_POLICY_COUNT_ONLY, map[int64]uint32{noon / 15: 7}, 0, nil, 7, 0, 1, 0},
		{"count only since this hour, more inside before", wire.Policy_POLICY_COUNT_ONLY, map[int64]uint32{noon / 15: 3}, 5, []Minute{people(0, 2)}, 5, 2, 1, 5},
		{"standard, counted and empty", wire.Policy_POLICY_STANDARD, map[int64]uint32{noon / 15: 0}, 5, []Minute{people(0, 2)}, 5, 2, 1, 5},
		{"standard", wire.Policy_POLICY_STANDARD, map[int64]uint32{noon / 15: 7}, 5, []Minute{people(0, 2)}, 5, 2, 1, 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := parse(t, twoZones)
			s.Policy = test.policy
			in := Input{Store: s, Minutes: [][]Minute{test.minutes, nil, nil}, Counted: test.counted}
			in.Visits.Inside = visits.Inside{FirstMinute: noon, Stable: []uint32{test.inside, test.inside}}
			got := compute(t, in)
			if len(got.Cells) != test.cells {
				t.Fatalf("got %d cells, want %d", len(got.Cells), test.cells)
			}
			c := got.Cells[0]
			low, high := estimate.Interval(test.stable + test.random)
			want := estimate.Cell{
				Start: noon, Minutes: len(test.minutes), Stable: test.stable, Random: test.random, Occupancy: test.stable + test.random, Low: low, High: high,
			}
			if test.cells > 1 {
				want.Minutes = 1
			}
			if c.People != want {
				t.Errorf("got %+v, want %+v", c.People, want)
			}
			n, any := test.counted[noon/15]
			if c.Counted != int(n) || c.HasCounted != any || c.Visits != 0 || got.Totals.Visits != 0 || got.Totals.Visitors != 0 {
				t.Errorf("got %d counted (%v) and %d visits, want %d (%v) and none", c.Counted, c.HasCounted, c.Visits, n, any)
			}
			if h := got.Hours[0].People; !near(h.Stable, test.hourStable) {
				t.Errorf("hour: got %v stable, want %v", h.Stable, test.hourStable)
			}
			if !near(got.Totals.People.Stable, test.hourStable) {
				t.Errorf("day: got %v stable, want %v", got.Totals.People.Stable, test.hourStable)
			}
		})
	}
}
