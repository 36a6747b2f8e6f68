package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/stores"
)

// TestHoursSurviveTheBundle compares every minute of a week, as stores.yaml had it and as the sensor reads it.
func TestHoursSurviveTheBundle(t *testing.T) {
	for name, text := range map[string]map[string]string{
		"always": nil, "never": {}, "plain": {"mon-fri": "09:00-20:00"}, "every minute": {"mon-sun": "00:00-24:00"},
		"pauses": {"tue": "08:15-12:00,12:30-18:01,19:00-19:01"}, "nights": {"fri-sun": "22:00-05:00", "mon": "00:00-24:00"},
		"to midnight": {"wed": "10:00-24:00", "thu": "00:00-00:00"},
	} {
		t.Run(name, func(t *testing.T) {
			want, errs := stores.ParseHours(text)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			got, errs := stores.ParseHours(hoursText(want))
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if got.Always() != want.Always() {
				t.Fatalf("got always %v, want %v", got.Always(), want.Always())
			}
			for m := range 7 * 24 * 60 {
				at := time.Date(2026, 1, 26, 0, m, 0, 0, time.UTC)
				if got.Open(at) != want.Open(at) {
					t.Fatalf("%v: got open %v, want %v (%v)", at, got.Open(at), want.Open(at), hoursText(want))
				}
			}
			if again := hoursText(got); !reflect.DeepEqual(again, hoursText(want)) {
				t.Errorf("got %v the second time, want %v", again, hoursText(want))
			}
		})
	}
}

func TestGarbledFilesErrorClearly(t *testing.T) {
	_, path := imported(t, testSeed(0), 0, wednesday)
	good := readAll(t, path)
	change := func(field string, value any) []byte {
		var f map[string]any
		if err := json.Unmarshal(good, &f); err != nil {
			t.Fatal(err)
		}
		f[field] = value
		if value == nil {
			delete(f, field)
		}
		out, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	secret := strings.Repeat("5e", 31)
	for _, row := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"empty", nil, "truncated"},
		{"text", []byte("hello"), "truncated"},
		{"cut in the middle", good[:len(good)/2], "truncated"},
		{"zeros", make([]byte, len(good)), "truncated"},
		{"two files", append(append([]byte{}, good...), good...), "truncated"},
		{"a bundle", change("kind", kindBundle), "has to be imported"},
		{"another program's", change("kind", "x"), "no footfall key state"},
		{"a later version", change("version", 2), "version 2"},
		{"an unknown field", change("colour", "red"), "colour"},
		{"no key", change("day_chain", nil), "day_chain"},
		{"a zero key", change("week_chain", strings.Repeat("0", 64)), "week_chain"},
		{"a short key", change("opt_out_key", secret), "64 hexadecimal digits"},
		{"a garbled key", change("day_chain", secret+"zz"), "no hexadecimal digit"},
		{"a key of the wrong kind", change("day_chain", 5), "day_chain"},
		{"a day of text", change("day", secret), "day"},
		{"a day before 2020", change("day", -3), "day"},
		{"a huge day", change("day", 40000), "day"},
		{"no store", change("store", ""), "store"},
		{"an odd store", change("store", "../etc"), "store"},
		{"no sensor", change("sensor", nil), "sensor"},
		{"no zone", change("zone", nil), "zone"},
		{"no name", change("name", nil), "name"},
		{"no such time zone", change("time_zone", "Mars/Base"), "time_zone"},
		{"no policy", change("policy", nil), "policy"},
		{"the extended policy without its keys", change("policy", "extended"), "period_chain: it is missing"},
		{"keys of return ids in a standard store", change("period_chain", strings.Repeat("5e", 32)), "period_chain: it belongs"},
		{"too large an epsilon", change("return_epsilon", 3.01), "return_epsilon"},
		{"no epsilon", change("return_epsilon", 0), "return_epsilon"},
		{"a seal_after below zero", change("seal_after", "-1s"), "seal_after"},
		{"a seal_after of more than a day", change("seal_after", "24h1s"), "seal_after"},
		{"a seal_after without a unit", change("seal_after", "4"), "seal_after"},
		{"a seal_after that is a number", change("seal_after", 4), "seal_after"},
		{"a seal_after that is a key", change("seal_after", secret), "seal_after"},
		{"odd hours", change("hours", map[string]string{"mon": "9-5"}), "hours of mon"},
		{"an odd issue", change("issue", "x"), "issue"},
		{"too long", bytes.Repeat([]byte(" "), maxFile+1), "longer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := os.WriteFile(path, row.raw, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Fatalf("got %v, want an error with %q", err, row.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Error("the error repeats a key")
			}
			if _, err := Import(path+"-none", path); err == nil {
				t.Error("got an import over a garbled state, want an error")
			}
		})
	}
	if _, err := Load(path + "-none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v, want fs.ErrNotExist", err)
	}
}

