package page

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// fake answers each SQL with the table that is laid down for it, and remembers what was asked.
type fake struct {
	mu     sync.Mutex
	tables map[string]panels.Table // by a word of the SQL
	fails  map[string]error
	asked  []string
}

func (f *fake) Query(_ context.Context, sql string) (panels.Table, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, sql)
	for word, err := range f.fails {
		if strings.Contains(sql, word) {
			return panels.Table{}, err
		}
	}
	for word, t := range f.tables {
		if strings.Contains(sql, word) {
			return t, nil
		}
	}
	return panels.Table{}, nil
}

func monday(days int) time.Time { return time.Date(2026, time.March, 2+days, 0, 0, 0, 0, time.UTC) }

// noon of the third day, in Berlin.
var noon = time.Date(2026, time.March, 4, 11, 0, 0, 0, time.UTC)

func col(name, label string, u panels.Unit, r panels.Role, of string) panels.Column {
	return panels.Column{Name: name, Label: label, Unit: u, Role: r, Of: of}
}

// daily is a panel of each kind of column.
func daily() panels.Panel {
	return panels.Panel{
		ID: "daily", Dashboard: panels.Store, Title: "Visits by day", Question: "How many came? Counted and rounded.", Empty: "No day is published yet.", Chart: panels.Band,
		SQL: "SELECT daily WHERE store IN (${store:singlequote}) AND $__dateFilter(store_day)",
		Columns: []panels.Column{
			col("time", "Day", panels.None, panels.Time, ""), col("store", "Store", panels.None, panels.Category, ""),
			col("visits", "Estimated visits", panels.Visits, panels.Value, ""), col("low", "at least", panels.Visits, panels.Low, "visits"),
			col("high", "at most", panels.Visits, panels.High, "visits"), col("state", "Why", panels.None, panels.State, "visits"),
			col("share", "Share", panels.Percent, panels.Detail, ""),
		},
		Thresholds: []panels.Threshold{{Column: "visits", From: 0, Level: panels.Bad}, {Column: "visits", From: 1000, Level: panels.Good}},
	}
}

// dailyRows have one row of each state that a day can have.
func dailyRows() panels.Table {
	t := panels.Table{Columns: []string{"time", "store", "visits", "low", "high", "state", "share"}}
	for i, state := range []string{"value", "under_10", "closed", "no_data", "policy", "value"} {
		row := []any{monday(i), "quay", nil, nil, nil, state, nil}
		if state == "value" {
			row[2], row[3], row[4], row[6] = int64(1310+i), int64(1200), int64(1450), 41.5
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func across() panels.Panel {
	return panels.Panel{
		ID: "across", Dashboard: panels.Chain, Title: "Stores", Question: "Which?", Empty: "None.", Chart: panels.Bars, SQL: "SELECT across WHERE store IN (${store:singlequote})",
		Columns: []panels.Column{col("store", "Store", panels.None, panels.Category, ""), col("at", "Time (UTC)", panels.None, panels.Instant, ""), col("visits", "Visits", panels.Visits, panels.Value, "")},
	}
}

type rig struct {
	t        *testing.T
	fake     *fake
	page     *Page
	registry *prometheus.Registry
}

// newRig is a page over two stores and two panels.
func newRig(t *testing.T, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, registry: prometheus.NewRegistry(), fake: &fake{tables: map[string]panels.Table{"SELECT daily": dailyRows()}, fails: map[string]error{}}}
	o := Options{
		Panels: []panels.Panel{daily(), across()}, Query: r.fake, Now: func() time.Time { return noon }, Registerer: r.registry,
		Stores: []Store{{"quay", "Quay Street 7", "Europe/Berlin"}, {"far", `<script>alert("x")</script>`, "Asia/Tokyo"}},
	}
	for _, c := range change {
		c(&o)
	}
	var err error
	if r.page, err = New(o); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) get(target string) *httptest.ResponseRecorder { return r.do(http.MethodGet, target) }

func (r *rig) do(method, target string) *httptest.ResponseRecorder {
	r.t.Helper()
	w := httptest.NewRecorder()
	r.page.Handler().ServeHTTP(w, httptest.NewRequestWithContext(r.t.Context(), method, target, nil))
	return w
}

func serve(t *testing.T, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
	return w
}

func contextThatEnded(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	return ctx, stop
}
