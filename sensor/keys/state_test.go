package keys

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
)

const testStores = `
stores:
  - id: mall
    name: The Mall
    time_zone: Europe/Berlin
    return_epsilon: 1.5
    hours: {mon-fri: "09:00-20:00", sat: "10:00-14:00,15:00-02:00", sun: closed}
    zones:
      - id: front
        sensors: [{id: door, entrance: true}, {id: till}]
      - id: back
        sensors: [{id: shelf}]
  - id: kiosk
    time_zone: America/New_York
    policy: count-only
    zones: [{id: all, sensors: [{id: only}]}]
  - id: club
    time_zone: Europe/Berlin
    policy: extended
    legal_basis: "consent at the desk, decided by A. Person on 2026-01-05"
    zones: [{id: bar, sensors: [{id: left}, {id: right}]}]
`

func testStore(t testing.TB, i int) *stores.Store {
	t.Helper()
	list, err := stores.Parse([]byte(testStores))
	if err != nil {
		t.Fatal(err)
	}
	return &list[i]
}

// imported is a sensor's state, imported from a bundle of the store's own in a folder of its own.
func imported(t testing.TB, seed Seed, sensor int, first calendar.Day) (*State, string) {
	t.Helper()
	return importedOf(t, testStore(t, 0), seed, sensor, first)
}

func importedOf(t testing.TB, store *stores.Store, seed Seed, sensor int, first calendar.Day) (*State, string) {
	t.Helper()
	dir := t.TempDir()
	bundles, err := NewBundles(store, seed, first, testOptOut())
	if err != nil {
		t.Fatal(err)
	}
	bundle, state := filepath.Join(dir, "bundle"), filepath.Join(dir, "keys")
	if err := bundles[sensor].Write(bundle); err != nil {
		t.Fatal(err)
	}
	s, err := Import(bundle, state)
	if err != nil {
		t.Fatal(err)
	}
	return s, state
}

func advance(t testing.TB, s *State, day calendar.Day) {
	t.Helper()
	if err := s.Advance(day); err != nil {
		t.Fatal(err)
	}
}

func TestTwoSensorsOfAStoreRatchetInStep(t *testing.T) {
	door, _ := imported(t, testSeed(0), 0, wednesday)
	shelf, shelfPath := imported(t, testSeed(0), 2, wednesday)
	addrs := testAddresses(20)
	for _, ahead := range []calendar.Day{0, 1, 2, 5, 6, 13, 40} {
		advance(t, door, wednesday+ahead)
		if ahead == 2 || ahead == 6 {
			continue // the other sensor is off and catches up later
		}
		shelf, err := Load(shelfPath) // and it restarts every time
		if err != nil {
			t.Fatal(err)
		}
		advance(t, shelf, wednesday+ahead)
		a, b := door.Hasher(), shelf.Hasher()
		epoch := int32(wednesday+ahead)*16 + 2
		for _, addr := range addrs {
			if a.ID(addr) != b.ID(addr) || a.Buckets(addr) != b.Buckets(addr) || a.Tag(addr) != b.Tag(addr) || a.Class(epoch, addr[:]) != b.Class(epoch, addr[:]) {
				t.Fatalf("%d days ahead: two sensors of one store disagree", ahead)
			}
		}
	}
	if shelf.Day() != wednesday {
		t.Errorf("got day %v of the state left alone, want %v", shelf.Day(), wednesday)
	}
}

// TestTheSameAddressInTwoStoresAndOnTwoDaysHasDifferentIDs covers ids, and that buckets and classes do not carry over either.
func TestTheSameAddressInTwoStoresAndOnTwoDaysHasDifferentIDs(t *testing.T) {
	one, _ := imported(t, testSeed(0), 0, wednesday)
	other, _ := imported(t, testSeed(1), 0, wednesday)
	type place struct {
		store int
		day   calendar.Day
	}
	seen, weeks := map[uint64]place{}, map[uint16]int{}
	addrs := testAddresses(200)
	for day := wednesday; day < wednesday+20; day++ {
		for i, s := range []*State{one, other} {
			advance(t, s, day)
			h := s.Hasher()
			for _, a := range addrs {
				id := h.ID(a)
				if was, twice := seen[id]; twice {
					t.Fatalf("an id of store %d on %v is one of store %d on %v", i, day, was.store, was.day)
				}
				seen[id] = place{i, day}
			}
			weeks[h.Buckets(addrs[0])[0]]++
		}
	}
	if len(weeks) != 8 { // four store-weeks, two stores
		t.Errorf("got %d return buckets of one address in 2 stores and 4 weeks, want 8", len(weeks))
	}
}

