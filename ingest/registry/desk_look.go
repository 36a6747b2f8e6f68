package registry

import (
	"fmt"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// State is what became of a receipt.
type State uint8

// The states. None is that of a receipt that was undone, dropped, or never was.
const (
	None   State = iota
	Listed       // sensors enforce it
	Held         // in quarantine, for an operator
)

// String is the state as a log shows it.
func (s State) String() string {
	switch s {
	case None:
		return "none"
	case Listed:
		return "listed"
	case Held:
		return "held"
	}
	return fmt.Sprintf("state_%d", uint8(s))
}

// Standing is what is known of a receipt.
type Standing struct {
	State   State
	Day     time.Time // of the registration, as the beginning of the UTC day; zero for None
	Version uint64    // of the list, from which on sensors enforce it; zero but for Listed
}

// Look says what became of the receipt that the key is the hash of. It asks Kafka nothing, and does the same for one that is
// known and one that is not.
func (d *Desk) Look(key []byte) Standing {
	h := hashKey(key)
	d.mu.RLock()
	listed, isListed := d.optouts.entries[h]
	held, isHeld := d.held.entries[h]
	d.mu.RUnlock()
	switch {
	case isListed:
		return Standing{Listed, calendar.Day(listed.day).Date(), listed.next}
	case isHeld:
		return Standing{Held, calendar.Day(held.day).Date(), 0}
	}
	return Standing{}
}

// Stats are counts over the registry.
type Stats struct {
	Records int    // registrations that are enforced
	Held    int    // registrations in quarantine
	Bursts  int    // bursts that they came in
	Version uint64 // of the list, as registry.List counts it
	// OverExclusion is at most the probability that an address which nobody registered shares a tag with one that somebody did, and
	// is left out with it: registrations / 2^28, because tags are drawn alike by a keyed hash (DESIGN section 5). It does not count
	// distinct tags, which would be a little less: whoever registers an address could read off the figure whether it was listed.
	OverExclusion float64
}

// Stats counts.
func (d *Desk) Stats() Stats {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.stats()
}

func (d *Desk) stats() Stats {
	return Stats{
		Records: len(d.optouts.entries), Held: len(d.held.entries), Bursts: len(d.held.bursts),
		Version: d.optouts.end, OverExclusion: float64(len(d.optouts.entries)) / (1 << TagBits),
	}
}
