package tokens

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gate is a door with a clock of its own.
type gate struct {
	*Tokens
	path string
	now  time.Time
	log  bytes.Buffer
}

func newGate(t *testing.T, list ...Token) *gate {
	t.Helper()
	g := &gate{path: filepath.Join(t.TempDir(), "tokens.yaml"), now: noon}
	g.write(t, list...)
	var err error
	if g.Tokens, err = Open(Options{File: g.path, Now: func() time.Time { return g.now }, Logger: slog.New(slog.NewTextHandler(&g.log, nil))}); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *gate) write(t *testing.T, list ...Token) {
	t.Helper()
	if err := (&List{Tokens: list}).Save(g.path); err != nil {
		t.Fatal(err)
	}
}

func asking(t *testing.T, target string, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	for _, h := range headers {
		r.Header.Add("Authorization", h)
	}
	return r
}

// status is what an error would be answered with; 200 for none.
func status(t *testing.T, err error) int {
	t.Helper()
	var denied *Denied
	if err == nil {
		return http.StatusOK
	}
	if !errors.As(err, &denied) {
		t.Fatalf("got %T, want a Denied", err)
	}
	return denied.Status
}

func TestWhoAsks(t *testing.T) {
	quay, secret := made(t, "quay", Manager, "quay")
	old, ended := made(t, "old", Office)
	old.Expires = "2026-03-04" // its midnight was twelve hours ago
	g := newGate(t, quay, old)
	never, _ := made(t, "never", Office)
	for _, c := range []struct {
		name, target string
		headers      []string
		status       int
	}{
		{"a good one", "/", []string{"Bearer " + secret}, 200},
		{"another case of the scheme", "/", []string{"bearer " + secret}, 200},
		{"a store that is named like a token's beginning", "/?store=staff_rooms", []string{"Bearer " + secret}, 200},
		{"none", "/", nil, 401},
		{"an empty one", "/", []string{""}, 401},
		{"another scheme", "/", []string{"Basic " + secret}, 401},
		{"nothing behind the scheme", "/", []string{"Bearer"}, 401},
		{"two spaces", "/", []string{"Bearer  " + secret}, 401},
		{"one that never was", "/", []string{"Bearer ff_" + strings.Repeat("a", 32)}, 401},
		{"in capitals", "/", []string{"Bearer " + strings.ToUpper(secret)}, 401},
		{"cut off", "/", []string{"Bearer " + secret[:34]}, 401},
		{"the hash instead of it", "/", []string{"Bearer " + quay.SHA256}, 401},
		{"another's hash", "/", []string{"Bearer " + never.SHA256}, 401},
		{"one that has ended", "/", []string{"Bearer " + ended}, 401},
		{"twice", "/", []string{"Bearer " + secret, "Bearer " + secret}, 401},
		{"in the query", "/?token=" + secret, nil, 400},
		{"in the query, too", "/?token=" + secret, []string{"Bearer " + secret}, 400},
		{"in the query under another name", "/?x=" + secret, []string{"Bearer " + secret}, 400},
		{"as a name in the query", "/?" + secret, []string{"Bearer " + secret}, 400},
		{"in the query and encoded", "/?x=%66f_" + secret[3:], []string{"Bearer " + secret}, 400},
		{"most of one in the query", "/?x=" + secret[:30], []string{"Bearer " + secret}, 400},
		{"a name for tokens in the query", "/?Access-Token=x", []string{"Bearer " + secret}, 400},
		{"a query that cannot be read", "/?%zz&token=" + secret, []string{"Bearer " + secret}, 400},
	} {
		who, err := g.Who(asking(t, c.target, c.headers...))
		if got := status(t, err); got != c.status {
			t.Errorf("%s: got %d, want %d", c.name, got, c.status)
		}
		if err == nil && who.Name != "quay" {
			t.Errorf("%s: got %s", c.name, who.Name)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || !strings.HasSuffix(err.Error(), ".") || !strings.Contains(err.Error(), ": ")) {
			t.Errorf("%s: got %q, want no token in it and what to do at its end", c.name, err)
		}
	}
	if strings.Contains(g.log.String(), "ff_") || strings.Contains(g.log.String(), quay.SHA256) {
		t.Errorf("the log has a token: %s", g.log.String())
	}
}

