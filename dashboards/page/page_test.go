package page

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openfootfall/footfall/dashboards/metricstest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

func TestOptionsThatCannotBe(t *testing.T) {
	good := Options{Query: &fake{}, Stores: []Store{{"quay", "", "UTC"}}}
	for _, c := range []struct {
		name   string
		change func(*Options)
		says   string
	}{
		{"nothing to read from", func(o *Options) { o.Query = nil }, "Options.Query"},
		{"no store", func(o *Options) { o.Stores = nil }, "stores.yaml"},
		{"no such zone", func(o *Options) { o.Stores[0].TimeZone = "Moon/Sea" }, "Moon/Sea"},
		{"a prefix without its end", func(o *Options) { o.Prefix = "/store" }, DefaultPrefix},
		{"a prefix without its beginning", func(o *Options) { o.Prefix = "store/" }, DefaultPrefix},
		{"a prefix in the way of the data", func(o *Options) { o.Prefix = "/api/" }, DefaultPrefix},
		{"a panel twice", func(o *Options) { o.Panels = []panels.Panel{daily(), daily()} }, "daily"},
	} {
		o := good
		o.Stores = append([]Store(nil), good.Stores...)
		c.change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want an error that names %s", c.name, err, c.says)
		}
	}
	p, err := New(good)
	if err != nil || p.stores[0].Name != "quay" || len(p.panels) != len(panels.All()) {
		t.Errorf("got %v; a store without a name goes by its id, and without panels there are all", err)
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	want := map[string]string{
		"Content-Security-Policy": contentPolicy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", "X-Robots-Tag": "noindex",
		"Set-Cookie": "", "Access-Control-Allow-Origin": "",
	}
	r := newRig(t)
	for _, path := range []string{"/store/", "/store/?store=moon", "/api/v1/stores", "/api/v1/panels", "/api/v1/panels/daily?store=quay", "/api/v1/panels/daily.csv?store=quay", "/nothing", "/store/static/old/style.css"} {
		w := r.get(path)
		for name, v := range want {
			if got := w.Header().Get(name); got != v {
				t.Errorf("%s: got %s %q, want %q", path, name, got, v)
			}
		}
	}
	if strings.Contains(contentPolicy, "unsafe") {
		t.Error("the policy lets something unsafe through")
	}
}

func TestOnlyReading(t *testing.T) {
	r := newRig(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodTrace} {
		for _, path := range []string{"/store/", "/api/v1/panels/daily?store=quay"} {
			w := r.do(method, path)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: got %d, want 405", method, path, w.Code)
			}
		}
	}
	if len(r.fake.asked) > 0 {
		t.Errorf("asked %q", r.fake.asked)
	}
	if w := r.do(http.MethodHead, "/api/v1/stores"); w.Code != http.StatusOK {
		t.Errorf("HEAD: got %d", w.Code)
	}
}

func TestThePageWithoutJavaScript(t *testing.T) {
	r := newRig(t)
	w := r.get("/store/?store=quay&from=2026-03-02&to=2026-03-07")
	if w.Code != http.StatusOK {
		t.Fatalf("got %d: %s", w.Code, w.Body)
	}
	body := w.Body.String()
	for _, want := range []string{
		"<h1>Quay Street 7</h1>", "Mon 2 March 2026 – Sat 7 March 2026", "Wednesday 4 March, 12:00 in the store (Europe/Berlin)",
		"How many came?", "Counted and rounded.", "Latest: Sat 7 Mar, 1,315 (1,200–1,450).",
		"No number: closed 1×, no data 1×, not available: policy 1×, under 10 1×.",
		`<td class="n good">1,315</td><td class="n">1,200–1,450</td>`, `<td class="n empty">under 10</td>`, `<td class="n empty">closed</td>`,
		`<td class="n empty">no data</td>`, `<td class="n empty">not available: policy</td>`, "Share (%)", "Fewer than 10 were counted.",
		`href="/api/v1/panels/daily.csv?from=2026-03-02&amp;store=quay&amp;to=2026-03-07"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("nothing of %q", want)
		}
	}
	if strings.Contains(body, `data-panel="across"`) {
		t.Error("a panel of another dashboard is on the page")
	}
	if strings.Index(body, "Sat 7 Mar 2026") > strings.Index(body, "Mon 2 Mar 2026") {
		t.Error("the table does not begin with the newest day")
	}
}

func TestNothingStandsInline(t *testing.T) {
	body := newRig(t).get("/store/").Body.String()
	for _, bad := range []string{"<style", " style=", " onclick", " onload", "javascript:", "http://", "https://"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, tag := range regexp.MustCompile(`<script[^>]*>`).FindAllString(body, -1) {
		if tag != `<script type="application/json">` && !strings.Contains(tag, ` src="/store/static/`) {
			t.Errorf("the page has %s", tag)
		}
	}
}

