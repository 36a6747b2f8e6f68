package keys

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

func TestTheTaggerAgreesWithTheSensors(t *testing.T) {
	tagger, err := testOptOut().Tagger()
	if err != nil {
		t.Fatal(err)
	}
	optOut := testOptOut()
	c := &chain{optOut: *optOut.k}
	h := newHasher(c, nil)
	var group sync.WaitGroup
	for i := range 256 {
		a := hwaddr.Addr{2, 0, 0x5e, 0x10, byte(i), byte(i * 7)}
		want := h.Tag(a)
		group.Go(func() {
			if got := tagger.Tag(a); got != want {
				t.Errorf("address %d: got tag %x, want %x", i, got, want)
			}
		})
	}
	group.Wait()
	if tagger.message != [6]byte{} || tagger.out != [32]byte{} {
		t.Error("the tagger keeps what it computed with")
	}
	if text := fmt.Sprintf("%v %+v %s", tagger, tagger, tagger); strings.Trim(text, " [tager]") != "" {
		t.Errorf("the tagger prints as %q", text)
	}
}

func TestTheTaggerWantsAKey(t *testing.T) {
	if _, err := (OptOutKey{}).Tagger(); err == nil || !strings.Contains(err.Error(), "footfall keys optout") {
		t.Errorf("without a key: got %v, want an error that says how to make one", err)
	}
}

// TestTheCheckValueTellsKeysApart: a service and a sensor with the same key say the same, and nothing of it is in what they say.
func TestTheCheckValueTellsKeysApart(t *testing.T) {
	ours := testOptOut()
	sensor := &State{chain: testSeed(0).chain(wednesday, *ours.k)}
	if got, want := sensor.OptOutCheck(), ours.Check(); got != want || got == 0 {
		t.Errorf("a sensor with the service's key: got %x, want %x", got, want)
	}
	other := *ours.k
	other[31] ^= 1
	if got := (OptOutKey{&other}).Check(); got == ours.Check() {
		t.Errorf("another key: got %x as well", got)
	}
	tagger, err := ours.Tagger()
	if err != nil {
		t.Fatal(err)
	}
	if got := tagger.Tag(hwaddr.Addr{}); got == ours.Check()>>4 {
		t.Error("got a check value that is a tag")
	}
	for name, none := range map[string]OptOutKey{"none": {}, "zeros": {new(key)}} {
		if got := none.Check(); got != 0 {
			t.Errorf("%s: got %x, want 0", name, got)
		}
	}
}
