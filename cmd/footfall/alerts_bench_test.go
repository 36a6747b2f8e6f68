package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/engine"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// fillAlerts makes what the rules on sensors read of so many stores with two sensors each: rows of every five minutes of two
// months, the sensors of stores.yaml and a month of quarters. Earlier months are other partitions, which no rule reads.
func fillAlerts(tb testing.TB, db *store.DB, stores int) {
	tb.Helper()
	const name = "concat('store-', leftPad(toString(%s), 4, '0'))"
	for _, month := range []time.Time{chainEnd.AddDate(0, -2, 0), chainEnd.AddDate(0, -1, 0)} {
		steps := int(month.AddDate(0, 1, 0).Sub(month) / (5 * time.Minute))
		insertAll(tb, db, fmt.Sprintf("pub_sensor_5min (store, sensor, zone, start, listened_s, last_capture, drops, version) SELECT "+name+", ['door', 'back'][1 + number %% 2], 'front', "+
			"toDateTime('%s', 'UTC') + intDiv(number, 2) %% %d * 300 AS at, 300, at + 290, map('closed_hours', 9), 1 FROM numbers(%d) "+
			"SETTINGS max_insert_block_size = 8000000, min_insert_block_size_rows = 8000000", fmt.Sprintf("intDiv(number, %d)", 2*steps), month.Format(time.DateTime), steps, 2*steps*stores))
	}
	insertAll(tb, db,
		fmt.Sprintf("pub_privacy (measure, store, item, at, state, checked_at, version) SELECT 'optout', "+name+", ['door', 'back'][1 + number %% 2], NULL, 'ok', toDateTime('%s', 'UTC'), 1 FROM numbers(%d)",
			"intDiv(number, 2)", chainEnd.Format(time.DateTime), 2*stores),
		fmt.Sprintf("pub_store_quarter (store, start, store_day, occupancy_state) SELECT "+name+", toDateTime('%s', 'UTC') - 900 * (1 + number %% 3000) AS at, toDate(at), 'value' FROM numbers(%d)",
			"intDiv(number, 3000)", chainEnd.Format(time.DateTime), 3000*stores))
}

// BenchmarkAlertsOfSensors times the rules on sensors for 1,000 stores with two sensors each. Reports the median and the longest of
// seven runs, in milliseconds.
func BenchmarkAlertsOfSensors(b *testing.B) {
	if _, err := engine.Find(); err != nil {
		b.Skip(err)
	}
	db := storetest.Open(b)
	fillAlerts(b, db, 1000)
	source := newPanelSource(b, db)
	for _, r := range alertRules(b) {
		if r.UID != "footfall-sensor-silent" && r.UID != "footfall-capture-stalled" {
			continue
		}
		b.Run(r.UID, func(b *testing.B) {
			var source panels.Querier = source
			rows := 0
			for range b.N {
				var took []float64
				for range 7 {
					start := time.Now()
					rows = len(runRule(b, source, r, chainEnd).Rows)
					took = append(took, float64(time.Since(start).Microseconds())/1000)
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
