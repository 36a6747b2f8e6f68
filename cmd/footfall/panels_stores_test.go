package main

import (
	"io"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// TestTheDashboardsKnowTheStores: the aggregator writes what stores.yaml says when it starts.
func TestTheDashboardsKnowTheStores(t *testing.T) {
	needEngine(t)
	dir := t.TempDir() + "/demo"
	if err := demo(t.Context(), demoOptions{days: 1, seed: 1, dir: dir}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	db := storetest.OpenDir(t, dir+"/clickhouse")
	got, err := store.Select[store.PubStoreRow](t.Context(), db, "SELECT * FROM pub_stores FINAL")
	if err != nil || len(got) != 1 {
		t.Fatalf("got %v, %v, want one store", got, err)
	}
	kept, err := store.Select[store.StoreRow](t.Context(), db, "SELECT * FROM stores FINAL")
	if err != nil || len(kept) != 1 {
		t.Fatalf("got %v, %v, want one store", kept, err)
	}
	want := store.PubStoreRow{
		Store: "demo", Name: kept[0].Name, TimeZone: kept[0].TimeZone, Policy: "standard", Hours: kept[0].Hours, Sensors: got[0].Sensors, Version: kept[0].Version,
	}
	if got[0] != want || want.Name == "" || want.Hours == "" || want.Sensors == 0 {
		t.Errorf("got %+v, want %+v, and nothing empty but the region", got[0], want)
	}
}

// TestBarsAreNamedAsPeopleNameTheStores: two stores of one name are told apart, and one without a name is its id.
func TestBarsAreNamedAsPeopleNameTheStores(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	insertAll(t, db,
		"pub_stores (store, name, sensors, version) VALUES ('quay', 'Old Quay', 1, 1), ('far', 'Mall', 1, 1), ('near', 'Mall', 1, 1), ('plain', '', 1, 1), ('other', 'Mall', 1, 1)",
		"pub_stores (store, name, sensors, version) VALUES ('quay', 'Quay Street 7', 1, 2), ('other', 'Quay Street 8', 1, 2)", // as they are called now
		dayRow("quay", "2026-03-02", 100, 1), dayRow("far", "2026-03-02", 90, 1), dayRow("near", "2026-03-02", 80, 1), dayRow("plain", "2026-03-02", 70, 1), dayRow("unlisted", "2026-03-02", 60, 1),
		"pub_store_hour (store, start, store_day, local_hour, weekday, store_week, estimated_visits, estimated_state, version) SELECT store, toDateTime('2026-03-02 09:00:00', 'UTC'), store_day, 9, 1, store_week, 10, 'value', 1 FROM pub_store_day")
	params := panels.Params{From: date("2026-03-01"), To: date("2026-03-03"), Stores: []string{"quay", "far", "near", "plain", "unlisted"}}
	source := newPanelSource(t, db)
	for _, id := range []string{"chain_ranked", "chain_per_hour"} {
		wantLines(t, id, panelRows(t, source, id, params, "name", "store"), "Quay Street 7 quay", "Mall (far) far", "Mall (near) near", "plain plain", "unlisted unlisted")
	}
}
