package visits

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// MaxDayMS is the longest store-day that sightings can be placed in, in milliseconds: 27 bits, over 37 hours.
const MaxDayMS = 1 << (32 - sensorBits)

// Day is the union of everything heard at one store in one store-day. What it gives back depends only on the set of what was
// added, never on order, repetition or batching, and a Forget wins over sightings before and after it. It belongs to one
// goroutine. A device-day costs 4 bytes a sighting, about 25 for the device and a 12th of the sightings for what was just added.
type Day struct {
	startMS int64
	limitMS int64 // length of the store-day

	ids     []uint64 // of device 0, 1, ..., in the order in which they were first heard
	changed []uint32 // the generation in which each device last gained a sighting
	table   table    // id -> device

	runs []Sighting // settled sightings, device by device, each ascending and without repeats
	ends []uint32   // where each settled device's sightings end in runs
	tail []recent   // sightings since, in the order of arrival

	answers answers
	returns returns
	filters [MaxSensors]filter

	salt       Salt
	forgotten  forgotten // salted hashes, never the ids
	unreturned forgotten // those of return ids
	generation uint32
}

// recent is a sighting that is not settled yet: the device above, the sighting below.
type recent uint64

// NewDay is an empty store-day from startMS to endMS, in Unix milliseconds (calendar.Start and End of the day). Its seed and its
// salt are drawn here, and no result depends on them.
func NewDay(startMS, endMS int64) (*Day, error) {
	if endMS <= startMS || endMS-startMS > MaxDayMS {
		return nil, errors.New("a store-day must be over 0 and at most 37 hours long: take its start and end from the store's calendar")
	}
	d := &Day{startMS: startMS, limitMS: endMS - startMS, generation: 1}
	var seed [8]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("draw the seed of a day's table: %w", err)
	}
	if _, err := rand.Read(d.salt[:]); err != nil {
		return nil, fmt.Errorf("draw the salt of forgotten ids: %w", err)
	}
	d.table.seed = binary.LittleEndian.Uint64(seed[:])
	return d, nil
}

// StartMS is when the store-day began, in Unix milliseconds.
func (d *Day) StartMS() int64 { return d.startMS }

// Devices is how many devices are held, those with nothing but an answer included.
func (d *Day) Devices() int { return len(d.ids) }

// Sightings is how many distinct sightings are held.
func (d *Day) Sightings() int {
	d.settle()
	return len(d.runs)
}

// Bytes is the memory that the day holds on to, by what its parts have reserved.
func (d *Day) Bytes() int {
	return 8*cap(d.ids) + 4*cap(d.changed) + 4*cap(d.table.slots) + 4*cap(d.runs) + 4*cap(d.ends) + 8*cap(d.tail) +
		8*cap(d.answers.list) + returnBytes*cap(d.returns.list) + d.forgotten.bytes() + d.unreturned.bytes()
}

// Add adds one sighting: its device, the sensor's index and the milliseconds since the store-day began. It is false, and
// nothing is added, where the sensor or the time cannot be of this day. A forgotten id is taken and leaves no trace.
func (d *Day) Add(id uint64, sensor int, offsetMS uint32) bool {
	if !d.fits(sensor, int64(offsetMS)) {
		return false
	}
	dev, ok := d.device(id)
	if ok {
		d.tail = append(d.tail, newRecent(dev, NewSighting(offsetMS, sensor)))
		d.settleWhenDue()
	}
	return true
}

// AddRun adds the sightings of one device in a decoded batch: the first lies deltasMS[0] after baseMS, the milliseconds since
// the store-day began, and each other one its delta after the one before. It is false, and nothing is added, where the sensor
// or any of the times cannot be of this day. It does not keep deltasMS.
func (d *Day) AddRun(id uint64, sensor int, baseMS int64, deltasMS []uint32) bool {
	if baseMS >= d.limitMS {
		return false
	}
	at := baseMS
	for _, delta := range deltasMS {
		if at += int64(delta); !d.fits(sensor, at) {
			return false
		}
	}
	dev, ok := d.device(id)
	if !ok {
		return true
	}
	at = baseMS
	for _, delta := range deltasMS {
		at += int64(delta)
		d.tail = append(d.tail, newRecent(dev, NewSighting(uint32(at), sensor)))
	}
	d.settleWhenDue()
	return true
}

// fits says whether a sensor and a time can be of this day.
func (d *Day) fits(sensor int, offsetMS int64) bool {
	return sensor >= 0 && sensor < MaxSensors && offsetMS >= 0 && offsetMS < d.limitMS
}

// device finds an id's device or makes it one; not if it is forgotten.
func (d *Day) device(id uint64) (dev uint32, ok bool) {
	if dev, ok = d.table.find(id, d.ids); ok {
		return dev, true
	}
	if d.forgotten.n > 0 && d.forgotten.has(d.salt.Hash(id)) {
		return 0, false
	}
	if len(d.ids) == math.MaxUint32-1 {
		return 0, false // four thousand million devices in a store: the table's numbers end here
	}
	dev = uint32(len(d.ids))
	d.ids = append(d.ids, id)
	d.changed = append(d.changed, 0)
	d.table.insert(dev, d.ids)
	return dev, true
}

// Forget removes a device and everything about it, and keeps it out for as long as the day is held; what stays is a salted hash
// of the id, which it returns. held says whether there was a device to remove. It is repeatable, and where it removes one it
// takes time in proportion to the day.
func (d *Day) Forget(id uint64) (hash uint64, held bool) {
	hash = d.salt.Hash(id)
	d.forgotten.add(hash)
	dev, ok := d.table.find(id, d.ids)
	if !ok {
		return hash, false
	}
	d.settle()
	begin, end := d.run(dev)
	d.runs = slices.Delete(d.runs, int(begin), int(end)) // Delete clears what it vacates
	d.ends = slices.Delete(d.ends, int(dev), int(dev)+1)
	for i := int(dev); i < len(d.ends); i++ {
		d.ends[i] -= end - begin
	}
	d.ids = slices.Delete(d.ids, int(dev), int(dev)+1)
	d.changed = slices.Delete(d.changed, int(dev), int(dev)+1)
	d.answers.drop(dev)
	d.returns.drop(dev)
	clear(d.tail[:cap(d.tail)])
	d.table.rebuild(len(d.table.slots), d.ids)
	return hash, true
}

// Forgotten is how many ids the day keeps out.
func (d *Day) Forgotten() int { return d.forgotten.n }

// Salt is what the hashes of its forgotten ids are made with.
func (d *Day) Salt() Salt { return d.salt }

// run is where a settled device's sightings lie.
func (d *Day) run(dev uint32) (begin, end uint32) {
	if dev > 0 {
		begin = d.ends[dev-1]
	}
	return begin, d.ends[dev]
}
