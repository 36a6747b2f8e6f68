package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// panelRows runs a panel over hand-made rows; out come the named columns of each row as one line.
func panelRows(t *testing.T, source panels.Querier, id string, params panels.Params, columns ...string) []string {
	t.Helper()
	p, ok := panels.Find(id)
	if !ok {
		t.Fatalf("no panel %s", id)
	}
	got := runPanel(t, source, p, params)
	out := []string{}
	for _, row := range got.Rows {
		var cells []string
		for _, c := range columns {
			cell := row[slices.Index(got.Columns, c)]
			if at, ok := cell.(time.Time); ok {
				cell = at.Format("01-02 15:04")
			}
			cells = append(cells, fmt.Sprint(cell))
		}
		out = append(out, strings.Join(cells, " "))
	}
	return out
}

func insertAll(t *testing.T, db *store.DB, rows ...string) {
	t.Helper()
	for _, row := range rows {
		if err := db.Exec(t.Context(), "INSERT INTO "+row); err != nil {
			t.Fatalf("%v in %s", err, row)
		}
	}
}

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// dayRow is a store-day of a store with so many visits; 0 reads "under 10", less is the state given.
func dayRow(name, day string, visits int, version int) string {
	n, state := fmt.Sprint(visits), "value"
	if visits == 0 {
		n, state = "NULL", "under_10"
	}
	return fmt.Sprintf("pub_store_day (store, store_day, weekday, store_week, visits, visits_state, estimated_visits, estimated_low, estimated_high, estimated_state, sealed, version) "+
		"SELECT '%s', toDate('%s') AS d, toDayOfWeek(d), toMonday(d), %s, '%s', %s * 3, %s * 2, %s * 4, '%s', true, %d", name, day, n, state, n, n, n, state, version)
}

func TestTheLastDayStandsBesideTheMedianOfItsWeekday(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	insertAll(t, db,
		dayRow("a", "2026-01-05", 900, 1), // nine weeks before: not looked at
		dayRow("a", "2026-02-09", 100, 1), dayRow("a", "2026-02-16", 0, 1), dayRow("a", "2026-02-23", 140, 1), dayRow("a", "2026-03-02", 500, 1), dayRow("a", "2026-03-02", 120, 2),
		dayRow("a", "2026-03-08", 700, 1), // a Sunday
		dayRow("a", "2026-03-09", 150, 1),
		dayRow("few", "2026-03-02", 120, 1), dayRow("few", "2026-03-09", 150, 1),
		dayRow("quiet", "2026-02-16", 0, 1), dayRow("quiet", "2026-02-23", 0, 1), dayRow("quiet", "2026-03-02", 0, 1), dayRow("quiet", "2026-03-09", 20, 1),
	)
	params := panels.Params{From: date("2026-03-09"), To: date("2026-03-10"), Stores: []string{"a", "few", "quiet", "none"}}
	source := newPanelSource(t, db)
	wantLines(t, "the last day", panelRows(t, source, "last_day", params, "store", "time", "visits", "typical_visits", "typical_state", "typical_days", "change_pct", "change_state"),
		"a 03-09 00:00 150 120 value 4 25 value", // of under 10, 100, 120, 140
		"few 03-09 00:00 150 <nil> no_data 1 <nil> no_data",
		"quiet 03-09 00:00 20 <nil> under_10 3 <nil> no_data")
	params.From = date("2026-02-09")
	wantLines(t, "weeks", panelRows(t, source, "chain_weeks", params, "store", "time", "estimated_visits", "change_pct", "days_shown")[:2],
		"a 02-09 00:00 300 <nil> 1", "a 02-16 00:00 <nil> <nil> 0")
	ranked := panelRows(t, source, "chain_ranked", params, "store", "estimated_visits", "estimated_low", "estimated_high", "days_shown", "days_under_10")
	wantLines(t, "ranked", ranked, "a 3630 2420 4840 5 1", "few 810 540 1080 2 0", "quiet 60 40 80 1 3")
}

