package outbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// TestForgetsThatAreLostHoldNothing: what the spool gives up does not keep ids waiting.
func TestForgetsThatAreLostHoldNothing(t *testing.T) {
	for _, row := range []struct {
		name string
		lose func(w *world)
		lost int
	}{
		{"the spool takes nothing", func(w *world) { w.box.opt.Spool = &refusing{w.spool} }, 3},
		{"Kafka refuses them for good", func(w *world) {
			w.kafka.set(func(_ string, values [][]byte) error {
				for _, v := range values {
					if e, err := wire.Decode(v); err == nil && e.GetForget() != nil {
						return errLarge
					}
				}
				return nil
			})
		}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.kafka.set(always(errDown))
				w.sights(ids(1, 4)...)
				w.run(time.Minute)
				w.kafka.set(nil)
				row.lose(w)
				w.joins(5, 6, 7)
				w.run(time.Minute)
				equal(t, "ids", w.ids(), slices.Sorted(slices.Values(ids(1, 4))))
				if len(w.forgets()) != 0 || w.box.ledger.first != 0 || w.messages(outLost) != row.lost {
					t.Errorf("got %d Forgets, %d that go first, %d lost, want none, none, %d", len(w.forgets()), w.box.ledger.first, w.messages(outLost), row.lost)
				}
				w.balanced()
			})
		})
	}
}

type refusing struct{ Spool }

func (r *refusing) Append(kind uint8, ms int64, data []byte) (uint64, error) {
	if kind == kindForget {
		return 0, errors.New("no room")
	}
	return r.Spool.Append(kind, ms, data)
}

// TestMoreMatchesThanRecords has three ids with one tag: one record makes one Forget, and the others leave with later ones, or alone.
func TestMoreMatchesThanRecords(t *testing.T) {
	same := func(w *world) {
		for _, x := range ids(1, 4) {
			w.box.Heard(x, 77)
		}
	}
	for _, row := range []struct {
		name  string
		later func(w *world)
		at    []int // Forgets: after the delay, after later, in the end
	}{
		{"nothing else happens", func(*world) {}, []int{1, 1, 3}},
		{"another record joins", func(w *world) { w.joins(1000) }, []int{1, 2, 3}},
		{"many join", func(w *world) { w.joins(1000, 1001, 1002, 1003) }, []int{1, 5, 5}},
		{"the sensor stops", func(w *world) {
			if err := w.box.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		}, []int{1, 3, 3}},
		{"the day turns, and others join", func(w *world) { w.box.NewDay(w.cal.DayOf(w.now()) + 1); w.joins(1000, 1001) }, []int{1, 3, 5}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				same(w)
				day := int32(w.cal.DayOf(w.now()))
				w.run(time.Second)
				w.joins(77)
				var got []int
				look := func(d time.Duration) {
					w.run(d)
					got = append(got, len(w.forgets()))
				}
				look(forgetWithin + 10*time.Millisecond)
				row.later(w)
				look(forgetWithin + 10*time.Millisecond)
				look(2 * spareWithin)
				if got[1] > row.at[1] && got[1] <= row.at[2] {
					row.at[1] = got[1] // one for which no record stands may come as early as any time within the hour
				}
				equal(t, "Forgets", got, row.at)
				if n := has(w.forgets(), ids(1, 4)...); n != 3 {
					t.Errorf("got %d of three ids forgotten, want all", n)
				}
				for _, f := range w.forgets() {
					if has([]stored{f}, ids(1, 4)...) == 1 && f.e.Header.StoreDay != day {
						t.Error("got an id forgotten in another store-day, want its own")
					}
				}
				w.balanced()
			})
		})
	}
}

// TestAFloodOfRecordsIsBounded, and matches come first.
func TestAFloodOfRecordsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.sights(ids(1, 4)...)
		w.run(time.Second)
		for _, x := range ids(1, 4) {
			w.list.tags[tagOf(x)] = true
		}
		w.box.Joined(1_000_000)
		w.run(10 * time.Second)
		if got := w.forgets(); len(got) != forgetsAtOnce || has(got, ids(1, 4)...) != 3 {
			t.Errorf("got %d Forgets with %d matches, want %d with all three", len(got), has(got, ids(1, 4)...), forgetsAtOnce)
		}
		first := w.forgets()[:20]
		if has(first, ids(1, 4)...) == 3 {
			t.Error("got the matches before all others, want them anywhere")
		}
	})
}

