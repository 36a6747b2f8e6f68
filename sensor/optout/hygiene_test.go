package optout_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openfootfall/footfall/sensor/optout"
	"github.com/openfootfall/footfall/sensor/optout/guard"
)

// every asks for every page and form of the service once.
func (r *rig) every() map[string]reply {
	all := map[string]reply{}
	for _, path := range []string{"/", "/en/", "/en/check", "/en/help", "/en/desk", "/en/notice", "/en/notice/quay", "/en/sign/quay", "/nothing"} {
		all["GET "+path] = r.get(path)
	}
	for path, form := range map[string][]string{"/en/register": {"address", stable}, "/de/check": {"receipt", "01234-56789-ABCDE-FGHJK"}, "/en/undo": {"receipt", "01234-56789-ABCDE-FGHJK"}} {
		all["POST "+path] = r.post(path, form...)
	}
	all["a typo"] = r.post("/en/register", "address", "x")
	all["a method"] = r.do(httptest.NewRequest(http.MethodDelete, "/en/", nil))
	return all
}

func TestHeaders(t *testing.T) {
	r := newRig(t)
	for name, got := range r.every() {
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "", "Set-Cookie": "", "Server": "",
		} {
			if got.Header.Get(header) != want {
				t.Errorf("%s: %s: got %q, want %q", name, header, got.Header.Get(header), want)
			}
		}
		policy := got.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'self'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: got a policy without %s: %s", name, part, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
			t.Errorf("%s: got a policy that lets scripts run: %s", name, policy)
		}
		if cache := got.Header.Get("Cache-Control"); strings.HasPrefix(name, "POST") && cache != "no-store" || cache == "" {
			t.Errorf("%s: Cache-Control: got %q", name, cache)
		}
		if got.Header.Get("Permissions-Policy") == "" {
			t.Errorf("%s: no Permissions-Policy", name)
		}
	}
	r = newRig(t, func(o *optout.Options) { o.BehindProxy = true })
	if got := r.get("/en/").Header.Get("Strict-Transport-Security"); got == "" {
		t.Error("behind a proxy with TLS there is no Strict-Transport-Security")
	}
}

var external = regexp.MustCompile(`(?:src|href|action|content)="(?:https?:)?//([^"/]+)`)

// TestNothingComesFromElsewhere: no page loads or names anything of others but the makers' two help pages; none has a style of its
// own, which the policy would refuse.
func TestNothingComesFromElsewhere(t *testing.T) {
	r := newRig(t)
	for name, got := range r.every() {
		for _, m := range external.FindAllStringSubmatch(got.page, -1) {
			if m[1] != "support.apple.com" && m[1] != "source.android.com" {
				t.Errorf("%s: names %s", name, m[1])
			}
		}
		for _, never := range []string{"style=", "<style", "onclick", "javascript:", "<script"} {
			if strings.Contains(got.page, never) {
				t.Errorf("%s: got %q in the page", name, never)
			}
		}
	}
}

func TestMethods(t *testing.T) {
	r := newRig(t)
	for _, row := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/en/register", 405}, {"GET", "/en/undo", 405}, {"POST", "/en/", 405}, {"POST", "/en/help", 405}, {"PUT", "/en/register", 405},
		{"DELETE", "/en/check", 405}, {"OPTIONS", "/en/register", 405}, {"TRACE", "/en/", 405}, {"POST", "/", 405}, {"HEAD", "/en/", 200},
		{"HEAD", "/en/check", 200}, {"GET", "/en", 307}, {"GET", "/xx/", 404}, {"GET", "/healthz", 404}, {"GET", "/metrics", 404}, {"GET", "/debug/pprof/", 404},
		{"GET", "/static/x/style.css", 404}, {"POST", "/static/x/style.css", 404},
	} {
		got := r.do(httptest.NewRequest(row.method, row.path, nil))
		if got.StatusCode != row.want {
			t.Errorf("%s %s: got %d, want %d", row.method, row.path, got.StatusCode, row.want)
		}
		if row.want == 405 && got.Header.Get("Allow") == "" {
			t.Errorf("%s %s: got no Allow", row.method, row.path)
		}
	}
}

func TestStaticFiles(t *testing.T) {
	r := newRig(t)
	paths := regexp.MustCompile(`/static/[0-9a-f]+/[a-z.]+`).FindAllString(r.get("/en/").page, -1)
	if len(paths) != 2 {
		t.Fatalf("got %v, want the style and the mark", paths)
	}
	r.guard.next = guard.Decision{Verdict: guard.Challenge, Challenge: guard.Task{Token: "a"}}
	paths = append(paths, regexp.MustCompile(`/static/[0-9a-f]+/work.js`).FindString(r.post("/en/register", "address", stable).page))
	for _, path := range paths {
		got := r.get(path)
		if got.StatusCode != 200 || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") || len(got.page) == 0 || len(got.page) > 20_000 {
			t.Errorf("%s: got %d, %d bytes, %q", path, got.StatusCode, len(got.page), got.Header.Get("Cache-Control"))
		}
	}
}

