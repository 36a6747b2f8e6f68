package main

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/openfootfall/footfall/ingest/wire"
)

// address adds the forms in which an address could leak: spelled out, reversed, as a number, and every unkeyed hash of them.
func (s *scanner) address(t testing.TB, owner int, addr [6]byte) {
	add := func(form string, text []byte) { s.add(t, owner, "address, "+form, text) }
	backward := reversed(addr[:])
	texts := [][]byte{addr[:], backward}
	for name, raw := range map[string][]byte{"": addr[:], "reversed, ": backward} {
		spell(raw, func(form string, text []byte) { add(name+form, text) })
		for _, form := range []string{"%x.%x.%x", "%X.%X.%X"} {
			add(name+"in three groups", fmt.Appendf(nil, form, raw[:2], raw[2:4], raw[4:]))
		}
		add(name+"decimal", fmt.Append(nil, prefix(raw)))
		texts = append(texts, fmt.Append(nil, prefix(raw)))
	}
	for _, text := range []string{join(addr[:], ""), join(addr[:], ":"), join(addr[:], "-"), fmt.Sprintf("%x.%x.%x", addr[:2], addr[2:4], addr[4:])} {
		texts = append(texts, []byte(text), []byte(strings.ToUpper(text)))
	}
	hashes(texts, add)
}

// ssid adds the forms in which a network's name could leak.
func (s *scanner) ssid(t testing.TB, owner int, name string) {
	add := func(form string, text []byte) { s.add(t, owner, "SSID, "+form, text) }
	raw := []byte(name)
	for name, raw := range map[string][]byte{"": raw, "reversed, ": reversed(raw)} {
		spell(raw, func(form string, text []byte) { add(name+form, text) })
	}
	hashes([][]byte{raw, reversed(raw), []byte(strings.ToLower(name)), []byte(strings.ToUpper(name))}, add)
}

// id adds the forms of a 64-bit pseudonym.
func (s *scanner) id(t testing.TB, owner int, id uint64) {
	s.add(t, owner, "id, little-endian", binary.LittleEndian.AppendUint64(nil, id))
	s.add(t, owner, "id, big-endian", binary.BigEndian.AppendUint64(nil, id))
	s.add(t, owner, "id, hex", fmt.Appendf(nil, "%016x", id))
	s.add(t, owner, "id, HEX", fmt.Appendf(nil, "%016X", id))
	s.add(t, owner, "id, decimal", fmt.Append(nil, id))
	s.add(t, owner, "id, decimal with a sign", fmt.Append(nil, int64(id)))
}

// spell gives the ways to write bytes: as they are, in hexadecimal of both cases with the usual separators, as a list of
// decimal numbers, in base64 of both alphabets wherever in the encoded text they begin.
func spell(raw []byte, each func(form string, text []byte)) {
	each("raw", raw)
	for _, separator := range []string{"", ":", "-", ".", " ", `\x`} {
		text := join(raw, separator)
		each("hex with separator "+separator, []byte(text))
		each("HEX with separator "+separator, []byte(upperDigits(text)))
	}
	decimal := strings.Trim(fmt.Sprint(raw), "[]")
	each("decimal bytes", []byte(decimal))
	each("decimal bytes with commas", []byte(strings.ReplaceAll(decimal, " ", ",")))
	each("as Go source", []byte(strings.Trim(fmt.Sprintf("%#v", raw), "[]byte{}")))
	inBase64(raw, each)
}

