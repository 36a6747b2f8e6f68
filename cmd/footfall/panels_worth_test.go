package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// worthRows are what an operator would note for the demo's store: a promotion. The demo has transactions of its own.
func worthRows(t *testing.T, db *store.DB) {
	t.Helper()
	insertAll(t, db, "pub_annotations (annotation, store, kind, title, first_day, last_day, version) VALUES ('spring', 'demo', 'promotion', 'Spring', '2026-03-10', '2026-03-14', 1)")
}

// tillRow is so many transactions in an hour of a store whose clock is an hour ahead of UTC.
func tillRow(name, day string, hour, sold, version int) string {
	return fmt.Sprintf("pub_transactions (store, start, store_day, local_hour, weekday, transactions, version) "+
		"SELECT '%s', toDateTime(d, 'UTC') + %d * 3600, toDate('%s') AS d, %d, toDayOfWeek(d), %d, %d", name, hour-1, day, hour, sold, version)
}

func TestConversionIsTransactionsByEstimatedVisits(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	insertAll(t, db,
		dayRow("a", "2026-03-02", 100, 1), // estimated 300, from 200 to 400
		dayRow("a", "2026-03-03", 0, 1), dayRow("a", "2026-03-04", 100, 1), dayRow("a", "2026-03-05", 20, 1),
		"pub_store_day (store, store_day, estimated_state, version) VALUES ('a', '2026-03-08', 'closed', 1), ('a', '2026-03-09', 'policy', 1)",
		"pub_store_day (store, store_day, estimated_visits, estimated_low, estimated_high, estimated_state, version) VALUES ('a', '2026-03-10', 15, 0, 30, 'value', 1)",
		dayRow("without", "2026-03-02", 100, 1),
		tillRow("a", "2026-03-02", 9, 40, 1), tillRow("a", "2026-03-02", 9, 50, 2), tillRow("a", "2026-03-02", 10, 49, 1), // imported again: 50 + 49 = 99
		tillRow("a", "2026-03-03", 9, 5, 1), tillRow("a", "2026-03-05", 9, 90, 1), tillRow("a", "2026-03-09", 9, 9, 1), tillRow("a", "2026-03-10", 9, 3, 1))
	params := panels.Params{From: date("2026-03-02"), To: date("2026-03-10"), Stores: []string{"a", "without"}}
	source := newPanelSource(t, db)
	wantLines(t, "by day", panelRows(t, source, "conversion", params, "store", "time", "conversion_pct", "conversion_low_pct", "conversion_high_pct", "conversion_state", "transactions", "hours_rung"),
		"a 03-02 00:00 33 24 50 value 99 2", // 99/300, 99/400 = 24.75, 99/200 = 49.5
		"a 03-03 00:00 <nil> <nil> <nil> under_10 5 1",
		"a 03-04 00:00 <nil> <nil> <nil> no_data <nil> 0",
		"a 03-05 00:00 150 112 225 value 90 1", // 90/60: a till rings several times
		"a 03-08 00:00 <nil> <nil> <nil> closed <nil> 0",
		"a 03-09 00:00 <nil> <nil> <nil> policy 9 1",
		"a 03-10 00:00 20 10 <nil> value 3 1") // from 0 on: no upper end
	params.Stores = []string{"without"}
	wantLines(t, "a store without transactions", panelRows(t, source, "conversion", params, "store"))
	wantLines(t, "a store without transactions", panelRows(t, source, "conversion_by_hour", params, "store"))
}

// TestTransactionsWhileNoSensorListenedAreLeftOut: the visits of these hours are in no estimate, so their sales would make too great a share.
func TestTransactionsWhileNoSensorListenedAreLeftOut(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	hour := func(day string, hour int, state string) string {
		return fmt.Sprintf("pub_store_hour (store, start, store_day, local_hour, estimated_state, version) SELECT 'a', toDateTime(d, 'UTC') + %d * 3600, toDate('%s') AS d, %d, '%s', 1", hour-1, day, hour, state)
	}
	insertAll(t, db,
		dayRow("a", "2026-03-02", 100, 1), // estimated 300, from 200 to 400
		hour("2026-03-02", 9, "value"), hour("2026-03-02", 10, "no_data"), hour("2026-03-02", 11, "under_10"), hour("2026-03-02", 20, "closed"),
		tillRow("a", "2026-03-02", 9, 60, 1), tillRow("a", "2026-03-02", 10, 40, 1), tillRow("a", "2026-03-02", 11, 25, 1), tillRow("a", "2026-03-02", 20, 5, 1), // who came before closing pays after it
		dayRow("a", "2026-03-03", 100, 1), hour("2026-03-03", 9, "no_data"), tillRow("a", "2026-03-03", 9, 60, 1))
	params := panels.Params{From: date("2026-03-02"), To: date("2026-03-03"), Stores: []string{"a"}}
	wantLines(t, "by day", panelRows(t, newPanelSource(t, db), "conversion", params, "time", "conversion_pct", "conversion_low_pct", "conversion_high_pct", "conversion_state", "transactions", "transactions_left_out", "hours_rung"),
		"03-02 00:00 30 22 45 value 130 40 4", // 90/300
		"03-03 00:00 <nil> <nil> <nil> no_data 60 60 1")
}

