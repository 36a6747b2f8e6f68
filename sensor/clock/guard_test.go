package clock

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

const day = 24 * time.Hour

func berlin(t testing.TB) calendar.Calendar {
	t.Helper()
	cal, err := calendar.New("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return cal
}

// noon of Wednesday 2026-01-28 in Berlin, whose store-day began eight hours before.
func noon(cal calendar.Calendar) time.Time {
	return time.Date(2026, 1, 28, 12, 0, 0, 0, cal.Location())
}

// box is a sensor's clocks, as a story of the table moves them.
type box struct {
	t   testing.TB
	cal calendar.Calendar
	g   *Guard
	now Reading
}

// start begins at noon with keys that are so many days behind.
func (b *box) start(behind calendar.Day, synced bool) {
	b.startAt(noon(b.cal), b.cal.DayOf(noon(b.cal))-behind, synced)
}

func (b *box) startAt(wall time.Time, keysDay calendar.Day, synced bool) {
	b.now = Reading{Wall: wall, Boot: 20 * time.Second, Synced: synced}
	b.g = New(b.cal, keysDay, b.now)
}

// pass lets time pass on both clocks, in steps of a minute.
func (b *box) pass(d time.Duration) {
	for ; d > 0; d -= time.Minute {
		b.now.Boot += time.Minute
		b.now.Wall = b.now.Wall.Add(time.Minute)
		b.g.Check(b.now)
	}
}

// step moves the wall clock alone, or says that it is (not) synchronised.
func (b *box) step(by time.Duration, synced bool) {
	b.now.Wall, b.now.Synced = b.now.Wall.Add(by), synced
	b.g.Check(b.now)
}

// broker answers; its clock is so far from this one.
func (b *box) broker(off time.Duration) {
	b.g.Broker(b.now.Wall.Add(off), b.now)
	b.g.Check(b.now)
}

func TestTable(t *testing.T) {
	stories := map[string]func(b *box){
		"start, synchronised, the keys are of today":               func(b *box) { b.start(0, true) },
		"start, not synchronised, the keys are of today":           func(b *box) { b.start(0, false) },
		"start, adjtimex is forbidden":                             func(b *box) { b.start(0, false); b.broker(0) },
		"start, 1 day behind, no broker answered":                  func(b *box) { b.start(1, true) },
		"start, 1 day behind, the broker agrees within 5 minutes":  func(b *box) { b.start(1, true); b.broker(-5 * time.Minute) },
		"start, 1 day behind, the broker agrees, not synchronised": func(b *box) { b.start(1, false); b.broker(0) },
		"start, 1 day behind, the broker's clock differs by more":  func(b *box) { b.start(1, true); b.broker(5*time.Minute + 1) },
		"start, 35 days behind, the broker agrees":                 func(b *box) { b.start(35, true); b.broker(5 * time.Minute) },
		"start, 36 days behind, the broker agrees":                 func(b *box) { b.start(36, true); b.broker(0) },
		"start, a clock of 1970":                                   func(b *box) { b.in1970(0) },
		"start in 1970, then set and synchronised, the keys are of today": func(b *box) {
			b.in1970(0)
			b.step(noon(b.cal).Sub(b.now.Wall), true)
		},
		"start in 1970, then set and synchronised, 1 day behind, no broker": func(b *box) {
			b.in1970(1)
			b.step(noon(b.cal).Sub(b.now.Wall), true)
		},
		"running, 04:00 passes, no broker ever answered": func(b *box) { b.start(0, true); b.pass(17 * time.Hour) },
		"running, the clock is stepped by less than 2 days": func(b *box) {
			b.start(0, true)
			b.pass(time.Hour)
			b.step(2*day-time.Second, true)
		},
		"running, the clock is stepped back to before 04:00 of the keys' day": func(b *box) {
			b.start(0, true)
			b.step(-8*time.Hour-time.Second, true)
		},
		"running, synchronisation is lost": func(b *box) { b.start(0, true); b.pass(9 * time.Hour); b.step(0, false) },
		"running, 04:00 passes without synchronisation": func(b *box) {
			b.start(0, true)
			b.step(0, false)
			b.pass(17 * time.Hour)
		},
		"running, 04:00 passed without synchronisation, which then comes back": func(b *box) {
			b.start(0, true)
			b.step(0, false)
			b.pass(30 * time.Hour)
			b.step(-40*time.Second, true)
		},
		"running, the clock jumps ahead by more than 2 days": func(b *box) { b.jump(2*day + time.Second) },
		"running, the clock jumps back by more than 2 days":  func(b *box) { b.jump(-2*day - time.Second) },
		"running, it jumped and is back where the time since boot says": func(b *box) {
			b.jump(400 * day)
			b.pass(5 * time.Hour)
			b.step(-400*day, true)
		},
		"running, it jumped ahead and the broker agrees with it": func(b *box) { b.jump(3 * day); b.broker(time.Minute) },
		"running, it jumped ahead and the broker agrees, not synchronised": func(b *box) {
			b.jump(3 * day)
			b.step(0, false)
			b.broker(0)
		},
		"running, it jumped ahead and the broker's answer is a day old": func(b *box) {
			b.start(0, true)
			b.g.Broker(b.now.Wall.Add(3*day), b.now)
			b.pass(day + time.Minute)
			b.step(3*day, true)
		},
		"running, it jumped ahead by more than 35 days and the broker agrees": func(b *box) { b.jump(36 * day); b.broker(0) },
		"running, it jumped back by 3 days and the broker agrees":             func(b *box) { b.jump(-3 * day); b.broker(0) },
		"suspended for 3 days, synchronised again": func(b *box) {
			b.start(0, true)
			b.now.Boot += 3 * day
			b.step(3*day-30*time.Second, false)
			b.step(30*time.Second, true)
		},
	}
	rows := docTable(t)
	if len(rows) != len(stories) {
		t.Errorf("got %d rows in the package comment, want the %d of this test", len(rows), len(stories))
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			story := stories[row.name]
			if story == nil {
				t.Fatal("got a row that this test has no story for")
			}
			b := &box{t: t, cal: berlin(t)}
			story(b)
			got := b.g.Check(b.now)
			turns := b.g.MayTurn(b.cal.DayOf(b.now.Wall))
			if got.String() != row.verdict || got.Usable() != row.usable || turns != row.turns {
				t.Errorf("got %v, usable %v, turns %v, want %s, %v, %v", got, got.Usable(), turns, row.verdict, row.usable, row.turns)
			}
			if got.Trusted() != (row.verdict == "ok") {
				t.Errorf("got trusted %v under %v", got.Trusted(), got)
			}
		})
	}
}