func join(raw []byte, separator string) string {
	digits := make([]string, len(raw))
	for i, b := range raw {
		digits[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(digits, separator)
}

// upperDigits makes the digits large and leaves the x of a separator.
func upperDigits(text string) string {
	return strings.ReplaceAll(strings.ToUpper(text), "X", "x")
}

// inBase64 gives the characters that stand for the bytes alone when other bytes stand before and after them: those at the
// edges also hold bits of the neighbours, so they are left out, and with them the padding.
func inBase64(raw []byte, each func(form string, text []byte)) {
	for before := range 3 {
		padded := append(make([]byte, before), raw...)
		for form, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			text := encoding.AppendEncode(nil, padded)
			from, to := (before*8+5)/6, len(padded)*8/6
			each(form, text[from:to])
		}
	}
}

// hashes gives what an unkeyed hash of each text would leave: its digest from the beginning (64 bits of it are enough to find
// it), and those 64 bits as a number in both byte orders.
func hashes(texts [][]byte, each func(form string, text []byte)) {
	for _, text := range texts {
		for name, digest := range digests(text) {
			head := digest[:8]
			each(name, head)
			each(name+", turned round", reversed(head))
			each(name+", hex", []byte(hex.EncodeToString(head)))
			each(name+", HEX", []byte(strings.ToUpper(hex.EncodeToString(head))))
			each(name+", decimal", fmt.Append(nil, binary.BigEndian.Uint64(head)))
			each(name+", decimal, little-endian", fmt.Append(nil, binary.LittleEndian.Uint64(head)))
			inBase64(head, func(form string, text []byte) { each(name+", "+form, text) })
		}
	}
}

func digests(text []byte) map[string][]byte {
	a, b, c, d := md5.Sum(text), sha1.Sum(text), sha256.Sum256(text), sha512.Sum512(text)
	return map[string][]byte{"MD5": a[:], "SHA-1": b[:], "SHA-256": c[:], "SHA-512": d[:]}
}

func reversed(b []byte) []byte {
	out := slices.Clone(b)
	slices.Reverse(out)
	return out
}

// TestTheScannerFindsEachFormWhenPlanted is the control of every search that finds nothing: the forms are made here by other
// means than the scanner's, as a careless program would make them, and lie between random bytes.
func TestTheScannerFindsEachFormWhenPlanted(t *testing.T) {
	r := rand.New(rand.NewChaCha8([32]byte{'p'}))
	list := newCanaries(4, 9)
	s := newScanner()
	for i, c := range list {
		s.address(t, i, c.addr)
		s.ssid(t, i, c.ssid)
	}
	planted := map[string]func(c canary) []byte{}
	for name, make := range addressLeaks() {
		planted["address, "+name] = make
	}
	for name, make := range ssidLeaks() {
		planted["SSID, "+name] = make
	}
	for name, leak := range planted {
		for i, c := range list {
			noise := make([]byte, 500)
			for j := range noise {
				noise[j] = byte(r.Uint32())
			}
			s.forget()
			s.scan("noise", noise)
			if len(s.hits) > 0 {
				t.Fatalf("something was found in noise: %v", s.hits)
			}
			s.scan("plant", slices.Concat(noise[:r.IntN(200)], leak(c), noise[200:]))
			if len(s.hits) == 0 {
				t.Errorf("%s of canary %d was not found: %q", name, i, leak(c))
			}
			for h := range s.hits {
				if h.owner != i || !strings.HasPrefix(name, strings.Split(h.form, ",")[0]) {
					t.Errorf("%s of canary %d was taken for %s of %d", name, i, h.form, h.owner)
				}
			}
		}
	}
	t.Logf("%d forms planted, %d patterns for %d canaries", len(planted), len(s.patterns), len(list))
}

// addressLeaks are ways in which a program could give an address away.
func addressLeaks() map[string]func(c canary) []byte {
	text := func(make func(a [6]byte) string) func(canary) []byte {
		return func(c canary) []byte { return []byte(make(c.addr)) }
	}
	mac := func(a [6]byte) string { return net.HardwareAddr(a[:]).String() }
	number := func(a [6]byte) uint64 { return binary.BigEndian.Uint64(append([]byte{0, 0}, a[:]...)) }
	leaks := map[string]func(c canary) []byte{
		"raw":                  func(c canary) []byte { return c.addr[:] },
		"reversed":             func(c canary) []byte { return binary.LittleEndian.AppendUint64(nil, number(c.addr)) },
		"little-endian number": func(c canary) []byte { return binary.LittleEndian.AppendUint64(nil, number(c.addr)) },
		"of a %x":              text(func(a [6]byte) string { return fmt.Sprintf("%x", a) }),
		"of a %X":              text(func(a [6]byte) string { return fmt.Sprintf("%X", a) }),
		"of a % x":             text(func(a [6]byte) string { return fmt.Sprintf("% x", a) }),
		"of a % X":             text(func(a [6]byte) string { return fmt.Sprintf("% X", a) }),
		"of a %v":              text(func(a [6]byte) string { return fmt.Sprintf("%v", a) }),
		"of a %#v":             text(func(a [6]byte) string { return fmt.Sprintf("%#v", a) }),
		"as net prints it":     text(mac),
		"as Windows prints it": text(func(a [6]byte) string { return strings.ToUpper(strings.ReplaceAll(mac(a), ":", "-")) }),
		"with dashes":          text(func(a [6]byte) string { return strings.ReplaceAll(mac(a), ":", "-") }),
		"in upper case":        text(func(a [6]byte) string { return strings.ToUpper(mac(a)) }),
		"with dots":            text(func(a [6]byte) string { return strings.ReplaceAll(mac(a), ":", ".") }),
		"as Cisco prints it": text(func(a [6]byte) string {
			return fmt.Sprintf("%02x%02x.%02x%02x.%02x%02x", a[0], a[1], a[2], a[3], a[4], a[5])
		}),
		"reversed in hex": text(func(a [6]byte) string {
			return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", a[5], a[4], a[3], a[2], a[1], a[0])
		}),
		"as a number":        text(func(a [6]byte) string { return fmt.Sprint(number(a)) }),
		"as JSON of bytes":   text(func(a [6]byte) string { j, _ := json.Marshal(a[:]); return string(j) }),
		"as JSON of numbers": text(func(a [6]byte) string { j, _ := json.Marshal(a); return string(j) }),
		"as a C string": text(func(a [6]byte) string {
			return fmt.Sprintf(`\x%02x\x%02x\x%02x\x%02x\x%02x\x%02x`, a[0], a[1], a[2], a[3], a[4], a[5])
		}),
		"as a varint, dumped": func(c canary) []byte {
			return envelopeJSON(&wire.Envelope{Header: &wire.Header{Sequence: number(c.addr)}})
		},
		"unkeyed id":                unkeyedID,
		"unkeyed id, dumped":        func(c canary) []byte { return envelopeJSON(unkeyedEnvelope(c)) },
		"unkeyed hash of the text":  text(func(a [6]byte) string { return fmt.Sprintf("%x", sha1.Sum([]byte(mac(a)))) }),
		"unkeyed hash in a report":  text(func(a [6]byte) string { return fmt.Sprintf("%X", md5.Sum(a[:])) }),
		"half of an unkeyed hash":   text(func(a [6]byte) string { h := sha512.Sum512(a[:]); return fmt.Sprintf("%x", h[:16]) }),
		"unkeyed hash in base64":    text(func(a [6]byte) string { h := sha256.Sum256(a[:]); return base64.StdEncoding.EncodeToString(h[:]) }),
		"unkeyed hash of a number":  text(func(a [6]byte) string { return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, number(a)))) }),
		"unkeyed hash of upper hex": text(func(a [6]byte) string { return fmt.Sprintf("%x", md5.Sum(fmt.Appendf(nil, "%X", a))) }),
	}
	for before := range 4 {
		for name, encoding := range map[string]*base64.Encoding{"std": base64.StdEncoding, "url": base64.URLEncoding, "raw std": base64.RawStdEncoding, "raw url": base64.RawURLEncoding} {
			leaks[fmt.Sprintf("base64 %s after %d bytes", name, before)] = func(c canary) []byte {
				return encoding.AppendEncode(nil, slices.Concat([]byte("row!")[:before], c.addr[:], []byte("and more")[:before]))
			}
		}
	}
	return leaks
}

