package visits

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The tests' store-day begins at 04:00 in Berlin on 2026-03-02.
const testStart = int64(1772420400000)

const testLength = int64(24 * time.Hour / time.Millisecond)

func newTestDay(t testing.TB) *Day {
	t.Helper()
	d, err := NewDay(testStart, testStart+testLength)
	if err != nil {
		t.Fatalf("NewDay: %v", err)
	}
	return d
}

func testLayout() Layout {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return Layout{ZoneOf: []int{0, 1, 1, 2}, Location: berlin}
}

// op is one thing that happens to a day.
type op struct {
	what     byte // 's'ighting, 'f'orget, 'a'nswer, 'F'ilter
	id       uint64
	sensor   int
	ms       uint32
	bits     uint8
	ones     [Weeks]uint32
	lookback uint8
	fresh    bool
}

func (o op) apply(d *Day) {
	switch o.what {
	case 's':
		d.Add(o.id, o.sensor, o.ms)
	case 'f':
		d.Forget(o.id)
	case 'a':
		d.Answer(o.id, o.sensor, o.bits)
	case 'F':
		d.Filter(o.sensor, o.ones, o.lookback, o.fresh)
	}
}

// randomDay is a day's worth of ops: shoppers, tills that stay too long, passing bounces, a few forgotten ids.
func randomDay(r *rand.Rand, devices int) []op {
	var ops []op
	for range devices {
		id := r.Uint64()
		for range 1 + r.IntN(3) {
			at := r.IntN(20 * 3600 * 1000)
			for range 1 + r.IntN(30) {
				ops = append(ops, op{what: 's', id: id, sensor: r.IntN(4), ms: uint32(at)})
				step := r.IntN(8 * 60 * 1000)
				if r.IntN(4) == 0 {
					step = []int{900_000, 900_001, 300_000, 0, 1}[r.IntN(5)]
				}
				at += step
			}
		}
		for range r.IntN(4) {
			ops = append(ops, op{what: 'a', id: id, sensor: r.IntN(4), bits: uint8(r.IntN(Patterns))})
		}
		switch r.IntN(12) {
		case 0:
			ops = append(ops, op{what: 'f', id: id})
		case 1: // a till
			for ms := 0; ms < 8*3600*1000; ms += 400_000 {
				ops = append(ops, op{what: 's', id: id, sensor: 1, ms: uint32(ms)})
			}
		}
	}
	for sensor := range 4 {
		for range 1 + r.IntN(2) {
			f := op{what: 'F', sensor: sensor, lookback: uint8(r.IntN(Weeks)), fresh: r.IntN(5) == 0}
			for k := range f.ones {
				f.ones[k] = uint32(r.IntN(filterBits + 1))
			}
			ops = append(ops, f)
		}
	}
	return ops
}

// naive is the day computed plainly, with maps and the loop of reference/counting.py's visits().
func naive(ops []op, startMS int64, layout Layout, p Params) Result {
	heard, gone := map[uint64]map[[2]int64]bool{}, map[uint64]bool{}
	given := map[uint64]map[int]uint8{}
	filters := map[int]op{}
	for _, o := range ops {
		switch o.what {
		case 'f':
			gone[o.id] = true
		case 's':
			if heard[o.id] == nil {
				heard[o.id] = map[[2]int64]bool{}
			}
			heard[o.id][[2]int64{int64(o.ms), int64(o.sensor)}] = true
		case 'a':
			if given[o.id] == nil {
				given[o.id] = map[int]uint8{}
			}
			if was, ok := given[o.id][o.sensor]; !ok || o.bits < was {
				given[o.id][o.sensor] = o.bits
			}
		case 'F':
			if was, ok := filters[o.sensor]; !ok || less(o, was) {
				filters[o.sensor] = o
			}
		}
	}
	n := naiveDay{startMS: startMS, layout: layout, p: p, cells: map[int64]*Cell{}, zones: map[ZoneHour]int{}, minutes: map[int64]uint32{}}
	for id, set := range heard {
		if !gone[id] {
			n.device(id, set, given[id], filters)
		}
	}
	return n.result(filters)
}

func less(a, b op) bool {
	if a.fresh != b.fresh {
		return a.fresh
	}
	return cmp.Or(cmp.Compare(a.lookback, b.lookback), slices.Compare(a.ones[:], b.ones[:])) < 0
}

type naiveDay struct {
	startMS int64
	layout  Layout
	p       Params
	cells   map[int64]*Cell
	zones   map[ZoneHour]int
	minutes map[int64]uint32
	dwells  []int64
	used    map[int]int
	out     Result
}

