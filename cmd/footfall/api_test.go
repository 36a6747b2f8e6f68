package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/api"
	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/stores"
)

// apiBox is the API over the demo's data, on a port of its own.
type apiBox struct {
	t       *testing.T
	db      *store.DB
	base    string
	log     *lockedBuffer
	record  string // the audit log
	secrets map[string]string
	end     func()
}

// startAPI serves it with a token of each role; the manager's and one operator's are of the store demo.
func startAPI(t *testing.T, days int) *apiBox {
	t.Helper()
	needEngine(t)
	dir := t.TempDir()
	if err := demo(t.Context(), demoOptions{days: days, seed: 1, dir: dir + "/demo"}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	b := &apiBox{t: t, db: storetest.OpenDir(t, dir+"/demo/clickhouse"), log: new(lockedBuffer), record: dir + "/audit.jsonl", secrets: map[string]string{}}
	for _, row := range []string{
		"pub_store_day (store, store_day, visits, visits_state, version) VALUES ('elsewhere', '2026-03-02', 995, 'value', 1)",
		"pub_sensor_5min (store, sensor, start, listened_s, drops, version) VALUES ('elsewhere', 'door', '2026-03-02 09:00:00', 300, map('weak', 3), 1)",
		"pub_retention (day, kind, store, name, checked_at, state, version) VALUES ('2026-03-02', 'table', '', 'pub_store_day', '2026-03-02 06:00:00', 'ok', 1)",
		"pub_annotations (annotation, store, kind, title, first_day, last_day, removed, version) VALUES ('spring', '', 'promotion', '=Spring', '2026-02-20', '2026-03-20', false, 1), " +
			"('gone', 'demo', 'other', 'gone', '2026-03-02', '2026-03-02', true, 1), ('theirs', 'elsewhere', 'other', 'theirs', '2026-03-02', '2026-03-02', false, 1)",
		"pub_effects (annotation, store, method, effect_pct, low_pct, high_pct, state, version) VALUES ('spring', 'demo', 'weeks_before', 7, 3, 11, 'value', 1), ('gone', 'demo', 'weeks_before', 7, 3, 11, 'value', 1)",
	} {
		if err := b.db.Exec(t.Context(), "INSERT INTO "+row); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "tokens.yaml")
	for name, args := range map[string]string{
		"manager": "--role manager --store demo", "office": "--role office", "operator": "--role operator", "operator of demo": "--role operator --store demo", "import": "--role import",
	} {
		var out, errs bytes.Buffer
		if code := execute(t.Context(), append([]string{"token", "make", "--tokens", file, "--name", name, "--expires", "2100-01-01"}, strings.Fields(args)...), &out, &errs); code != 0 {
			t.Fatal(errs.String())
		}
		b.secrets[name] = strings.TrimSpace(out.String())
	}
	list, err := stores.Parse([]byte(demoStores))
	if err != nil {
		t.Fatal(err)
	}
	b.serve(list, file)
	return b
}

func (b *apiBox) serve(list []stores.Store, file string) {
	b.t.Helper()
	record, err := openLog(b.record, "serve")
	if err != nil {
		b.t.Fatal(err)
	}
	at := make(chan net.Addr, 1)
	in := serveInput{stores: list, log: slog.New(slog.NewTextHandler(b.log, nil)), onAPI: func(a net.Addr) { at <- a }}
	in.cfg.StorePage, in.cfg.API = "off", apiConfig{Tokens: file, Listen: "127.0.0.1:0"}
	n, err := newNumbers(in, b.db, record, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, end := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- n.run(ctx) }()
	select {
	case a := <-at:
		b.base = "http://" + a.String()
	case err := <-done:
		b.t.Fatalf("the API ended: %v", err)
	}
	ended := false
	b.end = func() {
		if ended {
			return
		}
		ended = true
		end()
		if err := <-done; err != nil {
			b.t.Errorf("the API ended with %v", err)
		}
		if err := record.Close(); err != nil {
			b.t.Error(err)
		}
	}
	b.t.Cleanup(b.end)
}

func (b *apiBox) get(who, path string) (status int, body string, header http.Header) {
	b.t.Helper()
	q, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if who != "" {
		q.Header.Set("Authorization", "Bearer "+b.secrets[who])
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r.StatusCode, string(text), r.Header
}

// pages are all rows of a table, by pages.
func (b *apiBox) pages(who, path string) (rows []map[string]any) {
	b.t.Helper()
	for range 1000 {
		status, body, header := b.get(who, path)
		var answer struct{ Rows []map[string]any }
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
			b.t.Fatalf("%s: got %d %s, %v", path, status, body, err)
		}
		rows = append(rows, answer.Rows...)
		link := regexp.MustCompile(`^<(.*)>; rel="next"$`).FindStringSubmatch(header.Get("Link"))
		if link == nil {
			return rows
		}
		path = link[1]
	}
	b.t.Fatalf("%s: the pages do not end", path)
	return nil
}

// ranged is a table's path with a range where it has days.
func ranged(info tableDescribed, more ...string) string {
	q := url.Values{}
	if slices.Contains(info.Parameters, "from") {
		q.Set("from", "2026-02-23")
		q.Set("to", "2026-03-29")
	}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return api.Prefix + "tables/" + info.Table + "?" + q.Encode()
}

type tableDescribed struct {
	Table      string
	Key        []string
	Parameters []string
	Columns    []struct{ Name, Kind, Comment string }
}

func (b *apiBox) tables(who string) []tableDescribed {
	b.t.Helper()
	var list struct{ Tables []tableDescribed }
	if _, body, _ := b.get(who, api.Prefix+"tables"); json.Unmarshal([]byte(body), &list) != nil {
		b.t.Fatalf("got %s", body)
	}
	return list.Tables
}

// Every published table of the database is served to an office, with every column and its comment; the rows are those of the database,
// each once, in JSON by pages and in CSV.
func TestTheAPIServesEveryPublishedTableOfTheDemo(t *testing.T) {
	b := startAPI(t, 8) // a whole week
	var served []string
	var described struct {
		Paths      map[string]any
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Description string }
			}
		}
	}
	if _, body, _ := b.get("", api.Prefix+"openapi.json"); json.Unmarshal([]byte(body), &described) != nil {
		t.Fatalf("got %s", body)
	}
	for _, info := range b.tables("office") {
		served = append(served, info.Table)
		if described.Paths[api.Prefix+"tables/"+info.Table] == nil {
			t.Errorf("%s is not described", info.Table)
		}
		var columns []string
		for _, c := range info.Columns {
			if got := described.Components.Schemas["row_of_"+info.Table].Properties[c.Name].Description; got != c.Comment {
				t.Errorf("%s.%s is described as %q, want %q", info.Table, c.Name, got, c.Comment)
			}
			columns = append(columns, c.Name+": "+c.Comment)
		}
		want, err := b.db.Rows(t.Context(), "SELECT name || ': ' || comment FROM system.columns WHERE database = currentDatabase() AND table = '"+info.Table+"' AND name NOT IN ('version', 'removed') ORDER BY position")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(columns, "\n"), strings.ReplaceAll(strings.Trim(fmt.Sprint(want.Cells), "[]"), "] [", "\n"); got != want {
			t.Errorf("%s: got the columns\n%s\nwant\n%s", info.Table, got, want)
		}
		where := " WHERE store IN ('demo', '')"
		if info.Table == "pub_annotations" {
			where += " AND NOT removed"
		}
		if info.Table == "pub_effects" {
			where += " AND annotation != 'gone'"
		}
		count, err := store.Value[uint64](t.Context(), b.db, "SELECT count() FROM "+info.Table+" FINAL"+where)
		if err != nil {
			t.Fatal(err)
		}
		rows := b.pages("office", ranged(info, "limit", "97"))
		keys := map[string]bool{}
		for _, row := range rows {
			var key []string
			for _, k := range info.Key {
				key = append(key, fmt.Sprint(row[k]))
			}
			keys[strings.Join(key, "|")] = true
		}
		if len(rows) != int(count) || len(keys) != len(rows) {
			t.Errorf("%s: got %d rows, %d of them unlike, want %d", info.Table, len(rows), len(keys), count)
		}
		if strings.HasPrefix(info.Table, "pub_store_") && info.Table != "pub_store_live" && len(rows) == 0 {
			t.Errorf("%s: the demo has no rows of it", info.Table)
		}
		b.sameAsCSV(info, rows)
	}
	slices.Sort(served)
	if want := publishedTables(t); !slices.Equal(served, want) {
		t.Errorf("got tables %v, want %v: say in dashboards/api/rights.go who reads a new one", served, want)
	}
}

