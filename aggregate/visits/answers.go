package visits

import "slices"

// Weeks is how many return filters a sensor asks: that of this store-week and of the four before.
const Weeks = 5

// Patterns is how many different answers there are.
const Patterns = 1 << Weeks

// filterBits is the size of a return filter (DESIGN section 6).
const filterBits = 1 << 16

// answer is five noisy bits: the device above, then the sensor, then the bits.
type answer uint64

func newAnswer(dev uint32, sensor int, bits uint8) answer {
	return answer(dev)<<16 | answer(sensor)<<8 | answer(bits)
}

func (a answer) device() uint32 { return uint32(a >> 16) }
func (a answer) sensor() int    { return int(a >> 8 & 0xff) }
func (a answer) bits() uint8    { return uint8(a) }

// answers keeps one answer a device and sensor; where two differ, the smaller, so that order does not matter.
type answers struct {
	list    []answer
	settled int // how long the list was when it was last put in order
}

func (a *answers) add(dev uint32, sensor int, bits uint8) {
	a.list = append(a.list, newAnswer(dev, sensor, bits))
	if len(a.list) > 2*a.settled+minTail {
		a.settle()
	}
}

// settle sorts the answers by device and sensor and drops repeats.
func (a *answers) settle() {
	if len(a.list) == a.settled {
		return
	}
	slices.Sort(a.list)
	a.list = slices.CompactFunc(a.list, func(x, y answer) bool { return x>>8 == y>>8 })
	a.settled = len(a.list)
}

// of is a device's answers, by sensor. The list must be settled.
func (a *answers) of(dev uint32) []answer {
	from, _ := slices.BinarySearch(a.list, newAnswer(dev, 0, 0))
	to := from
	for to < len(a.list) && a.list[to].device() == dev {
		to++
	}
	return a.list[from:to]
}

// drop removes a device's answers and moves the devices after it down by one.
func (a *answers) drop(dev uint32) {
	a.list = slices.DeleteFunc(a.list, func(x answer) bool { return x.device() == dev })
	for i, x := range a.list {
		if x.device() > dev {
			a.list[i] = newAnswer(x.device()-1, x.sensor(), x.bits())
		}
	}
	a.settled = 0
	a.settle()
}

// Answer remembers the five noisy bits with which a sensor answered whether it has met the device in the last weeks: bit 0 for
// this store-week, bit k for the k-th before. It is false, and nothing is kept, where sensor or bits cannot be.
func (d *Day) Answer(id uint64, sensor int, bits uint8) bool {
	if sensor < 0 || sensor >= MaxSensors || bits >= Patterns {
		return false
	}
	if dev, ok := d.device(id); ok {
		d.answers.add(dev, sensor, bits)
	}
	return true
}

// filter is what is known of a sensor's return filters.
type filter struct {
	known    bool
	fresh    bool // they began in this store-week
	lookback uint8
	ones     [Weeks]uint32
}

// Filter says of a sensor's five return filters, as they stood when the day began, how many of their 65,536 bits were ones, how
// many earlier weeks they cover, and whether they began in this store-week, so that they know nothing yet. It is false where
// these cannot be. A sensor that is replaced within the day says two things: kept is the one that claims less.
func (d *Day) Filter(sensor int, ones [Weeks]uint32, lookback uint8, fresh bool) bool {
	if sensor < 0 || sensor >= MaxSensors || lookback >= Weeks {
		return false
	}
	for _, n := range ones {
		if n > filterBits {
			return false
		}
	}
	f := filter{known: true, fresh: fresh, lookback: lookback, ones: ones}
	if has := &d.filters[sensor]; !has.known || f.claimsLess(has) {
		*has = f
	}
	return true
}

// claimsLess is a total order: whichever of two comes first, the same one stays.
func (f *filter) claimsLess(than *filter) bool {
	if f.fresh != than.fresh {
		return f.fresh
	}
	if f.lookback != than.lookback {
		return f.lookback < than.lookback
	}
	return slices.Compare(f.ones[:], than.ones[:]) < 0
}

// Returns is what the repeat rate of the store-week is made of.
type Returns struct {
	Counts     [Patterns]uint32 // visitors by the five noisy bits of their answer
	Q0         [Weeks]float64   // mean share of ones of the filters that answered: how often one says yes to a stranger
	Lookback   uint8            // earlier weeks that all of these filters cover, 0 to 4
	Visitors   uint32           // visitors with an answer: the sum of Counts
	Unanswered uint32           // visitors without one: no sensor's visit, a new or an unknown filter
}

// patterns collects Returns, one visitor at a time.
type patterns struct {
	filters *[MaxSensors]filter
	used    [MaxSensors]uint32
	out     Returns
}

// add counts a visitor once: the answer of the sensor that heard it most among those that answered from a filter old enough;
// of two that heard it equally often, the lower index.
func (p *patterns) add(run []Sighting, given []answer) {
	var heard [MaxSensors]int
	for _, s := range run {
		heard[s.Sensor()]++
	}
	best := -1
	for i, a := range given {
		f := &p.filters[a.sensor()]
		if !f.known || f.fresh {
			continue
		}
		if best < 0 || heard[a.sensor()] > heard[given[best].sensor()] {
			best = i
		}
	}
	if best < 0 {
		p.out.Unanswered++
		return
	}
	p.out.Visitors++
	p.out.Counts[given[best].bits()]++
	p.used[given[best].sensor()]++
}

// result finishes the means; sums are of whole numbers, so that no order of adding shows in them.
func (p *patterns) result() Returns {
	if p.out.Visitors == 0 {
		return p.out
	}
	var ones [Weeks]uint64
	p.out.Lookback = Weeks - 1
	for sensor, n := range p.used {
		if n == 0 {
			continue
		}
		f := &p.filters[sensor]
		p.out.Lookback = min(p.out.Lookback, f.lookback)
		for k := range ones {
			ones[k] += uint64(n) * uint64(f.ones[k])
		}
	}
	for k := range ones {
		p.out.Q0[k] = float64(ones[k]) / (float64(p.out.Visitors) * filterBits)
	}
	return p.out
}
