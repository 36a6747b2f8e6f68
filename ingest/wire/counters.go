package wire

import (
	"cmp"
	"slices"
)

// Bounds of MinuteCounters (COUNTING section 4).
const (
	// MemoryMinutes is how long a sensor remembers a random address for fresh and back.
	MemoryMinutes = 15
	// MaxRows is how many rows a minute may have; the strongest bands are kept.
	MaxRows = 512
	// Classes is how many values a class can have: a 10-bit hash.
	Classes = 1 << 10
)

const (
	minuteMillis  = 60 * 1000
	quarterMillis = 15 * minuteMillis
	bandBits      = 3
)

// CounterRow is what was heard of one class in one band within a minute.
type CounterRow struct {
	Class  uint16 // 0..1023
	Band   uint8  // 1..7
	Bursts uint32 // class bursts: gaps over 0.25 s apart
	Fresh  uint32 // those of addresses not heard in the last 15 minutes
	Back   uint32 // minutes since a returning address was last heard, summed
}

// Minute is what one sensor heard in one minute.
type Minute struct {
	Minute       int64 // Unix minutes
	ListenedS    uint8 // seconds the radio really listened, 0..60
	MemoryAge    uint8 // minutes since the transient table was empty, 0..15
	FramesRandom uint32
	FramesStable uint32
	PassersBy    uint32
	ExcludedLong uint32
	RowsDropped  uint32       // rows over MaxRows
	Rows         []CounterRow // from MinutesCursor: valid until its next Next
}

// CountersBuilder makes the columns of a MinuteCounters from minutes of one class epoch. The zero value is ready; it is not
// for concurrent use.
type CountersBuilder struct {
	c    *MinuteCounters
	last int64
}

// Add appends a minute; minutes ascend. Its rows may come in any order, are sorted in place, and above MaxRows the weakest
// bands are dropped and counted in rows_dropped.
func (b *CountersBuilder) Add(m Minute) {
	if b.c == nil {
		b.c = &MinuteCounters{MemoryMinutes: MemoryMinutes, BandEdges: BandEdges, FirstMinute: m.Minute}
		b.last = m.Minute
	}
	c := b.c
	rows := m.Rows
	if len(rows) > MaxRows {
		slices.SortFunc(rows, func(x, y CounterRow) int { return cmp.Or(cmp.Compare(y.Band, x.Band), cmp.Compare(x.Class, y.Class)) })
		m.RowsDropped += uint32(len(rows) - MaxRows)
		rows = rows[:MaxRows]
	}
	slices.SortFunc(rows, func(x, y CounterRow) int { return cmp.Compare(x.key(), y.key()) })
	c.MinuteDelta = append(c.MinuteDelta, uint32(m.Minute-b.last))
	b.last = m.Minute
	c.ListenedS = append(c.ListenedS, uint32(m.ListenedS))
	c.MemoryAge = append(c.MemoryAge, uint32(m.MemoryAge))
	c.FramesRandom = append(c.FramesRandom, m.FramesRandom)
	c.FramesStable = append(c.FramesStable, m.FramesStable)
	c.PassersBy = append(c.PassersBy, m.PassersBy)
	c.ExcludedLong = append(c.ExcludedLong, m.ExcludedLong)
	c.Rows = append(c.Rows, uint32(len(rows)))
	c.RowsDropped = append(c.RowsDropped, m.RowsDropped)
	before := uint32(0)
	for _, r := range rows {
		c.Keys = append(c.Keys, r.key()-before)
		c.Bursts = append(c.Bursts, r.Bursts)
		c.Fresh = append(c.Fresh, r.Fresh)
		c.Back = append(c.Back, r.Back)
		before = r.key()
	}
}

func (r CounterRow) key() uint32 { return uint32(r.Class)<<bandBits | uint32(r.Band) }

// Len is how many minutes were added since the last Build.
func (b *CountersBuilder) Len() int { return len(b.c.GetMinuteDelta()) }

