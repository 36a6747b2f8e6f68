package keys

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
)

// noon is noon of a store-day in the store's own time.
func noon(store *stores.Store, day calendar.Day) time.Time {
	return store.Calendar.Start(day).Add(12 * time.Hour)
}

// ringOf is a keyring with the test stores numbered, made on wednesday with the test seeds of the same numbers.
func ringOf(t testing.TB, numbers ...int) *Keyring {
	t.Helper()
	r, err := NewKeyring(testOptOut())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range numbers {
		store := testStore(t, i)
		if err := r.Make(store, noon(store, wednesday), bytes.NewReader(testSeed(byte(i)).k[:])); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// kept is the keyring after a way through its encoding.
func kept(t testing.TB, r *Keyring) *Keyring {
	t.Helper()
	text, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := DecodeKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// issuedTo imports the bundle that the keyring issues to a sensor of the store.
func issuedTo(t testing.TB, r *Keyring, store *stores.Store, sensor string) *State {
	t.Helper()
	bundles, err := r.Issue(store, []string{sensor})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "bundle")
	if err := bundles[0].Write(path); err != nil {
		t.Fatal(err)
	}
	s, err := Import(path, filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// agree says whether two sensors make the same of every address, in every way there is.
func agree(a, b *State) bool {
	x, y := a.Hasher(), b.Hasher()
	epoch := int32(a.Day())*16 + 3
	for _, addr := range testAddresses(20) {
		if x.ID(addr) != y.ID(addr) || x.Buckets(addr) != y.Buckets(addr) || x.Tag(addr) != y.Tag(addr) || x.Class(epoch, addr[:]) != y.Class(epoch, addr[:]) {
			return false
		}
	}
	return true
}

// TestABundleIssuedLaterIsInStepWithTheStoresOtherSensors: a sensor ratchets by itself, the keyring by itself, and a sensor that
// gets its bundle later agrees with the first in every hash. A ring that was opened every day agrees with one that never was.
func TestABundleIssuedLaterIsInStepWithTheStoresOtherSensors(t *testing.T) {
	store := testStore(t, 0)
	for _, ahead := range []calendar.Day{0, 1, 4, 5, 33} {
		for _, daily := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d days, daily %v", ahead, daily), func(t *testing.T) {
				ring := ringOf(t, 1, 0)
				door := issuedTo(t, ring, store, "door")
				for day := wednesday; day <= wednesday+ahead; day++ {
					if !daily && day < wednesday+ahead {
						continue
					}
					ring = kept(t, ring)
					if err := ring.Advance(noon(store, day)); err != nil {
						t.Fatal(err)
					}
				}
				advance(t, door, wednesday+ahead)
				shelf := issuedTo(t, ring, store, "shelf")
				if shelf.Day() != wednesday+ahead || shelf.Issue() != door.Issue() {
					t.Errorf("got day %v and issue %s, want %v and %s", shelf.Day(), shelf.Issue(), wednesday+ahead, door.Issue())
				}
				if !agree(door, shelf) {
					t.Error("the sensor that began and the one that was added disagree")
				}
				if site := shelf.Site(); site.Zone != "back" || site.Name != "The Mall" || site.Hours.Always() {
					t.Errorf("got site %+v, want that of stores.yaml", site)
				}
			})
		}
	}
}

func TestAKeyringBeginsAsBundlesOfTheSameSeedDo(t *testing.T) {
	door, _ := imported(t, testSeed(0), 0, wednesday)
	store := testStore(t, 0)
	if !agree(door, issuedTo(t, ringOf(t, 0), store, "till")) {
		t.Error("one seed, with and without a keyring, has two ids for one address")
	}
}

// TestAnAdvancedKeyringKnowsNoEarlierDay tries every 32 bytes of the keyring's plain text as the day's chain or as its id key.
// On the day itself the search finds the ids, which proves the search.
func TestAnAdvancedKeyringKnowsNoEarlierDay(t *testing.T) {
	store, ring := testStore(t, 0), ringOf(t, 0)
	addr := testAddresses(1)[0]
	id := issuedTo(t, ring, store, "door").Hasher().ID(addr)
	find := func() (found bool) {
		text, err := ring.Encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range decodings(text) {
			for i := 0; i+32 <= len(file); i++ {
				w := file[i : i+32]
				for _, day := range [][]byte{w, refExpand(w, "footfall day chain", 32), refExpand(w, "footfall day next", 32)} {
					found = found || refID(day, addr[:]) == id
				}
			}
		}
		return found
	}
	if !find() {
		t.Fatal("the search finds nothing while the chain is in the keyring: it proves nothing")
	}
	for _, ahead := range []calendar.Day{1, 400} {
		if err := ring.Advance(noon(store, wednesday+ahead)); err != nil {
			t.Fatal(err)
		}
		if find() {
			t.Errorf("%d days later the keyring still gives the first day's ids", ahead)
		}
	}
}

func TestTheKeyringFollowsEachStoresOwnDays(t *testing.T) {
	ring := ringOf(t, 0, 1)
	berlin := testStore(t, 0)
	night := berlin.Calendar.Start(wednesday + 1).Add(time.Minute) // still Wednesday in New York
	if err := ring.Advance(night); err != nil {
		t.Fatal(err)
	}
	if got := ring.Stores(); got[0].Day != wednesday+1 || got[1].Day != wednesday {
		t.Errorf("got %v and %v, want %v and %v", got[0].Day, got[1].Day, wednesday+1, wednesday)
	}
	before := ring.Stores()[0].Day
	if err := ring.Advance(noon(berlin, wednesday)); !errors.Is(err, ErrOlder) {
		t.Errorf("a clock that went back: got %v, want ErrOlder", err)
	}
	if err := ring.Advance(noon(berlin, lastDay+9)); err == nil {
		t.Error("a garbled clock: got no error, want one")
	}
	if got := ring.Stores()[0].Day; got != before {
		t.Errorf("got day %v after refusals, want %v", got, before)
	}
	if err := ring.Advance(noon(berlin, wednesday+20*365)); err != nil {
		t.Errorf("a gap of twenty years: %v", err)
	}
}

func TestRotateGivesOtherIDs(t *testing.T) {
	store, ring := testStore(t, 0), ringOf(t, 0, 1)
	door := issuedTo(t, ring, store, "door")
	old := ring.Stores()[0]
	if err := ring.Rotate(store, noon(store, wednesday+2), rand.Reader); err != nil {
		t.Fatal(err)
	}
	ring = kept(t, ring)
	now := ring.Stores()[0]
	if now.Issue == old.Issue || now.Made != wednesday+2 || now.Day != wednesday+2 || len(now.Issued) != 0 {
		t.Errorf("got %+v, want another issue from %v on, issued to nobody", now, wednesday+2)
	}
	advance(t, door, wednesday+2)
	till := issuedTo(t, ring, store, "till")
	if a := testAddresses(1)[0]; door.Hasher().ID(a) == till.Hasher().ID(a) {
		t.Error("the old seed and the new one give one id")
	}
	if till.Hasher().Tag(testAddresses(1)[0]) != door.Hasher().Tag(testAddresses(1)[0]) {
		t.Error("a new seed changed an opt-out tag, want the organisation's as before")
	}
	if got := ring.Stores()[1]; got.Issue != ringOf(t, 1).Stores()[0].Issue {
		t.Error("another store's seed was rotated too")
	}
}

func TestRetireDestroys(t *testing.T) {
	store, ring := testStore(t, 0), ringOf(t, 0, 1)
	held := ring.stores[0].chain
	if err := ring.Retire("mall"); err != nil {
		t.Fatal(err)
	}
	if held.days != (key{}) || held.weeks != (key{}) {
		t.Error("the chains of a retired store are still in memory")
	}
	ring = kept(t, ring)
	if got := ring.Stores(); len(got) != 1 || got[0].Store != "kiosk" {
		t.Errorf("got %v, want the other store alone", got)
	}
	_, issue := ring.Issue(store, []string{"door"})
	for name, err := range map[string]error{
		"issue": issue, "retire again": ring.Retire("mall"), "rotate": ring.Rotate(store, noon(store, wednesday), rand.Reader),
	} {
		if err == nil || !strings.Contains(err.Error(), "make them with footfall keys make --store mall") {
			t.Errorf("%s: got %v, want an error that says to make keys", name, err)
		}
	}
	if err := ring.Make(store, noon(store, wednesday), rand.Reader); err != nil {
		t.Errorf("make a retired store anew: %v", err)
	}
}

func TestTheKeyringNotesWhoWasIssued(t *testing.T) {
	store, ring := testStore(t, 0), ringOf(t, 0)
	for _, step := range []struct {
		ahead   calendar.Day
		sensors []string
	}{{0, []string{"door", "shelf"}}, {3, []string{"shelf"}}} {
		if err := ring.Advance(noon(store, wednesday+step.ahead)); err != nil {
			t.Fatal(err)
		}
		if _, err := ring.Issue(store, step.sensors); err != nil {
			t.Fatal(err)
		}
		ring = kept(t, ring)
	}
	if _, err := ring.Issue(store, []string{"till", "attic"}); err == nil || !strings.Contains(err.Error(), `"attic"`) {
		t.Errorf("got %v, want an error about the sensor that is not there", err)
	}
	want := []Issued{{"door", wednesday, 1}, {"shelf", wednesday + 3, 2}}
	if got := ring.Stores()[0].Issued; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheKeyringRefuses(t *testing.T) {
	store := testStore(t, 0)
	moved := *store
	moved.Zone = "America/New_York"
	early := store.Calendar.Start(0).Add(-time.Hour)
	for _, row := range []struct {
		name, want string
		do         func(*Keyring) error
	}{
		{"a second seed", "has keys in the keyring already", func(r *Keyring) error { return r.Make(store, noon(store, wednesday), rand.Reader) }},
		{"a day before 2020", "check the clock", func(r *Keyring) error { return r.Make(testStore(t, 1), early, rand.Reader) }},
		{"no randomness", "zero bytes", func(r *Keyring) error {
			return r.Rotate(store, noon(store, wednesday), bytes.NewReader(make([]byte, 32)))
		}},
		{"another time zone", "rotate", func(r *Keyring) error { _, err := r.Issue(&moved, []string{"door"}); return err }},
	} {
		t.Run(row.name, func(t *testing.T) {
			ring := ringOf(t, 0)
			before, err := ring.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if err := row.do(ring); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
			if after, err := ring.Encode(); err != nil || !bytes.Equal(after, before) {
				t.Error("a refusal changed the keyring")
			}
		})
	}
	if _, err := NewKeyring(OptOutKey{}); err == nil {
		t.Error("got a keyring without an opt-out key, want an error")
	}
}

func TestTheKeyringTellsNoKeyToWhoPrintsIt(t *testing.T) {
	ring := ringOf(t, 0)
	chainText := fmt.Sprintf("%x", ring.stores[0].chain.days[:])
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("ring", "value", *ring, "pointer", ring, "stores", ring.Stores())
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %x %s", ring, *ring, ring, ring, *ring), fmt.Sprintf("%+v", ring.Stores()), log.String()} {
		if strings.Contains(text, chainText) || strings.Contains(text, chainText[:16]) {
			t.Errorf("a key is in %q", text)
		}
	}
	if !ring.HasOptOutKey(testOptOut()) || ring.HasOptOutKey(OptOutKey{}) {
		t.Error("the keyring does not know its opt-out key, or takes none for it")
	}
	ring.Wipe()
	if *ring.optOut != (key{}) || len(ring.Stores()) != 0 {
		t.Error("a wiped keyring holds something")
	}
}

func TestDecodeKeyringRefuses(t *testing.T) {
	ring := ringOf(t, 0, 1)
	if _, err := ring.Issue(testStore(t, 0), []string{"door"}); err != nil {
		t.Fatal(err)
	}
	good, err := ring.Encode()
	if err != nil {
		t.Fatal(err)
	}
	chainText := fmt.Sprintf("%x", ring.stores[0].chain.days[:])
	for _, row := range []struct{ name, old, new, want string }{
		{"another kind", "footfall keyring", "footfall bundle", "it is a bundle"},
		{"another version", `"version":1`, `"version":2`, "version 2"},
		{"an unknown field", `"kind"`, `"colour":1,"kind"`, "colour"},
		{"a store twice", `"kiosk"`, `"mall"`, "it is there twice"},
		{"no store's name", `"kiosk"`, `"a kiosk"`, "store: use 1 to 63"},
		{"no such time zone", "America/New_York", "America/Nowhere", "time_zone"},
		{"a key of zeros", chainText, strings.Repeat("0", 64), "day_chain: it is missing"},
		{"a short key", chainText, chainText[2:], "64 hexadecimal digits"},
		{"a garbled key", chainText, "x" + chainText[1:], "no hexadecimal digit"},
		{"made after its day", fmt.Sprintf(`"made":%d`, wednesday), fmt.Sprintf(`"made":%d`, wednesday+1), "made, day"},
		{"issued before it was made", fmt.Sprintf(`"last":%d`, wednesday), `"last":0`, "not of the seed's days"},
		{"issued to no sensor", `"door"`, `"the door"`, "a sensor has no name"},
		{"something behind it", `}]}`, `}]} {}`, "no JSON from byte"},
		{"cut short", `}]}`, ``, "truncated"},
	} {
		t.Run(row.name, func(t *testing.T) {
			i := bytes.LastIndex(good, []byte(row.old))
			if i < 0 {
				t.Fatalf("%q is not in the keyring", row.old)
			}
			text := string(good[:i]) + row.new + string(good[i+len(row.old):])
			r, err := DecodeKeyring([]byte(text))
			if r != nil || err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v and %v, want an error with %q", r, err, row.want)
			}
			if err != nil && strings.Contains(err.Error(), chainText[4:20]) {
				t.Error("the error shows a key")
			}
		})
	}
	if _, err := DecodeKeyring(make([]byte, MaxKeyring+1)); err == nil {
		t.Error("got no error of a text that is too long, want one")
	}
}

func FuzzDecodeKeyring(f *testing.F) {
	ring := ringOf(f, 0, 1)
	if _, err := ring.Issue(testStore(f, 0), []string{"door", "till"}); err != nil {
		f.Fatal(err)
	}
	good, err := ring.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-30])
	f.Add(bytes.ReplaceAll(good, []byte("period_chain"), []byte("issue")))
	f.Add(bytes.ReplaceAll(good, []byte(`"`), nil))
	f.Add([]byte(`{"kind":"footfall keyring","version":1,"stores":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := DecodeKeyring(text)
		if err != nil {
			if r != nil {
				t.Fatal("got a keyring beside an error")
			}
			return
		}
		again := kept(t, r)
		if len(again.stores) != len(r.stores) || *again.optOut != *r.optOut {
			t.Fatal("a keyring changed on its way through")
		}
		for i, s := range r.stores {
			if *again.stores[i].chain != *s.chain || again.stores[i].issue != s.issue || len(again.stores[i].issued) != len(s.issued) {
				t.Fatal("a store changed on its way through")
			}
		}
	})
}
