package run

import (
	"cmp"
	"math"
	"slices"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/storeday"
	"github.com/openfootfall/footfall/ingest/wire"
)

// heard is what one sensor heard in one open store-day, by minute. Each day has a stream of its own: classes of different days
// are never compared, and so the end of a day can say nothing about minutes of the next one that are still to come.
type heard struct {
	params  estimate.Params
	minutes map[int64]*storeday.Minute
	streams map[int]*estimate.Stream // by the inside floor in dBm, which changes when a sensor is set anew
	resume  int64                    // the minute after the last one that was final before a restart
	boots   map[uint64]int64         // last minute of each boot
	held    []heldMinute             // which offset brought which minute, oldest offset first
}

type heldMinute struct{ offset, minute int64 }

func newHeard(p estimate.Params) *heard {
	return &heard{params: p, minutes: map[int64]*storeday.Minute{}, streams: map[int]*estimate.Stream{}, boots: map[uint64]int64{}}
}

// stream is that of the floor from which the sensor takes devices as inside; 0 on the wire is the default.
func (h *heard) stream(floor int32) *estimate.Stream {
	p := h.params
	if floor != 0 {
		p.FloorDBm = int(floor)
	}
	s := h.streams[p.FloorDBm]
	if s == nil {
		s = estimate.NewStream(p, false, h.resume)
		h.streams[p.FloorDBm] = s
	}
	return s
}

// end makes all minutes final.
func (h *heard) end() {
	for _, s := range h.streams {
		s.End()
	}
}

// live is the random devices that the sensor still hears in a minute.
func (h *heard) live(minute int64, hold float64) (most float64) {
	for _, s := range h.streams {
		n, _ := s.Live(minute, hold)
		most = max(most, n)
	}
	return most
}

// counters adds minutes to the sensor's stream. A minute of a boot counts once; minutes that were final before a restart are
// only a past to look back on.
func (d *openDay) counters(s *state, sensor int, offset int64, h *wire.Header, c *wire.MinuteCounters) (reason string) {
	first, end := s.cfg.Calendar.Start(d.day).Unix()/60, s.cfg.Calendar.End(d.day).Unix()/60
	ear := d.heard[sensor]
	var m wire.Minute
	for minutes := c.Minutes(); minutes.Next(&m); {
		if m.Minute < first || m.Minute >= end {
			reason = reasonOutsideDay
			continue
		}
		if last, seen := ear.boots[h.Boot]; seen && m.Minute <= last {
			continue
		}
		ear.boots[h.Boot] = m.Minute
		ear.stream(c.InsideDbm).Add(h.Boot, storeday.Counters(h.ClassEpoch, &m))
		for _, stream := range ear.streams { // the sensor's minutes come in order, whatever it is set to
			stream.Advance(m.Minute)
		}
		ear.held = append(ear.held, heldMinute{offset, m.Minute})
		ear.add(storeday.Heard(&m))
	}
	return reason
}

// add sums the boots of a minute.
func (h *heard) add(m storeday.Minute) {
	at := h.minutes[m.Minute]
	switch {
	case at == nil:
		h.minutes[m.Minute] = &m
	case !at.Final:
		at.ListenedS = min(60, at.ListenedS+m.ListenedS)
		at.FramesRandom += m.FramesRandom
		at.FramesStable += m.FramesStable
		at.PassersBy += m.PassersBy
		at.ExcludedLong += m.ExcludedLong
	}
}

// rollup keeps the largest count of each quarter, whoever sent it and whatever for: a later count of one sensor's distinct
// devices contains the earlier one, two runs of a sensor may have heard the same devices, and so do two sensors of a store.
func (d *openDay) rollup(s *state, r *wire.Rollup) (reason string) {
	first, end := s.cfg.Calendar.Start(d.day).Unix()/60, s.cfg.Calendar.End(d.day).Unix()/60
	for q := range r.Quarters() {
		if at := q.Quarter * estimate.Quarter; at < first || at >= end {
			reason = reasonOutsideDay
			continue
		}
		d.counted[q.Quarter] = max(d.counted[q.Quarter], q.Devices)
	}
	return reason
}

// settle puts the streams' final results into the minutes they belong to, and lets go of the messages that no result needs
// any more. What was heard before the last final minute without listening is as final as the rest.
func (d *openDay) settle(s *state) {
	gap := func(int32) (float64, bool) {
		w, known := s.meanStay(d.day)
		return estimate.GapFor(w), known
	}
	for _, h := range d.heard {
		if h.settle(gap) {
			d.dirty = true
		}
	}
}

func (h *heard) settle(gap func(epoch int32) (float64, bool)) (changed bool) {
	next, oldest := int64(math.MaxInt64), int64(math.MaxInt64)
	for _, stream := range h.streams {
		for _, p := range stream.Final(gap) {
			changed = true
			if m := h.minutes[p.Minute]; m != nil && !m.Final {
				m.Random, m.Final = p.Random, true
			}
		}
		next = min(next, stream.Next())
		if at, ok := stream.Oldest(); ok {
			oldest = min(oldest, at)
		}
	}
	if !changed {
		return false
	}
	for at, m := range h.minutes {
		m.Final = m.Final || at < next
	}
	if oldest < math.MaxInt64 {
		h.release(oldest)
	}
	return true
}

// release forgets which offsets brought the minutes before the oldest that the stream still holds.
func (h *heard) release(oldest int64) {
	n := 0
	for n < len(h.held) && h.held[n].minute < oldest {
		n++
	}
	h.held = h.held[n:]
}

// provisional gives every minute that is not final yet its live form. In a day's first minutes the crowd of the evening before
// may still be there: the larger of the two counts, never their sum (DESIGN section 8).
func (d *openDay) provisional(s *state) {
	w, _ := s.meanStay(d.day)
	hold := estimate.HoldFor(w)
	before := s.days[d.day-1]
	for sensor, h := range d.heard {
		for _, stream := range h.streams {
			for _, p := range stream.Provisional(hold) {
				m := h.minutes[p.Minute]
				if m == nil || m.Final {
					continue
				}
				if before != nil {
					p.Random = max(p.Random, before.heard[sensor].live(p.Minute, hold))
				}
				if m.Random != p.Random {
					m.Random, d.dirty = p.Random, true
				}
			}
		}
	}
}

func sortedMinutes(ms map[int64]*storeday.Minute) []storeday.Minute {
	out := make([]storeday.Minute, 0, len(ms))
	for _, m := range ms {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b storeday.Minute) int { return cmp.Compare(a.Minute, b.Minute) })
	return out
}
