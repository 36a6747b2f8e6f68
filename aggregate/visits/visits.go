// Package visits turns sightings into device-days and visits. In come the decoded sightings, return answers and Forgets of one
// store and store-day, in any order, repetition and batching; out come the devices of the day with their visits and bounces
// and everything a store's cells are made of. It knows no hardware address, no clock, no broker and no database: an id is a
// number that means nothing once its store-day is over, and the zones of a sensor are given by the caller.
package visits

import "time"

// MaxSensors is how many sensors a store may have: a sighting keeps its sensor in five bits.
const MaxSensors = 32

// sensorBits is the low part of a sighting; the 27 bits above it hold 37 hours of milliseconds, so a 25-hour day fits.
const sensorBits = 5

// quarterMS is the length of a cell: cells begin on the clock's quarters of an hour.
const quarterMS = int64(15 * time.Minute / time.Millisecond)

// minuteMS is the step of the stable devices inside.
const minuteMS = int64(time.Minute / time.Millisecond)

// Sighting is one burst of one device: milliseconds since the store-day began, and the sensor's index within the store.
// Sightings order by time, then by sensor.
type Sighting uint32

// NewSighting packs a sighting. offsetMS must be under 2^27 and sensor under MaxSensors, which Day checks on the way in.
func NewSighting(offsetMS uint32, sensor int) Sighting {
	return Sighting(offsetMS<<sensorBits | uint32(sensor)&(MaxSensors-1))
}

// OffsetMS is the capture time in milliseconds since the store-day began.
func (s Sighting) OffsetMS() int64 { return int64(s >> sensorBits) }

// Sensor is the index, within the store, of the sensor that heard it.
func (s Sighting) Sensor() int { return int(s & (MaxSensors - 1)) }

// Params are the lengths that make sightings visits (DESIGN section 2).
type Params struct {
	SessionTimeout time.Duration // a longer silence ends a visit
	VisitMinDwell  time.Duration // a shorter one is a bounce
	VisitMax       time.Duration // a longer one is left out: staff, tills
	Engaged        time.Duration // a visit of at least this long is an engaged one
	Live           time.Duration // heard this recently counts as inside just now
}

// DefaultParams are the lengths of DESIGN section 2.
func DefaultParams() Params {
	return Params{
		SessionTimeout: 15 * time.Minute,
		VisitMinDwell:  5 * time.Minute,
		VisitMax:       6 * time.Hour,
		Engaged:        15 * time.Minute,
		Live:           10 * time.Minute,
	}
}

// Layout is where a store's sensors stand and how its clock runs.
type Layout struct {
	ZoneOf   []int          // zone of each sensor, 0 to MaxSensors-1; a sensor without one counts for the store alone
	Location *time.Location // for the hours of zones; nil is UTC
}

// HourStart is the instant, in Unix milliseconds, at which the store-local clock hour of an instant began. Hours are local
// because a store half an hour off UTC has opening hours and staff plans that start on its own full hours.
func HourStart(ms int64, loc *time.Location) int64 {
	if loc == nil {
		loc = time.UTC
	}
	t := time.UnixMilli(ms).In(loc)
	_, minute, second := t.Clock()
	return ms - (int64(minute)*60+int64(second))*1000 - int64(t.Nanosecond())/int64(time.Millisecond)
}
