package intake

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openfootfall/footfall/dashboards/metricstest"
)

func TestWhatIsWrittenIsNotedByStoreAndCount(t *testing.T) {
	var noted []string
	var fails error
	m, h, log := newIntake(t, func(o *Options) {
		o.Note = func(c Change) error {
			noted = append(noted, fmt.Sprint(c.What, " ", c.Rows, c.Token))
			return fails
		}
	})
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		want                     string // empty: nothing is noted
	}{
		{"two stores", "POST", "transactions", good + "a,2026-03-02,10,5\n", 200, "transactions map[a:2 b:1]"},
		{"the good lines", "POST", "transactions?skip_bad=1", good + "a,2026-03-02,10,-5\n", 200, "transactions map[a:1 b:1]"},
		{"a bad line", "POST", "transactions", good + "a,2026-03-02,10,-5\n", 422, ""},
		{"no line", "POST", "transactions", sales, 422, ""},
		{"a store and all of them", "POST", "annotations", notes + "a,promotion,2026-03-02,2026-03-07,Spring\n,holiday,2026-04-06,2026-04-06,Easter\n", 200, "annotations map[:1 a:1]"},
		{"reading", "GET", "annotations", "", 200, ""},
		{"nothing to remove", "DELETE", "annotations/none", "", 404, ""},
	} {
		noted = nil
		w, _ := send(h, c.method, Prefix+c.path, c.body)
		if got := strings.Join(noted, "; "); w.Code != c.status || got != c.want {
			t.Errorf("%s: got %d, %q, want %d, %q", c.name, w.Code, got, c.status, c.want)
		}
	}
	noted = nil
	if w, _ := send(h, "DELETE", Prefix+"annotations/"+m.annotations[0].Name, ""); w.Code != 200 || !slices.Equal(noted, []string{"removals map[a:1]"}) {
		t.Errorf("removed: got %d, %q", w.Code, noted)
	}
	fails = errors.New("the disk is full")
	before := len(m.transactions)
	w, got := send(h, "POST", Prefix+"transactions", good)
	if w.Code != 503 || len(m.transactions) != before+2 || !strings.HasPrefix(fmt.Sprint(got["detail"]), "This is written, but could not be noted") || !strings.Contains(log.String(), "the disk is full") {
		t.Errorf("where it cannot be noted: got %d, %v, log %s", w.Code, got, log)
	}
	noted, m.err = nil, errors.New("the database is away")
	if w, _ := send(h, "POST", Prefix+"transactions", good); w.Code != 503 || noted != nil {
		t.Errorf("where it cannot be written: got %d, noted %q", w.Code, noted)
	}
}

func TestTheMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	m, h, _ := newIntake(t, func(o *Options) {
		o.Registerer, o.Enter = reg, func(r *http.Request) (string, error) {
			if r.Header.Get("Authorization") == "no" {
				return "", errors.New("who are you")
			}
			return "", nil
		}
	})
	send(h, "POST", Prefix+"transactions", good)
	send(h, "POST", Prefix+"transactions?skip_bad=1", good+"a,2026-03-02,10,-5\n")
	send(h, "POST", Prefix+"transactions", good+"a,2026-03-02,10,-5\n")
	send(h, "POST", Prefix+"annotations", notes+"a,promotion,2026-03-02,2026-03-07,Spring\n")
	send(h, "DELETE", Prefix+"annotations/"+m.annotations[0].Name, "")
	send(h, "DELETE", Prefix+"annotations/none", "")
	send(h, "POST", Prefix+"transactions", good, "Authorization", "no")
	send(h, "POST", Prefix+"transactions", good, "Content-Type", "text/plain")
	send(h, "POST", Prefix+"transactions", "customer\nAnna\n")
	send(h, "POST", Prefix+"transactions", sales+strings.Repeat("a,2026-03-02,9,1\n", MaxBody/16))
	m.err = errors.New("the database is away")
	send(h, "POST", Prefix+"transactions", good)
	const want = `
# HELP footfall_intake_refused_total Imports that were refused or failed, by reason.
# TYPE footfall_intake_refused_total counter
footfall_intake_refused_total{reason="bad_file"} 1
footfall_intake_refused_total{reason="bad_lines"} 1
footfall_intake_refused_total{reason="bad_request"} 1
footfall_intake_refused_total{reason="failed"} 1
footfall_intake_refused_total{reason="not_allowed"} 1
footfall_intake_refused_total{reason="not_there"} 1
footfall_intake_refused_total{reason="too_large"} 1
# HELP footfall_intake_rows_total Hours with transactions, annotations and removals that were written, and lines that were wrong.
# TYPE footfall_intake_rows_total counter
footfall_intake_rows_total{result="written",what="annotations"} 1
footfall_intake_rows_total{result="written",what="removals"} 1
footfall_intake_rows_total{result="written",what="transactions"} 4
footfall_intake_rows_total{result="wrong",what="annotations"} 0
footfall_intake_rows_total{result="wrong",what="transactions"} 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	metricstest.Readme(t, reg, "../README.md", "footfall_intake_")
}
