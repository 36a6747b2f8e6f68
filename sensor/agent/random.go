package agent

import (
	"hash/maphash"

	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

const minuteNS = int64(60e9)

// randoms turns bursts of random addresses into the counters of COUNTING.md section 4. It remembers an address as a salted
// hash, in memory, for TransientMemory; nothing connects one address to another.
type randoms struct {
	salt  maphash.Seed
	heard map[uint64]int64 // salted hash -> end of its last burst
	swept int64
	// ends of the last class burst, by class and band: of all bursts, and of the fresh ones
	ends, freshEnds map[uint16]int64
}

func newRandoms() *randoms {
	return &randoms{salt: maphash.MakeSeed(), heard: map[uint64]int64{}, ends: map[uint16]int64{}, freshEnds: map[uint16]int64{}}
}

// count adds a closed burst to the counters of the minute it began in. Bursts come in the order of their starts.
func (r *randoms) count(b *burst, m *minute) {
	h := r.hash(b.addr)
	was, known := r.heard[h]
	fresh := !known || b.start-was > int64(TransientMemory)
	r.heard[h] = b.end
	band := wire.Band(int(b.best))
	key := b.class<<3 | uint16(band)
	row := m.row(b.class, band)
	if r.begins(r.ends, key, b) {
		row.Bursts++
	}
	if fresh {
		if r.begins(r.freshEnds, key, b) {
			row.Fresh++
		}
		return
	}
	row.Back += uint32(b.start/minuteNS - was/minuteNS)
}

// begins reports whether the burst begins a class burst, and remembers its end.
func (r *randoms) begins(ends map[uint16]int64, key uint16, b *burst) bool {
	last, ok := ends[key]
	ends[key] = max(last, b.end)
	return !ok || b.start-last > int64(ClassBurstGap)
}

// knows reports whether the address was heard within TransientMemory, or a little more.
func (r *randoms) knows(a hwaddr.Addr) bool {
	_, ok := r.heard[r.hash(a)]
	return ok
}

func (r *randoms) hash(a hwaddr.Addr) uint64 { return maphash.Comparable(r.salt, a) }

// sweep forgets the addresses last heard more than TransientMemory ago.
func (r *randoms) sweep(now int64) {
	if now-r.swept < minuteNS {
		return
	}
	r.swept = now
	for h, t := range r.heard {
		if now-t > int64(TransientMemory) {
			delete(r.heard, h)
		}
	}
}

// clear forgets everything; a new salt makes what was heard before unknowable. Class keys change with the epoch, and
// with them what the ends of class bursts belong to.
func (r *randoms) clear() { *r = *newRandoms() }

// minute is what is counted in one minute until it is complete.
type minute struct {
	number       int64 // Unix minutes
	listened     int64 // nanoseconds, of a live sensor
	framesRandom uint32
	framesStable uint32
	passersBy    uint32
	excludedLong uint32
	rows         map[uint16]*wire.CounterRow // by class << 3 | band
}

func newMinute(number int64) *minute {
	return &minute{number: number, rows: map[uint16]*wire.CounterRow{}}
}

func (m *minute) row(class uint16, band uint8) *wire.CounterRow {
	key := class<<3 | uint16(band)
	r := m.rows[key]
	if r == nil {
		r = &wire.CounterRow{Class: class, Band: band}
		m.rows[key] = r
	}
	return r
}

// heard reports whether a live sensor listened to any of the minute, or something fell into it.
func (m *minute) heard() bool {
	return m.listened > 0 || m.framesRandom+m.framesStable+m.passersBy+m.excludedLong > 0 || len(m.rows) > 0
}

// wire is the minute as it may leave: without the bands below wire.MinRandomBand.
func (m *minute) wire(listenedS, memoryAge uint8) wire.Minute {
	out := wire.Minute{
		Minute: m.number, ListenedS: listenedS, MemoryAge: memoryAge, FramesRandom: m.framesRandom, FramesStable: m.framesStable,
		PassersBy: m.passersBy, ExcludedLong: m.excludedLong,
	}
	for _, r := range m.rows {
		if r.Band >= wire.MinRandomBand {
			out.Rows = append(out.Rows, *r)
		}
	}
	return out
}
