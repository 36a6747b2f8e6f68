package hwaddr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestAnAddressHasNoTextForm(t *testing.T) {
	a := Addr{0xde, 0xad, 0xbe, 0xef, 0x12, 0x34}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %s %x %X %d %q %#v %+v %v\n", a, a, a, a, a, a, a, a, []Addr{a})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "a", a, "b", struct{ A Addr }{a})
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "a", a)
	j, err := json.Marshal(map[string]any{"a": a, "b": []Addr{a}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	text := strings.ToLower(out.String())
	for _, leak := range []string{"dead", "de ad", "de:ad", "222", "173", "beef", "3412"} {
		if strings.Contains(text, leak) {
			t.Errorf("an address leaked as %q in %s", leak, text)
		}
	}
}

func TestParse(t *testing.T) {
	want := Addr{0x02, 0, 0x5e, 0x10, 0xab, 0xcd}
	for name, row := range map[string]struct {
		text string
		ok   bool
	}{
		"colons": {"02:00:5e:10:ab:cd", true},
		"dashes": {"02-00-5E-10-AB-CD", true},
		"dots":   {"0200.5e10.abcd", true},
		"spaces": {" 02 00 5e 10 ab cd\n", true},
		"bare":   {"02005E10ABCD", true},
		"short":  {"02:00:5e:10:ab", false},
		"long":   {"02:00:5e:10:ab:cd:ef", false},
		"letter": {"02:00:5e:10:ab:cg", false},
		"empty":  {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(row.text)
			if row.ok && (err != nil || got != want) {
				t.Errorf("got %v, want the address", err)
			}
			if !row.ok && !errors.Is(err, ErrSyntax) {
				t.Errorf("got %v, want ErrSyntax", err)
			}
		})
	}
}

func TestBits(t *testing.T) {
	if !(Addr{2}).Random() || (Addr{4}).Random() || !(Addr{1}).Group() || (Addr{2}).Group() {
		t.Error("the first byte's two lowest bits are group and locally-administered")
	}
}
