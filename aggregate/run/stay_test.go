package run

import (
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// TestTheMeanStay seals days with visits of ten minutes each and looks at the W that each was estimated with.
func TestTheMeanStay(t *testing.T) {
	b, v, first := newStreet(t, newEngine(t).database(), Config{Clock: ClockCapture})
	days := []struct {
		name     string
		after    calendar.Day // the first day
		visitors int
		want     float64
	}{
		{"nothing is known", 0, 20, 12},
		{"yesterday is too near", 1, 20, 12},
		{"20 visits are too few", 2, 8, 12}, // under 10 visitors: no dwell is kept of it
		{"the day before yesterday makes it 40", 3, 0, 10},
		{"a day of 8 visitors adds nothing", 4, 0, 10},
		{"the first day is 29 days ago", 29, 0, 10},
		{"the first day is too long ago, and 20 are too few again", 30, 0, 12},
	}
	for i, d := range days {
		day := first + d.after
		if i == len(days)-2 {
			b.restart(false) // the stays are read back
		}
		if d.visitors > 0 {
			b.send(v.sightings(day, visitors(v, day, d.visitors), nil, false))
		}
		b.seal(v, day)
		if got := value[float64](t, b.db, "SELECT stay_min FROM store_days FINAL WHERE store_day = toDate(?)", day.String()); got != d.want {
			t.Errorf("%s: got W of %v minutes, want %v", d.name, got, d.want)
		}
	}
	if n := count(t, b.db, store.TableStoreDays, "dwell_sum_s IS NULL"); n != 5 {
		t.Errorf("got %d days without a dwell, want the 5 of under 10 visitors", n)
	}
}

// W of a day is made of the days up to two before it, so that day's people by minute cannot be final, and its counters cannot
// be let go, before those are sealed.
func TestCountersAreHeldUntilTheMeanStayIsKnown(t *testing.T) {
	b, v, first := newStreet(t, newEngine(t).database(), Config{Clock: ClockCapture})
	for day := first; day <= first+2; day++ {
		minutes := quiet(v, day, 120)
		b.send(v.minutes(day, minutes[:60]), v.minutes(day, minutes[60:]))
	}
	final := func() (n [3]uint64) {
		b.flush()
		for i := range n {
			n[i] = count(t, b.db, store.TablePeopleMinutes, "final AND store_day = toDate(?)", (first + calendar.Day(i)).String())
		}
		return n
	}
	const done = 120 - 12 - 1 // all but the last G minutes and the one after which they are past
	if got, want := final(), [3]uint64{done, done, 0}; got != want {
		t.Errorf("before the first day is sealed: got final minutes %v, want %v", got, want)
	}
	if got := b.log.committed[counters]; got != 1 {
		t.Errorf("got committed %d, want 1: of the first day the second message is needed", got)
	}
	b.seal(v, first)
	if got, want := final(), [3]uint64{0, done, done}; got != want {
		t.Errorf("after it: got final minutes %v, want %v", got, want)
	}
	if got := b.log.committed[counters]; got != 3 {
		t.Errorf("got committed %d, want 3: the second day's second message", got)
	}
	b.seal(v, first+1, first+2)
	b.flush()
	if got, want := b.log.committed, [2]int64{3, 9}; got != want {
		t.Errorf("got committed %v at the end, want %v", got, want)
	}
}

// TestOfADayWithFewVisitorsNoExactCountIsKept, and of a week neither. What may be said of it is published as ever, and the mean
// stay, which such days are no part of, is the same.
func TestOfADayWithFewVisitorsNoExactCountIsKept(t *testing.T) {
	e := newEngine(t)
	for _, test := range []struct {
		name           string
		visitors       int
		counts         string // visits, visitors, estimated visits, occupancy: exact ones that are kept
		pub            string
		minutes, frame float64 // the mean stay two days later
	}{
		{"5 visitors", 5, "(0,0,0,0,0)", "under_10", 12, 5},
		{"9 visitors, published as 10", 9, "(0,0,0,0,0)", "value", 12, 5},
		{"10 visitors", 10, "(10,10,10,1,1)", "value", 12, 5},
		{"30 visitors", 30, "(30,30,30,1,1)", "value", 10, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, v, day := newStreet(t, e.database(), Config{Clock: ClockCapture})
			day += 6 // a Sunday, so that it is all of its week
			b.send(v.sightings(day, visitors(v, day, test.visitors), nil, false), v.minutes(day, quiet(v, day, 5)))
			b.flush()
			if got := value[uint32](t, b.db, "SELECT visitors FROM store_days FINAL"); got != uint32(test.visitors) {
				t.Errorf("while the day is open: got %d visitors, want %d", got, test.visitors)
			}
			b.seal(v, day)
			b.weeks()
			const kept = "SELECT toString((visits, visitors, toUInt32(estimated_visits >= visits) * visits, occupancy_mean > 0, occupancy_high > 0)) FROM store_days FINAL"
			if got := value[string](t, b.db, kept); got != test.counts {
				t.Errorf("got the exact counts %s, want %s", got, test.counts)
			}
			zero := value[uint64](t, b.db, "SELECT bounces + passers_by + engaged + excluded_long FROM store_days FINAL")
			if zero != 0 {
				t.Errorf("got %d others, want none", zero)
			}
			if got := value[uint64](t, b.db, "SELECT frames_stable FROM store_days FINAL"); float64(got) != test.frame {
				t.Errorf("got %d frames, want %v: they are nobody's", got, test.frame)
			}
			if got := value[string](t, b.db, "SELECT visitors_state FROM pub_store_day FINAL"); got != test.pub {
				t.Errorf("got visitors that read %s, want %s", got, test.pub)
			}
			want := uint32(test.visitors)
			if want < 10 {
				want = 0
			}
			if got := value[uint32](t, b.db, "SELECT visitors FROM repeat_weeks FINAL"); got != want {
				t.Errorf("got %d visitors of the week, want %d", got, want)
			}
			again, _, _ := newStreet(t, e.database(), Config{Clock: ClockCapture})
			again.log = &topicLog{topics: b.log.topics}
			again.restart(true)
			again.weeks()
			sameTables(t, "replayed", dump(t, again.db), dump(t, b.db))
			b.restart(false) // the stays are read back
			b.seal(v, day+2)
			if got := value[float64](t, b.db, "SELECT stay_min FROM store_days FINAL WHERE store_day = toDate(?)", (day + 2).String()); got != test.minutes {
				t.Errorf("got W of %v minutes two days later, want %v", got, test.minutes)
			}
		})
	}
}
