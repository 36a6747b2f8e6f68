package visits

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestNewDayRefusesImpossibleLengths(t *testing.T) {
	for _, c := range []struct {
		name   string
		length time.Duration
		ok     bool
	}{
		{"a day", 24 * time.Hour, true},
		{"clocks go back", 25 * time.Hour, true},
		{"clocks go forward", 23 * time.Hour, true},
		{"nothing", 0, false},
		{"backwards", -time.Hour, false},
		{"two days", 48 * time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewDay(testStart, testStart+c.length.Milliseconds())
			if (err == nil) != c.ok {
				t.Errorf("got error %v, want ok %v", err, c.ok)
			}
		})
	}
}

func TestAddRefusesWhatCannotBeOfTheDay(t *testing.T) {
	for _, c := range []struct {
		name   string
		sensor int
		base   int64
		deltas []uint32
		ok     bool
		held   int
	}{
		{"first and last instant", 0, 0, []uint32{0, uint32(testLength - 1)}, true, 2},
		{"the last sensor", 31, 5, []uint32{0}, true, 1},
		{"the same twice", 1, 5, []uint32{0, 0}, true, 1},
		{"a base before the day, its sightings inside", 1, -5, []uint32{5, 1}, true, 2},
		{"before the day", 1, -5, []uint32{4, 10}, false, 0},
		{"one sensor too many", 32, 0, []uint32{0}, false, 0},
		{"a negative sensor", -1, 0, []uint32{0}, false, 0},
		{"after the day", 0, testLength, []uint32{0}, false, 0},
		{"runs out of the day: none of it counts", 0, testLength - 10, []uint32{0, 5, 5}, false, 0},
		{"far out", 0, math.MaxInt64, []uint32{math.MaxUint32}, false, 0},
		{"deltas that would wrap 32 bits", 0, 0, []uint32{0, math.MaxUint32, 2}, false, 0},
		{"a run of none", 0, 0, nil, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newTestDay(t)
			if got := d.AddRun(7, c.sensor, c.base, c.deltas); got != c.ok {
				t.Errorf("AddRun: got %v, want %v", got, c.ok)
			}
			if got := d.Sightings(); got != c.held {
				t.Errorf("sightings: got %d, want %d", got, c.held)
			}
		})
	}
	d := newTestDay(t)
	if d.Add(7, 0, uint32(testLength)) || d.Add(7, 32, 0) || d.Answer(7, 32, 0) || d.Answer(7, 0, 32) || d.Answer(7, -1, 0) {
		t.Error("got true for what cannot be of the day, want false")
	}
	if d.Filter(32, [Weeks]uint32{}, 0, false) || d.Filter(0, [Weeks]uint32{}, 5, false) || d.Filter(0, [Weeks]uint32{filterBits + 1}, 0, false) {
		t.Error("got true for a filter that cannot be, want false")
	}
	if d.Devices() != 0 {
		t.Errorf("devices: got %d, want 0", d.Devices())
	}
}

// A forgotten id leaves nothing: not in the result, not in any list that the day holds, wherever among the sightings it came.
func TestForgetWinsOverSightingsBeforeAndAfter(t *testing.T) {
	const gone = uint64(0xfeedfacecafebeef)
	for _, c := range []struct {
		name string
		at   int // how many of the 4,000 sightings come before the Forget
	}{{"before all", 0}, {"early", 10}, {"in the middle", 2000}, {"after all", 4000}} {
		t.Run(c.name, func(t *testing.T) {
			d := newTestDay(t)
			for i := range 4001 {
				if i == c.at {
					d.Forget(gone)
					d.Forget(gone)
				}
				if i == 4000 {
					break
				}
				id := uint64(i % 40)
				if id == 20 {
					id = gone
				}
				d.Add(id, i%3, uint32(i)*10_000)
				d.Answer(id, i%3, uint8(i%Patterns))
			}
			r := d.Result(testLayout(), DefaultParams())
			if len(r.Devices) != 39 || d.Devices() != 39 || d.Forgotten() != 1 {
				t.Errorf("got %d devices in the result, %d in the day, %d forgotten; want 39, 39, 1", len(r.Devices), d.Devices(), d.Forgotten())
			}
			if slices.Contains(d.ids[:cap(d.ids)], gone) {
				t.Error("the id is still in the day's memory")
			}
			if kept := d.forgotten.all(); len(kept) != 1 || kept[0] == gone || kept[0] == bits.ReverseBytes64(gone) {
				t.Errorf("got %d forgotten hashes, want one that is not the id itself", len(kept))
			}
			for _, dev := range r.Devices {
				if dev.Sightings != 100 {
					t.Errorf("device %d: got %d sightings, want 100", dev.ID, dev.Sightings)
				}
			}
		})
	}
}

