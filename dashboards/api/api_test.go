package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/dashboards/metricstest"
	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/dashboards/tokens"
)

// everywhere are paths of every route.
func everywhere() []string {
	return []string{
		"/api/v1/stores", "/api/v1/tables", "/api/v1/tables/pub_store_day?from=2026-03-01&to=2026-03-02", "/api/v1/tables/pub_store_day?from=2026-03-01&to=2026-03-02&format=csv",
		"/api/v1/panels", "/api/v1/panels/daily?store=quay", "/api/v1/panels/daily?store=quay&format=csv",
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	good := newRig(t).api.o
	good.Registerer = nil
	for _, c := range []struct {
		name   string
		change func(*Options)
		says   string
	}{
		{"as they are", func(*Options) {}, ""},
		{"nothing to read from", func(o *Options) { o.Query = nil }, "Options.Query"},
		{"no page", func(o *Options) { o.Page = nil }, "Options.Query"},
		{"no tokens", func(o *Options) { o.Tokens = nil }, "Options.Query"},
		{"no tables", func(o *Options) { o.Tables = nil }, "footfall migrate"},
		{"a table without its day", func(o *Options) { o.Tables = []Table{{Name: "pub_store_day", Columns: []Column{{Name: "store"}}}} }, "store_day"},
	} {
		o := good
		c.change(&o)
		if _, err := New(o); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		}
	}
}

func TestNobodyReadsWithoutAToken(t *testing.T) {
	r := newRig(t)
	for _, path := range everywhere() {
		for _, who := range []string{"", "nobody", "ended"} {
			w := r.get(who, path)
			if p := problem(t, w); w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") || !strings.Contains(p.Detail, "footfall token make") {
				t.Errorf("%s by %q: got %d", path, who, w.Code)
			}
		}
		if w := r.get("import", path); w.Code != http.StatusForbidden {
			t.Errorf("%s by import: got %d", path, w.Code)
		}
		query := "?"
		if strings.Contains(path, "?") {
			query = "&"
		}
		for _, more := range []string{"token=" + r.secrets["office"], "access_token=x"} {
			if w := r.get("office", path+query+more); w.Code != http.StatusBadRequest || !strings.Contains(problem(t, w).Detail, "Authorization: Bearer") {
				t.Errorf("%s with a token in the query: got %d", path, w.Code)
			}
		}
	}
	if len(r.fake.asked) > 0 || len(r.noted()) > 0 {
		t.Errorf("asked %q, noted %v", r.fake.asked, r.noted())
	}
	for _, secret := range r.secrets {
		if strings.Contains(r.log.String(), secret) {
			t.Error("a token is in the log")
		}
	}
}

// Tokens are in no log, whatever goes wrong.
func TestNoTokenIsLogged(t *testing.T) {
	r := newRig(t)
	r.fake.answer = func(string) (panels.Table, error) { return panels.Table{}, errors.New("broken") }
	for name, secret := range r.secrets {
		for _, path := range append(everywhere(), "/"+secret, "/api/v1/tables/"+secret, "/api/v1/panels/"+secret, "/api/v1/stores?x="+secret) {
			if w := r.get(name, path); strings.Contains(w.Body.String(), secret) {
				t.Errorf("%s: the answer repeats the token", name)
			}
		}
	}
	if log := r.log.String(); strings.Contains(log, tokens.Prefix) || !strings.Contains(log, "broken") {
		t.Errorf("got the log %s, want failures and no token", log)
	}
}

