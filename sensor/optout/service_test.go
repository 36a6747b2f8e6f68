package optout_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/sensor/optout"
	"github.com/openfootfall/footfall/sensor/optout/guard"
)

func TestPages(t *testing.T) {
	r := newRig(t)
	for lang, texts := range map[string]map[string][]string{
		"en": {
			"":                   {"Leave an address out", `<label for="address">`, `action="/en/register"`, "Lindgren &amp; Hale"},
			"check":              {"Look up a receipt", `action="/en/check"`},
			"help":               {"iPhone and iPad", "2, 6, A or E"},
			"desk":               {"Service desk", `name="desk" value="1"`},
			"notice":             {"Quay Street 7", "Market &amp; Hall", `href="/en/notice/quay"`, `href="/en/sign/quay"`},
			"notice/quay":        {"Notice of quay", "A &lt;paragraph&gt;.", "An item.", "Version 3, since 1 February 2026", "What changed"},
			"sign/quay":          {"deleted after 36 hours", "optout.lindgren-hale.example", `class="qr"`, "privacy@lindgren-hale.example", "service desk"},
			"sign/market":        {"no code made of it leaves the sensor"},
			"sign/quay?paper=a5": {"sheet a5"},
		},
		"de": {
			"":            {"Eine Adresse aus unserer Besucherzählung", `action="/de/register"`},
			"check":       {"Beleg nachschlagen"},
			"help":        {"zweite Zeichen"},
			"desk":        {"Servicetheke"},
			"notice":      {"Türschild"},
			"notice/quay": {"Fassung 3, seit 1. Februar 2026"},
			"sign/quay":   {"spätestens nach 36 Stunden"},
		},
	} {
		for path, want := range texts {
			got := r.get("/" + lang + "/" + path)
			r.wants(lang+" "+path, got, http.StatusOK, want...)
			r.wants(lang+" "+path, got, http.StatusOK, `<html lang="`+lang+`">`, `class="skip"`, `name="viewport"`)
			if len(got.page) > 40_000 {
				t.Errorf("%s %s: got %d bytes", lang, path, len(got.page))
			}
			if other := map[string]string{"en": "de", "de": "en"}[lang]; !strings.Contains(got.page, `<a href="/`+other+`/`+strings.TrimSuffix(path, "?paper=a5")+`" lang="`+other+`"`) {
				t.Errorf("%s %s: the same page in the other language is not offered", lang, path)
			}
		}
	}
	if got, want := r.counted["view_desk"], 2; got != want {
		t.Errorf("views of the desk's page: got %d, want %d", got, want)
	}
	if !slices.Contains(optout.Counted(), "view_desk") || slices.Contains(optout.Counted(), "view_staff") {
		t.Errorf("counted are %v: anybody may open the desk's page, so it does not tell of staff", optout.Counted())
	}
}

func TestThereIsADeskOnlyWhereItIsSaid(t *testing.T) {
	r := newRig(t, func(o *optout.Options) { o.Desk = false })
	r.wants("the desk", r.get("/en/desk"), http.StatusNotFound)
	for _, path := range []string{"/en/", "/en/sign/quay"} {
		if got := r.get(path); strings.Contains(strings.ToLower(got.page), "desk") {
			t.Errorf("%s promises a desk that there is not", path)
		}
	}
}

func TestLanguageByPath(t *testing.T) {
	r := newRig(t)
	for header, want := range map[string]string{"": "/en/", "de-CH, en;q=0.5": "/de/", "sv": "/en/"} {
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set("Accept-Language", header)
		got := r.do(req)
		if got.StatusCode != http.StatusFound || got.Header.Get("Location") != want || got.Header.Get("Vary") != "Accept-Language" {
			t.Errorf("%q: got %d to %q, Vary %q, want %q", header, got.StatusCode, got.Header.Get("Location"), got.Header.Get("Vary"), want)
		}
	}
	req := httptest.NewRequest(http.MethodGet, "/nothing", nil)
	req.Header.Set("Accept-Language", "de")
	got := r.do(req)
	r.wants("a page that is not there", got, http.StatusNotFound, "Diese Seite gibt es nicht", "<title>Fehler:")
	if got.Header.Get("Vary") != "Accept-Language" {
		t.Error("a page whose language follows the header does not say so")
	}
}

