package returns

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// TestWeeksMoveAndExpire follows one week's filter through the places until it is gone.
func TestWeeksMoveAndExpire(t *testing.T) {
	f := open(t, t.TempDir(), options(wednesday, 1))
	endDay(t, f, wednesday.Week().Sunday())
	for b := range Buckets / 2 {
		f.Mark(uint16(b))
	}
	week := wednesday.Week() + 1
	endDay(t, f, week.Monday())
	followed := f.memory.filters[1]
	if n := followed.count(); n < Buckets/2*7/10 {
		t.Fatalf("got %d ones a week later, want the marks of Sunday drawn before the week moved", n)
	}
	for place := 1; place < Weeks; place++ {
		if f.memory.filters[place] != followed {
			t.Errorf("%d weeks later: the filter is not in its place", place)
		}
		if got, want := f.Ones()[place], followed.count(); got != want {
			t.Errorf("%d weeks later: got %d ones, want %d", place, got, want)
		}
		week++
		endDay(t, f, week.Monday())
	}
	for place := range Weeks {
		if f.memory.filters[place] == followed {
			t.Errorf("five weeks later: the filter is still at place %d", place)
		}
	}
	raw := read(t, f.dir, filtersFile)
	if bytes.Contains(raw, followed[:64]) {
		t.Error("five weeks later: the filter is still in the file")
	}
}

// TestAVisitIsForgottenAfterFiveWeeks: the answers about an old visitor are those about a stranger.
func TestAVisitIsForgottenAfterFiveWeeks(t *testing.T) {
	f := open(t, t.TempDir(), options(wednesday, 2))
	for b := range Buckets {
		f.Mark(uint16(b)) // everybody came that Wednesday
	}
	endDay(t, f, wednesday+1)
	for weeks := range 7 {
		for k, ones := range f.Ones() {
			p := 0.1192029 // p0 at E = 2
			if k == weeks {
				p = 1 - p
			}
			within(t, f.Day().String(), int(ones), Buckets, p)
		}
		endDay(t, f, f.Day()+7)
	}
}

func TestLookback(t *testing.T) {
	monday := (wednesday.Week() + 1).Monday()
	for _, row := range []struct {
		name  string
		days  []calendar.Day // on which the sensor runs, the first its first
		weeks uint8
		isNew bool
	}{
		{"the first day", []calendar.Day{wednesday}, 0, true},
		{"later in the first week", []calendar.Day{wednesday, wednesday + 4}, 0, true},
		{"the second week", []calendar.Day{wednesday, monday}, 1, false},
		{"the third week", []calendar.Day{wednesday, monday, monday + 7}, 2, false},
		{"the fifth week", []calendar.Day{wednesday, monday, monday + 7, monday + 14, monday + 21}, 4, false},
		{"the ninth week", []calendar.Day{wednesday, monday, monday + 7, monday + 14, monday + 21, monday + 28, monday + 35, monday + 42, monday + 49}, 4, false},
		{"after a week without the sensor", []calendar.Day{wednesday, monday + 7}, 0, false},
		{"a week after that", []calendar.Day{wednesday, monday + 7, monday + 14}, 1, false},
		{"four weeks after that", []calendar.Day{wednesday, monday + 7, monday + 14, monday + 21, monday + 28, monday + 35}, 4, false},
		{"after four weeks without it", []calendar.Day{wednesday, monday + 27}, 0, false},
		{"after five weeks without it", []calendar.Day{wednesday, monday + 28}, 0, true},
		{"after a year without it", []calendar.Day{wednesday, monday + 365}, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			running, restarted := t.TempDir(), t.TempDir()
			f := open(t, running, options(row.days[0], 1))
			for _, day := range row.days[1:] {
				endDay(t, f, day)
			}
			var g *Filters
			for _, day := range row.days {
				g = open(t, restarted, options(day, 1))
			}
			for _, x := range []*Filters{f, g} {
				if weeks, isNew := x.Lookback(); weeks != row.weeks || isNew != row.isNew {
					t.Errorf("got look-back %d, new %v, want %d, %v", weeks, isNew, row.weeks, row.isNew)
				}
			}
		})
	}
}