func TestNamesAreTextAndNothingElse(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Stores[1].ID = `far"><img src=x>` })
	d := dailyRows()
	for i := range d.Rows {
		d.Rows[i][5] = `</script><script>alert("s")</script>`
	}
	r.fake.tables["SELECT daily"] = d
	for _, path := range []string{"/store/?store=far%22%3E%3Cimg%20src%3Dx%3E", "/store/?store=quay"} {
		w := r.get(path)
		body := w.Body.String()
		if w.Code != http.StatusOK || strings.Contains(body, "<script>") || strings.Contains(body, "<img") {
			t.Errorf("%s: got %d with a name that is markup", path, w.Code)
		}
		if !strings.Contains(body, "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;") {
			t.Errorf("%s: the name is gone", path)
		}
	}
	if body := r.get("/store/?store=%3Cscript%3E").Body.String(); strings.Contains(body, "<script>") {
		t.Error("the refusal repeats what was asked")
	}
}

func TestAPanelThatFailsLeavesTheOthers(t *testing.T) {
	other := daily()
	other.ID, other.Title, other.SQL = "other", "Another", "SELECT other"
	r := newRig(t, func(o *Options) { o.Panels = append(o.Panels, other) })
	r.fake.fails["SELECT other"] = errors.New("secret")
	w := r.get("/store/")
	body := w.Body.String()
	if w.Code != http.StatusOK || !strings.Contains(body, "This could not be read just now") || !strings.Contains(body, "1,315") || strings.Contains(body, "secret") {
		t.Errorf("got %d: %s", w.Code, body)
	}
	if got := testutil.ToFloat64(r.page.metrics.failures.WithLabelValues("other")); got != 1 {
		t.Errorf("got %v failures, want 1", got)
	}
}

func TestABugEndsItsRequestOnly(t *testing.T) {
	r := newRig(t)
	h := r.page.guarded(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }))
	w := serve(t, h, "/store/")
	if w.Code != http.StatusInternalServerError {
		t.Errorf("got %d", w.Code)
	}
	if got := testutil.ToFloat64(r.page.metrics.requests.WithLabelValues("none", "panic")); got != 1 {
		t.Errorf("got %v panics counted, want 1", got)
	}
}

func TestAnotherPrefix(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Prefix = "/" })
	w := r.get("/")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `src="/static/`+r.page.assets.Version+`/charts.js"`) {
		t.Errorf("got %d", w.Code)
	}
	if w := r.get("/api/v1/stores"); w.Code != http.StatusOK {
		t.Errorf("the data under another prefix: got %d", w.Code)
	}
}

func TestStaticFiles(t *testing.T) {
	r := newRig(t)
	body := r.get("/store/").Body.String()
	found := regexp.MustCompile(`/store/static/[0-9a-f]+/[a-z.-]+`).FindAllString(body, -1)
	if len(found) < 7 {
		t.Errorf("the page names %v", found)
	}
	for _, path := range found {
		w := r.get(path)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s: got %d", path, w.Code)
		}
	}
	if w := r.get("/store/static/" + r.page.assets.Version + "/..%2fpage.go"); w.Code != http.StatusNotFound {
		t.Errorf("a path out of the folder: got %d", w.Code)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	r := newRig(t)
	r.get("/store/")
	r.get("/api/v1/panels/daily?store=quay")
	r.get("/api/v1/panels/daily?store=moon")
	r.get("/api/v1/stores")
	want := `
# HELP footfall_page_requests_total Requests to the built-in page and its data, by kind and result.
# TYPE footfall_page_requests_total counter
footfall_page_requests_total{result="done",route="page"} 1
footfall_page_requests_total{result="done",route="panel"} 1
footfall_page_requests_total{result="refused",route="panel"} 1
footfall_page_requests_total{result="done",route="stores"} 1
`
	if err := testutil.GatherAndCompare(r.registry, strings.NewReader(want), "footfall_page_requests_total"); err != nil {
		t.Error(err)
	}
	if got := testutil.CollectAndCount(r.page.metrics.queries); got != 1 {
		t.Errorf("got %d series of queries, want one a panel", got)
	}
}

