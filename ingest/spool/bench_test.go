package spool

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkAppendSync appends and syncs once for so many messages of 500 bytes, and acknowledges them as a sender behind would.
func BenchmarkAppendSync(b *testing.B) {
	for _, each := range []int{1, 20, 200} {
		b.Run(fmt.Sprintf("%d a sync", each), func(b *testing.B) {
			s, _ := opened(b, Options{})
			data := make([]byte, 500)
			var behind []uint64
			b.SetBytes(500)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				lsn, err := s.Append(0, int64(i), data)
				if err != nil {
					b.Fatal(err)
				}
				behind = append(behind, lsn)
				if i%each == 0 {
					if err := s.Sync(); err != nil {
						b.Fatal(err)
					}
				}
				if len(behind) == 1000 {
					_ = s.Done(behind...)
					behind = behind[:0]
				}
			}
		})
	}
}

// BenchmarkOnline is the case of a broker that answers at once: the disk is never touched.
func BenchmarkOnline(b *testing.B) {
	s, _ := opened(b, Options{})
	data := make([]byte, 500)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		lsn, _ := s.Append(0, int64(i), data)
		if got, err := s.Next(lsn-1, 10, 1000); err != nil || len(got) != 1 {
			b.Fatal(err)
		}
		_ = s.Done(lsn)
		if i%20 == 0 {
			_ = s.Sync()
		}
	}
}

// BenchmarkFull reports what a full spool of 64 MiB costs in memory, and reads it.
func BenchmarkFull(b *testing.B) {
	s, _ := opened(b, Options{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 60 << 20 / 536 / 1000 {
		put(b, s, 1000, 500)
		synced(b, s)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.SetBytes(500)
	last := uint64(0)
	for b.Loop() {
		got, err := s.Next(last, 1, 1000)
		if err != nil {
			b.Fatal(err)
		}
		last = 0
		if len(got) > 0 {
			last = got[0].LSN
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(s.Stats().Messages), "heap-B/message")
}