func TestRegisterCheckUndo(t *testing.T) {
	for _, lang := range []string{"en", "de"} {
		r := newRig(t)
		text := map[string][]string{
			"en": {"This address is excluded", "Excluded since 9 March 2026", "Nothing is registered", "3 of 5", "1 of 2"},
			"de": {"Diese Adresse ist ausgeschlossen", "Ausgeschlossen seit 9. März 2026", "ist nichts eingetragen", "3 von 5", "1 von 2"},
		}[lang]
		got := r.post("/"+lang+"/register", "address", stable)
		r.wants("register", got, http.StatusOK, text[0], text[3], text[4])
		code := codeOnPage.FindStringSubmatch(got.page)[1]
		receipt, err := optout.ParseReceipt([]byte(code))
		if err != nil {
			t.Fatal(err)
		}
		if r.book.records[string(receipt.Key())].State != registry.Listed || len(r.book.records) != 1 {
			t.Errorf("got %v in the registry, want the receipt's hash", len(r.book.records))
		}
		r.wants("check", r.post("/"+lang+"/check", "receipt", strings.ToLower(code)), http.StatusOK, text[1], text[3])
		r.wants("undo", r.post("/"+lang+"/undo", "receipt", code), http.StatusOK)
		r.wants("check after undo", r.post("/"+lang+"/check", "receipt", code), http.StatusOK, text[2])
		for what, want := range map[string]int{"register": 1, "check": 2, "undo": 1, "hold": 0} {
			if r.counted[what] != want {
				t.Errorf("%s: counted %d, want %d", what, r.counted[what], want)
			}
		}
		want := []guard.Kind{guard.Register, guard.Check, guard.Undo, guard.Check}
		if !slices.Equal(r.guard.kinds, want) {
			t.Errorf("the guard was asked for %v, want %v", r.guard.kinds, want)
		}
	}
}

// TestOneTagForEverySpelling: however an address is written its tag is the same, and another address has another.
func TestOneTagForEverySpelling(t *testing.T) {
	r := newRig(t)
	for _, text := range []string{stable, "00-00-5e-00-53-01", "0000.5E00.5301", " 00 00 5e 00 53 01 "} {
		r.register("address", text)
	}
	tags := map[uint32]int{}
	for _, tag := range r.book.tags {
		tags[tag]++
	}
	if len(tags) != 1 || len(r.book.tags) != 4 {
		t.Errorf("got %d tags for %d registrations, want one for four", len(tags), len(r.book.tags))
	}
	r.register("address", "00:00:5E:00:53:02")
	if len(r.book.tags) != 5 || r.book.looks != 0 {
		t.Errorf("got %d registrations and %d lookups, want 5 and none", len(r.book.tags), r.book.looks)
	}
}

// TestAKnownAddressLooksLikeANewOne: but for the receipt, the page is the same byte for byte; so is the page of an undo.
func TestAKnownAddressLooksLikeANewOne(t *testing.T) {
	r := newRig(t)
	page := func() string {
		got := r.post("/en/register", "address", stable)
		code := codeOnPage.FindStringSubmatch(got.page)[1]
		return got.Status + strings.ReplaceAll(got.page, code, "CODE")
	}
	first, again := page(), page()
	if first != again || r.book.looks != 0 {
		t.Error("a registration tells whether the address was there already")
	}
	code := r.register("address", stable)
	hit, miss := r.post("/en/undo", "receipt", code), r.post("/en/undo", "receipt", "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ")
	if hit.page != miss.page || hit.Status != miss.Status {
		t.Error("an undo tells whether there was anything")
	}
	r.asked = nil
	r.post("/en/check", "receipt", r.register("address", stable))
	r.post("/en/check", "receipt", "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ")
	if len(r.asked) != 3 || r.book.looks != 2 { // one of the registration, one of each lookup
		t.Errorf("got %d looks at the progress and %d at the registry, want the same work for hit and miss", len(r.asked), r.book.looks)
	}
}