// TestARowThatWasReplacedIsNeverRead, however its key is looked for: of a day that read a number and is under 10 now, nothing is left.
func TestARowThatWasReplacedIsNeverRead(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	insertAll(t, db, dayRow("a", "2026-03-02", 500, 1))
	insertAll(t, db, dayRow("a", "2026-03-02", 0, 2))
	source := newPanelSource(t, db)
	got, err := source.Query(t.Context(), "SELECT count() FROM pub_store_day FINAL WHERE store = 'a' AND estimated_state = 'value' SETTINGS optimize_move_to_prewhere_if_final = 1")
	if err != nil || len(got.Rows) != 1 || got.Rows[0][0] != int64(0) {
		t.Errorf("got %v, %v, want no row: the setting moves conditions on other columns than the key's", got.Rows, err)
	}
	params := panels.Params{From: date("2026-03-02"), To: date("2026-03-08"), Stores: []string{"a"}}
	for _, id := range []string{"chain_ranked", "chain_weeks", "chain_days", "chain_regions", "chain_region_weeks"} {
		for _, line := range panelRows(t, source, id, params, "estimated_visits", "estimated_state") {
			if line != "<nil> under_10" {
				t.Errorf("%s: got %s, want under 10", id, line)
			}
		}
	}

	// Panels that look for keys first, or for the newest version by themselves.
	for version, row := range []struct {
		list  int
		state string
	}{{9, "value"}, {7, "no_data"}} {
		insertAll(t, db,
			fmt.Sprintf("pub_sensor_5min (store, sensor, zone, start, last_capture, drops, optout_version, version) SELECT 'a', 'door', 'front', toDateTime('2026-03-02 12:00:00', 'UTC') AS at, at + 60, map('weak', 1), %d, %d", row.list, version),
			fmt.Sprintf("pub_store_quarter (store, start, store_day, counted, counted_state, version) SELECT 'a', toDateTime('2026-03-02 12:00:00', 'UTC'), '2026-03-02', if('%[1]s' = 'value', 10, NULL), '%[1]s', %[2]d", row.state, version))
	}
	for _, id := range []string{"sensors_lists", "privacy_lists"} {
		wantLines(t, id, panelRows(t, source, id, params, "sensor", "optout_version", "newest_version", "behind"), "door 7 7 0")
	}
	wantLines(t, "only_counted", panelRows(t, source, "only_counted", params, "clock", "counted"))
}

func date(s string) time.Time {
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return at
}

// hourRows are an open store's hours 9 to 11 of a day, with so many estimated visits in each; the store's clock is so many hours ahead of UTC.
func hourRows(name, day string, ahead int, visits ...string) string {
	var rows []string
	for i, v := range visits {
		state := "value"
		if v == "NULL" {
			state = "under_10"
		}
		rows = append(rows, fmt.Sprintf("SELECT %d AS h, %s AS n, '%s' AS state", 9+i, v, state))
	}
	return fmt.Sprintf("pub_store_hour (store, start, store_day, local_hour, weekday, store_week, visits, visits_state, estimated_visits, estimated_low, estimated_high, estimated_state, version) "+
		"SELECT '%s', toDateTime(d, 'UTC') + (h - %d) * 3600, toDate('%s') AS d, h, toDayOfWeek(d), toMonday(d), n, state, n, n, n, state, 1 FROM (%s)", name, ahead, day, strings.Join(rows, " UNION ALL "))
}

