package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/engine"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// chainEnd is the day after the last one of the made-up year, a Saturday.
var chainEnd = time.Date(2026, time.March, 8, 0, 0, 0, 0, time.UTC)

const regionsMade = 12

// The columns of a made-up cell: a name, a day, an hour, and a count: the hour's own from week to week, give or take a step or two,
// and thrice that once in 500 hours.
const (
	chainKeys  = "concat('store-', leftPad(toString(%s), 4, '0')) AS store, toDate('%s') + %s AS store_day, "
	chainDates = "toUInt8(toDayOfWeek(store_day)) AS weekday, toMonday(store_day) AS store_week, "
	chainClock = "toUInt8((%s + 4) %% 24) AS local_hour, toDateTime(store_day, 'UTC') + (%s + 4) * 3600 AS start, "
	chainState = "multiIf(weekday = 7 OR local_hour < 9 OR local_hour >= 20, 'closed', cityHash64(store, weekday, local_hour) %% 10 < 3, 'under_10', 'value') AS state, " +
		"toInt32(10 + 5 * (cityHash64(local_hour, store, weekday) %% %d)) AS usual, cityHash64(store, start) AS luck, " +
		"if(state = 'value', multiIf(luck %% 500 = 0, 3 * usual, usual > 50, usual + 5 * toInt32(luck %% 5) - 10, usual + 5 * toInt32(luck %% 2)), NULL) AS n, "
)

