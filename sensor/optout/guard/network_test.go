package guard

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// hostile are networks whose sources send as much as they can and prove whatever they are asked to.
type hostile struct {
	r        *rig
	dice     *rand.Rand
	networks int
	admitted [][]time.Duration // of every network, when
	all      []time.Duration
	verdicts map[Verdict]int
}

func newHostile(r *rig, networks int) *hostile {
	return &hostile{r: r, dice: rand.New(rand.NewPCG(7, 9)), networks: networks, admitted: make([][]time.Duration, networks), verdicts: map[Verdict]int{}}
}

// send sends one request out of every network, from any of its 256 /56.
func (h *hostile) send(at time.Duration) {
	for n := range h.networks {
		d := h.r.prove(fmt.Sprintf("[2001:db8:%x:%x::1]:1", n, h.dice.IntN(256)<<8), Register)
		h.verdicts[d.Verdict]++
		if d.Verdict == Admit {
			h.admitted[n] = append(h.admitted[n], at)
			h.all = append(h.all, at)
		}
	}
}

// check holds what the networks had enforced against the bounds.
func (h *hostile) check(spans ...time.Duration) {
	h.r.t.Helper()
	for _, span := range spans {
		bound, _ := DefaultLimits().SiteBound(span)
		for n, times := range h.admitted {
			if got := within(times, span); got == 0 || got > bound {
				h.r.t.Errorf("network %d: got %d enforced in %v, want some and %d at most", n, got, span, bound)
			}
		}
		if got, most := within(h.all, span), DefaultLimits().TotalBound(span); got > most {
			h.r.t.Errorf("got %d enforced in %v, want %d at most", got, span, most)
		}
	}
}

// people are honest: each comes once, from a network of its own, half of them over IPv6.
func people(i int) string {
	if i%2 == 0 {
		return fmt.Sprintf("[2a00:%x:7:100::5]:1", i)
	}
	return fmt.Sprintf("10.%d.%d.5:1", i/250, i%250)
}

// TestAFewNetworksDoNotKeepPeopleOut is an hour with six hostile /48 and 120 people.
func TestAFewNetworksDoNotKeepPeopleOut(t *testing.T) {
	const networks, honest, perMinute = 6, 120, 120
	r := newRig(t)
	h := newHostile(r, networks)
	asked := 0
	for i := range 60 * perMinute {
		at := time.Duration(i) * time.Minute / perMinute
		h.send(at)
		if i%(60*perMinute/honest) == 30 {
			d := r.judge(people(i), Register, "")
			if d.Verdict == Challenge {
				asked++
				d = r.judge(people(i), Register, solve(d.Challenge))
			}
			r.want(fmt.Sprintf("somebody honest after %v", at), d, Admit)
		}
		r.pass(time.Minute / perMinute)
	}
	h.check(globalWindow, time.Hour)
	one := within(h.admitted[0], time.Hour)
	t.Logf("an hour: %d requests of a /48, of which %d were enforced; all hostile ones: %v; of %d people %d had to bring a proof, all were admitted",
		60*perMinute, one, h.verdicts, honest, asked)
}

// TestADayOfAFewNetworks goes on for a day: only first registrations of sources are enforced in the end, and quarantine has room for
// people, too.
func TestADayOfAFewNetworks(t *testing.T) {
	const networks = 6
	l := DefaultLimits()
	r := newRig(t)
	h := newHostile(r, networks)
	capped := time.Duration(0)
	var late []time.Duration
	for minute := range 24 * 60 {
		at := time.Duration(minute) * time.Minute
		for range 15 {
			h.send(at)
		}
		if minute%10 == 5 {
			r.want(fmt.Sprintf("somebody honest after %v", at), r.prove(people(minute), Register), Admit)
		}
		switch {
		case capped == 0 && len(h.all) >= l.EnforcedPerDay:
			capped = at
		case capped > 0:
			late = h.all[l.EnforcedPerDay:]
		}
		r.pass(time.Minute)
	}
	if most := networks * l.Firsts * (int((24*time.Hour-capped)/SourceLife) + 2); capped == 0 || len(late) > most {
		t.Errorf("got %d enforced after a day's were reached after %v, want %d at most", len(late), capped, most)
	}
	if h.verdicts[Hold] > l.HeldPerDay {
		t.Errorf("got %d held, want %d at most", h.verdicts[Hold], l.HeldPerDay)
	}
	h.check(globalWindow, time.Hour, 24*time.Hour)
	t.Logf("a day: %v of the networks; %d were reached after %v; enforced afterwards: %d", h.verdicts, l.EnforcedPerDay, capped, len(late))
}

