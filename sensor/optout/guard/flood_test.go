package guard

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// TestFiftyThousandRegistrationsFromOneSource has a source that proves everything it is asked to, for an hour, and honest people
// who come once each from elsewhere, half of them with a script.
func TestFiftyThousandRegistrationsFromOneSource(t *testing.T) {
	r := newRig(t)
	got := map[Verdict]int{}
	bursts := map[uint32]int{}
	honest, waiting := 0, 0
	const all, span = 50_000, time.Hour
	for i := range all {
		d := r.prove("198.51.100.66:1", Register)
		got[d.Verdict]++
		if d.Verdict == Hold {
			bursts[d.Burst]++
		}
		if i%100 == 0 {
			from := fmt.Sprintf("10.1.%d.%d:1", i/25_000, i/100%250)
			if r.judge(from, Register, "").Verdict != Admit {
				t.Fatalf("an honest registration was not admitted after %d of the others", i)
			}
			honest++
		}
		if i%5000 == 1 { // a neighbour behind the same address is held up, not shut out: held for review at worst
			if v := r.prove("198.51.100.66:2", Register).Verdict; v == Challenge {
				waiting++
			}
		}
		r.pass(span / all)
	}
	bound := DefaultLimits().Bound(span)
	if got[Admit] == 0 || got[Admit] > bound {
		t.Errorf("got %d of %d enforced in %v, want %d at most", got[Admit], all, span, bound)
	}
	if n := got[Admit] + got[Hold] + got[Refuse]; n != all {
		t.Errorf("got %v, want each enforced, held or refused", got)
	}
	for _, n := range bursts {
		if n > DefaultLimits().HeldPerBurst {
			t.Errorf("got %d held in a burst", n)
		}
	}
	if honest != 500 || waiting > 0 {
		t.Errorf("got %d honest ones admitted, want 500; %d neighbours who proved were asked again", honest, waiting)
	}
	if m := r.metric("decisions_total", "register", "hold"); int(m) < got[Hold] || r.metric("bursts_total") != float64(len(bursts)) {
		t.Errorf("the metrics tell of %v held in %v bursts, want %d in %d", m, r.metric("bursts_total"), got[Hold], len(bursts))
	}
	t.Logf("of %d registrations of one source in %v %d were enforced (bound %d), %d held in %d bursts, %d refused; %d others were admitted at once",
		all, span, got[Admit], bound, got[Hold], len(bursts), got[Refuse], honest)
}

// TestWithoutAProofAFloodDoesNothing is the same without any work.
func TestWithoutAProofAFloodDoesNothing(t *testing.T) {
	r := newRig(t)
	got := map[Verdict]int{}
	for range 50_000 {
		got[r.judge("198.51.100.66:1", Register, "").Verdict]++
	}
	if got[Admit] != 5 || got[Challenge] != 49_995 {
		t.Errorf("got %v, want 5 admitted and all others challenged", got)
	}
}

