package agent

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
)

// The aggregator seals a day at the word of the last heartbeat, so it must not overtake what stands before it on the other
// topic: everything else is acknowledged first.
func TestTheEndOfInputWaitsForEverythingElse(t *testing.T) {
	var before []string
	r := newRig(t, func(r *rig) {
		r.deps.Settled = func() error {
			before = r.sink.kinds()
			return nil
		}
	})
	r.feed(air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}, air{t: r.at("10:01:00"), addr: made(1), dbm: -60}).finish()
	all := r.sink.kinds()
	if last := r.sink.envelopes[len(all)-1].GetHeartbeat(); last == nil || !last.EndOfInput {
		t.Fatalf("got %v last, want the end of input", all)
	}
	if !slices.Equal(before, all[:len(all)-1]) {
		t.Errorf("got %v acknowledged before the end, want %v", before, all[:len(all)-1])
	}
	lost := errors.New("the broker is gone")
	r = newRig(t, func(r *rig) { r.deps.Settled = func() error { return lost } })
	r.feed(air{t: r.at("10:00:00"), addr: phone(1), dbm: -60})
	if err := r.p.Finish(); !errors.Is(err, lost) {
		t.Errorf("got %v, want the broker's error", err)
	}
	for _, e := range r.sink.envelopes {
		if e.GetHeartbeat().GetEndOfInput() {
			t.Error("the end of input was sent though what stands before it may be lost")
		}
	}
}

// The estimator has to count random devices from the floor at which the sensor takes stable ones as inside.
func TestCountersCarryTheInsideFloor(t *testing.T) {
	r := newRig(t, func(r *rig) { r.set.RSSIInside = -65 })
	r.feed(air{t: r.at("10:00:00"), addr: made(1), dbm: -60}).finish()
	seen := 0
	for _, e := range r.sink.envelopes {
		if c := e.GetCounters(); c != nil {
			seen++
			if c.InsideDbm != -65 {
				t.Errorf("got %d dBm, want -65", c.InsideDbm)
			}
		}
	}
	if seen == 0 {
		t.Error("no counters were sent")
	}
}

func TestAnotherFileIsAnotherBoot(t *testing.T) {
	r := newRig(t, nil)
	r.feed(air{t: r.at("10:00:00"), addr: phone(1), dbm: -60})
	r.p.SetBoot(8)
	r.feed(air{t: r.at("10:05:00"), addr: phone(1), dbm: -60}).finish()
	next := map[uint64]uint64{}
	for _, e := range r.sink.envelopes {
		if e.Header.Sequence != next[e.Header.Boot] {
			t.Errorf("boot %d: got sequence %d, want %d", e.Header.Boot, e.Header.Sequence, next[e.Header.Boot])
		}
		next[e.Header.Boot]++
	}
	if len(next) != 2 || len(r.sink.sightings()) != 2 {
		t.Errorf("got boots %v and %d sightings, want two of each", next, len(r.sink.sightings()))
	}
}

// Nobody listened between two files that lie hours apart: no minute of the pause is sent as listened to.
func TestAPauseOfTheCaptureIsNotAnEmptyShop(t *testing.T) {
	r := newRig(t, nil)
	r.feed(air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}, air{t: r.at("10:02:00"), addr: phone(1), dbm: -60})
	r.p.Pause()
	r.feed(air{t: r.at("15:00:00"), addr: phone(1), dbm: -60}).finish()
	if n := len(r.sink.minutes()); n != 4 {
		t.Errorf("got %d minutes, want 10:00 to 10:02 and 15:00", n)
	}
}

