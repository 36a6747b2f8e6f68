package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// pageServed is the built-in page over a demo of two weeks that ends on a Saturday, half an hour before the store closes: a Sunday has
// nothing to show. The second store has no data. Beside it are the visits by day, as they were published.
func pageServed(t *testing.T) (url string, visits map[string]any) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	if err := demo(t.Context(), demoOptions{days: 13, seed: 1, dir: dir}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	db := storetest.OpenDir(t, filepath.Join(dir, "clickhouse"))
	worthRows(t, db) // a promotion
	source := newPanelSource(t, db)
	p, err := page.New(page.Options{
		Query: source, Now: func() time.Time { return time.Date(2026, time.March, 14, 16, 30, 0, 0, time.UTC) },
		Stores: []page.Store{{ID: "demo", Name: "Demo Street 1", TimeZone: "Europe/Berlin"}, {ID: "harbour", Name: "Harbour Lane", TimeZone: "Europe/Lisbon"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	table, err := source.Query(t.Context(), "SELECT toString(store_day) AS day, visits FROM pub_store_day FINAL WHERE store = 'demo' ORDER BY day")
	if err != nil {
		t.Fatal(err)
	}
	visits = map[string]any{}
	for _, row := range table.Rows {
		visits[row[0].(string)] = row[1]
	}
	if len(visits) != 13 {
		t.Fatalf("the demo published %d days, want 13", len(visits))
	}
	return server.URL + page.DefaultPrefix, visits
}

var _ panels.Querier = panelSource{}

// TestThePageInABrowser: the page draws the two weeks that the demo simulated, light and dark, on a phone and on a desk; its charts and
// tables are the API's numbers; axe finds nothing, the console says nothing, nothing comes from elsewhere; it works by keyboard, without
// JavaScript and on paper. FOOTFALL_SHOTS names a folder for the screenshots.
func TestThePageInABrowser(t *testing.T) {
	node, optout, chromium := browserDriver(t)
	needEngine(t)
	shots := os.Getenv("FOOTFALL_SHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	url, visits := pageServed(t)
	given, err := json.Marshal(map[string]any{
		"url": url, "store": "demo", "empty": "harbour", "names": map[string]string{"demo": "Demo Street 1", "harbour": "Harbour Lane"},
		"visits": visits, "shots": shots, "chromium": chromium,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, node, filepath.Join(filepath.Dir(optout), "page.mjs"), string(given))
	cmd.Dir = filepath.Dir(optout)
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		t.Error(strings.TrimSpace(line))
	}
	if err != nil && len(out) == 0 {
		t.Errorf("the browser's driver: %v", err)
	}
}