// TestNoSpanHasMoreThanItsBound plays random sequences of requests from a few sources, with all kinds of pauses, and looks at
// every span of ten minutes and of an hour afterwards.
func TestNoSpanHasMoreThanItsBound(t *testing.T) {
	for seed := range uint64(12) {
		dice := rand.New(rand.NewPCG(seed, 5))
		l := Limits{
			Bits: 1, MaxBits: 1 + dice.IntN(3), Free: Rate{1 + dice.IntN(6), time.Duration(1+dice.IntN(300)) * time.Second},
			Proved: Rate{1 + dice.IntN(12), time.Duration(1+dice.IntN(300)) * time.Second}, GlobalFree: 5 + dice.IntN(40), GlobalProved: 60,
			HeldPerBurst: 1 + dice.IntN(50), HeldPerDay: 1 + dice.IntN(500),
		}
		r := newRig(t, func(o *Options) { o.Limits = l })
		sources := 1 + dice.IntN(8)
		admitted := make([][]time.Duration, sources+1)
		held, now := 0, time.Duration(0)
		var kept []string
		for range 6000 {
			if dice.IntN(3) == 0 {
				step := []time.Duration{time.Millisecond, time.Second, 20 * time.Second, time.Minute, 11 * time.Minute}[min(dice.IntN(12), dice.IntN(12), dice.IntN(12), 4)]
				r.pass(step)
				now += step
			}
			source := dice.IntN(sources)
			from := fmt.Sprintf("192.0.2.%d:1", source)
			d := r.judge(from, Register, "")
			switch {
			case d.Verdict == Challenge && dice.IntN(2) == 0:
				d = r.judge(from, Register, solve(d.Challenge))
			case d.Verdict == Challenge:
				kept = append(kept, d.Challenge.Token)
				d = r.judge(from, Register, kept[dice.IntN(len(kept))])
			}
			switch d.Verdict {
			case Admit:
				admitted[source] = append(admitted[source], now)
				admitted[sources] = append(admitted[sources], now)
			case Hold:
				held++
			}
		}
		complete, err := l.complete()
		if err != nil {
			t.Fatal(err)
		}
		for _, span := range []time.Duration{globalWindow, time.Hour} {
			for i, times := range admitted {
				bound := complete.Bound(span)
				if i == sources {
					bound = l.GlobalProved * int(span/globalWindow)
				}
				if most := within(times, span); most > bound {
					t.Errorf("seed %d, source %d: got %d admitted in %v, want %d at most", seed, i, most, span, bound)
				}
			}
		}
		if days := int(now/dayWindow) + 1; held > l.HeldPerDay*days {
			t.Errorf("seed %d: got %d held in %v, want %d a day", seed, held, now, l.HeldPerDay)
		}
	}
}

// within is the most times that lie within any half-open span of that length.
func within(times []time.Duration, span time.Duration) (most int) {
	for i, j := 0, 0; j < len(times); j++ {
		for times[j]-times[i] >= span {
			i++
		}
		most = max(most, j-i+1)
	}
	return most
}

func TestManyAtOnce(t *testing.T) {
	g, err := New(Options{Limits: Limits{Bits: 1, MaxBits: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	admitted := map[string]int{}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 400 {
				from := fmt.Sprintf("192.0.2.%d:1", i%4)
				d := g.Judge(request(from), Register, "")
				if d.Verdict == Challenge && n%2 == 0 {
					d = g.Judge(request(from), Register, solve(d.Challenge))
				}
				if d.Verdict == Admit {
					mu.Lock()
					admitted[from]++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	for from, n := range admitted {
		if n < 15 || n > DefaultLimits().Bound(time.Minute) {
			t.Errorf("%s: got %d admitted, want 15 or a few more", from, n)
		}
	}
	if len(admitted) != 4 {
		t.Errorf("got %d sources, want 4", len(admitted))
	}
}

// TestOneTokenManyTimesAtOnce redeems one proof from many goroutines.
func TestOneTokenManyTimesAtOnce(t *testing.T) {
	r := newRig(t, limits(func(l *Limits) { l.Free = Rate{1, SourceLife} }))
	r.judge(home, Register, "")
	proof := solve(r.judge(home, Register, "").Challenge)
	var all sync.WaitGroup
	verdicts := make([]Verdict, 64)
	for i := range verdicts {
		all.Go(func() { verdicts[i] = r.g.Judge(request(home), Register, proof).Verdict })
	}
	all.Wait()
	admitted := 0
	for _, v := range verdicts {
		if v == Admit {
			admitted++
		}
	}
	if admitted != 1 {
		t.Errorf("got %d admitted by one proof, want 1", admitted)
	}
}

func BenchmarkJudge(b *testing.B) {
	g, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	r := request(home)
	b.ReportAllocs()
	for b.Loop() {
		g.Judge(r, Register, "")
	}
}
