package outbox

import (
	"cmp"
	"slices"
	"time"
)

// entry is a message with ids that waits in the spool: 32 bytes, so that six hours of one a second cost 700 KB.
type entry struct {
	lsn       uint64
	timeMS    int64 // the oldest sighting, Unix milliseconds
	sightings uint32
	since     uint32 // seconds on the clock that nobody sets, when this start got it
	forget    bool   // a Forget, whose id the reader has already
	first     bool   // no other id leaves before it
}

// ledger lists the messages with ids, in the order of the spool. It answers what is due without reading the disk.
type ledger struct {
	entries []entry
	first   int // Forgets that go before any other id: here, and those whose time has not come
}

func seconds(d time.Duration) uint32 { return uint32(max(0, d) / time.Second) }

func (l *ledger) add(e entry) { l.entries = append(l.entries, e) }

func (l *ledger) find(lsn uint64) (entry, bool) {
	if i, ok := l.index(lsn); ok {
		return l.entries[i], true
	}
	return entry{}, false
}

func (l *ledger) index(lsn uint64) (int, bool) {
	return slices.BinarySearchFunc(l.entries, lsn, func(e entry, lsn uint64) int { return cmp.Compare(e.lsn, lsn) })
}

// remove takes a message out and returns what stood there.
func (l *ledger) remove(lsn uint64) (entry, bool) {
	i, ok := l.index(lsn)
	if !ok {
		return entry{}, false
	}
	e := l.entries[i]
	if e.first {
		l.first--
	}
	switch {
	case len(l.entries) == 1:
		l.entries = nil // gives the memory of a long outage back
	case i == 0:
		l.entries = l.entries[1:] // the usual case: the oldest goes first
	default:
		l.entries = slices.Delete(l.entries, i, i+1)
	}
	return e, true
}

// due lists the messages for which the condition holds.
func (l *ledger) due(condition func(e *entry) bool) (lsns []uint64) {
	for i := range l.entries {
		if condition(&l.entries[i]) {
			lsns = append(lsns, l.entries[i].lsn)
		}
	}
	return lsns
}

// oldest is the time of the oldest sighting that waits, in Unix milliseconds, or the given one if that is earlier.
func (l *ledger) oldest(ms int64) int64 {
	for i := range l.entries {
		if e := &l.entries[i]; !e.forget {
			ms = min(ms, e.timeMS)
		}
	}
	return ms
}

func (l *ledger) sightings() (n uint64) {
	for _, e := range l.entries {
		n += uint64(e.sightings)
	}
	return n
}