// Each role reads what is said here and nothing else.
func TestRolesAndTables(t *testing.T) {
	may := map[string][]string{
		"manager": {"pub_annotations", "pub_effects", "pub_store_day", "pub_store_hour", "pub_store_live", "pub_store_quarter", "pub_store_week", "pub_stores", "pub_transactions", "pub_zone_hour"},
		"office": {
			"pub_annotations", "pub_effects", "pub_privacy", "pub_retention", "pub_sensor_5min", "pub_store_day", "pub_store_hour", "pub_store_live", "pub_store_quarter", "pub_store_week", "pub_stores",
			"pub_transactions", "pub_zone_hour",
		},
		"operator": {"pub_privacy", "pub_retention", "pub_sensor_5min", "pub_stores"},
		"import":   nil,
		"root":     nil,
	}
	for role, want := range may {
		var got []string
		for _, r := range rules() {
			if mayTable(tokens.Role(role), r.table) {
				got = append(got, r.table)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s reads %v, want %v", role, got, want)
		}
		if mayTable(tokens.Role(role), "pub_secret") || mayTable(tokens.Role(role), "device_days") {
			t.Errorf("%s reads a table without a rule", role)
		}
	}
	for _, p := range panels.All() {
		if p.Dashboard == panels.Store && !mayPanel(&tokens.Token{Role: tokens.Manager}, p) && !strings.Contains(p.SQL, "pub_sensor_5min") {
			t.Errorf("a manager does not read the panel %s of the Store dashboard", p.ID)
		}
		if !mayPanel(&tokens.Token{Role: tokens.Office}, p) || mayPanel(&tokens.Token{Role: tokens.Import}, p) {
			t.Errorf("an office does not read the panel %s, or an import does", p.ID)
		}
		if mayPanel(&tokens.Token{Role: tokens.Operator}, p) && (strings.Contains(p.SQL, "visits") || strings.Contains(p.SQL, "pub_store_")) {
			t.Errorf("an operator reads visits in the panel %s", p.ID)
		}
	}
}

func TestWhoReadsWhat(t *testing.T) {
	const d = "from=2026-03-01&to=2026-03-02"
	for _, c := range []struct {
		who, path string
		status    int
	}{
		{"manager", "tables/pub_store_day?" + d, 200}, {"manager", "tables/pub_store_day?store=quay&" + d, 200},
		{"manager", "tables/pub_store_day?store=far&" + d, 403}, {"manager", "tables/pub_store_day?store=nowhere&" + d, 403},
		{"manager", "tables/pub_store_day?store=quay&store=far&" + d, 403}, {"manager", "tables/pub_store_day?store=&" + d, 403},
		{"manager", "tables/pub_sensor_5min?" + d, 403}, {"manager", "tables/pub_retention?" + d, 403}, {"manager", "tables/pub_secret", 404}, {"manager", "tables/device_days", 404},
		{"manager", "panels/daily?store=quay", 200}, {"manager", "panels/daily?store=far", 403}, {"manager", "panels/daily?store=nowhere", 403}, {"manager", "panels/ages", 403}, {"manager", "panels/both", 403},
		{"office", "tables/pub_store_day?" + d, 200}, {"office", "tables/pub_store_day?store=far&" + d, 200}, {"office", "tables/pub_store_day?store=nowhere&" + d, 404},
		{"office", "tables/pub_sensor_5min?" + d, 200}, {"office", "tables/pub_secret", 404}, {"office", "panels/both", 200}, {"office", "panels/nothing", 404},
		{"operator", "tables/pub_sensor_5min?" + d, 200}, {"operator", "tables/pub_retention?" + d, 200}, {"operator", "tables/pub_store_day?" + d, 403}, {"operator", "tables/pub_annotations?" + d, 403},
		{"operator", "panels/ages", 200}, {"operator", "panels/daily?store=quay", 403}, {"operator", "panels/both", 403},
		{"operator of quay", "tables/pub_sensor_5min?store=far&" + d, 403}, {"operator of quay", "tables/pub_sensor_5min?" + d, 200},
		{"operator of quay", "panels/together", 403}, {"operator of quay", "panels/together?store=quay", 403}, {"operator of quay", "panels/ages", 200}, {"operator", "panels/together", 200},
		{"manager of nothing", "tables/pub_store_day?" + d, 200}, {"manager of nothing", "panels/daily?store=gone", 404},
	} {
		r := newRig(t)
		w := r.get(c.who, Prefix+c.path)
		if w.Code != c.status {
			t.Errorf("%s %s: got %d, want %d: %s", c.who, c.path, w.Code, c.status, w.Body)
		}
		if c.status != http.StatusOK {
			problem(t, w)
			if len(r.fake.asked) > 0 || len(r.noted()) > 0 {
				t.Errorf("%s %s: asked %q, noted %v", c.who, c.path, r.fake.asked, r.noted())
			}
		}
	}
	r := newRig(t)
	there, gone := r.get("manager", Prefix+"tables/pub_store_day?store=far&"+d), r.get("manager", Prefix+"tables/pub_store_day?store=nowhere&"+d)
	if there.Body.String() != gone.Body.String() {
		t.Errorf("got %s and %s: they tell whether a store exists", there.Body, gone.Body)
	}
}

// The rows that are read are those of the token's stores, and of no store where that is said.
func TestWhoseRows(t *testing.T) {
	const d = "?from=2026-03-01&to=2026-03-02"
	for _, c := range []struct{ who, path, want string }{
		{"manager", "pub_store_day" + d, "store IN ('quay') AND"}, {"office", "pub_store_day" + d, "store IN ('quay', 'far') AND"}, {"office", "pub_store_day" + d + "&store=far", "store IN ('far') AND"},
		{"manager of nothing", "pub_store_day" + d, "WHERE 0 "},
		{"operator", "pub_retention" + d, "store IN ('quay', 'far', '')"}, {"operator", "pub_retention" + d + "&store=quay", "store IN ('quay')"}, {"operator of quay", "pub_retention" + d, "store IN ('quay')"},
		{"manager", "pub_annotations" + d, "store IN ('quay', '') AND NOT removed AND first_day <= toDate('2026-03-02') AND last_day >= toDate('2026-03-01')"},
		{"manager", "pub_stores", "WHERE store IN ('quay') ORDER BY store LIMIT 1001"},
		{"operator", "pub_sensor_5min" + d, "(store IN ('far') AND start >= toDateTime(1772305200) AND start < toDateTime(1772478000) OR store IN ('quay') AND start"},
		{"operator", "pub_sensor_5min" + d + "&store=quay", "(store IN ('quay') AND start >= toDateTime(1772334000) AND start < toDateTime(1772506800))"},
		{"operator", "pub_sensor_5min" + d, "SELECT store, sensor, start, toJSONString(drops) AS drops FROM pub_sensor_5min FINAL WHERE"},
	} {
		r := newRig(t)
		if w := r.get(c.who, Prefix+"tables/"+c.path); w.Code != http.StatusOK {
			t.Errorf("%s %s: got %d: %s", c.who, c.path, w.Code, w.Body)
		}
		if !strings.Contains(r.fake.last(), c.want) {
			t.Errorf("%s %s: asked %s, want %s in it", c.who, c.path, r.fake.last(), c.want)
		}
	}
}

func TestLists(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct{ who, path, want, not string }{
		{"manager", "stores", `{"stores":[{"id":"quay","name":"Quay Street 7","time_zone":"Europe/Berlin","today":"2026-03-04"}]}`, "far"},
		{"office", "stores", `"id":"far"`, "nothing"},
		{"manager of nothing", "stores", `{"stores":[]}`, "quay"},
		{"manager", "tables", `{"table":"pub_store_day","key":["store","store_day"],"parameters":["store","from","to","format","limit","cursor"],"columns":[{"name":"store","kind":"text","nullable":false,"unit":"","comment":"store"}`, "pub_sensor"},
		{"operator", "tables", `{"name":"age_s","kind":"integer","nullable":true,"unit":"seconds","comment":"age"}`, "pub_store_day"},
		{"manager", "panels", `{"panels":[{"id":"daily","dashboard":"store"`, "ages"},
		{"operator", "panels", `"id":"ages"`, "both"},
		{"operator", "panels", `"id":"together"`, "both"}, {"operator of quay", "panels", `"id":"ages"`, "together"},
	} {
		w := r.get(c.who, Prefix+c.path)
		if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, c.want) || strings.Contains(body, c.not) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: got %d %s, want %s and no %s", c.who, c.path, w.Code, body, c.want, c.not)
		}
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	r := newRig(t)
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex", "Vary": "Authorization",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox", "Set-Cookie": "", "Access-Control-Allow-Origin": "",
	}
	for _, who := range []string{"office", "", "import"} {
		for _, path := range append(everywhere(), "/", "/api/v1/openapi.json", "/api/v2/stores") {
			w := r.get(who, path)
			for name, v := range want {
				if got := w.Header().Get(name); got != v {
					t.Errorf("%s by %q: got %s %q, want %q", path, who, name, got, v)
				}
			}
		}
	}
}