func TestTodayIsComparedOverTheSameHours(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	source := newPanelSource(t, db)
	for _, zone := range []struct {
		name  string
		ahead int // of UTC
	}{{"auckland", 13}, {"berlin", 1}, {"los_angeles", -8}} {
		for _, day := range []string{"2026-02-09", "2026-02-16", "2026-02-23"} {
			insertAll(t, db, hourRows(zone.name, day, zone.ahead, "20", "30", "50"))
		}
		insertAll(t, db, hourRows(zone.name, "2026-03-02", zone.ahead, "25", "NULL"))
		now := date("2026-03-02").Add(time.Duration(11-zone.ahead)*time.Hour + 5*time.Minute) // five past eleven there
		params := panels.Params{From: now.AddDate(0, 0, -7), To: now, Stores: []string{zone.name}}
		wantLines(t, zone.name, panelRows(t, source, "today", params, "store", "time", "until_clock", "estimated_visits", "typical_visits", "typical_days", "change_pct"),
			zone.name+" 03-02 00:00 11:00 25 50 3 -50")
		wantLines(t, zone.name, panelRows(t, source, "today_by_hour", params, "clock", "estimated_visits", "estimated_state", "typical_visits"),
			"09:00 25 value 20", "10:00 <nil> under_10 30", "11:00 <nil> no_data 50")
	}
	params := panels.Params{From: date("2026-02-09"), To: date("2026-03-03"), Stores: []string{"auckland"}}
	wantLines(t, "busy hours", panelRows(t, source, "busy_hours", params, "day", "hour", "estimated_visits", "state", "days"),
		"Mon 09:00 20 value 4", "Mon 10:00 30 value 4", "Mon 11:00 50 value 3")
}

func TestVisitsPerHourAreOfTheDaysThatHaveANumber(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	hours := []string{"30", "40", "NULL"} // three hours open, the last under 10
	insertAll(t, db,
		dayRow("a", "2026-03-02", 30, 1), hourRows("a", "2026-03-02", 1, hours...), // 90 estimated visits
		dayRow("a", "2026-03-03", 0, 1), hourRows("a", "2026-03-03", 1, "NULL", "NULL", "NULL"),
		dayRow("a", "2026-03-04", 40, 1), hourRows("a", "2026-03-04", 1, hours...), // 120
		hourRows("a", "2026-03-05", 1, hours...), // not over: there is no day yet
		dayRow("quiet", "2026-03-02", 0, 1), hourRows("quiet", "2026-03-02", 1, "NULL", "NULL"))
	params := panels.Params{From: date("2026-03-02"), To: date("2026-03-08"), Stores: []string{"a", "quiet"}}
	wantLines(t, "visits per opening hour", panelRows(t, newPanelSource(t, db), "chain_per_hour", params, "store", "per_hour", "per_hour_state", "hours_open", "days_shown", "days_under_10"),
		"a 35 value 6 2 1", // 210 in 6 hours, not in 12
		"quiet <nil> under_10 0 0 1")
}

func TestOccupancyIsOnTheStoresClock(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	source := newPanelSource(t, db)
	for _, zone := range []struct {
		name  string
		ahead int
	}{{"auckland", 13}, {"los_angeles", -8}} {
		insertAll(t, db, hourRows(zone.name, "2026-03-02", zone.ahead, "25"),
			fmt.Sprintf("pub_store_quarter (store, start, store_day, local_hour, local_minute, occupancy, occupancy_low, occupancy_high, occupancy_state, version) VALUES "+
				"('%[1]s', toDateTime('2026-03-02 09:00:00', 'UTC') - %[2]d * 3600, '2026-03-02', 9, 0, 15, 10, 20, 'value', 1), "+
				"('%[1]s', toDateTime('2026-03-02 09:15:00', 'UTC') - %[2]d * 3600, '2026-03-02', 9, 15, NULL, NULL, NULL, 'under_10', 1), "+
				"('%[1]s', toDateTime('2026-03-02 08:45:00', 'UTC') - %[2]d * 3600, '2026-03-02', 8, 45, NULL, NULL, NULL, 'closed', 1)", zone.name, zone.ahead))
		now := date("2026-03-02").Add(time.Duration(9-zone.ahead)*time.Hour + 31*time.Minute)
		params := panels.Params{From: now.AddDate(0, 0, -1), To: now, Stores: []string{zone.name}}
		wantLines(t, zone.name, panelRows(t, source, "occupancy_by_quarter", params, "clock", "occupancy", "occupancy_state", "day"), "09:00 15 value 03-02 00:00", "09:15 <nil> under_10 03-02 00:00")
		wantLines(t, zone.name, panelRows(t, source, "occupancy_now", params, "clock", "occupancy", "occupancy_state", "span"), "09:15 <nil> quiet 15 minutes")
		insertAll(t, db, fmt.Sprintf("pub_store_live (store, start, store_day, local_hour, local_minute, occupancy, occupancy_low, occupancy_high, occupancy_state, version) VALUES "+
			"('%[1]s', toDateTime('2026-03-02 09:25:00', 'UTC') - %[2]d * 3600, '2026-03-02', 9, 25, 40, 25, 70, 'value', 1), "+
			"('%[1]s', toDateTime('2026-03-02 09:30:00', 'UTC') - %[2]d * 3600, '2026-03-02', 9, 30, 25, 10, 45, 'value', 2)", zone.name, zone.ahead))
		wantLines(t, zone.name+", live", panelRows(t, source, "occupancy_now", params, "clock", "occupancy", "occupancy_state", "span"), "09:30 25 value 5 minutes")
		params.To = now.Add(time.Hour) // nothing came since: what was live is no longer now
		wantLines(t, zone.name+", an hour later", panelRows(t, source, "occupancy_now", params, "clock", "span"), "09:15 15 minutes")
		params.To = now.Add(-10 * time.Minute) // of what was live then nothing is kept
		wantLines(t, zone.name+", before", panelRows(t, source, "occupancy_now", params, "clock", "span"), "09:15 15 minutes")
	}
}

