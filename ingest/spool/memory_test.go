package spool

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func TestDiskOperations(t *testing.T) {
	disk := newMemoryDisk()
	s, _ := openOn(t, disk, Options{})
	disk.operations()
	expect := func(what string, want map[string]int) {
		t.Helper()
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
		got := disk.operations()
		for op := range got {
			if got[op] != want[op] {
				t.Fatalf("%s: got %v, want %v", what, got, want)
			}
		}
		for op := range want {
			if got[op] != want[op] {
				t.Fatalf("%s: got %v, want %v", what, got, want)
			}
		}
	}
	expect("nothing to do", nil)
	_ = s.Done(put(t, s, 100, 100)...)
	expect("acknowledged within the interval", nil)
	first := put(t, s, 100, 100)
	expect("a new segment", map[string]int{"create": 1, "write": 1, "sync": 1, "sync folder": 1})
	expect("nothing new", nil)
	second := put(t, s, 100, 100)
	expect("the usual case", map[string]int{"write": 1, "sync": 1})
	_ = s.Done(first...)
	expect("neighbours done", map[string]int{"write": 1, "sync": 1})
	third := put(t, s, 50, 100)
	_ = s.Done(second[:50]...)
	expect("new ones and done ones", map[string]int{"write": 2, "sync": 2})
	_ = s.Done(third[:25]...)
	_ = s.Done(second[50:]...)
	_ = s.Done(third[25:]...)
	expect("all done", map[string]int{"write": 1, "sync": 1, "remove": 1, "sync folder": 1})
	expect("nothing left", nil)
	put(t, s, 3, 200_000)
	expect("three segments", map[string]int{"create": 3, "write": 3, "sync": 3, "sync folder": 3})
}

// TestNothingWaitsForTheDisk lets a sync hang and uses everything that must not hang with it.
func TestNothingWaitsForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newMemoryDisk()
		s, _ := openOn(t, disk, Options{MemoryBytes: 64 << 10})
		hang, going := make(chan struct{}), make(chan struct{})
		disk.fail = func(op string) error {
			if op == "sync" {
				close(going)
				<-hang
			}
			return nil
		}
		lsns := put(t, s, 3, 1000)
		result := make(chan error)
		go func() { result <- s.Sync() }()
		<-going
		more := put(t, s, 2, 1000)
		if err := s.Done(lsns[1], more[0]); err != nil {
			t.Fatal(err)
		}
		want := []uint64{lsns[0], lsns[2], more[1]}
		if got := places(t, s); !slices.Equal(got, want) {
			t.Fatalf("got %v while the disk hangs, want %v", got, want)
		}
		if st := s.Stats(); st.Messages != 3 || len(s.Held(0, 10)) != 3 {
			t.Fatalf("got %+v, want 3 messages", st)
		}
		if err := s.Wait(t.Context(), more[0]); err != nil {
			t.Fatal(err)
		}
		many := put(t, s, 100, 1000) // more than the memory holds: what is being written stays
		disk.fail = nil
		close(hang)
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		got := places(t, s)
		if got[0] != lsns[0] || got[1] != lsns[2] || got[len(got)-1] != many[99] {
			t.Fatalf("got %v, want the written ones and the newest", got)
		}
		if st := s.Stats(); st.LostMemory == 0 || st.LostMemory != st.LostFull || int(st.LostMemory)+st.Messages != 103 {
			t.Fatalf("got %+v, want what memory could not hold counted", st)
		}
		checkBooks(t, s)
	})
}

func TestMemoryFull(t *testing.T) {
	disk := newMemoryDisk()
	s, _ := openOn(t, disk, Options{MemoryBytes: 64 << 10})
	disk.fail = func(string) error { return errPartly }
	lsns := put(t, s, 1000, 1000)
	for range 3 {
		if err := s.Sync(); !errors.Is(err, errPartly) || s.Stats().LastSyncError == nil {
			t.Fatalf("got %v, want the disk's error", err)
		}
	}
	got := places(t, s)
	const fit = (64 << 10) / (1000 + headerBytes + heldOverhead)
	if !slices.Equal(got, lsns[1000-fit:]) {
		t.Fatalf("got %d messages, want the newest %d", len(got), fit)
	}
	if st := s.Stats(); st.LostFull != 1000-fit || st.LostMemory != 1000-fit {
		t.Fatalf("got %+v, want %d lost", st, 1000-fit)
	}
	disk.fail = nil
	if err := s.Sync(); err != nil || s.Stats().LastSyncError != nil {
		t.Fatalf("got %v when the disk works again", err)
	}
	if got := places(t, s); !slices.Equal(got, lsns[1000-fit:]) {
		t.Fatalf("got %d messages, want the newest %d", len(got), fit)
	}
	checkBooks(t, s)
}

