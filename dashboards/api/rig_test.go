package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/dashboards/tokens"
)

// noon of 4 March in Berlin.
var noon = time.Date(2026, time.March, 4, 11, 0, 0, 0, time.UTC)

func day(n int) time.Time { return time.Date(2026, time.March, n, 0, 0, 0, 0, time.UTC) }

// fake answers SQL that has a word with the table that is laid down for it, and remembers what was asked.
type fake struct {
	mu     sync.Mutex
	answer func(sql string) (panels.Table, error)
	asked  []string
}

func (f *fake) Query(_ context.Context, sql string) (panels.Table, error) {
	f.mu.Lock()
	f.asked = append(f.asked, sql)
	answer := f.answer
	f.mu.Unlock()
	if answer == nil {
		return panels.Table{}, nil
	}
	return answer(sql)
}

func (f *fake) last() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.asked) == 0 {
		return ""
	}
	return f.asked[len(f.asked)-1]
}

// catalog is a few tables, of each kind of column.
func catalog() []Table {
	return []Table{
		{Name: "pub_store_day", Key: []string{"store", "store_day"}, Columns: []Column{
			{Name: "store", Kind: Text, Comment: "store"}, {Name: "store_day", Kind: Date, Comment: "store-day"},
			{Name: "visits", Kind: Integer, Nullable: true, Comment: "visits, rounded to 5"}, {Name: "visits_state", Kind: Text, Comment: "why"},
			{Name: "engaged_pct", Kind: Integer, Nullable: true, Unit: "percent", Comment: "share"}, {Name: "sealed", Kind: YesNo, Comment: "closed"},
		}},
		{Name: "pub_sensor_5min", Key: []string{"store", "sensor", "start"}, Columns: []Column{
			{Name: "store", Kind: Text, Comment: "store"}, {Name: "sensor", Kind: Text, Comment: "sensor"}, {Name: "start", Kind: Instant, Comment: "start"},
			{Name: "drops", Kind: Map, Comment: "by reason"},
		}},
		{Name: "pub_retention", Key: []string{"day", "store"}, Columns: []Column{
			{Name: "day", Kind: Date, Comment: "day"}, {Name: "store", Kind: Text, Comment: "store"}, {Name: "age_s", Kind: Integer, Nullable: true, Unit: "seconds", Comment: "age"},
		}},
		{Name: "pub_annotations", Key: []string{"annotation"}, Columns: []Column{
			{Name: "annotation", Kind: Text, Comment: "name"}, {Name: "store", Kind: Text, Comment: "store"}, {Name: "first_day", Kind: Date, Comment: "first"}, {Name: "last_day", Kind: Date, Comment: "last"},
		}},
		{Name: "pub_stores", Key: []string{"store"}, Columns: []Column{{Name: "store", Kind: Text, Comment: "store"}, {Name: "share", Kind: Number, Comment: "a share"}}},
		{Name: "pub_secret", Key: []string{"store"}, Columns: []Column{{Name: "store", Kind: Text, Comment: "of which nobody has said who reads it"}}},
	}
}

func testPanels() []panels.Panel {
	columns := []panels.Column{{Name: "store", Label: "Store", Role: panels.Category}, {Name: "visits", Label: "Visits", Unit: panels.Visits, Role: panels.Value}}
	return []panels.Panel{
		{ID: "daily", Dashboard: panels.Store, Title: "Visits", Question: "How many?", Empty: "None.", Chart: panels.Bars, SQL: "SELECT daily FROM pub_store_day FINAL WHERE store IN (${store:singlequote})", Columns: columns},
		{ID: "ages", Dashboard: panels.Privacy, Title: "Ages", Question: "How old?", Empty: "None.", Chart: panels.Grid, SQL: "SELECT ages FROM pub_retention FINAL WHERE store IN (${store:singlequote})", Columns: columns},
		{ID: "together", Dashboard: panels.Privacy, Title: "Together", Question: "How old?", Empty: "None.", Chart: panels.Grid,
			SQL: "SELECT together FROM pub_retention FINAL WHERE (store IN (${store:singlequote}) OR store = '')", Columns: columns},
		{ID: "both", Dashboard: panels.Privacy, Title: "Both", Question: "Which?", Empty: "None.", Chart: panels.Grid,
			SQL: "SELECT both FROM pub_retention FINAL, pub_store_day FINAL WHERE store IN (${store:singlequote})", Columns: columns},
	}
}

