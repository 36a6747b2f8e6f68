// Package lifetime computes how long an id lives from the settings under which it is made (DESIGN section 6). The notice prints
// these times and the audit holds what is kept against them, so they stand in one place. Settings come in, bounds go out.
package lifetime

import (
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
)

// StoreDay is the life of a day's key. Where clocks change it is an hour longer or shorter.
const StoreDay = 24 * time.Hour

// CheckInterval is how long a file that Kafka may delete can stay on its disk: Kafka looks every 5 minutes
// (log.retention.check.interval.ms) and deletes a minute later (file.delete.delay.ms), both by default.
const CheckInterval = 6 * time.Minute

// Bounds are the longest lives of an id, each counted from the sighting that made it.
type Bounds struct {
	Key     time.Duration // until the key of its day is destroyed, after which nobody can compute it from an address
	Online  time.Duration // until it is nowhere, from a sensor that could send when it heard it
	Longest time.Duration // until it is nowhere, from one that could not, and sent it at the last moment
}

// Of returns the bounds for a store's seal_after and its sensors' spool_id_age: an id made at the start of a store-day lives until
// the day is sealed, its segment rolled and the file deleted. An id of the day's last moment may be held for spool_id_age and
// then leave in a message that is written to a segment just begun.
func Of(sealAfter, spoolIDAge time.Duration) Bounds {
	online := StoreDay + sealAfter + broker.Segment + CheckInterval
	return Bounds{Key: StoreDay, Online: online, Longest: online + spoolIDAge}
}
