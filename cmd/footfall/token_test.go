package main

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/dashboards/tokens"
)

// tokenWorld is footfall token on a file of its own, on a day in March.
type tokenWorld struct {
	t    *testing.T
	file string
	now  time.Time
}

func newTokenWorld(t *testing.T) *tokenWorld {
	return &tokenWorld{t, filepath.Join(t.TempDir(), "tokens.yaml"), time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)}
}

func (w *tokenWorld) run(args ...string) (out, errs string, err error) {
	w.t.Helper()
	var o, e bytes.Buffer
	k := &tokenRun{now: func() time.Time { return w.now }, random: rand.Reader, out: &o, errs: &e}
	err = k.run(append([]string{args[0], "--tokens", w.file}, args[1:]...))
	return o.String(), e.String(), err
}

func TestATokenFromItsMakingToItsEnd(t *testing.T) {
	w := newTokenWorld(t)
	if out, _, err := w.run("list"); err != nil || !strings.Contains(out, "footfall token make") {
		t.Errorf("without a file: got %q, %v", out, err)
	}
	secret, errs, err := w.run("make", "--role", "manager", "--store", "quay", "--store", "far", "--name", "Grüße, \"Quay\" & co", "--expires", "2026-03-06")
	secret = strings.TrimSpace(secret)
	if err != nil || !strings.HasPrefix(secret, "ff_") || strings.ContainsAny(secret, " \n") || !strings.Contains(errs, "this once") {
		t.Fatalf("got %q, %q, %v", secret, errs, err)
	}
	if _, _, err := w.run("make", "--role", "office", "--name", "office", "--expires", "2027-01-01"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(w.file)
	if err != nil || strings.Contains(string(text), secret) {
		t.Errorf("the file holds the token (%v)", err)
	}
	out, _, err := w.run("list")
	want := "name                role      made        ends        stores\n" +
		"Grüße, \"Quay\" & co  manager   2026-03-04  2026-03-06  quay far\n" +
		"office              office    2026-03-04  2027-01-01  all\n"
	if err != nil || out != want {
		t.Errorf("got\n%s%v, want\n%s", out, err, want)
	}
	gate, err := tokens.Open(tokens.Options{File: w.file, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	may := func() bool {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		return gate.Allow(r, tokens.Manager, "far") == nil
	}
	if !may() {
		t.Error("the token does not open what it is for")
	}
	w.now = w.now.AddDate(0, 0, 2)
	if out, _, _ := w.run("list"); may() || strings.Count(out, "it has ended") != 1 {
		t.Errorf("the token has not ended: %s", out)
	}
	w.now = w.now.AddDate(0, 0, -2)
	if _, _, err := w.run("revoke", "--name", "Grüße, \"Quay\" & co"); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Second)
	if out, _, _ := w.run("list"); may() || strings.Contains(out, "quay") {
		t.Errorf("the token is not revoked: %s", out)
	}
}

// TestNoTokenIsRevokedInAFileThatIsNotThere: it is said what to do, and nothing is left beside it.
func TestNoTokenIsRevokedInAFileThatIsNotThere(t *testing.T) {
	w := newTokenWorld(t)
	_, _, err := w.run("revoke", "--name", "office")
	if err == nil || !strings.Contains(err.Error(), "there is no file of tokens "+w.file) || !strings.Contains(err.Error(), "--tokens") {
		t.Errorf("got %v, want what to do", err)
	}
	if left, err := os.ReadDir(filepath.Dir(w.file)); err != nil || len(left) > 0 {
		t.Errorf("got %v (%v), want nothing left", left, err)
	}
}

func TestTokensThatAreNotMade(t *testing.T) {
	w := newTokenWorld(t)
	if _, _, err := w.run("make", "--role", "office", "--name", "office", "--expires", "2027-01-01"); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(w.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"no role", []string{"make", "--name", "a", "--expires", "2027-01-01"}, "--role is missing"},
		{"no name", []string{"make", "--role", "office", "--expires", "2027-01-01"}, "--name is missing"},
		{"no end", []string{"make", "--role", "office", "--name", "a"}, "--expires is missing"},
		{"another role", []string{"make", "--role", "root", "--name", "a", "--expires", "2027-01-01"}, "manager, office, operator, import"},
		{"a manager of no store", []string{"make", "--role", "manager", "--name", "a", "--expires", "2027-01-01"}, "name them"},
		{"an office of a store", []string{"make", "--role", "office", "--store", "quay", "--name", "a", "--expires", "2027-01-01"}, "name none"},
		{"a store that cannot be", []string{"make", "--role", "manager", "--store", "Quay Street", "--name", "a", "--expires", "2027-01-01"}, "as stores.yaml does"},
		{"a name that is there", []string{"make", "--role", "office", "--name", "office", "--expires", "2027-01-01"}, "revoke that one first"},
		{"an end that was", []string{"make", "--role", "office", "--name", "a", "--expires", "2026-03-04"}, "a later date"},
		{"an end that is no date", []string{"make", "--role", "office", "--name", "a", "--expires", "soon"}, "2027-01-01"},
		{"nobody to revoke", []string{"revoke"}, "--name is missing"},
		{"somebody else to revoke", []string{"revoke", "--name", "a"}, "footfall token list"},
		{"an argument too many", []string{"list", "all"}, "not a flag"},
	} {
		out, errs, err := w.run(c.args...)
		if err == nil || !strings.Contains(errs+err.Error(), c.says) || strings.Contains(out, "ff_") {
			t.Errorf("%s: got %q, %v, want %q", c.name, errs, err, c.says)
		}
		if after, _ := os.ReadFile(w.file); !bytes.Equal(after, before) {
			t.Errorf("%s: the file has changed", c.name)
		}
	}
	var out, errs bytes.Buffer
	if code := execute(t.Context(), []string{"token"}, &out, &errs); code != 2 || !strings.Contains(errs.String(), "make, list, revoke") {
		t.Errorf("got %d, %s", code, errs.String())
	}
	if code := execute(t.Context(), []string{"token", "-help"}, &out, &errs); code != 0 || !strings.Contains(out.String(), "revoke") {
		t.Errorf("got %d, %s", code, out.String())
	}
	if err := os.Chmod(w.file, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"list"}, {"make", "--role", "office", "--name", "b", "--expires", "2027-01-01"}, {"revoke", "--name", "office"}} {
		if _, _, err := w.run(args...); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("%s of a file that others may read: got %v", args[0], err)
		}
	}
}