func TestAListThatIsTooOldLetsOnlyCountersOut(t *testing.T) {
	age := time.Duration(0)
	returns := &fakeReturns{}
	r := newRig(t, func(r *rig) {
		r.deps.ListAge = func() time.Duration { return age }
		r.deps.Returns = returns
	})
	visit := func(from string) {
		for m := range 10 {
			r.feed(air{t: r.at(from) + int64(m)*minuteNS, addr: phone(1), dbm: -60})
		}
	}
	visit("10:00:00")
	age = OptOutMaxAge + time.Minute
	visit("12:00:00")
	age = 0
	visit("14:00:00")
	r.finish()
	for _, s := range r.sink.sightings() {
		if want := r.hasher.ID(phone(1)); s.id != want {
			t.Errorf("got id %x, want %x", s.id, want)
		}
	}
	var beats []*wire.Heartbeat
	rollups := 0
	for _, e := range r.sink.envelopes {
		if h := e.GetHeartbeat(); h != nil {
			beats = append(beats, h)
		}
		if rollup := e.GetRollup(); rollup != nil {
			rollups++
			if rollup.Cause != wire.Rollup_CAUSE_FAIL_CLOSED {
				t.Errorf("got cause %v, want that it failed closed", rollup.Cause)
			}
		}
	}
	for _, s := range r.sink.sightings() {
		if s.ms*1e6 >= r.at("12:00:00") && s.ms*1e6 < r.at("12:09:00") { // the burst of 12:09 is held until the list is good again
			t.Error("an id left the sensor under a list that is too old")
		}
	}
	if len(r.sink.sightings()) != 20 || rollups == 0 {
		t.Errorf("got %d sightings and %d rollups, want 20 and some", len(r.sink.sightings()), rollups)
	}
	said := 0
	for _, h := range beats {
		if slices.Contains(h.FailClosed, FailClosedStaleList) && h.OptoutAgeS == int64(age/time.Second)+int64((OptOutMaxAge+time.Minute)/time.Second) {
			said++
		}
	}
	if said == 0 || len(beats[len(beats)-1].FailClosed) != 0 {
		t.Errorf("got heartbeats %v, want one that says why, and none any more at the end", beats)
	}
}

func TestAnOptOutClearsTheReturnBucketAndTheStay(t *testing.T) {
	list, returns := &fakeList{}, &fakeReturns{}
	r := newRig(t, func(r *rig) { r.deps.OptOuts, r.deps.Returns = list, returns })
	for m := range 8 {
		r.feed(air{t: r.at("10:00:00") + int64(m)*minuteNS, addr: phone(1), dbm: -60}, air{t: r.at("10:00:10") + int64(m)*minuteNS, addr: phone(2), dbm: -80})
	}
	list.put(phone(1), phone(2))
	r.feed(air{t: r.at("10:09:00"), addr: phone(3), dbm: -60}).finish()
	if !slices.ContainsFunc(returns.calls, func(c string) bool { return len(c) > 5 && c[:5] == "clear" }) {
		t.Errorf("got %v, want the bucket cleared", returns.calls)
	}
	if n := r.p.Counts().PassersBy; n != 0 {
		t.Errorf("got %d passers-by, want none of a device that is left out", n)
	}
}

// The first frame of a configured sensor is measured against the day of its keys, which one damaged time must not turn.
func TestADamagedFirstTimeDoesNotTurnTheKeys(t *testing.T) {
	r := newRig(t, nil)
	r.feed(
		air{t: r.at("10:00:00") + int64(20*24*time.Hour), addr: phone(1), dbm: -60},
		air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}, air{t: r.at("10:00:01"), addr: phone(1), dbm: -60},
	).finish()
	if c := r.p.Counts(); c.Kept != 2 || c.Drops[DropBadTime] != 1 || len(r.newDays) != 0 {
		t.Errorf("got %d kept, %d bad times, new days %v; want 2, 1, none", c.Kept, c.Drops[DropBadTime], r.newDays)
	}
}

func TestStopGivesOutWhatWasAcceptedAndSaysNoEnd(t *testing.T) {
	r := newRig(t, nil)
	r.feed(air{t: r.at("10:00:00"), addr: phone(1), dbm: -60}, air{t: r.at("10:00:30"), addr: phone(1), dbm: -60})
	if err := r.p.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, e := range r.sink.envelopes {
		if e.GetHeartbeat().GetEndOfInput() {
			t.Error("a sensor that was stopped said that its input ended")
		}
	}
	if n := len(r.sink.sightings()); n != 1 {
		t.Errorf("got %d sightings, want the closed burst", n)
	}
}

func TestAQuietSourceEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	quiet, _ := io.Pipe()
	source := interruptible(ctx, quiet)
	read := make(chan error, 1)
	go func() {
		_, err := source.Read(make([]byte, 1))
		read <- err
	}()
	cancel()
	if err := <-read; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}
