package wire

import (
	"cmp"
	"slices"
)

// Return filters of a sensor: this store-week's and those of the four weeks before, of FilterBits bits each (DESIGN section 6).
const (
	ReturnFilters = 5
	FilterBits    = 1 << 16
)

// SightingsBuilder collects sightings of one store-day in any order and makes the columns of a Sightings. The zero value is
// ready; it is not for concurrent use. After Reset it keeps its memory, so that adding costs no allocation.
type SightingsBuilder struct {
	sightings []sighting
	answers   []answer
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

// Add notes a sighting of the id at a capture time in Unix milliseconds, with the band of its strongest frame.
func (b *SightingsBuilder) Add(id uint64, unixMS int64, band uint8) {
	b.sightings = append(b.sightings, sighting{id, unixMS, band})
}

// Answer notes the five noisy return bits of an id that just had its first visit on this sensor.
func (b *SightingsBuilder) Answer(id uint64, bits uint8) {
	b.answers = append(b.answers, answer{id, bits})
}

// Len is how many sightings were added since the last Reset.
func (b *SightingsBuilder) Len() int { return len(b.sightings) }

// Reset forgets everything added, and overwrites it: ids do not linger in the builder's memory.
func (b *SightingsBuilder) Reset() {
	clear(b.sightings)
	clear(b.answers)
	b.sightings, b.answers = b.sightings[:0], b.answers[:0]
}

// Build returns the columns and the header's base_ms: the earliest sighting. A sighting added twice appears once, with its
// stronger band; an id with an answer and no sighting appears with a count of 0. The builder is sorted by it and can go on.
func (b *SightingsBuilder) Build() (s *Sightings, baseMS int64) {
	slices.SortFunc(b.sightings, func(x, y sighting) int {
		return cmp.Or(cmp.Compare(x.id, y.id), cmp.Compare(x.ms, y.ms), cmp.Compare(y.band, x.band))
	})
	b.sightings = slices.CompactFunc(b.sightings, func(x, y sighting) bool { return x.id == y.id && x.ms == y.ms })
	slices.SortStableFunc(b.answers, func(x, y answer) int { return cmp.Compare(x.id, y.id) })
	b.answers = slices.CompactFunc(b.answers, func(x, y answer) bool { return x.id == y.id })

	s = &Sightings{
		OffsetsMs: make([]uint32, 0, len(b.sightings)),
		Bands:     make([]byte, 0, len(b.sightings)),
	}
	for i, x := range b.sightings {
		if i == 0 || x.ms < baseMS {
			baseMS = x.ms
		}
	}
	answers := b.answers
	for i := 0; i < len(b.sightings) || len(answers) > 0; {
		id := nextID(b.sightings[i:], answers)
		if len(answers) > 0 && answers[0].id == id {
			s.AnswerOf = append(s.AnswerOf, uint32(len(s.Ids)))
			s.Answers = append(s.Answers, answers[0].bits)
			answers = answers[1:]
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

// nextID is the smallest id that is still to be written; one of the two is not empty.
func nextID(sightings []sighting, answers []answer) uint64 {
	switch {
	case len(sightings) == 0:
		return answers[0].id
	case len(answers) == 0:
		return sightings[0].id
	default:
		return min(sightings[0].id, answers[0].id)
	}
}

// Run is what a Sightings says of one id. Its slices alias the message.
type Run struct {
	ID        uint64
	DeltasMS  []uint32 // the first from the header's base_ms, then from the one before
	Bands     []byte   // of each sighting
	Answer    uint8    // five noisy return bits, bit 0 this store-week; only where HasAnswer
	HasAnswer bool
}

// Runs goes over a Sightings that Decode accepted, id by id, in ascending order, without allocating:
//
//	for runs := s.Runs(); runs.Next(&run); { ... }
type Runs struct {
	s                  *Sightings
	next, at, answered int
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
	r.next, r.at = r.next+1, end
	return true
}
