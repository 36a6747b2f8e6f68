package visits

import (
	"crypto/rand"
	"crypto/sha256"
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
	filters [MaxSensors]filter

	salt       [16]byte
	forgotten  map[[16]byte]struct{} // salted hashes, never the ids
	generation uint32
}

// recent is a sighting that is not settled yet: the device above, the sighting below.
type recent uint64

// NewDay is an empty store-day from startMS to endMS, in Unix milliseconds (calendar.Start and End of the day). Its salts are
// drawn here and never leave memory; no result depends on them.
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
	const hash = 32 // a forgotten hash in its map
	return 8*cap(d.ids) + 4*cap(d.changed) + 4*cap(d.table.slots) + 4*cap(d.runs) + 4*cap(d.ends) + 8*cap(d.tail) +
		8*cap(d.answers.list) + hash*len(d.forgotten)
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
	if len(d.forgotten) > 0 {
		if _, gone := d.forgotten[d.hash(id)]; gone {
			return 0, false
		}
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
// of the id. It is repeatable, and it takes time in proportion to the day.
func (d *Day) Forget(id uint64) {
	if d.forgotten == nil {
		d.forgotten = map[[16]byte]struct{}{}
	}
	d.forgotten[d.hash(id)] = struct{}{}
	dev, ok := d.table.find(id, d.ids)
	if !ok {
		return
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
	clear(d.tail[:cap(d.tail)])
	d.table.rebuild(len(d.table.slots), d.ids)
}

// Forgotten is how many ids the day keeps out.
func (d *Day) Forgotten() int { return len(d.forgotten) }

func (d *Day) hash(id uint64) [16]byte {
	var text [24]byte
	copy(text[:], d.salt[:])
	binary.LittleEndian.PutUint64(text[16:], id)
	sum := sha256.Sum256(text[:])
	return [16]byte(sum[:16])
}

// run is where a settled device's sightings lie.
func (d *Day) run(dev uint32) (begin, end uint32) {
	if dev > 0 {
		begin = d.ends[dev-1]
	}
	return begin, d.ends[dev]
}
