package optout_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/optout"
	"github.com/openfootfall/footfall/sensor/optout/guard"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

// book is a registry in memory.
type book struct {
	mu      sync.Mutex
	away    bool
	fails   error
	looks   int
	records map[string]registry.Standing
	tags    map[string]uint32
}

func (b *book) Ready() bool { return !b.away }

func (b *book) put(key []byte, tag uint32, s registry.State) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails != nil {
		return b.fails
	}
	b.records[string(key)] = registry.Standing{State: s, Day: time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC), Version: uint64(len(b.records) + 1)}
	b.tags[string(key)] = tag
	return nil
}

func (b *book) Register(_ context.Context, key []byte, tag uint32) (uint64, error) {
	return uint64(len(b.records) + 1), b.put(key, tag, registry.Listed)
}

func (b *book) Hold(_ context.Context, key []byte, tag, _ uint32) error {
	return b.put(key, tag, registry.Held)
}

func (b *book) Undo(_ context.Context, key []byte) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.records, string(key))
	return 1, b.fails
}

func (b *book) Look(key []byte) registry.Standing {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	return b.records[string(key)]
}

// verdicts is a guard that says what it is told to.
type verdicts struct {
	next  guard.Decision
	kinds []guard.Kind
	proof string
}

func (v *verdicts) Judge(_ *http.Request, what guard.Kind, proof string) guard.Decision {
	v.kinds, v.proof = append(v.kinds, what), proof
	return v.next
}

// walls are notices of two stores.
type walls struct{ fails error }

func (walls) Stores() []optout.Store {
	return []optout.Store{{ID: "quay", Name: "Quay Street 7", CodesFor: 35*time.Hour + 6*time.Minute, BitWeeks: 5}, {ID: "market", Name: "Market & Hall"}}
}

func (w walls) Notice(store, lang string) (optout.Notice, error) {
	return optout.Notice{
		Document: notice.Document{Lang: lang, Title: "Notice of " + store, Summary: "A summary.", Sections: []notice.Section{
			{ID: "what", Heading: "What is heard", Paragraphs: []string{"A <paragraph>."}, Items: []string{"An item."}}}},
		Version: 3, Since: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Changes: []notice.Change{{Version: 3, Date: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}},
	}, w.fails
}

// rig is the service over fakes.
type rig struct {
	*optout.Service
	t       *testing.T
	book    *book
	guard   *verdicts
	log     bytes.Buffer
	metrics *prometheus.Registry
	counted map[string]int
	asked   []uint64 // versions whose progress was asked for
}

// testKey is an opt-out key of the tests.
func testKey(t testing.TB) *keys.Tagger {
	t.Helper()
	key, err := keys.NewOptOutKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	tagger, err := key.Tagger()
	if err != nil {
		t.Fatal(err)
	}
	return tagger
}

func newRig(t *testing.T, change ...func(*optout.Options)) *rig {
	t.Helper()
	r := &rig{
		t: t, book: &book{records: map[string]registry.Standing{}, tags: map[string]uint32{}}, guard: &verdicts{},
		metrics: prometheus.NewPedanticRegistry(), counted: map[string]int{},
	}
	o := optout.Options{
		Controller: "Lindgren & Hale", Contact: "privacy@lindgren-hale.example", URL: "https://optout.lindgren-hale.example", Desk: true,
		Tagger: testKey(t), Registry: r.book, Guard: r.guard, Notices: walls{},
		Progress: func(v uint64) optout.Enforcement {
			r.asked = append(r.asked, v)
			return optout.Enforcement{Known: true, Sensors: 5, Online: 4, Enforcing: 3, Stores: 2, Answered: 1, Oldest: 3 * time.Minute}
		},
		Count: func(what string) { r.counted[what]++ }, Registerer: r.metrics, Logger: slog.New(slog.NewJSONHandler(&r.log, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	var err error
	if r.Service, err = optout.New(o); err != nil {
		t.Fatal(err)
	}
	return r
}

// reply is an answer of the service.
type reply struct {
	*http.Response
	page string
}

func (r *rig) do(req *http.Request) reply {
	r.t.Helper()
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, req)
	res := w.Result()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{res, string(raw)}
}

func (r *rig) get(path string) reply {
	return r.do(httptest.NewRequest(http.MethodGet, path, nil))
}

// post sends a form: names and values in turn.
func (r *rig) post(path string, pairs ...string) reply {
	return r.do(post(path, pairs...))
}

func post(path string, pairs ...string) *http.Request {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

var codeOnPage = regexp.MustCompile(`<p class="receipt" translate="no">([0-9A-Z-]+)</p>`)

// register registers and returns the receipt's code.
func (r *rig) register(pairs ...string) string {
	r.t.Helper()
	got := r.post("/en/register", pairs...)
	m := codeOnPage.FindStringSubmatch(got.page)
	if m == nil {
		r.t.Fatalf("got status %d and no receipt, want one:\n%s", got.StatusCode, got.page)
	}
	return m[1]
}

// wants holds an answer against a status and what has to stand in it.
func (r *rig) wants(what string, got reply, status int, texts ...string) {
	r.t.Helper()
	if got.StatusCode != status {
		r.t.Errorf("%s: got status %d, want %d", what, got.StatusCode, status)
	}
	for _, text := range texts {
		if !strings.Contains(got.page, text) {
			r.t.Errorf("%s: got a page without %q:\n%s", what, text, got.page)
		}
	}
}

// stable is an address of the documentation's range (RFC 7042), made up one of a phone.
const (
	stable = "00:00:5E:00:53:01"
	random = "02:00:5E:00:53:01"
)

// shapes are all ways in which an address or a receipt may turn up where it must not.
func shapes(text string) []string {
	bare := strings.NewReplacer(":", "", "-", "").Replace(text)
	all := []string{text, bare, strings.ToLower(text), strings.ToLower(bare), strings.ReplaceAll(text, ":", "-"), url.QueryEscape(text)}
	if raw, err := hex.DecodeString(bare); err == nil {
		all = append(all, string(raw))
	}
	return all
}

var errAway = errors.New("kafka is away: try again later")
