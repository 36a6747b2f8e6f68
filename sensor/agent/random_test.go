package agent

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// counted sends bursts through the counters and returns the rows by minute, class and band.
func counted(r *randoms, bs []naiveBurst, sweep bool) map[rowKey][3]uint32 {
	minutes := map[int64]*minute{}
	for i := range bs {
		b := &bs[i]
		if sweep {
			r.sweep(b.start)
		}
		n := b.start / minuteNS
		if minutes[n] == nil {
			minutes[n] = newMinute(n)
		}
		r.count(&burst{addr: b.addr, start: b.start, end: b.end, best: b.best, class: b.class}, minutes[n])
	}
	out := map[rowKey][3]uint32{}
	for n, m := range minutes {
		for _, row := range m.rows {
			out[rowKey{n, row.Class, row.Band}] = [3]uint32{row.Bursts, row.Fresh, row.Back}
		}
	}
	return out
}

func TestCountersOfRandomAddresses(t *testing.T) {
	const s = secondNS
	one := func(n int, start, end int64) naiveBurst {
		return naiveBurst{addr: made(n), start: start, end: end, best: -60, class: 5}
	}
	for _, row := range []struct {
		name   string
		bursts []naiveBurst
		want   map[rowKey][3]uint32
	}{
		{"a first burst is fresh", []naiveBurst{one(1, 0, s)}, map[rowKey][3]uint32{{0, 5, 6}: {1, 1, 0}}},
		{"bursts of a class a quarter of a second apart are one", []naiveBurst{one(1, 0, s), one(2, s+250e6, 2*s)}, map[rowKey][3]uint32{{0, 5, 6}: {1, 1, 0}}},
		{"more apart, two", []naiveBurst{one(1, 0, s), one(2, s+251e6, 2*s)}, map[rowKey][3]uint32{{0, 5, 6}: {2, 2, 0}}},
		{"a burst within a longer one", []naiveBurst{one(1, 0, 10*s), one(2, s, 2*s), one(3, 10*s, 11*s)}, map[rowKey][3]uint32{{0, 5, 6}: {1, 1, 0}}},
		{
			"back counts the minutes since the last burst's end", []naiveBurst{one(1, 0, 61*s), one(1, 185*s, 186*s)},
			map[rowKey][3]uint32{{0, 5, 6}: {1, 1, 0}, {3, 5, 6}: {1, 0, 2}},
		},
		{"back within a minute is nothing", []naiveBurst{one(1, 0, s), one(1, 30*s, 31*s)}, map[rowKey][3]uint32{{0, 5, 6}: {2, 1, 0}}},
		{
			"exactly 15 minutes is still known", []naiveBurst{one(1, 0, s), one(1, 901*s, 902*s)},
			map[rowKey][3]uint32{{0, 5, 6}: {1, 1, 0}, {15, 5, 6}: {1, 0, 15}},
		},
		{
			"more is fresh again", []naiveBurst{one(1, 0, s), one(1, 901*s+1, 902*s)},
			map[rowKey][3]uint32{{0, 5, 6}: {1, 1, 0}, {15, 5, 6}: {1, 1, 0}},
		},
		{
			"classes and bands are apart", []naiveBurst{one(1, 0, s), {addr: made(2), start: s, end: s, best: -70, class: 5}, {addr: made(3), start: s, end: s, best: -60, class: 6}},
			map[rowKey][3]uint32{{0, 5, 6}: {1, 1, 0}, {0, 5, 4}: {1, 1, 0}, {0, 6, 6}: {1, 1, 0}},
		},
		{
			"known addresses in between do not join fresh ones", []naiveBurst{one(1, 0, s), one(2, 60*s, 61*s), one(1, 61*s+200e6, 62*s), one(3, 62*s+200e6, 63*s)},
			map[rowKey][3]uint32{{0, 5, 6}: {1, 1, 0}, {1, 5, 6}: {1, 2, 1}},
		},
	} {
		for _, sweep := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, swept %v", row.name, sweep), func(t *testing.T) {
				got := counted(newRandoms(), row.bursts, sweep)
				for k, want := range row.want {
					if got[k] != want {
						t.Errorf("%v: got bursts, fresh, back %v, want %v", k, got[k], want)
					}
					delete(got, k)
				}
				if len(got) > 0 {
					t.Errorf("got rows %v besides", got)
				}
			})
		}
	}
}

