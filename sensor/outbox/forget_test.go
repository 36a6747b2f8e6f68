package outbox

import (
	"math/bits"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/wire"
)

// joins puts tags on the list as Follow does: Has knows them, then Joined is told, then the list is confirmed.
func (w *world) joins(tags ...uint32) {
	time.Sleep(time.Millisecond)
	w.list.mu.Lock()
	w.list.version++
	for _, tag := range tags {
		w.list.tags[tag] = true
	}
	w.list.mu.Unlock()
	w.box.Joined(len(tags))
	w.list.confirm()
}

// forgets lists the Forgets that Kafka has, in order.
func (w *world) forgets() (got []stored) {
	for _, m := range w.kafka.stored() {
		if m.e.GetForget() != nil {
			got = append(got, m)
		}
	}
	return got
}

func idsOf(forgets []stored) (ids []uint64) {
	for _, f := range forgets {
		ids = append(ids, f.e.GetForget().Id)
	}
	return ids
}

// has counts how many of the ids are among the Forgets.
func has(forgets []stored, ids ...uint64) (n int) {
	for _, f := range idsOf(forgets) {
		if slices.Contains(ids, f) {
			n++
		}
	}
	return n
}

func TestARegistrationMakesAsManyForgetsWhetherItMatchesOrNot(t *testing.T) {
	const stranger = 12345
	for _, row := range []struct {
		name    string
		prepare func(w *world)
		joins   []uint32
		want    int
		matches []uint64
	}{
		{name: "the device was here", joins: []uint32{tagOf(id(2))}, want: 1, matches: ids(2, 3)},
		{name: "it was not", joins: []uint32{stranger}, want: 1},
		{name: "a known tag again", prepare: func(w *world) { w.list.tags[stranger] = true }, joins: []uint32{stranger}, want: 1},
		{name: "a device that was forgotten, again", prepare: func(w *world) {
			w.joins(tagOf(id(2)))
			w.run(forgetWithin)
		}, joins: []uint32{tagOf(id(2))}, want: 2, matches: ids(2, 3)},
		{name: "three at once, one of them here", joins: []uint32{stranger, tagOf(id(3)), stranger + 1}, want: 3, matches: ids(3, 4)},
		{name: "all that were here", joins: []uint32{tagOf(id(1)), tagOf(id(2)), tagOf(id(3))}, want: 3, matches: ids(1, 4)},
		{name: "an undo", want: 0},
		{name: "a count-only store", prepare: func(w *world) { w.box.opt.Policy = wire.Policy_POLICY_COUNT_ONLY }, joins: []uint32{stranger}, want: 0},
		{name: "before the first store-day", prepare: func(w *world) { w.box.heard = heard{} }, joins: []uint32{stranger}, want: 0},
		{name: "after a restart, when no id is known any more", prepare: func(w *world) { w.restart() }, joins: []uint32{tagOf(id(2))}, want: 1},
		{name: "an id of yesterday, whose key is gone", prepare: func(w *world) {
			w.step(24 * time.Hour)
			w.box.NewDay(w.cal.DayOf(w.now()))
		}, joins: []uint32{tagOf(id(2))}, want: 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.sights(ids(1, 4)...)
				w.run(time.Second)
				if row.prepare != nil {
					row.prepare(w)
				}
				w.joins(row.joins...)
				w.run(forgetWithin + time.Second)
				got := w.forgets()
				if len(got) != row.want {
					t.Fatalf("got %d Forgets, want %d", len(got), row.want)
				}
				if n := has(got, ids(1, 4)...); n != len(row.matches) || has(got, row.matches...) != n {
					t.Errorf("got %d ids of today forgotten, want %d", n, len(row.matches))
				}
				w.run(2 * spareWithin)
				if late := len(w.forgets()); late != row.want {
					t.Errorf("got %d Forgets two hours later, want %d still", late, row.want)
				}
				w.balanced()
			})
		})
	}
}

