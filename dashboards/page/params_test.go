package page

import (
	"net/url"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

func TestPresetsEndToday(t *testing.T) {
	today := calendar.DayOfDate(2026, time.March, 30)
	for _, c := range []struct{ name, from string }{{"", "2026-03-03"}, {"7d", "2026-03-24"}, {"4w", "2026-03-03"}, {"13w", "2025-12-30"}} {
		got, err := readSpan(url.Values{"range": {c.name}}, today)
		if err != nil || got.From.String() != c.from || got.To != today {
			t.Errorf("%q: got %v to %v, %v, want %s to today", c.name, got.From, got.To, err, c.from)
		}
	}
}

func TestTheEndOfTheRange(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		name, zone, panel, now string
		to                     calendar.Day
		want                   string
	}{
		{"a day is in it to its last second", "Europe/Berlin", "days", "2026-03-30T10:00:00Z", calendar.DayOfDate(2026, time.March, 20), "2026-03-20T23:59:59Z"},
		{"so is today", "Europe/Berlin", "days", "2026-03-30T10:00:00Z", calendar.DayOfDate(2026, time.March, 30), "2026-03-30T23:59:59Z"},
		{"what is inside now ends now", "Europe/Berlin", "occupancy_now", "2026-03-30T10:00:00Z", calendar.DayOfDate(2026, time.March, 30), "2026-03-30T10:00:00Z"},
		{"but not in an old range", "Europe/Berlin", "occupancy_now", "2026-03-30T10:00:00Z", calendar.DayOfDate(2026, time.March, 20), "2026-03-20T23:59:59Z"},
		{"an evening in the west", "America/Los_Angeles", "days", "2026-03-31T03:00:00Z", calendar.DayOfDate(2026, time.March, 30), "2026-03-31T03:00:00Z"},
		{"a morning in the east", "Asia/Tokyo", "days", "2026-03-29T20:00:00Z", calendar.DayOfDate(2026, time.March, 30), "2026-03-30T23:59:59Z"},
	} {
		zone, err := calendar.New(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		s := span{From: c.to - 6, To: c.to}
		got := s.params(c.panel, []place{{Store{ID: "a"}, zone}}, at(c.now))
		if !got.To.Equal(at(c.want)) || !got.From.Equal(s.From.Date()) {
			t.Errorf("%s: got %v to %v, want the end %s", c.name, got.From, got.To, c.want)
		}
	}
}

func TestStepsGrowWithTheRange(t *testing.T) {
	zone, _ := calendar.New("UTC")
	for _, c := range []struct {
		days  calendar.Day
		width int
	}{{1, 300}, {7, 1200}, {28, 4200}, {longest, 105300}} {
		s := span{From: 1, To: c.days}
		if got := s.params("x", []place{{Store{}, zone}}, time.Time{}).Width; got != c.width {
			t.Errorf("%d days: got %d s, want %d s", c.days, got, c.width)
		}
	}
}

func FuzzReadSpan(f *testing.F) {
	for _, s := range []string{"", "from=2026-03-02&to=2026-03-30", "range=7d", "from=0001-01-01&to=9999-12-31", "from=2026-03-02", "range=%00"} {
		f.Add(s)
	}
	today := calendar.DayOfDate(2026, time.March, 30)
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		if s, err := readSpan(q, today); err == nil && (s.days() < 1 || s.days() > longest) {
			t.Errorf("got %d days", s.days())
		}
	})
}