func TestZonesAddUpWhatTheyShow(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	insertAll(t, db, "pub_zone_hour (store, zone, start, store_day, visits, visits_state, version) VALUES "+
		"('a', 'front', '2026-03-02 09:00:00', '2026-03-02', 20, 'value', 1), ('a', 'front', '2026-03-02 09:00:00', '2026-03-02', 25, 'value', 2), "+
		"('a', 'front', '2026-03-02 10:00:00', '2026-03-02', 15, 'value', 1), ('a', 'front', '2026-03-02 11:00:00', '2026-03-02', NULL, 'under_10', 1), "+
		"('a', 'back', '2026-03-02 09:00:00', '2026-03-02', NULL, 'under_10', 1), ('b', 'all', '2026-03-02 09:00:00', '2026-03-02', NULL, 'policy', 1)")
	params := panels.Params{From: date("2026-03-02"), To: date("2026-03-03"), Stores: []string{"a", "b"}}
	wantLines(t, "zones", panelRows(t, newPanelSource(t, db), "zones", params, "store", "zone", "visits", "visits_state", "hours_shown", "hours_under_10"),
		"a front 40 value 2 1", "a back <nil> under_10 0 1", "b all <nil> policy 0 0")
}

// sensorRow is five minutes of a sensor, so many of them after nine o'clock, of which a heartbeat told.
func sensorRow(name string, step, dropped, heard int) string {
	start := date("2026-03-02").Add(9*time.Hour + time.Duration(step)*5*time.Minute).Format(time.DateTime)
	return fmt.Sprintf("pub_sensor_5min (store, sensor, start, last_capture, listened_s, drops, channels, version) "+
		"VALUES ('a', '%s', '%s', toDateTime('%s', 'UTC') + 290, 300, map('weak', %d), map(2412, %d), 1)", name, start, start, dropped, heard)
}

func TestASensorsTotalsBecomeDifferences(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	insertAll(t, db, sensorRow("door", 0, 1000, 500), sensorRow("door", 1, 1010, 520),
		"pub_sensor_5min (store, sensor, start, last_capture, listened_s, version) VALUES ('a', 'door', '2026-03-02 09:10:00', '2026-03-02 09:10:00', 300, 1)", // no heartbeat
		sensorRow("door", 3, 1030, 520), sensorRow("door", 4, 7, 3)) // started anew
	params := panels.Params{From: date("2026-03-02"), To: date("2026-03-02").Add(10 * time.Hour), Stores: []string{"a"}, Width: 300}
	source := newPanelSource(t, db)
	wantLines(t, "drops", panelRows(t, source, "sensors_drops", params, "sensor", "reason", "frames"), "door weak 37") // 10 + 20 + 7
	wantLines(t, "channels", panelRows(t, source, "sensors_channels", params, "sensor", "channel", "probes"), "door 2412 MHz 23")
	wantLines(t, "heard", panelRows(t, source, "sensors_heard", params, "time", "probes", "reading"),
		"03-02 09:00 0 listening", "03-02 09:05 20 listening and hearing", "03-02 09:10 0 listening",
		"03-02 09:15 0 listening, nothing heard", "03-02 09:20 3 listening and hearing")
	wantLines(t, "last heard", panelRows(t, source, "sensors_last", params, "sensor", "last_heard", "silent_s"), "door 03-02 09:24 2110")
}

