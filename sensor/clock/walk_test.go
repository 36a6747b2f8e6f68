package clock

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/keys"
)

// walk is a box whose clocks are moved at random, beside a plain account of what happened.
type walk struct {
	r          *rand.Rand
	true       time.Time // what time it really is
	offset     time.Duration
	now        Reading
	keysDay    calendar.Day
	okAt       *Reading // the last reading with verdict ok
	confirmed  *Reading // the last one that was synchronised and that a broker agreed with
	brokerSaid time.Time
	brokerBoot time.Duration
	answered   bool
}

// move does one random thing. Where honest, the kernel says synchronised only while the clock is right.
func (w *walk) move(honest bool) {
	d := time.Duration(w.r.Int64N(int64(6 * time.Hour)))
	w.true, w.now.Boot = w.true.Add(d), w.now.Boot+d
	switch w.r.IntN(8) {
	case 0:
		w.offset += time.Duration(w.r.Int64N(int64(10*day))) - 5*day
	case 1:
		w.offset += time.Duration(w.r.Int64N(int64(200*day))) - 100*day
	case 2, 3:
		w.offset = 0
	case 4:
		w.now.Synced = w.r.IntN(3) > 0
	}
	w.now.Wall = w.true.Add(w.offset)
	if honest && w.offset != 0 {
		w.now.Synced = false
	}
}

// mayTrust is the rule in other words: what must hold at least where the verdict is ok.
func (w *walk) mayTrust(cal calendar.Calendar) bool {
	gap := cal.DayOf(w.now.Wall) - w.keysDay
	if !w.now.Synced || gap < 0 || gap > keys.MaxGap {
		return false
	}
	if w.okAt == nil {
		return gap == 0 || w.brokerAgrees()
	}
	return w.brokerAgrees() || w.follows(w.okAt) || w.confirmed != nil && w.follows(w.confirmed)
}

func (w *walk) brokerAgrees() bool {
	since := w.now.Boot - w.brokerBoot
	return w.answered && since <= day && w.now.Wall.Sub(w.brokerSaid.Add(since)).Abs() <= 5*time.Minute
}

// follows reports whether both clocks moved alike since the reading, by 2 days.
func (w *walk) follows(r *Reading) bool {
	return (w.now.Wall.Sub(r.Wall) - (w.now.Boot - r.Boot)).Abs() <= 2*day
}

// TestTheKeysNeverTurnByAnUntrustedClock walks at random: no verdict is better than the rule allows, no key turns under any
// other verdict, and with a kernel that says what is true the keys are never ahead of the day that it really is.
func TestTheKeysNeverTurnByAnUntrustedClock(t *testing.T) {
	cal := berlin(t)
	var trusted, turned, denied int
	for seed := range uint64(400) {
		honest := seed%2 == 0
		w := &walk{r: rand.New(rand.NewPCG(seed, 4)), true: noon(cal)}
		w.keysDay = cal.DayOf(w.true) - calendar.Day(w.r.IntN(40))
		w.now = Reading{Wall: w.true, Synced: w.r.IntN(2) == 0}
		g := New(cal, w.keysDay, w.now)
		for range 300 {
			if w.r.IntN(4) == 0 {
				lie := time.Duration(0)
				if w.r.IntN(4) == 0 {
					lie = time.Duration(w.r.Int64N(int64(20 * day)))
				}
				w.brokerSaid, w.brokerBoot, w.answered = w.true.Add(lie), w.now.Boot, true
				g.Broker(w.brokerSaid, w.now)
			}
			got := g.Check(w.now)
			if got.Trusted() && !w.mayTrust(cal) {
				t.Fatalf("seed %d: got %v, which nothing allows", seed, got)
			}
			to := w.keysDay + calendar.Day(w.r.IntN(8)) - 2
			if w.r.IntN(2) == 0 {
				to = cal.DayOf(w.now.Wall)
			}
			if may := g.MayTurn(to); may {
				switch {
				case !got.Trusted():
					t.Fatalf("seed %d: the keys may turn under %v", seed, got)
				case to <= w.keysDay || to > cal.DayOf(w.now.Wall.Add(turnSlack)):
					t.Fatalf("seed %d: the keys of %v may turn to %v at %v", seed, w.keysDay, to, w.now.Wall)
				case honest && to > cal.DayOf(w.true.Add(turnSlack)):
					t.Fatalf("seed %d: the keys turn to %v, and it is %v", seed, to, w.true)
				}
				g.Turned(to)
				w.keysDay = to
				turned++
			} else {
				denied++
			}
			here := w.now
			if got.Trusted() {
				w.okAt = &here
				trusted++
			}
			if w.okAt != nil && w.now.Synced && w.brokerAgrees() {
				w.confirmed = &here
			}
			w.move(honest)
		}
	}
	if trusted < 1000 || turned < 300 || denied < 1000 {
		t.Errorf("got %d trusted readings, %d turns and %d refusals: the walk shows too little", trusted, turned, denied)
	}
	t.Logf("%d trusted readings, %d turns, %d refusals", trusted, turned, denied)
}

// TestAClockThatIsRightIsTrusted is the other half: whatever happened before, a synchronised clock that the broker confirms is
// trusted while the keys are not ahead of it and at most 35 days behind.
func TestAClockThatIsRightIsTrusted(t *testing.T) {
	cal := berlin(t)
	for seed := range uint64(400) {
		w := &walk{r: rand.New(rand.NewPCG(seed, 5)), true: noon(cal)}
		w.keysDay = cal.DayOf(w.true) - calendar.Day(w.r.IntN(5))
		w.now = Reading{Wall: w.true}
		g := New(cal, w.keysDay, w.now)
		for range 60 {
			g.Check(w.now)
			w.move(false)
		}
		w.now.Wall, w.now.Synced = w.true, true
		g.Broker(w.true, w.now)
		gap := cal.DayOf(w.true) - w.keysDay
		want := OK
		if gap > keys.MaxGap {
			want = TooFar
		}
		if got := g.Check(w.now); got != want {
			t.Fatalf("seed %d, %d days behind: got %v, want %v", seed, gap, got, want)
		}
	}
}

// TestTheGuardIsSharedByGoroutines means something under the race detector.
func TestTheGuardIsSharedByGoroutines(t *testing.T) {
	cal := berlin(t)
	now := Reading{Wall: noon(cal), Synced: true}
	g := New(cal, cal.DayOf(now.Wall), now)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 200 {
				r := Reading{Wall: now.Wall.Add(time.Duration(i) * time.Minute), Boot: time.Duration(i) * time.Minute, Synced: true}
				g.Broker(r.Wall, r)
				g.Check(r)
				if to := cal.DayOf(r.Wall); g.MayTurn(to) {
					g.Turned(to)
				}
			}
		})
	}
	all.Wait()
}
