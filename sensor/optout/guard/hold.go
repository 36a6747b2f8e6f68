package guard

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// burst is a random number that registrations which are held together share, so that a person can review them as one.
type burst struct {
	number uint32
	born   instant
	held   int
}

// hold sends a registration to quarantine, or refuses it where too many went there. It belongs to the burst of its site, or to
// the one of people who come once from everywhere, where it is held because of all that goes on.
//
// How many are held in a day is counted by this process only: the count begins at 0 when it is started, and it knows neither what
// other instances hold nor what an operator decided meanwhile. What waits altogether is for the registry to say.
func (g *Guard) hold(c *claim, b *burst) (Decision, error) {
	now := c.now
	if g.held.full(g.limits.HeldPerDay, c.first, now) {
		return refuse(time.Hour), nil
	}
	full := func() bool { return b.held >= g.limits.HeldPerBurst }
	if b.number == 0 || now >= b.born.add(SourceLife) || b == &g.spread && full() {
		if err := g.begin(b, now); err != nil {
			return Decision{}, err
		}
	}
	if full() {
		return refuse(time.Duration(b.born.add(SourceLife) - now)), nil
	}
	b.held++
	g.held.add(c.first, now)
	c.burst, c.number, c.proved = b, b.number, true
	return g.decide(Decision{Verdict: Hold, Burst: b.number}, c), nil
}

func (g *Guard) begin(b *burst, now instant) error {
	var raw [4]byte
	if _, err := io.ReadFull(g.random, raw[:]); err != nil {
		return fmt.Errorf("draw a burst's number: %w", err)
	}
	*b = burst{number: max(1, binary.BigEndian.Uint32(raw[:])), born: now}
	g.metrics.bursts.Inc()
	g.warn(b.number, now)
	return nil
}

// warn tells the operator of a burst, once a minute at most: the metrics count the others.
func (g *Guard) warn(number uint32, now instant) {
	if g.warned && now < g.warnedAt.add(sweepEvery) {
		return
	}
	g.warned, g.warnedAt = true, now
	g.log.Warn("a burst of registrations goes to quarantine: look at it with footfall optout review", "burst", number)
}
