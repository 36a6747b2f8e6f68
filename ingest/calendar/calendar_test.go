package calendar

import (
	"testing"
	"time"
)

func must(t *testing.T, zone string) Calendar {
	t.Helper()
	c, err := New(zone)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStoreDays(t *testing.T) {
	for name, row := range map[string]struct{ zone, at, day string }{
		"four sharp begins the day":      {"Europe/Berlin", "2026-01-31T04:00:00+01:00", "2026-01-31"},
		"a minute before four":           {"Europe/Berlin", "2026-01-31T03:59:59+01:00", "2026-01-30"},
		"midnight":                       {"Europe/Berlin", "2026-01-31T00:00:00+01:00", "2026-01-30"},
		"clocks go forward":              {"Europe/Berlin", "2026-03-29T03:30:00+02:00", "2026-03-28"},
		"after clocks went forward":      {"Europe/Berlin", "2026-03-29T04:00:00+02:00", "2026-03-29"},
		"clocks go back, second 2:30":    {"Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-24"},
		"far east":                       {"Pacific/Kiritimati", "2026-01-31T04:00:00+14:00", "2026-01-31"},
		"half-hour shift":                {"Australia/Lord_Howe", "2026-04-05T03:59:00+10:30", "2026-04-04"},
		"first day":                      {"UTC", "2020-01-01T04:00:00Z", "2020-01-01"},
		"before the first day":           {"UTC", "2020-01-01T03:00:00Z", "2019-12-31"},
		"a day that the island left out": {"Pacific/Apia", "2011-12-31T05:00:00+14:00", "2011-12-31"},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, row.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := must(t, row.zone).DayOf(at).String(); got != row.day {
				t.Errorf("got %s, want %s", got, row.day)
			}
		})
	}
}

func TestEveryInstantIsInItsDay(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago", "UTC"} {
		c := must(t, zone)
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		last := c.DayOf(at)
		for range 365 * 48 {
			at = at.Add(30 * time.Minute)
			d := c.DayOf(at)
			if at.Before(c.Start(d)) || !at.Before(c.End(d)) {
				t.Fatalf("%s: %s is not in day %s", zone, at, d)
			}
			if d != last && d != last+1 {
				t.Fatalf("%s: from day %s to %s", zone, last, d)
			}
			if e := c.ClassEpoch(at); e/16 != int32(d) || !c.EpochEnd(at).After(at) {
				t.Fatalf("%s: epoch %d of day %d", zone, e, d)
			}
			last = d
		}
	}
}

func TestDaysWithAChangeOfClocks(t *testing.T) {
	c := must(t, "Europe/Berlin")
	spring, _ := ParseDay("2026-03-28")
	autumn, _ := ParseDay("2026-10-24")
	if got := c.End(spring).Sub(c.Start(spring)); got != 23*time.Hour {
		t.Errorf("spring day: got %s, want 23h", got)
	}
	if got := c.End(autumn).Sub(c.Start(autumn)); got != 25*time.Hour {
		t.Errorf("autumn day: got %s, want 25h", got)
	}
	last := c.End(autumn).Add(-time.Second)
	if got := c.ClassEpoch(last) % 16; got != 12 {
		t.Errorf("the 25th hour has block %d, want 12", got)
	}
	if got := c.EpochEnd(last); !got.Equal(c.End(autumn)) {
		t.Errorf("its key ends at %s, want the end of the day", got)
	}
}

func TestTheLongestDay(t *testing.T) {
	for zone, want := range map[string]time.Duration{
		"UTC": 24 * time.Hour, "Asia/Kolkata": 24 * time.Hour, "Europe/Berlin": 25 * time.Hour, "America/New_York": 25 * time.Hour,
		"Australia/Lord_Howe": 24*time.Hour + 30*time.Minute, "Antarctica/Troll": 26 * time.Hour,
	} {
		c := must(t, zone)
		for from := DayOfDate(2026, time.January, 1); from < DayOfDate(2028, time.January, 1); from += 11 { // whenever it is asked
			if got := c.LongestDay(from); got != want {
				t.Fatalf("%s from %s: got %v, want %v", zone, from, got, want)
			}
		}
	}
	if got := (Calendar{}).LongestDay(-5); got != 24*time.Hour {
		t.Errorf("of no zone: got %v, want 24h", got)
	}
}

func TestWeeks(t *testing.T) {
	monday, _ := ParseDay("2026-01-26")
	if monday.Weekday() != time.Monday || monday.Week().Monday() != monday || (monday+6).Week() != monday.Week() || (monday+7).Week() != monday.Week()+1 {
		t.Errorf("week of %s begins %s", monday, monday.Week().Monday())
	}
}

func TestWeeksHaveSevenDaysBefore2020Too(t *testing.T) {
	for d := Day(-30); d < 30; d++ {
		if w := d.Week(); d < w.Monday() || d > w.Sunday() || w.Monday().Weekday() != time.Monday {
			t.Errorf("%s is in the week of %s", d, w)
		}
	}
}

func TestBadZonesAreRefused(t *testing.T) {
	for _, zone := range []string{"", "Local", "Mars/Olympus"} {
		if _, err := New(zone); err == nil {
			t.Errorf("zone %q was taken", zone)
		}
	}
}
