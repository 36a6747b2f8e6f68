package keys

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// pair is an address's two return ids.
type pair struct {
	now, before uint64
	ok          bool
}

func returnIDs(s *State, n int) (out []pair) {
	h := s.Hasher()
	for _, a := range testAddresses(n) {
		var p pair
		p.now, p.before, p.ok = h.ReturnIDs(a)
		out = append(out, p)
	}
	return out
}

// TestAReturnIDIsGoodForTwentyEightDays: day by day over four periods, in two sensors of a store of which one is often off. Within a
// period nothing changes; when it turns, what was this period's is the one's before, and what was before is gone.
func TestAReturnIDIsGoodForTwentyEightDays(t *testing.T) {
	club := testStore(t, 2)
	left, _ := importedOf(t, club, testSeed(0), 0, wednesday)
	right, _ := importedOf(t, club, testSeed(0), 1, wednesday)
	was := returnIDs(left, 5)
	turns := 0
	for day := wednesday + 1; day < wednesday+4*28; day++ {
		advance(t, left, day)
		now := returnIDs(left, 5)
		for i := range now {
			if !now[i].ok || now[i].now == now[i].before {
				t.Fatalf("%v: got %v, want two return ids", day, now[i])
			}
			switch {
			case day%28 != 0 && now[i] != was[i]:
				t.Fatalf("%v: the return ids changed within a period", day)
			case day%28 == 0 && (now[i].before != was[i].now || now[i].now == was[i].now || now[i].now == was[i].before):
				t.Fatalf("%v: got %v after %v, want a new one and the one of before", day, now[i], was[i])
			}
		}
		if day%28 == 0 {
			turns++
		}
		if was = now; day%9 == 0 {
			advance(t, right, day)
			if got := returnIDs(right, 5); got[0] != now[0] || got[4] != now[4] {
				t.Fatalf("%v: two sensors of one store disagree", day)
			}
		}
	}
	if turns != 4 {
		t.Errorf("got %d turns of periods, want 4", turns)
	}
}

func TestOnlyAnExtendedStoreHasReturnIDs(t *testing.T) {
	mall, mallPath := imported(t, testSeed(0), 0, wednesday)
	kiosk, kioskPath := importedOf(t, testStore(t, 1), testSeed(0), 0, wednesday)
	club, clubPath := importedOf(t, testStore(t, 2), testSeed(0), 0, wednesday)
	try, err := Throwaway(wednesday, rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		s    *State
		path string
		want bool
	}{{"standard", mall, mallPath, false}, {"count-only", kiosk, kioskPath, false}, {"extended", club, clubPath, true}, {"try", try, "", false}} {
		t.Run(row.name, func(t *testing.T) {
			for _, ahead := range []calendar.Day{0, 1, 30} {
				advance(t, row.s, wednesday+ahead)
				if got := returnIDs(row.s, 1)[0]; got.ok != row.want || !got.ok && got != (pair{}) {
					t.Errorf("got %v, want return ids: %v", got, row.want)
				}
			}
			if row.path == "" {
				return
			}
			if got := bytes.Contains(readAll(t, row.path), []byte("period_chain")); got != row.want {
				t.Errorf("got a period chain in the state: %v, want %v", got, row.want)
			}
		})
	}
}

