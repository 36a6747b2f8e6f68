package outbox

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
)

func TestMessageOlderThanIDAgeNeverLeavesWithIDs(t *testing.T) {
	tests := []struct {
		name   string
		age    time.Duration // of the oldest sighting when the broker is back
		policy wire.Policy
		future bool
		sent   bool
		cause  wire.Rollup_Cause
	}{
		{name: "new", age: time.Second, sent: true},
		{name: "just young enough", age: 6*time.Hour - time.Second, sent: true},
		{name: "just too old", age: 6*time.Hour + time.Second, cause: wire.Rollup_CAUSE_SPOOL_AGE},
		{name: "a little ahead of the clock", age: -time.Minute, sent: true},
		{name: "far ahead of the clock", age: -3 * time.Minute, cause: wire.Rollup_CAUSE_SPOOL_AGE},
		{name: "of a store that counts only now", age: time.Second, policy: wire.Policy_POLICY_COUNT_ONLY, cause: wire.Rollup_CAUSE_POLICY},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(o *Options) { o.Policy = max(o.Policy, tt.policy) })
				w.opt.Policy = wire.Policy_POLICY_STANDARD
				if tt.policy != 0 {
					w.opt.Policy = tt.policy
				}
				w.restart()
				w.confirm()
				w.step(2*time.Hour + 5*time.Minute)
				w.sightsAt(w.now().Add(-tt.age), id(1), id(2))
				w.sync()
				w.run(2 * time.Second)
				if got := len(w.ids()) > 0; got != tt.sent {
					t.Errorf("got sent %v, want %v", got, tt.sent)
				}
				if !tt.sent {
					equal(t, "causes", slices.Collect(maps.Keys(w.causes())), []wire.Rollup_Cause{tt.cause})
					equal(t, "devices", slices.Collect(maps.Values(w.rolled())), []uint32{2})
					equal(t, "on disk", w.onDisk(id(1), id(2)), nil)
					if got := w.sightings(outRolled); got != 2 {
						t.Errorf("got %d sightings rolled, want 2", got)
					}
				}
				w.balanced()
			})
		})
	}
}

// What a box that is offline keeps is shredded when its time comes, not when the broker is back.
func TestAgeingWhileOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.kafka.set(always(errDown))
		w.sights(id(1))
		w.sync()
		equal(t, "on disk at first", w.onDisk(id(1)), []uint64{id(1)})
		w.run(6*time.Hour - time.Second)
		equal(t, "on disk until its time", w.onDisk(id(1)), []uint64{id(1)})
		w.run(ageEvery + 2*time.Second)
		equal(t, "on disk after its time", w.onDisk(id(1)), nil)
		if got := w.box.Stats().Messages; got != 1 {
			t.Errorf("got %d messages that wait, want the rollup", got)
		}
		w.balanced()
	})
}

func TestThirtyHoursOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.kafka.set(always(errDown))
		born, quarterOf := map[uint64]time.Time{}, map[int64]map[uint64]bool{}
		day := w.cal.DayOf(w.now())
		for turn := range 30 * 30 {
			minute := 2 * turn
			if d := w.cal.DayOf(w.now()); d != day {
				day = d
				w.box.NewDay(d)
			}
			// Phones come in groups of three and stay for twenty minutes.
			a, b, c := id(minute/20*3), id(minute/20*3+1), id(minute/20*3+2)
			for _, x := range []uint64{a, b, c} {
				if born[x].IsZero() {
					born[x] = w.now()
				}
				q := w.now().UnixMilli() / quarterMS
				if quarterOf[q] == nil {
					quarterOf[q] = map[uint64]bool{}
				}
				quarterOf[q][x] = true
			}
			w.sights(a, b, c)
			w.counters()
			w.heartbeat()
			w.sync()
			w.run(2 * time.Minute)
			if turn%30 == 29 {
				for _, x := range w.onDisk(slices.Collect(maps.Keys(born))...) {
					if age := w.now().Sub(born[x]); age > 6*time.Hour+20*time.Minute+ageEvery {
						t.Fatalf("minute %d: an id %v old is on disk", minute, age)
					}
				}
			}
		}
		back := w.now()
		w.kafka.set(nil)
		w.confirm()
		w.run(2 * time.Minute)

		for _, m := range w.kafka.stored() {
			if s := m.e.GetSightings(); s != nil && back.UnixMilli()-m.e.Header.BaseMs > (6*time.Hour+time.Second).Milliseconds() {
				t.Errorf("a batch of %v ago left with its ids", back.Sub(time.UnixMilli(m.e.Header.BaseMs)))
			}
		}
		arrived := map[string]int{}
		for _, kind := range w.arrived() {
			arrived[kind]++
		}
		if got := arrived["sightings"]; got < 6*30-2 || got > 6*30+1 {
			t.Errorf("got %d batches with ids, want those of six hours", got)
		}
		if arrived["counters"] != 900 || arrived["heartbeat"] != 900 {
			t.Errorf("got %d counters and %d heartbeats, want all 900", arrived["counters"], arrived["heartbeat"])
		}
		checkRolled(t, w, quarterOf, back.Add(-6*time.Hour))
		w.balanced()
		equal(t, "on disk at the end", w.onDisk(slices.Collect(maps.Keys(born))...), nil)
	})
}

