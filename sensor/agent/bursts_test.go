package agent

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

const secondNS = int64(time.Second)

// collected is a bursts whose releases are noted.
func collected() (*bursts, *[]burst) {
	out := new([]burst)
	return newBursts(func(b *burst) { *out = append(*out, *b) }), out
}

func noFirst(*burst) {}

func TestBursts(t *testing.T) {
	type frame struct {
		at   int64 // ms
		addr int
		dbm  int8
	}
	type want struct {
		addr       int
		start, end int64 // ms
		best       int8
	}
	for _, row := range []struct {
		name   string
		frames []frame
		want   []want
	}{
		{"one frame", []frame{{0, 1, -60}}, []want{{1, 0, 0, -60}}},
		{"a gap of exactly a second joins", []frame{{0, 1, -80}, {1000, 1, -60}, {2000, 1, -70}}, []want{{1, 0, 2000, -60}}},
		{"a gap of more parts", []frame{{0, 1, -80}, {1001, 1, -60}}, []want{{1, 0, 0, -80}, {1, 1001, 1001, -60}}},
		{"two at once, by start", []frame{{0, 2, -60}, {100, 1, -60}, {900, 2, -60}, {1500, 2, -60}}, []want{{2, 0, 1500, -60}, {1, 100, 100, -60}}},
		{"the same instant, by arrival", []frame{{5, 3, -60}, {5, 1, -60}, {5, 2, -60}}, []want{{3, 5, 5, -60}, {1, 5, 5, -60}, {2, 5, 5, -60}}},
		{"the same frame twice", []frame{{5, 3, -60}, {5, 3, -50}}, []want{{3, 5, 5, -50}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, got := collected()
			for _, f := range row.frames {
				b.add(phone(f.addr), f.at*1e6, f.dbm, noFirst)
			}
			if n := b.held() + len(*got); n != len(row.want) {
				t.Errorf("got %d bursts held or released, want %d", n, len(row.want))
			}
			b.flush()
			if b.held() != 0 || len(b.open) != 0 || b.byEnd.head != none || b.byStart.head != none {
				t.Errorf("got %d bursts held after the flush", b.held())
			}
			if len(*got) != len(row.want) {
				t.Fatalf("got %d bursts, want %d", len(*got), len(row.want))
			}
			for i, w := range row.want {
				g := (*got)[i]
				if g.addr != phone(w.addr) || g.start != w.start*1e6 || g.end != w.end*1e6 || g.best != w.best {
					t.Errorf("burst %d: got %d..%d at %d dBm, want %d..%d at %d", i, g.start, g.end, g.best, w.start*1e6, w.end*1e6, w.best)
				}
			}
		})
	}
}

func TestABurstThatNeverPausesIsCutAfterAMinute(t *testing.T) {
	b, got := collected()
	for s := range int64(200) {
		b.add(phone(1), s*secondNS, -60, noFirst)
		if open := b.watermark(s * secondNS); open < (s-60)*secondNS {
			t.Fatalf("at %d s the watermark is %d s", s, open/secondNS)
		}
		for _, x := range *got {
			if x.start >= b.watermark(s*secondNS) {
				t.Fatalf("at %d s a burst is released at or after the watermark", s)
			}
		}
		if n := b.held(); n != 1 {
			t.Fatalf("at %d s got %d bursts held, want the open one: the watermark has passed the others", s, n)
		}
	}
	b.flush()
	var starts []int64
	for _, x := range *got {
		starts = append(starts, x.start/secondNS)
	}
	if want := []int64{0, 61, 122, 183}; !slices.Equal(starts, want) {
		t.Errorf("got bursts that begin at %d s, want %d", starts, want)
	}
}

func TestNoBurstIsReleasedBehindTheWatermark(t *testing.T) {
	for seed := range uint64(20) {
		rng := seeded(seed)
		water := int64(-1)
		b := newBursts(func(x *burst) {
			if x.start < water {
				t.Fatalf("seed %d: a burst of %d is released though the watermark was %d", seed, x.start, water)
			}
		})
		now := int64(0)
		for range 3000 {
			now += []int64{0, 10e6, 250e6, 1000e6, 1001e6}[rng.IntN(5)]
			b.add(phone(rng.IntN(12)), now, -60, noFirst)
			if w := b.watermark(now); w < water {
				t.Fatalf("seed %d: the watermark goes back", seed)
			} else {
				water = w
			}
		}
	}
}

func TestBurstsEqualTheNaiveOnes(t *testing.T) {
	r := newRig(t, nil)
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := seeded(seed)
			b, got := collected()
			var frames []air
			now := r.at("10:00:00")
			for range 4000 {
				now += []int64{0, 1e6, 250e6, 1000e6, 5000e6}[rng.IntN(5)]
				f := air{t: now, addr: phone(rng.IntN(2 + int(seed))), dbm: int8(-90 + rng.IntN(40))}
				frames = append(frames, f)
				b.add(f.addr, f.t, f.dbm, noFirst)
			}
			b.flush()
			want := naiveBursts(r, frames)
			if !slices.EqualFunc(*got, want, func(g burst, w naiveBurst) bool {
				return g.addr == w.addr && g.start == w.start && g.end == w.end && g.best == w.best
			}) {
				t.Errorf("got %d bursts, want %d, or they differ", len(*got), len(want))
			}
			if len(b.pool) > 2+int(seed)+300 {
				t.Errorf("got a pool of %d for %d addresses: places are not used again", len(b.pool), 2+seed)
			}
			for _, p := range b.pool {
				if p.addr != (hwaddr.Addr{}) {
					t.Fatal("an address stays in the pool")
				}
			}
		})
	}
}

func TestTheHeapGivesOutInOrder(t *testing.T) {
	for seed := range uint64(10) {
		rng := seeded(seed)
		var h closedHeap
		var want []uint64
		for _, n := range rng.Perm(200) {
			h.push(closedBurst{uint64(n), int32(n)})
			want = append(want, uint64(n))
		}
		slices.SortFunc(want, cmp.Compare)
		for i, w := range want {
			if h[0].seq != w || h[0].at != int32(w) {
				t.Fatalf("seed %d, place %d: got %d, want %d", seed, i, h[0].seq, w)
			}
			h.pop()
		}
		if len(h) != 0 {
			t.Errorf("seed %d: got %d left", seed, len(h))
		}
	}
}
