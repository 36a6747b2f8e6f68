package intake

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openfootfall/footfall/dashboards/tokens"
	"github.com/openfootfall/footfall/dashboards/worth"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// memory is a sink that keeps what comes.
type memory struct {
	transactions []worth.Transactions
	annotations  []worth.Annotation
	err          error
}

func (m *memory) WriteTransactions(_ context.Context, rows []worth.Transactions) error {
	m.transactions = append(m.transactions, rows...)
	return m.err
}

func (m *memory) WriteAnnotations(_ context.Context, rows []worth.Annotation) error {
	m.annotations = append(m.annotations, rows...)
	return m.err
}

func (m *memory) Annotations(context.Context) ([]worth.Annotation, error) {
	return m.annotations, m.err
}

func (m *memory) Remove(_ context.Context, a worth.Annotation) error {
	m.annotations = slices.DeleteFunc(m.annotations, func(b worth.Annotation) bool { return a == b })
	return m.err
}

var now = time.Date(2026, time.March, 10, 12, 0, 0, 0, time.UTC)

// newIntake knows the stores a and b.
func newIntake(t *testing.T, change func(*Options)) (*memory, http.Handler, *bytes.Buffer) {
	t.Helper()
	berlin, err := calendar.New("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	m, log := new(memory), new(bytes.Buffer)
	o := Options{
		Sink: m, Stores: map[string]calendar.Calendar{"a": berlin, "b": berlin}, Now: func() time.Time { return now },
		Allow: func(*http.Request, string) error { return nil }, Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	if change != nil {
		change(&o)
	}
	in, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m, in.Handler(), log
}

// send asks a handler as a program on this machine does; pairs are further headers.
func send(h http.Handler, method, path, body string, pairs ...string) (*httptest.ResponseRecorder, map[string]any) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:40000"
	r.Header.Set("Content-Type", "text/csv; charset=utf-8")
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out := map[string]any{}
	_ = json.Unmarshal(w.Body.Bytes(), &out)
	return w, out
}

const (
	sales = "store,day,hour,transactions\n"
	notes = "store,kind,first_day,last_day,title\n"
	good  = sales + "a,2026-03-02,9,12\nb,2026-03-02,9,3\n"
)

func TestAFileIsWrittenAndCounted(t *testing.T) {
	m, h, _ := newIntake(t, nil)
	w, got := send(h, "POST", "/import/v1/transactions", good)
	if w.Code != 200 || got["written"] != 2.0 || got["transactions"] != 15.0 || got["lines"] != 2.0 || len(m.transactions) != 2 || m.transactions[0].Count != 12 {
		t.Errorf("got %d, %v, %v", w.Code, got, m.transactions)
	}
	w, got = send(h, "POST", "/import/v1/annotations", notes+"a,promotion,2026-03-02,2026-03-07,Spring\n,holiday,2026-04-06,2026-04-06,Easter\n")
	if _, sales := got["transactions"]; sales || w.Code != 200 || got["written"] != 2.0 || len(m.annotations) != 2 {
		t.Fatalf("got %d, %v, %v", w.Code, got, m.annotations)
	}
	if w, _ = send(h, "GET", "/import/v1/annotations", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"first_day":"2026-03-02"`) {
		t.Errorf("got %d, %s", w.Code, w.Body)
	}
	name := m.annotations[0].Name
	if w, got = send(h, "DELETE", "/import/v1/annotations/"+name, ""); w.Code != 200 || got["removed"] != name || len(m.annotations) != 1 {
		t.Errorf("got %d, %v", w.Code, got)
	}
	if w, got = send(h, "DELETE", "/import/v1/annotations/"+name, ""); w.Code != 404 || !strings.Contains(got["detail"].(string), "list those") {
		t.Errorf("again: got %d, %v", w.Code, got)
	}
	for _, name := range []string{"Cache-Control", "X-Content-Type-Options", "Content-Security-Policy"} {
		if w.Header().Get(name) == "" {
			t.Errorf("no header %s", name)
		}
	}
}

// TestTheSecondHourOfOneNameIsWrittenAndNotCounted: nobody brought the row that says so of an hour that the clock showed twice.
func TestTheSecondHourOfOneNameIsWrittenAndNotCounted(t *testing.T) {
	var noted []string
	reg := prometheus.NewRegistry()
	m, h, _ := newIntake(t, func(o *Options) {
		o.Registerer, o.Note = reg, func(c Change) error {
			noted = append(noted, fmt.Sprint(c.What, " ", c.Rows))
			return nil
		}
	})
	w, got := send(h, "POST", Prefix+"transactions", sales+"a,2025-10-26,2,3\na,2025-10-26,2,4\n")
	if w.Code != 200 || got["lines"] != 2.0 || got["written"] != 1.0 || got["transactions"] != 7.0 || len(m.transactions) != 2 {
		t.Errorf("got %d, %v, %v, want 7 sales in an hour, and the second hour written, too", w.Code, got, m.transactions)
	}
	if want := []string{"transactions map[a:1]"}; !slices.Equal(noted, want) {
		t.Errorf("noted %q, want %q", noted, want)
	}
	const want = `
# HELP footfall_intake_rows_total Hours with transactions, annotations and removals that were written, and lines that were wrong.
# TYPE footfall_intake_rows_total counter
footfall_intake_rows_total{result="written",what="transactions"} 1
footfall_intake_rows_total{result="wrong",what="transactions"} 0
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "footfall_intake_rows_total"); err != nil {
		t.Error(err)
	}
}

func TestWhatIsWrongIsAProblemThatNamesIt(t *testing.T) {
	for _, c := range []struct {
		name, method, path, body, kind string
		status                         int
		want                           string
	}{
		{"a bad line", "POST", "transactions", good + "a,2026-03-02,9,-1\n", "", 422, `"line":4`},
		{"no good line", "POST", "transactions?skip_bad=1", sales + "a,2026-03-02,9,-1\n", "", 422, "every line is wrong: mend them."},
		{"a customer", "POST", "transactions", "store,day,hour,transactions,customer\na,2026-03-02,9,1,Anna\n", "", 422, "remove it, because no customer data"},
		{"an unknown store", "POST", "transactions", sales + "c,2026-03-02,9,1\n", "", 422, "no store has this name"},
		{"no CSV", "POST", "transactions", good, "application/json", 415, "Content-Type: text/csv"},
		{"a form", "POST", "transactions", good, "text/plain", 415, "Content-Type: text/csv"},
		{"a parameter", "POST", "transactions?skip=1", good, "", 400, "skip_bad=1"},
		{"too large", "POST", "transactions", sales + strings.Repeat("a,2026-03-02,9,-1\n", MaxBody/18), "", 413, "in parts"},
		{"another method", "PUT", "transactions", good, "", 405, ""},
		{"reading", "GET", "transactions", "", "", 405, ""},
		{"another path", "POST", "visits", good, "", 404, ""},
		{"bad annotation", "POST", "annotations", notes + "a,sale,2026-03-02,2026-03-07,Spring\n", "", 422, "promotion, holiday, closure or other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, h, _ := newIntake(t, nil)
			kind := c.kind
			if kind == "" {
				kind = "text/csv"
			}
			w, got := send(h, c.method, Prefix+c.path, c.body, "Content-Type", kind)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || len(m.transactions)+len(m.annotations) > 0 {
				t.Errorf("got %d, %s, %v, want %d with %q and nothing written", w.Code, w.Body, m.transactions, c.status, c.want)
			}
			if c.want != "" && (got["status"] != float64(c.status) || got["title"] == "" || w.Header().Get("Content-Type") != "application/problem+json; charset=utf-8") {
				t.Errorf("no problem: %v, %v", got, w.Header())
			}
		})
	}
	m, h, _ := newIntake(t, nil)
	w, got := send(h, "POST", "/import/v1/transactions?skip_bad=1", good+"a,2026-03-02,9,-1\n")
	if w.Code != 200 || got["bad"] != 1.0 || got["written"] != 2.0 || len(m.transactions) != 2 {
		t.Errorf("bad lines skipped: got %d, %v", w.Code, got)
	}
}