func TestWait(t *testing.T) {
	start := func(t *testing.T, s *Spool, after uint64) (context.CancelFunc, chan error) {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- s.Wait(ctx, after) }()
		synctest.Wait()
		return cancel, result
	}
	tests := []struct {
		name string
		do   func(t *testing.T, s *Spool, cancel func())
		want error
	}{
		{"a message", func(t *testing.T, s *Spool, _ func()) { put(t, s, 1, 10) }, nil},
		{"the context", func(_ *testing.T, _ *Spool, cancel func()) { cancel() }, context.Canceled},
		{"the end", func(_ *testing.T, s *Spool, _ func()) { _ = s.Close() }, ErrClosed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := openOn(t, newMemoryDisk(), Options{})
				lsns := put(t, s, 3, 10)
				synced(t, s)
				_ = s.Done(lsns[2])
				if err := s.Wait(t.Context(), lsns[0]); err != nil {
					t.Fatalf("got %v, want no waiting for what is there", err)
				}
				cancel, result := start(t, s, lsns[1])
				defer cancel()
				select {
				case err := <-result:
					t.Fatalf("got %v, want it to wait: what is done does not count", err)
				default:
				}
				tt.do(t, s, cancel)
				if err := <-result; !errors.Is(err, tt.want) {
					t.Fatalf("got %v, want %v", err, tt.want)
				}
			})
		})
	}
}

// TestBound lets a full spool meet every kind of load and looks at the disk after every single write.
func TestBound(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 1))
		disk := newMemoryDisk()
		o := Options{MaxBytes: 1<<20 + 4000, MemoryBytes: 1 << 20}
		s, _ := openOn(t, disk, o)
		in, gone, before := 0, 0, uint64(0)
		for range 300 {
			lsns := put(t, s, 1+random.IntN(20), 1+random.IntN(1<<(5+random.IntN(11))))
			in += len(lsns)
			if random.IntN(4) == 0 {
				held := s.Held(0, 1+random.IntN(40))
				for _, p := range held {
					_ = s.Done(p.LSN)
				}
				gone += len(held)
			}
			if random.IntN(3) > 0 {
				synced(t, s)
			}
			if random.IntN(20) == 0 {
				// A restart counts anew what is lost.
				synced(t, s)
				before += s.Stats().LostFull
				_ = s.Close()
				s, _ = openOn(t, disk, o)
			}
			checkBooks(t, s)
		}
		st := s.Stats()
		if int(before+st.LostFull)+gone+st.Messages != in || st.LostFull+before == 0 {
			t.Fatalf("in: %d; got %d lost, %d done, %d held", in, before+st.LostFull, gone, st.Messages)
		}
		if disk.most > o.MaxBytes {
			t.Fatalf("got %d bytes on disk at some moment, the bound is %d", disk.most, o.MaxBytes)
		}
		_ = s.Close()
	}
}

func TestWhatIsDoneMakesRoomFirst(t *testing.T) {
	s, _ := openOn(t, newMemoryDisk(), Options{MaxBytes: 1 << 20})
	var lsns []uint64
	for s.Stats().DiskBytes < 900<<10 {
		lsns = append(lsns, put(t, s, 10, 3000)...)
		synced(t, s)
	}
	done := s.segments[3]
	for _, e := range done.entries {
		_ = s.Done(e.lsn)
	}
	n := len(done.entries)
	put(t, s, n, 3000)
	synced(t, s)
	if st := s.Stats(); st.LostFull != 0 || st.Messages != len(lsns) {
		t.Fatalf("got %+v, want room made of what was done and %d messages", st, len(lsns))
	}
}

