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

// hold sends a registration to quarantine, or refuses it where too many went there. It belongs to the burst of its source, or to
// the one of many sources together where it is held because of them.
func (g *Guard) hold(b *burst, now instant) (Decision, error) {
	if b.number == 0 || now >= b.born.add(SourceLife) {
		if err := g.begin(b, now); err != nil {
			return Decision{}, err
		}
	}
	if b.held >= g.limits.HeldPerBurst {
		return refuse(time.Duration(b.born.add(SourceLife) - now)), nil
	}
	if g.held.count(now) >= g.limits.HeldPerDay {
		return refuse(time.Hour), nil
	}
	b.held++
	g.held.add(now)
	return Decision{Verdict: Hold, Burst: b.number}, nil
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