// fillChain makes a year of published rows of so many stores, month by month so that parts are as large as merges would make them,
// and of one sensor each. The last two days come twice, as they do while they are open.
func fillChain(t testing.TB, db *store.DB, stores int) {
	t.Helper()
	exec := func(table, columns, from string) {
		t.Helper()
		sql := "INSERT INTO " + table + " " + columns + " " + from + " SETTINGS max_insert_block_size = 8000000, min_insert_block_size_rows = 8000000, max_block_size = 1000000"
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%v in %s", err, sql)
		}
	}
	cells := func(from time.Time, days int, version string) {
		n := func(perDay int) string { return "FROM numbers(" + strconv.Itoa(stores*days*perDay) + ")" }
		first := from.Format(time.DateOnly)
		at := func(perDay int) string {
			d, total := fmt.Sprintf("intDiv(number, %d) %% %d", perDay, days), fmt.Sprintf("intDiv(number, %d)", perDay*days)
			return "SELECT " + fmt.Sprintf(chainKeys, total, first, d) + chainDates
		}
		const number = ", n, if(n IS NULL, NULL, n - 10), n + 20, state, "
		exec("pub_store_hour", "(store, start, store_day, local_hour, weekday, store_week, estimated_visits, estimated_low, estimated_high, estimated_state, visits, visits_state, version)",
			"SELECT store, start, store_day, local_hour, weekday, store_week"+number+"n, state, "+version+" FROM ("+
				at(24)+fmt.Sprintf(chainClock, "number % 24", "number % 24")+fmt.Sprintf(chainState, 20)+"1 "+n(24)+")")
		exec("pub_store_quarter", "(store, start, store_day, local_hour, local_minute, weekday, store_week, occupancy, occupancy_low, occupancy_high, occupancy_state, estimated_visits, estimated_low, estimated_high, estimated_state, counted, counted_state, version)",
			"SELECT store, start, store_day, local_hour, local_minute, weekday, store_week"+number+"n, if(n IS NULL, NULL, n - 10), n + 20, state, if(luck % 3000 = 1, 10, NULL), if(luck % 3000 = 1, 'value', 'no_data'), "+version+" FROM ("+
				at(96)+fmt.Sprintf(chainClock, "intDiv(number % 96, 4)", "(number % 96) / 4")+"toUInt8(number % 4 * 15) AS local_minute, "+fmt.Sprintf(chainState, 8)+"1 "+n(96)+")")
		exec("pub_zone_hour", "(store, zone, start, store_day, local_hour, weekday, store_week, visits, visits_state, version)",
			"SELECT store, zone, start, store_day, local_hour, weekday, store_week, n, state, "+version+" FROM (SELECT *, arrayJoin(['front', 'back']) AS zone FROM ("+
				at(24)+fmt.Sprintf(chainClock, "number % 24", "number % 24")+fmt.Sprintf(chainState, 10)+"1 "+n(24)+"))")
		exec("pub_store_day", "(store, store_day, weekday, store_week, estimated_visits, estimated_low, estimated_high, estimated_state, visits, visits_state, bounces, bounces_state, visitors, visitors_state, passers_by, passers_by_state, capture_rate_pct, capture_rate_state, engaged_pct, engaged_state, dwell_p25_min, dwell_p50_min, dwell_p75_min, dwell_state, random_share_pct, random_share_state, coverage_pct, coverage_state, sealed, version)",
			"SELECT store, store_day, weekday, store_week"+number+"n, state, n, state, n, state, n, state, n % 40, state, n % 50, state, 7, 10, 15, state, 80, state, 30, state, true, "+version+" FROM ("+
				at(1)+"toUInt8(12) AS local_hour, toDateTime(store_day, 'UTC') AS start, "+fmt.Sprintf(chainState, 100)+"1 "+n(1)+")")
	}
	for day := chainEnd.AddDate(-1, 0, 0); day.Before(chainEnd); {
		next := time.Date(day.Year(), day.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		if next.After(chainEnd) {
			next = chainEnd
		}
		cells(day, int(next.Sub(day).Hours())/24, "1")
		day = next
	}
	cells(chainEnd.AddDate(0, 0, -2), 2, "2")
	for day := chainEnd.AddDate(-1, 0, 0); day.Before(chainEnd); day = day.AddDate(0, 0, 30) {
		fillSensors(exec, stores, day, min(30, int(chainEnd.Sub(day).Hours())/24))
	}
	exec("pub_store_week", "(store, store_week, visitors, visitors_state, repeat_1w_pct, repeat_1w_low_pct, repeat_1w_high_pct, new_pct, new_low_pct, new_high_pct, lookback_weeks, state, version)",
		fmt.Sprintf("SELECT concat('store-', leftPad(toString(intDiv(number, 52)), 4, '0')), toMonday(toDate('%s')) - 7 * (number %% 52), 500, 'value', 30, 25, 35, 70, 65, 75, 4, 'value', 1 FROM numbers(%d)",
			chainEnd.Format(time.DateOnly), 52*stores))
	exec("pub_transactions", "(store, start, store_day, local_hour, weekday, transactions, version)",
		"SELECT store, start, store_day, local_hour, weekday, ifNull(intDiv(estimated_visits, 3), 1), 1 FROM pub_store_hour WHERE version = 1 AND local_hour BETWEEN 9 AND 19")
	exec("pub_annotations", "(annotation, store, kind, title, first_day, last_day, version)",
		fmt.Sprintf("SELECT concat('n', toString(number)), if(number %% 50 = 0, '', concat('store-', leftPad(toString(number %% %d), 4, '0'))), 'promotion', 'Spring', toDate('%s') - number %% 365 AS first, first + 5, 1 FROM numbers(%d)",
			stores, chainEnd.Format(time.DateOnly), 4*stores))
	exec("pub_effects", "(annotation, store, method, effect_pct, low_pct, high_pct, state, days_during, weeks, computed_at, version)",
		"SELECT annotation, of, 'weeks_before', 5, -3, 13, 'value', 6, 8, now(), 1 FROM (SELECT annotation, if(store = '', arrayMap(i -> concat('store-', leftPad(toString(i), 4, '0')), range("+strconv.Itoa(stores)+")), [toString(store)]) AS ofs FROM pub_annotations) ARRAY JOIN ofs AS of")
	exec("pub_privacy", "(measure, store, item, at, day, value, state, checked_at, version)",
		fmt.Sprintf("SELECT ['keys', 'optout', 'erasures'][number %% 30 %% 3 + 1] AS m, concat('store-', leftPad(toString(intDiv(number, 30)), 4, '0')), if(m = 'erasures', toString(toDate('%[1]s') - number %% 30), concat('door-', toString(number %% 30))), "+
			"toDateTime('%[1]s', 'UTC') - 7200, toDate('%[1]s') - number %% 30, number %% 9, 'ok', toDateTime('%[1]s', 'UTC') - 25000, 1 FROM numbers(%[2]d)", chainEnd.Format(time.DateOnly), 30*stores))
	exec("pub_privacy", "(measure, item, at, value, state, checked_at, version)",
		fmt.Sprintf("SELECT 'audit', 'serve', toDateTime('%[1]s', 'UTC') - 25000, 4711, 'ok', toDateTime('%[1]s', 'UTC') - 25000, 1", chainEnd.Format(time.DateOnly)))
	exec("pub_retention", "(day, kind, store, name, checked_at, oldest, age_s, limit_s, state, version)",
		fmt.Sprintf("SELECT toDate('%s') - number %% 28, 'topic', concat('store-', leftPad(toString(intDiv(number, 28)), 4, '0')), 'sightings', now(), now(), 3600, 90000, 'ok', 1 FROM numbers(%d)",
			chainEnd.Format(time.DateOnly), 28*stores))
	exec("pub_store_live", "(store, start, store_day, local_hour, local_minute, occupancy, occupancy_low, occupancy_high, occupancy_state, version)",
		fmt.Sprintf("SELECT concat('store-', leftPad(toString(number), 4, '0')), toDateTime('%s', 'UTC') - 21600 AS at, toDate(at), 18, 0, 20, 10, 35, 'value', toUnixTimestamp(at) FROM numbers(%d)", chainEnd.Format(time.DateOnly), stores))
	exec("pub_stores", "(store, name, region, time_zone, policy, hours, sensors, version)",
		fmt.Sprintf("SELECT concat('store-', leftPad(toString(number), 4, '0')), concat('Store ', toString(number)), concat('region-', toString(number %% %d)), 'Europe/Berlin', 'standard', '', 1, 1 FROM numbers(%d)", regionsMade, stores))
}