// TestAFailedWriteLeavesNothing lets a write fail half-way and the repair too, and looks at what is deleted in the end.
func TestAFailedWriteLeavesNothing(t *testing.T) {
	disk := newMemoryDisk()
	s, _ := openOn(t, disk, Options{})
	first := put(t, s, 1, 100)
	synced(t, s)
	second := put(t, s, 2, 1000)
	disk.removed = func(data []byte) {
		if bytes.Contains(data, []byte(canary)) {
			t.Error("deleted with a message in it")
		}
	}
	failing := "write"
	disk.fail = func(op string) error {
		if op == failing {
			return errPartly
		}
		return nil
	}
	if err := s.Sync(); !errors.Is(err, errPartly) {
		t.Fatalf("got %v, want the disk's error", err)
	}
	if got := bytes.Count(disk.bytesOnDisk(), []byte(canary)); got != 2 {
		t.Fatalf("got %d messages on disk, want one and half of the next two", got)
	}
	_ = s.Done(first...)
	_ = s.Done(second...)
	failing = "truncate"
	if err := s.Sync(); !errors.Is(err, errPartly) {
		t.Fatalf("got %v, want the disk's error", err)
	}
	failing = ""
	synced(t, s)
	if len(disk.files) != 0 || s.Stats().DiskBytes != blockBytes {
		t.Fatalf("got %d files, want none", len(disk.files))
	}
	checkBooks(t, s)
}

// TestATornEndIsOverwrittenWithItsSegment has a repair stop early, so that a segment is done before its torn end is cut off.
func TestATornEndIsOverwrittenWithItsSegment(t *testing.T) {
	disk := newMemoryDisk()
	data := appendRecord(nil, Message{LSN: 1, Data: []byte("whole")})
	data = append(data, appendRecord(nil, Message{LSN: 2, Data: []byte(canary)})...)
	data = data[:len(data)-1]
	disk.files[segmentName(0)] = &memoryFile{disk: disk, data: []byte("noise")}
	disk.files[segmentName(1)] = &memoryFile{disk: disk, data: data}
	tries := 0
	disk.fail = func(op string) error {
		if op == "remove" {
			if tries++; tries <= 2 {
				return errPartly
			}
		}
		return nil
	}
	disk.removed = func(data []byte) {
		if bytes.Contains(data, []byte(canary[:10])) {
			t.Error("deleted with a message in it")
		}
	}
	s, _ := openOn(t, disk, Options{})
	if err := s.Stats().LastSyncError; !errors.Is(err, errPartly) {
		t.Fatalf("got %v, want the disk's error", err)
	}
	_ = s.Done(1)
	if err := s.Sync(); !errors.Is(err, errPartly) {
		t.Fatalf("got %v, want the disk's error", err)
	}
	if _, ok := disk.files[segmentName(1)]; ok {
		t.Fatal("the segment that is done is still there")
	}
	synced(t, s)
	checkBooks(t, s)
}

// TestAtOnce uses one spool from everywhere.
func TestAtOnce(t *testing.T) {
	const messages = 5000
	s, _ := opened(t, Options{SegmentBytes: 8 << 10})
	ctx, cancel := context.WithCancel(t.Context())
	var appending, syncing sync.WaitGroup
	appending.Go(func() {
		for i := range messages {
			if _, err := s.Append(uint8(i%16), int64(i), make([]byte, i%300)); err != nil {
				t.Error(err)
			}
		}
	})
	syncing.Go(func() {
		for ctx.Err() == nil {
			if err := s.Sync(); err != nil {
				t.Error(err)
			}
			s.Stats()
			s.Held(0, 10)
		}
	})
	after := uint64(0)
	for n := 0; n < messages; {
		if err := s.Wait(t.Context(), after); err != nil {
			t.Fatal(err)
		}
		got, err := s.Next(after, 100, 10_000)
		if err != nil || len(got) == 0 {
			t.Fatalf("got %d messages, %v, after Wait", len(got), err)
		}
		for _, m := range got {
			if n++; m.LSN != uint64(n) || m.TimeMS != int64(n-1) {
				t.Fatalf("got message %d, want %d", m.LSN, n)
			}
			if err := s.Done(m.LSN); err != nil {
				t.Fatal(err)
			}
			after = m.LSN
		}
	}
	appending.Wait()
	cancel()
	syncing.Wait()
	synced(t, s)
	if st := s.Stats(); st.Messages != 0 || st.LostFull != 0 || len(segmentsOf(t, s.opt.Dir)) != 0 {
		t.Fatalf("got %+v, want an empty spool", st)
	}
	checkBooks(t, s)
}