func TestOnlyReading(t *testing.T) {
	r := newRig(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodTrace} {
		for _, path := range append(everywhere(), "/") {
			w := r.do(method, "office", path)
			if problem(t, w); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: got %d", method, path, w.Code)
			}
		}
	}
	server := httptest.NewServer(r.handler)
	defer server.Close()
	for _, path := range everywhere() {
		var length [2]string
		for i, method := range []string{http.MethodGet, http.MethodHead} {
			q, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			q.Header.Set("Authorization", "Bearer "+r.secrets["office"])
			w, err := server.Client().Do(q)
			if err != nil {
				t.Fatal(err)
			}
			_ = w.Body.Close()
			length[i] = w.Header.Get("Content-Type")
			if w.StatusCode != http.StatusOK {
				t.Errorf("%s %s: got %d", method, path, w.StatusCode)
			}
		}
		if length[0] != length[1] {
			t.Errorf("%s: HEAD has Content-Type %s, GET %s", path, length[1], length[0])
		}
	}
}

func TestTheDatabaseIsNotQuoted(t *testing.T) {
	r := newRig(t)
	r.fake.answer = func(string) (panels.Table, error) { return panels.Table{}, errors.New("secret table") }
	for _, path := range everywhere() {
		w := r.get("office", path)
		if strings.Contains(path, "pub_store_day") || strings.Contains(path, "daily") {
			if problem(t, w); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Content-Disposition") != "" {
				t.Errorf("%s: got %d %s", path, w.Code, w.Body)
			}
		}
	}
	r.fake.answer = func(string) (panels.Table, error) {
		return panels.Table{Columns: []string{"store"}, Rows: [][]any{{"quay"}}}, nil
	}
	if w := r.get("office", everywhere()[2]); w.Code != http.StatusServiceUnavailable {
		t.Errorf("an answer that lacks columns: got %d", w.Code)
	}
	r.fake.answer = func(string) (panels.Table, error) { d := days(2); d.Rows[1] = d.Rows[1][:2]; return d, nil }
	if w := r.get("office", everywhere()[2]); w.Code != http.StatusServiceUnavailable {
		t.Errorf("rows of unlike length: got %d", w.Code)
	}
}