// TestAStopWaitsForNoForget: what has a delay left is on disk when the sensor stops, and leaves at the next start.
func TestAStopWaitsForNoForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.sights(ids(1, 4)...)
		w.run(time.Second)
		w.kafka.set(always(errDown))
		w.joins(tagOf(id(1)), 5, 6)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.box.Drain(ctx); err != nil {
			t.Error(err)
		}
		w.joins(7) // while it stops
		w.sync()
		w.kafka.set(nil)
		w.restart()
		w.confirm()
		w.run(10 * time.Second)
		if got := w.forgets(); len(got) != 4 || has(got, id(1)) != 1 {
			t.Errorf("got %d Forgets, want four and the match among them", len(got))
		}
		w.balanced()
	})
}

// TestAForgetIsOfItsDayWhateverTheClockSays: the aggregator drops what does not fit.
func TestAForgetIsOfItsDayWhateverTheClockSays(t *testing.T) {
	for _, by := range []time.Duration{0, -30 * 24 * time.Hour, -48 * time.Hour, 48 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			day := w.cal.DayOf(w.now())
			w.trust(by == 0)
			w.step(by)
			w.list.confirm()
			if err := w.box.spoolForget(forgetting{match: match{id: id(1)}, day: day}); err != nil {
				t.Fatal(err)
			}
			messages, err := w.spool.Next(0, 1, maxBytes)
			if err != nil || len(messages) != 1 {
				t.Fatalf("got %d messages, %v, want one", len(messages), err)
			}
			e, err := wire.Decode(messages[0].Data)
			if err != nil {
				t.Fatal(err)
			}
			at := time.UnixMilli(e.Header.BaseMs)
			if got := w.cal.DayOf(at); calendar.Day(e.Header.StoreDay) != day || got != day {
				t.Errorf("%v off: got the time of day %v under day %v, want %v", by, got, e.Header.StoreDay, day)
			}
		})
	}
}

func TestTakeLeavesNothingBehind(t *testing.T) {
	var h heard
	if _, _, begun := h.take(func(uint32) bool { return true }); begun {
		t.Error("got a day before the first, want none")
	}
	h.begin(5)
	for n := range 1000 {
		h.add(id(n), uint32(n))
	}
	before, tags := h.ids, h.tags
	day, taken, begun := h.take(func(tag uint32) bool { return tag%10 == 3 })
	if day != 5 || !begun || len(taken) != 100 || h.len() != 900 {
		t.Fatalf("got %d taken and %d left of day %v, want 100, 900 and 5", len(taken), h.len(), day)
	}
	for n := range 1000 {
		tag, ok := h.tag(id(n))
		if want := n%10 != 3; ok != want || ok && tag != uint32(n) || slices.Contains(taken, tagged{id(n), uint32(n)}) == want {
			t.Fatalf("id %d: got %v, want known %v", n, ok, want)
		}
	}
	if !slices.IsSorted(h.ids) || !slices.IsSortedFunc(h.fresh, func(a, b tagged) int { return cmp.Compare(a.id, b.id) }) {
		t.Error("got ids out of order")
	}
	for i := len(h.ids); i < len(before); i++ {
		if before[i] != 0 || tags[i] != 0 {
			t.Fatal("got a taken id left in memory, want zeros")
		}
	}
}

// BenchmarkJoined is what a registration costs a sensor that heard 100,000 devices today.
func BenchmarkJoined(b *testing.B) {
	var h heard
	h.begin(5)
	for n := range 100_000 {
		h.add(id(n), tagOf(id(n)))
	}
	listed := map[uint32]bool{}
	for b.Loop() {
		h.take(func(tag uint32) bool { return listed[tag] })
	}
}
