package api

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/panels"
)

const march = Prefix + "tables/pub_store_day?from=2026-03-01&to=2026-03-31"

// paged answers as the database would of n days: what is behind the cursor, and no more than the limit.
func paged(n int) func(sql string) (panels.Table, error) {
	return func(sql string) (panels.Table, error) {
		all := days(n)
		if _, after, ok := strings.Cut(sql, "(store, store_day) > ('quay', toDate('"); ok {
			at, err := time.Parse(time.DateOnly, after[:10])
			if err != nil {
				return panels.Table{}, err
			}
			all.Rows = all.Rows[at.Day():]
		}
		var limit int
		_, text, _ := strings.Cut(sql, " LIMIT ")
		if _, err := fmt.Sscan(text, &limit); err != nil {
			return panels.Table{}, err
		}
		all.Rows = all.Rows[:min(limit, len(all.Rows))]
		return all, nil
	}
}

func TestATableAsJSONIsWhatWasPublished(t *testing.T) {
	r := newRig(t)
	r.fake.answer = paged(2)
	w := r.get("office", march)
	want := `{"table":"pub_store_day","stores":["quay","far"],"from":"2026-03-01","to":"2026-03-31","rows":[
{"store":"quay","store_day":"2026-03-01","visits":100,"visits_state":"value","engaged_pct":40,"sealed":true},
{"store":"quay","store_day":"2026-03-02","visits":null,"visits_state":"under_10","engaged_pct":null,"sealed":true}]}
`
	if got := w.Body.String(); w.Code != http.StatusOK || got != want || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s, want %s", w.Code, got, want)
	}
	wantSQL := "SELECT store, store_day, visits, visits_state, engaged_pct, sealed FROM pub_store_day FINAL WHERE store IN ('quay', 'far') AND store_day <= toDate('2026-03-31') AND " +
		"store_day >= toDate('2026-03-01') ORDER BY store, store_day LIMIT 1001" + settings
	if got := r.fake.last(); got != wantSQL {
		t.Errorf("asked %s, want %s", got, wantSQL)
	}
}

func TestATableAsCSVIsTheSame(t *testing.T) {
	r := newRig(t)
	r.fake.answer = paged(2)
	w := r.get("office", march+"&format=csv")
	want := "store,store_day,visits,visits_state,engaged_pct,sealed\r\nquay,2026-03-01,100,value,40,true\r\nquay,2026-03-02,,under_10,,true\r\n"
	if got := w.Body.String(); w.Code != http.StatusOK || got != want {
		t.Errorf("got %d %q, want %q", w.Code, got, want)
	}
	if h := w.Header(); h.Get("Content-Type") != "text/csv; charset=utf-8; header=present" || h.Get("Content-Disposition") != `attachment; filename="footfall_pub_store_day_2026-03-01_2026-03-31.csv"` {
		t.Errorf("got headers %v", h)
	}
	r.fake.answer = nil
	if got := r.get("office", march+"&format=csv").Body.String(); got != "store,store_day,visits,visits_state,engaged_pct,sealed\r\n" {
		t.Errorf("without rows: got %q, want the heading", got)
	}
	if got := r.get("office", march).Body.String(); !strings.HasSuffix(got, `"rows":[]}`+"\n") {
		t.Errorf("without rows: got %s", got)
	}
}

// All pages together are all rows, each once, whatever their size and format.
func TestPagesAreAllRowsOnce(t *testing.T) {
	for _, size := range []int{1, 2, 3, 7, 8, 20} {
		r := newRig(t)
		r.fake.answer = paged(7)
		var got []string
		for path, pages := fmt.Sprintf("%s&limit=%d", march, size), 0; path != ""; pages++ {
			if pages > 10 {
				t.Fatal("the pages do not end")
			}
			w := r.get("manager", path)
			var answer struct {
				Rows []map[string]any
				Next string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
				t.Fatalf("%v in %s", err, w.Body)
			}
			for _, row := range answer.Rows {
				got = append(got, row["store_day"].(string)[8:])
			}
			path = next(t, w.Header())
			if q, err := url.Parse(path); err != nil || q.Query().Get("cursor") != answer.Next {
				t.Errorf("got the header %q and the cursor %q", path, answer.Next)
			}
		}
		if fmt.Sprint(got) != "[01 02 03 04 05 06 07]" {
			t.Errorf("pages of %d: got %v", size, got)
		}
		w := r.get("manager", fmt.Sprintf("%s&format=csv&limit=%d", march, size))
		if lines := strings.Count(w.Body.String(), "\r\n"); lines != 1+min(size, 7) || (next(t, w.Header()) != "") != (size < 7) {
			t.Errorf("a CSV page of %d: got %d lines, next %q", size, lines, next(t, w.Header()))
		}
	}
}

