package agent

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// The steps once more, plain and slow, over all frames at once: what the pipeline does frame by frame must come out the same.

type rowKey struct {
	minute int64
	class  uint16
	band   uint8
}

// expected is what the naive steps say must leave the sensor.
type expected struct {
	sightings      []sight
	rows           map[rowKey][3]uint32 // bursts, fresh, back
	passers, long  map[int64]uint32
	random, stable map[int64]uint32 // frames
	minutes        []int64          // listened to
	drops          map[string]uint64
	bursts, kept   uint64
}

// naiveBurst is one burst and which frame began it.
type naiveBurst struct {
	addr       hwaddr.Addr
	start, end int64
	best       int8
	class      uint16
	order      int
}

func naive(r *rig, frames []air) expected {
	x := expected{
		rows: map[rowKey][3]uint32{}, passers: map[int64]uint32{}, long: map[int64]uint32{},
		random: map[int64]uint32{}, stable: map[int64]uint32{}, drops: map[string]uint64{},
	}
	for _, period := range naivePeriods(r, naiveGates(r, frames, &x)) {
		first, last := period[0].t/minuteNS, period[len(period)-1].t/minuteNS
		for m := first; m <= last; m++ {
			x.minutes = append(x.minutes, m)
		}
		for _, f := range period {
			if f.addr.Random() {
				x.random[f.t/minuteNS]++
			} else {
				x.stable[f.t/minuteNS]++
			}
		}
		bs := naiveBursts(r, period)
		x.bursts += uint64(len(bs))
		naiveCounters(bs, x.rows)
		naiveStable(r, bs, last, &x)
	}
	return x
}

// naiveGates are the clock and the drops.
func naiveGates(r *rig, frames []air, x *expected) []air {
	var kept []air
	now := int64(0)
	for _, f := range frames {
		switch {
		case f.t < minTime || f.t > maxTime:
			x.drops["bad_time"]++
			continue
		case f.t < now-int64(time.Second):
			x.drops["out_of_order"]++
			continue
		}
		now = max(now, f.t)
		f.t = now
		_, excluded := r.deps.excluded[f.addr]
		switch {
		case f.addr.Group():
			x.drops["group_source"]++
		case !r.set.Hours.Open(time.Unix(0, now).In(r.set.Calendar.Location())):
			x.drops["closed_hours"]++
		case excluded:
			x.drops["excluded"]++
		case r.deps.OptOuts != nil && r.deps.OptOuts.Has(fakeTag(f.addr, 0)):
			x.drops["opted_out"]++
		case f.mute && !r.set.NoRSSIInside:
			x.drops["no_rssi"]++
		default:
			if f.mute {
				f.dbm = 0
			}
			kept = append(kept, f)
		}
	}
	x.kept = uint64(len(kept))
	return kept
}

// naivePeriods splits where the store closed or its day ended between two frames.
func naivePeriods(r *rig, kept []air) [][]air {
	var out [][]air
	for i, f := range kept {
		if i == 0 || naiveParted(r, kept[i-1].t, f.t) {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], f)
	}
	return out
}

func naiveParted(r *rig, a, b int64) bool {
	cal := r.set.Calendar
	if cal.DayOf(time.Unix(0, a)) != cal.DayOf(time.Unix(0, b)) {
		return true
	}
	for m := a/minuteNS + 1; m <= b/minuteNS; m++ {
		if !r.set.Hours.Open(time.Unix(m*60, 0).In(cal.Location())) {
			return true
		}
	}
	return false
}

func naiveBursts(r *rig, frames []air) []naiveBurst {
	by := map[hwaddr.Addr][]naiveBurst{}
	for i, f := range frames {
		bs := by[f.addr]
		if n := len(bs); n > 0 && f.t-bs[n-1].end <= int64(time.Second) && f.t-bs[n-1].start <= int64(time.Minute) {
			bs[n-1].end, bs[n-1].best = f.t, max(bs[n-1].best, f.dbm)
			continue
		}
		epoch := r.set.Calendar.ClassEpoch(time.Unix(0, f.t))
		class := fakeClass(epoch, dot11.Masked(nil, elements(f.model, f.ssid)))
		by[f.addr] = append(bs, naiveBurst{f.addr, f.t, f.t, f.dbm, class, i})
	}
	out := slices.Concat(slices.Collect(maps.Values(by))...)
	slices.SortFunc(out, func(a, b naiveBurst) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.order, b.order)) })
	return out
}

