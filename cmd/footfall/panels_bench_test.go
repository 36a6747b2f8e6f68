package main

import (
	"fmt"
	"os"
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

// chainEnd is the day after the last one of the made-up year.
var chainEnd = time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC)

// The columns of a made-up cell: a name, a day, an hour, and a count that differs from cell to cell.
const (
	chainKeys  = "concat('store-', leftPad(toString(%s), 4, '0')) AS store, toDate('%s') + %s AS store_day, "
	chainDates = "toUInt8(toDayOfWeek(store_day)) AS weekday, toMonday(store_day) AS store_week, "
	chainClock = "toUInt8((%s + 4) %% 24) AS local_hour, toDateTime(store_day, 'UTC') + (%s + 4) * 3600 AS start, "
	chainState = "multiIf(weekday = 7 OR local_hour < 9 OR local_hour >= 20, 'closed', cityHash64(store, start) %% 10 < 3, 'under_10', 'value') AS state, if(state = 'value', toInt32(10 + 5 * (cityHash64(start, store) %% %d)), NULL) AS n, "
)

// fillChain makes a year of published rows of so many stores, month by month so that parts are as large as merges would make them,
// and of sensors their last week. The last two days come twice, as they do while they are open.
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
		exec("pub_store_quarter", "(store, start, store_day, local_hour, local_minute, weekday, store_week, occupancy, occupancy_low, occupancy_high, occupancy_state, estimated_visits, estimated_low, estimated_high, estimated_state, counted_state, version)",
			"SELECT store, start, store_day, local_hour, local_minute, weekday, store_week"+number+"n, if(n IS NULL, NULL, n - 10), n + 20, state, 'no_data', "+version+" FROM ("+
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
	perSensor := 7 * 288
	exec("pub_sensor_5min", "(store, sensor, zone, start, listened_s, last_capture, drops, channels, optout_version, spool_bytes, version)",
		fmt.Sprintf("SELECT concat('store-', leftPad(toString(intDiv(number, %d)), 4, '0')), 'door', 'front', toDateTime('%s', 'UTC') + number %% %d * 300 AS at, 300, at + 290, "+
			"map('closed_hours', number %% %d * 9, 'weak', number %% %d * 5), map(2412, number %% %d * 7, 2437, number %% %d, 2462, number %% %d * 3), 7, 0, 1 FROM numbers(%d)",
			perSensor, chainEnd.AddDate(0, 0, -7).Format(time.DateTime), perSensor, perSensor, perSensor, perSensor, perSensor, perSensor, stores*perSensor))
	exec("pub_store_week", "(store, store_week, visitors, visitors_state, repeat_1w_pct, repeat_1w_low_pct, repeat_1w_high_pct, new_pct, new_low_pct, new_high_pct, lookback_weeks, state, version)",
		fmt.Sprintf("SELECT concat('store-', leftPad(toString(intDiv(number, 52)), 4, '0')), toMonday(toDate('%s')) - 7 * (number %% 52), 500, 'value', 30, 25, 35, 70, 65, 75, 4, 'value', 1 FROM numbers(%d)",
			chainEnd.Format(time.DateOnly), 52*stores))
	exec("pub_stores", "(store, name, region, time_zone, policy, hours, sensors, version)",
		fmt.Sprintf("SELECT concat('store-', leftPad(toString(number), 4, '0')), concat('Store ', toString(number)), concat('region-', toString(number %% 12)), 'Europe/Berlin', 'standard', '', 1, 1 FROM numbers(%d)", stores))
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
	exec("pub_retention", "(day, kind, store, name, checked_at, oldest, age_s, limit_s, state, version)",
		fmt.Sprintf("SELECT toDate('%s') - number %% 28, 'topic', concat('store-', leftPad(toString(intDiv(number, 28)), 4, '0')), 'sightings', now(), now(), 3600, 90000, 'ok', 1 FROM numbers(%d)",
			chainEnd.Format(time.DateOnly), 28*stores))
}

// BenchmarkPanels times every panel on FOOTFALL_STORES (1,000) stores and a year of cells: the store's with one store and four
// weeks, the others with all stores and four weeks. Reports the median and the longest of seven runs, in milliseconds.
func BenchmarkPanels(b *testing.B) {
	if _, err := engine.Find(); err != nil {
		b.Skip(err)
	}
	stores := 1000
	if n, err := strconv.Atoi(os.Getenv("FOOTFALL_STORES")); err == nil {
		stores = n
	}
	db := storetest.Open(b)
	began := time.Now()
	fillChain(b, db, stores)
	b.Logf("%d stores and a year of rows made in %.0f s", stores, time.Since(began).Seconds())
	source := newPanelSource(b, db)
	all := make([]string, stores)
	for i := range all {
		all[i] = fmt.Sprintf("store-%04d", i)
	}
	for _, p := range panels.All() {
		b.Run(p.ID, func(b *testing.B) {
			params := panels.Params{From: chainEnd.AddDate(0, 0, -28), To: chainEnd.Add(-6 * time.Hour), Stores: all, Width: 3600}
			if p.Dashboard == panels.Store {
				params.Stores = all[stores/2 : stores/2+1]
			}
			sql, err := panels.Expand(p.SQL, params)
			if err != nil {
				b.Fatal(err)
			}
			rows := 0
			for range b.N {
				var took []float64
				for range 7 {
					start := time.Now()
					got, err := source.Query(b.Context(), sql)
					if err != nil {
						b.Fatalf("%v in %s", err, strings.ReplaceAll(sql, "\n", " "))
					}
					took, rows = append(took, float64(time.Since(start).Microseconds())/1000), len(got.Rows)
				}
				slices.Sort(took)
				b.ReportMetric(took[3], "p50-ms")
				b.ReportMetric(took[6], "max-ms")
			}
			b.ReportMetric(float64(rows), "rows")
			b.ReportMetric(0, "ns/op")
		})
	}
}
