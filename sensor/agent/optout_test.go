package agent

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/openfootfall/footfall/ingest/wire"
)

func TestAnOptedOutAddressIsNeverHashedOrClassed(t *testing.T) {
	list := &fakeList{}
	list.put(phone(1), made(1))
	r := newRig(t, func(r *rig) { r.deps.OptOuts = list })
	for i := range int64(400) {
		r.feed(
			air{t: r.at("10:00:00") + 3*i*secondNS, addr: phone(1), dbm: -50}, air{t: r.at("10:00:00") + 3*i*secondNS, addr: made(1), dbm: -50},
			air{t: r.at("10:00:00") + 3*i*secondNS + 1e6, addr: phone(2), dbm: -50}, air{t: r.at("10:00:00") + 3*i*secondNS + 1e6, addr: made(2), dbm: -50},
		)
	}
	r.finish()
	if r.hasher.ids[phone(1)]+r.hasher.ids[made(1)]+r.hasher.bucket[phone(1)] > 0 {
		t.Error("an opted-out address was hashed")
	}
	if r.hasher.ids[phone(2)] == 0 || r.hasher.classes != 400 {
		t.Errorf("got %d classes, want the 400 of the other phone", r.hasher.classes)
	}
	if got := r.p.Counts().Drops[DropOptedOut]; got != 800 {
		t.Errorf("got %d frames dropped, want 800", got)
	}
	for _, e := range r.sink.envelopes {
		if e.Header.OptoutVersion != list.version {
			t.Errorf("got list version %d on a %s, want %d", e.Header.OptoutVersion, e.Kind(), list.version)
		}
	}
}

// TestNothingThatIsSentTellsThatAnOptedOutPhoneIsThere: the same messages are sent whether it is or not, but for the number of all
// frames on the air.
func TestNothingThatIsSentTellsThatAnOptedOutPhoneIsThere(t *testing.T) {
	sent := func(there bool) (out [][]byte) {
		list := &fakeList{}
		list.put(phone(1))
		r := newRig(t, func(r *rig) { r.deps.OptOuts = list })
		for i := range int64(400) {
			at := r.at("10:00:00") + 30*i*secondNS
			r.feed(air{t: at, addr: phone(2), dbm: -50}) // the first and the last frame is the other phone's
			if there && i < 399 {
				r.feed(air{t: at + 1e6, addr: phone(1), dbm: -50})
			}
		}
		r.finish()
		if got := r.p.Counts().Drops[DropOptedOut] > 0; got != there {
			t.Fatalf("got frames dropped: %v, want %v", got, there)
		}
		for _, e := range r.sink.envelopes {
			e = proto.Clone(e).(*wire.Envelope)
			if h := e.GetHeartbeat(); h != nil {
				h.Frames, h.Channels = 0, nil // all frames on the air, of whatever kind
			}
			raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, raw)
		}
		return out
	}
	with, without := sent(true), sent(false)
	if !slices.EqualFunc(with, without, slices.Equal[[]byte]) {
		t.Errorf("got other messages with the phone there, want the same %d", len(without))
	}
}

func TestTheListIsAskedOnceABurst(t *testing.T) {
	list := &fakeList{}
	list.put(phone(9))
	r := newRig(t, func(r *rig) { r.deps.OptOuts = list })
	for i := range int64(100) {
		r.feed(air{t: r.at("10:00:00") + i*100e6, addr: phone(1), dbm: -50})
	}
	if got := r.hasher.tags[phone(1)]; got != 1 {
		t.Errorf("asked %d times within a burst, want once", got)
	}
	list.put(phone(8))
	for i := range int64(100) {
		r.feed(air{t: r.at("10:00:10") + i*100e6, addr: phone(1), dbm: -50})
	}
	if got := r.hasher.tags[phone(1)]; got != 2 {
		t.Errorf("asked %d times with a new list in the middle, want twice", got)
	}
	r.finish()
	if got := r.hasher.tags[phone(1)]; got != 2 {
		t.Errorf("asked %d times in the end, want twice: the list did not change since", got)
	}
}

// TestAListThatChangesWithinABurst: whatever is released after an address came on the list is not hashed, and no batch that says
// it was made under the new list holds it.
func TestAListThatChangesWithinABurst(t *testing.T) {
	for _, row := range []struct {
		name   string
		frames func(r *rig, list *fakeList)
	}{
		{"no frame after", func(r *rig, list *fakeList) { list.put(phone(1)) }},
		{"the next frame of the burst", func(r *rig, list *fakeList) {
			list.put(phone(1))
			r.feed(air{t: r.at("10:00:00.5"), addr: phone(1), dbm: -50})
		}},
		{"something is sent under the new list in between", func(r *rig, list *fakeList) {
			list.put(phone(1))
			r.feed(air{t: r.at("10:00:00.2"), addr: phone(3), dbm: -50}, air{t: r.at("10:00:00.9"), addr: phone(1), dbm: -50})
			r.feed(air{t: r.at("10:00:01.8"), addr: phone(1), dbm: -50}, air{t: r.at("10:00:02.7"), addr: phone(1), dbm: -50})
		}},
		{"two lists later", func(r *rig, list *fakeList) {
			list.put(phone(7))
			r.feed(air{t: r.at("10:00:00.5"), addr: phone(1), dbm: -50})
			list.put(phone(1))
			r.feed(air{t: r.at("10:00:01"), addr: phone(3), dbm: -50})
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			list := &fakeList{}
			list.put(phone(9))
			r := newRig(t, func(r *rig) { r.deps.OptOuts = list })
			r.feed(air{t: r.at("09:59:50"), addr: phone(2), dbm: -50}, air{t: r.at("10:00:00"), addr: phone(1), dbm: -50})
			row.frames(r, list)
			r.feed(air{t: r.at("10:01:00"), addr: phone(3), dbm: -50}).finish()
			if r.hasher.ids[phone(1)] != 0 {
				t.Error("the address was hashed after it had come on the list")
			}
			if got := r.p.Counts().OptedOutBursts; got != 1 {
				t.Errorf("got %d bursts opted out while held, want 1", got)
			}
			for _, s := range r.sink.sightings() {
				if s.id == r.hasher.id(phone(1)) {
					t.Error("the address was seen")
				}
			}
		})
	}
}