// TestQuarantineHasRoomForPeople has everything used up that is not reserved, in enforced and held ones.
func TestQuarantineHasRoomForPeople(t *testing.T) {
	r := newRig(t, limits(func(l *Limits) {
		l.GlobalFree, l.GlobalProved, l.HeldPerDay, l.HeldPerBurst, l.EnforcedPerDay, l.Firsts = 10, 10, 20, 6, 1000, 1
	}))
	flood := map[Verdict]int{}
	for i := range 4 {
		for range 20 {
			flood[r.prove(fmt.Sprintf("192.0.%d.1:1", i), Register).Verdict]++
		}
	}
	if flood[Admit] != 4+5 || flood[Hold] != 10 {
		t.Errorf("got %v of the flood, want 9 admitted and 10 held", flood)
	}
	r.want("the last one that is admitted", r.prove(people(1), Register), Admit)
	bursts := map[uint32]int{}
	for i := range 10 {
		d := r.prove(people(2+i), Register)
		r.want(fmt.Sprint("held ", i), d, Hold)
		bursts[d.Burst]++
	}
	if len(bursts) != 2 {
		t.Errorf("got the bursts %v, want a second one where the first is full", bursts)
	}
	r.want("more than there is room for", r.prove(people(99), Register), Refuse)
}

// TestABlockOfAddressesIsBounded is about an IPv4 /24, where every address registers as much as it can.
func TestABlockOfAddressesIsBounded(t *testing.T) {
	r := newRig(t)
	got := map[Verdict]int{}
	for i := range 60 * 60 {
		for j := range 4 {
			got[r.prove(fmt.Sprintf("192.0.2.%d:1", (4*i+j)%256), Register).Verdict]++
		}
		r.pass(time.Second)
	}
	if _, most := DefaultLimits().SiteBound(time.Hour); got[Admit] == 0 || got[Admit] > most {
		t.Errorf("got %v, want some and %d admitted at most", got, most)
	}
	r.want("the block next to it", r.judge("192.0.3.1:1", Register, ""), Admit)
	t.Logf("an hour of a /24: %v", got)
}

// TestChecksAndUndosOfManySources sends one receipt from each of very many.
func TestChecksAndUndosOfManySources(t *testing.T) {
	for _, what := range []Kind{Check, Undo} {
		t.Run(what.String(), func(t *testing.T) {
			r := newRig(t, limits(func(l *Limits) { l.GlobalLookFree, l.GlobalLook = 60, 200 }))
			atOnce, proved := 0, 0
			for i := range 2000 {
				d := r.judge(people(i), what, "")
				switch {
				case d.Verdict == Admit:
					atOnce++
				case d.Verdict == Challenge && r.judge(people(i), what, solve(d.Challenge)).Verdict == Admit:
					proved++
				case d.Verdict != Refuse || d.RetryAfter != time.Minute:
					t.Fatalf("got %+v, want a refusal for a minute", d)
				}
			}
			if atOnce != 60 || proved != 140 {
				t.Errorf("got %d at once and %d with a proof, want 60 and 140", atOnce, proved)
			}
			r.want("the other kind", r.judge(people(5000), Check+Undo-what, ""), Admit)
			r.want("a registration", r.judge(people(5001), Register, ""), Admit)
			r.pass(globalWindow + globalWindow/windowSlots)
			r.want("ten minutes later", r.judge(people(5002), what, ""), Admit)
		})
	}
	r := newRig(t, limits(func(l *Limits) { l.GlobalLookFree, l.GlobalLook = 40, 40 }))
	got := map[Verdict]int{}
	for i := range 300 {
		got[r.prove(fmt.Sprintf("192.0.2.%d:1", i%10), Undo).Verdict]++
	}
	if got[Admit] != 28 { // the first ones of eight, and half of all
		t.Errorf("got %v of one /24, want 28 admitted", got)
	}
	for i := range 12 {
		r.want(fmt.Sprint("somebody else ", i), r.prove(people(i), Undo), Admit)
	}
	r.want("when nothing is left", r.prove(people(12), Undo), Refuse)
}

// TestTheWorkRisesWithTheLoad looks at what somebody is asked who comes for the first time.
func TestTheWorkRisesWithTheLoad(t *testing.T) {
	r := newRig(t, limits(func(l *Limits) { l.Bits, l.MaxBits, l.GlobalFree, l.GlobalProved = 2, 6, 10, 20 }))
	for i := range 25 {
		want := [3]string{"0/0s", "4/40s", "6/1m0s"}[i/10]
		d := r.judge(people(i), Register, "")
		if got := fmt.Sprintf("%d/%v", d.Challenge.Bits, d.Challenge.Wait); got != want {
			t.Errorf("after %d registrations: got %s, want %s", i, got, want)
		}
		if d.Verdict == Challenge {
			r.judge(people(i), Register, solve(d.Challenge))
		}
	}
}