func TestADatabaseThatFailsIsNotTalkedAbout(t *testing.T) {
	m, h, log := newIntake(t, nil)
	m.err = errors.New("code 60 at 10.0.0.1")
	for _, c := range []struct{ method, path, body string }{
		{"POST", "transactions", good}, {"POST", "annotations", notes + "a,other,2026-03-02,2026-03-07,Spring\n"}, {"GET", "annotations", ""}, {"DELETE", "annotations/x", ""},
	} {
		w, _ := send(h, c.method, Prefix+c.path, c.body)
		if w.Code != 503 || strings.Contains(w.Body.String(), "10.0.0.1") {
			t.Errorf("%s %s: got %d, %s", c.method, c.path, w.Code, w.Body)
		}
	}
	if !strings.Contains(log.String(), "10.0.0.1") || strings.Contains(log.String(), "2026-03-02") {
		t.Errorf("got the log %s, want the cause and nothing of the file", log)
	}
}

func TestLocal(t *testing.T) {
	for _, c := range []struct {
		name, remote string
		headers      []string
		want         int
	}{
		{"a program here", "127.0.0.1:40000", []string{LocalHeader, "1"}, 200},
		{"by IPv6", "[::1]:40000", []string{LocalHeader, "1"}, 200},
		{"by a mapped address", "[::ffff:127.0.0.1]:40000", []string{LocalHeader, "1"}, 200},
		{"a page of this origin", "127.0.0.1:40000", []string{LocalHeader, "1", "Origin", "http://example.com", "Sec-Fetch-Site", "same-origin"}, 200},
		{"without the header", "127.0.0.1:40000", nil, 403},
		{"a page elsewhere", "127.0.0.1:40000", []string{LocalHeader, "1", "Sec-Fetch-Site", "cross-site"}, 403},
		{"an older browser's", "127.0.0.1:40000", []string{LocalHeader, "1", "Origin", "https://elsewhere.example"}, 403},
		{"another machine", "192.0.2.1:40000", []string{LocalHeader, "1"}, 403},
		{"nobody knows", "pipe", []string{LocalHeader, "1"}, 403},
		{"through a proxy", "127.0.0.1:40000", []string{LocalHeader, "1", "X-Forwarded-For", "192.0.2.1"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, h, _ := newIntake(t, func(o *Options) { o.Allow = Local })
			r := httptest.NewRequest("POST", "/import/v1/transactions", strings.NewReader(good))
			r.RemoteAddr = c.remote
			r.Header.Set("Content-Type", "text/csv")
			for i := 0; i < len(c.headers); i += 2 {
				r.Header.Set(c.headers[i], c.headers[i+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.want || (len(m.transactions) > 0) != (c.want == 200) || w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("got %d, %s, %d rows", w.Code, w.Body, len(m.transactions))
			}
		})
	}
}

// tokenFile makes tokens for store a and for all stores, and one that only reads.
func tokenFile(t *testing.T) (file string, secrets map[string]string) {
	t.Helper()
	secrets = map[string]string{}
	var list tokens.List
	for name, token := range map[string]tokens.Token{
		"a": {Role: tokens.Import, Stores: []string{"a"}}, "all": {Role: tokens.Import}, "reader": {Role: tokens.Office},
	} {
		secret, sum, err := tokens.New(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		token.Name, token.SHA256, token.Made, token.Expires = name, sum, "2026-03-01", "2027-01-01"
		secrets[name] = "Bearer " + secret
		list.Tokens = append(list.Tokens, token)
	}
	file = filepath.Join(t.TempDir(), "tokens.yaml")
	if err := list.Save(file); err != nil {
		t.Fatal(err)
	}
	return file, secrets
}

func TestATokenIsForItsStores(t *testing.T) {
	file, secrets := tokenFile(t)
	gate, err := tokens.Open(tokens.Options{File: file, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, token, file, body string
		want                    int
	}{
		{"its store", "a", "transactions", sales + "a,2026-03-02,9,12\n", 200},
		{"another store", "a", "transactions", good, 403},
		{"a store that is not there", "a", "transactions", sales + "c,2026-03-02,9,12\n", 403},
		{"all stores with a token of one", "a", "annotations", notes + ",holiday,2026-03-02,2026-03-02,x\n", 403},
		{"all stores", "all", "annotations", notes + ",holiday,2026-03-02,2026-03-02,x\n", 200},
		{"a token that reads", "reader", "transactions", good, 403},
		{"no token", "", "transactions", good, 401},
		{"no token and an empty file", "", "transactions", "", 401},
		{"a wrong token", "wrong", "transactions", good, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, h, log := newIntake(t, func(o *Options) { o.Tokens(gate) })
			var headers []string
			if c.token != "" {
				headers = []string{"Authorization", secrets[c.token]}
			}
			w, got := send(h, "POST", Prefix+c.file, c.body, headers...)
			if w.Code != c.want || (len(m.transactions)+len(m.annotations) > 0) != (c.want == 200) {
				t.Errorf("got %d, %v, want %d", w.Code, got, c.want)
			}
			if c.want == 401 && w.Header().Get("WWW-Authenticate") == "" {
				t.Error("it is not said how to say who one is")
			}
			if log.Len() > 0 {
				t.Errorf("got the log %s", log)
			}
		})
	}
	m, h, _ := newIntake(t, func(o *Options) { o.Tokens(gate) })
	m.annotations = []worth.Annotation{{Name: "mine", Store: "a"}, {Name: "theirs", Store: "b"}}
	if w, got := send(h, "GET", Prefix+"annotations", "", "Authorization", secrets["a"]); w.Code != 200 || len(got["annotations"].([]any)) != 1 {
		t.Errorf("got %d, %v, want its own annotation", w.Code, got)
	}
	if w, _ := send(h, "DELETE", Prefix+"annotations/theirs", "", "Authorization", secrets["a"]); w.Code != 403 || len(m.annotations) != 2 {
		t.Errorf("got %d, want another store's left alone", w.Code)
	}
	if w, _ := send(h, "GET", Prefix+"annotations?token=x", "", "Authorization", secrets["a"]); w.Code != 400 {
		t.Errorf("got %d, want tokens in addresses refused", w.Code)
	}
}

func TestAnIntakeWithoutItsPartsIsRefused(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("made")
	}
}