func (b *box) in1970(behind calendar.Day) {
	b.startAt(time.Unix(30, 0), b.cal.DayOf(noon(b.cal))-behind, false)
}

// jump is of a box that ran for an hour.
func (b *box) jump(by time.Duration) {
	b.start(0, true)
	b.pass(time.Hour)
	b.step(by, true)
	if got := b.g.Check(b.now); got != Jumped {
		b.t.Errorf("got %v right after the jump, want %v", got, Jumped)
	}
}

type docRow struct {
	name, verdict string
	usable, turns bool
}

// docTable reads the package comment's table.
func docTable(t *testing.T) []docRow {
	t.Helper()
	raw, err := os.ReadFile("clock.go")
	if err != nil {
		t.Fatal(err)
	}
	var rows []docRow
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.TrimPrefix(line, "//"), "|")
		if len(cells) != 4 || strings.TrimSpace(cells[0]) == "situation" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, docRow{cells[0], cells[1], cells[2] == "yes", cells[3] == "yes"})
	}
	return rows
}

func TestTheWorstVerdictIsNamed(t *testing.T) {
	for _, row := range []struct {
		name  string
		story func(b *box)
		want  Verdict
	}{
		{"1970, although synchronised", func(b *box) { b.startAt(time.Unix(0, 0), 2000, true) }, BeforeKeys},
		{"36 days behind and not synchronised", func(b *box) { b.start(36, false) }, TooFar},
		{"jumped to 1970", func(b *box) { b.jump(-noon(b.cal).Sub(time.Unix(0, 0))) }, Jumped},
		{"jumped 100 days and not synchronised", func(b *box) { b.jump(100 * day); b.step(0, false) }, Jumped},
		{"behind, not synchronised, the broker disagrees", func(b *box) { b.start(2, false); b.broker(time.Hour) }, Unsynchronised},
		{"the year 1", func(b *box) { b.startAt(time.Time{}, 2000, true) }, BeforeKeys},
		{"the end of time", func(b *box) { b.startAt(time.Unix(1<<40, 0), 2000, true) }, TooFar},
		{"jumped to the end of time", func(b *box) { b.start(0, true); b.now.Wall = time.Unix(1<<40, 0) }, Jumped},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := &box{t: t, cal: berlin(t)}
			row.story(b)
			if got := b.g.Check(b.now); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
			for to := calendar.Day(0); to < 4000; to += 7 {
				if b.g.MayTurn(to) {
					t.Fatalf("the keys may turn to %v under %v", to, row.want)
				}
			}
		})
	}
}

// TestMayTurn is about the days, under a trusted clock.
func TestMayTurn(t *testing.T) {
	for _, row := range []struct {
		name    string
		behind  calendar.Day  // of the keys at noon
		passed  time.Duration // since noon
		to      calendar.Day  // ahead of the keys
		want    bool
		verdict Verdict
	}{
		{"the day of the keys", 0, 0, 0, false, OK},
		{"tomorrow at noon", 0, 0, 1, false, OK},
		{"yesterday", 0, 0, -1, false, OK},
		{"tomorrow, a minute before 04:00", 0, 16*time.Hour - time.Minute, 1, false, OK},
		{"tomorrow, at 04:00", 0, 16 * time.Hour, 1, true, OK},
		{"the day after tomorrow, at 04:00", 0, 16 * time.Hour, 2, false, OK},
		{"today, from 35 days ago", 35, 0, 35, true, OK},
		{"half-way", 35, 0, 20, true, OK},
		{"today, from 36 days ago", 36, 0, 36, false, TooFar},
		{"garbage", 3, 0, 1<<31 - 1, false, OK},
		{"garbage below", 3, 0, -1 << 31, false, OK},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := &box{t: t, cal: berlin(t)}
			b.start(row.behind, true)
			b.broker(0)
			b.pass(row.passed)
			keysDay := b.cal.DayOf(noon(b.cal)) - row.behind
			to := keysDay + row.to
			if row.to == 1<<31-1 || row.to == -1<<31 {
				to = row.to
			}
			if got := b.g.MayTurn(to); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
			if got := b.g.Check(b.now); got != row.verdict {
				t.Errorf("got %v, want %v", got, row.verdict)
			}
		})
	}
}

