package guard

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// TestASourceIsForgotten keeps asking from one source, and never from another again.
func TestASourceIsForgotten(t *testing.T) {
	r := newRig(t)
	r.judge("192.0.2.8:1", Check, "")
	for range 60 {
		r.judge(home, Check, "")
		if n := r.metric("sources"); n > 3 {
			t.Fatalf("got %v sources, want 2 and their /24 at most", n)
		}
		for _, e := range r.g.table.entries {
			if age := time.Duration(r.g.last - e.born); age > 15*time.Minute {
				t.Fatalf("something is held of a source for %v, want 15 minutes at most", age)
			}
		}
		r.pass(time.Minute)
	}
	if n := r.metric("sources"); n != 2 {
		t.Errorf("got %v sources, want the one that still asks and its /24", n)
	}
}

// TestASourceIsForgottenWhenNobodyAsks lets time pass with no request at all.
func TestASourceIsForgottenWhenNobodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			g.Judge(request(fmt.Sprintf("192.0.2.%d:1", i)), Register, "")
		}
		time.Sleep(13 * time.Minute)
		if n := held(g); n != 101 {
			t.Errorf("got %d sources after 13 minutes, want 100 and their /24", n)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := held(g); n != 0 {
			t.Errorf("got %d sources after 15 minutes, want none", n)
		}
		time.Sleep(time.Hour)
		if g.timer {
			t.Error("a timer runs though nothing is held")
		}
	})
}

func held(g *Guard) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.table.entries)
}

// TestTheKeyIsRedrawn follows the guard's keys through an hour: a source stays the same one under a new key, and a key dies when
// nothing can hang on it any more.
func TestTheKeyIsRedrawn(t *testing.T) {
	r := newRig(t, limits(func(l *Limits) { l.Free = Rate{5, SourceLife} }))
	r.pass(8 * time.Minute)
	for range 5 {
		r.judge(home, Register, "")
	}
	first := r.g.keys[r.g.key].key
	r.pass(2 * time.Minute)
	r.want("under the next key", r.judge(home, Register, ""), Challenge)
	if r.g.keys[r.g.key].key == first {
		t.Error("the key is the same after ten minutes")
	}
	r.pass(10*time.Minute + time.Second)
	r.want("under the one after it", r.judge(home, Register, ""), Challenge)
	r.pass(2 * time.Minute)
	r.want("when the source is forgotten", r.judge(home, Register, ""), Admit)
	r.pass(2 * time.Minute)
	r.judge(home, Register, "")
	for _, k := range r.g.keys {
		if k.key == first {
			t.Error("a key lives on after 24 minutes")
		}
	}
	seen := map[[32]byte]bool{}
	for range 60 {
		r.judge(home, Check, "")
		seen[r.g.keys[r.g.key].key] = true
		r.pass(time.Minute)
	}
	if len(seen) != 6 && len(seen) != 7 {
		t.Errorf("got %d keys in an hour, want one every ten minutes", len(seen))
	}
	r.now = r.now.Add(-24 * time.Hour) // somebody sets the clock
	r.judge(home, Check, "")
}

// TestASourceIsNowhereInMemory looks for the source in what the guard holds of it.
func TestASourceIsNowhereInMemory(t *testing.T) {
	r := newRig(t)
	r.judge("203.0.113.171:1", Register, "")
	r.judge("[2001:db8:aaaa:bbbb::1]:1", Register, "")
	for number, e := range r.g.table.entries {
		raw := append(unsafe.Slice((*byte)(unsafe.Pointer(e)), unsafe.Sizeof(*e)), unsafe.Slice((*byte)(unsafe.Pointer(&number)), 8)...)
		for _, source := range [][]byte{{203, 0, 113, 171}, {171, 113, 0, 203}, {0x20, 0x01, 0x0d, 0xb8}, {0xaa, 0xaa, 0xbb}} {
			if bytes.Contains(raw, source) {
				t.Error("an address is in what is held of a source")
			}
		}
	}
	other := newRig(t, func(o *Options) { o.Random = nil })
	other.judge("203.0.113.171:1", Register, "")
	for number := range other.g.table.entries {
		if r.g.table.entries[number] != nil {
			t.Error("a source has one number in two processes")
		}
	}
}

func TestMemoryIsBoundedUnderAFlood(t *testing.T) {
	t.Run("from a /48", func(t *testing.T) {
		r := newRig(t)
		admitted := 0
		for i := range 256 {
			for range 10 {
				if r.judge(fmt.Sprintf("[2001:db8:1:%x00::1]:1", i), Register, "").Verdict == Admit {
					admitted++
				}
			}
		}
		if n := held(r.g); n != 17 {
			t.Errorf("got %d sources, want 16 of the site and the site", n)
		}
		if admitted != DefaultLimits().Site.Burst {
			t.Errorf("got %d admitted, want those of the site", admitted)
		}
		r.want("another site", r.judge("[2001:db8:2::1]:1", Register, ""), Admit)
	})
	t.Run("from everywhere", func(t *testing.T) {
		r := newRig(t, limits(func(l *Limits) { l.Sources, l.GlobalFree, l.GlobalProved = 1000, 1e6, 1e6 }))
		r.want("who was there before", r.judge(home, Register, ""), Admit)
		for i := range 50_000 {
			a := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
			if i%2 == 0 {
				a = netip.AddrFrom16([16]byte{0x20, 1, byte(i >> 16), byte(i >> 8), byte(i)})
			}
			d := r.g.Judge(request(netip.AddrPortFrom(a, 1).String()), Register, "")
			if i > 1000 {
				r.want("a newcomer", d, Challenge)
			}
		}
		if n := held(r.g); n != 1000 {
			t.Errorf("got %d sources, want 1000", n)
		}
		r.want("who was there before", r.judge(home, Register, ""), Admit)
		admitted := 0
		for i := range 300 {
			if r.prove(fmt.Sprintf("12.0.%d.%d:1", i/250, i%250), Register).Verdict == Admit {
				admitted++
			}
		}
		if admitted != 100 {
			t.Errorf("got %d newcomers admitted with a proof, want ten times those of a source", admitted)
		}
		r.pass(15 * time.Minute)
		r.want("when it is over", r.judge("12.0.0.1:1", Register, ""), Admit)
	})
}
