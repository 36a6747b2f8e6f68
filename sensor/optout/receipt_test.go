package optout

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
)

// TestReceiptVector: the same bits make the same code and key for ever; whoever changes this makes every receipt worthless. The key
// was computed by sha256sum over the 30 bytes.
func TestReceiptVector(t *testing.T) {
	r, err := NewReceipt(bytes.NewReader([]byte{0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf, 0x84, 0x65, 0x3f}))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Code(), "01234-56789-ABCDE-FGHJK"; got != want {
		t.Errorf("code: got %s, want %s", got, want)
	}
	if got, want := hex.EncodeToString(r.Key()), "891aa7c202109e144dbd76fe4937a5e8d931b2936202366f81bc02da3c35edc4"; got != want {
		t.Errorf("key: got %s, want %s", got, want)
	}
}

func TestParseReceipt(t *testing.T) {
	want, _ := NewReceipt(bytes.NewReader([]byte{0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf, 0x84, 0x65, 0x30}))
	for _, row := range []struct {
		name, text string
		ok         bool
	}{
		{"as shown", "01234-56789-ABCDE-FGHJK", true},
		{"lower case", "01234-56789-abcde-fghjk", true},
		{"no dashes", "0123456789ABCDEFGHJK", true},
		{"spaces", " 01234 56789 ABCDE FGHJK\n", true},
		{"long dashes", "01234–56789—ABCDE‑FGHJK", true},
		{"O for 0", "O1234-56789-ABCDE-FGHJK", true},
		{"I for 1", "0I234-56789-ABCDE-FGHJK", true},
		{"l for 1", "0l234-56789-ABCDE-FGHJK", true},
		{"too short", "01234-56789-ABCDE-FGHJ", false},
		{"too long", "01234-56789-ABCDE-FGHJK-0", false},
		{"a U", "U1234-56789-ABCDE-FGHJK", false},
		{"punctuation", "01234/56789-ABCDE-FGHJK", false},
		{"nothing", "", false},
		{"broken UTF-8", "01234-56789-ABCDE-FGHJ\xff", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseReceipt([]byte(row.text))
			if row.ok && (err != nil || got != want) {
				t.Errorf("got error %v, want the receipt", err)
			}
			if !row.ok && !errors.Is(err, ErrReceipt) {
				t.Errorf("got %v, want ErrReceipt", err)
			}
		})
	}
}

func TestReceiptsAreRandom(t *testing.T) {
	if _, err := NewReceipt(iotest.ErrReader(errors.New("no randomness"))); err == nil {
		t.Error("got a receipt without randomness, want an error")
	}
	if _, err := NewReceipt(bytes.NewReader(make([]byte, receiptBytes-1))); err == nil {
		t.Error("got a receipt of too few bits, want an error")
	}
}

func TestAReceiptHasNoTextForm(t *testing.T) {
	r, _ := ParseReceipt([]byte("ABCDE-ABCDE-ABCDE-ABCDE"))
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %s %x %q %+v %#v %v\n", r, r, r, r, r, r, []Receipt{r})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "a", r, "b", struct{ R Receipt }{r})
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "a", r)
	j, err := json.Marshal(map[string]any{"a": r, "b": []Receipt{r}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	for _, leak := range []string{"ABCDE", hex.EncodeToString(r[:3]), hex.EncodeToString(r.Key()[:3])} {
		if strings.Contains(strings.ToUpper(out.String()), strings.ToUpper(leak)) {
			t.Errorf("a receipt leaked as %q in %s", leak, out.String())
		}
	}
}

// FuzzParseReceipt: what is read back from its code is the same receipt, and only 100 bits of it are ever set.
func FuzzParseReceipt(f *testing.F) {
	for _, seed := range []string{"01234-56789-ABCDE-FGHJK", "oOiIlL-zzzzz-ZZZZZ 0", "U", "", "0\u00ad1\ufeff", "\xff", strings.Repeat("Z", 20)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseReceipt(text)
		if err != nil {
			if !errors.Is(err, ErrReceipt) || r != (Receipt{}) {
				t.Errorf("got %v with a receipt, want ErrReceipt and none", err)
			}
			return
		}
		if r[receiptBytes-1]&0x0f != 0 {
			t.Error("got bits beyond the hundredth, want none")
		}
		again, err := ParseReceipt([]byte(r.Code()))
		if err != nil || again != r {
			t.Errorf("read back: got error %v or another receipt, want the same", err)
		}
	})
}
