package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// hashed gives a body its right hash.
func hashed(body string) string {
	sum := sha256.Sum256([]byte(body))
	return strings.TrimSuffix(body, "}") + hashMember + hex.EncodeToString(sum[:]) + "\"}\n"
}

func TestWhatCouldNameADeviceIsRefused(t *testing.T) {
	tests := []struct {
		name string
		fact Fact
	}{
		{"an address with colons", Store.Is("02:00:5e:10:00:01")},
		{"one with dashes", Store.Is("02-00-5e-10-00-01")},
		{"one with points", Place.Is("0200.5e10.0001")},
		{"one without", Sensor.Is("02005e100001")},
		{"one within a name", Sensor.Is("door-02005e100001")},
		{"an id in hexadecimal digits", Version.Is("9f86d081884c7d65")},
		{"an id in decimal ones", Version.Is("11493485293120932")},
		{"an id as a count", Records.Is(11493485293120932)},
		{"an address as a count", Records.Is(0x02005e100001)},
		{"a count below zero", Records.Is(-1)},
		{"an SSID with a space", Store.Is("Cafe Central")},
		{"capital letters", Store.Is("CAFE")},
		{"a text of two lines", Store.Is("a\nb")},
		{"nothing", Store.Is("")},
		{"64 letters", Store.Is(strings.Repeat("z", 64))},
		{"a word outside the list", Verdict.Is("perhaps")},
		{"a policy outside the list", Policy.Is("everything")},
		{"a choice that there is not", Choice("mood").Is("ok")},
		{"a time of eleven years", Limit.Is(11 * 366 * 24 * time.Hour)},
		{"a time below zero", OldestAge.Is(-time.Second)},
		{"a day of long ago", Day.Is(-1000)},
		{"no name", Fact{}},
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := l.Append(Started, test.fact)
			if err == nil {
				t.Fatal("got it written, want a refusal")
			}
			if s, ok := test.fact.value.(string); ok && len(s) > 4 && strings.Contains(err.Error(), s) {
				t.Errorf("got %v, which repeats what was refused", err)
			}
		})
	}
	if err := l.Append(Kind("gossip")); err == nil {
		t.Error("a kind that there is not: got it written, want a refusal")
	}
	if err := l.Append(Started, Store.Is("a"), Store.Is("b")); err == nil {
		t.Error("a fact twice: got it written, want a refusal")
	}
	if text, err := os.ReadFile(path); err != nil || len(text) > 0 {
		t.Errorf("got %q, %v, want nothing written", text, err)
	}
}

func TestWhatAFactMaySay(t *testing.T) {
	day, err := calendar.ParseDay("2026-03-23")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		fact Fact
		want any
	}{
		{"a store", Store.Is("store-0042"), "store-0042"},
		{"a topic", Place.Is("footfall.sightings.v1"), "footfall.sightings.v1"},
		{"a table", Place.Is("pub_sensor_5min"), "pub_sensor_5min"},
		{"a count", Tags.Is(1_000_000), int64(1_000_000)},
		{"a time", Limit.Is(90 * time.Minute), int64(5400)},
		{"a day", Day.Is(day), "2026-03-23"},
		{"a release", Software.Is("v1.2.3"), "v1.2.3"},
		{"a build", Software.Is("v0.0.0-20261123080803-73045f721aab"), "unreleased"},
		{"a role", Role.Is("staff"), "staff"},
		{"a digest", Rules.Is(sha256.Sum256(nil)), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.fact.err != nil || test.fact.value != test.want {
				t.Errorf("got %v, %v, want %v", test.fact.value, test.fact.err, test.want)
			}
		})
	}
}

func TestALogGoesOnAfterARestart(t *testing.T) {
	path, text, before := written(t)
	l := open(t, path)
	if got := l.Summary(); got != before {
		t.Errorf("got %+v, want %+v", got, before)
	}
	if err := l.Append(KeysMade, Store.Is("mall")); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(after, text) {
		t.Fatalf("got %q, %v, want the old lines and one more", after, err)
	}
	if s, err := Verify(bytes.NewReader(after)); err != nil || s.Entries != 6 || s != l.Summary() {
		t.Errorf("got %+v, %v, want %+v", s, err, l.Summary())
	}
}