// oldState is a key state as version 1 was written before it knew seal_after.
const oldState = `{
  "kind": "footfall key state",
  "version": 1,
  "issue": "0123456789abcdef",
  "store": "mall",
  "name": "The Mall",
  "time_zone": "Europe/Berlin",
  "hours": null,
  "policy": "standard",
  "return_epsilon": 2,
  "zone": "front",
  "sensor": "door",
  "entrance": true,
  "day": 2219,
  "day_chain": "1111111111111111111111111111111111111111111111111111111111111111",
  "week_chain": "2222222222222222222222222222222222222222222222222222222222222222",
  "opt_out_key": "3333333333333333333333333333333333333333333333333333333333333333"
}
`

// TestAFileOfBeforeSealAfterMeansFourHours: it is read, and what is written for four hours is what it always was.
func TestAFileOfBeforeSealAfterMeansFourHours(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(oldState), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Site().SealAfter; got != 4*time.Hour {
		t.Errorf("got %v, want %v", got, 4*time.Hour)
	}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	if got := string(readAll(t, path)); got != oldState {
		t.Errorf("got another text:\n%s\nwant the one of before:\n%s", got, oldState)
	}
	if sealAfterUnsaid != stores.DefaultSealAfter {
		t.Errorf("a store without seal_after has %v, and a bundle without it means %v", stores.DefaultSealAfter, sealAfterUnsaid)
	}
}

func TestSealAfterReachesTheSensor(t *testing.T) {
	for _, row := range []struct {
		name string
		set  time.Duration
		want string // in the file
	}{
		{"at once", 0, "0s"}, {"half an hour", 30 * time.Minute, "30m0s"}, {"the default", 4 * time.Hour, ""}, {"a day", 24 * time.Hour, "24h0m0s"},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := testStore(t, 0)
			store.SealAfter = row.set
			bundles, err := NewBundles(store, testSeed(0), wednesday, testOptOut())
			if err != nil {
				t.Fatal(err)
			}
			bundle, state := filepath.Join(t.TempDir(), "bundle"), filepath.Join(t.TempDir(), "keys")
			if err := bundles[1].Write(bundle); err != nil {
				t.Fatal(err)
			}
			var written struct {
				SealAfter string `json:"seal_after"`
			}
			if err := json.Unmarshal(readAll(t, bundle), &written); err != nil || written.SealAfter != row.want {
				t.Errorf("got %q and %v in the bundle, want %q", written.SealAfter, err, row.want)
			}
			if _, err := Import(bundle, state); err != nil {
				t.Fatal(err)
			}
			s, err := Load(state)
			if err != nil {
				t.Fatal(err)
			}
			advance(t, s, wednesday+1)
			if s, err = Load(state); err != nil {
				t.Fatal(err)
			}
			if got := s.Site().SealAfter; got != row.set {
				t.Errorf("got %v after the import and a day, want %v", got, row.set)
			}
		})
	}
	for _, seal := range []time.Duration{-time.Second, 24*time.Hour + 1} {
		store := testStore(t, 0)
		store.SealAfter = seal
		if _, err := NewBundles(store, testSeed(0), wednesday, testOptOut()); err == nil || !strings.Contains(err.Error(), "seal_after") {
			t.Errorf("seal_after of %v: got %v, want an error", seal, err)
		}
	}
}

func TestAGarbledStateStopsAnImport(t *testing.T) {
	_, path := imported(t, testSeed(0), 0, wednesday)
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	bundles, err := NewBundles(testStore(t, 0), testSeed(0), wednesday, testOptOut())
	if err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(t.TempDir(), "bundle")
	if err := bundles[0].Write(bundle); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(bundle, path); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
}

func FuzzDecode(f *testing.F) {
	bundles, err := NewBundles(testStore(f, 0), testSeed(0), wednesday, testOptOut())
	if err != nil {
		f.Fatal(err)
	}
	for _, kind := range []string{kindBundle, kindState} {
		good, err := encode(kind, bundles[0].issue, &bundles[0].Site, bundles[0].chain)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(good, kind == kindState)
		f.Add(bytes.Replace(good, []byte("{\n"), []byte("{\n\"seal_after\": \"90m\",\n"), 1), kind == kindState)
		f.Add(good[:len(good)-40], kind == kindState)
		f.Add(bytes.ReplaceAll(good, []byte(`"`), nil), kind == kindState)
	}
	extended, err := NewBundles(testStore(f, 2), testSeed(0), wednesday, testOptOut())
	if err != nil {
		f.Fatal(err)
	}
	good, err := encode(kindBundle, extended[0].issue, &extended[0].Site, extended[0].chain)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, false)
	f.Add(bytes.Replace(good, []byte("extended"), []byte("standard"), 1), false)
	f.Add([]byte(`{"kind":"footfall bundle","version":1}`), false)
	f.Fuzz(func(t *testing.T, raw []byte, state bool) {
		kind := kindBundle
		if state {
			kind = kindState
		}
		b, err := decode(kind, raw)
		if err != nil {
			if b != nil {
				t.Fatal("got a bundle beside an error")
			}
			return
		}
		again, err := encode(kind, b.issue, &b.Site, b.chain)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		c, err := decode(kind, again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if *c.chain != *b.chain || c.SealAfter != b.SealAfter || c.Store != b.Store || c.Sensor != b.Sensor || c.issue != b.issue {
			t.Fatal("a file changed on its way through")
		}
	})
}