func TestABugEndsItsRequestOnly(t *testing.T) {
	r := newRig(t)
	r.fake.answer = func(string) (panels.Table, error) { panic("x") }
	for range requestsAtOnce + 1 { // its place is given back
		if w := r.get("office", everywhere()[2]); w.Code != http.StatusInternalServerError {
			t.Fatalf("got %d", w.Code)
		}
	}
	r.fake.answer = nil
	if w := r.get("office", everywhere()[2]); w.Code != http.StatusOK {
		t.Errorf("got %d after a bug", w.Code)
	}
}

func TestOneTokenHasAFewRequestsAtOnce(t *testing.T) {
	r := newRig(t)
	hold, holding := make(chan struct{}), make(chan struct{})
	r.fake.answer = func(string) (panels.Table, error) {
		holding <- struct{}{}
		<-hold
		return panels.Table{}, nil
	}
	done := make(chan int, requestsAtOnce)
	for range requestsAtOnce {
		go func() { done <- r.get("office", everywhere()[2]).Code }()
		<-holding
	}
	w := r.get("office", "/api/v1/stores")
	if problem(t, w); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d", w.Code)
	}
	if w := r.get("manager", "/api/v1/stores"); w.Code != http.StatusOK {
		t.Errorf("another token: got %d", w.Code)
	}
	close(hold)
	for range requestsAtOnce {
		if code := <-done; code != http.StatusOK {
			t.Errorf("got %d", code)
		}
	}
	if w := r.get("office", "/api/v1/stores"); w.Code != http.StatusOK || len(r.api.limits.busy) != 0 {
		t.Errorf("afterwards: got %d, and %d places taken", w.Code, len(r.api.limits.busy))
	}
}

func TestWhatIsReadIsNoted(t *testing.T) {
	r := newRig(t)
	r.fake.answer = func(sql string) (panels.Table, error) {
		if strings.Contains(sql, "daily") {
			return panels.Table{Columns: []string{"store", "visits"}, Rows: [][]any{{"quay", int64(5)}}}, nil
		}
		return days(3), nil
	}
	for _, path := range everywhere() {
		r.get("manager", path)
	}
	r.get("", "/api/v1/openapi.json")
	got := fmt.Sprint(r.noted())
	if want := "[{manager  0} {manager  0} {manager pub_store_day 3} {manager pub_store_day 3} {manager  0} {manager daily 1} {manager daily 1}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTheMetricsInTheReadme(t *testing.T) {
	r := newRig(t)
	for _, path := range everywhere() {
		r.get("manager", path)
	}
	metricstest.Readme(t, r.registry, "README.md", "footfall_api_")
}
