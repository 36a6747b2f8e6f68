package notice

import (
	"strings"
	"testing"
	"time"
)

func TestForbiddenWordsAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"The data is anonymous.":                           "anonym",
		"wholly ANONYMISED":                                "anonym",
		"ano\u00adny\u200bmised":                           "anonym",
		"ano&shy;nymous":                                   "anonym",
		"Your phone&#39;s pseudonymous code":               "pseudonym",
		"Die Daten sind anonymisiert":                      "anonym",
		"pseudonymisierte Kennungen":                       "pseudonym",
		"It cannot\n  be   traced":                         "cannot be traced",
		"it can’t be traced":                               "can't be traced",
		"We hold no&nbsp;personal data":                    "no personal data",
		"This takes you out of the count":                  "takes you out",
		"Your phone is not counted any more":               "your phone is not counted",
		"What was kept of it is gone":                      "is gone",
		"several thousand addresses share your code":       "thousand addresses",
		"keeps nothing that names a phone":                 "names a phone",
		"The keys destroyed every day, codes for 24 h":     "keys destroyed every day, codes for",
		"fully GDPR‑compliant":                             "gdpr-compliant",
		"Das ist nicht zurückverfolgbar":                   "zurückverfolg",
		"KEINE PERSONENBEZOGENEN DATEN":                    "keine personenbezogenen daten",
		"DSGVO-konform":                                    "dsgvo-konform",
		"ein anderes crossorigin=\"anonymous\" und anonym": "anonym",
	} {
		found := Forbidden(text)
		has := false
		for _, p := range found {
			has = has || p.Text == want
		}
		if !has {
			t.Errorf("%q: got %v, want %q", text, found, want)
		}
	}
	for _, text := range []string{
		"", "This address is excluded.", "These codes are personal data.", "Diese Codes sind personenbezogene Daten.",
		`<link rel="stylesheet" crossorigin="anonymous">`, "We cannot tell which phone it is.",
	} {
		if found := Forbidden(text); len(found) > 0 {
			t.Errorf("%q: got %v, want nothing", text, found)
		}
	}
}

func TestPhrasesAreWrittenAsTheyAreLookedFor(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Phrases() {
		if p.Text != plain(p.Text) || p.Text == "" || p.Why == "" || p.Lang == "" || seen[p.Text] {
			t.Errorf("%+v: want lower case, single spaces, a reason, a language, and each once", p)
		}
		seen[p.Text] = true
		for _, a := range p.Allowed {
			if a != plain(a) || !strings.Contains(a, p.Text) {
				t.Errorf("%s: %q allows nothing", p.Text, a)
			}
		}
	}
}

func TestNoNoticeSaysWhatIsForbidden(t *testing.T) {
	all := corners(t)
	for _, in := range configurations(100, 5) {
		all = append(all, Gather(in))
	}
	for i, f := range all {
		for _, lang := range Languages() {
			text := document(t, f, lang).Text(100)
			for _, p := range Forbidden(text) {
				t.Errorf("configuration %d, %s: it says %q: %s", i, lang, p.Text, p.Why)
			}
		}
	}
}

