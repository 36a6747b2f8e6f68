package optout

import (
	"testing"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

func TestParseAddress(t *testing.T) {
	want := hwaddr.Addr{0x00, 0x00, 0x5e, 0x00, 0x53, 0xaf}
	for _, row := range []struct {
		name, text string
		want       mistake
	}{
		{"colons", "00:00:5e:00:53:af", mistake{digits: 12}},
		{"dashes and capitals", "00-00-5E-00-53-AF", mistake{digits: 12}},
		{"dots", "0000.5e00.53af", mistake{digits: 12}},
		{"spaces around and within", " 00 00 5e 00 53 af\r\n", mistake{digits: 12}},
		{"nothing between", "00005E0053aF", mistake{digits: 12}},
		{"long dashes, as phones make them", "00–00—5e‑00−53-af", mistake{digits: 12}},
		{"full-width colons and spaces that do not break", "00：00:5e\u00a000:53:af", mistake{digits: 12}},
		{"marks that nobody sees", "\u200e00:00:5e:00:53:af\u200b\ufeff", mistake{digits: 12}},
		{"nothing", "", mistake{flaw: empty}},
		{"only separators", " : - .", mistake{flaw: empty}},
		{"a digit short", "00:00:5e:00:53:a", mistake{flaw: tooShort, digits: 11}},
		{"a digit long", "00:00:5e:00:53:af:0", mistake{flaw: tooLong, digits: 13}},
		{"two addresses", "00:00:5e:00:53:af 00:00:5e:00:53:af", mistake{flaw: tooLong, digits: 24}},
		{"a wrong letter", "00:00:5g:00:53:af", mistake{flaw: character, place: 8, char: "g"}},
		{"O for 0", "O0:00:5e:00:53:af", mistake{flaw: letterO, place: 1, char: "O"}},
		{"o for 0", "0o:00:5e:00:53:af", mistake{flaw: letterO, place: 2, char: "o"}},
		{"a letter of two bytes", "00:ü0:5e:00:53:af", mistake{flaw: character, place: 4, char: "ü"}},
		{"a control character", "00\x000:5e:00:53:af", mistake{flaw: character, place: 3}},
		{"broken UTF-8", "00:\xff0:5e:00:53:af", mistake{flaw: character, place: 4}},
		{"a digit of another script", "0٣:00:5e:00:53:af", mistake{flaw: character, place: 2, char: "٣"}},
		{"a group", "01:00:5e:00:53:af", mistake{flaw: group, digits: 12}},
		{"zeros", "00:00:00:00:00:00", mistake{flaw: zeros, digits: 12}},
		{"ones", "FF:FF:FF:FF:FF:FF", mistake{flaw: ones, digits: 12}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, wrong := parseAddress([]byte(row.text))
			if wrong != row.want {
				t.Errorf("got %+v, want %+v", wrong, row.want)
			}
			if row.want.flaw == sound && got != want {
				t.Error("got another address, want the one that was entered")
			}
		})
	}
}

// FuzzParseAddress: what the form takes is what the sensors' own parser takes, and no mistake is without a place or a number.
func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"00:00:5e:00:53:af", "02-00-5E-00-53-AF", "0000.5e00.53", "oO", "FF:FF:FF:FF:FF:FF", "\xff\xfe", "00：0", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, wrong := parseAddress(text)
		strict, err := hwaddr.Parse(string(text))
		if err == nil && wrong.flaw == sound && got != strict {
			t.Error("the form and the sensors read another address, want the same")
		}
		if err == nil && (wrong.flaw == character || wrong.flaw == letterO || wrong.flaw == tooShort || wrong.flaw == tooLong) {
			t.Errorf("got %q for an address that sensors read", wrong.flaw)
		}
		switch wrong.flaw {
		case character, letterO:
			if wrong.place < 1 || wrong.place > len(text) {
				t.Errorf("got place %d in %d bytes", wrong.place, len(text))
			}
		case sound:
			if wrong.digits != addressDigits || got.Group() {
				t.Errorf("got a sound address of %d digits, group %v", wrong.digits, got.Group())
			}
		}
	})
}
