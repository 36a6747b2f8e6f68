package optout_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/optout"
	"github.com/openfootfall/footfall/sensor/optout/guard"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

const elsewhere = "00:00:5E:00:53:02"

// progressed makes every sensor's word the one given.
func progressed(e optout.Enforcement) func(*optout.Options) {
	return func(o *optout.Options) { o.Progress = func(uint64) optout.Enforcement { return e } }
}

// TestTheStandingSaysHowFarItIs: "excluded in all stores" would not be so while no sensor has the list.
func TestTheStandingSaysHowFarItIs(t *testing.T) {
	for _, row := range []struct {
		name, lang string
		progress   optout.Enforcement
		want       string
	}{
		{"no sensor yet", "en", optout.Enforcement{Known: true, Sensors: 7}, "is on the list. 0 of 7 sensors of all stores leave it out now"},
		{"no sensor yet", "de", optout.Enforcement{Known: true, Sensors: 7}, "steht auf der Liste. 0 von 7 Sensoren aller Filialen lassen sie jetzt aus"},
		{"some", "en", optout.Enforcement{Known: true, Sensors: 7, Online: 5, Enforcing: 4}, "4 of 7 sensors"},
		{"nobody knows", "en", optout.Enforcement{Oldest: -1}, "is on the list of all stores."},
		{"nobody knows", "de", optout.Enforcement{Oldest: -1}, "steht auf der Liste für alle Filialen."},
	} {
		r := newRig(t, progressed(row.progress))
		got := r.post("/"+row.lang+"/check", "receipt", r.register("address", stable))
		r.wants(row.name+", "+row.lang, got, http.StatusOK, row.want)
		if strings.Contains(got.page, "excluded in all stores") || strings.Contains(got.page, "in allen Filialen ausgeschlossen") {
			t.Errorf("%s: it says more than the sensors do", row.name)
		}
	}
}

// TestNothingRegisteredHasMoreReasonsThanOne: also who was turned down or forgotten in the review reads what became of it.
func TestNothingRegisteredHasMoreReasonsThanOne(t *testing.T) {
	r := newRig(t)
	r.wants("none", r.post("/en/check", "receipt", "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ"), http.StatusOK, "slip in the code", "was undone", "turned down", "lapsed after 30 days")
	r.wants("none", r.post("/de/check", "receipt", "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ"), http.StatusOK, "Schreibfehler", "rückgängig gemacht", "abgelehnt", "nach 30 Tagen")
	r.guard.next = guard.Decision{Verdict: guard.Hold, Burst: 7}
	got := r.post("/en/register", "address", stable)
	r.wants("held", got, http.StatusAccepted, "turn it down", "after 30 days without a decision it lapses")
	r.wants("held", r.post("/de/register", "address", stable), http.StatusAccepted, "abgelehnt", "nach 30 Tagen ohne Entscheidung verfällt")
	r.guard.next = guard.Decision{}
	receipt := codeOnPage.FindStringSubmatch(got.page)[1]
	r.wants("held, looked up", r.post("/en/check", "receipt", receipt), http.StatusOK, "turned down", "within 30 days")
	r.wants("held, looked up", r.post("/de/check", "receipt", receipt), http.StatusOK, "abgelehnt", "in 30 Tagen")
}

func TestWhatTheResultPromises(t *testing.T) {
	r := newRig(t)
	r.wants("en", r.post("/en/register", "address", stable), http.StatusOK, "as far as our sensors can find them", "each up to 3 minutes old")
	got := r.post("/de/register", "address", stable)
	r.wants("de", got, http.StatusOK, "soweit unsere Sensoren sie finden", "bis zu 3 Minuten alt")
	if strings.Contains(got.page, "Augenblick") {
		t.Error("reports of some minutes ago are given out as those of this moment")
	}
}

// TestAFailedUndoMayHaveWorked: a write without an answer may be stored later, so the page does not say that nothing was changed.
func TestAFailedUndoMayHaveWorked(t *testing.T) {
	r := newRig(t)
	code := r.register("address", stable)
	r.book.fails = fmt.Errorf("undo a registration: %w: %w", registry.ErrUnavailable, registry.ErrUncertain)
	got := r.post("/en/undo", "receipt", code)
	r.wants("en", got, http.StatusServiceUnavailable, "may have been undone all the same", "undo it again", `action="/en/check"`, `value="`+code+`"`, "<title>Error:")
	r.wants("de", r.post("/de/undo", "receipt", code), http.StatusServiceUnavailable, "trotzdem rückgängig gemacht", "noch einmal rückgängig", `action="/de/check"`)
	if strings.Contains(got.page, "othing was changed") || got.Header.Get("Retry-After") == "" || r.counted["undo"] != 0 {
		t.Error("the page says that nothing was changed, has no Retry-After, or it was counted")
	}
}

// TestAFullQuarantineIsSaid: the list can be reached, so the page does not say otherwise.
func TestAFullQuarantineIsSaid(t *testing.T) {
	r := newRig(t)
	r.guard.next, r.book.fails = guard.Decision{Verdict: guard.Hold, Burst: 7}, fmt.Errorf("hold: %w", registry.ErrFull)
	got := r.post("/en/register", "address", stable)
	r.wants("full", got, http.StatusTooManyRequests, "Too many requests", "Nothing was registered")
	if got.Header.Get("Retry-After") != "600" || r.counted["hold"] != 0 {
		t.Errorf("got Retry-After %q and %d counted, want 600 and none", got.Header.Get("Retry-After"), r.counted["hold"])
	}
}

