package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// TestLookShowsTheDemo: after the demo the page shows its last day going on, under this machine's names alone.
func TestLookShowsTheDemo(t *testing.T) {
	needEngine(t)
	dir, tmp := filepath.Join(t.TempDir(), "demo"), t.TempDir()
	t.Setenv("TMPDIR", tmp)
	if err := demo(t.Context(), demoOptions{days: 2, seed: 1, dir: dir}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	db := storetest.OpenDir(t, filepath.Join(dir, "clickhouse"))
	ctx, end := context.WithCancel(t.Context())
	out, done := new(lockedBuffer), make(chan error, 1)
	go func() { done <- look(ctx, db, "127.0.0.1:0", "127.0.0.1:0", out, slog.New(slog.DiscardHandler)) }()
	var address string
	eventually(t, "the page is served", func() bool {
		address = regexp.MustCompile(`http://[^ ]+`).FindString(out.text())
		return address != ""
	})
	text := scrape(t, address)
	if !strings.Contains(text, "Demo Street 1") || !strings.Contains(text, "<table") {
		t.Error("the page names no store, or has no table")
	}
	api := strings.TrimSuffix(address, "/store/") + "/api/v1/panels/visits_by_day.csv?store=demo&from=2026-03-02&to=2026-03-03"
	if csv := scrape(t, api); strings.Count(csv, "\n") != 2 || !strings.Contains(csv, "2026-03-02") {
		t.Errorf("got the CSV %q, want the day that is over", csv)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "elsewhere.example"
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("under another name: got status %d", answer.StatusCode)
	}
	checkLookAPI(t, out)
	end()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(tmp, "footfall-look-*")); err != nil || len(left) > 0 {
		t.Errorf("the token's file is left: %v, %v", left, err)
	}
}