func TestCountersEqualTheReferencePort(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := seeded(seed)
			var bs []naiveBurst
			last := map[hwaddr.Addr]int64{}
			now := int64(1.7e18)
			for range 3000 {
				now += []int64{0, 100e6, 250e6, 300e6, 10e9, 60e9, 300e9}[rng.IntN(4+int(seed%4))]
				a := made(rng.IntN(20))
				if now <= last[a] {
					continue
				}
				last[a] = now + []int64{0, 50e6, 250e6, 3e9}[rng.IntN(4)]
				bs = append(bs, naiveBurst{addr: a, start: now, end: last[a], best: int8(-96 + rng.IntN(50)), class: uint16(rng.IntN(3))})
			}
			want := map[rowKey][3]uint32{}
			naiveCounters(bs, want)
			got := counted(newRandoms(), bs, seed%2 == 0)
			if len(got) != len(want) {
				t.Errorf("got %d rows, want %d", len(got), len(want))
			}
			for k, w := range want {
				if got[k] != w {
					t.Errorf("%v: got %v, want %v", k, got[k], w)
				}
			}
		})
	}
}

func TestRandomAddressesAreRememberedFor15MinutesAsSaltedHashes(t *testing.T) {
	r := newRandoms()
	start := int64(1.7e18)
	hear := func(n int, at int64) { r.count(&burst{addr: made(n), start: at, end: at, best: -60}, newMinute(0)) }
	for n := range 100 {
		hear(n, start+int64(n)*secondNS)
	}
	if got := len(r.heard); got != 100 {
		t.Fatalf("got %d remembered, want 100", got)
	}
	r.sweep(start + int64(TransientMemory) + 49*secondNS)
	if got := len(r.heard); got != 51 {
		t.Errorf("15 minutes and 49 seconds later: got %d remembered, want the 51 heard within 15 minutes", got)
	}
	before := r.hash(made(1))
	r.clear()
	if len(r.heard) != 0 || len(r.ends) != 0 || len(r.freshEnds) != 0 {
		t.Error("something is remembered after clear")
	}
	if r.hash(made(1)) == before {
		t.Error("the salt is the same after clear: what was heard before can be known again")
	}
	if newRandoms().hash(made(1)) == r.hash(made(1)) {
		t.Error("two tables have the same salt")
	}
}

func TestWeakBandsOfRandomAddressesAreNotSent(t *testing.T) {
	for _, row := range []struct {
		dbm  int8
		want uint8 // 0 is none
	}{{-100, 0}, {-91, 0}, {-90, 0}, {-81, 0}, {-80, 2}, {-76, 2}, {-75, 3}, {-70, 4}, {-65, 5}, {-60, 6}, {-55, 7}, {0, 7}} {
		t.Run(fmt.Sprint(row.dbm), func(t *testing.T) {
			r := newRig(t, nil)
			r.feed(air{t: r.at("10:00:00"), addr: made(1), dbm: row.dbm}).finish()
			m := r.sink.minutes()
			if len(m) != 1 || m[0].FramesRandom != 1 {
				t.Fatalf("got %d minutes, want one with its frame", len(m))
			}
			if row.want == 0 {
				if len(m[0].Rows) != 0 {
					t.Errorf("got a row of band %d, want none", m[0].Rows[0].Band)
				}
				return
			}
			if len(m[0].Rows) != 1 || m[0].Rows[0].Band != row.want {
				t.Errorf("got rows %v, want one of band %d", m[0].Rows, row.want)
			}
		})
	}
}

func TestTheClassIsThatOfTheBurstsFirstFrameAndEpoch(t *testing.T) {
	r := newRig(t, nil)
	turn := r.at("12:00:00") // four blocks after 04:00
	r.feed(
		air{t: turn - 500e6, addr: made(1), dbm: -60, model: 1},
		air{t: turn, addr: made(1), dbm: -60, model: 2}, // the same burst
		air{t: turn + 1, addr: made(2), dbm: -60, model: 1},
	).finish()
	if r.hasher.classes != 2 {
		t.Errorf("got %d classes made, want one a burst", r.hasher.classes)
	}
	var got []string
	for _, e := range r.sink.envelopes {
		for _, m := range minutesOf(e) {
			for _, row := range m.Rows {
				got = append(got, fmt.Sprint(e.Header.ClassEpoch, row.Class))
			}
		}
	}
	slices.Sort(got)
	var want []string
	for _, at := range []int64{turn - 500e6, turn} {
		epoch := r.set.Calendar.ClassEpoch(time.Unix(0, at))
		masked := []byte{1, 4, 2, 4, 11, 22, 3, 0, 221, 5, 0, 0x17, 0xf2, 10, 1}
		want = append(want, fmt.Sprint(epoch, fakeClass(epoch, masked)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got epochs and classes %v, want %v", got, want)
	}
}

func TestAMinuteKeepsItsStrongestRows(t *testing.T) {
	m := newMinute(1)
	for class := range uint16(wire.MaxRows) {
		m.row(class, 3)
		m.row(class, 6)
	}
	var b wire.CountersBuilder
	b.Add(m.wire(60, wire.MemoryMinutes))
	c := b.Build()
	if c.Rows[0] != wire.MaxRows || c.RowsDropped[0] != wire.MaxRows {
		t.Errorf("got %d rows and %d dropped, want %d of each", c.Rows[0], c.RowsDropped[0], wire.MaxRows)
	}
}
