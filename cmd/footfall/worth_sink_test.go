package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/tokens"
	"github.com/openfootfall/footfall/dashboards/worth"
)

// worthDB is a database that knows the store a, and a client that writes into it.
func worthDB(t *testing.T) (*store.DB, *worthClient) {
	t.Helper()
	needEngine(t)
	db := storetest.Open(t)
	if err := store.Insert(t.Context(), db, store.TableStores, []store.StoreRow{{Store: "a", TimeZone: "Europe/Berlin", Zones: []string{}}}); err != nil {
		t.Fatal(err)
	}
	h, err := directIntake(t.Context(), db, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return db, &worthClient{http: &http.Client{Transport: inProcess{h}}, base: "http://127.0.0.1"}
}

func (c *worthClient) mustSend(t *testing.T, what, file string) string {
	t.Helper()
	var out bytes.Buffer
	if err := c.send(t.Context(), what, strings.NewReader(file), false, &out, &out); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return out.String()
}

// transactionsOf are the cells that stand, a line each.
func transactionsOf(t *testing.T, db *store.DB) (out []string) {
	t.Helper()
	rows, err := store.Select[store.PubTransactionsRow](t.Context(), db, "SELECT * FROM pub_transactions FINAL ORDER BY start")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		out = append(out, fmt.Sprintf("%s %s %s %d %d %d", r.Store, r.Start.Format("01-02 15:04"), r.StoreDay.Format("01-02"), r.LocalHour, r.Weekday, r.Transactions))
	}
	return out
}

func TestAnHourThatIsImportedAgainIsReplaced(t *testing.T) {
	db, c := worthDB(t)
	const first = "store,day,hour,transactions\na,2026-03-02,9,12\na,2026-03-02,10,30\na,2026-03-09,0,2\n"
	want := []string{"a 03-02 08:00 03-02 9 1 12", "a 03-02 09:00 03-02 10 1 30", "a 03-08 23:00 03-08 0 7 2"}
	for range 2 { // again changes nothing
		if got := c.mustSend(t, "transactions", first); got != "44 transactions in 3 hours written, from 3 lines\n" {
			t.Errorf("got %q", got)
		}
		wantLines(t, "cells", transactionsOf(t, db), want...)
	}
	c.mustSend(t, "transactions", "store,start,transactions\na,2026-03-02T10:00:00+01:00,29\n")
	want[1] = "a 03-02 09:00 03-02 10 1 29"
	wantLines(t, "after a correction", transactionsOf(t, db), want...)
	if err := db.Exec(t.Context(), "INSERT INTO pub_transactions (store, start, version) VALUES ('b', 0, ?)", uint64(time.Now().AddDate(1, 0, 0).UnixMicro())); err != nil { // a clock was put back
		t.Fatal(err)
	}
	c.mustSend(t, "transactions", "store,day,hour,transactions\na,2026-03-02,10,28\n")
	if got := transactionsOf(t, db)[2]; got != "a 03-02 09:00 03-02 10 1 28" {
		t.Errorf("got %s, want the newest import", got)
	}
	before := transactionsOf(t, db)
	var out bytes.Buffer
	err := c.send(t.Context(), "transactions", strings.NewReader("store,day,hour,transactions\na,2026-03-03,9,7\na,2026-03-03,10,-7\n"), false, &out, &out)
	if err == nil || !strings.Contains(out.String(), "line 3: the transactions \"-7\" are negative") {
		t.Errorf("got %v, %s", err, out.String())
	}
	wantLines(t, "after a bad file", transactionsOf(t, db), before...)
}

// TestADayOnWhichClocksGoBackHasItsSalesOnce however its two hours of one name come: by instants, which tell them apart, and by the
// till's clock, which does not.
func TestADayOnWhichClocksGoBackHasItsSalesOnce(t *testing.T) {
	const (
		byStart = "store,start,transactions\na,2025-10-26T01:00:00+02:00,1\na,2025-10-26T02:00:00+02:00,3\na,2025-10-26T02:00:00+01:00,4\na,2025-10-26T03:00:00+01:00,9\n"
		byHour  = "store,day,hour,transactions\na,2025-10-26,1,1\na,2025-10-26,2,7\na,2025-10-26,3,9\n"
	)
	apart := []string{"a 10-25 23:00 10-25 1 6 1", "a 10-26 00:00 10-25 2 6 3", "a 10-26 01:00 10-25 2 6 4", "a 10-26 02:00 10-25 3 6 9"}
	together := []string{apart[0], "a 10-26 00:00 10-25 2 6 7", "a 10-26 01:00 10-25 2 6 0", apart[3]}
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"by instants", []string{byStart}, apart},
		{"by the clock", []string{byHour}, together},
		{"by instants, then by the clock", []string{byStart, byHour}, together},
		{"by the clock, then by instants", []string{byHour, byStart}, apart},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, client := worthDB(t)
			for _, file := range c.files {
				client.mustSend(t, "transactions", file)
			}
			wantLines(t, "cells", transactionsOf(t, db), c.want...)
		})
	}
}

