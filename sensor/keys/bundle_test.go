package keys

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

func TestEverySensorGetsItsBundle(t *testing.T) {
	store := testStore(t, 0)
	bundles, err := NewBundles(store, testSeed(0), wednesday, testOptOut())
	if err != nil {
		t.Fatal(err)
	}
	if len(bundles) != 3 {
		t.Fatalf("got %d bundles, want 3", len(bundles))
	}
	for i, want := range []struct {
		sensor, zone string
		entrance     bool
	}{{"door", "front", true}, {"till", "front", false}, {"shelf", "back", false}} {
		path := filepath.Join(t.TempDir(), "bundle")
		if err := bundles[i].Write(path); err != nil {
			t.Fatal(err)
		}
		b, err := ReadBundle(path)
		if err != nil {
			t.Fatal(err)
		}
		if b.Sensor != want.sensor || b.Zone != want.zone || b.Entrance != want.entrance || b.Day() != wednesday {
			t.Errorf("got sensor %s in %s, entrance %v, want %v", b.Sensor, b.Zone, b.Entrance, want)
		}
		if b.Store != "mall" || b.Name != "The Mall" || b.TimeZone != "Europe/Berlin" || b.Policy != wire.Policy_POLICY_STANDARD || b.ReturnEpsilon != 1.5 {
			t.Errorf("got site %+v, want that of stores.yaml", b.Site)
		}
		if b.Calendar.Location().String() != "Europe/Berlin" {
			t.Errorf("got calendar of %v, want Europe/Berlin", b.Calendar.Location())
		}
		if *b.chain != *bundles[0].chain || b.issue != bundles[0].issue {
			t.Error("two sensors of a store have different chains")
		}
	}
}

func TestImport(t *testing.T) {
	write := func(t *testing.T, store, sensor int, seed Seed, day calendar.Day) string {
		t.Helper()
		bundles, err := NewBundles(testStore(t, store), seed, day, testOptOut())
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "bundle")
		if err := bundles[sensor].Write(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, row := range []struct {
		name   string
		bundle func(t *testing.T) string
		ahead  calendar.Day // of the state that stands already
		want   string       // part of the error; empty = it works
	}{
		{"the same bundle again, as after a crash", func(t *testing.T) string { return write(t, 0, 0, testSeed(0), wednesday) }, 0, ""},
		{"a new seed for the store", func(t *testing.T) string { return write(t, 0, 0, testSeed(5), wednesday+3) }, 2, ""},
		{"a bundle older than the state", func(t *testing.T) string { return write(t, 0, 0, testSeed(0), wednesday) }, 1, "older"},
		{"another sensor's", func(t *testing.T) string { return write(t, 0, 1, testSeed(0), wednesday) }, 0, "sensor till"},
		{"another store's", func(t *testing.T) string { return write(t, 1, 0, testSeed(0), wednesday) }, 0, "store kiosk"},
		{"a missing one", func(t *testing.T) string { return filepath.Join(t.TempDir(), "none") }, 0, "no such file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			standing, path := imported(t, testSeed(0), 0, wednesday)
			advance(t, standing, wednesday+row.ahead)
			before, bundle := readAll(t, path), row.bundle(t)
			s, err := Import(bundle, path)
			if row.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if _, err := os.Stat(bundle); !errors.Is(err, fs.ErrNotExist) {
					t.Error("the bundle still stands after its import")
				}
				loaded, err := Load(path)
				if err != nil || *loaded.chain != *s.chain || loaded.Site().Sensor != "door" || loaded.Issue() != s.Issue() {
					t.Errorf("got %v and another state than was imported", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
			if !bytes.Equal(readAll(t, path), before) {
				t.Error("a refused import changed the state")
			}
			if _, err := os.Stat(bundle); err != nil && row.name != "a missing one" {
				t.Error("a refused bundle was destroyed")
			}
		})
	}
}

func TestImportRefusesOnePathForBoth(t *testing.T) {
	_, state := imported(t, testSeed(0), 0, wednesday)
	if _, err := Import(state, state); err == nil || !strings.Contains(err.Error(), "same path") {
		t.Errorf("got %v, want an error about the path", err)
	}
	if _, err := Import("none", "./none"); err == nil || !strings.Contains(err.Error(), "same path") {
		t.Errorf("got %v, want an error about the path", err)
	}
}

func TestAnImportedBundleIsOverwrittenBeforeItGoes(t *testing.T) {
	bundles, err := NewBundles(testStore(t, 0), testSeed(0), wednesday, testOptOut())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bundle, link := filepath.Join(dir, "bundle"), filepath.Join(dir, "link")
	if err := bundles[0].Write(bundle); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(bundle, link); err != nil {
		t.Skipf("no hard links here, which would show the blocks after the removal: %v", err)
	}
	if _, err := Import(bundle, filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	if !zero(readAll(t, link)) {
		t.Error("the blocks of an imported bundle still hold it")
	}
}

func TestSecretFilesAreForTheirOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file modes on Windows")
	}
	s, path := imported(t, testSeed(0), 0, wednesday)
	dir := t.TempDir()
	bundles, err := NewBundles(testStore(t, 0), testSeed(0), wednesday, testOptOut())
	if err != nil {
		t.Fatal(err)
	}
	if err := bundles[0].Write(filepath.Join(dir, "bundle")); err != nil {
		t.Fatal(err)
	}
	if err := testOptOut().Write(filepath.Join(dir, "optout")); err != nil {
		t.Fatal(err)
	}
	check := func(path string) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s: got mode %v, want 0600", filepath.Base(path), info.Mode())
		}
	}
	check(path)
	check(filepath.Join(dir, "bundle"))
	check(filepath.Join(dir, "optout"))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	advance(t, s, wednesday+1)
	check(path)
}