func TestTheMetricsInTheReadme(t *testing.T) {
	r := newRig(t)
	r.fake.fails["SELECT across"] = errors.New("x")
	r.get("/store/")
	r.get("/api/v1/panels/across")
	metricstest.Readme(t, r.registry, "README.md", "footfall_page_")
}

// The chart library is the npm package, byte for byte.
func TestTheLibraryIsThePackage(t *testing.T) {
	pkg := filepath.Join("..", "..", "deploy", "browser", "node_modules", "uplot")
	if _, err := os.Stat(pkg); errors.Is(err, fs.ErrNotExist) {
		t.Skip("deploy/browser has no node_modules: run npm ci there")
	}
	for here, there := range map[string]string{"uPlot.iife.min.js": "dist/uPlot.iife.min.js", "uPlot.min.css": "dist/uPlot.min.css", "LICENSE": "LICENSE"} {
		got, err := libraryFiles.ReadFile("uplot/" + here)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(pkg, there))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is not the package's: copy it again", here)
		}
	}
}

func TestTheLibrarysVersionIsTheOneThatIsPinned(t *testing.T) {
	js, err := libraryFiles.ReadFile("uplot/uPlot.iife.min.js")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`\(v([0-9.]+)\)`).FindSubmatch(js[:200])
	if version == nil {
		t.Fatal("the library does not say which version it is")
	}
	for file, want := range map[string]string{
		filepath.Join("..", "..", "deploy", "browser", "package.json"): `"uplot": "` + string(version[1]) + `"`,
		filepath.Join("uplot", "README.md"):                            "# uPlot " + string(version[1]) + "\n",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s has no %s", file, want)
		}
	}
}

// Where the layout names a panel that is gone, or has no place for one that is new, somebody should choose.
func TestEveryPanelOfTheStoreHasItsPlace(t *testing.T) {
	known := map[string]bool{}
	for _, p := range panels.Of(panels.Store) {
		known[p.ID] = true
		if layoutOf(p.ID).section == "more" {
			t.Errorf("%s has no place in layout", p.ID)
		}
	}
	for _, l := range layout() {
		if !known[l.id] {
			t.Errorf("layout has a place for %s, which is no panel", l.id)
		}
	}
}

func TestWhatIsInsideNowIsNotShownOfThePast(t *testing.T) {
	now := daily()
	now.ID = "occupancy_now"
	r := newRig(t, func(o *Options) { o.Panels = []panels.Panel{now, daily()} })
	for _, c := range []struct {
		query   string
		shown   bool
		section string
	}{{"", true, ">Today<"}, {"?from=2026-03-01&to=2026-03-04", true, ">Today<"}, {"?from=2026-03-01&to=2026-03-03", false, ""}} {
		body := r.get("/store/" + c.query).Body.String()
		if got := strings.Contains(body, `data-panel="occupancy_now"`); got != c.shown || !strings.Contains(body, c.section) {
			t.Errorf("%s: shown is %v, want %v", c.query, got, c.shown)
		}
	}
}

func TestQueriesWaitForASlotAndNotForEver(t *testing.T) {
	r := newRig(t)
	for range queriesAtOnce {
		r.page.slots <- struct{}{}
	}
	ctx, stop := contextThatEnded(t)
	defer stop()
	_, err := r.page.read(ctx, daily(), panels.Params{From: monday(0), To: monday(1)})
	if err == nil || len(r.fake.asked) > 0 {
		t.Errorf("got %v, asked %q, want an error and no query", err, r.fake.asked)
	}
	<-r.page.slots
	if _, err := r.page.read(t.Context(), daily(), panels.Params{From: monday(0), To: monday(1)}); err != nil {
		t.Errorf("with a slot free: got %v", err)
	}
}
