package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestALabelIsAnOperatorsWordsOrUnnamed: the entry is written either way, and holds nothing that looks like a device.
func TestALabelIsAnOperatorsWordsOrUnnamed(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"words", "manager of Quay Street", "manager of Quay Street"},
		{"of another language", `Kasse "Süd" <3> & Söhne`, `Kasse "Süd" <3> & Söhne`},
		{"80 characters", strings.Repeat("ü", 80), strings.Repeat("ü", 80)},
		{"a date", "tills of 2026-03-02", "tills of 2026-03-02"},
		{"81 characters", strings.Repeat("ü", 81), unnamed},
		{"nothing", "", unnamed},
		{"a space", " ", unnamed},
		{"two lines", "a\nb", unnamed},
		{"no UTF-8", "a\xff", unnamed},
		{"an address with colons", "till 02:00:5E:10:00:01", unnamed},
		{"one with dashes", "02-00-5e-10-00-01", unnamed},
		{"one with spaces", "02 00 5e 10 00 01", unnamed},
		{"an id", "0011aabb2233ccdd", unnamed},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.log")
			l := open(t, path)
			if err := l.Append(TransactionsImported, Rows.Is(2), Token.Is(c.text)); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Read(bytes.NewReader(text), func(e Entry) error {
				if e.Facts["token"] != c.want {
					t.Errorf("got %q, want %q", e.Facts["token"], c.want)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
}