// TestADayTurnsBetweenTwoChecks: a frame is heard a moment after 04:00, and the last Check was a moment before.
func TestADayTurnsBetweenTwoChecks(t *testing.T) {
	t.Run("the keys are of today", func(t *testing.T) {
		b := &box{t: t, cal: berlin(t)}
		b.start(0, true)
		b.pass(16*time.Hour - time.Minute)
		b.step(time.Minute-time.Second, true)
		today := b.cal.DayOf(noon(b.cal))
		if got := b.g.MayTurn(today + 1); !got {
			t.Errorf("got %v, want %v", got, true)
		}
		if got := b.g.MayTurn(today + 2); got {
			t.Errorf("the day after: got %v, want %v", got, false)
		}
	})
	t.Run("the keys are 35 days behind", func(t *testing.T) {
		b := &box{t: t, cal: berlin(t)}
		b.start(35, true)
		b.broker(0)
		b.pass(16*time.Hour - time.Minute)
		b.step(time.Minute-time.Second, true)
		today := b.cal.DayOf(noon(b.cal))
		if may, mayNot := b.g.MayTurn(today), b.g.MayTurn(today+1); !may || mayNot {
			t.Errorf("got %v for 35 days and %v for 36, want true and false", may, mayNot)
		}
	})
}

func TestTurned(t *testing.T) {
	b := &box{t: t, cal: berlin(t)}
	b.start(3, true)
	b.broker(0)
	today := b.cal.DayOf(b.now.Wall)
	if !b.g.MayTurn(today) {
		t.Fatal("the keys may not turn to today")
	}
	b.g.Turned(today)
	if b.g.MayTurn(today) {
		t.Error("the keys may turn to the day at which they stand")
	}
	b.g.Turned(today - 2)
	if b.g.MayTurn(today) {
		t.Error("the keys turned back")
	}
	if got := b.g.Check(b.now); got != OK {
		t.Errorf("got %v, want %v", got, OK)
	}
}

// TestGosMonotonicClockHidesNoJump: two times from time.Now are compared by it, and no jump of the wall clock moves it. A test
// cannot make the one jump without the other, so it looks for the monotonic part itself, which only String shows.
func TestGosMonotonicClockHidesNoJump(t *testing.T) {
	monotonic := func(at time.Time) bool { return strings.Contains(at.String(), " m=") }
	cal, r := berlin(t), Reading{Wall: time.Now(), Synced: true}
	g := New(cal, cal.DayOf(r.Wall), r)
	g.Broker(time.Now(), r)
	if !monotonic(r.Wall) {
		t.Skip("this system's time.Now has no monotonic part")
	}
	if monotonic(g.last.Wall) || monotonic(g.trusted.Wall) || monotonic(g.broker.Wall) {
		t.Error("the guard compares times by their monotonic part")
	}
}

// TestAConfirmedJumpIsForgotten: the time after it is what later readings are measured by, although it was before the keys'.
func TestAConfirmedJumpIsForgotten(t *testing.T) {
	b := &box{t: t, cal: berlin(t)}
	b.jump(-3 * day)
	b.broker(0)
	b.pass(2 * day)
	if got := b.g.Check(b.now); got != BeforeKeys {
		t.Fatalf("got %v a day after the broker's answer expired, want %v", got, BeforeKeys)
	}
	b.pass(day)
	if got := b.g.Check(b.now); got != OK {
		t.Errorf("got %v on the day of the keys, want %v", got, OK)
	}
}

func TestVerdictNamesAreAClosedList(t *testing.T) {
	seen := map[string]bool{}
	for v := OK; v <= Disagrees; v++ {
		if seen[v.String()] {
			t.Errorf("two verdicts are called %s", v)
		}
		seen[v.String()] = true
		if v != OK && !strings.HasPrefix(v.String(), "clock_") {
			t.Errorf("got %s, want a name with clock_", v)
		}
	}
	if got := Verdict(99).String(); !seen[got] || Verdict(99).Trusted() {
		t.Errorf("got %s, trusted %v for what is no verdict", got, Verdict(99).Trusted())
	}
}

func BenchmarkCheck(b *testing.B) {
	cal := berlin(b)
	now := Reading{Wall: noon(cal), Synced: true}
	g := New(cal, cal.DayOf(now.Wall), now)
	b.ReportAllocs()
	for b.Loop() {
		now.Wall, now.Boot = now.Wall.Add(time.Millisecond), now.Boot+time.Millisecond
		g.Check(now)
	}
}
