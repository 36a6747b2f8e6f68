package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/api"
	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/tokens"
)

// TestTheCommittedDescriptionOfTheAPI is what a running one says, so that it can be read without one. The tables are the database's, so
// it wants the engine; go test ./cmd/footfall -run TestTheCommittedDescription -update writes it.
func TestTheCommittedDescriptionOfTheAPI(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	tables, err := api.ReadCatalog(t.Context(), published{db})
	if err != nil {
		t.Fatal(err)
	}
	gate, err := tokens.Open(tokens.Options{File: filepath.Join(t.TempDir(), "tokens.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	p, err := page.New(page.Options{Query: published{db}, Stores: []page.Store{{ID: "demo", Name: "Demo Street 1", TimeZone: "Europe/Berlin"}}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := api.New(api.Options{Query: published{db}, Tables: tables, Page: p, Tokens: gate})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, api.Prefix+"openapi.json", nil))
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "demo") {
		t.Fatalf("got %d, %.200s, want it, and no store of this installation in it", w.Code, w.Body)
	}
	file := project(t, "dashboards", "api", "openapi.json")
	if *update {
		if err := os.WriteFile(file, w.Body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := readProject(t, "dashboards/api/openapi.json"); got != w.Body.String() {
		t.Error("dashboards/api/openapi.json is not what the API says of itself: run go test ./cmd/footfall -run TestTheCommittedDescription -update")
	}
	if !strings.Contains(readProject(t, "dashboards/api/README.md"), "](openapi.json)") {
		t.Error("dashboards/api/README.md does not name it")
	}
}