// fillSensors makes what one sensor of each store said of so many days.
func fillSensors(exec func(table, columns, from string), stores int, from time.Time, days int) {
	steps := days * 288
	exec("pub_sensor_5min", "(store, sensor, zone, start, listened_s, last_capture, drops, channels, trouble, optout_version, spool_bytes, version)",
		fmt.Sprintf("SELECT concat('store-', leftPad(toString(intDiv(number, %[1]d)), 4, '0')), 'door', 'front', toDateTime('%[2]s', 'UTC') + (number %% %[1]d AS step) * 300 AS at, 300, at + 290, "+
			"map('closed_hours', step * 9, 'weak', step * 5), map(2412, step * 7, 2437, step, 2462, step * 3), if(cityHash64(number) %% 500 = 0, 'the clock is not set', ''), 7, 0, 1 FROM numbers(%[3]d)",
			steps, from.Format(time.DateTime), stores*steps))
}

// benchStore is a database with a year of so many stores. With FOOTFALL_BENCH_DIR it is made there once and found there again, which
// is only as good as nobody's having changed how it is made.
func benchStore(b *testing.B, stores int) *store.DB {
	b.Helper()
	dir := os.Getenv("FOOTFALL_BENCH_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	db := storetest.OpenDir(b, dir)
	there, err := store.Value[uint64](b.Context(), db, "SELECT count() FROM pub_stores")
	if err != nil {
		b.Fatal(err)
	}
	if there == uint64(stores) { // it is filled last
		return db
	}
	began := time.Now()
	fillChain(b, db, stores)
	b.Logf("%d stores and a year of rows made in %.0f s", stores, time.Since(began).Seconds())
	return db
}

// readAll reads an answer to its end, each row over the one before, and counts the rows.
func (s panelSource) readAll(ctx context.Context, sql string) (int, error) {
	rows, err := s.conn.Query(ctx, sql)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	var row []any
	for _, t := range rows.ColumnTypes() {
		row = append(row, reflect.New(t.ScanType()).Interface())
	}
	n := 0
	for ; rows.Next(); n++ {
		if err := rows.Scan(row...); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}

// timed runs a query seven times and reports the median and the longest, in milliseconds.
func timed(b *testing.B, source panelSource, sql string, params panels.Params) {
	b.Helper()
	expanded, err := panels.Expand(sql, params)
	if err != nil {
		b.Fatal(err)
	}
	rows := 0
	for range b.N {
		var took []float64
		for range 7 {
			start := time.Now()
			n, err := source.readAll(b.Context(), expanded)
			if err != nil {
				b.Fatalf("%v in %s", err, strings.ReplaceAll(sql, "\n", " "))
			}
			took, rows = append(took, float64(time.Since(start).Microseconds())/1000), n
		}
		slices.Sort(took)
		b.ReportMetric(took[3], "p50-ms")
		b.ReportMetric(took[6], "max-ms")
	}
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPanels times what Grafana and the page ask of FOOTFALL_STORES (1,000) stores with a year of rows: every panel over the range
// that its dashboard opens with, of all stores, of one, and of one without data; the lists of stores and regions, the annotations,
// and the queries of the alerts.
func BenchmarkPanels(b *testing.B) {
	if _, err := engine.Find(); err != nil {
		b.Skip(err)
	}
	stores := 1000
	if n, err := strconv.Atoi(os.Getenv("FOOTFALL_STORES")); err == nil {
		stores = n
	}
	source := newPanelSource(b, benchStore(b, stores))
	all := make([]string, stores)
	for i := range all {
		all[i] = fmt.Sprintf("store-%04d", i)
	}
	chosen := map[string][]string{"all": all, "one": all[stores/2 : stores/2+1], "nothing": {"store-without-data"}}
	now := chainEnd.Add(-6 * time.Hour)
	for _, p := range panels.All() {
		days, width := 28, 3600
		if p.Dashboard == panels.Sensors {
			days, width = 1, 300
		}
		for _, of := range slices.Sorted(maps.Keys(chosen)) {
			b.Run(string(p.Dashboard)+"/"+p.ID+"/"+of, func(b *testing.B) {
				timed(b, source, p.SQL, panels.Params{From: now.AddDate(0, 0, -days), To: now, Stores: chosen[of], Width: width})
			})
		}
	}
	var regions []string
	for i := range regionsMade {
		regions = append(regions, fmt.Sprintf("region-%d", i))
	}
	month := panels.Params{From: now.AddDate(0, 0, -28), To: now, Stores: all, Regions: regions}
	for _, d := range panels.Dashboards() {
		for _, v := range variablesOf(b, d) {
			b.Run("variables/"+string(d)+"/"+v.Name, func(b *testing.B) { timed(b, source, v.Query, month) })
		}
	}
	b.Run("annotations", func(b *testing.B) { timed(b, source, panels.Annotations(), month) })
	for _, r := range alertRules(b) {
		from := now.Add(-time.Duration(r.Data[0].RelativeTimeRange.From) * time.Second)
		b.Run("alerts/"+r.UID, func(b *testing.B) { timed(b, source, r.Data[0].Model.RawSQL, panels.Params{From: from, To: now}) })
	}
}

// variable is one of a dashboard's, as Grafana reads it.
type variable struct{ Name, Type, Query string }

// variablesOf are those variables of a dashboard that ask the database.
func variablesOf(t testing.TB, d panels.Dashboard) []variable {
	t.Helper()
	text, err := os.ReadFile("../../dashboards/grafana/" + string(d) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Templating struct{ List []variable } }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(file.Templating.List, func(v variable) bool { return v.Type != "query" })
}
