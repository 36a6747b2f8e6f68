package guard

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

const home = "192.0.2.7:4711"

func TestRegistrationsOfASourceGetHarderStepByStep(t *testing.T) {
	r := newRig(t, limits(func(l *Limits) { l.HeldPerBurst = 3 }))
	for i := range 5 {
		r.want(fmt.Sprint("free ", i), r.judge(home, Register, ""), Admit)
	}
	for i := range 10 {
		d := r.judge(home, Register, "")
		r.want(fmt.Sprint("above the free ones ", i), d, Challenge)
		r.want(fmt.Sprint("proved ", i), r.judge(home, Register, solve(d.Challenge)), Admit)
	}
	var bursts []uint32
	for i := range 3 {
		d := r.prove(home, Register)
		r.want(fmt.Sprint("above the proved ones ", i), d, Hold)
		bursts = append(bursts, d.Burst)
	}
	if bursts[0] == 0 || bursts[0] != bursts[1] || bursts[1] != bursts[2] {
		t.Errorf("got bursts %v, want one number", bursts)
	}
	d := r.prove(home, Register)
	r.want("above the held ones", d, Refuse)
	if d.RetryAfter <= 0 || d.RetryAfter > SourceLife || d.RetryAfter%time.Second != 0 {
		t.Errorf("got retry after %v, want whole seconds up to %v", d.RetryAfter, SourceLife)
	}
	r.want("a neighbour", r.judge("192.0.2.8:4711", Register, ""), Admit)
	r.want("another port of the source", r.judge("192.0.2.7:1", Register, ""), Challenge)
	r.pass(time.Minute)
	r.want("a minute later", r.judge(home, Register, ""), Admit)
	r.want("and once more", r.judge(home, Register, ""), Challenge)
	for what, want := range map[[2]string]float64{
		{"register", "admit"}: 17, {"register", "challenge"}: 16, {"register", "hold"}: 3, {"register", "refuse"}: 1, {"check", "admit"}: 0,
	} {
		if got := r.metric("decisions_total", what[0], what[1]); got != want {
			t.Errorf("%v: got %v decisions, want %v", what, got, want)
		}
	}
	if got := r.metric("bursts_total"); got != 1 {
		t.Errorf("got %v bursts, want 1", got)
	}
	if strings.Count(r.log.String(), "\n") != 1 || strings.Contains(r.log.String(), "192") {
		t.Errorf("got the log %q, want one line without a source", r.log.String())
	}
}

func TestChecksAndUndosHaveTheirOwnLimits(t *testing.T) {
	for _, what := range []Kind{Check, Undo} {
		t.Run(what.String(), func(t *testing.T) {
			r := newRig(t)
			for i := range 10 {
				r.want(fmt.Sprint("free ", i), r.judge(home, what, ""), Admit)
			}
			for i := range 10 {
				r.want(fmt.Sprint("proved ", i), r.prove(home, what), Admit)
			}
			d := r.prove(home, what)
			r.want("above", d, Refuse)
			if d.RetryAfter != 6*time.Second {
				t.Errorf("got retry after %v, want 6s", d.RetryAfter)
			}
			for _, other := range []Kind{Register, Check + Undo - what} {
				r.want(other.String(), r.judge(home, other, ""), Admit)
			}
			r.pass(6 * time.Second)
			r.want("later", r.judge(home, what, ""), Admit)
		})
	}
	r := newRig(t)
	if got := r.g.Judge(request(home), kinds, ""); got.Verdict != Refuse {
		t.Errorf("a kind that is none: got %v, want refuse", got.Verdict)
	}
	if got := kinds.String() + (Refuse + 1).String(); got != "unknownunknown" {
		t.Errorf("got %q for what is unknown", got)
	}
}

// TestTheWorkRisesWithTheProofs looks at the challenges of the first proofs of a source.
func TestTheWorkRisesWithTheProofs(t *testing.T) {
	r := newRig(t, limits(func(l *Limits) { l.Bits, l.MaxBits, l.Proved, l.GlobalFree = 3, 7, Rate{100, time.Minute}, 60 }))
	for range 5 {
		r.judge(home, Register, "")
	}
	var got []string
	for range 20 {
		d := r.judge(home, Register, "")
		got = append(got, fmt.Sprintf("%d/%v", d.Challenge.Bits, d.Challenge.Wait))
		r.judge(home, Register, solve(d.Challenge))
	}
	want := "3/20s 3/20s 3/20s 3/20s 4/30s 4/30s 4/30s 4/30s 5/40s 5/40s 5/40s 5/40s 6/50s 6/50s 6/50s 6/50s 7/1m0s 7/1m0s 7/1m0s 7/1m0s"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if d := r.judge("192.0.2.8:1", Register, ""); d.Verdict != Admit {
		t.Errorf("a neighbour: got %v, want admit", d.Verdict)
	}
}