func TestForeignAndBrokenForms(t *testing.T) {
	from := func(header, value string) func(*http.Request) {
		return func(q *http.Request) { q.Header.Set(header, value) }
	}
	for _, row := range []struct {
		name   string
		change func(*http.Request)
		want   int
	}{
		{"our own page", from("Sec-Fetch-Site", "same-origin"), 200},
		{"typed by a person's program", func(*http.Request) {}, 200},
		{"an old browser on our page", from("Origin", "http://example.com"), 200}, // httptest's host
		{"our own page behind a proxy", from("Origin", "https://optout.lindgren-hale.example"), 200},
		{"another site", from("Sec-Fetch-Site", "cross-site"), 403},
		{"another part of our domain", from("Sec-Fetch-Site", "same-site"), 403},
		{"an old browser on another site", from("Origin", "https://elsewhere.example"), 403},
		{"a page without an origin", from("Origin", "null"), 403},
		{"JSON", from("Content-Type", "application/json"), 400},
		{"a file upload", from("Content-Type", "multipart/form-data; boundary=x"), 400},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			req := post("/en/register", "address", stable)
			row.change(req)
			got := r.do(req)
			if got.StatusCode != row.want {
				t.Errorf("got %d, want %d", got.StatusCode, row.want)
			}
			if (len(r.book.records) == 1) != (row.want == 200) {
				t.Errorf("got %d registrations", len(r.book.records))
			}
		})
	}
	r := newRig(t)
	r.wants("too large", r.post("/en/register", "address", strings.Repeat("0", 5000)), http.StatusRequestEntityTooLarge, "Nothing was registered")
	r.wants("twice the same", r.post("/en/register", "address", stable, "address", random), http.StatusBadRequest, "could not be read")
}

// TestNoAddressOrReceiptLeavesThePage: whatever becomes of a request, the log, the metrics and what is counted hold nothing of it.
func TestNoAddressOrReceiptLeavesThePage(t *testing.T) {
	r := newRig(t)
	canaries := append(shapes(stable), shapes(random)...)
	for _, verdict := range []guard.Verdict{guard.Admit, guard.Challenge, guard.Hold, guard.Refuse} {
		for _, fails := range []error{nil, errAway} {
			r.guard.next = guard.Decision{Verdict: verdict, Burst: 1}
			r.book.fails = fails
			for _, address := range []string{stable, random, stable + "x", "x" + stable} {
				got := r.post("/en/register", "address", address, "confirm", "1", "proof", address)
				if m := codeOnPage.FindStringSubmatch(got.page); m != nil {
					canaries = append(canaries, shapes(m[1])...)
					r.post("/en/check", "receipt", m[1])
					r.post("/en/undo", "receipt", m[1])
				}
			}
		}
	}
	held := newRig(t, func(o *optout.Options) { o.Random = panicking{} })
	held.wants("a bug", held.post("/en/register", "address", stable), http.StatusInternalServerError)
	text := r.log.String() + held.log.String() + fmt.Sprint(r.counted)
	for _, reg := range []*rig{r, held} {
		families, err := reg.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprint(families)
	}
	for _, canary := range canaries {
		if strings.Contains(strings.ToLower(text), strings.ToLower(canary)) {
			t.Errorf("an address or a receipt stands in the log or the metrics:\n%s", text)
		}
	}
	if !strings.Contains(held.log.String(), "ended in a bug") || strings.Contains(held.log.String(), ".go:") {
		t.Errorf("a bug: got %s, want it said without a trace", held.log.String())
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("a secret " + stable) }

func TestMetrics(t *testing.T) {
	r := newRig(t)
	r.register("address", stable)
	r.post("/en/register", "address", "x")
	r.get("/nothing")
	const want = `# HELP footfall_optout_requests_total Requests to the opt-out pages, by what became of them.
# TYPE footfall_optout_requests_total counter
footfall_optout_requests_total{page="none",result="not_found"} 1
footfall_optout_requests_total{page="register",result="invalid"} 1
footfall_optout_requests_total{page="register",result="ok"} 1
`
	if err := testutil.GatherAndCompare(r.metrics, strings.NewReader(want), "footfall_optout_requests_total"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(r.metrics); err != nil || len(problems) > 0 {
		t.Errorf("got %v, %v, want no problems", problems, err)
	}
}
