package main

import (
	"io"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
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
