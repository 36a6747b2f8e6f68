package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/dashboards/api"
	"github.com/openfootfall/footfall/dashboards/tokens"
	"github.com/openfootfall/footfall/ingest/audit"
)

func TestWhereTheAPIMayListen(t *testing.T) {
	for _, c := range []struct {
		name, text, says string // nothing where it can run
		listen           string
	}{
		{"nothing", "", "", ""},
		{"tokens", "api: {tokens: a.yaml}", "", defaultAPI},
		{"a port", "api: {tokens: a.yaml, listen: 'localhost:81'}", "", "localhost:81"},
		{"IPv6", "api: {tokens: a.yaml, listen: '[::1]:81'}", "", "[::1]:81"},
		{"no tokens", "api: {listen: '127.0.0.1:81'}", "api.tokens", ""},
		{"a network", "api: {tokens: a.yaml, listen: '0.0.0.0:81'}", "a proxy that speaks TLS", ""},
		{"every address", "api: {tokens: a.yaml, listen: ':81'}", "a proxy that speaks TLS", ""},
		{"no port", "api: {tokens: a.yaml, listen: '127.0.0.1'}", "host:port", ""},
		{"an unknown key", "api: {token: a.yaml}", "field token not found", ""},
		{"the store page's port", "api: {tokens: a.yaml, listen: '127.0.0.1:8080'}", "is where store_page listens already", ""},
		{"Kafka's", "api: {tokens: a.yaml, listen: '127.0.0.1:9092'}", "is where kafka_listen listens already", ""},
		{"the metrics'", "api: {tokens: a.yaml, listen: '127.0.0.1:9466'}", "where metrics listens already", ""},
		{"the pages'", "api: {tokens: a.yaml, listen: '127.0.0.1:8480'}", "where listen listens already", ""},
	} {
		file := filepath.Join(t.TempDir(), "footfall.yaml")
		if err := os.WriteFile(file, []byte("controller: A\ncontact: B\nurl: https://a.example\n"+c.text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var cfg serveConfig
		err := readConfig(file, &cfg, (*serveConfig).check)
		if c.says == "" && (err != nil || cfg.API.Listen != c.listen) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got %v and %q, want %q", c.name, err, cfg.API.Listen, c.says)
		}
	}
}

func TestTheCheckReadsTheTokens(t *testing.T) {
	dir := t.TempDir()
	config, list := filepath.Join(dir, "footfall.yaml"), filepath.Join(dir, "tokens.yaml")
	text := "controller: A\ncontact: B\nurl: https://a.example\nstores: " + project(t, "deploy", "stores.yaml") + "\napi: {tokens: " + list + "}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, tokens string
		code         int
		says         string
	}{{"none yet", "", 0, "valid"}, {"an empty file", "tokens: []\n", 0, "valid"}, {"a file that is wrong", "tokens: [{name: a}]\n", 1, "there is no role"}} {
		if c.tokens != "" {
			if err := os.WriteFile(list, []byte(c.tokens), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if code := execute(t.Context(), []string{"serve", "--check", "--config", config}, &out, &out); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: got %d, %s", c.name, code, out.String())
		}
	}
}

// TestARunningInstallationAsksForTokens: the API answers who has one, takes imports of who has one for that, and the store page beside
// it takes no others.
func TestARunningInstallationAsksForTokens(t *testing.T) {
	dir, show, at := t.TempDir(), freePort(t), freePort(t)
	file := filepath.Join(dir, "tokens.yaml")
	b := startServe(t, dir, freePort(t), "off", show, "api: {tokens: "+file+", listen: '"+at+"'}")
	defer b.stop()
	var office, imports, errs bytes.Buffer
	for role, out := range map[string]*bytes.Buffer{"office": &office, "import": &imports} { // made while it runs
		if code := execute(t.Context(), []string{"token", "make", "--tokens", file, "--role", role, "--name", role, "--expires", "2100-01-01"}, out, &errs); code != 0 {
			t.Fatal(errs.String())
		}
	}
	send := func(method, target, token, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "text/csv")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0 // it does not listen yet
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	eventually(t, "the API answers", func() bool {
		return send("GET", "http://"+at+api.Prefix+"stores", office.String(), "") == http.StatusOK
	})
	eventually(t, "the store page answers", func() bool { return send("GET", "http://"+show+"/store/", "", "") == http.StatusOK })
	const tills = "store,day,hour,transactions\ndemo,2026-03-02,9,12\n"
	for _, c := range []struct {
		name, method, target, token, body string
		want                              int
	}{
		{"no token", "GET", at + api.Prefix + "stores", "", "", 401},
		{"an import that reads", "GET", at + api.Prefix + "stores", imports.String(), "", 403},
		{"an import", "POST", at + "/import/v1/transactions", imports.String(), tills, 200},
		{"an import at the store page", "POST", show + "/import/v1/transactions", imports.String(), tills, 200},
		{"an office that imports", "POST", at + "/import/v1/transactions", office.String(), tills, 403},
		{"an import without a token", "POST", at + "/import/v1/transactions", "", tills, 401},
		{"an import without a token at the store page", "POST", show + "/import/v1/transactions", "", tills, 401},
		{"the page is not at the API's port", "GET", at + "/store/", "", "", 404},
		{"what was imported", "GET", at + api.Prefix + "tables/pub_transactions?from=2026-03-02&to=2026-03-02", office.String(), "", 200},
	} {
		if got := send(c.method, "http://"+c.target, c.token, c.body); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
	for _, secret := range []string{office.String(), imports.String()} {
		if strings.Contains(b.log.text(), strings.TrimSpace(secret)) {
			t.Error("a token is in the log")
		}
	}
}

func TestWhatIsReadIsTalliedByDay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	now := time.Date(2026, time.March, 4, 23, 59, 0, 0, time.UTC)
	log, err := audit.Open(path, "serve", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	tally := newReadTally(log, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	for _, u := range []api.Use{
		{Role: tokens.Manager, What: "pub_store_day", Rows: 7}, {Role: tokens.Manager, What: "pub_store_day", Rows: 3}, {Role: tokens.Manager},
		{Role: tokens.Office, What: "visits_by_day", Rows: audit.MaxNumber}, {Role: tokens.Office, What: "visits_by_day", Rows: 1}, {Role: tokens.Operator, What: "pub_sensor_5min"}, {Role: "", What: ""},
	} {
		tally.note(u)
	}
	if err := tally.write(utcDay(now)); err != nil || log.Summary().Entries != 0 {
		t.Errorf("within the day: got %d entries, %v", log.Summary().Entries, err)
	}
	now = now.Add(time.Hour)
	for range 2 { // the second finds nothing to write
		if err := tally.write(utcDay(now)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := audit.Read(file, func(e audit.Entry) error {
		got = append(got, string(e.Kind)+factsLine(e.Facts))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"views  day 2026-03-04  count 3  role manager", "views  day 2026-03-04  count 2  role office", "views  day 2026-03-04  count 1  role operator",
		"export  day 2026-03-04  place pub_store_day  role manager  rows 10", "export  day 2026-03-04  place visits_by_day  role office  rows 1000000000",
		"export  day 2026-03-04  place pub_sensor_5min  role operator  rows 0",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	tally.note(api.Use{Role: tokens.Office, What: "pub_store_day", Rows: 1})
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(0, 0, 1)
	if err := tally.write(utcDay(now)); err == nil || len(tally.views) != 1 || len(tally.rows) != 1 {
		t.Errorf("a log that takes nothing: got %v, and the counts %v", err, tally.views)
	}
}