type lockedText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is what was written so far.
func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// noted are the uses so far.
func (r *rig) noted() []Use {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Use{}, r.uses...)
}

type rig struct {
	t        *testing.T
	fake     *fake
	api      *API
	handler  http.Handler
	registry *prometheus.Registry
	log      lockedText
	mu       sync.Mutex
	uses     []Use
	secrets  map[string]string // by the name of the token
}

// newRig is an API over two stores, with a token of each role.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, fake: &fake{}, registry: prometheus.NewRegistry(), secrets: map[string]string{}}
	var list tokens.List
	for name, token := range map[string]tokens.Token{
		"manager": {Role: tokens.Manager, Stores: []string{"quay"}}, "office": {Role: tokens.Office}, "operator": {Role: tokens.Operator},
		"operator of quay": {Role: tokens.Operator, Stores: []string{"quay"}}, "import": {Role: tokens.Import},
		"manager of nothing": {Role: tokens.Manager, Stores: []string{"gone"}}, "ended": {Role: tokens.Office, Expires: "2026-03-04"},
	} {
		secret, sum, err := tokens.New(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		token.Name, token.Made, token.SHA256 = name, "2026-01-01", sum
		if token.Expires == "" {
			token.Expires = "2027-01-01"
		}
		list.Tokens = append(list.Tokens, token)
		r.secrets[name] = secret
	}
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	if err := list.Save(file); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&r.log, nil))
	now := func() time.Time { return noon }
	gate, err := tokens.Open(tokens.Options{File: file, Now: now, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := page.New(page.Options{
		Panels: testPanels(), Query: r.fake, Now: now, Logger: log,
		Stores: []page.Store{{ID: "quay", Name: "Quay Street 7", TimeZone: "Europe/Berlin"}, {ID: "far", Name: "Far", TimeZone: "Asia/Tokyo"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.api, err = New(Options{
		Query: r.fake, Tables: catalog(), Page: shown, Panels: testPanels(), Tokens: gate, Registerer: r.registry, Logger: log, Version: "1.2.3",
		Note: func(u Use) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.uses = append(r.uses, u)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.handler = r.api.Handler()
	return r
}

func (r *rig) get(who, target string) *httptest.ResponseRecorder {
	return r.do(http.MethodGet, who, target)
}

func (r *rig) do(method, who, target string) *httptest.ResponseRecorder {
	r.t.Helper()
	q := httptest.NewRequestWithContext(r.t.Context(), method, target, nil)
	if who != "" {
		q.Header.Set("Authorization", "Bearer "+r.secrets[who])
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, q)
	return w
}

// problem is an answer that is one, held against RFC 9457 and what details are to be.
func problem(t *testing.T, w *httptest.ResponseRecorder) tokens.Problem {
	t.Helper()
	var p tokens.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("got %d %q, no problem: %v", w.Code, w.Body, err)
	}
	if w.Header().Get("Content-Type") != tokens.ProblemType || p.Status != w.Code || p.Title != http.StatusText(w.Code) || p.Type != "about:blank" {
		t.Errorf("got %+v with status %d as %s", p, w.Code, w.Header().Get("Content-Type"))
	}
	what, todo, ok := strings.Cut(p.Detail, ": ")
	if !ok || what == "" || todo == "" || !strings.HasSuffix(p.Detail, ".") {
		t.Errorf("the detail %q does not end with what to do", p.Detail)
	}
	return p
}

// days are rows of pub_store_day of quay.
func days(n int) panels.Table {
	t := panels.Table{Columns: []string{"store", "store_day", "visits", "visits_state", "engaged_pct", "sealed"}}
	for i := range n {
		row := []any{"quay", day(1 + i), int64(100 + 5*i), "value", int64(40), true}
		if i%2 == 1 {
			row[2], row[3], row[4] = nil, "under_10", nil
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
