package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// scanner looks for very many byte strings at once. Every pattern is found by its first six bytes: a bitmap tells of nearly
// every place in the data that nothing begins there, a map answers for the rest, and then the whole pattern is compared. So a
// hit is exact, and the time hardly depends on how many patterns there are.
type scanner struct {
	bitmap   []uint64
	first    map[uint64]int32 // first six bytes -> the last pattern added that has them
	patterns []pattern
	short    int // patterns of six bytes
	windows  float64
	hits     map[hit]int
	owners   map[string]map[int]bool // form -> whose was found
}

type pattern struct {
	text  string
	form  string
	owner int
	next  int32 // the pattern before with the same first six bytes, or -1
}

// hit is what was found where. It names the form and whose it is, never the text.
type hit struct {
	where, form string
	owner       int
}

const (
	prefixBytes = 6
	bitmapBits  = 24
)

func newScanner() *scanner {
	return &scanner{bitmap: make([]uint64, 1<<(bitmapBits-6)), first: map[uint64]int32{}, hits: map[hit]int{}, owners: map[string]map[int]bool{}}
}

// add looks for the text from now on. Fewer than 48 bits would be found by chance.
func (s *scanner) add(t testing.TB, owner int, form string, text []byte) {
	if len(text) < prefixBytes {
		t.Fatalf("the pattern %s has %d bytes: it would be found by chance", form, len(text))
	}
	if len(text) == prefixBytes {
		s.short++
	}
	window := prefix(text)
	next, ok := s.first[window]
	if !ok {
		next = -1
		at := slot(window)
		s.bitmap[at>>6] |= 1 << (at & 63)
	}
	s.patterns = append(s.patterns, pattern{string(text), form, owner, next})
	s.first[window] = int32(len(s.patterns) - 1)
}

func prefix(b []byte) uint64 {
	return uint64(b[0])<<40 | uint64(b[1])<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}

// slot spreads the prefixes over the bitmap (Fibonacci hashing).
func slot(window uint64) uint64 { return window * 0x9e3779b97f4a7c15 >> (64 - bitmapBits) }

// scan looks through the data; where names it in what is reported.
func (s *scanner) scan(where string, data []byte) {
	if end := len(bytes.TrimRight(data, "\x00")) + prefixBytes; end < len(data) {
		data = data[:end] // Kafka makes its index files 10 MB large before they are used
	}
	if len(data) < prefixBytes {
		return
	}
	s.windows += float64(len(data))
	bitmap, window := s.bitmap, prefix(data)>>8
	for end := prefixBytes - 1; end < len(data); end++ {
		window = (window<<8 | uint64(data[end])) & (1<<48 - 1)
		if at := slot(window); bitmap[at>>6]>>(at&63)&1 == 0 {
			continue
		}
		last, ok := s.first[window]
		if !ok {
			continue
		}
		rest := data[end-prefixBytes+1:]
		for i := last; i >= 0; i = s.patterns[i].next {
			if p := &s.patterns[i]; len(rest) >= len(p.text) && string(rest[:len(p.text)]) == p.text {
				s.found(where, p)
			}
		}
	}
}

func (s *scanner) found(where string, p *pattern) {
	s.hits[hit{where, p.form, p.owner}]++
	if s.owners[p.form] == nil {
		s.owners[p.form] = map[int]bool{}
	}
	s.owners[p.form][p.owner] = true
}

// forget begins a new search for the same patterns.
func (s *scanner) forget() {
	clear(s.hits)
	clear(s.owners)
	s.windows = 0
}

// folder looks through every file below a folder, and through the batches of records in Kafka's segments once more as they
// were before they were compressed. A file that goes away meanwhile was on its way out.
func (s *scanner) folder(t testing.TB, root string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return gone(err)
		}
		s.scan(path, []byte(path))
		data, err := os.ReadFile(path)
		if err != nil {
			return gone(err)
		}
		files++
		s.scan(path, data)
		if ext := filepath.Ext(path); ext == ".dat" || ext == ".log" {
			s.scan(path+" (unpacked)", unpacked(data))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatalf("there is no file below %s: it cannot have been searched", root)
	}
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// unpacked are the records of the batches in a segment of a Kafka partition (record batches of version 2, KIP-98, one after
// the other), decompressed. Of a file that is no segment there are none.
func unpacked(segment []byte) []byte {
	const header = 61
	var out []byte
	decompressor := kgo.DefaultDecompressor()
	for len(segment) >= header && segment[16] == 2 {
		length := 12 + int(binary.BigEndian.Uint32(segment[8:]))
		if length < header || length > len(segment) {
			break
		}
		codec := kgo.CompressionCodecType(binary.BigEndian.Uint16(segment[21:]) & 7)
		records, err := decompressor.Decompress(segment[header:length], codec)
		if err != nil {
			break
		}
		out, segment = append(out, records...), segment[length:]
	}
	return out
}

// nothing fails the test for everything that was found.
func (s *scanner) nothing(t testing.TB, when string) {
	t.Helper()
	shown := 0
	for h, n := range s.hits {
		if shown++; shown > 20 {
			t.Errorf("%s: and %d more", when, len(s.hits)-20)
			break
		}
		t.Errorf("%s: %s of number %d is in %s, %d times", when, h.form, h.owner, h.where, n)
	}
	// Random bytes hold a pattern of 48 bits by chance now and then; so seldom that a hit means something.
	if chance := s.windows * float64(s.short) * math.Exp2(-48); chance > .01 {
		t.Errorf("%s: %.0f MB were searched, and the chance of finding something that is not there is %.3f: search less", when, s.windows/1e6, chance)
	}
	t.Logf("%s: %d patterns, %.1f MB searched", when, len(s.patterns), s.windows/1e6)
}

func TestTheScannerFindsAPatternWhereverItLies(t *testing.T) {
	s := newScanner()
	s.add(t, 7, "word", []byte("canary-bird"))
	s.add(t, 8, "longer word", []byte("canary-birdcage"))
	s.add(t, 9, "six bytes", []byte("canary"))
	for _, row := range []struct {
		name, data string
		want       int
	}{
		{"alone", "canary-bird", 2},
		{"all of them", "canary-birdcage", 3},
		{"at the end", "xxxxcanary", 1},
		{"cut short", "xxxxcanar", 0},
		{"after a beginning of itself", "canacanary", 1},
		{"twice counts once a place", "canary canary", 1},
		{"nothing", "", 0},
	} {
		s.forget()
		s.scan("here", []byte(row.data))
		if got := len(s.hits); got != row.want {
			t.Errorf("%s: got %d hits, want %d", row.name, got, row.want)
		}
	}

	dir := t.TempDir()
	big := append(bytes.Repeat([]byte{0}, 3<<20), "canary"...)
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"a/b/deep": big, "a/none": []byte("nothing"), "canary-bird": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.forget()
	s.folder(t, dir)
	want := fmt.Sprint(map[hit]int{
		{filepath.Join(dir, "a", "b", "deep"), "six bytes", 9}: 1, {filepath.Join(dir, "canary-bird"), "six bytes", 9}: 1, {filepath.Join(dir, "canary-bird"), "word", 7}: 1,
	})
	if got := fmt.Sprint(s.hits); got != want {
		t.Errorf("in a folder: got %s, want %s", got, want)
	}
}
