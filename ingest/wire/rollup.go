package wire

import (
	"cmp"
	"iter"
	"slices"
)

// QuarterCount is the distinct stable devices inside within a quarter of an hour, in Unix time in quarters.
type QuarterCount struct {
	Quarter int64
	Devices uint32
}

// NewRollup makes a Rollup of quarters in any order; a quarter that appears twice has its larger count, because a later
// count of distinct devices contains the earlier one.
func NewRollup(cause Rollup_Cause, quarters []QuarterCount) *Rollup {
	sorted := slices.Clone(quarters)
	slices.SortFunc(sorted, func(x, y QuarterCount) int {
		return cmp.Or(cmp.Compare(x.Quarter, y.Quarter), cmp.Compare(y.Devices, x.Devices))
	})
	sorted = slices.CompactFunc(sorted, func(x, y QuarterCount) bool { return x.Quarter == y.Quarter })
	r := &Rollup{Cause: cause}
	before := int64(0)
	for i, q := range sorted {
		if i == 0 {
			r.FirstQuarter, before = q.Quarter, q.Quarter
		}
		r.QuarterDelta = append(r.QuarterDelta, uint32(q.Quarter-before))
		r.Devices = append(r.Devices, q.Devices)
		before = q.Quarter
	}
	return r
}

// Quarters yields the quarters of a Rollup that Decode accepted, ascending.
func (x *Rollup) Quarters() iter.Seq[QuarterCount] {
	return func(yield func(QuarterCount) bool) {
		at := x.GetFirstQuarter()
		for i, d := range x.GetQuarterDelta() {
			at += int64(d)
			if !yield(QuarterCount{at, x.Devices[i]}) {
				return
			}
		}
	}
}
