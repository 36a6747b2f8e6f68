package page

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
)

func TestAPanelAsJSONIsWhatWasPublished(t *testing.T) {
	r := newRig(t)
	w := r.get("/api/v1/panels/daily?store=quay&from=2026-03-02&to=2026-03-07")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != typeJSON {
		t.Fatalf("got %d %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	var got struct {
		Panel   string
		From    string
		To      string
		Columns []ColumnInfo
		Rows    [][]any
		Empty   string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	wantRows := [][]any{
		{"2026-03-02", "quay", 1310.0, 1200.0, 1450.0, "value", 41.5},
		{"2026-03-03", "quay", nil, nil, nil, "under_10", nil},
		{"2026-03-04", "quay", nil, nil, nil, "closed", nil},
		{"2026-03-05", "quay", nil, nil, nil, "no_data", nil},
		{"2026-03-06", "quay", nil, nil, nil, "policy", nil},
		{"2026-03-07", "quay", 1315.0, 1200.0, 1450.0, "value", 41.5},
	}
	if !reflect.DeepEqual(got.Rows, wantRows) {
		t.Errorf("got rows %v, want %v", got.Rows, wantRows)
	}
	if want := (ColumnInfo{"low", "at least", "visits", "low", "visits"}); len(got.Columns) != 7 || got.Columns[3] != want {
		t.Errorf("got columns %v, want the fourth to be %v", got.Columns, want)
	}
	if got.Panel != "daily" || got.From != "2026-03-02" || got.To != "2026-03-07" || got.Empty != "" {
		t.Errorf("got %s, %s to %s, empty %q", got.Panel, got.From, got.To, got.Empty)
	}
	want := "SELECT daily WHERE store IN ('quay') AND store_day >= toDate('2026-03-02') AND store_day <= toDate('2026-03-07')"
	if len(r.fake.asked) != 1 || r.fake.asked[0] != want {
		t.Errorf("asked %q, want %q", r.fake.asked, want)
	}
}

func TestAPanelWithoutRowsSaysWhy(t *testing.T) {
	r := newRig(t)
	r.fake.tables = nil
	w := r.get("/api/v1/panels/daily?store=quay")
	if body := w.Body.String(); !strings.Contains(body, `"rows":[]`) || !strings.Contains(body, "No day is published yet.") {
		t.Errorf("got %s", body)
	}
	if body := r.get("/api/v1/panels/daily.csv?store=quay").Body.String(); body != "time,store,visits,low,high,state,share\r\n" {
		t.Errorf("got CSV %q, want the heading only", body)
	}
}

func TestCSVIsTheSameNumbers(t *testing.T) {
	r := newRig(t)
	w := r.get("/api/v1/panels/daily.csv?store=quay&from=2026-03-02&to=2026-03-07")
	if got, want := w.Header().Get("Content-Disposition"), `attachment; filename="footfall_quay_daily_2026-03-02_2026-03-07.csv"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := w.Header().Get("Content-Type"); got != typeCSV {
		t.Errorf("got type %s", got)
	}
	lines, err := csv.NewReader(w.Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"time,store,visits,low,high,state,share", "2026-03-02,quay,1310,1200,1450,value,41.5", "2026-03-03,quay,,,,under_10,"} {
		if got := strings.Join(lines[i], ","); got != want {
			t.Errorf("line %d: got %s, want %s", i, got, want)
		}
	}
}

func TestCSVCells(t *testing.T) {
	for _, c := range []struct {
		name string
		v    any
		want string
	}{
		{"nothing", nil, ""},
		{"a number", int64(-5), "-5"},
		{"a share", 0.5, "0.5"},
		{"a large number", 12345678901.0, "12345678901"},
		{"a name", "shop, ground floor", "shop, ground floor"},
		{"a formula", "=1+1", "'=1+1"},
		{"a formula with a plus", "+1", "'+1"},
		{"a formula with a minus", "-1", "'-1"},
		{"a formula with an at", "@SUM(A1)", "'@SUM(A1)"},
		{"a formula behind a tab", "\t=1", "'\t=1"},
		{"a formula behind a return", "\r=1", "'\r=1"},
		{"a formula on a new line", "\n=1", "'\n=1"},
		{"a yes", true, "true"},
		{"no number", plain(panels.Value, math.NaN()), ""},
		{"a moment", plain(panels.Instant, noon.In(time.FixedZone("x", 3600))), "2026-03-04T11:00:00Z"},
		{"a date", plain(panels.Time, monday(0)), "2026-03-02"},
	} {
		if got := CSVCell(c.v); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCSVQuotesWhatItMust(t *testing.T) {
	name := "a \"b\",\nc"
	panel := across()
	body, err := writeCSV(panel, panels.Table{Columns: []string{"store", "at", "visits"}, Rows: [][]any{{name, noon, int64(10)}}})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(string(body))).ReadAll()
	if err != nil || len(lines) != 2 || lines[1][0] != name {
		t.Errorf("got %q, %v, want the name back", lines, err)
	}
}

func FuzzCSVCellIsNoFormula(f *testing.F) {
	for _, s := range []string{"", "=1", "+", "-", "@", "\t", "\r\n", "name", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := CSVCell(s)
		if got != "" && strings.ContainsAny(got[:1], "=+-@\t\r\n") {
			t.Errorf("%q begins as a formula does", got)
		}
		if !strings.HasSuffix(got, s) {
			t.Errorf("got %q of %q", got, s)
		}
	})
}

func TestWhatCannotBeAnswered(t *testing.T) {
	for _, c := range []struct {
		name, path string
		status     int
		says       string
	}{
		{"no such store", "/api/v1/panels/daily?store=moon", 404, "/api/v1/stores"},
		{"an empty store", "/api/v1/panels/daily?store=", 404, "/api/v1/stores"},
		{"SQL for a store", "/api/v1/panels/daily?store=%27)%20OR%201=1--", 404, "/api/v1/stores"},
		{"no store", "/api/v1/panels/daily", 400, "store=quay"},
		{"two stores", "/api/v1/panels/daily?store=quay&store=far", 400, "once"},
		{"no such panel", "/api/v1/panels/nothing?store=quay", 404, "/api/v1/panels"},
		{"SQL for a panel", "/api/v1/panels/SELECT%201?store=quay", 404, "/api/v1/panels"},
		{"no date", "/api/v1/panels/daily?store=quay&from=monday&to=2026-03-07", 400, "from=2026-03-02"},
		{"no such date", "/api/v1/panels/daily?store=quay&from=2026-02-30&to=2026-03-07", 400, "from=2026-03-02"},
		{"half a range", "/api/v1/panels/daily?store=quay&from=2026-03-02", 400, "to=2026-03-02"},
		{"the other half", "/api/v1/panels/daily?store=quay&to=2026-03-02", 400, "from=2026-03-02"},
		{"backwards", "/api/v1/panels/daily?store=quay&from=2026-03-07&to=2026-03-02", 400, "swap"},
		{"too long", "/api/v1/panels/daily?store=quay&from=2024-03-01&to=2026-03-02", 400, "two years"},
		{"too late", "/api/v1/panels/daily?store=quay&from=9999-03-01&to=9999-03-02", 400, "2100"},
		{"no such range", "/api/v1/panels/daily?store=quay&range=1h", 400, "range=7d"},
		{"a typing error", "/api/v1/panels/daily?store=quay&form=2026-03-02", 400, "store, range, from, to"},
		{"a parameter for the list", "/api/v1/panels?store=quay", 400, "no such parameter"},
		{"a parameter for the stores", "/api/v1/stores?x=1", 400, "no such parameter"},
		{"no such path", "/api/v1/secrets", 404, "/store/"},
		{"no such path at all", "/nothere", 404, `<a href="/store/">Show`},
		{"the page of no store", "/store/?store=moon", 404, "/api/v1/stores"},
		{"the page of no range", "/store/?range=1h", 400, "range=7d"},
		{"below the page", "/store/else", 404, "/store/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			w := r.get(c.path)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("got %d: %s, want %d with %q", w.Code, w.Body, c.status, c.says)
			}
			if len(r.fake.asked) > 0 {
				t.Errorf("asked %q, want nothing to be run", r.fake.asked)
			}
			if html := !strings.HasPrefix(c.path, API); html != strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
				t.Errorf("got a %s", w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestTwoYearsAreAnswered(t *testing.T) {
	if w := newRig(t).get("/api/v1/panels/daily?store=quay&from=2024-03-02&to=2026-03-02"); w.Code != http.StatusOK {
		t.Errorf("got %d: %s", w.Code, w.Body)
	}
}

func TestPanelsOfAllStores(t *testing.T) {
	for _, c := range []struct{ name, query, want string }{
		{"without a store, all", "", "'quay','far'"},
		{"one", "?store=far", "'far'"},
		{"two", "?store=far&store=quay", "'far','quay'"},
	} {
		r := newRig(t)
		if w := r.get("/api/v1/panels/across" + c.query); w.Code != http.StatusOK {
			t.Errorf("%s: got %d: %s", c.name, w.Code, w.Body)
		}
		if want := "SELECT across WHERE store IN (" + c.want + ")"; len(r.fake.asked) != 1 || r.fake.asked[0] != want {
			t.Errorf("%s: asked %q, want %q", c.name, r.fake.asked, want)
		}
	}
}

func TestADatabaseThatFailsIsNotQuoted(t *testing.T) {
	r := newRig(t)
	r.fake.fails["SELECT daily"] = errors.New("Code: 60. DB::Exception: secret table")
	w := r.get("/api/v1/panels/daily?store=quay")
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d: %s", w.Code, w.Body)
	}
}

func TestAnAnswerWithOtherColumnsIsAnError(t *testing.T) {
	for _, c := range []struct {
		name string
		t    panels.Table
	}{
		{"a column is missing", panels.Table{Columns: []string{"time"}, Rows: [][]any{{monday(0)}}}},
		{"a row is short", func() panels.Table { d := dailyRows(); d.Rows[2] = d.Rows[2][:3]; return d }()},
	} {
		r := newRig(t)
		r.fake.tables["SELECT daily"] = c.t
		if w := r.get("/api/v1/panels/daily?store=quay"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: got %d: %s", c.name, w.Code, w.Body)
		}
	}
}

func TestWhatThePanelDoesNotNameDoesNotGoOut(t *testing.T) {
	r := newRig(t)
	d := dailyRows()
	d.Columns = append([]string{"exact"}, d.Columns...)
	for i := range d.Rows {
		d.Rows[i] = append([]any{int64(4711)}, d.Rows[i]...)
	}
	r.fake.tables["SELECT daily"] = d
	for _, path := range []string{"/api/v1/panels/daily?store=quay", "/api/v1/panels/daily.csv?store=quay", "/store/?store=quay"} {
		w := r.get(path)
		if body := w.Body.String(); w.Code != http.StatusOK || strings.Contains(body, "4711") || strings.Contains(body, "4,711") || !strings.Contains(body, "1450") && !strings.Contains(body, "1,450") {
			t.Errorf("%s: got %d with a column that nobody asked for, or without those that were", path, w.Code)
		}
	}
}

func TestLists(t *testing.T) {
	r := newRig(t)
	if got, want := r.get("/api/v1/stores").Body.String(), `{"id":"quay","name":"Quay Street 7","time_zone":"Europe/Berlin","today":"2026-03-04"}`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s in it", got, want)
	}
	if got, want := r.get("/api/v1/panels").Body.String(), `"id":"daily","dashboard":"store","title":"Visits by day","question":"How many came? Counted and rounded.","chart":"band"`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s in it", got, want)
	}
}

// A row's other instants keep their time of day, too, and are empty where there is none.
func TestInstantsKeepTheirTime(t *testing.T) {
	for _, c := range []struct {
		panel, column string
		v             any
		want          string
	}{
		{"sensors_trouble", "last_seen", noon, "2026-03-04T11:00:00Z"},
		{"sensors_last", "last_heard", noon, "2026-03-04T11:00:00Z"},
		{"privacy_audit", "last_entry", noon, "2026-03-04T11:00:00Z"},
		{"privacy_oldest", "oldest", noon, "2026-03-04T11:00:00Z"},
		{"privacy_keys", "said_at", noon, "2026-03-04T11:00:00Z"},
		{"privacy_keys", "said_at", nil, ""},
		{"campaigns", "last_day", monday(0), "2026-03-02"},
	} {
		panel, _ := panels.Find(c.panel)
		var table panels.Table
		row := make([]any, len(panel.Columns))
		at := -1
		for i, column := range panel.Columns {
			table.Columns = append(table.Columns, column.Name)
			if column.Name == c.column {
				at, row[i] = i, c.v
			}
		}
		if at < 0 {
			t.Fatalf("%s has no column %s", c.panel, c.column)
		}
		table.Rows = [][]any{row}
		body, err := writeCSV(panel, table)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(strings.NewReader(string(body))).ReadAll()
		if err != nil || len(lines) != 2 || lines[1][at] != c.want {
			t.Errorf("%s: %s of %v: got %q, %v, want %s", c.panel, c.column, c.v, lines, err, c.want)
		}
		if got := plain(panel.Columns[at].Role, c.v); c.v != nil && got != c.want {
			t.Errorf("%s: %s of %v in JSON: got %v, want %s", c.panel, c.column, c.v, got, c.want)
		}
	}
}