func TestManySourcesTogether(t *testing.T) {
	r := newRig(t, limits(func(l *Limits) { l.Bits, l.MaxBits, l.GlobalFree, l.GlobalProved = 1, 3, 100, 150 }))
	from := func(i int) string { return fmt.Sprintf("10.%d.%d.9:99", i/250, i%250) } // each in a /24 of its own
	for i := range 100 {
		r.want(fmt.Sprint("free ", i), r.judge(from(i), Register, ""), Admit)
	}
	for i := range 50 {
		d := r.judge(from(100+i), Register, "")
		r.want(fmt.Sprint("the first of its source, ", i), d, Challenge)
		if d.Challenge.Bits != 3 {
			t.Fatalf("got %d bits, want 2 more than usual", d.Challenge.Bits)
		}
		r.want(fmt.Sprint("proved ", i), r.judge(from(100+i), Register, solve(d.Challenge)), Admit)
	}
	bursts := map[uint32]bool{}
	for i := range 40 {
		d := r.prove(from(150+i), Register)
		r.want(fmt.Sprint("above ", i), d, Hold)
		bursts[d.Burst] = true
	}
	if len(bursts) != 1 {
		t.Errorf("got %d bursts, want one for all", len(bursts))
	}
	r.want("a check meanwhile", r.judge(from(1), Check, ""), Admit)
	r.pass(globalWindow)
	r.want("a little too early", r.judge(from(250), Register, ""), Challenge)
	r.pass(globalWindow / windowSlots)
	r.want("ten minutes later", r.judge(from(251), Register, ""), Admit)
}

func TestHeldRegistrationsAreBoundedPerDay(t *testing.T) {
	r := newRig(t, limits(func(l *Limits) { l.Proved, l.HeldPerBurst, l.HeldPerDay = Rate{1, time.Minute}, 4, 10 }))
	held := 0
	for i := range 20 {
		from := fmt.Sprintf("192.0.%d.1:1", i)
		for range 12 {
			if r.prove(from, Register).Verdict == Hold {
				held++
			}
		}
	}
	if held != 5 {
		t.Errorf("got %d held of people who registered more before, want half of 10", held)
	}
	d := r.prove("192.0.19.1:1", Register)
	if d.Verdict != Refuse || d.RetryAfter != time.Hour {
		t.Errorf("got %+v, want a refusal for an hour", d)
	}
	r.pass(dayWindow + dayWindow/windowSlots)
	for range 7 {
		d = r.prove(home, Register)
	}
	r.want("the day after", d, Hold)
}

// TestAnswersDoNotDependOnWhatIsRegistered sends the same sequence with different bodies through two guards: the guard reads no
// body, so that it cannot tell what is registered.
func TestAnswersDoNotDependOnWhatIsRegistered(t *testing.T) {
	one, other := newRig(t), newRig(t)
	for i := range 60 {
		what := Kind(i % 3)
		a, b := request(home), request(home)
		a.Body, b.Body = unread{t}, unread{t}
		a.Form, b.Form = map[string][]string{"address": {"a"}}, nil
		if x, y := one.g.Judge(a, what, ""), other.g.Judge(b, what, ""); plainly(x) != plainly(y) {
			t.Fatalf("request %d: got %+v and %+v, want the same", i, x, y)
		}
	}
}

// plainly is a decision without what it would give back, which is another place in every guard.
func plainly(d Decision) Decision {
	d.took = nil
	return d
}