func TestWhatIsNotedIsThereOnceAndCanBeRemoved(t *testing.T) {
	db, c := worthDB(t)
	const file = "store,kind,first_day,last_day,title\na,promotion,2026-03-02,2026-03-07,Spring\n,holiday,2026-04-06,2026-04-06,Easter\n"
	c.mustSend(t, "annotations", file)
	c.mustSend(t, "annotations", file)
	listed := func() []string {
		var out bytes.Buffer
		if err := c.list(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(out.String()), "\n")
	}
	got := listed()
	if len(got) != 3 || !strings.Contains(got[1], "Spring") || !strings.Contains(got[2], "all stores") {
		t.Fatalf("got %q", got)
	}
	name, _, _ := strings.Cut(got[1], " ")
	if err := c.annotate(t.Context(), annotateOptions{remove: name}, worth.Annotation{}, new(bytes.Buffer), nil); err != nil {
		t.Fatal(err)
	}
	if got := listed(); len(got) != 2 {
		t.Errorf("got %q after it was removed", got)
	}
	c.mustSend(t, "annotations", file)
	if got := listed(); len(got) != 3 {
		t.Errorf("got %q after it was noted again", got)
	}
	if n, err := store.Value[uint64](t.Context(), db, "SELECT count() FROM pub_annotations FINAL"); err != nil || n != 2 {
		t.Errorf("got %d rows, %v, want 2", n, err)
	}
}

func TestARunningInstallationTakesTransactions(t *testing.T) {
	dir, page := t.TempDir(), freePort(t)
	b := startServe(t, dir, freePort(t), "off", page)
	defer b.stop()
	file := filepath.Join(dir, "tills.csv")
	if err := os.WriteFile(file, []byte("store,day,hour,transactions\ndemo,2026-03-02,9,12\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 200 { // until the page's server listens
		if r, err := http.Get("http://" + page + "/import/v1/annotations"); err == nil {
			_ = r.Body.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	var out, errs bytes.Buffer
	if code := execute(t.Context(), []string{"import", "transactions", "--server", "http://" + page, file}, &out, &errs); code != 0 || out.String() != "12 transactions in 1 hour written, from 1 line\n" {
		t.Fatalf("got %d, %s, %s", code, out.String(), errs.String())
	}
	out.Reset()
	if code := execute(t.Context(), []string{"annotate", "--server", "http://" + page, "--store", "demo", "--from", "2026-03-02", "--title", "Spring"}, &out, &errs); code != 0 {
		t.Errorf("got %d, %s", code, errs.String())
	}
	if code := execute(t.Context(), []string{"annotate", "--server", "http://" + page, "--list"}, &out, &errs); code != 0 || !strings.Contains(out.String(), "Spring") {
		t.Errorf("got %d, %s, %s", code, out.String(), errs.String())
	}
	r, err := http.Post("http://"+page+"/import/v1/transactions", "text/csv", strings.NewReader("store,day,hour,transactions\ndemo,2026-03-02,9,99\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _ = r.Body.Close(); r.StatusCode != http.StatusForbidden {
		t.Errorf("got status %d of a request as a page's, want it refused", r.StatusCode)
	}
}

// TestWhatIsWrittenIsSaidInSalesAndHours: two lines of an hour that came twice are one hour, and one of anything is no plural.
func TestWhatIsWrittenIsSaidInSalesAndHours(t *testing.T) {
	_, c := worthDB(t)
	for _, row := range []struct{ what, file, want string }{
		{"transactions", "store,day,hour,transactions\na,2026-03-02,9,41\na,2026-03-02,10,11\n", "52 transactions in 2 hours written, from 2 lines\n"},
		{"transactions", "store,day,hour,transactions\na,2026-03-02,9,1\n", "1 transaction in 1 hour written, from 1 line\n"},
		{"transactions", "store,day,hour,transactions\na,2026-03-02,9,0\n", "0 transactions in 1 hour written, from 1 line\n"},
		{"transactions", "store,day,hour,transactions\na,2025-10-26,2,3\na,2025-10-26,2,4\n", "7 transactions in 1 hour written, from 2 lines\n" +
			"2 lines are of an hour that the store's clock showed twice: it is one hour here, which begins with the first\n"},
		{"annotations", "store,kind,first_day,last_day,title\na,promotion,2026-03-02,2026-03-07,Spring\n", "1 annotation written, from 1 line\n"},
	} {
		if got := c.mustSend(t, row.what, row.file); got != row.want {
			t.Errorf("%s: got %q, want %q", row.file, got, row.want)
		}
	}
	var out bytes.Buffer
	err := c.send(t.Context(), "transactions", strings.NewReader("store,day,hour,transactions\na,2026-03-02,9,2\na,2026-03-02,9,-2\na,2026-03-02,10,x\n"), true, &out, &out)
	if want := "2 transactions in 1 hour written, from 1 line; 2 lines were wrong and are left out\n"; err != nil || !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %q, %v, want %q", out.String(), err, want)
	}
}

// TestAServerThatWantsATokenIsSaidInFlags, and not in headers, which the command writes itself.
func TestAServerThatWantsATokenIsSaidInFlags(t *testing.T) {
	gate, err := tokens.Open(tokens.Options{File: filepath.Join(t.TempDir(), "tokens.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	m, err := serveIntake(nil, nil, gate, nil, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(m.handler)
	defer server.Close()
	dir := t.TempDir()
	file, token := filepath.Join(dir, "tills.csv"), filepath.Join(dir, "import.token")
	if err := errors.Join(os.WriteFile(file, []byte("store,day,hour,transactions\ndemo,2026-03-02,9,12\n"), 0o600), os.WriteFile(token, []byte("ff_"+strings.Repeat("a", 32)+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{{nil, "--token-file"}, {[]string{"--token-file", token}, "the token is unknown, revoked or has ended"}} {
		var out, errs bytes.Buffer
		args := append(append([]string{"import", "transactions", "--server", server.URL}, c.args...), file)
		if code := execute(t.Context(), args, &out, &errs); code != 1 || !strings.Contains(errs.String(), c.says) || strings.Contains(errs.String(), "Bearer") {
			t.Errorf("%q: got %d, %s, want %q", c.args, code, errs.String(), c.says)
		}
	}
}