func TestSaltsDifferFromDayToDay(t *testing.T) {
	a, b := newTestDay(t), newTestDay(t)
	if a.salt.Hash(1) == b.salt.Hash(1) || a.table.seed == b.table.seed {
		t.Error("two days share a salt, want each its own")
	}
}

func TestEveryIDIsADevice(t *testing.T) {
	d := newTestDay(t)
	for _, id := range []uint64{0, 1, math.MaxUint64, 1 << 63, 0x9e3779b97f4a7c15} {
		d.Add(id, 0, 1)
		d.Add(id, 0, 1)
	}
	if d.Devices() != 5 || d.Sightings() != 5 {
		t.Errorf("got %d devices, %d sightings; want 5, 5", d.Devices(), d.Sightings())
	}
}

// fill adds a day as sensors send it: every minute a batch, in it the ids that were heard with their sightings.
func fill(d *Day, ids []uint64, each int, deltas []uint32) {
	const perBatch = 4
	for i := 0; i < each; i += perBatch {
		n := min(perBatch, each-i)
		for k, id := range ids {
			base := int64(k%36_000)*1000 + int64(i)*45_000
			d.AddRun(id, k&1, base, deltas[:n])
		}
	}
}

func randomIDs(n int) []uint64 {
	r := rand.New(rand.NewPCG(1, 2))
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = r.Uint64()
	}
	return ids
}

// The budget of DESIGN section 12, by the day's own account: 120 bytes a device-day of 20 sightings.
func TestBytesPerDeviceDay(t *testing.T) {
	for _, c := range []struct {
		name    string
		devices int
	}{{"a quiet store", 300}, {"a busy store", 5_000}, {"a station", 60_000}} {
		t.Run(c.name, func(t *testing.T) {
			d := newTestDay(t)
			fill(d, randomIDs(c.devices), 20, []uint32{0, 40_000, 35_000, 50_000})
			got := float64(d.Bytes()) / float64(c.devices)
			t.Logf("%.0f bytes a device-day", got)
			if got > 120 {
				t.Errorf("got %.0f bytes a device-day of 20 sightings, want 120 at most", got)
			}
		})
	}
}

func BenchmarkAddRun(b *testing.B) {
	deltas := []uint32{0, 40_000, 35_000, 50_000}
	for _, c := range []struct {
		name    string
		devices int
		each    int
	}{{"busy-store", 5_000, 20}, {"station", 100_000, 20}, {"tills", 50, 4_000}} {
		b.Run(c.name, func(b *testing.B) {
			ids := randomIDs(c.devices)
			b.ReportAllocs()
			var day *Day
			for b.Loop() {
				day = newTestDay(b)
				fill(day, ids, c.each, deltas)
			}
			day.settle()
			total := float64(c.devices * c.each)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/total, "ns/sighting")
			b.ReportMetric(float64(day.Bytes())/float64(c.devices), "B/device")
		})
	}
}

// BenchmarkHeap reports what the runtime says a day of 100,000 devices with 20 sightings each holds on to.
func BenchmarkHeap(b *testing.B) {
	const devices = 100_000
	ids := randomIDs(devices)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		d := newTestDay(b)
		fill(d, ids, 20, []uint32{0, 40_000, 35_000, 50_000})
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/devices, "heapB/device")
		runtime.KeepAlive(d)
	}
}

func BenchmarkResult(b *testing.B) {
	d := newTestDay(b)
	fill(d, randomIDs(5_000), 20, []uint32{0, 40_000, 35_000, 50_000})
	layout, p := testLayout(), DefaultParams()
	b.ReportAllocs()
	for b.Loop() {
		d.Result(layout, p)
	}
}