func next(t *testing.T, h http.Header) string {
	t.Helper()
	text := h.Get("Link")
	if text == "" {
		return ""
	}
	link, ok := strings.CutSuffix(strings.TrimPrefix(text, "<"), `>; rel="next"`)
	if !ok {
		t.Fatalf("got Link %q", text)
	}
	return link
}

// many answers with rows without end, from a sensor that is always a little older.
func many(n int) func(sql string) (panels.Table, error) {
	return func(sql string) (panels.Table, error) {
		from, limit := int64(0), 0
		if _, after, ok := strings.Cut(sql, "'door', toDateTime("); ok {
			if _, err := fmt.Sscan(after, &from); err != nil {
				return panels.Table{}, err
			}
		}
		_, text, _ := strings.Cut(sql, " LIMIT ")
		if _, err := fmt.Sscan(text, &limit); err != nil {
			return panels.Table{}, err
		}
		out := panels.Table{Columns: []string{"store", "sensor", "start", "drops"}}
		for at := from + 1; at <= int64(n) && len(out.Rows) < limit; at++ {
			out.Rows = append(out.Rows, []any{"quay", "door", time.Unix(at, 0).UTC(), `{"weak":3}`})
		}
		return out, nil
	}
}

func TestALongCSVIsReadInParts(t *testing.T) {
	r := newRig(t)
	const rows = 2*streamRows + 17
	r.fake.answer = many(rows)
	server := httptest.NewServer(r.handler)
	defer server.Close()
	body, err := fetch(t, server, r.secrets["operator"], Prefix+"tables/pub_sensor_5min?from=2026-03-01&to=2026-03-02&format=csv")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(lines) != rows+1 || lines[rows][3] != `{"weak":3}` {
		t.Fatalf("got %d lines, %v, want %d", len(lines), err, rows+1)
	}
	for i, line := range lines[1:] {
		if want := time.Unix(int64(i+1), 0).UTC().Format(time.RFC3339); line[2] != want {
			t.Fatalf("line %d: got %s, want %s", i, line[2], want)
		}
	}
	if len(r.fake.asked) != 3 || fmt.Sprint(r.noted()) != fmt.Sprintf("[{operator pub_sensor_5min %d}]", rows) {
		t.Errorf("asked %d times, noted %v", len(r.fake.asked), r.noted())
	}
	if got := r.get("operator", Prefix+"tables/pub_sensor_5min?from=2026-03-01&to=2026-03-02&limit=1").Body.String(); !strings.Contains(got, `"start":"1970-01-01T00:00:01Z","drops":{"weak":3}}`) {
		t.Errorf("got %s, want the map as an object", got)
	}
}

// An answer that breaks in the middle is never taken for a whole one.
func TestACSVThatBreaksIsCutOff(t *testing.T) {
	r := newRig(t)
	whole, calls := many(3*streamRows), 0
	r.fake.answer = func(sql string) (panels.Table, error) {
		if calls++; calls == 2 {
			return panels.Table{}, errors.New("gone")
		}
		return whole(sql)
	}
	server := httptest.NewServer(r.handler)
	defer server.Close()
	body, err := fetch(t, server, r.secrets["operator"], Prefix+"tables/pub_sensor_5min?from=2026-03-01&to=2026-03-02&format=csv")
	if err == nil || strings.Count(body, "\n") > streamRows+1 {
		t.Errorf("got %d lines and %v, want an error behind the first part", strings.Count(body, "\n"), err)
	}
	if !strings.Contains(r.log.String(), "cut off") {
		t.Errorf("got the log %s", r.log.String())
	}
}

func fetch(t *testing.T, server *httptest.Server, secret, path string) (string, error) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+secret)
	w, err := server.Client().Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusOK {
		t.Fatalf("got %d", w.StatusCode)
	}
	body, err := io.ReadAll(w.Body)
	return string(body), err
}

func TestNamesInCSVAreNoFormulas(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", `a","=1`} {
		r.fake.answer = func(string) (panels.Table, error) {
			return panels.Table{Columns: []string{"store", "share"}, Rows: [][]any{{name, -1.5}}}, nil
		}
		lines, err := csv.NewReader(strings.NewReader(r.get("office", Prefix+"tables/pub_stores?format=csv").Body.String())).ReadAll()
		if err != nil || len(lines) != 2 || strings.ContainsAny(lines[1][0][:1], "=+-@\t\r\n") || lines[1][1] != "-1.5" {
			t.Errorf("%q: got %q, %v", name, lines, err)
		}
	}
}