// sameAsCSV holds the CSV of a table against its rows in JSON.
func (b *apiBox) sameAsCSV(info tableDescribed, rows []map[string]any) {
	b.t.Helper()
	_, body, _ := b.get("office", ranged(info, "format", "csv"))
	lines, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(lines) != len(rows)+1 {
		b.t.Errorf("%s: got %d lines of CSV, %v, want %d", info.Table, len(lines), err, len(rows)+1)
		return
	}
	for i, row := range rows {
		for j, c := range info.Columns {
			want := ""
			switch v := row[c.Name].(type) {
			case nil:
			case float64:
				want = fmt.Sprintf("%.0f", v)
			case map[string]any:
				var got map[string]any
				if err := json.Unmarshal([]byte(lines[i+1][j]), &got); err != nil || fmt.Sprint(got) != fmt.Sprint(v) {
					b.t.Errorf("%s: line %d: got %s %q, want %v", info.Table, i+1, c.Name, lines[i+1][j], v)
				}
				continue
			default:
				want = fmt.Sprint(v)
			}
			if got := strings.TrimPrefix(lines[i+1][j], "'"); got != want {
				b.t.Errorf("%s: line %d: got %s %q, want %q", info.Table, i+1, c.Name, got, want)
			}
		}
	}
}

// A token sees rows of its stores, and what holds for all of them where that is said.
func TestTokensSeeTheirStoresOnTheDemo(t *testing.T) {
	b := startAPI(t, 1)
	const days = "?from=2026-03-01&to=2026-03-07"
	for _, c := range []struct {
		who, path, has, not string
		status              int
	}{
		{"manager", "tables/pub_store_day" + days, `"store":"demo"`, "995", 200},
		{"manager", "tables/pub_store_day" + days + "&store=elsewhere", "another token", "995", 403},
		{"office", "tables/pub_store_day" + days, `"store":"demo"`, "995", 200}, // of the stores of stores.yaml
		{"manager", "tables/pub_annotations" + days, `"annotation":"spring"`, "gone", 200},
		{"manager", "tables/pub_annotations" + days, `"store":""`, "theirs", 200},
		{"manager", "tables/pub_effects?store=demo", `"annotation":"spring"`, "gone", 200}, // of which the annotation was removed
		{"manager", "tables/pub_annotations?from=2026-03-21&to=2026-03-22", `"rows":[]`, "spring", 200},
		{"manager", "tables/pub_annotations" + days + "&format=csv", "'=Spring", ",=Spring", 200},
		{"operator", "tables/pub_retention" + days, `"name":"pub_store_day"`, "visits", 200},
		{"operator of demo", "tables/pub_retention" + days, `"rows":[]`, "pub_store_day\",\"checked", 200},
		{"operator", "tables/pub_sensor_5min" + days, `"drops":{`, "elsewhere", 200},
		{"operator", "tables/pub_store_day" + days, "another role", "demo", 403},
		{"manager", "panels/visits_by_day" + days + "&store=demo", `"panel":"visits_by_day"`, "elsewhere", 200},
		{"manager", "panels/visits_by_day" + days + "&store=elsewhere", "another token", "995", 403},
		{"operator", "panels/sensors_last" + days, `"panel":"sensors_last"`, "elsewhere", 200},
		{"import", "tables/pub_store_day" + days, "another role", "demo", 403},
		{"", "tables/pub_store_day" + days, "Bearer", "demo", 401},
		{"", "openapi.json", `"openapi": "3.1.0"`, "demo", 200},
	} {
		status, body, _ := b.get(c.who, api.Prefix+c.path)
		if status != c.status || !strings.Contains(body, c.has) || strings.Contains(body, c.not) {
			t.Errorf("%s %s: got %d %.600s, want %d, %s and no %s", c.who, c.path, status, body, c.status, c.has, c.not)
		}
	}
	for _, secret := range b.secrets {
		if strings.Contains(b.log.text(), secret) {
			t.Error("a token is in the log")
		}
	}
}

