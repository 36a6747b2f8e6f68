package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

const trafficInto = "pub_store_hour (store, start, store_day, local_hour, weekday, store_week, visits_state, estimated_visits, estimated_low, estimated_high, estimated_state, version) "

// trafficHour selects an hour of a store in UTC with so many estimated visits: 0 reads "under 10", below that no data.
func trafficHour(name string, start time.Time, visits int) string {
	n, state := fmt.Sprint(visits), "value"
	switch {
	case visits < 0:
		n, state = "NULL", "no_data"
	case visits == 0:
		n, state = "NULL", "under_10"
	}
	return fmt.Sprintf("SELECT '%s', toDateTime(%d), toDate('%s') AS d, %d, toDayOfWeek(d), toMonday(d), 'no_data', %s, %s, %s, '%s', 1", name, start.Unix(), start.Format(time.DateOnly), start.Hour(), n, n, n, state)
}

// unusualRule is the rule on traffic.
func unusualRule(t *testing.T) grafanaRule {
	t.Helper()
	for _, r := range alertRules(t) {
		if r.UID == "footfall-traffic-unusual" {
			return r
		}
	}
	t.Fatal("there is no rule on unusual traffic")
	return grafanaRule{}
}

// fired are the alerts of the rule at a time, as "store: reading".
func fired(t *testing.T, source panels.Querier, r grafanaRule, now time.Time) (alerts []string, looked int) {
	t.Helper()
	got := runRule(t, source, r, now)
	for _, row := range got.Rows {
		labels, score := alertOf(t, row)
		if score > 3.5 {
			alerts = append(alerts, strings.Join(labels, ": "))
		}
	}
	return alerts, len(got.Rows)
}

func TestAnHourIsHeldAgainstItsEightWeeks(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	hour := time.Date(2026, time.March, 2, 14, 0, 0, 0, time.UTC)
	var rows []string
	fill := func(name string, now int, before ...int) { // the newest week first
		rows = append(rows, trafficHour(name, hour, now))
		for i, n := range before {
			rows = append(rows, trafficHour(name, hour.AddDate(0, 0, -7*(i+1)), n), trafficHour(name, hour.Add(-time.Hour).AddDate(0, 0, -7*(i+1)), 500))
		}
	}
	steady := []int{50, 55, 45, 50, 60, 40, 50, 50}
	fill("usual", 65, steady...)
	fill("burst", 85, steady...) // the deviation is that of chance: sqrt(50 + 6.25) = 7.5
	fill("just_not", 75, steady...)
	fill("lull", 20, steady...)
	fill("varied", 150, 50, 90, 20, 120, 60, 40, 100, 10) // of a median of 55 and a spread of 35
	fill("large", 290, 200, 200, 200, 200)                // no less than 15 % of the median: 3 x 30
	fill("large_burst", 310, 200, 200, 200, 200)
	fill("silent", 0, 20, 20, 20, 20)
	fill("small", 0, 15, 15, 15, 20) // fewer than 20 are usual
	fill("four_weeks", 85, 50, 0, 50, 55)
	fill("three_weeks", 500, 50, 50, 50)
	fill("three_with_data", 500, 50, -1, 50, -1, 50)
	fill("no_data", -1, steady...)
	fill("nine_weeks", 500, -1, -1, -1, -1, -1, 50, 50, 50, 50, 50, 50)    // the last three are too long ago
	rows = append(rows, trafficHour("over", hour.Add(-26*time.Hour), 500)) // nothing has come since yesterday
	for week := range 5 {
		rows = append(rows, trafficHour("over", hour.Add(-26*time.Hour).AddDate(0, 0, -7*(week+1)), 50))
	}
	insertAll(t, db, trafficInto+strings.Join(rows, " UNION ALL "))
	rule, source := unusualRule(t), newPanelSource(t, db)
	got, looked := fired(t, source, rule, hour.Add(70*time.Minute))
	want := []string{"burst: busier than usual", "four_weeks: busier than usual", "large_burst: busier than usual", "lull: quieter than usual", "silent: silent"}
	slices.Sort(got)
	wantLines(t, "alerts", got, want...)
	if looked != 10 {
		t.Errorf("looked at %d stores, want 10", looked)
	}
	params := panels.Params{From: hour.AddDate(0, 0, -1), To: hour.AddDate(0, 0, 1)}
	params.Stores = []string{"usual", "burst", "just_not", "lull", "varied", "large", "large_burst", "silent", "small", "four_weeks", "three_weeks", "three_with_data", "no_data", "nine_weeks"}
	wantLines(t, "the panel", panelRows(t, source, "unusual_hours", params, "store", "time", "clock", "estimated_visits", "estimated_state", "typical_visits", "reading", "score", "weeks"),
		"burst 03-02 00:00 14:00 85 value 50 busier than usual 4.7 8",
		"four_weeks 03-02 00:00 14:00 85 value 50 busier than usual 4.7 4",
		"large_burst 03-02 00:00 14:00 310 value 200 busier than usual 3.7 4",
		"lull 03-02 00:00 14:00 20 value 50 quieter than usual 4 8",
		"silent 03-02 00:00 14:00 <nil> under_10 20 silent 2.9 4")
	for _, c := range []struct {
		name  string
		after time.Duration
		fires bool
	}{{"not finished", 50 * time.Minute, false}, {"finished just now", 65 * time.Minute, false}, {"three hours ago", 4 * time.Hour, true}, {"long ago", 5 * time.Hour, false}} {
		if got, _ := fired(t, source, rule, hour.Add(c.after)); (len(got) > 0) != c.fires {
			t.Errorf("%s: got %v, want alerts: %v", c.name, got, c.fires)
		}
	}
}

