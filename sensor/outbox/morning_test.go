package outbox

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// morning is a start after a night without power: the keys are of the day at which it went out, and nothing says yet that the wall
// clock is right. It returns that day.
func (w *world) morning(later time.Duration) (old calendar.Day) {
	w.t.Helper()
	old = w.cal.DayOf(w.now())
	w.sync()
	w.step(later)
	if err := w.spool.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.opt.Boot++
	w.trust(false)
	w.openOn(old)
	return old
}

// clears has the clock confirmed, and the keys turned a little later.
func (w *world) clears() {
	w.trust(true)
	w.run(2 * listPoll)
	w.box.NewDay(w.cal.DayOf(w.now()))
}

// TestForgetsOfAMorningsStartAreOfTheDayThatTurnsOutToBe registers a device overnight, and four that were never here.
func TestForgetsOfAMorningsStartAreOfTheDayThatTurnsOutToBe(t *testing.T) {
	const joined = 5
	for _, row := range []struct {
		name   string
		first  int                  // days before the visit
		before func(w *world)       // in the evening
		later  time.Duration        // that the power was away, from 10:00
		joins  func(w *world)       // in the morning
		label  func(w *world) int32 // of the Forgets
		want   said
	}{
		{name: "the next morning", later: 23 * time.Hour, want: said{false, true, true}},
		{name: "on Monday", later: 71 * time.Hour, want: said{false, true, true}},
		{name: "over the turn of the period", first: 14, later: 23 * time.Hour, want: said{false, false, true}},
		{name: "before the day is sealed", later: 20 * time.Hour, want: said{false, true, true}, label: func(w *world) int32 {
			return int32(w.cal.DayOf(w.now())) - 1
		}},
		{name: "seconds before it is sealed", later: 22*time.Hour - 30*time.Second, want: said{false, true, true}},
		{name: "registered in the evening, while Kafka was away", later: 23 * time.Hour, want: said{false, true, true}, before: func(w *world) {
			w.kafka.set(always(errDown))
			w.joins(tagOf(id(1)), 1001, 1002, 1003, 1004)
			w.run(4 * time.Second)
		}, joins: func(w *world) { w.kafka.set(nil) }},
		{name: "the keys turn before anything is sent", later: 23 * time.Hour, want: said{false, true, true}, joins: func(w *world) {
			w.kafka.set(always(errDown))
			w.joins(tagOf(id(1)), 1001, 1002, 1003, 1004)
			w.run(time.Second)
			w.clears()
			w.run(time.Minute)
			w.kafka.set(nil)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newExtended(t)
				if row.first > 0 {
					w.nextDay(row.first)
				}
				w.visits(1)
				w.run(time.Second)
				time.Sleep(keptEvery)
				w.sync()
				if row.before != nil {
					row.before(w)
				}
				w.morning(row.later)
				if row.joins != nil {
					row.joins(w)
				} else {
					w.joins(tagOf(id(1)), 1001, 1002, 1003, 1004)
				}
				w.confirm()
				w.run(5 * time.Second)
				if got := len(w.forgets()); got != 0 && !w.trusts() {
					t.Errorf("got %d Forgets while nobody knows the day, want none", got)
				}
				w.clears()
				w.visits(2)
				w.run(10 * time.Second)
				w.run(2 * spareWithin)
				got := w.forgets()
				if len(got) != joined {
					t.Fatalf("got %d Forgets, want %d", len(got), joined)
				}
				label := int32(w.cal.DayOf(w.now()))
				if row.label != nil {
					label = row.label(w)
				}
				var sum said
				for _, m := range got {
					h, f := m.e.Header, m.e.GetForget()
					if h.StoreDay != label || w.cal.DayOf(time.UnixMilli(h.BaseMs)) != calendar.Day(label) || f.ReturnPeriod != wire.ReturnPeriod(label) {
						t.Errorf("got a Forget of store-day %d, want %d", h.StoreDay, label)
					}
					if one := w.of(m, 1); one != (said{}) {
						sum = one
					}
				}
				if sum != row.want {
					t.Errorf("got %+v forgotten, want %+v", sum, row.want)
				}
				w.sync()
				if w.inState(returnID(1, w.period())) {
					t.Error("the return ids of the device are still in the state folder")
				}
				before := true
				for _, m := range w.kafka.stored() {
					if m.e.Header.Boot == w.opt.Boot && m.e.GetSightings() != nil {
						before = false
					}
					if m.e.GetForget() != nil && !before {
						t.Error("got a Forget behind ids of this start, want it before them")
					}
				}
				if before {
					t.Error("got no ids of this start")
				}
				w.balanced()
			})
		})
	}
}