func TestCells(t *testing.T) {
	zone := time.FixedZone("x", 3600)
	for _, c := range []struct {
		name string
		kind Kind
		v    any
		want any
	}{
		{"nothing", Integer, nil, nil}, {"a number", Integer, int64(5), int64(5)}, {"no number", Number, math.NaN(), nil}, {"no end", Number, math.Inf(1), nil},
		{"a date", Date, day(3), "2026-03-03"}, {"an instant", Instant, noon.In(zone), "2026-03-04T11:00:00Z"}, {"a yes", YesNo, true, true},
	} {
		if got := plain(c.kind, c.v); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWhatCannotBeAnswered(t *testing.T) {
	cursor, err := writeCursor(&Table{Name: "pub_store_day"}, []string{"quay", "2026-03-02"})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a", longestCursor+1)
	for _, c := range []struct {
		name, path string
		status     int
		says       string
	}{
		{"no days", "tables/pub_store_day", 400, "from is missing: write a store-day as year-month-day, such as from=2026-03-02"}, {"half a range", "tables/pub_store_day?from=2026-03-02", 400, "to is missing"},
		{"no date", "tables/pub_store_day?from=monday&to=2026-03-02", 400, "from=2026-03-02"}, {"no such date", "tables/pub_store_day?from=2026-02-30&to=2026-03-02", 400, "from="},
		{"SQL for a date", "tables/pub_store_day?from=2026-03-02%27)--&to=2026-03-02", 400, "from="}, {"long ago", "tables/pub_store_day?from=1999-12-31&to=2000-01-01", 400, "2000"},
		{"backwards", "tables/pub_store_day?from=2026-03-03&to=2026-03-02", 400, "swap"}, {"too long", "tables/pub_store_day?from=2025-01-01&to=2026-02-05", 400, "a part at a time"},
		{"a day for what has none", "tables/pub_stores?from=2026-03-02", 400, "store, format, limit, cursor"},
		{"a typing error", march + "&form=csv", 400, "no such parameter"}, {"another case", march + "&Store=quay", 400, "no such parameter"}, {"twice", march + "&from=2026-03-02", 400, "once"},
		{"no format", march + "&format=", 400, "format=json"}, {"another format", march + "&format=xml", 400, "format=json"},
		{"no limit", march + "&limit=", 400, "limit=1000"}, {"nothing", march + "&limit=0", 400, "limit=1000"}, {"less", march + "&limit=-1", 400, "limit=1000"},
		{"too many", march + "&limit=10001", 400, "limit=1000"}, {"half a row", march + "&limit=1.5", 400, "limit=1000"},
		{"a cursor that is none", march + "&cursor=x", 400, "next"}, {"an empty one", march + "&cursor=", 400, "next"}, {"a long one", march + "&cursor=" + long, 400, "next"},
		{"of another table", "tables/pub_stores?cursor=" + cursor, 400, "next"}, {"of good form", march + "&cursor=" + cursor, 200, ""},
		{"too many stores", march + strings.Repeat("&store=quay", mostStores+1), 400, "at a time"}, {"a store twice", march + "&store=quay&store=quay", 200, ""},
		{"a query that cannot be read", march + "&store=%zz", 400, "%XX"}, {"a semicolon", march + ";store=quay", 400, "%XX"},
		{"no such path", "secrets", 404, "openapi.json"}, {"below a table", "tables/pub_store_day/x", 404, "openapi.json"}, {"no path", "", 404, "openapi.json"},
		{"a parameter for a list", "stores?store=quay", 400, "without any"}, {"for tables", "tables?x", 400, "without any"}, {"for panels", "panels?x", 400, "without any"}, {"for the description", "openapi.json?x", 400, "without any"},
		{"a panel without its store", "panels/daily", 400, "store="}, {"a panel of no range", "panels/daily?store=quay&range=1h", 400, "range=7d"}, {"a limit for a panel", "panels/daily?store=quay&limit=5", 400, "no such parameter"},
		{"a format for a panel", "panels/daily?store=quay&format=xml", 400, "format=json"}, {"a panel by another name", "panels/daily.xml?store=quay", 404, "panels"},
		{"two formats of a panel", "panels/daily.csv?store=quay&format=json", 400, "leave one of them out"}, {"of a table", strings.Replace(march, "?", ".json?", 1) + "&format=csv", 400, "leave one of them out"},
		{"a format twice", "panels/daily.csv?store=quay&format=csv&format=json", 400, "once"}, {"two endings", "panels/daily.csv.json?store=quay", 404, "panels"}, {"no name", "tables/.csv?store=quay", 404, "tables"},
		{"the longest range", "tables/pub_store_day?from=2025-01-01&to=2026-02-04", 200, ""}, {"one day", "tables/pub_store_day?from=2026-03-02&to=2026-03-02", 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			w := r.get("office", Prefix+strings.TrimPrefix(c.path, Prefix))
			if w.Code != c.status {
				t.Fatalf("got %d: %s, want %d", w.Code, w.Body, c.status)
			}
			if c.status == http.StatusOK {
				return
			}
			if p := problem(t, w); !strings.Contains(p.Detail, c.says) {
				t.Errorf("got %q, want %q in it", p.Detail, c.says)
			}
			if len(r.fake.asked) > 0 {
				t.Errorf("asked %q", r.fake.asked)
			}
		})
	}
}

// A panel over the API is the page's answer.
func TestAPanelIsThePages(t *testing.T) {
	r := newRig(t)
	r.fake.answer = func(string) (panels.Table, error) {
		return panels.Table{Columns: []string{"store", "visits"}, Rows: [][]any{{"quay", int64(130)}}}, nil
	}
	const query = "store=quay&from=2026-03-02&to=2026-03-03"
	for format, path := range map[string]string{"json": "daily", "csv": "daily.csv"} {
		w := httptest.NewRecorder()
		r.api.o.Page.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, page.API+"panels/"+path+"?"+query, nil))
		got := r.get("manager", Prefix+"panels/daily?format="+format+"&"+query)
		if got.Code != http.StatusOK || got.Body.String() != w.Body.String() || !strings.Contains(got.Body.String(), "130") {
			t.Errorf("%s: got %d %s, want %s", format, got.Code, got.Body, w.Body)
		}
		if got.Header().Get("Content-Disposition") != w.Header().Get("Content-Disposition") {
			t.Errorf("%s: got file %s", format, got.Header().Get("Content-Disposition"))
		}
	}
	if got := r.fake.last(); got != "SELECT daily FROM pub_store_day FINAL WHERE store IN ('quay')" {
		t.Errorf("asked %s", got)
	}
}

