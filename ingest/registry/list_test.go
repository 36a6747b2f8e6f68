package registry

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// recordKey is a key of 16 bytes.
func recordKey(n uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, n), ^n)
}

// listOf is a list of the records, applied one after the other.
func listOf(records ...Record) *List {
	l := NewList()
	b := &loader{base: l.current.Load()}
	for _, r := range records {
		b.add(r)
	}
	l.current.Store(b.apply(uint64(len(records))))
	return l
}

func TestListSteps(t *testing.T) {
	add := func(key uint64, tag uint32) Record { return Record{Key: recordKey(key), Tag: tag} }
	remove := func(key uint64) Record { return Record{Key: recordKey(key), Removed: true} }
	tests := []struct {
		name    string
		records []Record
		listed  []uint32
		not     []uint32
		len     int
	}{
		{"nothing", nil, nil, []uint32{0, 1, 1<<28 - 1}, 0},
		{"one", []Record{add(1, 77)}, []uint32{77}, []uint32{0, 76, 78, 77 + 1<<14, 77 + 1<<28}, 1},
		{"the smallest and the largest tag", []Record{add(1, 0), add(2, 1<<28-1)}, []uint32{0, 1<<28 - 1}, []uint32{1, 1<<28 - 2}, 2},
		{"two devices with one tag", []Record{add(1, 77), add(2, 77)}, []uint32{77}, nil, 2},
		{"one of two with one tag removed", []Record{add(1, 77), add(2, 77), remove(1)}, []uint32{77}, nil, 1},
		{"both removed", []Record{add(1, 77), add(2, 77), remove(2), remove(1)}, nil, []uint32{77}, 0},
		{"a record twice", []Record{add(1, 77), add(1, 77)}, []uint32{77}, nil, 1},
		{"a record twice, removed once", []Record{add(1, 77), add(1, 77), remove(1)}, nil, []uint32{77}, 0},
		{"a removal before its record", []Record{remove(1), add(1, 77)}, []uint32{77}, nil, 1},
		{"a removal of nobody", []Record{add(1, 77), remove(2)}, []uint32{77}, nil, 1},
		{"removed and registered again", []Record{add(1, 77), remove(1), add(1, 78)}, []uint32{78}, []uint32{77}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := listOf(tt.records...)
			for _, tag := range tt.listed {
				if !l.Has(tag) {
					t.Errorf("tag %d: got not listed, want listed", tag)
				}
			}
			for _, tag := range tt.not {
				if l.Has(tag) {
					t.Errorf("tag %d: got listed, want not listed", tag)
				}
			}
			if got := l.Len(); got != tt.len {
				t.Errorf("records: got %d, want %d", got, tt.len)
			}
			if got := l.Version(); got != uint64(len(tt.records)) {
				t.Errorf("version: got %d, want %d", got, len(tt.records))
			}
		})
	}
}

// TestListAgreesWithAMap applies random records in random bulks and compares with a map. Tags are few and close together,
// so that they share index entries and each other.
func TestListAgreesWithAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 30 {
		l := NewList()
		b := &loader{base: l.current.Load()}
		truth := map[uint64]uint32{}
		tagOf := func() uint32 { return rng.Uint32N(4)<<26 | rng.Uint32N(300) }
		for range 60 {
			for range rng.IntN(40) {
				key := rng.Uint64N(200)
				if rng.IntN(3) == 0 {
					delete(truth, key)
					b.add(Record{Key: recordKey(key), Removed: true})
				} else {
					truth[key] = tagOf()
					b.add(Record{Key: recordKey(key), Tag: truth[key]})
				}
			}
			before := l.current.Load()
			copied := slices.Clone(before.entries)
			l.current.Store(b.apply(l.Version() + 1))
			if !slices.Equal(before.entries, copied) {
				t.Fatal("a snapshot that readers may hold was changed")
			}
			if got := l.Len(); got != len(truth) {
				t.Fatalf("records: got %d, want %d", got, len(truth))
			}
			tags := map[uint32]bool{}
			for _, tag := range truth {
				tags[tag] = true
			}
			for range 500 {
				tag := tagOf()
				if got := l.Has(tag); got != tags[tag] {
					t.Fatalf("tag %d: got %v, want %v", tag, got, tags[tag])
				}
			}
		}
	}
}

const million = 1_000_000

func millionRecords() *List {
	rng := rand.New(rand.NewPCG(9, 10))
	l := NewList()
	b := &loader{base: l.current.Load()}
	for i := range uint64(million) {
		b.add(Record{Key: recordKey(i), Tag: rng.Uint32N(1 << TagBits)})
	}
	l.current.Store(b.apply(million))
	return l
}

// TestMillionRecordsInEightMegabytes: eight bytes a record and 64 KiB of index.
func TestMillionRecordsInEightMegabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l := millionRecords()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := l.Len(); got != million {
		t.Errorf("records: got %d, want %d", got, million)
	}
	bytes := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d bytes", bytes)
	if bytes > 8<<20 {
		t.Errorf("memory: got %d bytes, want at most 8 MiB", bytes)
	}
	runtime.KeepAlive(l)
}

func TestHasDoesNotAllocate(t *testing.T) {
	l := listOf(Record{Key: recordKey(1), Tag: 5})
	if got := testing.AllocsPerRun(100, func() { l.Has(5); l.Has(6) }); got != 0 {
		t.Errorf("allocations: got %v, want 0", got)
	}
}

func BenchmarkHas(b *testing.B) {
	l := millionRecords()
	rng := rand.New(rand.NewPCG(11, 12))
	tags := make([]uint32, 1<<16)
	for i := range tags {
		tags[i] = rng.Uint32N(1 << TagBits)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.Has(tags[i&(1<<16-1)])
		i++
	}
}

// BenchmarkOneMore is what a registration costs a sensor with a million records.
func BenchmarkOneMore(b *testing.B) {
	l := millionRecords()
	loader := &loader{base: l.current.Load()}
	n := uint64(million)
	for b.Loop() {
		loader.add(Record{Key: recordKey(n), Tag: uint32(n)})
		loader.apply(n)
		n++
	}
}

func BenchmarkLoadAMillion(b *testing.B) {
	for b.Loop() {
		millionRecords()
	}
}