// TestSkippedWeeksKeepTheirPlaces: filters are by number of the store-week.
func TestSkippedWeeksKeepTheirPlaces(t *testing.T) {
	for skip := 1; skip <= 6; skip++ {
		f := open(t, t.TempDir(), options(wednesday, byte(skip)))
		for b := range Buckets {
			f.Mark(uint16(b))
		}
		endDay(t, f, wednesday+calendar.Day(7*skip))
		for k, ones := range f.Ones() {
			if came := ones > Buckets/2; came != (k == skip) {
				t.Errorf("%d weeks later, filter %d: got visits %v, want %v", skip, k, came, k == skip)
			}
		}
	}
}

// TestAStartDrawsWhatACrashLeft: the sensor dies in the evening and starts days later.
func TestAStartDrawsWhatACrashLeft(t *testing.T) {
	for _, ahead := range []calendar.Day{1, 4, 5, 12} { // the same week, its Sunday, Monday, a week later
		dir := t.TempDir()
		f := open(t, dir, options(wednesday, 1))
		for b := range Buckets {
			f.Mark(uint16(b))
		}
		save(t, f)
		g := open(t, dir, options(wednesday+ahead, 2))
		place := int((wednesday + ahead).Week() - wednesday.Week())
		if got := g.Ones()[place]; got < Buckets/2 {
			t.Errorf("%d days later: got %d ones, want the marks drawn", ahead, got)
		}
		if g.open.count() != 0 || exists(dir, openDayFile) {
			t.Errorf("%d days later: exact marks are left", ahead)
		}
		if got := open(t, dir, options(wednesday+ahead, 3)); *got.memory != *g.memory {
			t.Errorf("%d days later: a second start drew again", ahead)
		}
	}
}

func TestARestartOnTheSameDayKeepsMarksAndAnswers(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, options(wednesday, 1))
	f.Mark(5)
	f.Mark(6)
	save(t, f)
	f.Mark(7) // a crash loses what was marked since
	g := open(t, dir, options(wednesday, 9))
	if *g.memory != *f.memory || g.Ones() != f.Ones() {
		t.Error("a restart changed the filters")
	}
	if !g.open.has(5) || !g.open.has(6) || g.open.count() != 2 {
		t.Error("a restart lost marks, or made some")
	}
}

// TestCrashPointsOfADaysEnd stops between the steps: the filters are replaced, the bitmap is not destroyed yet.
func TestCrashPointsOfADaysEnd(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, options(wednesday, 1))
	for b := range Buckets {
		f.Mark(uint16(b))
	}
	save(t, f)
	filters, marks := read(t, dir, filtersFile), read(t, dir, openDayFile)
	endDay(t, f, wednesday+1)
	if exists(dir, openDayFile) {
		t.Fatal("the exact marks outlived their day")
	}
	put := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("between the steps", func(t *testing.T) {
		put(openDayFile, marks)
		g := open(t, dir, options(wednesday+1, 2))
		if *g.memory != *f.memory {
			t.Error("the marks were drawn a second time")
		}
		if exists(dir, openDayFile) || g.open.count() != 0 {
			t.Error("the exact marks of the day that ended are still there")
		}
	})
	t.Run("before the first step, with the new version beside", func(t *testing.T) {
		put(filtersFile+".footfall-partial", read(t, dir, filtersFile))
		put(filtersFile, filters)
		put(openDayFile, marks)
		g := open(t, dir, options(wednesday+1, 3))
		if g.Ones()[0] < Buckets/2 {
			t.Error("the marks were lost")
		}
		if exists(dir, openDayFile) || exists(dir, filtersFile+".footfall-partial") {
			t.Error("something of the day that ended is still there")
		}
	})
}

