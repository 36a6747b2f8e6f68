package optout

import (
	"unicode"
	"unicode/utf8"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// flaw is what is wrong with an address that somebody entered; its name is part of the key of the sentence that explains it.
type flaw string

const (
	sound     flaw = ""
	empty     flaw = "empty"
	tooShort  flaw = "short"
	tooLong   flaw = "long"
	character flaw = "character"
	letterO   flaw = "letter_o"
	group     flaw = "group"
	zeros     flaw = "zeros"
	ones      flaw = "ones"
)

// mistake explains what is wrong with what was entered, so that the page can say it.
type mistake struct {
	flaw   flaw
	digits int    // hexadecimal digits that were read
	place  int    // of the character that cannot stand in an address, counted from 1 over all that was entered
	char   string // that character, or nothing where it cannot be shown
}

const addressDigits = 2 * len(hwaddr.Addr{})

// parseAddress reads an address as people type and paste it, and explains what is wrong with it otherwise.
func parseAddress(text []byte) (hwaddr.Addr, mistake) {
	var a hwaddr.Addr
	n, place := 0, 0
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		text = text[size:]
		place++
		v, ok := hexDigit(c)
		switch {
		case !ok && skipped(c):
			continue
		case !ok:
			return hwaddr.Addr{}, wrongCharacter(c, size, place)
		case n < addressDigits:
			a[n/2] = a[n/2]<<4 | v
		}
		n++
	}
	m := mistake{digits: n}
	switch {
	case n == 0:
		m.flaw = empty
	case n < addressDigits:
		m.flaw = tooShort
	case n > addressDigits:
		m.flaw = tooLong
	case a == hwaddr.Addr{}:
		m.flaw = zeros
	case a == hwaddr.Addr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}:
		m.flaw = ones
	case a.Group():
		m.flaw = group
	}
	return a, m
}

func wrongCharacter(c rune, size, place int) mistake {
	m := mistake{flaw: character, place: place}
	switch {
	case c == 'o' || c == 'O':
		m.flaw, m.char = letterO, string(c)
	case c == utf8.RuneError && size <= 1, !unicode.IsGraphic(c):
	default:
		m.char = string(c)
	}
	return m
}

func hexDigit(c rune) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return byte(c - '0'), true
	case c >= 'a' && c <= 'f':
		return byte(c-'a') + 10, true
	case c >= 'A' && c <= 'F':
		return byte(c-'A') + 10, true
	}
	return 0, false
}

// skipped says whether a character only separates: what people type between the digits, and what phones and word processors
// make of it (dashes of every length, full-width colons, spaces that do not break, marks that nobody sees).
func skipped(c rune) bool {
	switch c {
	case ':', '-', '.', '\uff1a', '\u2236', '\u2212', '\u00ad':
		return true
	}
	return unicode.IsSpace(c) || unicode.Is(unicode.Pd, c) || unicode.Is(unicode.Cf, c)
}
