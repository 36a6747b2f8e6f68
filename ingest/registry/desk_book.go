package registry

import (
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// keyHash stands for a record's key in memory. Half of SHA-256 has no two keys alike by chance or by search.
type keyHash [16]byte

func hashKey(key []byte) keyHash {
	sum := sha256.Sum256(key)
	return keyHash(sum[:16])
}

// entry is what is kept of a record of either topic.
type entry struct {
	next uint64 // the offset behind the record
	tag  uint32
	day  int32
}

// detail is what is kept of a record of the quarantine besides: releasing it takes its whole key.
type detail struct {
	key   string
	burst uint32
}

// book is what one of the two topics says. It has no lock.
type book struct {
	entries map[keyHash]entry
	details map[keyHash]detail
	bursts  map[uint32]int // how many records have the number; of the quarantine
	end     uint64         // the offset that the book stands for
}

func newBook() *book {
	return &book{entries: map[keyHash]entry{}, details: map[keyHash]detail{}, bursts: map[uint32]int{}}
}

// list reads a record of the registry into the book. The error is ErrBroken.
func (b *book) list(key, value []byte, offset int64) (removed bool, err error) {
	r, err := Decode(key, value)
	if err != nil {
		return false, err
	}
	h := hashKey(key)
	b.remove(h)
	if !r.Removed {
		b.entries[h] = entry{uint64(offset) + 1, r.Tag, r.Day}
	}
	return r.Removed, nil
}

// hold reads a record of the quarantine into the book. The error is ErrBrokenHeld.
func (b *book) hold(key, value []byte, offset int64) (removed bool, err error) {
	r, err := DecodeHeld(key, value)
	if err != nil {
		return false, err
	}
	h := hashKey(key)
	b.remove(h)
	if !r.Removed {
		b.entries[h] = entry{uint64(offset) + 1, r.Tag, r.Day}
		b.details[h] = detail{string(r.Key), r.Burst}
		b.bursts[r.Burst]++
	}
	return r.Removed, nil
}

func (b *book) remove(h keyHash) {
	delete(b.entries, h)
	if d, held := b.details[h]; held {
		delete(b.details, h)
		if b.bursts[d.burst]--; b.bursts[d.burst] == 0 {
			delete(b.bursts, d.burst)
		}
	}
}

// sweep removes what was registered before the day: Kafka has dropped it by then, and tells nobody.
func (b *book) sweep(before calendar.Day) {
	for h, e := range b.entries {
		if calendar.Day(e.day) < before {
			b.remove(h)
		}
	}
}

// ofBurst are the quarantine's records of a burst, in the order of their keys.
func (b *book) ofBurst(burst uint32) []HeldRecord {
	var list []HeldRecord
	for h, d := range b.details {
		if d.burst == burst {
			e := b.entries[h]
			list = append(list, HeldRecord{Key: []byte(d.key), Tag: e.tag, Day: e.day, Burst: burst})
		}
	}
	slices.SortFunc(list, func(a, b HeldRecord) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return list
}