func TestSecretFilesOverwriteNothing(t *testing.T) {
	bundles, err := NewBundles(testStore(t, 0), testSeed(0), wednesday, testOptOut())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := bundles[0].Write(path); err == nil {
		t.Error("a bundle overwrote a file")
	}
	if err := testOptOut().Write(path); err == nil {
		t.Error("an opt-out key overwrote a file")
	}
	if got := string(readAll(t, path)); got != "precious" {
		t.Errorf("got %q, want the file untouched", got)
	}
}

func TestOptOutKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "optout")
	if err := testOptOut().Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := LoadOptOutKey(path)
	if err != nil || *got.k != *testOptOut().k {
		t.Fatalf("got another key and %v, want the one written", err)
	}
	for name, text := range map[string]string{
		"empty": "", "short": "00ff", "zeros": strings.Repeat("0", 64), "no digits": strings.Repeat("z", 64), "long": strings.Repeat("1", 300),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOptOutKey(path); err == nil {
			t.Errorf("%s: got a key, want an error", name)
		}
	}
}

func TestNewBundlesRefuses(t *testing.T) {
	store, wiped := testStore(t, 0), testSeed(0)
	wiped.Wipe()
	extended := *store
	extended.Policy = wire.Policy_POLICY_EXTENDED
	for name, call := range map[string]func() ([]Bundle, error){
		"a wiped seed":       func() ([]Bundle, error) { return NewBundles(store, wiped, wednesday, testOptOut()) },
		"no seed":            func() ([]Bundle, error) { return NewBundles(store, Seed{}, wednesday, testOptOut()) },
		"no opt-out key":     func() ([]Bundle, error) { return NewBundles(store, testSeed(0), wednesday, OptOutKey{}) },
		"a day before 2020":  func() ([]Bundle, error) { return NewBundles(store, testSeed(0), -1, testOptOut()) },
		"a garbled day":      func() ([]Bundle, error) { return NewBundles(store, testSeed(0), lastDay+1, testOptOut()) },
		"an unissued policy": func() ([]Bundle, error) { return NewBundles(&extended, testSeed(0), wednesday, testOptOut()) },
	} {
		if got, err := call(); err == nil || got != nil {
			t.Errorf("%s: got bundles, want an error", name)
		}
	}
}

func TestDrawing(t *testing.T) {
	a, err := NewStoreSeed(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewStoreSeed(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if *a.k == *b.k {
		t.Error("got the same seed twice")
	}
	if a.issue() == b.issue() {
		t.Error("got the same issue for two seeds")
	}
	for name, source := range map[string]io.Reader{
		"nothing": strings.NewReader(""), "too little": strings.NewReader("31 bytes are one too few, so no"), "zeros": bytes.NewReader(make([]byte, 32)),
	} {
		if _, err := NewStoreSeed(source); err == nil {
			t.Errorf("%s: got a seed, want an error", name)
		}
		if _, err := NewOptOutKey(source); err == nil {
			t.Errorf("%s: got an opt-out key, want an error", name)
		}
		if _, err := Throwaway(wednesday, source); err == nil {
			t.Errorf("%s: got a state, want an error", name)
		}
	}
}
