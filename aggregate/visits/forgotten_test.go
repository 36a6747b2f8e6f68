package visits

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestAHashIsTheBeginningOfSHA256(t *testing.T) {
	salt := Salt{1, 2, 3, 15: 9}
	sum := sha256.Sum256(append(salt[:len(salt):len(salt)], 0xed, 0xa1, 0x5e, 0xed, 0x5e, 0xee, 0xff, 0xc0))
	if got, want := salt.Hash(0xC0FFEE5EED5EA1ED), binary.LittleEndian.Uint64(sum[:8]); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
}

// TestAFloodOfForgetsIsBounded forgets more ids than are kept whole: all of them stay out, nearly all others in, and the memory
// stays what it is.
func TestAFloodOfForgetsIsBounded(t *testing.T) {
	d := newTestDay(t)
	rnd := rand.New(rand.NewPCG(1, 1))
	var ids []uint64
	for _, step := range []struct {
		name      string
		forgets   int // in all
		bytes     int // at most
		exact     bool
		strangers int // of 100,000 that are kept out, at most
	}{
		{"none", 0, 0, true, 0},
		{"one", 1, 8 * minSlots, true, 0},
		{"10,000", 10_000, 22 * 10_000, true, 0},
		{"as many as are kept whole", exactHashes, 16 << 20, true, 0},
		{"one more", exactHashes + 1, 16 << 20, false, 1200},
		{"half as many again", exactHashes * 3 / 2, 16 << 20, false, 1700},
	} {
		for len(ids) < step.forgets {
			ids = append(ids, rnd.Uint64())
			d.Forget(ids[len(ids)-1])
		}
		if step.forgets > 0 {
			d.Forget(ids[0]) // again
		}
		if n := d.Forgotten(); n > step.forgets || n < step.forgets*99/100 {
			t.Errorf("%s: got %d forgotten, want %d or a little less", step.name, n, step.forgets)
		}
		if got := d.forgotten.bytes(); got > step.bytes {
			t.Errorf("%s: got %d bytes, want at most %d", step.name, got, step.bytes)
		}
		if got := len(d.forgotten.all()); (got == step.forgets) != step.exact {
			t.Errorf("%s: got %d hashes listed of %d, want all: %v", step.name, got, step.forgets, step.exact)
		}
		for i := 0; i < len(ids); i += 31 {
			if _, ok := d.device(ids[i]); ok {
				t.Fatalf("%s: a forgotten id is a device", step.name)
			}
		}
		out := 0
		for range 100_000 {
			if d.forgotten.has(d.salt.Hash(rnd.Uint64())) {
				out++
			}
		}
		if out > step.strangers {
			t.Errorf("%s: got %d of 100,000 others kept out, want at most %d", step.name, out, step.strangers)
		}
	}
	if d.Devices() != 0 {
		t.Errorf("got %d devices, want none", d.Devices())
	}
}

func TestForgetSaysWhetherItHeldTheDevice(t *testing.T) {
	d := newTestDay(t)
	d.Add(1, 0, 5)
	d.Add(2, 0, 5)
	for _, c := range []struct {
		name string
		id   uint64
		held bool
	}{{"a device", 1, true}, {"again", 1, false}, {"a stranger", 3, false}, {"the other", 2, true}} {
		hash, held := d.Forget(c.id)
		if salt := d.Salt(); hash != salt.Hash(c.id) || held != c.held {
			t.Errorf("%s: got %v, %v, want held %v", c.name, hash, held, c.held)
		}
	}
}

// TestReturnIDs of a device do not depend on order, and go with it or by themselves.
func TestReturnIDs(t *testing.T) {
	visit := func(d *Day, id uint64) {
		for at := range uint32(11) {
			d.Add(id, 0, at*60_000)
		}
	}
	a, b, other := ReturnIDs{5, 6}, ReturnIDs{5, 7}, ReturnIDs{50, 60}
	for _, c := range []struct {
		name string
		do   func(d *Day)
		want []ReturnIDs
	}{
		{"none", func(*Day) {}, nil},
		{"of two devices", func(d *Day) { d.Return(2, other); d.Return(1, a) }, []ReturnIDs{a, other}},
		{"said twice", func(d *Day) { d.Return(1, a); d.Return(1, a) }, []ReturnIDs{a}},
		{"two sensors differ", func(d *Day) { d.Return(1, b); d.Return(1, a) }, []ReturnIDs{a}},
		{"the other way round", func(d *Day) { d.Return(1, a); d.Return(1, b) }, []ReturnIDs{a}},
		{"without a visit", func(d *Day) { d.Return(3, a) }, nil},
		{"the device is forgotten", func(d *Day) { d.Return(1, a); d.Return(2, other); d.Forget(1) }, []ReturnIDs{other}},
		{"the device was forgotten", func(d *Day) { d.Forget(1); d.Return(1, a); d.Return(2, other) }, []ReturnIDs{other}},
		{"this period's is forgotten", func(d *Day) { d.Return(1, a); d.Return(2, other); d.ForgetReturn(5) }, []ReturnIDs{other}},
		{"that of the one before was", func(d *Day) { d.ForgetReturn(60); d.Return(1, a); d.Return(2, other) }, []ReturnIDs{a}},
		{"another one's is forgotten", func(d *Day) { d.Return(1, a); d.ForgetReturn(8) }, []ReturnIDs{a}},
		{"dropped, and said again", func(d *Day) { d.Return(1, a); d.DropReturn(5); d.Return(1, b) }, []ReturnIDs{b}},
		{"many times", func(d *Day) {
			for i := range uint64(2000) {
				d.Return(1+i%2, []ReturnIDs{a, other}[i%2])
			}
			d.DropReturn(77)
		}, []ReturnIDs{a, other}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newTestDay(t)
			visit(d, 1)
			visit(d, 2)
			c.do(d)
			if got := d.Result(testLayout(), DefaultParams()).Returned; !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if n := len(d.returns.list); n > 3 {
				t.Errorf("got %d pairs held, want one a device", n)
			}
		})
	}
}

// TestAForgottenReturnIDIsNotInTheDaysMemory, to the last reserved place of the list.
func TestAForgottenReturnIDIsNotInTheDaysMemory(t *testing.T) {
	d := newTestDay(t)
	for id := range uint64(300) {
		d.Return(id, ReturnIDs{1000 + id, 2000 + id})
	}
	d.ForgetReturn(1123)
	d.ForgetReturn(2200)
	d.Forget(77)
	hashes := d.UnreturnedHashes()
	for _, r := range d.returns.list[:cap(d.returns.list)] {
		for _, id := range []uint64{123, 200, 77} {
			if r.ids == (ReturnIDs{1000 + id, 2000 + id}) {
				t.Errorf("the return ids of device %d are still held", id)
			}
		}
	}
	if len(hashes) != 2 || slices.Contains(hashes, 1123) || d.Forgotten() != 1 || !d.Unreturned(ReturnIDs{1123, 9}) || d.Unreturned(ReturnIDs{1, 9}) {
		t.Errorf("got %d hashes of return ids and %d of ids, want 2 and 1", len(hashes), d.Forgotten())
	}
}

// BenchmarkForget is of an id that matches nothing, as nearly all do.
func BenchmarkForget(b *testing.B) {
	d := newTestDay(b)
	for id := range uint64(2000) {
		d.Add(id, 0, 60_000)
	}
	for id := uint64(1 << 60); b.Loop(); id++ {
		d.Forget(id)
	}
	b.ReportMetric(float64(d.forgotten.bytes())/float64(d.Forgotten()), "bytes/id")
}