func TestTyposAreExplained(t *testing.T) {
	r := newRig(t)
	for _, row := range []struct{ name, lang, text, want string }{
		{"nothing", "en", "", "Enter the Wi-Fi address"},
		{"short", "en", "00:00:5E", "6 of 12"},
		{"long", "de", stable + ":00", "14 Ziffern"},
		{"a letter", "en", "00:00:5G:00:53:01", "Character 8 is “G”"},
		{"an O", "de", "0O:00:5E:00:53:01", "ist der Buchstabe „O“"},
		{"a control character", "en", "0\x01:00", "Character 2 cannot"},
		{"a group", "en", "01:00:5E:00:53:01", "belongs to a group"},
		{"zeros", "de", "000000000000", "steht für kein Gerät"},
		{"ones", "en", "FFFFFFFFFFFF", "all devices at once"},
		{"markup", "en", `"><script>alert(1)</script>`, "&lt;script&gt;"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := r.post("/"+row.lang+"/register", "address", row.text)
			r.wants(row.name, got, http.StatusUnprocessableEntity, row.want, `aria-invalid="true"`, `aria-describedby="address-wrong address-hint"`, `id="summary"`, `href="#address"`)
			if prefix := map[string]string{"en": "<title>Error:", "de": "<title>Fehler:"}[row.lang]; !strings.Contains(got.page, prefix) {
				t.Errorf("got a title without %q", prefix)
			}
			if strings.Contains(got.page, "<script") {
				t.Error("what was entered became markup")
			}
		})
	}
	r.wants("a receipt", r.post("/en/check", "receipt", "ABC"), http.StatusUnprocessableEntity, "not a receipt code", `value="ABC"`, `href="#receipt"`)
	r.wants("a receipt to undo", r.post("/de/undo", "receipt", "ABC"), http.StatusUnprocessableEntity, "kein Belegcode")
	r.wants("at the desk", r.post("/en/register", "address", "1", "desk", "1"), http.StatusUnprocessableEntity, "Service desk", "1 of 12")
	if len(r.book.records) != 0 || len(r.guard.kinds) != 0 {
		t.Error("a typo went on to the guard or the registry")
	}
}

func TestAMadeUpAddressIsAskedAbout(t *testing.T) {
	r := newRig(t)
	got := r.post("/en/register", "address", random)
	r.wants("first", got, http.StatusOK, "made-up address", "Exclude it all the same", `name="confirm" value="1"`, `name="address" value="`+random+`"`)
	if len(r.book.records) != 0 {
		t.Error("it was registered before anybody said so")
	}
	r.wants("confirmed", r.post("/en/register", "address", random, "confirm", "1"), http.StatusOK, "This address is excluded", "as long as the phone keeps it")
	if len(r.book.records) != 1 {
		t.Errorf("got %d registrations, want 1", len(r.book.records))
	}
}

func TestTheDeskPrintsASlip(t *testing.T) {
	r := newRig(t)
	r.wants("slip", r.post("/en/register", "address", stable, "desk", "1"), http.StatusOK, `class="slip"`, "Next person", "https://optout.lindgren-hale.example/en/check")
	short := newRig(t, func(o *optout.Options) { o.URL = "https://lh.example/wifi" })
	short.wants("a short address", short.post("/de/register", "address", stable), http.StatusOK, `<span class="url">https://lh.example/wifi</span>`)
	r.wants("a made-up one", r.post("/en/register", "address", random, "desk", "1"), http.StatusOK, `name="desk" value="1"`)
}

func TestTheGuardDecides(t *testing.T) {
	task := guard.Task{Token: "to.ken", Bits: 12, Wait: 19500 * time.Millisecond}
	receipt := "01234-56789-ABCDE-FGHJK"
	for _, row := range []struct {
		name     string
		decision guard.Decision
		path     string
		form     []string
		status   int
		want     []string
	}{
		{"work for a registration", guard.Decision{Verdict: guard.Challenge, Challenge: task}, "/en/register", []string{"address", stable}, 200,
			[]string{`data-bits="12"`, `name="proof" value="to.ken"`, "wait 20 seconds", `name="address" value="` + stable + `"`, `action="/en/register"`, "/work.js"}},
		{"work for a made-up one at the desk", guard.Decision{Verdict: guard.Challenge, Challenge: task}, "/en/register", []string{"address", random, "confirm", "1", "desk", "1"}, 200,
			[]string{`name="confirm" value="1"`, `name="desk" value="1"`}},
		{"work for a lookup", guard.Decision{Verdict: guard.Challenge, Challenge: task}, "/de/check", []string{"receipt", receipt}, 200,
			[]string{`name="receipt" value="` + receipt + `"`, `action="/de/check"`, "20 Sekunden"}},
		{"work for an undo", guard.Decision{Verdict: guard.Challenge, Challenge: task}, "/en/undo", []string{"receipt", receipt}, 200, []string{`action="/en/undo"`}},
		{"review", guard.Decision{Verdict: guard.Hold, Burst: 7}, "/en/register", []string{"address", stable}, 202, []string{"waits for review", "not excluded yet", `class="receipt"`}},
		{"no", guard.Decision{Verdict: guard.Refuse, RetryAfter: 90 * time.Second}, "/en/register", []string{"address", stable}, 429, []string{"Nothing was registered"}},
		{"no lookup", guard.Decision{Verdict: guard.Refuse, RetryAfter: 90 * time.Second}, "/de/check", []string{"receipt", receipt}, 429, []string{"zu viele Anfragen"}},
		{"no undo", guard.Decision{Verdict: guard.Refuse, RetryAfter: 90 * time.Second}, "/en/undo", []string{"receipt", receipt}, 429, []string{"Too many requests"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.guard.next = row.decision
			got := r.post(row.path, append(row.form, "proof", "to.ken:41")...)
			r.wants(row.name, got, row.status, row.want...)
			if r.guard.proof != "to.ken:41" {
				t.Errorf("the guard was given the proof %q", r.guard.proof)
			}
			if listed := len(r.book.records); (row.decision.Verdict == guard.Hold) != (listed == 1) {
				t.Errorf("got %d registrations", listed)
			}
			if row.status == 429 && got.Header.Get("Retry-After") != "90" {
				t.Errorf("Retry-After: got %q, want 90", got.Header.Get("Retry-After"))
			}
			script := strings.Contains(got.Header.Get("Content-Security-Policy"), "script-src 'self'")
			if script != (row.decision.Verdict == guard.Challenge) {
				t.Errorf("scripts are allowed: %v", script)
			}
		})
	}
}