func TestTheSignSaysWhatStays(t *testing.T) {
	r := newRig(t)
	r.wants("en", r.get("/en/sign/quay"), http.StatusOK, "For 5 weeks sensors keep random-looking bits")
	r.wants("de", r.get("/de/sign/quay?paper=a5"), http.StatusOK, "5 Wochen lang behalten Sensoren zufällig wirkende Bits")
	if got := r.get("/en/sign/market"); strings.Contains(got.page, "bits") {
		t.Error("the sign of a store without return filters tells of bits")
	}
}

// made are notices made from a book, as the program makes them.
type made struct {
	book  *book
	store stores.Store
}

func (m made) Stores() []optout.Store { return []optout.Store{{ID: m.store.ID, Name: m.store.Name}} }

func (m made) Notice(_, lang string) (optout.Notice, error) {
	facts := notice.Gather(notice.Input{
		Store: m.store, Org: notice.Org{Controller: "A", Contact: "B", URL: "https://a.example"}, Asked: true,
		Registrations: len(m.book.records), Now: time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC),
	})
	document, err := facts.Document(lang)
	return optout.Notice{Document: document, Version: 1}, err
}

// TestTheNoticeDoesNotTellWhoIsListed: it is public, so a figure of distinct tags would stand still where somebody registers an
// address that is listed already, and tell so.
func TestTheNoticeDoesNotTellWhoIsListed(t *testing.T) {
	berlin, err := calendar.New("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	page := func(second, lang string) (before, after string) {
		m := made{store: stores.Store{ID: "quay", Name: "Quay", Zone: "Europe/Berlin", Calendar: berlin, Policy: wire.Policy_POLICY_STANDARD, SealAfter: time.Hour}}
		r := newRig(t, func(o *optout.Options) { m.book = o.Registry.(*book); o.Notices = m })
		r.register("address", stable)
		before = r.get("/" + lang + "/notice/quay").page
		r.register("address", second)
		return before, r.get("/" + lang + "/notice/quay").page
	}
	for lang, want := range map[string]string{"en": "at most about one address in 130,000,000", "de": "höchstens etwa eine von 130.000.000"} {
		_, known := page(stable, lang)
		before, unknown := page(elsewhere, lang)
		if known != unknown || before == known {
			t.Errorf("%s: got notices that differ for a known and a new address, or do not change at all", lang)
		}
		if !strings.Contains(known, want) {
			t.Errorf("%s: got no %q in the notice", lang, want)
		}
	}
}

// unread are notices of a store of whose sensors nothing is known yet.
type unread struct{ walls }

func (unread) Stores() []optout.Store {
	return []optout.Store{{ID: "quay", Name: "Quay Street 7", Unread: errors.New("not read yet")}}
}

// TestNoSignIsPrintedOfWhatIsNotKnown: it would say that no code leaves the sensors.
func TestNoSignIsPrintedOfWhatIsNotKnown(t *testing.T) {
	r := newRig(t, func(o *optout.Options) { o.Notices = unread{} })
	for _, page := range []string{"/en/sign/quay", "/de/sign/quay?paper=a5"} {
		if got := r.get(page); got.StatusCode != http.StatusServiceUnavailable || strings.Contains(got.page, "no code made of it leaves") {
			t.Errorf("%s: got %d, want 503 and no sign", page, got.StatusCode)
		}
	}
	r.wants("the list of stores", r.get("/en/notice"), http.StatusOK, "Quay Street 7")
	r.wants("another store", r.get("/en/sign/elsewhere"), http.StatusNotFound)
}

// TestWhatStopsTheSignals: Android looks for Wi-Fi with Wi-Fi switched off, unless that is switched off too.
func TestWhatStopsTheSignals(t *testing.T) {
	r := newRig(t)
	for lang, want := range map[string]string{
		"en": "Switching Wi-Fi off, and Wi-Fi scanning in the location settings, stops", "de": "WLAN und die WLAN-Suche in den Standort-Einstellungen ausschaltet",
	} {
		r.wants("start", r.get("/"+lang+"/"), http.StatusOK, want)
		r.wants("help", r.get("/"+lang+"/help"), http.StatusOK, want)
		r.wants("registered", r.post("/"+lang+"/register", "address", stable), http.StatusOK, want)
		r.wants("a made-up address", r.post("/"+lang+"/register", "address", random), http.StatusOK, want)
	}
}

// TestOneGermanWordForEachThing: who reads the notice after the pages must not wonder whether a second word is a second thing.
func TestOneGermanWordForEachThing(t *testing.T) {
	for _, file := range []string{"text/de.yaml", "notice/text/de.yaml"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ToLower(string(raw))
		for word, instead := range map[string]string{
			"ausgedacht": "erfunden", "denken sich": "erfinden", "eine marke": "ein Kennzeichen", "widersp": "Ausschluss, ausschließen", "aus versehen": "versehentlich",
		} {
			if strings.Contains(text, word) {
				t.Errorf("%s says %q: write %s", file, word, instead)
			}
		}
	}
}