func TestALineThatACrashCutOffIsSaidToBeMissing(t *testing.T) {
	path, text, _ := written(t)
	lines := bytes.SplitAfter(text, []byte{'\n'})
	whole := len(text) - len(lines[4])
	for _, cut := range []int{whole + 1, whole + len(lines[4])/2, len(text) - 1} {
		if err := os.WriteFile(path, text[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, path)
		if err := l.Append(Started); err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		after, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(after, text[:whole]) {
			t.Fatalf("cut at %d: got %q, %v, want the whole lines kept", cut, after, err)
		}
		var kinds []Kind
		var gone any
		_, err = Read(bytes.NewReader(after), func(e Entry) error {
			kinds = append(kinds, e.Kind)
			if e.Kind == Damaged {
				gone = e.Facts["cut_bytes"]
			}
			return nil
		})
		if err != nil || len(kinds) != 6 || kinds[4] != Damaged || gone != int64(cut-whole) {
			t.Errorf("cut at %d: got %v, %v bytes, %v, want an entry that says how much was cut off", cut, kinds, gone, err)
		}
	}
	if err := os.WriteFile(path, []byte(`{"seq":1`), 0o600); err != nil { // the very first line
		t.Fatal(err)
	}
	if l := open(t, path); l.Summary().Entries != 1 {
		t.Errorf("got %+v, want one entry about what was cut off", l.Summary())
	}
}

func TestADamagedLogIsNotBuiltUpon(t *testing.T) {
	path, text, _ := written(t)
	text[40] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, "aggregate", clock())
	var broken *BrokenError
	if !errors.As(err, &broken) || broken.Line != 1 || !strings.Contains(err.Error(), "keep it as evidence") {
		t.Errorf("got %v, want line 1 named and what to do", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, text) {
		t.Errorf("got %q, %v, want it left as it was", after, err)
	}
}

func TestOneWriterALog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path)
	if _, err := Open(path, "keys", clock()); err == nil || !strings.Contains(err.Error(), "file of its own") {
		t.Errorf("got %v, want a refusal", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(Started); err == nil {
		t.Error("after Close: got an entry written, want an error")
	}
	if again := open(t, path); again.Append(Started) != nil {
		t.Error("the log is not free after Close")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "no", "folder"), "keys", clock()); err == nil {
		t.Error("no folder: got a log, want an error")
	}
	if _, err := Open(path+"2", "Somebody Else", clock()); err == nil {
		t.Error("a name of two words: got a log, want an error")
	}
}

func TestManyWritersOfOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 5 {
				if err := l.Append(Views, Role.Is("public"), Count.Is(int64(i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Verify(bytes.NewReader(text)); err != nil || s.Entries != 40 || s != l.Summary() {
		t.Errorf("got %+v, %v, want 40 entries", s, err)
	}
}

func TestNoLogTakesNothing(t *testing.T) {
	var l *Log
	if err := errors.Join(l.Append(Started), l.Close()); err != nil || l.Summary().Head != noHash {
		t.Errorf("got %v, %+v, want nothing", err, l.Summary())
	}
}

// TestNothingHalfWritten: an entry that could not be written leaves the log as it was.
func TestNothingHalfWritten(t *testing.T) {
	path, text, before := written(t)
	l := open(t, path)
	l.now = func() time.Time { return time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) }
	if err := l.Append(Started); err == nil || !strings.Contains(err.Error(), "set it") {
		t.Errorf("a clock gone wild: got %v, want an error", err)
	}
	_ = l.file.Close() // the disk is gone
	for range 2 {
		l.now = clock()
		if err := l.Append(Started); err == nil {
			t.Error("no disk: got an entry written, want an error")
		}
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(after, text) || l.Summary() != before {
		t.Errorf("got %q, %v, want the log as it was", after, err)
	}
}
