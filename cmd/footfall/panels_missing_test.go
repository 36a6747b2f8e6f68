package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// grafanaSQL is what Grafana asks for a panel.
func grafanaSQL(t *testing.T, p panels.Panel) string {
	t.Helper()
	text, err := os.ReadFile("../../dashboards/grafana/" + string(p.Dashboard) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Targets []struct{ RawSQL string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	return board.Panels[slices.IndexFunc(panels.Of(p.Dashboard), func(o panels.Panel) bool { return o.ID == p.ID })].Targets[0].RawSQL
}

// Grafana's large numbers and heat maps have codes where a number is missing, and else what the panel answers, in its order.
func TestGrafanasSingleNumbersHaveACodeForEachState(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	hour := func(name string, at int, visits, state string) string {
		return fmt.Sprintf("pub_store_hour (store, start, store_day, weekday, local_hour, visits_state, estimated_visits, estimated_low, estimated_high, estimated_state, version) "+
			"VALUES ('%s', toDateTime('2026-03-02 00:00:00', 'UTC') + %d * 3600, '2026-03-02', 1, %d, '%s', %s, %s, %s, '%s', 1)", name, at, at, state, visits, visits, visits, state)
	}
	quarter := func(name, inside, state string) string {
		return fmt.Sprintf("pub_store_quarter (store, start, store_day, local_hour, occupancy, occupancy_low, occupancy_high, occupancy_state, version) "+
			"VALUES ('%s', '2026-03-02 12:00:00', '2026-03-02', 12, %s, %s, %s, '%s', 1)", name, inside, inside, inside, state)
	}
	insertAll(t, db, hour("a", 9, "40", "value"), hour("a", 10, "NULL", "under_10"), hour("a", 11, "NULL", "no_data"), hour("b", 9, "NULL", "policy"),
		quarter("a", "30", "value"), quarter("b", "NULL", "policy"), quarter("c", "NULL", "closed"), quarter("d", "NULL", "under_10"), quarter("e", "NULL", "no_data"),
		dayRow("a", "2026-03-02", 100, 1), dayRow("b", "2026-03-02", 0, 1))
	source := newPanelSource(t, db)
	codes := map[any]float64{"under_10": -1001, "quiet": -1002, "closed": -1003, "no_data": -1004, "policy": -1005}
	params := panels.Params{From: date("2026-03-02"), To: date("2026-03-02").Add(12*time.Hour + 20*time.Minute), Stores: []string{"a", "b", "c", "d", "e"}}
	numbers, seen := 0, map[any]bool{}
	for _, p := range panels.All() {
		if p.Chart != panels.Stat && p.Chart != panels.Heatmap || p.Dashboard != panels.Store {
			continue
		}
		want := runPanel(t, source, p, params)
		sql, err := panels.Expand(grafanaSQL(t, p), params)
		if err != nil {
			t.Fatal(err)
		}
		got, err := source.Query(t.Context(), sql)
		if err != nil {
			t.Fatalf("%v in:\n%s", err, sql)
		}
		if !slices.Equal(got.Columns, want.Columns) || len(got.Rows) != len(want.Rows) || len(got.Rows) == 0 {
			t.Fatalf("%s: got columns %v and %d rows, want %v and %d", p.ID, got.Columns, len(got.Rows), want.Columns, len(want.Rows))
		}
		for row := range want.Rows {
			for i, name := range want.Columns {
				cell := want.Rows[row][i]
				if c, _ := p.Column(name); c.Role == panels.Value {
					state, _ := p.StateOf(name)
					if reads := want.Rows[row][slices.Index(want.Columns, state.Name)]; cell == nil {
						cell, seen[reads] = codes[reads], true
					} else {
						numbers++
					}
				}
				if fmt.Sprint(got.Rows[row][i]) != fmt.Sprint(cell) {
					t.Errorf("%s: row %d: %s: got %v, want %v", p.ID, row, name, got.Rows[row][i], cell)
				}
			}
		}
	}
	if len(seen) != len(codes) || numbers == 0 {
		t.Errorf("got states %v and %d numbers, want all and some", seen, numbers)
	}
}
