package notice

import (
	"html"
	"strings"
	"unicode"
)

// Phrase is words that may not stand in what shoppers read, because they promise more than holds.
type Phrase struct {
	Lang    string   // of the words; they are looked for in texts of every language
	Text    string   // lower case, words apart by one space; found within longer words too
	Why     string   // what is true instead
	Allowed []string // longer texts around it that are no promise, written likewise
}

// Phrases are the words that may not stand in shopper-facing text. This list, with what it allows, is the only one.
func Phrases() []Phrase {
	const (
		codes   = "codes are personal data while they live"
		address = "registering excludes an address, not a phone: one that changes its address still adds to an estimate"
		test    = "whoever holds the keys can test a known address during the day"
		stays   = "bits of earlier weeks stay until they expire, and totals stay"
		tags    = "about two thousand allocated addresses share a tag, and who holds the key can check one"
		law     = "a program keeps no law: what it does can be said, what that means a court decides"
	)
	return []Phrase{
		{"en", "anonym", codes, []string{`crossorigin="anonymous"`}},
		{"en", "pseudonym", codes + ": say code", nil},
		{"en", "de-identif", codes, nil},
		{"en", "deidentif", codes, nil},
		{"en", "unidentifiable", codes, nil},
		{"en", "not identifiable", codes, nil},
		{"en", "cannot identify", test, nil},
		{"en", "can't identify", test, nil},
		{"en", "untrace", test, nil},
		{"en", "cannot be traced", test, nil},
		{"en", "can't be traced", test, nil},
		{"en", "not traceable", test, nil},
		{"en", "cannot be tracked", test, nil},
		{"en", "no personal data", codes, nil},
		{"en", "no personal information", codes, nil},
		{"en", "not personal data", codes, nil},
		{"en", "never personal data", codes, nil},
		{"en", "names a phone", test, nil},
		{"en", "takes you out", address, nil},
		{"en", "take you out", address, nil},
		{"en", "your phone is not counted", address, nil},
		{"en", "your phone is excluded", address, nil},
		{"en", "you are not counted", address, nil},
		{"en", "you will not be counted", address, nil},
		{"en", "is gone", stays, nil},
		{"en", "keys destroyed every day, codes for", "the codes live longer than their key: print the computed time", nil},
		{"en", "thousand addresses", tags, nil},
		{"en", "completely private", test, nil},
		{"en", "fully private", test, nil},
		{"en", "gdpr-compliant", law, nil},
		{"en", "gdpr compliant", law, nil},
		{"de", "depersonalisiert", codes, nil},
		{"de", "unkenntlich", codes, nil},
		{"de", "nicht identifizierbar", codes, nil},
		{"de", "kein personenbezug", codes, nil},
		{"de", "keinen personenbezug", codes, nil},
		{"de", "ohne personenbezug", codes, nil},
		{"de", "keine personenbezogenen daten", codes, nil},
		{"de", "keine persönlichen daten", codes, nil},
		{"de", "nicht personenbezogen", codes, nil},
		{"de", "zurückverfolg", test, nil},
		{"de", "zurückzuverfolg", test, nil},
		{"de", "nicht nachverfolgbar", test, nil},
		{"de", "rückschlüsse auf ihre person", test, nil},
		{"de", "rückschluss auf ihre person", test, nil},
		{"de", "ihr telefon wird nicht gezählt", address, nil},
		{"de", "ihr handy wird nicht gezählt", address, nil},
		{"de", "sie werden nicht gezählt", address, nil},
		{"de", "sie werden nicht mehr gezählt", address, nil},
		{"de", "nimmt sie heraus", address, nil},
		{"de", "nimmt sie aus der zählung", address, nil},
		{"de", "alles gelöscht", stays, nil},
		{"de", "vollständig gelöscht", stays, nil},
		{"de", "tausend adressen", tags, nil},
		{"de", "dsgvo-konform", law, nil},
		{"de", "dsgvo konform", law, nil},
	}
}

// Forbidden are the phrases that stand in a text, whatever its case, its spaces, hyphens and line ends, and whatever of it is
// written as HTML entities.
func Forbidden(text string) []Phrase {
	text = plain(text)
	var found []Phrase
	for _, p := range Phrases() {
		rest := text
		for _, allowed := range p.Allowed {
			rest = strings.ReplaceAll(rest, allowed, " ")
		}
		if strings.Contains(rest, p.Text) {
			found = append(found, p)
		}
	}
	return found
}

// plain is a text in the form of Phrase.Text.
func plain(text string) string {
	text = strings.ToLower(html.UnescapeString(text))
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\u2019' || r == '\u2018' || r == '\u02bc':
			return '\''
		case unicode.Is(unicode.Pd, r):
			return '-'
		case unicode.Is(unicode.Cf, r): // soft hyphens, zero-width spaces and joiners
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}
