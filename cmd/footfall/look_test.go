package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
)

// TestLookShowsTheDemo: after the demo the page shows its last day, under this machine's names alone.
func TestLookShowsTheDemo(t *testing.T) {
	needEngine(t)
	dir := filepath.Join(t.TempDir(), "demo")
	if err := demo(t.Context(), demoOptions{days: 2, seed: 1, dir: dir}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	db := storetest.OpenDir(t, filepath.Join(dir, "clickhouse"))
	ctx, end := context.WithCancel(t.Context())
	out, done := new(lockedBuffer), make(chan error, 1)
	go func() { done <- look(ctx, db, "127.0.0.1:0", out, slog.New(slog.DiscardHandler)) }()
	var url string
	eventually(t, "the page is served", func() bool {
		url = regexp.MustCompile(`http://[^ ]+`).FindString(out.text())
		return url != ""
	})
	text := scrape(t, url)
	if !strings.Contains(text, "Demo Street 1") || !strings.Contains(text, "<table") {
		t.Error("the page names no store, or has no table")
	}
	api := strings.TrimSuffix(url, "/store/") + "/api/v1/panels/visits_by_day.csv?store=demo&from=2026-03-02&to=2026-03-03"
	if csv := scrape(t, api); strings.Count(csv, "\n") < 3 || !strings.Contains(csv, "2026-03-03") {
		t.Errorf("got the CSV %q, want the demo's two days", csv)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
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
	end()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLookWantsLoopbackAndAStore(t *testing.T) {
	var out, errs bytes.Buffer
	for _, listen := range []string{"0.0.0.0:8080", "192.0.2.1:80", "8080"} {
		if code := execute(t.Context(), []string{"look", "--listen", listen}, &out, &errs); code != 1 {
			t.Errorf("listening on %s: exit status %d, want 1", listen, code)
		}
	}
	if !strings.Contains(errs.String(), "asks nobody who they are") {
		t.Errorf("got %q, want the reason", errs.String())
	}
	needEngine(t)
	if err := look(t.Context(), storetest.Open(t), "127.0.0.1:0", io.Discard, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "make demo") {
		t.Errorf("without a store: got %v, want what to do", err)
	}
}

func TestLookOfNowAndOfLongAgo(t *testing.T) {
	db := storetest.Open(t)
	at, err := lookAt(t.Context(), db, "Europe/Berlin")
	if err != nil || time.Since(at()).Abs() > time.Minute {
		t.Errorf("without data: got %v, want now", err)
	}
	row := store.PubStoreDayRow{Store: "demo", StoreDay: time.Date(2026, time.March, 7, 0, 0, 0, 0, time.UTC), VisitsState: "value", Version: 1}
	if err := store.Insert(t.Context(), db, store.TablePubStoreDay, []store.PubStoreDayRow{row}); err != nil {
		t.Fatal(err)
	}
	at, err = lookAt(t.Context(), db, "Europe/Berlin")
	if want := time.Date(2026, time.March, 7, 19, 30, 0, 0, time.UTC); err != nil || !at().Equal(want) {
		t.Errorf("got %v (%v), want %v", at(), err, want)
	}
}
