package registry

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync/atomic"
	"time"
)

// A list holds eight bytes a record. Records are sorted by tag; the first indexBits of a tag are an index into them, so an
// entry holds the other 14 bits of the tag above 50 bits of a hash of the record's key. Two keys that share those 50 bits
// would replace each other: among a million records there is one such pair with probability 0.0005.
const (
	indexBits = 14
	restBits  = TagBits - indexBits
	keyBits   = 64 - restBits
	keyMask   = 1<<keyBits - 1
)

// snapshot is one version of the list. It never changes.
type snapshot struct {
	version uint64
	index   [1<<indexBits + 1]uint32 // where the entries of a tag's first bits begin
	entries []uint64
}

// List is the opt-out list of a sensor. Has may be called from anywhere while Follow keeps it up to date: readers look at a
// snapshot and never wait.
type List struct {
	current   atomic.Pointer[snapshot]
	confirmed atomic.Int64 // Unix nanoseconds; 0 never
}

// NewList returns a list that is empty and not confirmed: whoever asks it must count only, until Load or Follow gave it one.
func NewList() *List {
	l := new(List)
	l.current.Store(new(snapshot))
	return l
}

// Has says whether a record has the tag. It does not allocate.
func (l *List) Has(tag uint32) bool {
	if tag >= 1<<TagBits {
		return false
	}
	s := l.current.Load()
	at, end := s.index[tag>>restBits], s.index[tag>>restBits+1]
	want := uint64(tag) << keyBits // the shift drops the bits that the index holds
	for at < end {
		if middle := at + (end-at)/2; s.entries[middle] < want {
			at = middle + 1
		} else {
			end = middle
		}
	}
	return at < s.index[tag>>restBits+1] && s.entries[at]>>keyBits == want>>keyBits
}

// Version is the end offset of the topic that the list stands for: it changes with every record, and goes into the headers
// of the batches made under it.
func (l *List) Version() uint64 { return l.current.Load().version }

// Len is how many records the list holds.
func (l *List) Len() int { return len(l.current.Load().entries) }

// ConfirmedAt is when the list last stood at the end of the topic, also in an earlier start that saved it; the zero time where
// it never did. After optout_max_age without it a sensor counts only.
func (l *List) ConfirmedAt() time.Time {
	ns := l.confirmed.Load()
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// change is what a record does to the list.
type change struct {
	key     uint64 // keyBits of the key's hash
	tag     uint32 // with removedBit
	arrival uint32 // the newest change of a key counts
}

const removedBit = 1 << 31

func changeOf(r Record, arrival int) change {
	sum := sha256.Sum256(r.Key)
	c := change{key: binary.BigEndian.Uint64(sum[:]) & keyMask, tag: r.Tag, arrival: uint32(arrival)}
	if r.Removed {
		c.tag |= removedBit
	}
	return c
}

// loader collects changes and applies them in bulk: a million records one by one would copy the list a million times.
type loader struct {
	base    *snapshot
	pending []change
}

// Changes wait until they are a good part of the list, so that loading copies each record a few times only.
const minPending = 8192

func (b *loader) add(r Record) {
	b.pending = append(b.pending, changeOf(r, len(b.pending)))
	if len(b.pending) >= max(minPending, len(b.base.entries)/4) {
		b.apply(b.base.version)
	}
}

// apply makes the next snapshot; the one before stays as it is.
func (b *loader) apply(version uint64) *snapshot {
	changes := lastOfEachKey(b.pending)
	b.pending = b.pending[:0]
	var adds []change
	for _, c := range changes {
		if c.tag&removedBit == 0 {
			adds = append(adds, c)
		}
	}
	slices.SortFunc(adds, func(a, b change) int { return cmp.Or(cmp.Compare(a.tag, b.tag), cmp.Compare(a.key, b.key)) })
	b.base = merge(b.base, changes, adds, version)
	if cap(b.pending) > minPending {
		b.pending = nil // loading is over, or grows it again
	}
	return b.base
}

// lastOfEachKey sorts by key and keeps the newest change of each.
func lastOfEachKey(changes []change) []change {
	slices.SortFunc(changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.arrival, b.arrival))
	})
	kept := changes[:0]
	for i, c := range changes {
		if i+1 == len(changes) || changes[i+1].key != c.key {
			kept = append(kept, c)
		}
	}
	return kept
}

// merge copies what no change touches and adds what the changes add, in the order of the tags.
func merge(old *snapshot, touched, adds []change, version uint64) *snapshot {
	s := &snapshot{version: version, entries: make([]uint64, 0, len(old.entries)+len(adds))}
	for bucket := range uint32(1 << indexBits) {
		s.index[bucket] = uint32(len(s.entries))
		for _, e := range old.entries[old.index[bucket]:old.index[bucket+1]] {
			if !touches(touched, e&keyMask) {
				adds = s.addBefore(adds, bucket, e)
				s.entries = append(s.entries, e)
			}
		}
		adds = s.addBefore(adds, bucket, 1<<64-1)
	}
	s.index[1<<indexBits] = uint32(len(s.entries))
	return s
}

// touches says whether one of the changes, sorted by key, is of the key. Mostly there is one change.
func touches(changes []change, key uint64) bool {
	at, end := 0, len(changes)
	for at < end {
		if middle := int(uint(at+end) / 2); changes[middle].key < key {
			at = middle + 1
		} else {
			end = middle
		}
	}
	return at < len(changes) && changes[at].key == key
}

// addBefore appends the additions of a bucket that come no later than the entry, and returns the others.
func (s *snapshot) addBefore(adds []change, bucket uint32, entry uint64) []change {
	for len(adds) > 0 && adds[0].tag>>restBits == bucket {
		e := uint64(adds[0].tag)<<keyBits | adds[0].key // the shift drops the bits that the index holds
		if e > entry {
			break
		}
		s.entries = append(s.entries, e)
		adds = adds[1:]
	}
	return adds
}

// joined is how many records the list has that the one before did not have: the same record again is none, another one with a
// tag that was listed already is one.
func (s *snapshot) joined(before *snapshot) (records int) {
	for bucket := range 1 << indexBits {
		old := before.entries[before.index[bucket]:before.index[bucket+1]]
		for _, e := range s.entries[s.index[bucket]:s.index[bucket+1]] {
			for len(old) > 0 && old[0] < e {
				old = old[1:]
			}
			if len(old) == 0 || old[0] != e {
				records++
			}
		}
	}
	return records
}