// ssidLeaks are ways in which a program could give a network's name away.
func ssidLeaks() map[string]func(c canary) []byte {
	return map[string]func(c canary) []byte{
		"raw":                func(c canary) []byte { return []byte(c.ssid) },
		"quoted":             func(c canary) []byte { return fmt.Appendf(nil, "%q", c.ssid) },
		"in hex":             func(c canary) []byte { return fmt.Appendf(nil, "%x", c.ssid) },
		"in hex with colons": func(c canary) []byte { return []byte(net.HardwareAddr(c.ssid).String()) },
		"reversed":           func(c canary) []byte { return reversed([]byte(c.ssid)) },
		"of a %v":            func(c canary) []byte { return fmt.Appendf(nil, "%v", []byte(c.ssid)) },
		"base64":             func(c canary) []byte { return base64.URLEncoding.AppendEncode(nil, []byte("x"+c.ssid)) },
		"unkeyed hash":       func(c canary) []byte { return fmt.Appendf(nil, "%x", sha256.Sum256([]byte(c.ssid))) },
		"raw unkeyed hash":   func(c canary) []byte { h := sha1.Sum([]byte(c.ssid)); return h[:] },
	}
}

// unkeyedID is the mistake this project must never make, as it would stand in Kafka: an id that is a plain hash.
func unkeyedID(c canary) []byte {
	raw, err := wire.Encode(unkeyedEnvelope(c))
	if err != nil {
		return nil
	}
	return raw
}

func unkeyedEnvelope(c canary) *wire.Envelope {
	hash := sha256.Sum256(c.addr[:])
	var b wire.SightingsBuilder
	b.Add(binary.BigEndian.Uint64(hash[:]), 1_772_438_400_000, 4)
	s, base := b.Build()
	return &wire.Envelope{
		Header: &wire.Header{Store: "north", Sensor: "door", Zone: "shop", Boot: 1, StoreDay: 2252, BaseMs: base, Policy: wire.Policy_POLICY_STANDARD},
		Body:   &wire.Envelope_Sightings{Sightings: s},
	}
}

// envelopeJSON is an envelope with every number written out, also those that are packed into few bytes on the wire.
func envelopeJSON(e *wire.Envelope) []byte {
	text, err := protojson.Marshal(e)
	if err != nil {
		return []byte(err.Error())
	}
	return text
}
