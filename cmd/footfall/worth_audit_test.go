package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/tokens"
	"github.com/openfootfall/footfall/dashboards/worth"
	"github.com/openfootfall/footfall/dashboards/worth/intake"
	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/stores"
)

// entriesOf are a log's entries, "kind facts" each; its chain is good.
func entriesOf(t *testing.T, path string) (out []string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_, err = audit.Read(file, func(e audit.Entry) error {
		out = append(out, fmt.Sprint(e.Actor, " ", e.Kind, " ", e.Facts))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestWhoBroughtWhatIsInTheAuditLog, whether a command wrote it or footfall serve took it: stores and counts, whose token it was where there
// was one, and nothing of what was in it.
func TestWhoBroughtWhatIsInTheAuditLog(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	if err := store.Insert(t.Context(), db, store.TableStores, []store.StoreRow{{Store: "demo", TimeZone: "Europe/Berlin", Zones: []string{}}}); err != nil {
		t.Fatal(err)
	}
	list, err := stores.Parse([]byte(demoStores))
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	tills := newTokenWorld(t)
	secret, _, err := tills.run("make", "--role", "import", "--name", "tills of Süd", "--expires", "2100-01-01")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := tokens.Open(tokens.Options{File: tills.file})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, token, by string
		intake          func(record *audit.Log) (http.Handler, error)
	}{
		{"import", "", "", func(record *audit.Log) (http.Handler, error) { return directIntake(t.Context(), db, record, quiet) }},
		{"serve", "", "", func(record *audit.Log) (http.Handler, error) {
			m, err := serveIntake(db, list, nil, record, nil, quiet)
			return m.handler, err
		}},
		{"serve", strings.TrimSpace(secret), " token:tills of Süd", func(record *audit.Log) (http.Handler, error) {
			m, err := serveIntake(db, list, gate, record, nil, quiet)
			return m.handler, err
		}},
	} {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		record, err := openLog(path, c.name)
		if err != nil {
			t.Fatal(err)
		}
		h, err := c.intake(record)
		if err != nil {
			t.Fatal(err)
		}
		client := &worthClient{http: &http.Client{Transport: local{h}}, base: "http://127.0.0.1", token: c.token}
		client.mustSend(t, "transactions", "store,day,hour,transactions\ndemo,2026-03-02,9,12\ndemo,2026-03-02,10,7\n")
		client.mustSend(t, "annotations", "store,kind,first_day,last_day,title\ndemo,promotion,2026-03-02,2026-03-07,Spring at Anna's\n,holiday,2026-04-06,2026-04-06,Easter\n")
		spring := worth.Annotation{Store: "demo", Kind: worth.Promotion, Title: "Spring at Anna's", First: dayOf(date("2026-03-02")), Last: dayOf(date("2026-03-07"))}.Named()
		if err := client.annotate(t.Context(), annotateOptions{remove: spring.Name}, worth.Annotation{}, new(bytes.Buffer), nil); err != nil {
			t.Fatal(err)
		}
		if err := record.Close(); err != nil {
			t.Fatal(err)
		}
		wantLines(t, c.name, entriesOf(t, path), c.name+" transactions_imported map[rows:2 store:demo"+c.by+"]",
			c.name+" annotations_noted map[rows:1"+c.by+"]", c.name+" annotations_noted map[rows:1 store:demo"+c.by+"]", c.name+" annotation_removed map[rows:1 store:demo"+c.by+"]")
		if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), "Anna") {
			t.Errorf("%s: the audit log says what was in it: %s (%v)", c.name, text, err)
		}
	}
}

// local has requests come from this machine.
type local struct{ h http.Handler }

// RoundTrip implements http.RoundTripper.
func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	r.RemoteAddr = "127.0.0.1:40000"
	return inProcess(l).RoundTrip(r)
}

// TestAFileOfManyStoresIsOneEntry: the log is not rotated, and a chain sends such a file every day.
func TestAFileOfManyStoresIsOneEntry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	record, err := openLog(path, "serve")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{mostStoresNoted, mostStoresNoted + 1} {
		rows := map[string]int{}
		for i := range n {
			rows[fmt.Sprintf("store-%04d", i)] = 3
		}
		if err := noteChanges(record)(intake.Change{What: intake.Transactions, Rows: rows}); err != nil {
			t.Fatal(err)
		}
	}
	rows := map[string]int{}
	for i := range mostStoresNoted + 1 {
		rows[fmt.Sprintf("store-%04d", i)] = 1
	}
	if err := noteChanges(record)(intake.Change{What: intake.Transactions, Token: "tills", Rows: rows}); err != nil {
		t.Fatal(err)
	}
	if err := noteChanges(nil)(intake.Change{What: intake.Removal, Rows: map[string]int{"a": 1}}); err != nil {
		t.Errorf("without a log: %v", err)
	}
	got := entriesOf(t, path)
	if len(got) != mostStoresNoted+2 || got[mostStoresNoted+1] != "serve transactions_imported map[rows:21 stores:21 token:tills]" || got[0] != "serve transactions_imported map[rows:3 store:store-0000]" || got[mostStoresNoted] != "serve transactions_imported map[rows:63 stores:21]" {
		t.Errorf("got %d entries, from %s to %s", len(got), got[0], got[len(got)-1])
	}
	if err := record.Close(); err != nil {
		t.Fatal(err)
	}
	if err := noteChanges(record)(intake.Change{What: intake.Removal, Rows: map[string]int{"a": 1}}); err == nil {
		t.Error("what a log does not take is no error")
	}
}

// TestTheCommandsTakeAnAuditLog: it is opened before anything is written, and a server has its own.
func TestTheCommandsTakeAnAuditLog(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(broken, []byte("no log\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tills.csv")
	if err := os.WriteFile(file, []byte("store,day,hour,transactions\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, says string
		args       []string
	}{
		{"a damaged log", "is damaged", []string{"import", "transactions", "--clickhouse", "embedded:" + t.TempDir(), "--audit-log", broken, file}},
		{"a damaged log of notes", "is damaged", []string{"annotate", "--list", "--clickhouse", "embedded:" + t.TempDir(), "--audit-log", broken}},
		{"a server's", "of its own", []string{"annotate", "--list", "--server", "http://127.0.0.1:1", "--audit-log", broken}},
	} {
		var out, errs bytes.Buffer
		if code := execute(t.Context(), c.args, &out, &errs); code != 1 || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%s: got %d, %s, want %q", c.name, code, errs.String(), c.says)
		}
	}
	if _, err := (&worthFlags{program: "import", clickhouse: "clickhouse://127.0.0.1:1/x", auditLog: filepath.Join(t.TempDir(), "a.jsonl")}).open(t.Context(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("there is no database, and yet no error")
	}
}