func TestAFailedDaysEndCanBeTriedAgain(t *testing.T) {
	f := open(t, t.TempDir(), options(wednesday, 1))
	block := func(name string) { // a folder with something in it: not even root can write there
		t.Helper()
		if err := os.MkdirAll(filepath.Join(f.dir, name, "full"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	unblock := func(name string) {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(f.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	f.Mark(3)
	before := *f.memory
	block(filtersFile + ".footfall-partial")
	if err := f.EndDay(wednesday + 1); err == nil || *f.memory != before || !f.open.has(3) {
		t.Errorf("the filters cannot be written: got %v and a changed day, want an error and the day as it was", err)
	}
	unblock(filtersFile + ".footfall-partial")
	block(openDayFile)
	if err := f.EndDay(wednesday + 1); err == nil || !strings.Contains(err.Error(), "by hand") {
		t.Errorf("the marks cannot be destroyed: got %v, want an error that says what to do", err)
	}
	if err := f.EndDay(wednesday + 1); err == nil {
		t.Error("the marks still cannot be destroyed: got no error, want one")
	}
	unblock(openDayFile)
	drawn := *f.memory
	if err := f.EndDay(wednesday + 1); err != nil || *f.memory != drawn || f.open.count() != 0 {
		t.Errorf("got %v, want the rest done and nothing drawn again", err)
	}
	block(openDayFile + ".footfall-partial")
	f.Mark(4)
	if err := f.SaveOpenDay(); err == nil {
		t.Error("the marks cannot be saved: got no error, want one")
	}
	unblock(openDayFile + ".footfall-partial")
	save(t, f)
	if !exists(f.dir, openDayFile) {
		t.Error("a save that failed was not tried again")
	}
}

func TestNoRandomnessChangesNothing(t *testing.T) {
	f := open(t, t.TempDir(), options(wednesday, 1))
	f.Mark(3)
	before := *f.memory
	f.odds = newOdds(f.odds.one, strings.NewReader(""))
	for _, next := range []calendar.Day{wednesday + 1, wednesday + 7} {
		if err := f.EndDay(next); err == nil || *f.memory != before || !f.open.has(3) {
			t.Errorf("got %v and a changed day, want an error and the day as it was", err)
		}
	}
}

func TestAnOlderDayIsRefused(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, options(wednesday, 1))
	if err := f.EndDay(wednesday - 1); !errors.Is(err, ErrOlder) {
		t.Errorf("got %v, want ErrOlder", err)
	}
	if err := f.EndDay(wednesday); err != nil {
		t.Errorf("the open day: got %v, want no error", err)
	}
	if err := f.EndDay(lastDay + 1); err == nil {
		t.Error("a garbled day: got no error, want one")
	}
	if _, err := Open(dir, options(wednesday-1, 1)); !errors.Is(err, ErrOlder) {
		t.Errorf("got %v, want ErrOlder", err)
	}
}

// TestOtherKeysOrNoiseBeginAnew: what is remembered under them means nothing now, and must not stay.
func TestOtherKeysOrNoiseBeginAnew(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"another issue":  func(o *Options) { o.Issue = "ffff" },
		"other epsilon":  func(o *Options) { o.Epsilon = 1 },
		"an earlier day": func(o *Options) { o.Issue, o.Day = "ffff", o.Day-300 },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := open(t, dir, options(wednesday, 1))
			endDay(t, f, wednesday+7)
			f.Mark(9)
			save(t, f)
			o := options(wednesday+8, 2)
			change(&o)
			g := open(t, dir, o)
			if weeks, isNew := g.Lookback(); weeks != 0 || !isNew {
				t.Errorf("got look-back %d, new %v, want 0, true", weeks, isNew)
			}
			for k := range Weeks {
				if g.memory.filters[k] == f.memory.filters[k] {
					t.Errorf("filter %d is the old one", k)
				}
			}
			if g.open.count() != 0 || exists(dir, openDayFile) {
				t.Error("marks of other keys are left")
			}
		})
	}
}