func TestLimitsAreChecked(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Limits)
		want   []string
	}{
		{"none given", func(l *Limits) { *l = Limits{} }, nil},
		{"the default", func(l *Limits) { *l = DefaultLimits() }, nil},
		{"only bits", func(l *Limits) { *l = Limits{Bits: 5} }, nil},
		{"only many without a proof", func(l *Limits) { l.GlobalFree = 5000 }, nil},
		{"two at once", func(l *Limits) { l.Free.Burst, l.Sources = -1, -5 }, []string{"free: -1 at once", "sources: -5"}},
		{"half a rate", func(l *Limits) { l.Proved = Rate{Burst: 5} }, []string{"proved: 5 at once and one in 0s"}},
		{"slower than is remembered", func(l *Limits) { l.LookFree = Rate{1, time.Hour} }, []string{"look free: 1 at once and one in 1h0m0s"}},
		{"bits the wrong way round", func(l *Limits) { l.Bits, l.MaxBits = 18, 17 }, []string{"17 does not go with 18"}},
		{"bits that take a day", func(l *Limits) { l.Bits, l.MaxBits = 40, 41 }, []string{"bits: 40", "max bits: 41"}},
		{"thresholds the wrong way round", func(l *Limits) { l.GlobalFree, l.GlobalProved = 10, 9 }, []string{"9 is less than the 10"}},
		{"looks the wrong way round", func(l *Limits) { l.GlobalLookFree, l.GlobalLook = 10, 9 }, []string{"checks with a proof: 9 is less than the 10"}},
		{"no site at all", func(l *Limits) { l.Site, l.Block = Rate{-1, time.Second}, Rate{5, 0} }, []string{"site: -1 at once", "block: 5 at once and one in 0s"}},
		{"no day", func(l *Limits) { l.EnforcedPerDay, l.Firsts = -1, 257 }, []string{"enforced in a day: -1", "firsts: 257"}},
		{"no patience", func(l *Limits) { l.Wait = time.Millisecond }, []string{"wait: 1ms"}},
		{"waits longer than a token lives", func(l *Limits) { l.Wait = time.Hour }, []string{"wait: 1h"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var l Limits
			row.change(&l)
			_, err := New(Options{Limits: l})
			if (err != nil) != (len(row.want) > 0) {
				t.Fatalf("got %v, want %q", err, row.want)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
	if _, err := New(Options{TrustedProxies: []netip.Prefix{{}}}); err == nil {
		t.Error("an invalid prefix was taken")
	}
	l := DefaultLimits()
	if a, b := l.Bound(10*time.Minute), l.Bound(time.Hour); a != 52 || b != 212 {
		t.Errorf("got bounds %d and %d, want 52 and 212, as the comment says", a, b)
	}
	if v6, v4 := l.SiteBound(time.Hour); v6 != 421 || v4 != 841 || l.TotalBound(time.Hour) != 7200 {
		t.Errorf("got bounds %d, %d and %d, want 421, 841 and 7200, as the comments say", v6, v4, l.TotalBound(time.Hour))
	}
	if a, b := l.GlobalProved/2, l.GlobalProved/4/l.Firsts; a != 600 || b != 37 {
		t.Errorf("got %d sources in %d networks, want 600 in 37, as the comment says", a, b)
	}
	last := l.Wait + time.Duration(maxSteps)*l.Wait/2
	if l.Wait = time.Minute; last >= TokenLife || l.Wait+maxSteps*l.Wait/2 >= TokenLife {
		t.Errorf("the longest wait is longer than a token lives")
	}
	if float64(l.HeldPerDay)/math.Exp2(28) > .001 {
		t.Errorf("a day's quarantine is more than a thousandth of all tags")
	}
}

// TestWithoutRandomnessNothingIsAdmitted lets randomness end at different places.
func TestWithoutRandomnessNothingIsAdmitted(t *testing.T) {
	if _, err := New(Options{Random: iotest.ErrReader(errors.New("broken"))}); err == nil {
		t.Error("a guard was made without keys")
	}
	broken := newRig(t, func(o *Options) { o.Random = io.LimitReader(o.Random, 32+8+8) })
	for range 5 {
		broken.want("free", broken.judge(home, Register, ""), Admit)
	}
	broken.want("the last random number", broken.judge(home, Register, ""), Challenge)
	broken.want("and one more", broken.judge(home, Register, ""), Challenge)
	broken.want("no token", broken.judge(home, Register, ""), Refuse)
	broken.pass(keyLife)
	broken.want("no key", broken.judge("192.0.2.99:1", Check, ""), Refuse)
	if strings.Contains(broken.log.String(), "192") || !strings.Contains(broken.log.String(), "no random numbers") {
		t.Errorf("got the log %q", broken.log.String())
	}

	burst := newRig(t, func(o *Options) { o.Random, o.Limits.Proved = io.LimitReader(o.Random, 32+2*8+3), Rate{1, time.Minute} })
	for range 5 {
		burst.judge(home, Register, "")
	}
	burst.want("proved", burst.prove(home, Register), Admit)
	burst.want("no burst number", burst.prove(home, Register), Refuse)
}