// TestTheNoticeSaysWhatItMust looks for what was found to be true when the promises were attacked on paper.
func TestTheNoticeSaysWhatItMust(t *testing.T) {
	for _, row := range []struct {
		policies, section string
		lang, words       string
	}{
		{"standard extended", "codes", "en", "it could test a known address"},
		{"standard extended", "codes", "en", "personal data"},
		{"standard extended", "codes", "en", "The address itself is not stored"},
		{"standard extended", "optout", "en", "those made today before a sensor was started anew, and those of yesterday"},
		{"standard", "optout", "en", "Bits of earlier weeks stay until they expire. That takes up to 5 weeks."},
		{"standard extended", "optout", "en", "Totals stay"},
		{"count-only", "optout", "en", "There are no codes to delete. Totals stay."},
		{"count-only", "codes", "en", "No codes leave the sensors"},
		{"standard", "returns", "en", "by at most 7.4 to one, however often it came"},
		{"standard", "returns", "en", "two looks at the same week, the day that is still open, or the share that is shown"},
		{"standard", "returns", "en", "table of random-looking bits"},
		{"standard", "returns", "en", "keys stay in the shop as long"},
		{"extended", "extended", "en", "“consent of the members of the club, recorded by the board”"},
		{"extended", "extended", "en", "a return code of 64 bits"},
		{"extended", "extended", "en", "counts for 28 days and is deleted after at most 30 days and 7 hours"},
		{"extended", "optout", "en", "The return codes that were kept of the address are deleted too"},
		{"count-only standard extended", "heard", "en", "In a quiet shop a rare model can be a single phone, so for up to 2 hours its stay can be seen in the counters that the sensors send."},
		{"count-only standard extended", "heard", "en", "These are deleted after about 13 hours; a sensor that is cut off holds them until it can send. Nothing connects it to later hours or days."},
		{"count-only standard extended", "limits", "en", "it still adds to our estimate of how many people are inside"},
		{"count-only standard extended", "limits", "en", "We cannot tell which phone it is, so we cannot leave it out."},
		{"count-only standard extended", "limits", "en", "Switching Wi-Fi off, and Wi-Fi scanning in the location settings, stops that too."},
		{"count-only standard extended", "optout", "en", "within seconds while our sensors are online"},
		{"count-only standard extended", "list", "en", "whoever holds that key, which is on every sensor, can check whether a given address may be on the list"},
		{"count-only standard extended", "contact", "en", "Example Retail: privacy@example.org"},
		{"standard extended", "codes", "en", "no code of that day can be made from an address again, unless somebody kept an older copy"},
		{"standard extended", "codes", "en", "Then its codes leave the tables."},
		{"standard extended", "kept", "en", "the exact counts of each day with at least 10 visitors, and of each week."},
		{"count-only", "kept", "en", "The operator also keeps the exact counts of each day."},
		{"count-only standard extended", "kept", "en", "A rounded count under 10 is not shown."},
		{"standard", "returns", "en", "and in the encrypted keyring of the operator, if there is one"},
		{"extended", "extended", "en", "stay on the sensors in the shop, and in the encrypted keyring of the operator, if there is one"},
		{"extended", "extended", "en", "each sensor keeps for 30 days which opt-out tag belongs to which return code and day. The tag is the same in all our stores."},
		{"extended", "optout", "en", ", as far as our sensors can find them; others are deleted after about a month."},
		{"count-only standard extended", "heard", "en", "until 15 minutes after it was last heard"},
		{"count-only standard extended", "list", "en", "the date and a hash of the receipt"},
		{"count-only standard extended", "heard", "de", "Diese werden nach etwa 13 Stunden gelöscht; ein Sensor ohne Verbindung behält sie, bis er senden kann."},
		{"count-only standard extended", "heard", "de", "bis sie 15 Minuten lang nicht zu hören war"},
		{"count-only standard extended", "limits", "de", "Wenn Sie WLAN und die WLAN-Suche in den Standort-Einstellungen ausschalten, hört auch das auf."},
		{"count-only standard extended", "list", "de", "das Datum und einen Hashwert des Belegs"},
		{"count-only standard extended", "kept", "de", "Gerundete Anzahlen unter 10 werden nicht gezeigt."},
		{"standard extended", "kept", "de", "die genauen Zahlen jeder Woche auf, und die jedes Tages mit mindestens 10 Besuchern."},
		{"count-only", "kept", "de", "die genauen Zahlen jedes Tages auf."},
		{"standard extended", "codes", "de", "Danach lässt sich aus einer Adresse kein Code dieses Tages mehr machen"},
		{"standard extended", "codes", "de", "Dann verlassen seine Codes die Tabellen."},
		{"standard", "returns", "de", "im verschlüsselten Schlüsselbund des Betreibers"},
		{"standard", "returns", "de", "höchstens im Verhältnis 7,4 zu eins"},
		{"extended", "extended", "de", "falls es ihn gibt, im verschlüsselten Schlüsselbund des Betreibers"},
		{"extended", "extended", "de", "Das Kennzeichen ist in allen unseren Filialen dasselbe."},
		{"extended", "optout", "de", ", soweit unsere Sensoren sie finden; andere nach etwa einem Monat."},
		{"count-only standard extended", "heard", "de", "In einer ruhigen Filiale kann ein seltenes Modell ein einzelnes Telefon sein."},
		{"standard extended", "codes", "de", "prüfen, ob eine bekannte Adresse da war"},
		{"count-only standard extended", "limits", "de", "zählt es weiter zu unserer Schätzung"},
		{"count-only standard extended", "list", "de", "Wer aber diesen Schlüssel hat, der auf jedem Sensor liegt"},
	} {
		for _, policy := range []string{CountOnly, Standard, Extended} {
			section, _ := document(t, Gather(base(policy)), row.lang).Section(row.section)
			got := strings.Contains(strings.Join(section.Paragraphs, " "), row.words)
			if want := strings.Contains(" "+row.policies+" ", " "+policy+" "); got != want && (want || len(strings.Fields(row.policies)) == 1) {
				t.Errorf("%s, %s, %s: says %q: got %v, want %v", policy, row.section, row.lang, row.words, got, want)
			}
		}
	}
}

// TestWhatLinksVisitsIsNotDenied: the opt-out tags that the sensors of an extended store keep are the same in all stores, so its notice
// does not say that visits in two stores are not linked; nor does that of one that was extended until now.
func TestWhatLinksVisitsIsNotDenied(t *testing.T) {
	was := Past{Versions: []Version{{Number: 1, At: noon.Add(-time.Hour), Store: "demo", Rules: Gather(base(Extended)).Rules}}}
	for name, row := range map[string]struct {
		facts  Facts
		linked bool
	}{
		"count-only": {Gather(base(CountOnly)), false}, "standard": {Gather(base(Standard)), false}, "extended": {Gather(base(Extended)), true},
		"standard, extended until now":   {Widen(Gather(base(Standard)), was, noon), true},
		"count-only, extended until now": {Widen(Gather(base(CountOnly)), was, noon), true},
	} {
		for lang, words := range map[string]struct{ denied, said string }{
			"en": {"Visits in two stores are not linked", "the opt-out tags that the sensors keep are the same in all our stores"},
			"de": {"Besuche in zwei Filialen werden nicht verbunden", "die Kennzeichen, die die Sensoren behalten, sind in allen unseren Filialen dieselben"},
		} {
			text := document(t, row.facts, lang).Text(10000)
			if got := strings.Contains(text, words.said); got != row.linked || strings.Contains(text, words.denied) == row.linked {
				t.Errorf("%s, %s: got %v, want %v, and the opposite not said", name, lang, got, row.linked)
			}
		}
	}
}
