package returns

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
)

func TestGarbledFilesErrorClearly(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, options(wednesday, 1))
	f.Mark(1)
	save(t, f)
	later := encodeOpenDay(wednesday+1, &f.open)
	for _, name := range []string{filtersFile, openDayFile} {
		good := read(t, dir, name)
		flipped := bytes.Clone(good)
		flipped[len(flipped)/2] ^= 1
		rows := map[string][]byte{
			"empty": nil, "text": []byte("hello"), "cut": good[:len(good)-1], "cut to its first line": good[:30],
			"zeros": make([]byte, len(good)), "a bit flipped": flipped, "longer": append(bytes.Clone(good), 0),
			"too long": bytes.Repeat([]byte("x"), maxFile+1), "the other file": read(t, dir, map[string]string{filtersFile: openDayFile, openDayFile: filtersFile}[name]),
		}
		if name == openDayFile {
			rows["of a later day"] = later
		}
		for what, raw := range rows {
			t.Run(name+"/"+what, func(t *testing.T) {
				if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
					t.Fatal(err)
				}
				got, err := Open(dir, options(wednesday, 1))
				if err == nil || got != nil {
					t.Fatal("got filters, want an error")
				}
				if what != "too long" && !strings.Contains(err.Error(), "remove the file") {
					t.Errorf("got %q, want an error that says what to do", err)
				}
				if exists(dir, name) && !bytes.Equal(read(t, dir, name), raw) {
					t.Error("a garbled file was changed")
				}
			})
		}
		if err := os.WriteFile(filepath.Join(dir, name), good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir, options(wednesday, 1))
}

func TestFilesComeBackAsTheyWere(t *testing.T) {
	f := open(t, t.TempDir(), options(wednesday, 1))
	for _, issue := range []string{"", "0011223344556677", strings.Repeat("i", maxIssue)} {
		want := *f.memory
		want.issue, want.covered, want.began = issue, 0b10101, want.began-3
		got, err := decodeFilters(encodeFilters(&want))
		if err != nil || *got != want {
			t.Errorf("issue of %d bytes: got other filters and %v", len(issue), err)
		}
	}
	f.Mark(0)
	f.Mark(65535)
	day, marked, err := decodeOpenDay(encodeOpenDay(wednesday, &f.open))
	if err != nil || day != wednesday || *marked != f.open {
		t.Errorf("got another open day and %v", err)
	}
}

// TestImpossibleValuesAreGarbled: the checksum is right, the values are not.
func TestImpossibleValuesAreGarbled(t *testing.T) {
	f := open(t, t.TempDir(), options(wednesday, 1))
	for name, change := range map[string]func(*memory){
		"a negative day":        func(m *memory) { m.day = -1 },
		"a huge day":            func(m *memory) { m.day = lastDay + 1 },
		"begun later":           func(m *memory) { m.began = m.day.Week() + 1 },
		"begun before 2020":     func(m *memory) { m.began = -1 },
		"no epsilon":            func(m *memory) { m.epsilon = 0 },
		"too great an epsilon":  func(m *memory) { m.epsilon = 4 },
		"this week not covered": func(m *memory) { m.covered = 0b10 },
		"a sixth week":          func(m *memory) { m.covered = 0b100001 },
		"a long issue":          func(m *memory) { m.issue = strings.Repeat("i", 255) },
	} {
		m := *f.memory
		change(&m)
		if _, err := decodeFilters(encodeFilters(&m)); err == nil {
			t.Errorf("%s: got filters, want an error", name)
		}
	}
	for _, day := range []calendar.Day{-1, lastDay + 1} {
		if _, _, err := decodeOpenDay(encodeOpenDay(day, &f.open)); err == nil {
			t.Errorf("open day %d: got marks, want an error", day)
		}
	}
}

func FuzzDecodeFilters(f *testing.F) {
	m := &memory{issue: "0011", epsilon: 2, day: wednesday, began: wednesday.Week(), covered: 1}
	good := encodeFilters(m)
	f.Add(good[len(filtersMagic):len(good)-32], true)
	f.Add(good, false)
	f.Add([]byte{255}, true)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, raw []byte, sealed bool) {
		if sealed { // get past the checksum
			raw = seal(append([]byte(filtersMagic), raw...))
		}
		m, err := decodeFilters(raw)
		if err == nil && !bytes.Equal(encodeFilters(m), raw) {
			t.Error("what was read is not what is written")
		}
	})
}

func FuzzDecodeOpenDay(f *testing.F) {
	good := encodeOpenDay(wednesday, &bits{1, 2, 3})
	f.Add(good[len(openDayMagic):len(good)-32], true)
	f.Add(good, false)
	f.Add([]byte{0, 0, 0}, true)
	f.Fuzz(func(t *testing.T, raw []byte, sealed bool) {
		if sealed {
			raw = seal(append([]byte(openDayMagic), raw...))
		}
		day, marked, err := decodeOpenDay(raw)
		if err == nil && !bytes.Equal(encodeOpenDay(day, marked), raw) {
			t.Error("what was read is not what is written")
		}
	})
}
