package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

const provisioning = "../../deploy/grafana/provisioning"

// grafanaRules is the part of a file of alert rules that is looked at.
type grafanaRules struct {
	Groups []struct {
		Name  string
		Rules []grafanaRule
	}
}

type grafanaRule struct {
	UID, Title, Condition, For string
	NoDataState                string `yaml:"noDataState"`
	Annotations, Labels        map[string]string
	Data                       []struct {
		RefID             string                 `yaml:"refId"`
		DatasourceUID     string                 `yaml:"datasourceUid"`
		RelativeTimeRange struct{ From, To int } `yaml:"relativeTimeRange"`
		Model             struct {
			RawSQL     string `yaml:"rawSql"`
			Expression string
		}
	}
}

// alertRules are the rules of all groups.
func alertRules(t testing.TB) []grafanaRule {
	t.Helper()
	var file grafanaRules
	decodeYAML(t, provisioning+"/alerting/footfall-rules.yaml", &file)
	var out []grafanaRule
	names := map[string]bool{}
	for _, g := range file.Groups {
		if names[g.Name] {
			t.Errorf("two groups are called %s", g.Name)
		}
		names[g.Name] = true
		out = append(out, g.Rules...)
	}
	return out
}

// runRule runs a rule's query as it would be at a time.
func runRule(t *testing.T, source panels.Querier, r grafanaRule, now time.Time) panels.Table {
	t.Helper()
	d := r.Data[0]
	sql, err := panels.Expand(d.Model.RawSQL, panels.Params{From: now.Add(-time.Duration(d.RelativeTimeRange.From) * time.Second), To: now})
	if err != nil {
		t.Fatal(err)
	}
	got, err := source.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%v in %s", err, sql)
	}
	return got
}

func decodeYAML(t testing.TB, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestGrafanasProvisioningHangsTogether(t *testing.T) {
	files, err := filepath.Glob(provisioning + "/*/*.yaml*")
	if err != nil || len(files) != 4 {
		t.Fatalf("got files %v, %v, want 4", files, err)
	}
	for _, f := range files {
		var any struct {
			APIVersion int `yaml:"apiVersion"`
		}
		if decodeYAML(t, f, &any); any.APIVersion != 1 {
			t.Errorf("%s: got apiVersion %d, want 1", f, any.APIVersion)
		}
	}
	var sources struct {
		Datasources []struct {
			UID, Type string
			JSONData  map[string]any `yaml:"jsonData"`
		}
	}
	decodeYAML(t, provisioning+"/datasources/footfall.yaml", &sources)
	s := sources.Datasources
	if len(s) != 1 || s[0].Type != "grafana-clickhouse-datasource" || s[0].JSONData["defaultDatabase"] != "footfall" {
		t.Fatalf("got data sources %+v", s)
	}
	for _, r := range alertRules(t) {
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" || r.NoDataState == "" {
			t.Errorf("%s does not say what it means", r.UID)
		}
		if len(r.Data) != 2 || r.Data[0].DatasourceUID != s[0].UID || r.Data[1].DatasourceUID != "__expr__" || r.Data[1].Model.Expression != r.Data[0].RefID || r.Condition != r.Data[1].RefID {
			t.Errorf("%s: its parts do not find each other: %+v", r.UID, r.Data)
		}
	}
}

// alertRows puts one case of each alert into the tables, and one that is well beside it.
func alertRows(t *testing.T, db *store.DB, now time.Time) {
	t.Helper()
	ago := func(d time.Duration) string { return fmt.Sprintf("toDateTime(%d)", now.Add(-d).Unix()) }
	var weeks []string
	for _, name := range []string{"well", "crowded"} {
		for week := range 5 {
			weeks = append(weeks, trafficInto+trafficHour(name, now.Add(-2*time.Hour).AddDate(0, 0, -7*week), map[bool]int{true: 200, false: 50}[week == 0 && name == "crowded"]))
		}
	}
	for _, row := range append(weeks,
		"pub_sensor_5min (store, sensor, start, last_capture, drops, optout_version) VALUES ('well', 'door', "+ago(5*time.Minute)+", "+ago(time.Minute)+", map('closed_hours', 1), 7)",
		"pub_sensor_5min (store, sensor, start, last_capture, drops, optout_version) VALUES ('silent', 'door', "+ago(2*time.Hour)+", "+ago(2*time.Hour-time.Minute)+", map('closed_hours', 1), 7)",
		"pub_sensor_5min (store, sensor, start, last_capture, listened_s) SELECT 'stalled', 'door', "+ago(time.Hour)+" + number * 300 AS at, at, 0 FROM numbers(12)",
		"pub_sensor_5min (store, sensor, start, last_capture, drops, optout_version) VALUES ('stale', 'door', "+ago(5*time.Minute)+", "+ago(time.Minute)+", map('closed_hours', 1), 5)",
		optOutRow+"('optout', 'stale', 'door', "+ago(48*time.Hour)+", 7, 'ok', "+ago(time.Minute)+", 1), ('optout', 'well', 'door', "+ago(time.Minute)+", 7, 'ok', "+ago(time.Minute)+", 1), ('optout', 'silent', 'door', "+ago(2*time.Hour)+", 7, 'silent', "+ago(time.Minute)+", 1)",
		"pub_store_quarter (store, start, store_day, occupancy_state) SELECT 'stalled', "+ago(90*time.Minute)+" + number * 900, toDate('2026-03-02'), 'no_data' FROM numbers(4)",
		"pub_store_quarter (store, start, store_day, occupancy_state) SELECT 'well', "+ago(90*time.Minute)+" + number * 900, toDate('2026-03-02'), 'value' FROM numbers(4)",
		"pub_retention (day, kind, store, name, checked_at, state, reason) VALUES ('2026-03-02', 'topic', 'kept', 'sightings', "+ago(time.Hour)+", 'breach', 'older'), ('2026-03-02', 'topic', 'well', 'sightings', "+ago(time.Hour)+", 'ok', '')",
	) {
		if err := db.Exec(t.Context(), "INSERT INTO "+row); err != nil {
			t.Fatalf("%v in %s", err, row)
		}
	}
}

