package visits

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// The answer depends only on the set of what was added: order, repetition, batching and interleaved results do not show.
func TestResultDependsOnlyOnTheSet(t *testing.T) {
	layout, p := testLayout(), DefaultParams()
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		ops := randomDay(r, []int{0, 1, 2, 15, 60, 250}[seed%6])
		want := naive(ops, testStart, layout, p)
		for _, way := range []struct {
			name string
			feed func(*Day)
		}{
			{"in order", func(d *Day) { feed(d, ops) }},
			{"backwards", func(d *Day) { feed(d, reversed(ops)) }},
			{"shuffled", func(d *Day) { feed(d, shuffled(r, ops)) }},
			{"shuffled, parts twice", func(d *Day) { feed(d, shuffled(r, append(slices.Clone(ops), ops[:len(ops)/2]...))) }},
			{"twice", func(d *Day) { feed(d, ops); feed(d, ops) }},
			{"sensor by sensor", func(d *Day) { feed(d, bySensor(ops)) }},
			{"in batches", func(d *Day) { feedBatches(r, d, ops) }},
			{"in batches, twice", func(d *Day) { feedBatches(r, d, ops); feedBatches(r, d, ops) }},
			{"forgotten first", func(d *Day) { feed(d, forgetsFirst(ops)) }},
			{"with results in between", func(d *Day) {
				for i, o := range shuffled(r, ops) {
					o.apply(d)
					if i%1000 == 0 {
						d.Result(layout, p)
						d.StableLive(testStart+int64(i), p)
						d.Sightings()
					}
				}
			}},
		} {
			t.Run(fmt.Sprintf("%s/seed %d", way.name, seed), func(t *testing.T) {
				d := newTestDay(t)
				way.feed(d)
				if got := plain(d.Result(layout, p)); !reflect.DeepEqual(got, want) {
					t.Errorf("result differs: %s", difference(got, want))
				}
			})
		}
	}
}

// difference names the first field in which two results differ, without printing a day.
func difference(got, want Result) string {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		if !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			return fmt.Sprintf("%s\n got %.400s\nwant %.400s", g.Type().Field(i).Name, fmt.Sprint(g.Field(i)), fmt.Sprint(w.Field(i)))
		}
	}
	return "nowhere"
}

func feed(d *Day, ops []op) {
	for _, o := range ops {
		o.apply(d)
	}
}

func reversed(ops []op) []op {
	out := slices.Clone(ops)
	slices.Reverse(out)
	return out
}

func shuffled(r *rand.Rand, ops []op) []op {
	out := slices.Clone(ops)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func bySensor(ops []op) []op {
	out := slices.Clone(ops)
	slices.SortStableFunc(out, func(a, b op) int { return b.sensor - a.sensor })
	return out
}

func forgetsFirst(ops []op) []op {
	out := slices.Clone(ops)
	slices.SortStableFunc(out, func(a, b op) int { return int(a.what&1) - int(b.what&1) }) // 'f' and 'F' are even
	return out
}

// feedBatches sends the sightings as runs of random length of one id and sensor, as a decoded batch has them.
func feedBatches(r *rand.Rand, d *Day, ops []op) {
	type key struct {
		id     uint64
		sensor int
	}
	runs := map[key][]uint32{}
	for _, o := range shuffled(r, ops) {
		if o.what != 's' {
			o.apply(d)
			continue
		}
		k := key{o.id, o.sensor}
		runs[k] = append(runs[k], o.ms)
	}
	for k, all := range runs {
		for len(all) > 0 {
			n := 1 + r.IntN(len(all))
			part := slices.Clone(all[:n])
			all = all[n:]
			slices.Sort(part)
			base := int64(part[0])
			last := part[0]
			for i := range part {
				part[i], last = part[i]-last, part[i]
			}
			d.AddRun(k.id, k.sensor, base, part)
		}
	}
}

// FuzzDay reads ops from bytes: whatever is added, the day agrees with the plain computation.
func FuzzDay(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("s\x01\x00\x00\x00\x00\x00s\x01\x01\x00\x05\x00\x00f\x01\x00\x00\x00\x00\x00"))
	f.Add([]byte("s\x02\x03\x00\xd0\x10\x00s\x02\x03\x00\x00\x11\x00a\x02\x03\x1f\x00\x00\x00F\x00\x03\x01\x00\x02\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var ops []op
		for ; len(raw) >= 7; raw = raw[7:] {
			o := op{id: uint64(raw[1] % 5), sensor: int(raw[2] % 4), bits: raw[3] % Patterns, ms: binary.LittleEndian.Uint32(raw[3:]) % uint32(testLength)}
			o.what = "sssssfaF"[raw[0]%8]
			o.lookback, o.fresh, o.ones[0] = raw[4]%Weeks, raw[5]%4 == 0, uint32(raw[6])
			ops = append(ops, o)
		}
		d := newTestDay(t)
		feed(d, ops)
		layout, p := testLayout(), DefaultParams()
		if got, want := plain(d.Result(layout, p)), naive(ops, testStart, layout, p); !reflect.DeepEqual(got, want) {
			t.Errorf("result differs: %s", difference(got, want))
		}
	})
}

// FuzzSplit: every sighting is in exactly one session, and sessions keep to the lengths.
func FuzzSplit(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{0, 0, 0, 0, 0, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var run []Sighting
		for ; len(raw) >= 4; raw = raw[4:] {
			run = append(run, Sighting(binary.LittleEndian.Uint32(raw)))
		}
		slices.Sort(run)
		run = slices.Compact(run)
		p := DefaultParams()
		visits, bounces, long := Split(run, testStart, []int{0, 3, -1, 99}, p)
		if bounces < 0 || long < 0 || len(visits)+bounces+long > len(run) {
			t.Fatalf("got %d visits, %d bounces, %d long of %d sightings", len(visits), bounces, long, len(run))
		}
		for i, v := range visits {
			if v.Dwell() < p.VisitMinDwell || v.Dwell() > p.VisitMax {
				t.Errorf("visit of %v, want %v to %v", v.Dwell(), p.VisitMinDwell, p.VisitMax)
			}
			if i > 0 && v.FirstMS-visits[i-1].LastMS <= p.SessionTimeout.Milliseconds() {
				t.Errorf("two visits %d ms apart", v.FirstMS-visits[i-1].LastMS)
			}
			for _, stay := range v.Zones {
				if stay.FirstMS < v.FirstMS || stay.LastMS > v.LastMS || stay.Count < 1 || (stay.Zone != 0 && stay.Zone != 3) {
					t.Errorf("stay %+v of visit %d to %d", stay, v.FirstMS, v.LastMS)
				}
			}
		}
	})
}
