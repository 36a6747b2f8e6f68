// Package hwaddr holds the only type in Footfall that can hold a phone's hardware address. It lives under sensor/internal so
// that nothing outside sensor/ can name it, and it has no text, JSON or log form: printing one prints a placeholder.
package hwaddr

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Addr is a 48-bit IEEE 802 hardware address. It is passed by value and compared with ==.
type Addr [6]byte

// ErrSyntax says that a text is not a hardware address. It never repeats the text.
var ErrSyntax = errors.New("not a hardware address: write six hexadecimal bytes such as 02:00:5e:10:00:00")

// Random reports whether the locally-administered bit is set: made up by the phone, used for minutes at most.
func (a Addr) Random() bool { return a[0]&2 != 0 }

// Group reports whether the group bit is set. No single device sends from such an address.
func (a Addr) Group() bool { return a[0]&1 != 0 }

// Format keeps the address out of every fmt verb.
func (a Addr) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[address]")) }

// MarshalText keeps the address out of JSON and YAML.
func (a Addr) MarshalText() ([]byte, error) { return []byte("[address]"), nil }

// LogValue keeps the address out of logs.
func (a Addr) LogValue() slog.Value { return slog.StringValue("[address]") }

// Parse reads an address as people write it: colons, dashes, dots, spaces or nothing between the digits, in any case.
// The error is ErrSyntax and holds nothing of the text.
func Parse(text string) (Addr, error) {
	var a Addr
	n := 0
	for _, r := range strings.TrimSpace(text) {
		var v byte
		switch {
		case r >= '0' && r <= '9':
			v = byte(r - '0')
		case r >= 'a' && r <= 'f':
			v = byte(r-'a') + 10
		case r >= 'A' && r <= 'F':
			v = byte(r-'A') + 10
		case r == ':' || r == '-' || r == '.' || r == ' ':
			continue
		default:
			return Addr{}, ErrSyntax
		}
		if n == 12 {
			return Addr{}, ErrSyntax
		}
		a[n/2] = a[n/2]<<4 | v
		n++
	}
	if n != 12 {
		return Addr{}, ErrSyntax
	}
	return a, nil
}