// TestAFormatMayStandInThePath, as on the store page's port: an address that was copied from there is answered.
func TestAFormatMayStandInThePath(t *testing.T) {
	r := newRig(t)
	r.fake.answer = func(sql string) (panels.Table, error) {
		if strings.HasPrefix(sql, "SELECT daily") {
			return panels.Table{Columns: []string{"store", "visits"}, Rows: [][]any{{"quay", int64(130)}}}, nil
		}
		return days(2), nil
	}
	const query = "store=quay&from=2026-03-02&to=2026-03-03"
	for _, what := range []string{"panels/daily", "tables/pub_store_day"} {
		for _, format := range []string{"json", "csv"} {
			want := r.get("manager", Prefix+what+"?"+query+"&format="+format)
			for _, also := range []string{"", "&format=" + format} {
				got := r.get("manager", Prefix+what+"."+format+"?"+query+also)
				if got.Code != http.StatusOK || got.Body.String() != want.Body.String() || got.Header().Get("Content-Type") != want.Header().Get("Content-Type") || got.Header().Get("Content-Disposition") != want.Header().Get("Content-Disposition") {
					t.Errorf("%s.%s%s: got %d %s %v, want %s", what, format, also, got.Code, got.Body, got.Header(), want.Body)
				}
			}
		}
	}
	w := r.get("manager", Prefix+"tables/pub_store_day.csv?"+query+"&limit=1")
	if link := next(t, w.Header()); !strings.Contains(link, "tables/pub_store_day?") || !strings.Contains(link, "format=csv") {
		t.Errorf("got the next page %q, want it as CSV, too", link)
	}
}

func TestCursors(t *testing.T) {
	table := Table{Name: "pub_x", Key: []string{"store", "day", "start", "n"}, Columns: []Column{
		{Name: "store", Kind: Text}, {Name: "day", Kind: Date}, {Name: "start", Kind: Instant}, {Name: "n", Kind: Integer},
	}}
	row := []any{`qu'ay\`, day(2), noon, int64(-7)}
	text, err := writeCursor(&table, keyOf(&table, row))
	if err != nil {
		t.Fatal(err)
	}
	got, err := readCursor(text, &table)
	if err != nil || fmt.Sprint(got) != `[qu'ay\ 2026-03-02 1772622000 -7]` {
		t.Fatalf("got %v, %v", got, err)
	}
	r := request{table: table, stores: []page.StoreInfo{{ID: "quay"}}}
	where, err := r.conditions(got)
	if want := `(store, day, start, n) > ('qu\'ay\\', toDate('2026-03-02'), toDateTime(1772622000), -7)`; err != nil || where[len(where)-1] != want {
		t.Errorf("got %v, %v, want %s", where, err, want)
	}
	for _, bad := range [][]string{{"a"}, {"a", "2026-03-02", "5", "5", "5"}, {"a", "today", "5", "5"}, {"a", "2026-03-02", "-5", "5"}, {"a", "2026-03-02", "5)", "5"}, {"a", "2026-3-2", "5", "5"}, {"a", "2026-03-02", "5", "x"}} {
		text, err := writeCursor(&table, bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readCursor(text, &table); err == nil {
			t.Errorf("%v: it is taken", bad)
		}
	}
}
