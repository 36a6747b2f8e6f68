package page

import (
	"net/url"
	"testing"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
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
	days := func(month time.Month, d int) calendar.Day { return calendar.DayOfDate(2026, month, d) }
	const march = time.March
	for _, c := range []struct {
		name, zone, panel, now string
		from, to               calendar.Day
		wantFrom, want         string // no wantFrom: the date of from
	}{
		{"a day is in it to its last second", "Europe/Berlin", "days", "2026-03-30T10:00:00Z", days(march, 14), days(march, 20), "", "2026-03-20T23:59:59Z"},
		{"in the east to the end of its store-day", "Pacific/Auckland", "days", "2026-03-30T10:00:00Z", days(march, 14), days(march, 20), "", "2026-03-20T14:59:59Z"},
		{"yesterday in the east", "Pacific/Auckland", "busy_hours", "2026-03-20T20:00:00Z", days(march, 14), days(march, 20), "", "2026-03-20T14:59:59Z"},
		{"so is today", "Europe/Berlin", "days", "2026-03-30T10:00:00Z", days(march, 24), days(march, 30), "", "2026-03-30T23:59:59Z"},
		{"what is inside now ends now", "Europe/Berlin", "occupancy_now", "2026-03-30T10:00:00Z", days(march, 24), days(march, 30), "", "2026-03-30T10:00:00Z"},
		{"but not in an old range", "Europe/Berlin", "occupancy_now", "2026-03-30T10:00:00Z", days(march, 14), days(march, 20), "", "2026-03-20T23:59:59Z"},
		{"an evening in the west", "America/Los_Angeles", "days", "2026-03-31T03:00:00Z", days(march, 24), days(march, 30), "", "2026-03-31T03:00:00Z"},
		{"a morning in the east", "Asia/Tokyo", "days", "2026-03-29T20:00:00Z", days(march, 24), days(march, 30), "", "2026-03-30T23:59:59Z"},
		{"sensors end now", "Europe/Berlin", "sensors_last", "2026-03-30T10:00:00Z", days(march, 24), days(march, 30), "", "2026-03-30T10:00:00Z"},
		{"in a range that goes on, too", "Europe/Berlin", "sensors_last", "2026-03-30T10:00:00Z", days(march, 24), days(time.April, 5), "", "2026-03-30T10:00:00Z"},
		{"sensors of an old range", "Europe/Berlin", "sensors_last", "2026-03-30T10:00:00Z", days(march, 14), days(march, 20), "", "2026-03-20T23:59:59Z"},
		{"sensors of a range to come", "Europe/Berlin", "sensors_last", "2026-03-30T10:00:00Z", days(time.April, 1), days(time.April, 2), "", "2026-04-02T23:59:59Z"},
		{"sensors of a morning in the east", "Asia/Tokyo", "sensors_last", "2026-03-29T20:00:00Z", days(march, 30), days(march, 30), "2026-03-29T19:00:00Z", "2026-03-29T20:00:00Z"},
		{"facts of privacy end now", "Europe/Berlin", "privacy_keys", "2026-03-30T10:00:00Z", days(march, 24), days(march, 30), "", "2026-03-30T10:00:00Z"},
		{"privacy by store-day", "Europe/Berlin", "privacy_states", "2026-03-30T10:00:00Z", days(march, 24), days(march, 30), "", "2026-03-30T23:59:59Z"},
		{"the last whole day ends now", "Europe/Berlin", "last_day", "2026-03-30T10:00:00Z", days(march, 24), days(march, 30), "", "2026-03-30T10:00:00Z"},
		{"or with its store-day", "Europe/Berlin", "last_day", "2026-03-30T10:00:00Z", days(march, 14), days(march, 20), "", "2026-03-21T02:59:59Z"},
		{"or with its store-day in the east", "Pacific/Auckland", "today", "2026-03-30T10:00:00Z", days(march, 14), days(march, 20), "", "2026-03-20T14:59:59Z"},
		{"today in the morning in the east", "Asia/Tokyo", "today", "2026-03-29T20:00:00Z", days(march, 30), days(march, 30), "2026-03-29T19:00:00Z", "2026-03-29T20:00:00Z"},
	} {
		zone, err := calendar.New(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		s := span{From: c.from, To: c.to}
		from := s.From.Date()
		if c.wantFrom != "" {
			from = at(c.wantFrom)
		}
		panel, ok := panels.Find(c.panel)
		if !ok {
			t.Fatalf("no panel %s", c.panel)
		}
		got := s.params(panel, []place{{Store{ID: "a"}, zone}}, at(c.now))
		if !got.To.Equal(at(c.want)) || !got.From.Equal(from) {
			t.Errorf("%s: got %v to %v, want %v to %s", c.name, got.From, got.To, from, c.want)
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
		if got := s.params(panels.Panel{}, []place{{Store{}, zone}}, time.Time{}).Width; got != c.width {
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