// checkRolled compares the counts of the quarters that ended before an instant with what was heard.
func checkRolled(t *testing.T, w *world, heard map[int64]map[uint64]bool, until time.Time) {
	t.Helper()
	rolled := w.rolled()
	for q, want := range heard {
		if (q+1)*quarterMS <= until.UnixMilli() && int(rolled[q]) != len(want) {
			t.Errorf("quarter %d: got %d devices, want %d", q, rolled[q], len(want))
		}
	}
}

// At eight the day before is sealed: what is still here of it leaves as counts, however young.
func TestSealing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.kafka.set(always(errDown))
		w.step(17*time.Hour + 30*time.Minute) // 03:30
		w.sights(id(1))
		w.step(time.Hour) // 04:30, the next day
		w.box.NewDay(w.cal.DayOf(w.now()))
		w.sights(id(2))
		w.forget(id(3))
		w.sync()
		w.run(3*time.Hour + 30*time.Minute - time.Second)
		equal(t, "on disk at 07:59:59", w.onDisk(id(1), id(2)), []uint64{id(1), id(2)})
		w.run(ageEvery + 2*time.Second)
		equal(t, "on disk at 08:00:31", w.onDisk(id(1), id(2)), []uint64{id(2)})
		w.kafka.set(nil)
		w.confirm()
		w.run(time.Minute)
		equal(t, "ids", w.ids(), []uint64{id(2)})
		if got := w.causes()[wire.Rollup_CAUSE_SPOOL_AGE]; got != 1 {
			t.Errorf("got %d rollups, want 1", got)
		}
		w.balanced()
	})
}

func TestForgetLivesUntilItsDayIsSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.kafka.set(always(errDown))
		w.forget(id(1))
		w.sync()
		w.run(21 * time.Hour) // 07:00 of the next day: older than an id may be sent
		equal(t, "on disk before sealing", w.onDisk(id(1)), []uint64{id(1)})
		w.trust(false)
		w.kafka.set(nil)
		w.run(time.Minute) // it asks to remove what the reader has: no list and no clock keeps it back
		equal(t, "kinds", w.arrived(), []string{"forget"})

		w.trust(true)
		w.kafka.set(always(errDown))
		w.step(-20 * time.Hour)
		w.forget(id(2))
		w.sync()
		w.run(22 * time.Hour)
		equal(t, "on disk after sealing", w.onDisk(id(2)), nil)
		if got := w.messages(outExpired); got != 1 {
			t.Errorf("got %d expired, want 1", got)
		}
		w.balanced()
	})
}