// TestReturnIDsOfADestroyedPeriodCannotBeRecomputed tries every 32 bytes of the sensor's disk as a period's chain or key. While the
// period lives, or is the one before, the same search finds its return ids, which proves the search.
func TestReturnIDsOfADestroyedPeriodCannotBeRecomputed(t *testing.T) {
	s, path := importedOf(t, testStore(t, 2), testSeed(0), 0, wednesday)
	addr := testAddresses(1)[0]
	id := returnIDs(s, 1)[0].now
	find := func() (found bool) {
		for _, file := range folder(t, path) {
			for _, text := range decodings(file) {
				for i := 0; i+32 <= len(text); i++ {
					w := text[i : i+32]
					found = found || binary.BigEndian.Uint64(refHMAC(w, addr[:])) == id
					for range 3 { // as the chain of this period, or of one or two before
						found = found || binary.BigEndian.Uint64(refReturnID(w, addr[:])) == id
						w = refExpand(w, "footfall period next", 32)
					}
				}
			}
		}
		return found
	}
	first := period(wednesday)
	for _, row := range []struct {
		name string
		day  calendar.Day
		want bool
	}{
		{"its own", wednesday, true}, {"its last day", calendar.Day(28*(first+1) - 1), true}, {"the period after", calendar.Day(28 * (first + 1)), true},
		{"the last day of that", calendar.Day(28*(first+2) - 1), true}, {"the one after that", calendar.Day(28 * (first + 2)), false},
		{"a month later", calendar.Day(28 * (first + 3)), false},
	} {
		advance(t, s, row.day)
		if got := find(); got != row.want {
			t.Errorf("%s: got the return id recomputed from the disk: %v, want %v", row.name, got, row.want)
		}
	}
}

func TestAnExtendedStoreNeedsALegalBasisForItsBundles(t *testing.T) {
	club := testStore(t, 2)
	club.LegalBasis = ""
	if _, err := NewBundles(club, testSeed(0), wednesday, testOptOut()); err == nil || !strings.Contains(err.Error(), "record it in stores.yaml under legal_basis") {
		t.Errorf("got %v, want an error that says where to record it", err)
	}
	ring := ringOf(t, 2)
	if _, err := ring.Issue(club, []string{"left"}); err == nil || !strings.Contains(err.Error(), "legal_basis") {
		t.Errorf("from a keyring: got %v, want an error that says where to record it", err)
	}
	if len(ring.Stores()[0].Issued) != 0 {
		t.Error("a refused bundle was noted as issued")
	}
}

// TestSwitchingThePolicyTakesNewBundles: the keys are the same, and what a sensor may make of them is in its bundle.
func TestSwitchingThePolicyTakesNewBundles(t *testing.T) {
	club := testStore(t, 2)
	plain := *club
	plain.Policy, plain.LegalBasis = wire.Policy_POLICY_STANDARD, ""
	ring := ringOf(t, 2)
	before := issuedTo(t, ring, &plain, "left")
	after := issuedTo(t, ring, club, "left")
	if !agree(before, after) {
		t.Error("the policy changed ids, buckets, tags or classes")
	}
	if returnIDs(before, 1)[0].ok || !returnIDs(after, 1)[0].ok {
		t.Error("got return ids under standard, or none under extended")
	}
	dir := t.TempDir()
	bundles, err := ring.Issue(&plain, []string{"left"})
	if err != nil {
		t.Fatal(err)
	}
	if err := bundles[0].Write(filepath.Join(dir, "bundle")); err != nil {
		t.Fatal(err)
	}
	back, err := Import(filepath.Join(dir, "bundle"), after.path)
	if err != nil {
		t.Fatal(err)
	}
	if returnIDs(back, 1)[0].ok || bytes.Contains(readAll(t, after.path), []byte("period_chain")) {
		t.Error("the keys of return ids are still there after a bundle under standard")
	}
}

// TestAKeyringIssuesExtendedBundlesInStep, months after the first ones.
func TestAKeyringIssuesExtendedBundlesInStep(t *testing.T) {
	club := testStore(t, 2)
	ring := ringOf(t, 0, 2)
	left := issuedTo(t, ring, club, "left")
	for _, ahead := range []calendar.Day{20, 21, 49, 84} { // the store's first period ends after 20 more days
		if err := ring.Advance(noon(club, wednesday+ahead)); err != nil {
			t.Fatal(err)
		}
		ring = kept(t, ring)
		advance(t, left, wednesday+ahead)
		right := issuedTo(t, ring, club, "right")
		if a, b := returnIDs(left, 5), returnIDs(right, 5); a[0] != b[0] || a[4] != b[4] || !a[0].ok {
			t.Errorf("%d days later: got return ids %v and %v, want them alike", ahead, a[0], b[0])
		}
	}
}