func TestOneStepIsDayByDay(t *testing.T) {
	addrs := testAddresses(5)
	for _, ahead := range []calendar.Day{1, 4, 5, 12, MaxGap} { // 5: Monday
		leap, leapPath := imported(t, testSeed(3), 0, wednesday)
		steps, stepsPath := imported(t, testSeed(3), 0, wednesday)
		advance(t, leap, wednesday+ahead)
		for d := calendar.Day(1); d <= ahead; d++ {
			advance(t, steps, wednesday+d)
		}
		if *leap.chain != *steps.chain {
			t.Fatalf("%d days ahead: one step and %d steps disagree", ahead, ahead)
		}
		if a, b := readAll(t, leapPath), readAll(t, stepsPath); !bytes.Equal(a, b) {
			t.Fatalf("%d days ahead: the state files differ", ahead)
		}
		if leap.Hasher().ID(addrs[0]) != steps.Hasher().ID(addrs[0]) {
			t.Fatalf("%d days ahead: the ids differ", ahead)
		}
	}
}

func TestReturnBucketsMoveOnePlaceAWeek(t *testing.T) {
	s, _ := imported(t, testSeed(0), 0, wednesday)
	addrs := testAddresses(10)
	for week := range calendar.Week(8) {
		day := wednesday.Week() + week
		advance(t, s, max(wednesday, day.Monday()))
		before := [10][Weeks]uint16{}
		h := s.Hasher()
		for i, a := range addrs {
			before[i] = h.Buckets(a)
		}
		advance(t, s, day.Sunday())
		sunday := s.Hasher()
		for i, a := range addrs {
			if sunday.Buckets(a) != before[i] {
				t.Fatal("the buckets changed within a week")
			}
		}
		advance(t, s, (day + 1).Monday())
		monday := s.Hasher()
		for i, a := range addrs {
			after := monday.Buckets(a)
			if [4]uint16(after[1:]) != [4]uint16(before[i][:4]) {
				t.Fatalf("got buckets %v a week later, want those of before %v moved by one", after, before[i])
			}
		}
	}
}

func TestAdvanceRefuses(t *testing.T) {
	for _, row := range []struct {
		name  string
		ahead calendar.Day
		want  error
	}{
		{"yesterday", -1, ErrOlder}, {"long ago", -1000, ErrOlder}, {"the same day", 0, nil}, {"tomorrow", 1, nil},
		{"the longest gap", MaxGap, nil}, {"a day more", MaxGap + 1, ErrGap}, {"garbage", 1 << 30, ErrGap},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, path := imported(t, testSeed(0), 0, wednesday)
			before := readAll(t, path)
			err := s.Advance(wednesday + row.ahead)
			if !errors.Is(err, row.want) {
				t.Fatalf("got %v, want %v", err, row.want)
			}
			want := wednesday
			if row.want == nil {
				want += row.ahead
			} else if !bytes.Equal(readAll(t, path), before) {
				t.Error("got another state file after a refusal, want it untouched")
			}
			if s.Day() != want || s.Week() != want.Week() {
				t.Errorf("got day %v, want %v", s.Day(), want)
			}
		})
	}
}

func TestAdvanceWipesTheOldKeysInMemory(t *testing.T) {
	s, _ := imported(t, testSeed(0), 0, wednesday)
	h, a := s.Hasher(), testAddresses(1)[0]
	id := h.ID(a)
	inner, place := h.id.inner, s.chain
	advance(t, s, wednesday+1)
	if !zero(inner) {
		t.Error("got what the old id key left, want zeros")
	}
	if place != s.chain || refID(s.chain.days[:], a[:]) == id {
		t.Error("the old day chain was not overwritten where it stood")
	}
	if !panics(func() { h.ID(a) }) {
		t.Error("got an id from the old day's hasher, want a panic")
	}
	if got := s.Hasher().ID(a); got == id {
		t.Error("got yesterday's id, want another")
	}
}

// TestACrashCannotBringYesterdayBack: when the disk cannot be written, Advance fails and makes nothing of the new day; when it
// returns, the disk has the new day; and what a crash leaves half-written is shredded at the next start.
func TestACrashCannotBringYesterdayBack(t *testing.T) {
	s, path := imported(t, testSeed(0), 0, wednesday)
	a := testAddresses(1)[0]
	today := s.Hasher()
	id := today.ID(a)
	block(t, path+".footfall-partial")
	if err := s.Advance(wednesday + 1); err == nil {
		t.Fatal("got no error from an Advance that could not write, want one")
	}
	if s.Day() != wednesday || today.ID(a) != id {
		t.Error("a failed Advance changed the state")
	}
	unblock(t, path+".footfall-partial")
	advance(t, s, wednesday+1)
	disk, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if disk.Day() != wednesday+1 || disk.Hasher().ID(a) != s.Hasher().ID(a) {
		t.Error("the disk does not have the new day when Advance returns")
	}
	if err := os.WriteFile(path+".footfall-partial", readAll(t, path), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".footfall-partial"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("what a crash left beside the state is still there after a start")
	}
}

// block puts a folder with something in it where a file is to be written: not even root can write there.
func block(t testing.TB, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func unblock(t testing.TB, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
