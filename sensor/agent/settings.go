package agent

import (
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// Thresholds of the steps, from DESIGN section 2 and COUNTING.md section 4.
const (
	// BurstGap joins frames of one address into a burst.
	BurstGap = time.Second
	// BurstMax closes a burst that never pauses, so that memory stays bounded and a device that always sends still counts
	// as present. The longest of 480,000 real frames lasted 8 s.
	BurstMax = time.Minute
	// ClassBurstGap joins the bursts of one class and band: one phone's scan uses several addresses.
	ClassBurstGap = 250 * time.Millisecond
	// TransientMemory is how long a random address is remembered, as a salted hash, to tell fresh from returning.
	TransientMemory = 15 * time.Minute
	// SessionTimeout ends a visit, and a passer-by.
	SessionTimeout = 15 * time.Minute
	// VisitMinDwell makes a stay a visit.
	VisitMinDwell = 5 * time.Minute
	// VisitMax makes a stay staff or fixed gear: excluded_long.
	VisitMax = 6 * time.Hour
	// OptOutMaxAge is how long an opt-out list may not have been confirmed before only counters leave (DESIGN section 6).
	OptOutMaxAge = 48 * time.Hour
	// lateMax is how far a frame's time may lie behind the newest one: radios and merged captures jitter.
	lateMax = time.Second
	// jumpMax is how far ahead of the one before a frame's time may lie without being confirmed by another: more than a
	// store is ever closed over a weekend and a holiday.
	jumpMax = 5 * 24 * time.Hour
)

// Settings say whose frames these are and what counts as inside.
type Settings struct {
	Store, Sensor, Zone string
	Boot                uint64
	Calendar            calendar.Calendar
	Hours               stores.Hours
	Policy              wire.Policy
	RSSIInside          int8 // dBm; at or above is inside
	RSSIFloor           int8 // dBm; stable addresses below are not even passers-by
	NoRSSIInside        bool // a frame without signal strength is inside (try), not a drop (a sensor)
	OneClassKey         bool // one class epoch for the whole capture (try)
	AnyAge              bool // a capture may be of any age: its first time is believed (try, dry run)
	Software            string
	Live                bool // a radio, the wall clock and Tick, instead of a file and its own clock
}

// heartbeats of a live sensor come more often than once an hour of capture time: somebody waits for them.
const liveHeartbeatEvery = time.Minute

// newsEvery is how soon after the last one a heartbeat tells that a live sensor fails closed for another reason.
const newsEvery = 5 * time.Second

// FailClosedStaleList is why a heartbeat says that only counters leave: the opt-out list is older than OptOutMaxAge.
const FailClosedStaleList = "opt_out_list_stale"

// Hasher makes what may leave the sensor out of an address. *keys.Hasher is the real one.
type Hasher interface {
	ID(a hwaddr.Addr) uint64
	Buckets(a hwaddr.Addr) [5]uint16
	// ReturnIDs are the return ids under this period's key and the one's before; ok only in an extended store.
	ReturnIDs(a hwaddr.Addr) (now, before uint64, ok bool)
	Tag(a hwaddr.Addr) uint32
	Class(epoch int32, masked []byte) uint16
}

// Returns is the memory of earlier weeks: one noisy bit a visitor and week. *returns.Filters is the real one.
type Returns interface {
	Ask(buckets [5]uint16) uint8
	Mark(bucket uint16)
	Clear(bucket uint16)
	Ones() [5]uint32
	Lookback() (weeks uint8, isNew bool)
}

// OptOuts is the list of addresses to leave out, as tags. *registry.List is the real one.
type OptOuts interface {
	Has(tag uint32) bool
	Len() int
	Version() uint64
}

// Sink takes what leaves the sensor. The envelope is the sink's to keep.
type Sink interface {
	Send(topic Topic, e *wire.Envelope) error
}

// Topic is one of the two ways out.
type Topic uint8

// The topics: with ids, and without.
const (
	Sightings Topic = iota
	Counters
)