func (w *world) trusts() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trusted
}

// TestAClockThatNobodyTrustsForDaysLosesNoReturnIDs: the ids in the Forgets do not outlive two days, what they take back does.
func TestAClockThatNobodyTrustsForDaysLosesNoReturnIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newExtended(t)
		w.visits(1)
		w.run(time.Second)
		w.kafka.set(always(errDown))
		w.joins(tagOf(id(1)), 777)
		today := w.dayID(1)
		w.run(4 * time.Second)
		w.sync()
		w.morning(23 * time.Hour)
		w.kafka.set(nil)
		w.confirm()
		if got := len(w.onDisk(today)); got != 1 {
			t.Fatalf("got the id %d times on disk, want it in the Forget that waits", got)
		}
		for range 5 {
			w.run(24 * time.Hour)
			w.confirm()
		}
		w.sync()
		if got := w.onDisk(today); len(got) != 0 || len(w.forgets()) != 0 {
			t.Errorf("got ids %v on disk and %d Forgets sent after five days, want none", got, len(w.forgets()))
		}
		w.clears()
		w.run(time.Minute)
		found := 0
		for _, m := range w.forgets() {
			if w.of(m, 1) == (said{false, true, true}) && calendar.Day(m.e.Header.StoreDay) == w.cal.DayOf(w.now()) {
				found++
			}
		}
		if got := len(w.forgets()); got != 2 || found != 1 {
			t.Errorf("got %d Forgets and %d of the device, want two and one", got, found)
		}
		w.balanced()
	})
}

// TestARunningSensorThatLosesItsTimeServer goes on taking back what it sent today, but not under a day that may be sealed.
func TestARunningSensorThatLosesItsTimeServer(t *testing.T) {
	for _, row := range []struct {
		name string
		edit func(*Options)
		by   time.Duration
		want int // Forgets before the clock is to be trusted again
		then int // and after
	}{
		{"the same day", nil, 0, 1, 1},
		{"at night", nil, 20 * time.Hour, 1, 1},
		{"when its day is sealed", nil, 23 * time.Hour, 0, 1},
		{"a clock that jumped by a week", nil, 7 * 24 * time.Hour, 0, 1},
		{"a standard store, when its day is sealed", func(o *Options) { o.Policy = wire.Policy_POLICY_STANDARD }, 23 * time.Hour, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(o *Options) {
					o.Policy, o.State = wire.Policy_POLICY_EXTENDED, t.TempDir()
					if row.edit != nil {
						row.edit(o)
					}
				})
				w.sights(id(1))
				w.run(time.Second)
				w.trust(false)
				w.step(row.by)
				w.joins(tagOf(id(1)))
				w.run(time.Minute)
				if got := len(w.forgets()); got != row.want {
					t.Errorf("got %d Forgets, want %d", got, row.want)
				}
				w.clears()
				w.run(time.Minute)
				if got := w.forgets(); len(got) != row.then {
					t.Errorf("got %d Forgets once the clock is back, want %d", len(got), row.then)
				} else if row.by == 0 && has(got, id(1)) != 1 {
					t.Error("got another id forgotten, want the device's")
				}
				w.balanced()
			})
		})
	}
}

// TestACrashWhileAForgetIsRenewed: the new one is in the spool before the other leaves it.
func TestACrashWhileAForgetIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newExtended(t)
		w.visits(1)
		w.run(time.Second)
		w.kafka.set(always(errDown))
		w.joins(tagOf(id(1)), 777)
		w.run(4 * time.Second)
		w.sync()
		w.step(23 * time.Hour)
		w.box.turn.Lock()
		w.box.age()
		w.box.turn.Unlock()
		w.box.forgets.mu.Lock() // the plug is pulled
		if got := len(w.box.forgets.waiting); got != 0 {
			t.Errorf("got %d Forgets in memory only, want none", got)
		}
		w.box.forgets.mu.Unlock()
		w.restart()
		w.kafka.set(nil)
		w.confirm()
		w.run(time.Minute)
		got := w.forgets()
		if len(got) != 2 || w.of(got[0], 1) == w.of(got[1], 1) {
			t.Errorf("got %d Forgets, want the two that waited and the device's among them", len(got))
		}
	})
}