func TestClockThatIsNotTrusted(t *testing.T) {
	const back1970 = -56 * 365 * 24 * time.Hour
	tests := []struct {
		name    string
		jump    time.Duration
		after   time.Duration // untrusted
		online  bool
		earlier bool // the ids are of an earlier start
		sent    bool
		rolled  wire.Rollup_Cause // before it is trusted again
	}{
		{name: "offline for a while", after: time.Hour, sent: true},
		{name: "online, soon right again", online: true, after: clockPatience - time.Second, sent: true},
		{name: "online for long: the heartbeats behind them must say so", online: true, after: clockPatience + time.Second, rolled: wire.Rollup_CAUSE_FAIL_CLOSED},
		{name: "online for long, of an earlier start: no heartbeat stands behind them", online: true, earlier: true, after: time.Hour, sent: true},
		{name: "back by a day: held time still counts", jump: -24 * time.Hour, after: 6*time.Hour + time.Minute, rolled: wire.Rollup_CAUSE_SPOOL_AGE},
		{name: "to 1970: what it has is not in the future", jump: back1970, after: time.Hour, sent: true},
		{name: "to 1970 for too long", jump: back1970, after: 6*time.Hour + time.Minute, rolled: wire.Rollup_CAUSE_SPOOL_AGE},
		{name: "ahead by a week: the larger age counts", jump: 7 * 24 * time.Hour, after: time.Minute, rolled: wire.Rollup_CAUSE_SPOOL_AGE},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.sights(id(1))
				w.sync()
				if tt.earlier {
					w.restart()
					w.confirm()
				}
				w.trust(false)
				w.step(tt.jump)
				if !tt.online {
					w.kafka.set(always(errDown))
				}
				w.counters()
				w.heartbeat()
				w.run(tt.after)
				equal(t, "ids while not trusted", w.ids(), nil)
				if got, want := w.sightings(outRolled) == 1, tt.rolled != 0; got != want {
					t.Errorf("got rolled %v, want %v", got, want)
				}
				if got, want := slices.Contains(w.arrived(), "heartbeat"), tt.online && !tt.sent || tt.earlier; got != want {
					t.Errorf("got a heartbeat %v, want %v", got, want)
				}
				w.step(-tt.jump)
				w.trust(true)
				w.kafka.set(nil)
				w.confirm()
				w.run(time.Minute)
				if got := len(w.ids()) == 1; got != tt.sent {
					t.Errorf("got sent %v, want %v", got, tt.sent)
				}
				if got := w.causes()[tt.rolled]; tt.rolled != 0 && got != 1 {
					t.Errorf("got rollups %v, want one for %v", w.causes(), tt.rolled)
				}
				w.balanced()
			})
		})
	}
}

// A clock that is set back within what is trusted must not make anything young.
func TestClockSetBackKeepsNothingLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.kafka.set(always(errDown))
		w.sights(id(1))
		w.sync()
		w.run(5*time.Hour + 50*time.Minute)
		w.step(-time.Hour)
		w.run(11 * time.Minute)
		equal(t, "on disk", w.onDisk(id(1)), nil)
		w.balanced()
	})
}

func TestEarlierStartsMessagesAgeToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.kafka.set(always(errDown))
		w.sights(id(1), id(2))
		w.sync()
		w.step(3 * time.Hour) // switched off for so long
		w.sights(id(3))
		w.restart()
		if got := w.sightings(outRecovered); got != 3 {
			t.Errorf("got %d sightings recovered, want 3", got)
		}
		w.run(3*time.Hour + time.Minute)
		equal(t, "on disk", w.onDisk(id(1), id(2), id(3)), []uint64{id(3)})
		w.kafka.set(nil)
		w.confirm()
		w.run(time.Minute)
		equal(t, "ids", w.ids(), []uint64{id(3)})
		equal(t, "devices", slices.Collect(maps.Values(w.rolled())), []uint32{2})
		w.balanced()
	})
}

// Counts of one quarter from several messages are of distinct devices, and later counts contain the earlier ones.
func TestRollupsCountDistinctDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.kafka.set(always(errDown))
		for range 3 {
			w.sights(id(1), id(2))
			w.sights(id(2), id(3))
			time.Sleep(4 * time.Minute)
		}
		w.run(6 * time.Hour)
		w.kafka.set(nil)
		w.confirm()
		w.run(time.Minute)
		equal(t, "devices", slices.Collect(maps.Values(w.rolled())), []uint32{3})
		if got := w.sightings(outRolled); got != 12 {
			t.Errorf("got %d sightings rolled, want 12", got)
		}
		w.run(2 * time.Hour)
		if got := len(w.box.rolled); got != 0 {
			t.Errorf("got %d quarters of ids in memory, want none", got)
		}
		w.balanced()
	})
}

func TestQuartersAreBounded(t *testing.T) {
	q := quarters{}
	for n := range int64(100) {
		q[n] = map[uint64]struct{}{1: {}}
		q.trim()
	}
	if len(q) != keepQuarters || q[99] == nil {
		t.Errorf("got %d quarters, want the newest %d", len(q), keepQuarters)
	}
	q.forget(98 * quarterMS)
	if len(q) != 2 {
		t.Errorf("got %d quarters, want 98 and 99", len(q))
	}
}

func TestUnreadableSpoolAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.sights(id(1))
		if err := w.spool.Close(); err != nil {
			t.Fatal(err)
		}
		w.open()
		w.box.ledger = ledger{} // as after a disk that could not be read
		w.confirm()
		w.run(time.Minute)
		equal(t, "ids", w.ids(), nil)
		if got := w.causes()[wire.Rollup_CAUSE_FAIL_CLOSED]; got != 1 {
			t.Errorf("got %d rollups, want 1", got)
		}
		equal(t, "on disk", w.onDisk(id(1)), nil)
	})
}
