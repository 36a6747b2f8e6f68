package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
)

// alertNow is the time at which the rules on sensors are asked.
var alertNow = time.Date(2026, time.March, 2, 15, 0, 0, 0, time.UTC)

// sensorRule is a rule on sensors, and what it says: "store sensor value" of each row above its threshold.
func sensorRule(t *testing.T, db *store.DB, uid string, above float64) func(now time.Time) []string {
	t.Helper()
	rules := alertRules(t)
	rule := rules[slices.IndexFunc(rules, func(r grafanaRule) bool { return r.UID == uid })]
	source := newPanelSource(t, db)
	return func(now time.Time) []string {
		t.Helper()
		var alerts []string
		for _, row := range runRule(t, source, rule, now).Rows {
			if labels, value := alertOf(t, row); value > above {
				alerts = append(alerts, fmt.Sprintf("%s %.0f", strings.Join(labels, " "), value))
			}
		}
		slices.Sort(alerts)
		return alerts
	}
}

// listed is a sensor of stores.yaml, by the facts of privacy as they were written so long ago.
func listed(name, sensor string, ago time.Duration, version int) string {
	return optOutRow + fmt.Sprintf("('optout', '%s', '%s', NULL, NULL, 'no_data', toDateTime(%d), %d)", name, sensor, alertNow.Add(-ago).Unix(), version)
}

// heardOf is a sensor's step of five minutes that began so long ago, and in which it listened for so many seconds.
func heardOf(name, sensor string, ago time.Duration, listened int) string {
	start := alertNow.Add(-ago).Truncate(5 * time.Minute).Unix()
	return fmt.Sprintf("pub_sensor_5min (store, sensor, start, last_capture, listened_s, version) VALUES ('%s', '%s', toDateTime(%d), toDateTime(%d), %d, 1)", name, sensor, start, start+240, listened)
}

// TestASilentSensorIsNotForgotten: a sensor that died alerts for as long as stores.yaml has it, and no longer.
func TestASilentSensorIsNotForgotten(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	const day = 24 * time.Hour
	for _, c := range []struct {
		name  string
		heard time.Duration // 0: never
	}{
		{"well", 5 * time.Minute}, {"slow", 15 * time.Minute}, {"hour", time.Hour}, {"week", 8 * day}, {"month", 34 * day}, {"quarter", 100 * day}, {"never", 0},
	} {
		insertAll(t, db, listed(c.name, "door", time.Minute, 1))
		if c.heard > 0 {
			insertAll(t, db, heardOf(c.name, "door", c.heard, 300))
		}
	}
	insertAll(t, db, heardOf("well", "door", day, 300), heardOf("two", "front", 5*time.Minute, 300), heardOf("two", "back", day, 300),
		listed("two", "front", time.Minute, 1), listed("two", "back", time.Minute, 1),
		listed("well", "gone", 2*time.Hour, 1), heardOf("well", "gone", 3*time.Hour, 300)) // is in stores.yaml no more
	silent := sensorRule(t, db, "footfall-sensor-silent", 900)
	want := []string{"hour door 3360", "month door 2937360", "never door 3024000", "quarter door 3024000", "two back 86160", "week door 690960"}
	wantLines(t, "alerts", silent(alertNow), want...)

	// Nobody writes the facts either where the aggregator ended, and then nobody is heard.
	later := silent(alertNow.Add(3 * day))
	if len(later) != 9 || !slices.Contains(later, "never door 3024000") || !slices.Contains(later, "well door 259260") {
		t.Errorf("got %v three days after the aggregator ended, want all nine sensors", later)
	}

	insertAll(t, db, heardOf("quarter", "door", 5*time.Minute, 0), listed("never", "door", 2*time.Hour, 2)) // one is back, one was taken out of stores.yaml
	want = slices.DeleteFunc(want, func(s string) bool { return strings.HasPrefix(s, "never") || strings.HasPrefix(s, "quarter") })
	wantLines(t, "later", silent(alertNow), want...)
}

// TestAStalledSensorIsFoundBesideOthersThatListen: one of three that says it is there and does not listen is named, while the store is open.
func TestAStalledSensorIsFoundBesideOthersThatListen(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	quarter := func(name string, ago time.Duration, state string) string {
		return fmt.Sprintf("pub_store_quarter (store, start, store_day, occupancy_state, version) VALUES ('%s', toDateTime(%d), '2026-03-02', '%s', 1)", name, alertNow.Add(-ago).Unix(), state)
	}
	for ago := 2 * time.Hour; ago > 0; ago -= 15 * time.Minute {
		shut := "closed"
		if ago <= 30*time.Minute {
			shut = "no_data"
		}
		insertAll(t, db, quarter("shop", ago, "value"), quarter("alone", ago, "no_data"), quarter("closed", ago, "closed"), quarter("opened", ago, shut), quarter("kiosk", ago, "policy"))
	}
	for ago := 2 * time.Hour; ago > 0; ago -= 5 * time.Minute {
		late := 0
		if ago > 25*time.Minute {
			late = 300
		}
		insertAll(t, db, heardOf("shop", "front", ago, 300), heardOf("shop", "middle", ago, 0), heardOf("shop", "back", ago, late),
			heardOf("alone", "door", ago, 0), heardOf("closed", "door", ago, 0), heardOf("opened", "door", ago, 0), heardOf("kiosk", "door", ago, 0))
		if ago > time.Hour {
			insertAll(t, db, heardOf("shop", "silent", ago, 300)) // the other alert is about it
		}
	}
	stalled := sensorRule(t, db, "footfall-capture-stalled", 29)
	wantLines(t, "alerts", stalled(alertNow), "alone door 120", "kiosk door 120", "opened door 30", "shop middle 120")
	later := stalled(alertNow.Add(5 * time.Minute)) // a quarter that began before the two hours is left out
	wantLines(t, "five minutes later", later, "alone door 105", "kiosk door 105", "opened door 30", "shop middle 105")
	insertAll(t, db, "pub_sensor_5min (store, sensor, start, last_capture, listened_s, version) SELECT store, sensor, start, last_capture, 300, 2 FROM pub_sensor_5min WHERE store = 'alone'")
	wantLines(t, "where the minutes came late", stalled(alertNow), "kiosk door 120", "opened door 30", "shop middle 120")
}
