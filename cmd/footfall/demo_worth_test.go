package main

import (
	"io"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// TestTheDemoSaysWhatItWasWorth: five weeks have transactions in every open hour, a conversion each open day, and a promotion that did
// nothing, of which the interval says so.
func TestTheDemoSaysWhatItWasWorth(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: five weeks of the demo take some seconds")
	}
	needEngine(t)
	dir := t.TempDir() + "/demo"
	if err := demo(t.Context(), demoOptions{days: 35, seed: 1, dir: dir}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	db := storetest.OpenDir(t, dir+"/clickhouse")
	n, err := store.Value[uint64](t.Context(), db, "SELECT count() FROM pub_transactions FINAL")
	if want := uint64(5 * (5*11 + 9)); err != nil || n != want {
		t.Errorf("got %d hours with transactions, %v, want %d", n, err, want)
	}
	params := panels.Params{From: demoStart.Date(), To: (demoStart + 34).Date(), Stores: []string{"demo"}}
	source := newPanelSource(t, db)
	values := 0
	for _, state := range panelRows(t, source, "conversion", params, "conversion_state") {
		if state == "value" {
			values++
		}
	}
	if values != 30 {
		t.Errorf("got a conversion on %d days, want 30", values)
	}
	rows, err := store.Select[store.PubEffectRow](t.Context(), db, "SELECT * FROM pub_effects FINAL")
	if err != nil || len(rows) != 1 || rows[0].EffectPct == nil || *rows[0].LowPct > 0 || *rows[0].HighPct < 0 || rows[0].Weeks != 4 || rows[0].DaysDuring != 6 {
		t.Errorf("got %+v, %v, want an interval with 0 in it", rows, err)
	}
}
