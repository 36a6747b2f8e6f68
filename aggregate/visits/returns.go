package visits

import (
	"cmp"
	"slices"
)

// ReturnIDs are what a store of policy extended knows a visitor again by: its return id under the key of this period of 28
// store-days, and under that of the period before.
type ReturnIDs struct{ Now, Before uint64 }

func (r ReturnIDs) compare(other ReturnIDs) int {
	return cmp.Or(cmp.Compare(r.Now, other.Now), cmp.Compare(r.Before, other.Before))
}

// returning is a device's return ids, as one sensor said.
type returning struct {
	ids ReturnIDs
	dev uint32
}

const returnBytes = 24 // a returning

// returns keeps one pair of return ids a device; where two differ, the smaller, so that order does not matter. Before it is
// settled it has one for each sensor.
type returns struct {
	list    []returning
	settled int // how long the list was when it was last put in order
}

func (r *returns) add(dev uint32, ids ReturnIDs) {
	r.list = append(r.list, returning{ids, dev})
	if len(r.list) > 2*r.settled+minTail {
		r.settle()
	}
}

// settle sorts by device and drops repeats.
func (r *returns) settle() {
	if len(r.list) == r.settled {
		return
	}
	slices.SortFunc(r.list, func(x, y returning) int { return cmp.Or(cmp.Compare(x.dev, y.dev), x.ids.compare(y.ids)) })
	r.list = slices.CompactFunc(r.list, func(x, y returning) bool { return x.dev == y.dev }) // which clears what it vacates
	r.settled = len(r.list)
}

// of is a device's return ids. The list must be settled.
func (r *returns) of(dev uint32) (ids ReturnIDs, ok bool) {
	i, ok := slices.BinarySearchFunc(r.list, dev, func(x returning, dev uint32) int { return cmp.Compare(x.dev, dev) })
	if !ok {
		return ReturnIDs{}, false
	}
	return r.list[i].ids, true
}

// drop removes a device's return ids and moves the devices after it down by one.
func (r *returns) drop(dev uint32) {
	r.list = slices.DeleteFunc(r.list, func(x returning) bool { return x.dev == dev })
	for i := range r.list {
		if r.list[i].dev > dev {
			r.list[i].dev--
		}
	}
	r.settled = 0
	r.settle()
}

// Return remembers the return ids of a device. Those that are forgotten are not kept.
func (d *Day) Return(id uint64, ids ReturnIDs) {
	if d.Unreturned(ids) {
		return
	}
	if dev, ok := d.device(id); ok {
		d.returns.add(dev, ids)
	}
}

// ForgetReturn removes a return id, of either period, and keeps it out for as long as the day is held, as Forget does with an
// id. It returns its salted hash.
func (d *Day) ForgetReturn(id uint64) (hash uint64) {
	hash = d.salt.Hash(id)
	d.unreturned.add(hash)
	d.DropReturn(id)
	return hash
}

// DropReturn removes a return id as the day stands.
func (d *Day) DropReturn(id uint64) {
	had := len(d.returns.list)
	d.returns.list = slices.DeleteFunc(d.returns.list, func(x returning) bool { return x.ids.Now == id || x.ids.Before == id })
	if len(d.returns.list) < had {
		d.returns.settled = 0
		d.returns.settle()
	}
}

// Unreturned says whether one of the return ids is forgotten.
func (d *Day) Unreturned(ids ReturnIDs) bool {
	return d.unreturned.n > 0 && (d.unreturned.has(d.salt.Hash(ids.Now)) || d.unreturned.has(d.salt.Hash(ids.Before)))
}

// UnreturnedHashes are those of the forgotten return ids; none once there are too many to keep them whole.
func (d *Day) UnreturnedHashes() []uint64 { return d.unreturned.all() }
