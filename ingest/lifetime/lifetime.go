// Package lifetime computes how long an id lives from the settings under which it is made (DESIGN section 6). The notice prints
// these times and the audit holds what is kept against them, so they stand in one place. Settings come in, bounds go out.
package lifetime

import (
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

// StoreDay is the life of a day's key where no clock is changed on it; calendar.Calendar.LongestDay says how long it may be.
const StoreDay = 24 * time.Hour

// CheckInterval is how long a file that Kafka may delete can stay on its disk: Kafka looks every 5 minutes
// (log.retention.check.interval.ms) and deletes a minute later (file.delete.delay.ms), both by default. The embedded broker deletes
// while it truncates, which follows on the sealing within seconds; for what its retention frees it looks every 5 minutes.
const CheckInterval = 6 * time.Minute

// Counters is how long a message of the counters' topic is there: class counters, and all else that is no id.
const Counters = broker.CountersRetention + broker.Segment + CheckInterval

// Bounds are the longest lives of an id, each counted from the sighting that made it.
type Bounds struct {
	Key     time.Duration // until the key of its day is destroyed, after which nobody can compute it from an address
	Online  time.Duration // until it is nowhere, from a sensor that could send when it heard it
	Longest time.Duration // until it is nowhere, from one that could not, and sent it at the last moment
}

// Of returns the bounds for a chain's largest seal_after and longest store-day (Chain) and a store's spool_id_age: an id made at
// the start of a store-day lives until the day is sealed, its segment rolled and the file deleted. Stores share the topic's
// partitions, and one is truncated only as far as every store that has messages there has sealed: so the store that seals last
// decides for all. An id of the day's last moment may be held for spool_id_age and then leave in a message that is written to a
// segment just begun.
func Of(sealAfter, spoolIDAge, longestDay time.Duration) Bounds {
	online := longestDay + sealAfter + broker.Segment + CheckInterval
	return Bounds{Key: longestDay, Online: online, Longest: online + spoolIDAge}
}

// ReturnDays are the store-days after whose sealing a return id of policy extended goes, its own among them: it is compared with
// those of the 28 days after it, and deleted when the day after those is sealed.
const ReturnDays = wire.ReturnDays + 2

// Returns is the longest life of a return id, by a chain's largest seal_after and longest store-day. Clocks are put back once in
// so many days, so only one of them is longer.
func Returns(sealAfter, longestDay time.Duration) time.Duration {
	return (ReturnDays-1)*StoreDay + Of(sealAfter, 0, longestDay).Online
}

// back is how far Chain looks back: a return id made on a day with a change of clocks lives so long.
const back = calendar.Day(ReturnDays + 1)

// Chain is the largest seal_after of the stores, and their longest store-day of about a year from now on and of the month before.
func Chain(list []stores.Store, now time.Time) (sealAfter, longestDay time.Duration) {
	longestDay = StoreDay
	zones := map[string]bool{}
	for i := range list {
		s := &list[i]
		sealAfter = max(sealAfter, s.SealAfter)
		if zone := s.Calendar.Location().String(); !zones[zone] {
			zones[zone] = true
			longestDay = max(longestDay, s.Calendar.LongestDay(s.Calendar.DayOf(now)-back))
		}
	}
	return sealAfter, longestDay
}