// TestForgetsAreAlike looks at everything but the id.
func TestForgetsAreAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.sights(ids(0, 100)...)
		w.run(time.Second)
		var first, last [2]time.Duration
		lows, n, ones := 0, 0, 0
		for i := range 200 {
			match := i%2 == 0
			kind, tag := 0, uint32(1000+i)
			if match {
				kind, tag = 1, tagOf(id(i/2))
			}
			before, begun := len(w.kafka.stored()), time.Now()
			w.joins(tag)
			w.run(4 * time.Second)
			now := w.kafka.stored()
			if len(now) != before+1 {
				t.Fatalf("got %d messages, want 1", len(now)-before)
			}
			m := now[before]
			h := m.e.Header
			if m.topic != broker.Sightings || h.StoreDay != int32(w.cal.DayOf(w.now())) || h.OptoutVersion != w.list.Version() || h.Boot != 1 ||
				h.Store != "street" || h.Sensor != "door" || h.Zone != "hall" || h.Policy != wire.Policy_POLICY_STANDARD || h.ClassEpoch != 0 {
				t.Fatalf("got header %v in %s, want today's, and the list's version", h, m.topic)
			}
			if got := has([]stored{m}, ids(0, 100)...) == 1; got != match {
				t.Fatalf("got a match %v, want %v", got, match)
			}
			raw, err := wire.Encode(m.e)
			if err != nil {
				t.Fatal(err)
			}
			plain := proto.CloneOf(m.e)
			plain.GetForget().Id, plain.Header.Sequence, plain.Header.OptoutVersion = 1, h.Sequence, h.OptoutVersion
			if size, err := wire.Encode(plain); err != nil || len(size) != len(raw) {
				t.Fatalf("got %d bytes, want the same with any id: %d, %v", len(raw), len(size), err)
			}
			delay := m.at.Sub(begun)
			if delay < 0 || delay > forgetWithin+10*time.Millisecond {
				t.Fatalf("got a delay of %v, want up to %v", delay, forgetWithin)
			}
			if first[kind] == 0 || delay < first[kind] {
				first[kind] = delay
			}
			last[kind] = max(last[kind], delay)
			if !match {
				n, ones = n+1, ones+bits.OnesCount64(m.e.GetForget().Id)
				if m.e.GetForget().Id < 1<<63 {
					lows++
				}
			}
		}
		for kind := range first {
			if first[kind] > time.Second || last[kind] < 2*time.Second {
				t.Errorf("got delays from %v to %v, want all of 0 to 3 s for matches and others alike", first[kind], last[kind])
			}
		}
		// Of 100 draws: 32 ones of 64 each, half below the middle; ten deviations off is no chance.
		if mean := float64(ones) / float64(n); mean < 28 || mean > 36 || lows < 10 || lows > 90 {
			t.Errorf("got random ids with %.1f ones of 64 and %d of %d in the lower half, want them uniform", mean, lows, n)
		}
		if got := w.box.Stats().KnownIDs; got != 0 {
			t.Errorf("got %d ids known, want those forgotten gone", got)
		}
	})
}

func TestAfterAnOutageForgetsLeaveBeforeIDs(t *testing.T) {
	for _, row := range []struct {
		name  string
		away  func(w *world)
		ids   []uint64 // that leave in the end
		match int
	}{
		{"the broker was away", func(w *world) {
			w.kafka.set(always(errDown))
			w.sights(ids(1, 4)...)
			w.run(time.Minute)
			w.kafka.set(nil)
		}, []uint64{id(1), id(3)}, 1},
		{"the sensor started without Kafka, under the list on disk", func(w *world) {
			w.restart()
			w.sights(ids(1, 4)...)
			w.run(time.Minute)
		}, []uint64{id(1), id(3)}, 1},
		{"Forgets of an earlier start are in the spool", func(w *world) {
			w.kafka.set(always(errDown))
			w.joins(5, 6, 7)
			w.sights(ids(1, 4)...)
			w.run(time.Minute)
			w.restart()
			w.sights(ids(1, 4)...)
			w.kafka.set(nil)
		}, []uint64{id(1), id(3)}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				row.away(w)
				w.joins(12345, tagOf(id(2)), 12346)
				w.sights(id(1)) // under the new list
				w.run(time.Minute)
				forgets, gone := 0, false
				for _, m := range w.kafka.stored() {
					switch {
					case m.e.GetForget() != nil && gone:
						t.Error("got a Forget behind ids, want it before them")
					case m.e.GetForget() != nil:
						forgets++
					case m.e.GetSightings() != nil:
						gone = true
					}
				}
				if forgets < 3 || !gone {
					t.Errorf("got %d Forgets and ids %v, want three at least and then ids", forgets, gone)
				}
				if got := has(w.forgets(), id(2)); got != row.match {
					t.Errorf("got the match forgotten %d times, want %d", got, row.match)
				}
				equal(t, "ids", w.ids(), slices.Sorted(slices.Values(row.ids)))
				if w.box.ledger.first != 0 || w.trouble(TroubleList) {
					t.Errorf("got %d that go first and trouble %v, want none", w.box.ledger.first, w.trouble(TroubleList))
				}
				w.balanced()
			})
		})
	}
}

// TestWhileNothingFailedIDsDoNotWaitForForgets, so that a flood of registrations does not silence a store.
func TestWhileNothingFailedIDsDoNotWaitForForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.run(time.Second)
		for n := range 10 {
			w.joins(uint32(n))
			w.sights(id(n))
			w.run(50 * time.Millisecond)
			if got := len(w.ids()); got != n+1 {
				t.Fatalf("got %d ids, want %d", got, n+1)
			}
		}
	})
}
