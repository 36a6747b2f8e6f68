package clock

import (
	"sync"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/keys"
)

// Guard judges readings, one about every second, and remembers the last one that it trusted. It is safe for concurrent use: one
// goroutine hears frames and another hears the broker.
type Guard struct {
	cal calendar.Calendar

	mu      sync.Mutex
	keysDay calendar.Day
	verdict Verdict
	last    Reading // of the last Check
	running bool    // a reading was trusted since the start
	trusted Reading // the last one
	heard   bool    // a broker answered since the start
	broker  Reading // what its clock said, and when
}

// New begins with the reading at the start of the process. keysDay is the store-day at which the keys stand.
func New(cal calendar.Calendar, keysDay calendar.Day, now Reading) *Guard {
	g := &Guard{cal: cal, keysDay: keysDay}
	g.Check(now)
	return g
}

// Check judges a reading. It is cheap, and changes nothing but the guard's own memory.
func (g *Guard) Check(r Reading) Verdict {
	r.Wall = r.Wall.Round(0) // or times would be compared by Go's monotonic clock, which no jump of the wall clock moves
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last, g.verdict = r, g.judge(r)
	if g.verdict == OK {
		g.running, g.trusted = true, r
	}
	return g.verdict
}

// Broker takes what the broker's clock said when it answered, and the reading at that moment.
func (g *Guard) Broker(at time.Time, r Reading) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.heard, g.broker = true, Reading{Wall: at.Round(0), Boot: r.Boot}
}

// MayTurn reports whether the keys may ratchet to the store-day now, as of the last Check. It is false for the day at which they
// stand already: there is nothing to turn.
func (g *Guard) MayTurn(to calendar.Day) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	gap := int64(to) - int64(g.keysDay)
	return g.verdict == OK && gap > 0 && gap <= keys.MaxGap && !g.last.Wall.Add(turnSlack).Before(g.cal.Start(to))
}

// Turned says that the keys stand at the store-day now. They never turn back, so an earlier day changes nothing.
func (g *Guard) Turned(day calendar.Day) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keysDay = max(g.keysDay, day)
}

func (g *Guard) judge(r Reading) Verdict {
	answered, agrees := g.confirmed(r)
	if g.running && apart(r.Wall, g.trusted.at(r.Boot)) > JumpMax {
		if !r.Synced || !agrees {
			return Jumped
		}
		g.trusted = r // the new time is right, and the old one was wrong
	}
	gap := int64(g.cal.DayOf(r.Wall)) - int64(g.keysDay)
	switch {
	case gap < 0:
		return BeforeKeys
	case gap > keys.MaxGap:
		return TooFar
	case !r.Synced:
		return Unsynchronised
	case gap == 0 || g.running || agrees:
		return OK
	case !answered:
		return Unconfirmed
	default:
		return Disagrees
	}
}

// confirmed says whether a broker answered lately, and whether its clock agrees with the reading.
func (g *Guard) confirmed(r Reading) (answered, agrees bool) {
	age := r.Boot - g.broker.Boot
	if !g.heard || age > brokerKeep {
		return false, false
	}
	return true, apart(r.Wall, g.broker.at(r.Boot)) <= BrokerMax
}

// at is where the wall clock of the reading has come to when the time since boot is that.
func (r Reading) at(boot time.Duration) time.Time { return r.Wall.Add(boot - r.Boot) }

// apart is the distance of two times; Sub stops at 292 years, and so does this.
func apart(a, b time.Time) time.Duration {
	if a.Before(b) {
		return b.Sub(a)
	}
	return a.Sub(b)
}
