package estimate

import "slices"

// past is how many minutes before the next one to be final a stream keeps: no gap is longer.
const past = maxGap

// Stream is Final and Live for one sensor whose minutes arrive one after the other, in bounded memory: the longest gap behind
// the first minute that is not final yet, and what came after it. It is not safe for use by several goroutines.
//
// A restarted aggregator must come to the same rows: give NewStream the minute after the last one whose final value is
// stored, and replay from a point at or before Oldest as it stood. Minutes before resume are then a past to look back on and
// are never given out again.
type Stream struct {
	p      Params
	whole  bool
	resume int64 // minutes before it are the past of an earlier run
	next   int64 // the first minute that may still be given out
	clock  int64 // the latest minute known of
	begun  bool
	ended  bool
	late   uint64
	ms     []minute
	lastOf map[uint64]int64 // the latest minute of each boot: within a boot minutes come in order
}

// NewStream begins a stream. Gap and Hold of p are not used: they are given when a result is asked for, because a store-day's
// mean stay may be known late. whole is Final's, for a source that ends; resume is a Unix minute, 0 for a new sensor.
func NewStream(p Params, whole bool, resume int64) *Stream {
	return &Stream{p: p, whole: whole, resume: resume, next: resume, lastOf: map[uint64]int64{}}
}

// Add takes one minute of one boot of the sensor; it keeps nothing of d.Rows. The same minute of the same boot is taken once.
// Of a minute that is final already nothing is given out again: it is counted by Late, and is only a past for later minutes.
func (s *Stream) Add(boot uint64, d MinuteData) {
	if last, seen := s.lastOf[boot]; seen && d.Minute <= last {
		return
	}
	s.lastOf[boot] = d.Minute
	s.Advance(d.Minute)
	if d.Minute < s.next && d.Minute >= s.resume {
		s.late++
	}
	if !d.listened() || d.Minute < s.next-past {
		return
	}
	i := search(s.ms, d.Minute)
	if i == len(s.ms) || s.ms[i].at != d.Minute {
		s.ms = slices.Insert(s.ms, i, minute{at: d.Minute, epoch: d.Epoch})
	}
	if s.ms[i].epoch != d.Epoch {
		s.late++ // two boots that disagree about the class key cannot be added up: the first one stands
		return
	}
	s.ms[i].take(d)
}

// Advance moves the stream's clock to a minute (Unix minutes) of which a heartbeat said that nothing older follows.
func (s *Stream) Advance(at int64) {
	if !s.begun || at > s.clock {
		s.begun, s.clock = true, at
	}
}

// End says that no minute follows: all that are held become final.
func (s *Stream) End() { s.ended = true }

// Final gives, in order, the listened minutes that became final since the last call. A minute is final when the clock has
// passed both ends of its window (gap or 7 minutes, the longer) or the end of its class epoch; when it is at the end only,
// another boot may still add to it. gap gives G in minutes for a class epoch; where it is not known yet the stream holds.
// Call it once a batch rather than once a minute: each call looks at all the minutes held.
func (s *Stream) Final(gap func(epoch int32) (minutes float64, known bool)) []People {
	var out []People
	for {
		lo := search(s.ms, s.next)
		if lo == len(s.ms) {
			break
		}
		p := s.p
		known := false
		if p.Gap, known = gap(s.ms[lo].epoch); !known {
			break
		}
		p.Gap = clamp(p.Gap, 0, maxGap)
		s.whole = s.whole && float64(s.ms[len(s.ms)-1].at-s.ms[0].at+1) <= p.Gap
		hi := lo
		for hi < len(s.ms) && s.ms[hi].epoch == s.ms[lo].epoch && s.isFinal(s.ms[hi], p) {
			hi++
		}
		if hi == lo {
			break
		}
		out = append(out, final(s.ms, lo, hi, p, s.whole)...)
		s.next = s.ms[hi-1].at + 1
	}
	s.forget()
	return out
}

func (s *Stream) isFinal(m minute, p Params) bool {
	if s.ended {
		return true
	}
	if s.whole {
		return false // it is no longer than the gap so far, and may end as a capture without a past
	}
	return float64(s.clock-m.at) > p.horizon() || s.ms[len(s.ms)-1].epoch > m.epoch
}

// forget drops the minutes, and the boots, that no later result can need.
func (s *Stream) forget() {
	s.ms = slices.Delete(s.ms, 0, search(s.ms, s.next-past))
	for boot, last := range s.lastOf {
		if last < s.next-past && len(s.lastOf) > 1 {
			delete(s.lastOf, boot)
		}
	}
}

// Live is Live for the minute now with H = hold minutes. It can look no further back than the first minute still held.
func (s *Stream) Live(now int64, hold float64) (random float64, ok bool) {
	p := s.p
	p.Hold = hold
	return live(s.ms, p, now)
}

// Provisional gives the live form of every listened minute that is not final yet, each from what was heard up to it.
func (s *Stream) Provisional(hold float64) []People {
	var out []People
	for _, m := range s.ms[search(s.ms, s.next):] {
		n, _ := s.Live(m.at, hold)
		out = append(out, People{m.at, n})
	}
	return out
}

// Oldest is the oldest minute held (Unix minutes): a replay must begin at or before it. ok is false where none is held.
func (s *Stream) Oldest() (at int64, ok bool) {
	if len(s.ms) == 0 {
		return 0, false
	}
	return s.ms[0].at, true
}

// Next is the minute from which results will be given: what NewStream wants as resume once all before it is stored.
func (s *Stream) Next() int64 { return s.next }

// Late is how many minutes came after they were final.
func (s *Stream) Late() uint64 { return s.late }
