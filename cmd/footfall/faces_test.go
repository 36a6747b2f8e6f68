package main

import (
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/api"
	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/dashboards/tokens"
)

// faces is everything that shows published numbers: the page, what it gives as JSON and CSV, and the API.
type faces struct {
	t    *testing.T
	page http.Handler
	api  http.Handler
	// secret is of a token of all stores.
	secret string
}

func newFaces(t *testing.T, from panels.Querier, now time.Time) *faces {
	t.Helper()
	clock := func() time.Time { return now }
	shown, err := page.New(page.Options{Query: from, Now: clock, Stores: []page.Store{{ID: "a", Name: "Shop A", TimeZone: "Europe/Berlin"}}})
	if err != nil {
		t.Fatal(err)
	}
	secret, sum, err := tokens.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	list := tokens.List{Tokens: []tokens.Token{{Name: "head office", Role: tokens.Office, Made: "2026-01-01", Expires: "2027-01-01", SHA256: sum}}}
	if err := list.Save(file); err != nil {
		t.Fatal(err)
	}
	gate, err := tokens.Open(tokens.Options{File: file, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	tables, err := api.ReadCatalog(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	programs, err := api.New(api.Options{Query: from, Tables: tables, Page: shown, Tokens: gate})
	if err != nil {
		t.Fatal(err)
	}
	return &faces{t: t, page: shown.Handler(), api: programs.Handler(), secret: secret}
}

// get is what a path answers: the API's where it says so, else the page's.
func (f *faces) get(ofAPI bool, path string) string {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), http.MethodGet, path, nil)
	h := f.page
	if ofAPI {
		h = f.api
		r.Header.Set("Authorization", "Bearer "+f.secret)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		f.t.Fatalf("%s: got %d: %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// inCSV are the named columns of each line; an empty cell is a dash.
func inCSV(t *testing.T, text string, names ...string) []string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(lines) == 0 {
		t.Fatalf("%q: %v", text, err)
	}
	var out []string
	for _, line := range lines[1:] {
		var words []string
		for _, name := range names {
			words = append(words, dashed(line[slices.Index(lines[0], name)]))
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

func dashed(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// inJSON are the same of JSON, whose rows are lists under the names of columns, or objects.
func inJSON(t *testing.T, text string, names ...string) []string {
	t.Helper()
	var body struct {
		Columns []struct{ Name string }
		Rows    []json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var out []string
	for _, raw := range body.Rows {
		row := map[string]any{}
		if raw[0] == '[' {
			var list []any
			if err := json.Unmarshal(raw, &list); err != nil {
				t.Fatal(err)
			}
			for i, c := range body.Columns {
				row[c.Name] = list[i]
			}
		} else if err := json.Unmarshal(raw, &row); err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, name := range names {
			if v := row[name]; v != nil {
				words = append(words, fmt.Sprint(v))
			} else {
				words = append(words, "-")
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

var (
	tableRow  = regexp.MustCompile(`<tr>(<td.*?)</tr>`)
	tableCell = regexp.MustCompile(`<td[^>]*>([^<]*)</td>`)
)

// inHTML are the cells of the rows of a panel's table on the page.
func inHTML(t *testing.T, text, panel string) []string {
	t.Helper()
	_, card, ok := strings.Cut(text, `data-panel="`+panel+`"`)
	if !ok {
		t.Fatalf("the page has no %s", panel)
	}
	card, _, _ = strings.Cut(card, "</article>")
	var out []string
	for _, row := range tableRow.FindAllStringSubmatch(card, -1) {
		var words []string
		for _, c := range tableCell.FindAllStringSubmatch(row[1], -1) {
			words = append(words, c[1])
		}
		out = append(out, strings.Join(words, "|"))
	}
	return out
}

// TestCSVJSONAPIAndPageSayTheSame puts one day of each state and one live occupancy into the published tables and reads them in every way
// there is. Criterion: each way gives the same number, the same interval and the same state, and where there is no number no way gives
// one.
func TestCSVJSONAPIAndPageSayTheSame(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	want, onPage := []string{}, []string{}
	for i, row := range []struct{ value, low, high, state, text string }{
		{"1310", "1200", "1450", "value", "1,310|1,200\u20131,450"},
		{"NULL", "NULL", "NULL", "under_10", "under 10|"},
		{"NULL", "NULL", "NULL", "closed", "closed|"},
		{"NULL", "NULL", "NULL", "no_data", "no data|"},
		{"NULL", "NULL", "NULL", "policy", "not available: policy|"},
		{"10", "0", "35", "value", "10|0\u201335"},
	} {
		day := fmt.Sprintf("2026-03-%02d", 2+i)
		insertAll(t, db, fmt.Sprintf("pub_store_day (store, store_day, weekday, store_week, estimated_visits, estimated_low, estimated_high, estimated_state, visits, visits_state, version) "+
			"VALUES ('a', '%s', 1, '2026-03-02', %s, %s, %s, '%s', %s, '%s', 1)", day, row.value, row.low, row.high, row.state, row.value, row.state))
		line := strings.ReplaceAll(strings.Join([]string{row.value, row.low, row.high, row.state}, " "), "NULL", "-")
		want, onPage = append(want, line), append([]string{row.text}, onPage...) // the page has the newest first
	}
	insertAll(t, db, "pub_store_live (store, start, store_day, local_hour, local_minute, occupancy_state, version) VALUES ('a', '2026-03-07 11:00:00', '2026-03-07', 12, 0, 'quiet', 1)")
	f := newFaces(t, newPanelSource(t, db), time.Date(2026, 3, 7, 11, 2, 0, 0, time.UTC))
	const days = "?store=a&from=2026-03-02&to=2026-03-07"
	names := []string{"estimated_visits", "estimated_low", "estimated_high", "estimated_state"}
	for _, way := range []struct {
		name string
		got  []string
	}{
		{"the page's JSON", inJSON(t, f.get(false, "/api/v1/panels/visits_by_day"+days), names...)},
		{"the page's CSV", inCSV(t, f.get(false, "/api/v1/panels/visits_by_day.csv"+days), names...)},
		{"the API's panel", inJSON(t, f.get(true, "/api/v1/panels/visits_by_day"+days), names...)},
		{"the API's panel as CSV", inCSV(t, f.get(true, "/api/v1/panels/visits_by_day"+days+"&format=csv"), names...)},
		{"the API's table", inJSON(t, f.get(true, "/api/v1/tables/pub_store_day"+days), names...)},
		{"the API's table as CSV", inCSV(t, f.get(true, "/api/v1/tables/pub_store_day"+days+"&format=csv"), names...)},
	} {
		wantLines(t, way.name, way.got, want...)
	}
	whole := f.get(false, "/store/"+days)
	rows := inHTML(t, whole, "visits_by_day")
	if len(rows) != len(onPage) {
		t.Fatalf("got %d rows on the page, want %d: %q", len(rows), len(onPage), rows)
	}
	for i, text := range onPage {
		if !strings.Contains(rows[i], "|"+text) {
			t.Errorf("the page, day %d from the last: got %q, want %q in it", i, rows[i], text)
		}
	}
	live := []string{"occupancy", "occupancy_state"}
	for name, got := range map[string][]string{
		"JSON": inJSON(t, f.get(false, "/api/v1/panels/occupancy_now"+days), live...), "CSV": inCSV(t, f.get(false, "/api/v1/panels/occupancy_now.csv"+days), live...),
		"the API's panel": inJSON(t, f.get(true, "/api/v1/panels/occupancy_now"+days), live...), "the API's table": inJSON(t, f.get(true, "/api/v1/tables/pub_store_live?store=a"), live...),
	} {
		wantLines(t, "live, "+name, got, "- quiet")
	}
	if rows := inHTML(t, whole, "occupancy_now"); len(rows) != 1 || !strings.Contains(rows[0], "quiet") {
		t.Errorf("live, the page: got %q, want quiet", rows)
	}
}
