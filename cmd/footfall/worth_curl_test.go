package main

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/tokens"
	"github.com/openfootfall/footfall/dashboards/worth"
	"github.com/openfootfall/footfall/ingest/stores"
)

// TestTheCurlLinesOfTheImportsREADME runs them: those without a token as a program on this machine, those with one as the till's.
func TestTheCurlLinesOfTheImportsREADME(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("skipped: there is no curl")
	}
	needEngine(t)
	list, err := stores.Parse([]byte(demoStores))
	if err != nil {
		t.Fatal(err)
	}
	db, dir := storetest.Open(t), t.TempDir()
	for name, text := range map[string]string{
		"tills.csv":    "store,day,hour,transactions\ndemo,2026-03-02,9,12\ndemo,2026-03-02,10,7\n",
		"calendar.csv": "store,kind,first_day,last_day,title\ndemo,promotion,2026-03-02,2026-03-07,Spring\n,holiday,2026-04-06,2026-04-06,Easter\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "tokens.yaml")
	var token, errs bytes.Buffer
	if code := execute(t.Context(), []string{"token", "make", "--tokens", file, "--role", "import", "--name", "tills", "--expires", "2100-01-01"}, &token, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	gate, err := tokens.Open(tokens.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	spring := worth.Annotation{Store: "demo", Kind: worth.Promotion, Title: "Spring", First: dayOf(date("2026-03-02")), Last: dayOf(date("2026-03-07"))}.Named()
	var scripts []string
	for _, part := range strings.Split(readProject(t, "dashboards/worth/README.md"), "```sh\n")[1:] {
		script, _, _ := strings.Cut(part, "```")
		scripts = append(scripts, script)
	}
	if len(scripts) != 2 || strings.Count(scripts[0]+scripts[1], "curl -sf") != 6 {
		t.Fatalf("got the scripts %q", scripts)
	}
	for i, c := range []struct {
		gate *tokens.Tokens
		at   string
		want []string
	}{
		{nil, defaultLook, []string{`"good":2`, `"written":2`}},
		{gate, defaultAPI, []string{`"good":2`, `"title":"Easter"`, `"removed":"` + spring.Name + `"`}},
	} {
		m, err := serveIntake(db, list, c.gate, nil, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(localOnly(m.handler))
		cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", strings.ReplaceAll(scripts[i], "http://"+c.at, server.URL))
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "TOKEN="+strings.TrimSpace(token.String()), "NAME="+spring.Name)
		out, err := cmd.CombinedOutput()
		server.Close()
		if err != nil {
			t.Fatalf("%v: %s of %s", err, out, scripts[i])
		}
		for _, want := range c.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("nothing of %s in %s", want, out)
			}
		}
	}
	wantLines(t, "transactions", transactionsOf(t, db), "demo 03-02 08:00 03-02 9 1 12", "demo 03-02 09:00 03-02 10 1 7")
	if n, err := store.Value[uint64](t.Context(), db, "SELECT count() FROM pub_annotations FINAL WHERE NOT removed"); err != nil || n != 1 {
		t.Errorf("got %d annotations, %v, want Easter alone", n, err)
	}
}
