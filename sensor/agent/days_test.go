package agent

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// TestStoreDays: captures over the turn of a day, also of those days that have 23, 25 or 24 and a half hours.
func TestStoreDays(t *testing.T) {
	for _, row := range []struct {
		name, zone, first string
		hours             time.Duration // of the first store-day
	}{
		{"an ordinary day", "Europe/Berlin", "2026-01-12", 24 * time.Hour},
		{"clocks go forward", "Europe/Berlin", "2026-03-28", 23 * time.Hour},
		{"clocks go back", "Europe/Berlin", "2026-10-24", 25 * time.Hour},
		{"forward in New York", "America/New_York", "2026-03-07", 23 * time.Hour},
		{"back in New York", "America/New_York", "2026-10-31", 25 * time.Hour},
		{"by half an hour", "Australia/Lord_Howe", "2026-04-04", 24*time.Hour + 30*time.Minute},
		{"no change, 5:45 from Greenwich", "Asia/Kathmandu", "2026-01-12", 24 * time.Hour},
	} {
		for name, policy := range map[string]wire.Policy{"standard": wire.Policy_POLICY_STANDARD, "count only": wire.Policy_POLICY_COUNT_ONLY} {
			t.Run(row.name+", "+name, func(t *testing.T) {
				day, err := calendar.ParseDay(row.first)
				if err != nil {
					t.Fatal(err)
				}
				r := newRig(t, func(r *rig) {
					r.set.Calendar, r.set.Policy, r.hasher.day = zone(t, row.zone), policy, day
					r.deps.Returns = &fakeReturns{}
				})
				cal := r.set.Calendar
				end := cal.End(day).UnixNano()
				if got := cal.End(day).Sub(cal.Start(day)); got != row.hours {
					t.Fatalf("the day has %v, want %v", got, row.hours)
				}
				for at := cal.Start(day).UnixNano(); at < end+int64(3*time.Hour); at += 30 * secondNS {
					r.feed(air{t: at, addr: phone(1), dbm: -60}, air{t: at, addr: made(int(at / minuteNS)), dbm: -60}, air{t: at, addr: phone(2), dbm: -80})
				}
				r.finish()
				checkBatches(t, r)
				minutes := map[calendar.Day]int{}
				for _, e := range r.sink.envelopes {
					minutes[calendar.Day(e.Header.StoreDay)] += len(minutesOf(e))
				}
				if got, want := minutes[day], int(row.hours/time.Minute); got != want || minutes[day+1] != 180 {
					t.Errorf("got %d and %d minutes, want %d and 180", got, minutes[day+1], want)
				}
				if !slices.Equal(r.newDays, []calendar.Day{day + 1}) || r.p.day != day+1 {
					t.Errorf("got new days %v, want %s", r.newDays, day+1)
				}
				checkIDs(t, r, day, end/1e6)
			})
		}
	}
}

// checkIDs: before the turn the ids are the first day's, from it on the next day's.
func checkIDs(t *testing.T, r *rig, day calendar.Day, endMS int64) {
	t.Helper()
	s := r.sink.sightings()
	if (len(s) == 0) != (r.set.Policy == wire.Policy_POLICY_COUNT_ONLY) {
		t.Errorf("got %d sightings under %s", len(s), r.set.Policy)
	}
	for _, x := range s {
		want := fakeSum(phone(1), uint64(day))
		if x.ms >= endMS {
			want = fakeSum(phone(1), uint64(day+1))
		}
		if x.id != want {
			t.Fatalf("a sighting %d ms from the day's end has another day's id", x.ms-endMS)
		}
	}
}