// TestAKeyringOfBeforeExtendedIsReadAndAsksForRotation: it has no chain of periods, and none can be made without a seed.
func TestAKeyringOfBeforeExtendedIsReadAndAsksForRotation(t *testing.T) {
	club, mall := testStore(t, 2), testStore(t, 0)
	text, err := ringOf(t, 0, 2).Encode()
	if err != nil {
		t.Fatal(err)
	}
	old := regexp.MustCompile(`"period_chain":"[0-9a-f]*",`).ReplaceAll(text, nil)
	if len(old) == len(text) {
		t.Fatal("there is no period chain to leave out: the test proves nothing")
	}
	ring, err := DecodeKeyring(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Advance(noon(club, wednesday+30)); err != nil {
		t.Fatal(err)
	}
	if again, err := ring.Encode(); err != nil || bytes.Contains(again, []byte("period_chain")) {
		t.Errorf("got a chain made of nothing, %v", err)
	}
	if _, err := ring.Issue(club, []string{"left"}); err == nil || !strings.Contains(err.Error(), "footfall keys rotate --store club") {
		t.Errorf("got %v, want an error that says to rotate", err)
	}
	plain := issuedTo(t, ring, mall, "door")
	if returnIDs(plain, 1)[0].ok {
		t.Error("got return ids under standard, want none")
	}
	if err := ring.Rotate(club, noon(club, wednesday+30), rand.NewChaCha8([32]byte{2})); err != nil {
		t.Fatal(err)
	}
	if s := issuedTo(t, kept(t, ring), club, "left"); !returnIDs(s, 1)[0].ok {
		t.Error("got no return ids after rotation, want them")
	}
	if _, err := DecodeKeyring(bytes.Replace(text, regexp.MustCompile(`"period_chain":"([0-9a-f]*)`).FindSubmatch(text)[1], bytes.Repeat([]byte("0"), 64), 1)); err == nil || !strings.Contains(err.Error(), "period_chain") {
		t.Errorf("a chain of zeros: got %v, want an error", err)
	}
}

func TestAnAdvancedKeyringKnowsNoEarlierPeriod(t *testing.T) {
	club, ring := testStore(t, 2), ringOf(t, 2)
	held := ring.stores[0].chain.periods
	if err := ring.Advance(noon(club, wednesday+28)); err != nil {
		t.Fatal(err)
	}
	text, err := ring.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range decodings(text) {
		if bytes.Contains(file, held[:]) {
			t.Error("the chain of a period that is over is still in the keyring")
		}
	}
	ring.stores[0].chain.wipe()
	if ring.stores[0].chain.hasPeriods() {
		t.Error("a wiped chain has its periods' key")
	}
}

func TestReturnIDsAllocateNothing(t *testing.T) {
	s, _ := importedOf(t, testStore(t, 2), testSeed(0), 0, wednesday)
	h, a := s.Hasher(), testAddresses(1)[0]
	if got := testing.AllocsPerRun(100, func() { h.ReturnIDs(a) }); got != 0 {
		t.Errorf("got %v allocations a call, want none", got)
	}
	advance(t, s, wednesday+1)
	if !zero(h.periods[0].inner) || !zero(h.periods[1].outer) || !panics(func() { h.ReturnIDs(a) }) {
		t.Error("a hasher of the day before still makes return ids")
	}
}

// TestAnExtendedFileSurvives: the state of a sensor of an extended store is read back as it was written.
func TestAnExtendedFileSurvives(t *testing.T) {
	s, path := importedOf(t, testStore(t, 2), testSeed(0), 0, wednesday)
	advance(t, s, wednesday+30)
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if *again.chain != *s.chain || again.Site().Policy != wire.Policy_POLICY_EXTENDED {
		t.Error("the state changed on its way through")
	}
	var f map[string]any
	if err := json.Unmarshal(readAll(t, path), &f); err != nil {
		t.Fatal(err)
	}
	if f["policy"] != "extended" || len(f["period_chain"].(string)) != 64 {
		t.Errorf("got policy %v and a chain of the wrong length, want extended and 64 digits", f["policy"])
	}
	for key := range f {
		if strings.Contains(key, "legal") {
			t.Error("the legal basis is in the sensor's state, want it in stores.yaml alone")
		}
	}
}
