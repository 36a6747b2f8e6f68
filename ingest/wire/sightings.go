package wire

import (
	"cmp"
	"math"
	"slices"
)

// Return filters of a sensor: this store-week's and those of the four weeks before, of FilterBits bits each (DESIGN section 6).
const (
	ReturnFilters = 5
	FilterBits    = 1 << 16
)

// ReturnDays is how many store-days a period has, for which a return key of policy extended is good (DESIGN section 6).
const ReturnDays = 28

// ReturnPeriod is the period of a store-day: periods are counted from 2020-01-01, like days.
func ReturnPeriod(storeDay int32) int32 {
	if storeDay < 0 {
		return (storeDay+1)/ReturnDays - 1
	}
	return storeDay / ReturnDays
}

// SightingsBuilder collects sightings of one store-day in any order and makes the columns of a Sightings. The zero value is
// ready; it is not for concurrent use. After Reset it keeps its memory, so that adding costs no allocation.
type SightingsBuilder struct {
	sightings []sighting
	answers   []answer
	returns   []returning
}

type sighting struct {
	id   uint64
	ms   int64
	band uint8
}

type answer struct {
	id   uint64
	bits uint8
}

type returning struct {
	id, now, before uint64
}

// Add notes a sighting of the id at a capture time in Unix milliseconds, with the band of its strongest frame.
func (b *SightingsBuilder) Add(id uint64, unixMS int64, band uint8) {
	b.sightings = append(b.sightings, sighting{id, unixMS, band})
}

// Answer notes the five noisy return bits of an id that just had its first visit on this sensor.
func (b *SightingsBuilder) Answer(id uint64, bits uint8) {
	b.answers = append(b.answers, answer{id, bits})
}

// Return notes the return ids of an id that just had its first visit on this sensor, in a store of policy extended: that of this
// period, and that of the one before. Who builds says with return_period which they are.
func (b *SightingsBuilder) Return(id, now, before uint64) {
	b.returns = append(b.returns, returning{id, now, before})
}

// Len is how many sightings were added since the last Reset.
func (b *SightingsBuilder) Len() int { return len(b.sightings) }

// Reset forgets everything added, and overwrites it: ids do not linger in the builder's memory.
func (b *SightingsBuilder) Reset() {
	clear(b.sightings)
	clear(b.answers)
	clear(b.returns)
	b.sightings, b.answers, b.returns = b.sightings[:0], b.answers[:0], b.returns[:0]
}

// Build returns the columns and the header's base_ms: the earliest sighting. A sighting added twice appears once, with its
// stronger band; an id with an answer or return ids and no sighting appears with a count of 0; of two answers, or two pairs of
// return ids, of one id the first counts. The builder is sorted by it and can go on.
func (b *SightingsBuilder) Build() (s *Sightings, baseMS int64) {
	slices.SortFunc(b.sightings, func(x, y sighting) int {
		return cmp.Or(cmp.Compare(x.id, y.id), cmp.Compare(x.ms, y.ms), cmp.Compare(y.band, x.band))
	})
	b.sightings = slices.CompactFunc(b.sightings, func(x, y sighting) bool { return x.id == y.id && x.ms == y.ms })
	slices.SortStableFunc(b.answers, func(x, y answer) int { return cmp.Compare(x.id, y.id) })
	b.answers = slices.CompactFunc(b.answers, func(x, y answer) bool { return x.id == y.id })
	slices.SortStableFunc(b.returns, func(x, y returning) int { return cmp.Compare(x.id, y.id) })
	b.returns = slices.CompactFunc(b.returns, func(x, y returning) bool { return x.id == y.id })

	s = &Sightings{
		OffsetsMs: make([]uint32, 0, len(b.sightings)),
		Bands:     make([]byte, 0, len(b.sightings)),
	}
	for i, x := range b.sightings {
		if i == 0 || x.ms < baseMS {
			baseMS = x.ms
		}
	}
	answers, returns := b.answers, b.returns
	for i := 0; i < len(b.sightings) || len(answers) > 0 || len(returns) > 0; {
		id := nextID(b.sightings[i:], answers, returns)
		if len(answers) > 0 && answers[0].id == id {
			s.AnswerOf = append(s.AnswerOf, uint32(len(s.Ids)))
			s.Answers = append(s.Answers, answers[0].bits)
			answers = answers[1:]
		}
		if len(returns) > 0 && returns[0].id == id {
			s.ReturnOf = append(s.ReturnOf, uint32(len(s.Ids)))
			s.ReturnIds = append(s.ReturnIds, returns[0].now, returns[0].before)
			returns = returns[1:]
		}
		before, start := baseMS, i
		for ; i < len(b.sightings) && b.sightings[i].id == id; i++ {
			s.OffsetsMs = append(s.OffsetsMs, uint32(b.sightings[i].ms-before))
			s.Bands = append(s.Bands, b.sightings[i].band)
			before = b.sightings[i].ms
		}
		s.Ids = append(s.Ids, id)
		s.Counts = append(s.Counts, uint32(i-start))
	}
	return s, baseMS
}

// nextID is the smallest id that is still to be written; one of the three is not empty.
func nextID(sightings []sighting, answers []answer, returns []returning) uint64 {
	id := uint64(math.MaxUint64)
	if len(sightings) > 0 {
		id = sightings[0].id
	}
	if len(answers) > 0 {
		id = min(id, answers[0].id)
	}
	if len(returns) > 0 {
		id = min(id, returns[0].id)
	}
	return id
}

// Run is what a Sightings says of one id. Its slices alias the message.
type Run struct {
	ID        uint64
	DeltasMS  []uint32 // the first from the header's base_ms, then from the one before
	Bands     []byte   // of each sighting
	Answer    uint8    // five noisy return bits, bit 0 this store-week; only where HasAnswer
	HasAnswer bool
	Return    [2]uint64 // policy extended: the return ids of the message's return_period and of the one before; only where HasReturn
	HasReturn bool
}

// Runs goes over a Sightings that Decode accepted, id by id, in ascending order, without allocating:
//
//	for runs := s.Runs(); runs.Next(&run); { ... }
type Runs struct {
	s                            *Sightings
	next, at, answered, returned int
}

// Runs begins at the first id.
func (x *Sightings) Runs() Runs { return Runs{s: x} }

// Next fills in the next id's run and says whether there was one.
func (r *Runs) Next(run *Run) bool {
	s := r.s
	if s == nil || r.next >= len(s.Ids) {
		return false
	}
	end := r.at + int(s.Counts[r.next])
	run.ID = s.Ids[r.next]
	run.DeltasMS, run.Bands = s.OffsetsMs[r.at:end], s.Bands[r.at:end]
	run.Answer, run.HasAnswer = 0, false
	if r.answered < len(s.AnswerOf) && s.AnswerOf[r.answered] == uint32(r.next) {
		run.Answer, run.HasAnswer = s.Answers[r.answered], true
		r.answered++
	}
	run.Return, run.HasReturn = [2]uint64{}, false
	if r.returned < len(s.ReturnOf) && s.ReturnOf[r.returned] == uint32(r.next) {
		run.Return, run.HasReturn = [2]uint64(s.ReturnIds[2*r.returned:]), true
		r.returned++
	}
	r.next, r.at = r.next+1, end
	return true
}