// TestHeldIsLookedUp: the receipt of a registration that waits says that it waits.
func TestHeldIsLookedUp(t *testing.T) {
	r := newRig(t)
	r.guard.next = guard.Decision{Verdict: guard.Hold, Burst: 7}
	code := r.register("address", stable)
	r.guard.next = guard.Decision{}
	r.wants("look", r.post("/en/check", "receipt", code), http.StatusOK, "Waiting for review since 9 March 2026", "Undo this registration")
	if r.counted["hold"] != 1 || r.counted["register"] != 0 {
		t.Errorf("counted %v, want one hold", r.counted)
	}
}

func TestNothingIsRegisteredWhenTheRegistryIsAway(t *testing.T) {
	for name, away := range map[string]func(*book){
		"not read yet": func(b *book) { b.away = true }, "kafka fails": func(b *book) { b.fails = errAway },
	} {
		for _, path := range []string{"register", "undo"} {
			r := newRig(t)
			away(r.book)
			got := r.post("/en/"+path, "address", stable, "receipt", "01234-56789-ABCDE-FGHJK")
			r.wants(name+" "+path, got, http.StatusServiceUnavailable, "Nothing was registered", "try again", "<title>Error:")
			if got.Header.Get("Retry-After") == "" || r.counted[path] != 0 || codeOnPage.MatchString(got.page) {
				t.Errorf("%s, %s: got no Retry-After, or a receipt, or a count", name, path)
			}
		}
	}
	r := newRig(t)
	r.book.away = true
	r.wants("a lookup", r.post("/de/check", "receipt", "01234-56789-ABCDE-FGHJK"), http.StatusServiceUnavailable)
	r.wants("a made-up address", r.post("/en/register", "address", random), http.StatusServiceUnavailable, "Nothing was registered")
	if len(r.guard.kinds) != 0 {
		t.Error("the guard was asked, which costs the shopper's allowance, when nothing could be done")
	}
	r = newRig(t, func(o *optout.Options) { o.Random = strings.NewReader("") })
	r.wants("no randomness", r.post("/en/register", "address", stable), http.StatusServiceUnavailable)
	r = newRig(t, func(o *optout.Options) {
		o.Progress = func(uint64) optout.Enforcement { return optout.Enforcement{Oldest: -1} }
	})
	r.wants("no word of the sensors", r.post("/en/register", "address", stable), http.StatusOK, "cannot be read at the moment")
}

func TestNotices(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/en/notice/nowhere", "/en/sign/nowhere", "/en/notice/quay/more"} {
		r.wants(path, r.get(path), http.StatusNotFound, "does not exist")
	}
	r = newRig(t, func(o *optout.Options) { o.Notices = walls{fails: errAway} })
	r.wants("a notice that fails", r.get("/en/notice/quay"), http.StatusServiceUnavailable)
	r = newRig(t, func(o *optout.Options) { o.Notices = walls{fails: optout.ErrNoStore} })
	r.wants("a store that went away", r.get("/en/notice/quay"), http.StatusNotFound)
}
