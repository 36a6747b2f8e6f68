package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// eastRows are a store in Auckland, 13 hours ahead: hours 9 to 11 of five Sundays and of the Saturday before the last, whose first begins
// at 20:00 UTC on the date before. Of the last Sunday, 8 March, two hours are over.
func eastRows(t *testing.T, db *store.DB) {
	t.Helper()
	for _, day := range []string{"2026-02-08", "2026-02-15", "2026-02-22", "2026-03-01", "2026-03-07", "2026-03-08"} {
		hours, visits := 3, "20"
		if day == "2026-03-08" {
			hours, visits = 2, "95"
		}
		insert := func(table, columns, values string) {
			insertAll(t, db, fmt.Sprintf("%s (store, start, store_day, local_hour, weekday, version, %s) SELECT 'a', toDateTime(toDate('%s'), 'UTC') + (number - 4) * 3600, "+
				"toDate('%s') AS d, 9 + number, toDayOfWeek(d), 1, %s FROM numbers(%d)", table, columns, day, day, strings.ReplaceAll(values, "n", visits), hours))
		}
		insert("pub_store_hour", "visits, visits_state, estimated_visits, estimated_low, estimated_high, estimated_state", "n, 'value', n, 10, 100, 'value'")
		insert("pub_zone_hour", "zone, visits, visits_state", "'shop', n, 'value'")
		insert("pub_store_quarter", "occupancy, occupancy_state, counted, counted_state", "n, 'value', n, 'value'")
		insert("pub_transactions", "transactions", "5")
	}
}

// TestTheOpenDayOfTheEastIsInARangeThatReachesThePresent, though it is dated a day later than UTC until 13:00 on the store's clock; a
// range that ends before has the dates that were chosen and no hours of the next.
func TestTheOpenDayOfTheEastIsInARangeThatReachesThePresent(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	eastRows(t, db)
	source := newPanelSource(t, db)
	const now, chosen = "2026-03-07T22:30:00Z", "2026-03-06T23:59:59Z" // of which Saturday's hours from 20:00 on are dated 7 March
	for _, c := range []struct {
		panel, columns string
		open, past     []string
	}{
		{"busy_hours", "day hour days", []string{"Sat 09:00 1", "Sat 10:00 1", "Sat 11:00 1", "Sun 09:00 2", "Sun 10:00 2", "Sun 11:00 1"}, []string{"Sun 09:00 1", "Sun 10:00 1", "Sun 11:00 1"}},
		{"zones", "zone visits hours_shown", []string{"shop 310 8"}, []string{"shop 60 3"}},
		{"only_counted", "time counted", []string{"03-01 00:00 20", "03-01 00:00 20", "03-01 00:00 20", "03-07 00:00 20", "03-07 00:00 20", "03-07 00:00 20", "03-08 00:00 95", "03-08 00:00 95"},
			[]string{"03-01 00:00 20", "03-01 00:00 20", "03-01 00:00 20"}},
		{"privacy_states", "time numbers", []string{"03-01 00:00 3", "03-07 00:00 3", "03-08 00:00 2"}, []string{"03-01 00:00 3"}},
		{"privacy_suppressed", "time cells", []string{"03-01 00:00 3", "03-07 00:00 3", "03-08 00:00 2"}, []string{"03-01 00:00 3"}},
		{"unusual_hours", "time clock reading", []string{"03-08 00:00 09:00 busier than usual", "03-08 00:00 10:00 busier than usual"}, nil},
		{"conversion_by_hour", "clock transactions days_shown", []string{"09:00 15 3", "10:00 15 3", "11:00 10 2"}, []string{"09:00 5 1", "10:00 5 1", "11:00 5 1"}},
		{"today_by_hour", "day_shown clock estimated_visits", []string{"03-08 00:00 09:00 95", "03-08 00:00 10:00 95", "03-08 00:00 11:00 <nil>"}, []string{"03-01 00:00 09:00 20", "03-01 00:00 10:00 20", "03-01 00:00 11:00 20"}},
		{"occupancy_by_quarter", "day clock occupancy", []string{"03-08 00:00 09:00 95", "03-08 00:00 10:00 95"}, []string{"03-01 00:00 09:00 20", "03-01 00:00 10:00 20", "03-01 00:00 11:00 20"}},
	} {
		t.Run(c.panel, func(t *testing.T) {
			params := panels.Params{From: date("2026-03-01"), To: moment(t, now), Stores: []string{"a"}}
			wantLines(t, "while it is open", panelRows(t, source, c.panel, params, strings.Fields(c.columns)...), c.open...)
			params.To = moment(t, chosen)
			wantLines(t, "in a range of the past", panelRows(t, source, c.panel, params, strings.Fields(c.columns)...), c.past...)
		})
	}
}

// TestADayThatIsOverIsDatedNoLaterThanUTC: panels of whole days need no day after the range's, because none that is over has its date.
func TestADayThatIsOverIsDatedNoLaterThanUTC(t *testing.T) {
	for _, zone := range []string{"Pacific/Kiritimati", "Pacific/Apia", "Pacific/Tongatapu", "Pacific/Chatham", "Pacific/Auckland", "Europe/Berlin", "America/Los_Angeles"} {
		at, err := calendar.New(zone)
		if err != nil {
			t.Fatal(err)
		}
		for day := calendar.DayOfDate(2026, time.January, 1); day < calendar.DayOfDate(2027, time.January, 1); day++ {
			if at.End(day).UTC().Before(day.Date()) {
				t.Fatalf("%s: %s ends %s", zone, day, at.End(day).UTC())
			}
		}
	}
}