// TestTheCurlLinesOfTheAPIsREADME runs them, as a manager of the demo's store.
func TestTheCurlLinesOfTheAPIsREADME(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("skipped: there is no curl")
	}
	b := startAPI(t, 2)
	_, rest, _ := strings.Cut(readProject(t, "dashboards/api/README.md"), "```sh\n")
	script, _, ok := strings.Cut(rest, "```")
	if !ok || strings.Count(script, "curl -sf") < 8 {
		t.Fatalf("got the script %q", script)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", strings.ReplaceAll(script, "http://"+defaultAPI, b.base))
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "TOKEN="+b.secrets["manager"])
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{`"id":"demo"`, `"table":"pub_store_day"`, `"visits_state":"value"`, `"next":"`, `"panel":"visits_by_day"`, `"openapi": "3.1.0"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nothing of %s", want)
		}
	}
	if hours, err := os.ReadFile(filepath.Join(cmd.Dir, "hours.csv")); err != nil || !strings.HasPrefix(string(hours), "store,start,store_day,") || bytes.Count(hours, []byte("\n")) < 10 {
		t.Errorf("got %.100s, %v", hours, err)
	}
	b.end()
	b.checkNoted()
}

// checkNoted: what was read stands in the audit log, by role, and nothing of whose token or which store it was.
func (b *apiBox) checkNoted() {
	b.t.Helper()
	file, err := os.Open(b.record)
	if err != nil {
		b.t.Fatal(err)
	}
	defer file.Close()
	var got []string
	if _, err := audit.Read(file, func(e audit.Entry) error {
		if e.Kind == audit.Views || e.Kind == audit.Export {
			delete(e.Facts, string(audit.Day))
			got = append(got, fmt.Sprint(e.Kind, e.Facts))
		}
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{"viewsmap[count:7 role:manager]", "exportmap[place:pub_store_day role:manager rows:2]", "exportmap[place:visits_by_day role:manager rows:2]"} {
		if !strings.Contains(all, want) {
			b.t.Errorf("got %s, want %s in it", all, want)
		}
	}
	if len(got) != 4 { // and the hours
		b.t.Errorf("got %d entries, want 4", len(got))
	}
}
