package dot11

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// referenceKey is class_of of reference/counting.py up to the hash: Python's repr of the tuple of masked elements. It is
// written from that file and not from Masked, to compare with.
func referenceKey(elements []byte) string {
	var out []string
	for i, v := range Elements(elements) {
		e := ""
		switch {
		case i == 0:
			continue
		case i == 3:
			e = "(3,)"
		case i == 221 && (bytes.HasPrefix(v, []byte("\x00P\xf2\x04")) || bytes.HasPrefix(v, []byte("\x00P\xf2\x08"))):
			e = "(221, " + pythonBytes(v[:4]) + ")"
		case i == 255 && bytes.HasPrefix(v, []byte{2}):
			e = "(255, 2)"
		default:
			e = fmt.Sprintf("(%d, %s)", i, pythonBytes(v))
		}
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	if len(out) == 1 {
		return "(" + out[0] + ",)"
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// pythonBytes is Python's repr of a bytes value.
func pythonBytes(v []byte) string {
	quote := byte('\'')
	if bytes.IndexByte(v, '\'') >= 0 && bytes.IndexByte(v, '"') < 0 {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte('b')
	b.WriteByte(quote)
	for _, c := range v {
		switch {
		case c == quote || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(quote)
	return b.String()
}

func referenceClass(elements []byte) uint16 {
	sum := sha256.Sum256([]byte(referenceKey(elements)))
	return binary.BigEndian.Uint16(sum[:]) >> 6
}

func TestTheReferenceClassIsPythons(t *testing.T) {
	for name, row := range map[string]struct {
		elements string
		want     uint16 // printed by class_of of reference/counting.py
	}{
		"nothing":          {"", 184},
		"SSID and rates":   {"\x00\x01x\x01\x02\x82\x84", 484},
		"characters":       {"\x01\x02\x82\x84\x03\x01\x06\x2d\x09it's\\\n\x00\xff~", 677},
		"vendors":          {"\xdd\x06\x00P\xf2\x04ab\xdd\x06\x00P\xf2\x02ab\xff\x03\x02zz\xff\x03#zz\xff\x00", 711},
		"quotes and twice": {"\x01\x02a\"\x01\x02b'\x01\x03c'\"\x01\x02a\"", 938},
	} {
		if got := referenceClass([]byte(row.elements)); got != row.want {
			t.Errorf("%s: got %d, want %d", name, got, row.want)
		}
	}
}

func TestMasked(t *testing.T) {
	for name, row := range map[string]struct{ elements, want string }{
		"nothing":                       {"", ""},
		"the SSID is left out":          {"\x00\x04shop\x01\x01\x82", "\x01\x01\x82"},
		"the DS channel has no value":   {"\x03\x01\x06", "\x03\x00"},
		"WPS has no body":               {"\xdd\x06\x00\x50\xf2\x04ab", "\xdd\x04\x00\x50\xf2\x04"},
		"type 8 has no body":            {"\xdd\x06\x00\x50\xf2\x08ab", "\xdd\x04\x00\x50\xf2\x08"},
		"type 2 keeps its body":         {"\xdd\x06\x00\x50\xf2\x02ab", "\xdd\x06\x00\x50\xf2\x02ab"},
		"another vendor keeps its body": {"\xdd\x06\x00\x10\x18\x04ab", "\xdd\x06\x00\x10\x18\x04ab"},
		"a vendor cut in its type":      {"\xdd\x03\x00\x50\xf2", "\xdd\x03\x00\x50\xf2"},
		"FILS has no body":              {"\xff\x03\x02ab", "\xff\x01\x02"},
		"HE keeps its body":             {"\xff\x03\x23ab", "\xff\x03\x23ab"},
		"an extension without number":   {"\xff\x00", "\xff\x00"},
		"duplicates are dropped":        {"\x01\x01a\x02\x01b\x01\x01a", "\x01\x01a\x02\x01b"},
		"duplicates once masked":        {"\x03\x01\x01\x03\x01\x02\xff\x02\x02a\xff\x02\x02b", "\x03\x00\xff\x01\x02"},
		"same number, other value":      {"\x01\x01a\x01\x01b\x01\x00", "\x01\x01a\x01\x01b\x01\x00"},
		"the order is kept":             {"\x02\x01b\x01\x01a", "\x02\x01b\x01\x01a"},
		"a cut element ends it":         {"\x01\x01a\x02\x09b", "\x01\x01a"},
		"a stray byte ends it":          {"\x01\x01a\x02", "\x01\x01a"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Masked(nil, []byte(row.elements)); string(got) != row.want {
				t.Errorf("got %x, want %x", got, row.want)
			}
			if got := Masked([]byte("\x01\x01a"), []byte(row.elements)); string(got) != "\x01\x01a"+row.want {
				t.Errorf("behind other bytes: got %x, want %x", got, row.want)
			}
		})
	}
}

func TestElementsEndsBeforeWhatIsCut(t *testing.T) {
	var got []string
	for i, v := range Elements([]byte("\x01\x02ab\x00\x00\xff\x01c\x07\x09x")) {
		got = append(got, fmt.Sprintf("%d:%s", i, v))
	}
	if want := []string{"1:ab", "0:", "255:c"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for range Elements([]byte("\x01\x00\x02\x00")) {
		break // an iterator that is left early must not go on
	}
}

func FuzzMasked(f *testing.F) {
	f.Add([]byte(someHeard()[3].elements), []byte(someHeard()[4].elements))
	f.Add([]byte("\x03\x01\x06\xff\x03\x02ab"), []byte("\x03\x01\x07\xff\x03\x02xy"))
	f.Add([]byte("\xdd\x06\x00\x50\xf2\x04ab"), []byte("\xdd\x04\x00\x50\xf2\x04"))
	f.Add([]byte("\x01\x01a\x01\x01b\x01\x01a"), []byte("\x01\x02ab"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		ma, mb := Masked(nil, a), Masked(nil, b)
		if bytes.Equal(ma, mb) != (referenceKey(a) == referenceKey(b)) {
			t.Fatalf("%x and %x: the reference puts them into other classes than Masked does", a, b)
		}
		if again := Masked(nil, ma); !bytes.Equal(again, ma) {
			t.Fatalf("%x: masking what is masked gave %x", ma, again)
		}
	})
}

func BenchmarkMasked(b *testing.B) {
	elements := []byte(someHeard()[3].elements)
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		dst = Masked(dst[:0], elements)
	}
}