// checkLookAPI runs the curl line that look printed, and reads nothing without the token that is in it.
func checkLookAPI(t *testing.T, out *lockedBuffer) {
	t.Helper()
	line := regexp.MustCompile(`  curl -H 'Authorization: (Bearer ff_[a-z2-7]{32})' '(http://[^']+)'\n`)
	eventually(t, "the API is served", func() bool { return line.MatchString(out.text()) })
	m := line.FindStringSubmatch(out.text())
	ask := func(method, url, token string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", token)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
	if status, body := ask(http.MethodGet, m[2], m[1]); status != http.StatusOK || !strings.Contains(body, `"2026-03-02"`) {
		t.Errorf("got %d, %.300s, want the demo's day that is over", status, body)
	}
	tables, _, _ := strings.Cut(m[2], "panels/")
	for table, want := range map[string][2]string{"pub_store_day": {"2026-03-02", "2026-03-03"}, "pub_store_hour": {"2026-03-03T17:00:00", "2026-03-03T18:00:00"}} { // it is seven in Berlin
		if status, body := ask(http.MethodGet, tables+"tables/"+table+"?store=demo&from=2026-03-02&to=2026-03-04", m[1]); status != http.StatusOK || !strings.Contains(body, want[0]) || strings.Contains(body, want[1]) {
			t.Errorf("%s: got %d, %.300s, want nothing that is later than the page's present", table, status, body)
		}
	}
	if status, body := ask(http.MethodGet, m[2], ""); status != http.StatusUnauthorized || strings.Contains(body, "visits_by_day") {
		t.Errorf("without the token: got %d, %.300s", status, body)
	}
	at, err := url.Parse(m[2])
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := ask(http.MethodPost, "http://"+at.Host+"/import/v1/transactions", m[1]); status != http.StatusNotFound {
		t.Errorf("an import: got %d, want nothing there that takes one", status)
	}
}

func TestLookWantsLoopbackAndAStore(t *testing.T) {
	var out, errs bytes.Buffer
	for _, listen := range []string{"0.0.0.0:8080", "192.0.2.1:80", "8080"} {
		if code := execute(t.Context(), []string{"look", "--listen", listen}, &out, &errs); code != 1 {
			t.Errorf("listening on %s: exit status %d, want 1", listen, code)
		}
	}
	for _, programs := range []string{"0.0.0.0:8081", "8081"} {
		if code := execute(t.Context(), []string{"look", "--api", programs}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "--api") {
			t.Errorf("the API on %s: exit status %d, %s, want 1", programs, code, errs.String())
		}
	}
	if !strings.Contains(errs.String(), "asks nobody who they are") {
		t.Errorf("got %q, want the reason", errs.String())
	}
	needEngine(t)
	if err := look(t.Context(), storetest.Open(t), "127.0.0.1:0", "off", io.Discard, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "make demo") {
		t.Errorf("without a store: got %v, want what to do", err)
	}
}

func TestLookWantsThisFootfallsTables(t *testing.T) {
	needEngine(t)
	older := storetest.Open(t)
	insertAll(t, older, "stores (store, zones, version) VALUES ('a', [], 1)")
	if err := older.Exec(t.Context(), "ALTER TABLE migrations DELETE WHERE number > 7 SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	err := look(t.Context(), older, "127.0.0.1:0", "off", io.Discard, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "footfall migrate") || !strings.Contains(err.Error(), "make demo") {
		t.Errorf("a database of an older footfall: got %v, want what to do", err)
	}
}

// TestLookSaysWhichPortIsTakenAndWhatElseThereIs: the flag to choose another, and where the page is on one that serves it.
func TestLookSaysWhichPortIsTakenAndWhatElseThereIs(t *testing.T) {
	p, err := page.New(page.Options{Query: published{}, Stores: []page.Store{{ID: "demo", TimeZone: "Europe/Berlin"}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	at, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() { done <- servePage(ctx, "127.0.0.1:0", p, func(a net.Addr) { at <- a }) }()
	address := (<-at).String()
	if err := servePage(ctx, address, p, nil); err == nil || !strings.Contains(err.Error(), "--listen") || !strings.Contains(err.Error(), "store_page") {
		t.Errorf("a port that is taken: got %v, want the flag", err)
	}
	answer, err := http.Get("http://" + address + "/nothere")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusNotFound || !strings.Contains(string(body), `<a href="/store/">`) {
		t.Errorf("got %d, %s (%v), want a page that leads to the store's", answer.StatusCode, body, err)
	}
	end()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLookOfNowAndOfLongAgo(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	at, err := lookAt(t.Context(), db)
	if err != nil || time.Since(at()).Abs() > time.Minute {
		t.Errorf("without data: got %v, want now", err)
	}
	insertAll(t, db, hourRows("demo", "2026-03-07", 1, "20", "30", "NULL"))
	at, err = lookAt(t.Context(), db)
	if want := time.Date(2026, time.March, 7, 10, 0, 0, 0, time.UTC); err != nil || !at().Equal(want) {
		t.Errorf("got %v (%v), want %v", at(), err, want)
	}
	insertAll(t, db, hourRows("demo", time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly), 1, "20"))
	at, err = lookAt(t.Context(), db)
	if err != nil || time.Since(at()).Abs() > time.Minute {
		t.Errorf("with data of yesterday: got %v, want now", err)
	}
}

// TestLookOfLongAgoAsksEachStoreForItsOwnDays: by its own clock, whatever it is called.
func TestLookOfLongAgoAsksEachStoreForItsOwnDays(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	for _, id := range []string{"store_day", "east"} {
		for _, day := range []string{"2026-03-06", "2026-03-07", "2026-03-08"} {
			insertAll(t, db, dayRow(id, day, 100, 1))
		}
		insertAll(t, db, fmt.Sprintf("pub_store_week (store, store_week, visitors, visitors_state, version) VALUES ('%[1]s', '2026-02-23', 50, 'value', 1), ('%[1]s', '2026-03-02', 60, 'value', 1)", id))
	}
	now := time.Date(2026, time.March, 7, 16, 0, 0, 0, time.UTC) // Saturday; in Auckland Sunday has begun
	source, err := lookFrom(db, []page.Store{{ID: "store_day", TimeZone: "Europe/Berlin"}, {ID: "east", TimeZone: "Pacific/Auckland"}}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ sql, want string }{
		{"SELECT store, toString(max(store_day)) FROM pub_store_day FINAL GROUP BY store ORDER BY store", "[[east 2026-03-07] [store_day 2026-03-06]]"},
		{"SELECT store, toString(max(store_week)) FROM pub_store_week FINAL GROUP BY store ORDER BY store", "[[east 2026-02-23] [store_day 2026-02-23]]"},
	} {
		got, err := source.Query(t.Context(), c.sql)
		if err != nil || fmt.Sprint(got.Rows) != c.want {
			t.Errorf("%s: got %v, %v, want %s", c.sql, got.Rows, err, c.want)
		}
	}
}

// TestLookAfterADemoThatEndsOnASunday: the store is closed on Sundays, so the page is of Saturday, an hour before it closes at six.
func TestLookAfterADemoThatEndsOnASunday(t *testing.T) {
	needEngine(t)
	dir := filepath.Join(t.TempDir(), "demo")
	if err := demo(t.Context(), demoOptions{days: 7, seed: 1, dir: dir}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	db := storetest.OpenDir(t, filepath.Join(dir, "clickhouse"))
	at, err := lookAt(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	now := at()
	if want := time.Date(2026, time.March, 7, 16, 0, 0, 0, time.UTC); !now.Equal(want) {
		t.Fatalf("got %v, want %v", now, want)
	}
	stores := []page.Store{{ID: "demo", Name: "Demo Street 1", TimeZone: "Europe/Berlin"}}
	source, err := lookFrom(db, stores, now)
	if err != nil {
		t.Fatal(err)
	}
	p, err := page.New(page.Options{Query: source, Stores: stores, Now: at})
	if err != nil {
		t.Fatal(err)
	}
	nothingLater(t, p)
	for id, want := range map[string][2]string{"last_day": {"2026-03-06", "value"}, "today": {"2026-03-07", "value"}} {
		data, err := p.Read(t.Context(), id, false, url.Values{"store": {"demo"}}, func(string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		var got page.PanelAnswer
		if err := json.Unmarshal(data.Body, &got); err != nil {
			t.Fatal(err)
		}
		cell := func(name string) any {
			return got.Rows[0][slices.IndexFunc(got.Columns, func(c page.ColumnInfo) bool { return c.Name == name })]
		}
		if len(got.Rows) != 1 || cell("time") != want[0] || cell("estimated_state") != want[1] {
			t.Errorf("%s: got %v, want a number of %s", id, got.Rows, want[0])
		}
		if id == "today" && cell("until_clock") != "17:00" {
			t.Errorf("today: got until %v, want the hours that are over at five", cell("until_clock"))
		}
	}
}

// nothingLater: at five o'clock on Saturday the last hour is that of four, the last quarter that of a quarter to five, the last day Friday.
func nothingLater(t *testing.T, p *page.Page) {
	t.Helper()
	for _, panel := range panels.All() {
		data, err := p.Read(t.Context(), panel.ID, false, url.Values{"store": {"demo"}}, func(string) bool { return true })
		if err != nil {
			t.Fatalf("%s: %v", panel.ID, err)
		}
		var got page.PanelAnswer
		if err := json.Unmarshal(data.Body, &got); err != nil {
			t.Fatal(err)
		}
		last := map[string]string{}
		for _, row := range got.Rows {
			for i, c := range got.Columns {
				if v, ok := row[i].(string); ok && v > last[c.Name] && (panel.ID != "today_by_hour" || row[1] != nil && row[2] != nil) {
					last[c.Name] = v
				}
			}
		}
		for id, want := range map[string][2]string{
			"visits_by_day": {"time", "2026-03-06"}, "capture_rate": {"time", "2026-03-06"}, "days": {"time", "2026-03-06"}, "data_quality": {"time", "2026-03-06"},
			"conversion": {"time", "2026-03-06"}, "today_by_hour": {"clock", "16:00"}, "occupancy_by_quarter": {"clock", "16:45"},
			"occupancy_now": {"clock", "16:45"}, "trend": {"time", "2026-03-02"},
		} {
			if id == panel.ID && last[want[0]] != want[1] {
				t.Errorf("%s: the last is %q, want %s", id, last[want[0]], want[1])
			}
		}
	}
}
