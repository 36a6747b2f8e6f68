package notice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func newHistory(t *testing.T) *History {
	t.Helper()
	h, err := NewHistory(filepath.Join(t.TempDir(), "notices"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// note expects a version, and whether it is new.
func note(t *testing.T, h *History, f Facts, at time.Time, version int, changed bool) []Change {
	t.Helper()
	got, is, changes, err := h.Note(f, at)
	if err != nil || got != version || is != changed {
		t.Fatalf("got version %d, changed %v, %v, want %d, %v", got, is, err, version, changed)
	}
	return changes
}

func versions(t *testing.T, h *History, store string) Past {
	t.Helper()
	past, err := h.Versions(store)
	if err != nil {
		t.Fatal(err)
	}
	return past
}

func TestAVersionIsMadeWhereTheRulesChange(t *testing.T) {
	h := newHistory(t)
	if past := versions(t, h, "demo"); len(past.Versions) != 0 || past.Damaged != 0 {
		t.Fatalf("got %+v before anything was noted", past)
	}
	in := base(Standard)
	note(t, h, Gather(in), noon, 1, true)
	note(t, h, Gather(in), noon.Add(time.Hour), 1, false)
	in.Registrations, in.Now, in.Sensors[0].Online = 7, noon.Add(14*time.Hour), false
	note(t, h, Gather(in), noon.Add(2*time.Hour), 1, false)
	in.Store.SealAfter = 5 * time.Hour
	changes := note(t, h, Gather(in), noon.Add(24*time.Hour), 2, true)
	if len(changes) != 3 {
		t.Fatalf("got %d changes, want seal_after and both lives: %+v", len(changes), changes)
	}
	c := changes[0]
	if c.Field != "seal_after" || c.Version != 2 || !c.Date.Equal(noon.Add(24*time.Hour).Truncate(time.Second)) {
		t.Errorf("got %+v, want version 2's seal_after", c)
	}
	if got, want := c.In("en"), (Wording{"How much later the day is closed", "4 hours", "5 hours"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := c.In("de"), (Wording{"Wie viel später der Tag abgeschlossen wird", "4 Stunden", "5 Stunden"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := changes[2].In("en"); got.Before != "36 hours and 6 minutes" || got.After != "37 hours and 6 minutes" {
		t.Errorf("got %+v, want the longest life before and after", got)
	}

	again, err := NewHistory(h.dir) // a new process
	if err != nil {
		t.Fatal(err)
	}
	note(t, again, Gather(in), noon.Add(48*time.Hour), 2, false)
	in.Store.Policy, in.Sensors = policyOf(CountOnly), nil
	note(t, again, Gather(in), noon.Add(72*time.Hour), 3, true)
	past := versions(t, again, "demo")
	if len(past.Versions) != 3 || past.Damaged != 0 || past.Versions[2].Number != 3 {
		t.Fatalf("got %+v, want three versions", past)
	}
	all, err := Changes(past)
	if err != nil || len(all) < 6 || all[0].Version != 3 || all[len(all)-1].Version != 2 {
		t.Fatalf("got %d changes, %v, want those of version 3 first", len(all), err)
	}
	for _, c := range all {
		for _, lang := range Languages() {
			if w := c.In(lang); w.Field == "" || w.Before == "" || w.After == "" || w.Before == w.After {
				t.Errorf("%s, %s: got %+v, want words for both, that differ", c.Field, lang, w)
			}
		}
	}
}

func TestStoresHaveFilesOfTheirOwn(t *testing.T) {
	h := newHistory(t)
	f := Gather(base(Standard))
	note(t, h, f, noon, 1, true)
	f.Store = "other"
	note(t, h, f, noon, 1, true)
	info, err := os.Stat(filepath.Join(h.dir, "demo.jsonl"))
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("got %v, %v, want a file that all may read", info, err)
	}
	for _, store := range []string{"", "../demo", "a/b", ".", "Demo", strings.Repeat("a", 64)} {
		f.Store = store
		if _, _, _, err := h.Note(f, noon); err == nil {
			t.Errorf("a version of the store %q was noted", store)
		}
		if _, err := h.Versions(store); err == nil {
			t.Errorf("versions of the store %q were read", store)
		}
	}
}

func TestAHalfWrittenLineIsCutOff(t *testing.T) {
	in := base(Standard)
	h := newHistory(t)
	note(t, h, Gather(in), noon, 1, true)
	path := filepath.Join(h.dir, "demo.jsonl")
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	in.Store.SealAfter = 5 * time.Hour
	note(t, h, Gather(in), noon, 2, true)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cuts := []int{0, 1, len(first) - 1, len(first), len(first) + 1, len(whole) - 1}
	for cut := 2; cut < len(whole); cut += 97 {
		cuts = append(cuts, cut)
	}
	for _, cut := range cuts {
		if err := os.WriteFile(path, whole[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		past := versions(t, h, "demo")
		want, damaged := 0, 0
		if cut >= len(first) {
			want = 1
		}
		if cut != 0 && cut != len(first) {
			damaged = 1
		}
		if len(past.Versions) != want || past.Damaged != damaged {
			t.Fatalf("cut at %d: got %d versions and %d damaged lines, want %d and %d", cut, len(past.Versions), past.Damaged, want, damaged)
		}
		note(t, h, Gather(in), noon, want+1, true)
		if past = versions(t, h, "demo"); past.Damaged != 0 || len(past.Versions) != want+1 {
			t.Fatalf("cut at %d: got %+v after the repair", cut, past)
		}
	}
	if err := os.WriteFile(path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	note(t, h, Gather(in), noon, 2, false)
	if again, _ := os.ReadFile(path); !bytes.Equal(again, whole) {
		t.Error("a file that nothing is wrong with was changed")
	}
}

func TestDamagedLinesAreCountedAndLeft(t *testing.T) {
	line := func(n int, store string, change func(*Version)) string {
		v := Version{Number: n, At: noon, Store: store, Rules: Gather(base(Standard)).Rules}
		if change != nil {
			change(&v)
		}
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw) + "\n"
	}
	for name, row := range map[string]struct {
		text          string
		versions      string
		damaged, next int
	}{
		"empty":                    {"", "[]", 0, 1},
		"two":                      {line(1, "demo", nil) + line(2, "demo", nil), "[1 2]", 0, 3},
		"garbage between":          {line(1, "demo", nil) + "garbage\n" + line(2, "demo", nil), "[1 2]", 1, 3},
		"the second was destroyed": {line(1, "demo", nil) + "{\"version\":2\n" + line(3, "demo", nil), "[1 3]", 1, 4},
		"the last was destroyed":   {line(1, "demo", nil) + "\x00\x00\x00\n", "[1]", 1, 3},
		"a number twice":           {line(1, "demo", nil) + line(1, "demo", nil), "[1]", 1, 3},
		"a number too large":       {line(1, "demo", nil) + line(1<<60, "demo", nil), "[1]", 1, 3},
		"a number below one":       {line(0, "demo", nil) + line(-4, "demo", nil), "[]", 2, 3},
		"another store's":          {line(1, "other", nil), "[]", 1, 2},
		"no rules":                 {line(1, "demo", func(v *Version) { v.Rules = Rules{} }), "[]", 1, 2},
		"half of the last":         {line(1, "demo", nil) + line(2, "demo", nil)[:40], "[1]", 1, 2},
		"an empty line":            {"\n" + line(1, "demo", nil), "[1]", 1, 2},
	} {
		past, whole := parseHistory([]byte(row.text), "demo")
		numbers := []int{}
		for _, v := range past.Versions {
			numbers = append(numbers, v.Number)
		}
		if fmt.Sprint(numbers) != row.versions || past.Damaged != row.damaged || past.next != row.next {
			t.Errorf("%s: got %v, %d damaged, next %d, want %s, %d, %d", name, numbers, past.Damaged, past.next, row.versions, row.damaged, row.next)
		}
		if end := strings.LastIndexByte(row.text, '\n') + 1; whole != end {
			t.Errorf("%s: got whole lines up to %d, want %d", name, whole, end)
		}
	}
}

func TestManyWhoNoteAtOnceMakeOneVersion(t *testing.T) {
	h := newHistory(t)
	f := Gather(base(Standard))
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			if _, _, _, err := h.Note(f, noon); err != nil {
				t.Error(err)
			}
			if _, err := h.Versions(f.Store); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if past := versions(t, h, f.Store); len(past.Versions) != 1 || past.Damaged != 0 {
		t.Errorf("got %+v, want one version", past)
	}
}

func TestWhatCannotBeWrittenIsSaid(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewHistory(filepath.Join(dir, "file", "x")); err == nil || !strings.Contains(err.Error(), "name one that can be written") {
		t.Errorf("got %v, want what to do", err)
	}
	h := newHistory(t)
	if err := os.Mkdir(filepath.Join(h.dir, "demo.jsonl"), 0o700); err != nil {
		t.Fatal(err)
	}
	if version, changed, _, err := h.Note(Gather(base(Standard)), noon); err == nil || version != 0 || changed {
		t.Errorf("got version %d, %v, %v, want an error", version, changed, err)
	}
	if _, err := h.Versions("demo"); err == nil {
		t.Error("a folder was read as versions")
	}
	if _, _, err := readFile(bytes.NewReader(make([]byte, historyMax+1)), "demo"); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("got %v, want what to do about a file without end", err)
	}
}

func FuzzParseHistory(f *testing.F) {
	raw, err := json.Marshal(Version{Number: 1, At: noon, Store: "demo", Rules: Gather(base(Extended)).Rules})
	if err != nil {
		f.Fatal(err)
	}
	one := string(raw) + "\n"
	for _, seed := range []string{"", "\n", "{}\n", one, one + strings.Replace(one, `"version":1`, `"version":2`, 1), one + "half", one[:60], "\x00\n" + one} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		past, whole := parseHistory(raw, "demo")
		if whole > len(raw) || whole > 0 && raw[whole-1] != '\n' {
			t.Fatalf("whole lines end at %d of %d", whole, len(raw))
		}
		lines := bytes.Count(raw, []byte("\n"))
		if len(past.Versions)+past.Damaged < lines || past.next > lines+1 {
			t.Fatalf("%d lines: %d versions, %d damaged, next %d", lines, len(past.Versions), past.Damaged, past.next)
		}
		last := 0
		for _, v := range past.Versions {
			if v.Number <= last || v.Number >= past.next {
				t.Fatalf("version %d after %d, next %d", v.Number, last, past.next)
			}
			last = v.Number
			if len(v.Rules.Digest()) != 64 {
				t.Fatal("rules without a digest")
			}
		}
		if _, err := Changes(past); err != nil && !strings.Contains(err.Error(), `have no "policy.`) {
			t.Fatal(err)
		}
	})
}