func TestConversionByHourAddsUpTheHoursThatHaveBoth(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	for _, day := range []string{"2026-03-02", "2026-03-09"} {
		insertAll(t, db, hourRows("a", day, 1, "20", "30", "NULL")) // the ends are the value
	}
	insertAll(t, db,
		tillRow("a", "2026-03-02", 9, 5, 1), tillRow("a", "2026-03-09", 9, 6, 1), tillRow("a", "2026-03-02", 10, 33, 1), tillRow("a", "2026-03-02", 11, 2, 1),
		// An hour that the clock showed twice, of which the till tells as one: its import has nought for the second.
		"pub_store_hour (store, start, store_day, local_hour, weekday, estimated_visits, estimated_low, estimated_high, estimated_state, version) VALUES "+
			"('late', '2026-10-25 00:00:00', '2026-10-24', 2, 6, 20, 10, 30, 'value', 1), ('late', '2026-10-25 01:00:00', '2026-10-24', 2, 6, 20, 10, 30, 'value', 1)",
		"pub_transactions (store, start, store_day, local_hour, weekday, transactions, version) VALUES ('late', '2026-10-25 00:00:00', '2026-10-24', 2, 6, 10, 1), ('late', '2026-10-25 01:00:00', '2026-10-24', 2, 6, 0, 1)")
	source := newPanelSource(t, db)
	columns := []string{"clock", "conversion_pct", "conversion_low_pct", "conversion_high_pct", "conversion_state", "transactions", "days_shown", "days_under_10"}
	wantLines(t, "by hour", panelRows(t, source, "conversion_by_hour", panels.Params{From: date("2026-03-02"), To: date("2026-03-10"), Stores: []string{"a"}}, columns...),
		"09:00 28 27 28 value 11 2 0", // 11/40 = 27.5
		"10:00 110 110 110 value 33 1 0",
		"11:00 <nil> <nil> <nil> under_10 <nil> 0 1")
	wantLines(t, "an hour twice", panelRows(t, source, "conversion_by_hour", panels.Params{From: date("2026-10-24"), To: date("2026-10-26"), Stores: []string{"late"}}, columns...),
		"02:00 25 16 50 value 10 1 0")
}

func TestAnnotationsAreThoseOfTheRangeAndItsStores(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	insertAll(t, db, "pub_annotations (annotation, store, kind, title, first_day, last_day, removed, version) VALUES "+
		"('1', 'a', 'promotion', 'Spring', '2026-03-02', '2026-03-07', false, 1), ('2', '', 'holiday', 'Easter', '2026-04-06', '2026-04-06', false, 1), "+
		"('3', 'b', 'closure', 'Water', '2026-03-03', '2026-03-03', false, 1), ('4', 'a', 'other', 'Gone', '2026-03-04', '2026-03-04', true, 2), "+
		"('4', 'a', 'other', 'Gone', '2026-03-04', '2026-03-04', false, 1), ('5', 'a', 'promotion', 'Winter', '2026-01-02', '2026-01-07', false, 1)")
	source := newPanelSource(t, db)
	for _, c := range []struct {
		name   string
		from   string
		to     string
		stores []string
		want   []string
	}{
		{"all", "2026-03-07", "2026-04-06", []string{"a", "b"}, []string{"2026-03-02 2026-03-07 Spring (a) promotion", "2026-04-06 2026-04-06 Easter holiday"}},
		{"one store", "2026-03-01", "2026-03-31", []string{"b"}, []string{"2026-03-03 2026-03-03 Water (b) closure"}},
		{"none", "2026-05-01", "2026-05-31", []string{"a", "b"}, nil},
		{"no store", "2026-04-01", "2026-04-30", nil, []string{"2026-04-06 2026-04-06 Easter holiday"}},
	} {
		sql, err := panels.Expand(panels.Annotations(), panels.Params{From: date(c.from), To: date(c.to), Stores: c.stores})
		if err != nil {
			t.Fatal(err)
		}
		table, err := source.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range table.Rows {
			from, to := row[0].(time.Time), row[1].(time.Time)
			got = append(got, fmt.Sprintf("%s %s %s %s", from.Format(time.DateOnly), to.Format(time.DateOnly), row[2], row[3]))
		}
		wantLines(t, c.name, got, c.want...)
	}
}
