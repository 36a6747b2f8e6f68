package guard

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// TestWhatFailedIsGivenBack has a registry that is away for a while: what a source has is all there afterwards.
func TestWhatFailedIsGivenBack(t *testing.T) {
	for _, what := range []Kind{Register, Undo} {
		t.Run(what.String(), func(t *testing.T) {
			r := newRig(t)
			l := r.g.limits.of(what, false)
			for i := range 50 {
				d := r.judge(home, what, "")
				r.want(fmt.Sprint("while it is away ", i), d, Admit)
				d.Return()
				d.Return() // a second time does nothing
			}
			for i := range l.free.Burst {
				r.want(fmt.Sprint("free ", i), r.judge(home, what, ""), Admit)
			}
			for i := range 50 {
				d := r.judge(home, what, "")
				r.want(fmt.Sprint("above the free ones ", i), d, Challenge)
				if d.Challenge.Bits != r.g.limits.Bits {
					t.Fatalf("got %d bits, want the work not to rise by what failed", d.Challenge.Bits)
				}
				d = r.judge(home, what, solve(d.Challenge))
				r.want(fmt.Sprint("proved ", i), d, Admit)
				d.Return()
			}
			for i := range l.proved.Burst {
				r.want(fmt.Sprint("proved, and done ", i), r.prove(home, what), Admit)
			}
			want := Refuse
			if what == Register {
				want = Hold
			}
			d := r.prove(home, what)
			r.want("above", d, want)
			d.Return()
		})
	}
}

// TestWhatIsHeldIsGivenBack is the same for quarantine.
func TestWhatIsHeldIsGivenBack(t *testing.T) {
	r := newRig(t, limits(func(l *Limits) { l.HeldPerBurst, l.HeldPerDay = 3, 6 }))
	for range 15 {
		r.prove(home, Register)
	}
	for i := range 20 {
		d := r.prove(home, Register)
		r.want(fmt.Sprint("held ", i), d, Hold)
		d.Return()
	}
	for i := range 3 {
		r.want(fmt.Sprint("held, and done ", i), r.prove(home, Register), Hold)
	}
	r.want("above", r.prove(home, Register), Refuse)
}

// TestCountsAreAsBefore compares all that is counted before a request and after it was given back.
func TestCountsAreAsBefore(t *testing.T) {
	r := newRig(t)
	r.judge("192.0.2.8:1", Register, "").Return()
	r.judge("192.0.2.8:1", Undo, "").Return()
	before := fmt.Sprintf("%+v %+v %+v", r.g.done, r.g.today, r.g.held)
	first := r.judge("192.0.2.9:1", Register, "")
	second := r.judge("192.0.2.9:1", Register, "")
	second.Return()
	first.Return()
	if after := fmt.Sprintf("%+v %+v %+v", r.g.done, r.g.today, r.g.held); after != before {
		t.Errorf("got counts\n%s, want\n%s", after, before)
	}
	n := subnetOf(prefixes("192.0.2.9/32")[0].Addr())
	source, site := r.g.source(&n, r.g.last)
	if source.came != [kinds]bool{} || site.firsts != [kinds]int{} || !reflect.ValueOf(site.burst).IsZero() {
		t.Errorf("got %+v of the source and %v firsts of its site, want as if it never came", source.came, site.firsts)
	}
	Decision{}.Return() // of no guard
	Decision{Verdict: Refuse}.Return()
}

// TestGivingBackLateGivesNoMoreThanIsMissing lets time pass before what was taken is given back, and things be forgotten.
func TestGivingBackLateGivesNoMoreThanIsMissing(t *testing.T) {
	for _, wait := range []time.Duration{time.Second, 59 * time.Second, time.Minute, 5 * time.Minute, globalWindow + time.Minute, SourceLife, 25 * time.Hour} {
		r := newRig(t)
		d := r.judge(home, Register, "")
		r.pass(wait)
		d.Return()
		admitted := 0
		for range 20 {
			if r.judge(home, Register, "").Verdict == Admit {
				admitted++
			}
		}
		if admitted != 5 || r.g.today.count(r.g.last) != 5 || r.g.done[Register].all.count(r.g.last) != 5 {
			t.Errorf("given back after %v: got %d admitted, want the 5 that are free", wait, admitted)
		}
	}
}

// TestGivingBackAtRandomKeepsTheBound has writes fail at random, and be given back some seconds later.
func TestGivingBackAtRandomKeepsTheBound(t *testing.T) {
	for seed := range uint64(6) {
		dice := rand.New(rand.NewPCG(seed, 3))
		r := newRig(t)
		var done []time.Duration
		var failing []Decision
		now := time.Duration(0)
		for range 5000 {
			step := time.Duration(dice.IntN(4000)) * time.Millisecond
			now += step
			r.pass(step)
			switch d := r.prove(home, Register); {
			case d.Verdict == Admit && dice.IntN(3) > 0:
				failing = append(failing, d)
			case d.Verdict == Admit:
				done = append(done, now)
			}
			for len(failing) > 0 && dice.IntN(2) == 0 {
				failing[0].Return()
				failing = failing[1:]
			}
		}
		for _, span := range []time.Duration{time.Minute, globalWindow, time.Hour} {
			if got, bound := within(done, span), DefaultLimits().Bound(span); got > bound {
				t.Errorf("seed %d: got %d enforced in %v, want %d at most", seed, got, span, bound)
			}
		}
	}
}

func TestAWindowForgetsWhatIsTakenBack(t *testing.T) {
	w := newWindow(globalWindow)
	at := func(d time.Duration) instant { return instant(d) }
	w.add(at(time.Minute))
	w.add(at(2 * time.Minute))
	for _, row := range []struct {
		name     string
		at, then time.Duration
		want     int
	}{
		{"where nothing was", 90 * time.Second, 3 * time.Minute, 2},
		{"what was added", time.Minute, 3 * time.Minute, 1},
		{"twice", time.Minute, 3 * time.Minute, 1},
		{"what is out of the span by now", 2 * time.Minute, time.Hour, 0},
		{"a slot that is another's by now", 2 * time.Minute, time.Hour, 0},
	} {
		w.remove(at(row.at), at(row.then))
		if got := w.count(at(row.then)); got != row.want {
			t.Errorf("%s: got %d, want %d", row.name, got, row.want)
		}
	}
	w.add(at(time.Hour))
	w.remove(at(time.Hour-61*globalWindow/windowSlots), at(time.Hour))
	if got := w.count(at(time.Hour)); got != 1 {
		t.Errorf("got %d, want the one of a later round of the slots", got)
	}
}