func TestEachAlertFindsItsCaseAndNoOther(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	now := time.Date(2026, time.March, 2, 15, 0, 0, 0, time.UTC)
	source := newPanelSource(t, db)
	want := map[string]struct {
		label string
		above float64
	}{
		"footfall-sensor-silent":     {"silent", 900},
		"footfall-capture-stalled":   {"stalled", 29},
		"footfall-optout-list-stale": {"stale", 0},
		"footfall-retention-breach":  {"kept", 0},
		"footfall-traffic-unusual":   {"crowded", 3.5},
	}
	rules := alertRules(t)
	if got := len(rules); got != len(want) {
		t.Fatalf("got %d rules, want %d", got, len(want))
	}
	for _, r := range rules {
		if tables := regexp.MustCompile(`(?i)\b(?:FROM|JOIN)\s+([a-z_0-9.]+)`).FindAllStringSubmatch(r.Data[0].Model.RawSQL, -1); len(tables) == 0 || slices.ContainsFunc(tables, func(m []string) bool { return !strings.HasPrefix(m[1], "pub_") }) {
			t.Errorf("%s reads %v", r.UID, tables)
		}
		if got := runRule(t, source, r, now); len(got.Rows) > 0 {
			t.Errorf("%s: got %v of empty tables", r.UID, got.Rows)
		}
	}
	alertRows(t, db, now)
	for _, r := range rules {
		t.Run(r.UID, func(t *testing.T) {
			got, alerts := runRule(t, source, r, now), []string{}
			for _, row := range got.Rows {
				labels, value := alertOf(t, row)
				if value > want[r.UID].above {
					alerts = append(alerts, labels...)
				}
			}
			if !slices.Contains(alerts, want[r.UID].label) || slices.Contains(alerts, "well") {
				t.Errorf("got alerts of %v in %v, want one of %s", alerts, got.Rows, want[r.UID].label)
			}
		})
	}
}

// optOutRow is a row of pub_privacy about a sensor's list.
const optOutRow = "pub_privacy (measure, store, item, at, value, state, checked_at, version) VALUES "

// One sensor is enough for the alert, and so is a whole fleet that is cut off: no other sensor has to have a newer list.
func TestTheOptOutAlertNeedsNoOtherSensor(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	source, now := newPanelSource(t, db), time.Date(2026, time.March, 2, 15, 0, 0, 0, time.UTC)
	rules := alertRules(t)
	rule := rules[slices.IndexFunc(rules, func(r grafanaRule) bool { return r.UID == "footfall-optout-list-stale" })]
	ago := func(d time.Duration) string { return fmt.Sprintf("toDateTime(%d)", now.Add(-d).Unix()) }
	const day = 24 * time.Hour
	for i, c := range []struct {
		name, at, state string
		want            string // what the row reads
		fires           bool
	}{
		{"fresh", ago(2 * time.Minute), "ok", "confirmed", false},
		{"confirmed two days ago", ago(2 * day), "ok", "not confirmed for more than six hours", true},
		{"cut off for five hours", ago(5 * time.Hour), "silent", "confirmed", false},
		{"cut off for two days", ago(2 * day), "silent", "not confirmed for more than six hours", true},
		{"an older list", ago(2 * time.Minute), "behind", "an older list", true},
		{"another key", ago(2 * time.Minute), "other_key", "another opt-out key", true},
		{"never confirmed", "NULL", "unconfirmed", "never confirmed", true},
		{"never heard of", "NULL", "no_data", "confirmed", false},
		{"well again", ago(time.Minute), "ok", "confirmed", false},
	} {
		insertAll(t, db, optOutRow+fmt.Sprintf("('optout', 'only', 'door', %s, 7, '%s', %s, %d)", c.at, c.state, ago(time.Minute), i+1))
		got := runRule(t, source, rule, now)
		if len(got.Rows) != 1 {
			t.Fatalf("%s: got %v, want one row", c.name, got.Rows)
		}
		labels, value := alertOf(t, got.Rows[0])
		if want := []string{"only", "door", c.want}; !slices.Equal(labels, want) || (value > 0) != c.fires {
			t.Errorf("%s: got %v, %v, want %v, fires %v", c.name, labels, value, want, c.fires)
		}
	}
	insertAll(t, db, optOutRow+"('optout', 'only', 'gone', "+ago(3*day)+", 7, 'behind', "+ago(2*time.Hour)+", 1)")
	if got := runRule(t, source, rule, now); len(got.Rows) != 1 {
		t.Errorf("got %v, want nothing of a sensor that is gone from stores.yaml", got.Rows)
	}
}

// alertOf is a row as Grafana's alerting reads it: text is labels, and exactly one number is the value.
func alertOf(t *testing.T, row []any) ([]string, float64) {
	t.Helper()
	var labels []string
	var numbers []float64
	for _, v := range row {
		switch v := v.(type) {
		case string:
			labels = append(labels, v)
		case int64:
			numbers = append(numbers, float64(v))
		case float64:
			numbers = append(numbers, v)
		default:
			t.Errorf("a %T is neither a label nor a value", v)
		}
	}
	if len(numbers) != 1 {
		t.Fatalf("got %d numbers, want 1", len(numbers))
	}
	return labels, numbers[0]
}