func TestEverySensorOfStoresYAMLStandsAmongTheLastHeard(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	beat := func(name, trouble string) string {
		return "pub_sensor_5min (store, sensor, start, last_capture, listened_s, trouble, drops, optout_version, version) " +
			"VALUES ('a', '" + name + "', '2026-03-02 09:00:00', '2026-03-02 09:04:00', 290, '" + trouble + "', map('weak', 3), 9, 1)"
	}
	insertAll(t, db, beat("door", ""), beat("till", "clock_unsynchronised, kafka_refused"), beat("yard", "capture_silent, clock_sideways"), // a newer sensor's word
		"pub_sensor_5min (store, sensor, start, last_capture, listened_s, version) VALUES ('b', 'mute', '2026-03-02 09:00:00', '2026-03-02 09:00:00', 60, 1)", // no heartbeat
		"pub_stores (store, policy, sensors, version) VALUES ('a', 'count_only', 4, 1), ('a', 'standard', 4, 2), ('b', 'extended', 1, 2)",
		privacyRow+"('optout', 'a', 'door', NULL, NULL, 9, 'ok', '2026-03-02 09:30:00', 1), ('optout', 'a', 'new', NULL, NULL, NULL, 'no_data', '2026-03-02 09:30:00', 1), "+
			"('optout', 'a', 'gone', NULL, NULL, 3, 'ok', '2026-03-02 07:30:00', 1), ('keys', 'a', 'other', NULL, NULL, NULL, 'no_data', '2026-03-02 09:30:00', 1), "+
			"('optout', 'elsewhere', 'door', NULL, NULL, NULL, 'no_data', '2026-03-02 09:30:00', 1)")
	params := panels.Params{From: date("2026-03-02"), To: date("2026-03-02").Add(10 * time.Hour), Stores: []string{"a", "b"}}
	source := newPanelSource(t, db)
	wantLines(t, "all", panelRows(t, source, "sensors_last", params, "store", "sensor", "policy", "last_heard", "silent_s", "silent_state", "listened_s", "clock", "optout_version"),
		"a new standard <nil> <nil> no_data <nil> not said <nil>",
		"b mute extended 03-02 09:00 3600 value 60 not said <nil>",
		"a door standard 03-02 09:04 3360 value 290 good 9",
		"a till standard 03-02 09:04 3360 value 290 not synchronised 9",
		"a yard standard 03-02 09:04 3360 value 290 clock_sideways 9")
	params.To = date("2026-03-02").Add(9*time.Hour + 20*time.Minute)
	params.From, params.Stores = params.To.Add(-time.Minute), []string{"a"}
	wantLines(t, "before the facts", panelRows(t, source, "sensors_last", params, "sensor"))
}

func TestOfManySensorsTheWorstAreDrawn(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	for i := range 25 {
		insertAll(t, db, fmt.Sprintf("pub_sensor_5min (store, sensor, start, last_capture, listened_s, version) VALUES ('a', 's%02d', '2026-03-02 09:00:00', '2026-03-02 09:00:01', %d, 1)", i, 300-i))
	}
	params := panels.Params{From: date("2026-03-02"), To: date("2026-03-03"), Stores: []string{"a"}, Width: 300}
	got := panelRows(t, newPanelSource(t, db), "sensors_listened", params, "sensor")
	if len(got) != 20 || got[0] != "s05" || got[19] != "s24" {
		t.Errorf("got %v, want the twenty that listened least, s05 to s24", got)
	}
}