func (n *naiveDay) device(id uint64, set map[[2]int64]bool, given map[int]uint8, filters map[int]op) {
	var all [][2]int64
	perSensor := map[int]int{}
	for s := range set {
		all = append(all, s)
		perSensor[int(s[1])]++
	}
	slices.SortFunc(all, func(a, b [2]int64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	dev := Device{ID: id, Sightings: len(all)}
	first := 0
	for i := 1; i <= len(all); i++ {
		if i < len(all) && all[i][0]-all[i-1][0] <= 900_000 {
			continue
		}
		n.session(&dev, all[first:i])
		first = i
	}
	n.out.Devices = append(n.out.Devices, dev)
	if len(dev.Visits) == 0 {
		return
	}
	n.out.Visitors++
	best, bits := -1, uint8(0)
	for sensor := range 4 {
		b, ok := given[sensor]
		f, known := filters[sensor]
		if ok && known && !f.fresh && (best < 0 || perSensor[sensor] > perSensor[best]) {
			best, bits = sensor, b
		}
	}
	if best < 0 {
		n.out.Returns.Unanswered++
		return
	}
	if n.used == nil {
		n.used = map[int]int{}
	}
	n.used[best]++
	n.out.Returns.Visitors++
	n.out.Returns.Counts[bits]++
}

func (n *naiveDay) session(dev *Device, s [][2]int64) {
	a, b := n.startMS+s[0][0], n.startMS+s[len(s)-1][0]
	start := a - a%900_000
	if n.cells[start] == nil {
		n.cells[start] = &Cell{StartMS: start}
	}
	cell := n.cells[start]
	switch dwell := b - a; {
	case dwell < 300_000:
		dev.Bounces++
		cell.Bounces++
	case dwell > 21600_000:
		dev.ExcludedLong++
		cell.ExcludedLong++
	default:
		v := Visit{FirstMS: a, LastMS: b}
		stays := map[int]*ZoneStay{}
		for _, x := range s {
			zone := n.layout.ZoneOf[x[1]]
			if stays[zone] == nil {
				stays[zone] = &ZoneStay{Zone: zone, FirstMS: n.startMS + x[0]}
			}
			stays[zone].LastMS = n.startMS + x[0]
			stays[zone].Count++
		}
		for zone := range 3 {
			if stay := stays[zone]; stay != nil {
				v.Zones = append(v.Zones, *stay)
				n.zones[ZoneHour{StartMS: stay.FirstMS - stay.FirstMS%3600_000, Zone: zone}]++
			}
		}
		dev.Visits = append(dev.Visits, v)
		cell.Visits++
		if dwell >= 900_000 {
			cell.Engaged++
		}
		cell.DwellS = append(cell.DwellS, uint32((dwell+500)/1000))
		n.dwells = append(n.dwells, dwell)
		for m := a / 60_000; m <= b/60_000; m++ {
			n.minutes[m]++
		}
	}
}

func (n *naiveDay) result(filters map[int]op) Result {
	out := n.out
	slices.SortFunc(out.Devices, func(a, b Device) int { return cmp.Compare(a.ID, b.ID) })
	out.Totals.StartMS = n.startMS
	for _, c := range n.cells {
		slices.Sort(c.DwellS)
		out.Cells = append(out.Cells, *c)
		out.Totals.Visits += c.Visits
		out.Totals.Bounces += c.Bounces
		out.Totals.Engaged += c.Engaged
		out.Totals.ExcludedLong += c.ExcludedLong
		out.Totals.DwellS = append(out.Totals.DwellS, c.DwellS...)
	}
	slices.Sort(out.Totals.DwellS)
	slices.SortFunc(out.Cells, func(a, b Cell) int { return cmp.Compare(a.StartMS, b.StartMS) })
	for key, visits := range n.zones {
		out.ZoneHours = append(out.ZoneHours, ZoneHour{key.StartMS, key.Zone, visits})
	}
	slices.SortFunc(out.ZoneHours, func(a, b ZoneHour) int {
		return cmp.Or(cmp.Compare(a.StartMS, b.StartMS), cmp.Compare(a.Zone, b.Zone))
	})
	out.Inside = Inside{FirstMinute: n.startMS / 60_000, Stable: make([]uint32, testLength/60_000)}
	for m, stable := range n.minutes {
		out.Inside.Stable[m-out.Inside.FirstMinute] = stable
	}
	out.Dwell = dwellOf(n.dwells)
	if out.Returns.Visitors > 0 {
		out.Returns.Lookback = Weeks - 1
	}
	for sensor, used := range n.used {
		out.Returns.Lookback = min(out.Returns.Lookback, filters[sensor].lookback)
		for k := range out.Returns.Q0 {
			out.Returns.Q0[k] += float64(used) * float64(filters[sensor].ones[k])
		}
	}
	for k := range out.Returns.Q0 {
		if out.Returns.Visitors > 0 {
			out.Returns.Q0[k] /= float64(out.Returns.Visitors) * filterBits
		}
	}
	return out
}

// plain is a result without the marks that say when a device changed, which are the day's own bookkeeping.
func plain(r Result) Result {
	r.Generation = 0
	r.Devices = slices.Clone(r.Devices)
	for i := range r.Devices {
		r.Devices[i].Changed = 0
	}
	return r
}
