package keys

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// testAddresses are seeded stable addresses.
func testAddresses(n int) []hwaddr.Addr {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]hwaddr.Addr, n)
	for i := range out {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], r.Uint64())
		copy(out[i][:], b[:])
		out[i][0] &^= 3
	}
	return out
}

func testChain() *chain { return testSeed(0).chain(wednesday, *testOptOut().k) }

func TestMACAgreesWithCryptoHMAC(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	d := newDigest()
	for range 200 {
		var k key
		for i := range k {
			k[i] = byte(r.Uint32())
		}
		message := make([]byte, r.IntN(200))
		for i := range message {
			message[i] = byte(r.Uint32())
		}
		var got [sha256.Size]byte
		newMAC(d, &k).sum(d, message, &got)
		h := hmac.New(sha256.New, k[:])
		h.Write(message)
		if want := h.Sum(nil); !bytes.Equal(got[:], want) {
			t.Fatalf("message of %d bytes: got %x, want %x", len(message), got, want)
		}
	}
}

func TestHashesKeepToTheirWidths(t *testing.T) {
	h := newHasher(testChain(), nil)
	var tags, classes, ids uint64
	for _, a := range testAddresses(2000) {
		tags |= uint64(h.Tag(a))
		classes |= uint64(h.Class(int32(wednesday)*16, a[:]))
		ids |= h.ID(a)
	}
	for _, row := range []struct {
		name      string
		got, want uint64
	}{
		{"tag", tags, 1<<TagBits - 1}, {"class", classes, 1<<ClassBits - 1}, {"id", ids, 1<<64 - 1},
	} {
		if row.got != row.want {
			t.Errorf("%s: got bits %x, want exactly %x", row.name, row.got, row.want)
		}
	}
}

// TestCallsDoNotDisturbEachOther: all hashes share one digest, so their order must not matter.
func TestCallsDoNotDisturbEachOther(t *testing.T) {
	addrs := testAddresses(50)
	type answer struct {
		id      uint64
		buckets [Weeks]uint16
		tag     uint32
		class   uint16
	}
	epoch := int32(wednesday)*16 + 3
	want := map[hwaddr.Addr]answer{}
	for _, a := range addrs {
		h := newHasher(testChain(), nil)
		want[a] = answer{id: h.ID(a)}
		w := want[a]
		w.buckets, w.tag, w.class = newHasher(testChain(), nil).Buckets(a), newHasher(testChain(), nil).Tag(a), newHasher(testChain(), nil).Class(epoch, a[:])
		want[a] = w
	}
	h, r := newHasher(testChain(), nil), rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		a := addrs[r.IntN(len(addrs))]
		var ok bool
		switch r.IntN(5) {
		case 0:
			ok = h.ID(a) == want[a].id
		case 1:
			ok = h.Buckets(a) == want[a].buckets
		case 2:
			ok = h.Tag(a) == want[a].tag
		case 3:
			ok = h.Class(epoch, a[:]) == want[a].class
		case 4:
			ok = h.Class(epoch+1, a[:]) == newHasher(testChain(), nil).Class(epoch+1, a[:])
		}
		if !ok {
			t.Fatal("a hash depends on the calls before it")
		}
	}
}

func TestNoAllocationACall(t *testing.T) {
	h, a := newHasher(testChain(), nil), testAddresses(1)[0]
	masked := bytes.Repeat([]byte{7}, 150)
	epoch := int32(wednesday) * 16
	var sink uint64
	for name, call := range map[string]func(){
		"ID":      func() { sink += h.ID(a) },
		"Buckets": func() { sink += uint64(h.Buckets(a)[4]) },
		"Tag":     func() { sink += uint64(h.Tag(a)) },
		"Class":   func() { sink += uint64(h.Class(epoch, masked)) },
	} {
		if got := testing.AllocsPerRun(100, call); got != 0 {
			t.Errorf("%s: got %v allocations a call, want 0", name, got)
		}
	}
}

func TestClassKeyChangesWithTheEpoch(t *testing.T) {
	h := newHasher(testChain(), nil)
	same := 0
	for i, a := range testAddresses(2000) {
		epoch := int32(wednesday)*16 + int32(i%12)
		if h.Class(epoch, a[:]) == h.Class(epoch+1, a[:]) {
			same++
		}
	}
	if same > 12 { // 2000/1024 is expected; 12 has a chance below 1 in a million
		t.Errorf("got %d of 2000 classes equal across epochs, want about 2", same)
	}
}

