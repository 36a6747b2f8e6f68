package visits

import "slices"

// minTail is how many sightings wait at least before they are settled.
const minTail = 256

func newRecent(dev uint32, s Sighting) recent { return recent(dev)<<32 | recent(s) }

func (r recent) device() uint32     { return uint32(r >> 32) }
func (r recent) sighting() Sighting { return Sighting(r) }

// tailShare is the part of what is settled that may wait: a 24th. Waiting costs 8 bytes a sighting, so a device-day of 20
// sightings pays 7 bytes for it, and each sighting is copied about 24 times while the day grows, which is cheap in sequence.
const tailShare = 24

// tailLimit is how many sightings may wait.
func (d *Day) tailLimit() int { return max(minTail, (len(d.runs)+len(d.ids))/tailShare) }

func (d *Day) settleWhenDue() {
	if len(d.tail) >= d.tailLimit() {
		d.settle()
	}
}

// settle moves the waiting sightings to their devices: old and new ones are laid side by side, then sorted where they need it
// and freed of repeats.
func (d *Day) settle() {
	if len(d.tail) == 0 && len(d.ends) == len(d.ids) {
		return
	}
	merged, bounds := d.gather()
	ends := bounds
	var begin, out, oldEnd uint32
	var scratch []Sighting
	for dev := range ends {
		old := uint32(0)
		if dev < len(d.ends) {
			old, oldEnd = d.ends[dev]-oldEnd, d.ends[dev]
		}
		run := merged[begin:bounds[dev]]
		begin = bounds[dev]
		if len(run) > int(old) {
			if run, scratch = unite(run, int(old), scratch); len(run) > int(old) {
				d.changed[dev] = d.generation
			}
		}
		copy(merged[out:], run)
		out += uint32(len(run))
		ends[dev] = out // behind begin, so that no bound is overwritten before it is read
	}
	clear(merged[out:])
	d.runs, d.ends = merged[:out], ends
	if limit := d.tailLimit(); cap(d.tail) < limit || cap(d.tail) > 2*limit {
		d.tail = make([]recent, 0, limit)
	} else {
		d.tail = d.tail[:0]
	}
}

// gather lays each device's settled sightings and, behind them, its waiting ones into one new list; bounds are where each
// device ends in it.
func (d *Day) gather() (merged []Sighting, bounds []uint32) {
	cursor := make([]uint32, len(d.ids))
	for _, r := range d.tail {
		cursor[r.device()]++
	}
	merged = make([]Sighting, len(d.runs)+len(d.tail))
	bounds = make([]uint32, len(d.ids))
	var at, from uint32
	for dev := range bounds {
		if dev < len(d.ends) {
			at += uint32(copy(merged[at:], d.runs[from:d.ends[dev]]))
			from = d.ends[dev]
		}
		waiting := cursor[dev]
		cursor[dev] = at
		at += waiting
		bounds[dev] = at
	}
	for _, r := range d.tail {
		dev := r.device()
		merged[cursor[dev]] = r.sighting()
		cursor[dev]++
	}
	return merged, bounds
}

// unite makes one ascending run without repeats of a run whose first old sightings are one already. Sensors deliver in order,
// so the common case is a look at the seam. scratch is working space that is handed on.
func unite(run []Sighting, old int, scratch []Sighting) (united, space []Sighting) {
	fresh := run[old:]
	if !slices.IsSorted(fresh) {
		slices.Sort(fresh)
	}
	if old > 0 && fresh[0] <= run[old-1] {
		scratch = append(scratch[:0], fresh...)
		i, j := old-1, len(scratch)-1
		for k := len(run) - 1; j >= 0; k-- {
			if i >= 0 && run[i] > scratch[j] {
				run[k] = run[i]
				i--
			} else {
				run[k] = scratch[j]
				j--
			}
		}
	}
	return slices.Compact(run), scratch
}