func TestTheDayTurnsAfterEverythingOfItWasGivenOut(t *testing.T) {
	var before int
	var held []string
	r := newRig(t, func(r *rig) {
		turn := r.deps.NewDay
		r.deps.NewDay = func(next calendar.Day) error {
			before, held = len(r.sink.envelopes), holdsAddresses(r.p)
			return turn(next)
		}
	})
	day := r.hasher.day
	end := r.set.Calendar.End(day).UnixNano()
	r.feed(
		air{t: end - 70*secondNS, addr: phone(1), dbm: -60}, air{t: end - 500e6, addr: phone(1), dbm: -60}, air{t: end - 1, addr: made(2), dbm: -60}, air{t: end - 1, addr: phone(3), dbm: -80},
		air{t: end, addr: phone(1), dbm: -60}, air{t: end + 400e6, addr: phone(1), dbm: -60},
	).finish()
	if len(r.newDays) != 1 {
		t.Fatalf("got new days %v, want one", r.newDays)
	}
	if len(held) > 0 {
		t.Errorf("when the keys turned there was %s", strings.Join(held, ", "))
	}
	for i, e := range r.sink.envelopes {
		if want := i >= before; (calendar.Day(e.Header.StoreDay) > day) != want {
			t.Errorf("envelope %d of %s is of day %d, and %d were there when the keys turned", i, e.Kind(), e.Header.StoreDay, before)
		}
	}
	if s := r.sink.sightings(); len(s) != 3 || s[2].ms != end/1e6 {
		t.Errorf("got sightings %v, want two of the first day and one that begins at 04:00", s)
	}
	checkPassers(t, r, map[string]uint32{"27:59": 1}, nil)
}

func TestDaysThatNobodyHeardAreOneTurn(t *testing.T) {
	r := newRig(t, nil)
	later := r.at("10:00:00") + int64(20*24*time.Hour)
	r.feed(air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}, air{t: later, addr: phone(1), dbm: -60}, air{t: later + 20e6, addr: phone(1), dbm: -60}).finish()
	if want := []calendar.Day{r.hasher.day}; !slices.Equal(r.newDays, want) || len(r.sink.minutes()) != 2 {
		t.Errorf("got new days %v and %d minutes, want %v and 2", r.newDays, len(r.sink.minutes()), want)
	}
	checkBatches(t, r)
}

// The first frame after a long pause is not believed alone; the second confirms it. A damaged time costs its own frame only.
func TestOneDamagedTimeFarAheadDoesNotMoveTheClock(t *testing.T) {
	r := newRig(t, nil)
	at, far := r.at("10:00:00"), int64(400*24*time.Hour)
	r.feed(
		air{t: at, addr: phone(1), dbm: -60}, air{t: at + far, addr: phone(1), dbm: -60}, air{t: at + 20e6, addr: phone(1), dbm: -60},
		air{t: at + 3*far, addr: phone(1), dbm: -60}, air{t: at + 40e6, addr: phone(1), dbm: -60},
	).finish()
	c := r.p.Counts()
	if c.Kept != 3 || c.Drops[DropBadTime] != 2 || len(r.newDays) != 0 {
		t.Errorf("got %d kept, %d dropped, new days %v; want 3, 2, none", c.Kept, c.Drops[DropBadTime], r.newDays)
	}
	conserves(t, c)
}

func TestACaptureOlderThanTheKeysIsRefused(t *testing.T) {
	r := newRig(t, nil)
	f := air{t: r.at("03:59:59"), addr: phone(1), dbm: -60}
	err := r.p.Frame(f.record(t))
	if err == nil {
		t.Fatal("got no error")
	}
	want := "the capture is of 2026-01-11, but this sensor's keys are of 2026-01-12 and cannot be turned back: replay it with footfall try, or cut it at 04:00 of 2026-01-12"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if len(r.sink.envelopes) != 0 || len(r.newDays) != 0 || len(r.hasher.ids) != 0 {
		t.Error("something was made of it")
	}
}

func TestKeysThatCannotTurnStopThePipeline(t *testing.T) {
	broken := errors.New("the disk is full")
	r := newRig(t, func(r *rig) { r.deps.NewDay = func(calendar.Day) error { return broken } })
	r.feed(air{t: r.at("10:00:00"), addr: phone(1), dbm: -60})
	next := air{t: r.at("10:00:00") + int64(24*time.Hour), addr: phone(1), dbm: -60}
	for range 2 {
		if err := r.p.Frame(next.record(t)); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
	}
	if got := len(r.sink.sightings()); got != 1 || r.p.Counts().Kept != 1 {
		t.Errorf("got %d sightings, want only that of the day whose keys there are", got)
	}
}
