package simulate

import "math"

// Strengths that a phone's place allows, in dBm, before noise inside and after it outside.
const (
	nearest, farthest               = -45, -66
	nearestOutside, farthestOutside = -74, -88
	longestBurst                    = second // no burst takes longer
)

// emit sends the bursts of one stay. The first comes at a random point of the phone's interval: nothing happens at the door.
func (p *planner) emit(i int32) {
	s := &p.day.stays[i]
	m := p.day.devices[s.device].phone.model
	last := min(s.to, p.day.length-longestBurst)
	step := int64(s.interval * float64(second))
	for at := s.from + p.dice.Int64N(step); at < last; at += p.pause(s.interval) {
		frames := m.frames + p.dice.IntN(2)
		if m.addresses {
			frames = 4 + p.dice.IntN(6)
		}
		p.day.bursts = append(p.day.bursts, burst{at, i, uint8(frames), p.peak(s)})
	}
}

// pause is the time to the next burst: the product's interval, or, three times in ten, something else around it.
func (p *planner) pause(seconds float64) int64 {
	f := p.dice.between(0.95, 1.05)
	if p.dice.chance(0.3) {
		f = p.dice.between(0.3, 1.7)
	}
	return max(int64(seconds*f*float64(second)), 2*longestBurst)
}

// peak is the strength of a burst's strongest frame: where the phone is now, and noise.
func (p *planner) peak(s *stay) int8 {
	switch s.role {
	case passer, neighbour:
		return int8(math.Round(min(max(s.strength+2*p.dice.NormFloat64(), farthestOutside), nearestOutside)))
	case fixture:
		return int8(math.Round(s.strength + p.dice.NormFloat64()))
	case shopper, staff:
	}
	place := min(max(s.strength+3*p.dice.NormFloat64(), farthest), nearest)
	return int8(math.Round(place + 1.5*p.dice.NormFloat64()))
}