// TestOrdinaryWeeksAreNotUnusual turns the demo's five weeks, so that each of them comes last once, and looks after every hour as the
// rule does: under one hour in a hundred may fire, and as many do as deploy/grafana/README.md says. Then a burst and a silence are put into the last week, and both have to.
func TestOrdinaryWeeksAreNotUnusual(t *testing.T) {
	needEngine(t)
	const days = 35
	dir := t.TempDir() + "/demo"
	if err := demo(t.Context(), demoOptions{days: days, seed: 1, dir: dir}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	db := storetest.OpenDir(t, dir+"/clickhouse")
	const columns = "start, store_day, local_hour, weekday, store_week, visits, visits_state, estimated_visits, estimated_low, estimated_high, estimated_state, version"
	const monday = "toDate('2026-03-02')"
	for turn := range 4 { // the week that is moved to the end, weeks of the clock's change keep their hours
		insertAll(t, db, fmt.Sprintf("pub_store_hour (store, %s) SELECT 'turned-%d', start + 604800 * shift, store_day + 7 * shift, local_hour, weekday, store_week + 7 * shift, "+
			"visits, visits_state, estimated_visits, estimated_low, estimated_high, estimated_state, version FROM "+
			"(SELECT *, intDiv(store_day - %s, 7) AS week, multiIf(week = %d, 4 - week, week > %d, -1, 0) AS shift FROM pub_store_hour FINAL WHERE store = 'demo')", columns, turn, monday, turn, turn))
	}
	source, rule := newPanelSource(t, db), unusualRule(t)
	last := date("2026-03-30") // the fifth week
	hours, alerts := 0, 0
	var alertHours []string
	for at := last; at.Before(last.AddDate(0, 0, 7)); at = at.Add(time.Hour) {
		if h := at.Hour(); h < 6 || h > 19 { // the store is closed
			continue
		}
		got, looked := fired(t, source, rule, at.Add(72*time.Minute))
		hours, alerts = hours+looked, alerts+len(got)
		for _, a := range got {
			alertHours = append(alertHours, at.Format("01-02 15:04 ")+a)
		}
	}
	if hours < 250 || 100*alerts >= hours {
		t.Errorf("got %d alerts in %d hours of ordinary weeks, want fewer than 1 in 100: %v", alerts, hours, alertHours)
	}
	if says := fmt.Sprintf("In the demo %d hours in %d fire", alerts, hours); !strings.Contains(readProject(t, "deploy/grafana/README.md"), says) {
		t.Errorf("deploy/grafana/README.md does not say %q, which is so", says)
	}
	stores := []string{"demo", "turned-0", "turned-1", "turned-2", "turned-3"}
	params := panels.Params{From: last, To: last.AddDate(0, 0, 6), Stores: stores}
	if got := panelRows(t, source, "unusual_hours", params, "store", "clock"); len(got) != alerts {
		t.Errorf("the panel lists %v, the rule fired for %v", got, alertHours)
	}

	change := func(start time.Time, set string) {
		insertAll(t, db, fmt.Sprintf("pub_store_hour (store, %s) SELECT store, %s FROM (SELECT * REPLACE (%s, version + 1 AS version) FROM pub_store_hour FINAL WHERE store = 'demo' AND start = toDateTime(%d))",
			columns, columns, set, start.Unix()))
	}
	burst, silence := last.AddDate(0, 0, 2).Add(13*time.Hour), last.AddDate(0, 0, 4).Add(14*time.Hour)
	for _, c := range []struct {
		name, set, want string
		at              time.Time
	}{
		{"a burst of three times the usual", "toInt32(90) AS estimated_visits, toInt32(50) AS estimated_low, toInt32(150) AS estimated_high", "demo: busier than usual", burst},
		{"a silence", "NULL AS estimated_visits, NULL AS estimated_low, NULL AS estimated_high, 'under_10' AS estimated_state", "demo: silent", silence},
		{"no sensor", "NULL AS estimated_visits, NULL AS estimated_low, NULL AS estimated_high, 'no_data' AS estimated_state", "", last.AddDate(0, 0, 1).Add(13 * time.Hour)},
	} {
		before, _ := fired(t, source, rule, c.at.Add(72*time.Minute))
		change(c.at, c.set)
		got, _ := fired(t, source, rule, c.at.Add(72*time.Minute))
		if joined := strings.Join(got, "; "); strings.Contains(strings.Join(before, "; "), "demo") || !strings.Contains(joined, c.want) || c.want == "" && strings.Contains(joined, "demo") {
			t.Errorf("%s: got %v before and %v after, want %q", c.name, before, got, c.want)
		}
	}
	params.Stores = stores[:1]
	wantLines(t, "the panel", panelRows(t, source, "unusual_hours", params, "time", "reading"), "04-01 00:00 busier than usual", "04-03 00:00 silent")
}

// TestNoisyHoursFireAsOftenAsTheTextSays: how often an hour fires that differs from week to week by chance alone, as
// deploy/grafana/README.md has it. Each of 2,000 stores, of 30 to 300 visits in the hour, has eight weeks behind it.
func TestNoisyHoursFireAsOftenAsTheTextSays(t *testing.T) {
	needEngine(t)
	text := strings.ReplaceAll(readProject(t, "deploy/grafana/README.md"), "\n", " ")
	for _, c := range []struct {
		says      string
		deviation float64
		low, high float64 // percent
	}{
		{"where the same hours differ by a fifth from week to week, about 1 in 200 will", .2, .25, .75},
		{"where by three tenths, about 2 in 100", .3, 1.5, 2.5},
	} {
		t.Run(c.says, func(t *testing.T) {
			if !strings.Contains(text, c.says) {
				t.Errorf("deploy/grafana/README.md does not say it")
			}
			db := storetest.Open(t)
			noisyHours(t, db, c.deviation)
			got, looked := fired(t, newPanelSource(t, db), unusualRule(t), noisyHour.Add(70*time.Minute))
			if percent := 100 * float64(len(got)) / noisyStores; looked != noisyStores || percent < c.low || percent >= c.high {
				t.Errorf("%.2f %% of %d stores fire, want %v to %v %% of %d", percent, looked, c.low, c.high, noisyStores)
			}
		})
	}
}

const noisyStores = 2000 // whose hours noisyHours makes

// noisyHour is the last hour of noisyStores.
var noisyHour = time.Date(2026, time.March, 2, 14, 0, 0, 0, time.UTC)

// noisyHours are one hour of the week of many stores, over nine weeks, which differs by so great a share of its mean.
func noisyHours(t *testing.T, db *store.DB, deviation float64) {
	t.Helper()
	chance := rand.New(rand.NewPCG(1, 5))
	var rows []store.PubStoreHourRow
	for i := range noisyStores {
		usual := 30 * math.Pow(10, chance.Float64())
		for week := range 9 {
			start := noisyHour.AddDate(0, 0, -7*week)
			day := start.Truncate(24 * time.Hour)
			n := int32(5 * math.Floor(max(10, usual*(1+deviation*chance.NormFloat64()))/5+chance.Float64()))
			rows = append(rows, store.PubStoreHourRow{
				Store: fmt.Sprintf("store-%04d", i), Start: start, StoreDay: day, LocalHour: 14, Weekday: 1, StoreWeek: day,
				VisitsState: "no_data", EstimatedVisits: &n, EstimatedLow: &n, EstimatedHigh: &n, EstimatedState: "value", Version: 1,
			})
		}
	}
	if err := store.Insert(t.Context(), db, store.TablePubStoreHour, rows); err != nil {
		t.Fatal(err)
	}
}