func TestRolesAndStores(t *testing.T) {
	for _, c := range []struct {
		name   string
		role   Role
		stores []string
		asks   Role
		store  string
		status int
	}{
		{"a manager's own store", Manager, []string{"quay"}, Manager, "quay", 200},
		{"a manager's other store", Manager, []string{"quay", "far"}, Manager, "far", 200},
		{"another store", Manager, []string{"quay"}, Manager, "far", 403},
		{"a store that is not there", Manager, []string{"quay"}, Manager, "nowhere", 403},
		{"all stores at once", Manager, []string{"quay"}, Manager, "", 403},
		{"a manager who imports", Manager, []string{"quay"}, Import, "quay", 403},
		{"an import of one store", Import, []string{"quay"}, Import, "quay", 200},
		{"an import into another", Import, []string{"quay"}, Import, "far", 403},
		{"an import into all", Import, []string{"quay"}, Import, "", 403},
		{"an import by one of all stores", Import, nil, Import, "", 200},
		{"an import that reads", Import, nil, Office, "quay", 403},
		{"an office that imports", Office, nil, Import, "quay", 403},
		{"an operator that reads as an office", Operator, nil, Office, "quay", 403},
	} {
		token, secret := made(t, "one", c.role, c.stores...)
		g := newGate(t, token)
		if got := status(t, g.Allow(asking(t, "/", "Bearer "+secret), c.asks, c.store)); got != c.status {
			t.Errorf("%s: got %d, want %d", c.name, got, c.status)
		}
		if got := status(t, g.Allow(asking(t, "/"), c.asks, c.store)); got != 401 {
			t.Errorf("%s, without a token: got %d", c.name, got)
		}
	}
	token, _ := made(t, "one", Manager, "quay")
	if there, gone := token.For("far"), token.For("nowhere"); there.Error() != gone.Error() {
		t.Errorf("got %q and %q: they tell whether a store exists", there, gone)
	}
	if err := token.For(""); err == nil || !strings.Contains(err.Error(), "the token is of some stores only") {
		t.Errorf("got %v, want to be told that all stores are asked for", err)
	}
}

func TestTheFileIsReadAgain(t *testing.T) {
	one, first := made(t, "one", Office)
	two, second := made(t, "two", Office)
	g := newGate(t, one)
	ask := func(secret string) int {
		_, err := g.Who(asking(t, "/", "Bearer "+secret))
		return status(t, err)
	}
	g.write(t, two)
	if got := ask(first); got != 200 {
		t.Errorf("within the second: got %d, want the file not to be looked at", got)
	}
	g.now = g.now.Add(lookEvery)
	if got := ask(first); got != 401 {
		t.Errorf("revoked: got %d", got)
	}
	if got := ask(second); got != 200 {
		t.Errorf("new: got %d", got)
	}
	g.now = g.now.Add(-time.Hour) // the clock is set back: it is looked at once
	g.write(t, one, two)
	if got := ask(first); got != 200 {
		t.Errorf("after the clock was set back: got %d", got)
	}
}

func TestAFileThatBreaksLetsNobodyIn(t *testing.T) {
	one, secret := made(t, "one", Office)
	for _, c := range []struct {
		name   string
		breaks func(*gate) error
		status int
	}{
		{"others may read it", func(g *gate) error { return os.Chmod(g.path, 0o644) }, 503},
		{"it is no YAML", func(g *gate) error { return os.WriteFile(g.path, []byte("tokens: ["), 0o600) }, 503},
		{"it is a folder", func(g *gate) error { return errors.Join(os.Remove(g.path), os.Mkdir(g.path, 0o700)) }, 503},
		{"it is gone", func(g *gate) error { return os.Remove(g.path) }, 401},
	} {
		g := newGate(t, one)
		if err := c.breaks(g); err != nil {
			t.Fatal(err)
		}
		g.now = g.now.Add(lookEvery)
		for range 2 {
			if _, err := g.Who(asking(t, "/", "Bearer "+secret)); status(t, err) != c.status {
				t.Errorf("%s: got %v, want %d", c.name, err, c.status)
			}
		}
		if logged := strings.Count(g.log.String(), "cannot be read"); logged > 1 || c.status == 503 && logged == 0 {
			t.Errorf("%s: logged %d times", c.name, logged)
		}
		if err := os.RemoveAll(g.path); err != nil {
			t.Fatal(err)
		}
		g.write(t, one)
		g.now = g.now.Add(lookEvery)
		if _, err := g.Who(asking(t, "/", "Bearer "+secret)); err != nil {
			t.Errorf("%s, then mended: got %v", c.name, err)
		}
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	later, err := Open(Options{File: path})
	if err != nil {
		t.Fatalf("without a file: got %v, want it to come later", err)
	}
	if _, err := later.Who(asking(t, "/", "Bearer ff_"+strings.Repeat("a", 32))); status(t, err) != 401 {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(path, []byte("x: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{File: path}); err == nil {
		t.Error("a file that is wrong at the start is no error")
	}
}

func TestProblems(t *testing.T) {
	for code, header := range map[int]string{401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"} {
		w := httptest.NewRecorder()
		WriteProblem(w, code, "Something is wrong: do this.")
		var got Problem
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got != (Problem{"about:blank", http.StatusText(code), code, "Something is wrong: do this."}) {
			t.Errorf("%d: got %+v, %v", code, got, err)
		}
		if w.Code != code || w.Header().Get("Content-Type") != ProblemType || w.Header().Get(header) == "" {
			t.Errorf("%d: got %d and headers %v", code, w.Code, w.Header())
		}
	}
}

func FuzzWho(f *testing.F) {
	for _, s := range []string{"", "Bearer ", "Bearer ff_", "Bearer ff_" + strings.Repeat("a", 32), "Basic eDp5", "\x00"} {
		f.Add(s, s)
	}
	path := filepath.Join(f.TempDir(), "tokens.yaml")
	gate, err := Open(Options{File: path})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header, query string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.URL.RawQuery = query
		r.Header["Authorization"] = []string{header}
		if _, err := gate.Who(r); err == nil {
			t.Error("somebody is let in where there are no tokens")
		}
	})
}
