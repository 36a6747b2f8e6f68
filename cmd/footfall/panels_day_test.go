package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// TestTheLastDayIsOverAndWasOpen: neither a day that goes on, nor one on which the store was closed.
func TestTheLastDayIsOverAndWasOpen(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	insertAll(t, db,
		dayRow("a", "2026-03-06", 100, 1), dayRow("a", "2026-03-07", 150, 1), dayRow("a", "2026-03-08", 200, 1),
		"pub_store_day (store, store_day, visits_state, version) VALUES ('a', '2026-03-08', 'closed', 2)",
		// The hours of the store-day 7 March in Berlin begin at 03:00 UTC and end at 03:00 UTC on the next date.
		"pub_store_hour (store, start, store_day, local_hour, visits_state, version) SELECT 'a', toDateTime('2026-03-07 03:00:00', 'UTC') + 3600 * number, '2026-03-07', (4 + number) % 24, 'value', 1 FROM numbers(24)")
	source := newPanelSource(t, db)
	for _, c := range []struct{ name, to, want string }{
		{"while it goes on", "2026-03-07T16:00:00Z", "03-06 00:00 100"},
		{"after closing", "2026-03-07T19:30:00Z", "03-06 00:00 100"},
		{"in its last hour", "2026-03-08T02:59:58Z", "03-06 00:00 100"},
		{"to its last second", "2026-03-08T02:59:59Z", "03-07 00:00 150"},
		{"after a day on which it was closed", "2026-03-09T10:00:00Z", "03-07 00:00 150"},
	} {
		params := panels.Params{From: date("2026-03-02"), To: moment(t, c.to), Stores: []string{"a"}}
		wantLines(t, c.name, panelRows(t, source, "last_day", params, "time", "visits"), c.want)
	}
}

// TestTodayIsNoDayBefore: until an open hour of today is over there is no number, rather than yesterday's.
func TestTodayIsNoDayBefore(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	for _, day := range []string{"2026-02-09", "2026-02-16", "2026-02-23"} {
		insertAll(t, db, hourRows("a", day, 1, "20", "30", "50"))
	}
	insertAll(t, db, hourRows("a", "2026-03-02", 1, "25", "40", "60"), // 9, 10 and 11 o'clock in Berlin
		"pub_store_hour (store, start, store_day, local_hour, visits_state, estimated_state, version) SELECT 'a', toDateTime('2026-03-03 03:00:00', 'UTC') + 3600 * number, '2026-03-03', 4 + number, 'closed', 'closed', 1 FROM numbers(5)")
	source := newPanelSource(t, db)
	const nothing = "  <nil> <nil> <nil> no_data <nil> no_data <nil> no_data <nil> no_data"
	for _, c := range []struct{ name, to, want string }{
		{"in the first open hour", "2026-03-02T08:30:00Z", "03-02 00:00" + nothing},
		{"when two are over", "2026-03-02T10:05:00Z", "03-02 00:00 11:00 65 65 65 value 50 value 30 value 65 value"},
		{"to the last second of the third", "2026-03-02T10:59:59Z", "03-02 00:00 12:00 125 125 125 value 100 value 25 value 125 value"},
		{"in the evening", "2026-03-02T20:00:00Z", "03-02 00:00 12:00 125 125 125 value 100 value 25 value 125 value"},
		{"at the end of the store-day", "2026-03-03T02:59:59Z", "03-02 00:00 12:00 125 125 125 value 100 value 25 value 125 value"},
		{"when a day has begun of which nothing is there", "2026-03-03T03:00:00Z", "03-03 00:00" + nothing},
		{"before it opens", "2026-03-03T08:30:00Z", "03-03 00:00" + nothing},
		{"days after the last hour", "2026-03-05T12:00:00Z", "03-05 00:00" + nothing},
	} {
		params := panels.Params{From: date("2026-02-20"), To: moment(t, c.to), Stores: []string{"a"}}
		got := panelRows(t, source, "today", params, "time", "until_clock", "estimated_visits", "estimated_low", "estimated_high", "estimated_state",
			"typical_visits", "typical_state", "change_pct", "change_state", "visits", "visits_state")
		wantLines(t, c.name, got, c.want)
	}
}

// TestAgainstTheUsualIsAsSureAsToday: the change has the ends of today's estimate, outward in whole percent.
func TestAgainstTheUsualIsAsSureAsToday(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	for _, day := range []string{"2026-02-09", "2026-02-16", "2026-02-23"} {
		insertAll(t, db, hourRows("a", day, 1, "35", "40"), hourRows("few", day, 1, "NULL", "NULL"))
	}
	for _, name := range []string{"a", "few"} {
		insertAll(t, db, fmt.Sprintf("pub_store_hour (store, start, store_day, local_hour, weekday, estimated_visits, estimated_low, estimated_high, estimated_state, visits_state, version) VALUES "+
			"('%[1]s', '2026-03-02 08:00:00', '2026-03-02', 9, 1, 30, 10, 65, 'value', 'under_10', 1), ('%[1]s', '2026-03-02 09:00:00', '2026-03-02', 10, 1, 40, 15, 80, 'value', 'under_10', 1)", name))
	}
	params := panels.Params{From: date("2026-02-20"), To: moment(t, "2026-03-02T10:05:00Z"), Stores: []string{"a", "few"}}
	wantLines(t, "today", panelRows(t, newPanelSource(t, db), "today", params, "store", "estimated_low", "estimated_high", "typical_visits", "typical_state", "change_pct", "change_low_pct", "change_high_pct"),
		"a 25 145 75 value -7 -67 94", // 70/75, 25/75 = -66.7, 145/75 = 93.3
		"few 25 145 <nil> under_10 <nil> <nil> <nil>")
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