// Build returns the columns and begins anew; nil where no minute was added.
func (b *CountersBuilder) Build() *MinuteCounters {
	c := b.c
	b.c = nil
	return c
}

// MinutesCursor goes over a MinuteCounters that Decode accepted, minute by minute, allocating only its one buffer of rows:
//
//	for minutes := c.Minutes(); minutes.Next(&m); { ... }
type MinutesCursor struct {
	c        *MinuteCounters
	rows     []CounterRow
	at       int64
	next, in int
}

// Minutes begins at the first minute.
func (x *MinuteCounters) Minutes() *MinutesCursor {
	return &MinutesCursor{c: x, at: x.GetFirstMinute()}
}

// Next fills in the next minute and says whether there was one. The minute's Rows are valid until the next call.
func (r *MinutesCursor) Next(m *Minute) bool {
	c := r.c
	if r.next >= len(c.GetMinuteDelta()) {
		return false
	}
	i := r.next
	r.next++
	r.at += int64(c.MinuteDelta[i])
	*m = Minute{
		Minute: r.at, ListenedS: uint8(c.ListenedS[i]), MemoryAge: uint8(c.MemoryAge[i]),
		FramesRandom: c.FramesRandom[i], FramesStable: c.FramesStable[i],
		PassersBy: c.PassersBy[i], ExcludedLong: c.ExcludedLong[i], RowsDropped: c.RowsDropped[i],
	}
	r.rows = r.rows[:0]
	key := uint32(0)
	for range c.Rows[i] {
		key += c.Keys[r.in]
		r.rows = append(r.rows, CounterRow{
			Class: uint16(key >> bandBits), Band: uint8(key & MaxBand),
			Bursts: c.Bursts[r.in], Fresh: c.Fresh[r.in], Back: c.Back[r.in],
		})
		r.in++
	}
	m.Rows = r.rows
	return true
}

func checkCounters(h *Header, c *MinuteCounters) string {
	if c == nil {
		return "counters without a body"
	}
	n := len(c.MinuteDelta)
	for _, column := range [][]uint32{
		c.ListenedS, c.MemoryAge, c.FramesRandom, c.FramesStable, c.PassersBy, c.ExcludedLong, c.Rows, c.RowsDropped,
	} {
		if len(column) != n {
			return "the minutes' columns differ in length"
		}
	}
	switch {
	case c.BandEdges != BandEdges:
		return "band_edges of another version"
	case c.MemoryMinutes != MemoryMinutes:
		return "memory_minutes of another version"
	case !slices.Contains([]int32{0, -75, -70, -65}, c.InsideDbm):
		return "inside_dbm is none of -75, -70 and -65"
	case len(c.Bursts) != len(c.Keys) || len(c.Fresh) != len(c.Keys) || len(c.Back) != len(c.Keys):
		return "the rows' columns differ in length"
	}
	if detail := checkSteps(h, c.FirstMinute, c.MinuteDelta, minuteMillis); detail != "" {
		return detail
	}
	next := 0
	for i := range n {
		rows := c.Rows[i]
		switch {
		case c.ListenedS[i] > 60 || c.MemoryAge[i] > MemoryMinutes:
			return "listened_s or memory_age is out of range"
		case int64(rows) > int64(min(MaxRows, len(c.Keys)-next)):
			return "rows and keys differ"
		}
		if detail := checkKeys(c.Keys[next : next+int(rows)]); detail != "" {
			return detail
		}
		next += int(rows)
	}
	if next != len(c.Keys) {
		return "rows and keys differ"
	}
	return ""
}

// checkKeys checks the keys of one minute: the first whole, the others from the one before.
func checkKeys(keys []uint32) string {
	at := uint64(0)
	for i, k := range keys {
		if i > 0 && k == 0 {
			return "keys do not ascend"
		}
		at += uint64(k)
		if at>>bandBits >= Classes || at&MaxBand < MinBand {
			return "a class or band is out of range"
		}
	}
	return ""
}