// naiveCounters is counters() of the reference, reference/counting.py, line for line.
func naiveCounters(bs []naiveBurst, rows map[rowKey][3]uint32) {
	last := map[hwaddr.Addr]int64{}
	type group struct {
		class uint16
		band  uint8
	}
	ends, freshEnds := map[group]int64{}, map[group]int64{}
	for _, b := range bs {
		if !b.addr.Random() {
			continue
		}
		was, known := last[b.addr]
		fresh := !known || b.start-was > 900e9
		last[b.addr] = b.end
		k := group{b.class, wire.Band(int(b.best))}
		key := rowKey{b.start / 60e9, k.class, k.band}
		row := rows[key]
		if e, ok := ends[k]; !ok || b.start-e > 250e6 {
			row[0]++
		}
		ends[k] = max(ends[k], b.end)
		if fresh {
			if e, ok := freshEnds[k]; !ok || b.start-e > 250e6 {
				row[1]++
			}
			freshEnds[k] = max(freshEnds[k], b.end)
		} else {
			row[2] += uint32(b.start/60e9 - was/60e9)
		}
		rows[key] = row
	}
}

// naiveStable makes sightings, and counts the stays that never came inside.
func naiveStable(r *rig, bs []naiveBurst, last int64, x *expected) {
	by := map[hwaddr.Addr][]naiveBurst{}
	for _, b := range bs {
		if b.addr.Random() || b.best < r.set.RSSIFloor {
			continue
		}
		by[b.addr] = append(by[b.addr], b)
		if b.best >= r.set.RSSIInside && r.set.Policy != wire.Policy_POLICY_COUNT_ONLY {
			day := r.set.Calendar.DayOf(time.Unix(0, b.start))
			x.sightings = append(x.sightings, sight{fakeSum(b.addr, uint64(day)), b.start / 1e6, wire.Band(int(b.best))})
		}
	}
	for _, stay := range by {
		from := 0
		for i := range stay {
			if i+1 < len(stay) && stay[i+1].start-stay[i].start <= int64(SessionTimeout) {
				continue
			}
			inside := slices.ContainsFunc(stay[from:i+1], func(b naiveBurst) bool { return b.best >= r.set.RSSIInside })
			minute := min((stay[i].start+int64(SessionTimeout))/minuteNS, last)
			switch {
			case inside:
			case stay[i].start-stay[from].start > int64(VisitMax):
				x.long[minute]++
			default:
				x.passers[minute]++
			}
			from = i + 1
		}
	}
}

// agrees compares what arrived with what the naive steps say.
func agrees(t *testing.T, r *rig, want expected) {
	t.Helper()
	c := r.p.Counts()
	for name, pair := range map[string][2]uint64{
		"kept": {c.Kept, want.kept}, "bursts": {c.Bursts, want.bursts}, "held bursts": {c.HeldBursts, 0},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %d, want %d", name, pair[0], pair[1])
		}
	}
	drops := map[string]uint64{}
	for _, d := range c.Reasons() {
		drops[d.Name] = d.Count
	}
	if !maps.Equal(drops, want.drops) {
		t.Errorf("drops: got %v, want %v", drops, want.drops)
	}
	order := func(a, b sight) int { return cmp.Or(cmp.Compare(a.ms, b.ms), cmp.Compare(a.id, b.id)) }
	got := r.sink.sightings()
	slices.SortFunc(got, order)
	slices.SortFunc(want.sightings, order)
	if !slices.Equal(got, want.sightings) {
		t.Errorf("sightings: got %d, want %d, or they differ", len(got), len(want.sightings))
	}
	agreeMinutes(t, r, want)
}

func agreeMinutes(t *testing.T, r *rig, want expected) {
	t.Helper()
	minutes := r.sink.minutes()
	var numbers []int64
	rows := 0
	for _, m := range minutes {
		numbers = append(numbers, m.Minute)
		for what, pair := range map[string][2]uint32{
			"random frames": {m.FramesRandom, want.random[m.Minute]}, "stable frames": {m.FramesStable, want.stable[m.Minute]},
			"passers-by": {m.PassersBy, want.passers[m.Minute]}, "excluded_long": {m.ExcludedLong, want.long[m.Minute]},
		} {
			if pair[0] != pair[1] {
				t.Errorf("minute %d, %s: got %d, want %d", m.Minute, what, pair[0], pair[1])
			}
		}
		for _, row := range m.Rows {
			rows++
			if got, want := [3]uint32{row.Bursts, row.Fresh, row.Back}, want.rows[rowKey{m.Minute, row.Class, row.Band}]; got != want {
				t.Errorf("minute %d, class %d, band %d: got bursts, fresh, back %v, want %v", m.Minute, row.Class, row.Band, got, want)
			}
		}
	}
	if !slices.Equal(numbers, want.minutes) {
		t.Errorf("minutes: got %d, want %d, or they differ", len(numbers), len(want.minutes))
	}
	for k := range want.rows {
		if k.band >= wire.MinRandomBand {
			rows--
		}
	}
	if rows != 0 {
		t.Errorf("got %d rows more than wanted", rows)
	}
}
