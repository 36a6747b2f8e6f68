package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

var nine = time.Date(2026, 3, 23, 9, 0, 0, 0, time.UTC)

// clock shows a second more at every look.
func clock() func() time.Time {
	var mu sync.Mutex
	at := nine
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(time.Second)
		return at
	}
}

func open(t *testing.T, path string) *Log {
	t.Helper()
	l, err := Open(path, "aggregate", clock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// written is a log with an entry of every kind of fact.
func written(t *testing.T) (path string, text []byte, s Summary) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path)
	day, _ := calendar.ParseDay("2026-03-23")
	for _, err := range []error{
		l.Append(Started, Software.Is("0.5.0")),
		l.Append(OptOuts, Day.Is(day), Registered.Is(12), Undone.Is(1), LookedUp.Is(3), HeldBack.Is(0), Records.Is(800), Tags.Is(790)),
		l.Append(NoticeChanged, Store.Is("mall"), Version.Is("3"), Rules.Is([32]byte{7})),
		l.Append(RetentionProof, Where.Is("table"), Place.Is("device_days"), OldestAge.Is(26*time.Hour), Limit.Is(29*time.Hour), Verdict.Is("ok")),
		l.Append(KeysRetired, Store.Is("mall")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s = l.Summary()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, text, s
}

func TestALogIsReadAsItWasWritten(t *testing.T) {
	path, text, want := written(t)
	var kinds []Kind
	if !bytes.Contains(text, []byte(`"rules_sha256":"07`)) { // of the rules, not of a text
		t.Errorf("got no rules_sha256 in %s", text)
	}
	var proof Entry
	got, err := Read(bytes.NewReader(text), func(e Entry) error {
		kinds = append(kinds, e.Kind)
		if e.Kind == RetentionProof {
			proof = e
		}
		return nil
	})
	if err != nil || got != want {
		t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
	if got.Entries != 5 || !got.First.Equal(nine.Add(time.Second)) || !got.Last.Equal(nine.Add(5*time.Second)) || len(got.Head) != 64 {
		t.Errorf("got %+v, want five entries, a second each from 09:00:01", got)
	}
	if fmt.Sprint(kinds) != "[started optouts notice_changed retention_proof keys_retired]" {
		t.Errorf("got the kinds %v", kinds)
	}
	if proof.Facts["oldest_age_s"] != int64(26*3600) || proof.Facts["verdict"] != "ok" || proof.Actor != "aggregate" {
		t.Errorf("got %+v, want the facts of the proof", proof)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file for its owner alone", info.Mode(), err)
	}
	stop := errors.New("enough")
	if s, err := Read(bytes.NewReader(text), func(Entry) error { return stop }); !errors.Is(err, stop) || s.Entries != 1 {
		t.Errorf("got %+v, %v, want the reader's own error after one entry", s, err)
	}
}

func TestTheFormOfALineIsFixed(t *testing.T) {
	_, text, _ := written(t)
	line, _, _ := strings.Cut(string(text), "\n")
	const want = `{"seq":1,"at":"2026-03-23T09:00:01Z","actor":"aggregate","kind":"started","facts":{"software":"0.5.0"},"prev":"` +
		`0000000000000000000000000000000000000000000000000000000000000000","hash":"`
	if !strings.HasPrefix(line, want) {
		t.Errorf("got %s\nwant it to begin with %s", line, want)
	}
}

func TestOneChangedByteOfTheAuditLogIsFound(t *testing.T) {
	_, text, _ := written(t)
	for i := range text {
		for _, flip := range []byte{1, 0x20, 0x80} {
			changed := bytes.Clone(text)
			changed[i] ^= flip
			var broken *BrokenError
			s, err := Verify(bytes.NewReader(changed))
			if !errors.As(err, &broken) {
				t.Fatalf("byte %d changed by %#x: got %+v, %v, want it found", i, flip, s, err)
			}
			if at := 1 + bytes.Count(text[:i], []byte{'\n'}); broken.Line < at || broken.Line > at+1 {
				t.Fatalf("byte %d of line %d: got it found in line %d", i, at, broken.Line)
			}
		}
		for name, changed := range map[string][]byte{
			"removed": append(bytes.Clone(text[:i]), text[i+1:]...),
			"doubled": append(bytes.Clone(text[:i+1]), text[i:]...),
		} {
			if bytes.Equal(changed, text) {
				continue
			}
			if s, err := Verify(bytes.NewReader(changed)); err == nil {
				t.Fatalf("byte %d %s: got %+v, want it found", i, name, s)
			}
		}
	}
}

func TestLinesThatAreMissingMovedOrAddedAreFound(t *testing.T) {
	_, text, want := written(t)
	lines := bytes.SplitAfter(text, []byte{'\n'})
	lines = lines[:len(lines)-1]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	forged := Entry{Seq: 6, At: nine, Actor: "keys", Kind: KeysMade, Prev: strings.Repeat("ab", 32)}
	stranger, _, err := forged.encode()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		text []byte
		line int
	}{
		{"the first is missing", join(lines[1:]...), 1},
		{"the second is missing", join(lines[0], join(lines[2:]...)), 2},
		{"one before the last is missing", join(join(lines[:3]...), lines[4]), 4},
		{"two are swapped", join(lines[0], lines[2], lines[1], lines[3], lines[4]), 2},
		{"one is there twice", join(lines[0], lines[1], join(lines[1:]...)), 3},
		{"one of another chain is added", join(text, stranger), 6},
		{"an empty line", join(text, []byte("\n")), 6},
		{"a line without its end", text[:len(text)-1], 5},
		{"a long line", join(text, bytes.Repeat([]byte{'x'}, 2*MaxLine)), 6},
		{"no log", []byte("hello\n"), 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Verify(bytes.NewReader(test.text))
			var broken *BrokenError
			if !errors.As(err, &broken) || broken.Line != test.line {
				t.Errorf("got %v, want it found in line %d", err, test.line)
			}
		})
	}
	t.Run("the last is missing", func(t *testing.T) {
		got, err := Verify(bytes.NewReader(join(lines[:4]...)))
		if err != nil || got.Head == want.Head || got.Entries != 4 {
			t.Errorf("got %+v, %v, want another head than %s: only a noted one tells", got, err, want.Head)
		}
	})
	t.Run("nothing at all", func(t *testing.T) {
		if got, err := Verify(strings.NewReader("")); err != nil || got != (Summary{Head: noHash}) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// TestAnEntryHasOneForm: what a careless decoder would take is refused, its hash being right notwithstanding.
func TestAnEntryHasOneForm(t *testing.T) {
	prev := `"prev":"` + noHash + `"}`
	tests := []struct{ name, body string }{
		{"white space", `{"seq":1, "at":"2026-03-23T09:00:01Z","actor":"a","kind":"started","facts":{},` + prev},
		{"another order", `{"at":"2026-03-23T09:00:01Z","seq":1,"actor":"a","kind":"started","facts":{},` + prev},
		{"a name twice", `{"seq":1,"at":"2026-03-23T09:00:01Z","actor":"a","kind":"started","facts":{"n":1,"n":2},` + prev},
		{"a field more", `{"seq":1,"at":"2026-03-23T09:00:01Z","actor":"a","kind":"started","facts":{},"note":1,` + prev},
		{"a time zone", `{"seq":1,"at":"2026-03-23T09:00:01+01:00","actor":"a","kind":"started","facts":{},` + prev},
		{"no time", `{"seq":1,"at":"soon","actor":"a","kind":"started","facts":{},` + prev},
		{"half a number", `{"seq":1,"at":"2026-03-23T09:00:01Z","actor":"a","kind":"started","facts":{"n":0.5},` + prev},
		{"a list", `{"seq":1,"at":"2026-03-23T09:00:01Z","actor":"a","kind":"started","facts":{"n":[1]},` + prev},
		{"a short link", `{"seq":1,"at":"2026-03-23T09:00:01Z","actor":"a","kind":"started","facts":{},"prev":"00"}`},
		{"no facts", `{"seq":1,"at":"2026-03-23T09:00:01Z","actor":"a","kind":"started","facts":null,` + prev},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if s, err := Verify(strings.NewReader(hashed(test.body))); err == nil {
				t.Errorf("got %+v, want a refusal", s)
			}
		})
	}
	good := `{"seq":1,"at":"2026-03-23T09:00:01Z","actor":"a","kind":"started","facts":{},` + prev
	if s, err := Verify(strings.NewReader(hashed(good))); err != nil || s.Entries != 1 {
		t.Errorf("the proper form: got %+v, %v", s, err)
	}
}

// FuzzVerify: no bytes make it panic, and what it takes is what an entry's writer would write.
func FuzzVerify(f *testing.F) {
	e := Entry{Seq: 1, At: nine, Actor: "a", Kind: Started, Facts: map[string]any{"n": int64(1), "s": "x"}, Prev: noHash}
	first, hash, _ := e.encode()
	e.Seq, e.Prev = 2, hash
	second, _, _ := e.encode()
	f.Add(append(bytes.Clone(first), second...))
	f.Add(first)
	f.Add(first[:len(first)-1])
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"seq":1,"hash":"` + noHash + "\"}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var again []byte
		s, err := Read(bytes.NewReader(text), func(e Entry) error {
			line, hash, err := e.encode()
			if hash != e.Hash {
				t.Errorf("got the hash %s, want %s", e.Hash, hash)
			}
			again = append(again, line...)
			return err
		})
		if err == nil && !bytes.Equal(again, text) {
			t.Errorf("got %q taken, which is written as %q", text, again)
		}
		if !bytes.HasPrefix(text, again) || s.Entries != bytes.Count(again, []byte{'\n'}) {
			t.Errorf("got %+v for %q", s, text)
		}
	})
}

func TestReadingThatFailsIsNoDamage(t *testing.T) {
	_, err := Verify(io.MultiReader(strings.NewReader(""), failing{}))
	var broken *BrokenError
	if err == nil || errors.As(err, &broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("no such luck") }
