package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// regionRows are two weeks of four stores: two in the south, one in the north, one that pub_stores knows without a region, and one
// that it does not know.
func regionRows(t *testing.T) *store.DB {
	t.Helper()
	db := storetest.Open(t)
	insertAll(t, db,
		"pub_stores (store, name, region, version) VALUES ('a', 'Old name', 'north', 1), ('a', 'Alpha', 'south', 2), ('b', 'Beta', 'south', 1), ('c', '', 'north', 1), ('d', 'Delta', '', 1), ('later', 'Later', 'east', 1)",
		dayRow("a", "2026-03-02", 100, 1), dayRow("a", "2026-03-03", 50, 1), dayRow("a", "2026-03-09", 110, 1), dayRow("a", "2026-03-10", 0, 1),
		dayRow("b", "2026-03-02", 200, 1), dayRow("b", "2026-03-09", 250, 1), dayRow("b", "2026-03-09", 220, 2),
		dayRow("c", "2026-03-02", 40, 1), dayRow("c", "2026-03-10", 80, 1),
		dayRow("d", "2026-03-09", 30, 1), dayRow("unknown", "2026-03-09", 20, 1))
	return db
}

func TestRegionsAddUpTheirStores(t *testing.T) {
	needEngine(t)
	source := newPanelSource(t, regionRows(t))
	params := panels.Params{From: date("2026-03-02"), To: date("2026-03-15"), Stores: []string{"a", "b", "c", "d", "unknown"}}
	columns := []string{"region", "estimated_visits", "estimated_low", "estimated_high", "estimated_state", "per_store_day", "stores", "days_shown", "days_under_10"}
	all := []string{
		"south 2040 1360 2720 value 408 2 5 1", // 3 x (100 + 50 + 110 + 200 + 220)
		"north 360 240 480 value 180 1 2 0",
		"no region 150 100 200 value 75 2 2 0",
	}
	wantLines(t, "all regions", panelRows(t, source, "chain_regions", params, columns...), all...)
	weeks := []string{"time", "region", "estimated_visits", "change_pct", "change_state", "days_compared", "stores"}
	wantLines(t, "weeks", panelRows(t, source, "chain_region_weeks", params, weeks...),
		"03-02 00:00 north 120 <nil> no_data 0 1",
		"03-02 00:00 south 1050 <nil> no_data 0 2",
		"03-09 00:00 no region 150 <nil> no_data 0 2",
		"03-09 00:00 north 240 <nil> no_data 0 1", // a Tuesday beside a Monday
		"03-09 00:00 south 990 10 value 2 2")      // 110 and 220 beside 100 and 200; the Tuesday is under 10
	params.Regions = []string{"north", panels.NoRegion}
	wantLines(t, "two regions", panelRows(t, source, "chain_regions", params, columns...), all[1:]...)
	params.Regions, params.Stores = nil, []string{"b"}
	wantLines(t, "one store", panelRows(t, source, "chain_regions", params, columns...), "south 1260 840 1680 value 630 1 2 0")
	params.Regions = []string{"west"}
	wantLines(t, "a region without stores", panelRows(t, source, "chain_regions", params, columns...))
	params.Stores, params.Regions, params.From = []string{"a", "b"}, nil, date("2026-03-11") // the week has begun before
	wantLines(t, "from a Wednesday", panelRows(t, source, "chain_region_weeks", params, weeks...), "03-09 00:00 south 990 10 value 2 2")
}

// grafanaVariables are the queries of a dashboard's variables, by name.
func grafanaVariables(t *testing.T, d panels.Dashboard) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../dashboards/grafana/" + string(d) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Templating struct {
			List []struct{ Name, Type, Query string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, v := range board.Templating.List {
		if v.Type == "query" {
			out[v.Name] = v.Query
		}
	}
	return out
}

// Of two columns, Grafana takes the first for the value and the second for the text.
func TestTheListOfStoresFollowsTheRegions(t *testing.T) {
	needEngine(t)
	db := regionRows(t)
	source := newPanelSource(t, db)
	options := func(d panels.Dashboard, name string, regions ...string) []string {
		t.Helper()
		sql, err := panels.Expand(grafanaVariables(t, d)[name], panels.Params{Regions: regions})
		if err != nil {
			t.Fatal(err)
		}
		got, err := source.Query(t.Context(), sql)
		if err != nil {
			t.Fatalf("%v in %s", err, sql)
		}
		var out []string
		for _, row := range got.Rows {
			var cells []string
			for _, v := range row {
				cells = append(cells, fmt.Sprint(v))
			}
			out = append(out, strings.Join(cells, ": "))
		}
		return out
	}
	wantLines(t, "regions", options(panels.Chain, "region"), "east", "no region", "north", "south")
	wantLines(t, "of the south", options(panels.Chain, "store", "south"), "a: Alpha", "b: Beta")
	wantLines(t, "of none", options(panels.Privacy, "store", panels.NoRegion), "d: Delta", "unknown: unknown")
	wantLines(t, "of all", options(panels.Chain, "store", "east", panels.NoRegion, "north", "south"), "a: Alpha", "b: Beta", "d: Delta", "c: c", "unknown: unknown")
	wantLines(t, "of a store's dashboard", options(panels.Store, "store"), "a: Alpha", "b: Beta", "d: Delta", "c: c", "unknown: unknown")
	insertAll(t, db, sensorRow("door", 0, 1, 1), "pub_stores (store, name, region, sensors, version) VALUES ('b', 'Beta', 'south', 2, 2)")
	wantLines(t, "with sensors, heard of or not", options(panels.Sensors, "store", "south", "north"), "a: Alpha", "b: Beta")
	for _, d := range panels.Dashboards() {
		if _, ok := grafanaVariables(t, d)["region"]; ok == (d == panels.Store) {
			t.Errorf("%s: got a variable of regions: %v", d, ok)
		}
		for name, query := range grafanaVariables(t, d) {
			if i := slices.Index(strings.Fields(query), "FROM"); i < 0 || !strings.Contains(query, "FROM pub_") {
				t.Errorf("%s: the variable %s reads no published table: %s", d, name, query)
			}
		}
	}
}