func TestThrowawayHasOneClassKey(t *testing.T) {
	s, err := Throwaway(wednesday, strings.NewReader(strings.Repeat("0123456789abcdef", 4)))
	if err != nil {
		t.Fatal(err)
	}
	masked := []byte("a model")
	want, id, a := s.Hasher().Class(int32(wednesday)*16, masked), s.Hasher().ID(testAddresses(1)[0]), testAddresses(1)[0]
	for _, ahead := range []calendar.Day{0, 1, 7, 400} { // 400: it has nothing to fail closed for
		if err := s.Advance(wednesday + ahead); err != nil {
			t.Fatalf("%d days ahead: got %v, want no error", ahead, err)
		}
		if got := s.Hasher().Class(int32(wednesday+ahead)*16+5, masked); got != want {
			t.Errorf("%d days ahead: got class %d, want %d", ahead, got, want)
		}
	}
	if got := s.Hasher().ID(a); got == id {
		t.Error("after 400 days: got the id of the first day, want another")
	}
	if err := s.Save(); err != nil {
		t.Errorf("save of a throw-away state: got %v, want nothing to happen", err)
	}
}

func TestAWipedHasherPanicsAndHoldsZeros(t *testing.T) {
	for _, fixed := range []*key{nil, testSeed(9).k} {
		h, a := newHasher(testChain(), fixed), testAddresses(1)[0]
		h.Class(int32(wednesday)*16, a[:])
		macs := append([]*mac{h.id, h.optOut, h.class}, h.returns[:]...)
		h.wipe()
		for i, m := range macs {
			if len(m.inner) == 0 || !zero(m.inner) || !zero(m.outer) {
				t.Errorf("key %d: got what a key left, want zeros", i)
			}
		}
		if !zero(h.message[:]) || !zero(h.out[:]) {
			t.Error("got an address or a hash in the buffers, want zeros")
		}
		state, err := h.digest.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		empty, err := newDigest().MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(state, empty) {
			t.Error("the digest remembers something, want it as new")
		}
		for name, call := range map[string]func(){
			"ID": func() { h.ID(a) }, "Buckets": func() { h.Buckets(a) }, "Tag": func() { h.Tag(a) },
			"Class": func() { h.Class(int32(wednesday)*16, a[:]) }, "Class of a new epoch": func() { h.Class(77, a[:]) },
		} {
			if !panics(call) {
				t.Errorf("%s of a wiped hasher: got a hash, want a panic", name)
			}
		}
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	optOut, seed := testOptOut(), testSeed(0)
	c := seed.chain(wednesday, *optOut.k)
	h := newHasher(c, nil)
	s := &State{path: "state", site: &Site{Store: "s"}, issue: seed.issue(), chain: c, class: seed.k, hashers: []*Hasher{h}}
	b := Bundle{Site: *s.site, chain: c}
	h.ID(testAddresses(1)[0])
	var out bytes.Buffer
	for _, v := range []any{s, *s, b, &b, h, *seed.k, seed, optOut, struct{ H *Hasher }{h}, s.Site()} {
		fmt.Fprintf(&out, "%v %+v %#v %x %d %s\n", v, v, v, v, v, v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		j, err := json.Marshal(v)
		if err != nil {
			t.Logf("no JSON of %T: %v", v, err)
		}
		out.Write(j)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", keyText(*seed.k))
	fmt.Fprintf(&out, "%v %x %+v\n", keyText(*seed.k), keyText(*seed.k), fileForm{DayChain: keyText(c.days)})
	text := strings.ToLower(out.String())
	for name, secret := range map[string][]byte{
		"seed": seed.k[:], "opt-out key": optOut.k[:], "day chain": c.days[:], "week chain": c.weeks[:], "id key": h.id.inner[4:36],
	} {
		part := secret[3:9]
		for _, form := range []string{
			hex.EncodeToString(part), string(part), strings.Trim(fmt.Sprint(part), "[]"),
			strings.Trim(fmt.Sprintf("%#v", part), "[]byte{}"), strings.Trim(fmt.Sprintf("% x", part), "[]"),
		} {
			if strings.Contains(text, strings.ToLower(form)) {
				t.Errorf("the %s was printed", name)
			}
		}
	}
}

func zero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func BenchmarkHasher(b *testing.B) {
	h, a := newHasher(testChain(), nil), testAddresses(1)[0]
	masked := bytes.Repeat([]byte{7}, 150)
	var sink uint64
	b.Run("ID", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink += h.ID(a)
		}
	})
	b.Run("Buckets", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink += uint64(h.Buckets(a)[0])
		}
	})
	b.Run("Tag", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink += uint64(h.Tag(a))
		}
	})
	b.Run("Class150", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink += uint64(h.Class(0, masked))
		}
	})
}
