package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// copied copies a spool's segments into a new folder.
func copied(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range segmentsOf(t, dir) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// TestPowerCutAtEveryByte cuts a real segment at every byte of what was written last.
func TestPowerCutAtEveryByte(t *testing.T) {
	s, _ := opened(t, Options{})
	lsns := put(t, s, 3, 60)
	synced(t, s)
	before := s.active.size
	lsns = append(lsns, put(t, s, 3, 60)...)
	synced(t, s)
	dir := s.opt.Dir
	for size := before; size <= s.active.size; size++ {
		folder := copied(t, dir)
		name := filepath.Join(folder, segmentsOf(t, folder)[0])
		if err := os.Truncate(name, size); err != nil {
			t.Fatal(err)
		}
		got, found := opened(t, Options{Dir: folder})
		whole := 3 + int(size-before)/(headerBytes+60)
		torn := (size - before) % (headerBytes + 60)
		if found != (Recovery{Messages: whole, TornBytes: torn}) {
			t.Fatalf("cut at %d: got %+v, want %d messages and %d torn bytes", size, found, whole, torn)
		}
		if p := places(t, got); !slices.Equal(p, lsns[:whole]) {
			t.Fatalf("cut at %d: got %v, want %v", size, p, lsns[:whole])
		}
		if info, err := os.Stat(name); err != nil || info.Size() != size-torn {
			t.Fatalf("cut at %d: got %v, %v; want the torn end cut off", size, info.Size(), err)
		}
		put(t, got, 1, 10)
		if err := got.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// flip changes a byte of a file.
func flip(t testing.TB, name string, at int64) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 0x10
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDamage(t *testing.T) {
	const record = headerBytes + 464 // 8 of them to a segment of 4 KiB
	tests := []struct {
		name    string
		damage  func(t *testing.T, dir string, segments []string)
		want    Recovery
		missing []uint64
	}{
		{"none", func(*testing.T, string, []string) {}, Recovery{Messages: 24}, nil},
		{"a payload in the middle", func(t *testing.T, _ string, seg []string) { flip(t, seg[1], 2*record+100) },
			Recovery{Messages: 23, Damaged: 1}, []uint64{11}},
		{"a payload at the end", func(t *testing.T, _ string, seg []string) { flip(t, seg[2], 8*record-1) },
			Recovery{Messages: 23, Damaged: 1}, []uint64{24}},
		{"a payload's checksum", func(t *testing.T, _ string, seg []string) { flip(t, seg[0], sumAt) },
			Recovery{Messages: 23, Damaged: 1}, []uint64{1}},
		{"a state alone", func(t *testing.T, _ string, seg []string) { flip(t, seg[1], stateAt) }, Recovery{Messages: 24}, nil},
		{"one that was being overwritten", func(t *testing.T, _ string, seg []string) {
			f, _ := os.OpenFile(seg[1], os.O_WRONLY, 0)
			_, err := f.WriteAt(make([]byte, 200), 2*record+sumAt)
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
		}, Recovery{Messages: 23}, []uint64{11}},
		{"one that was marked and not overwritten", func(t *testing.T, _ string, seg []string) {
			f, _ := os.OpenFile(seg[1], os.O_WRONLY, 0)
			_, err := f.WriteAt([]byte{stateDone}, 2*record+stateAt)
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
		}, Recovery{Messages: 23}, []uint64{11}},
		{"a header in the middle", func(t *testing.T, _ string, seg []string) { flip(t, seg[1], 2*record+9) },
			Recovery{Messages: 18, Broken: 1, BrokenBytes: 6 * record}, []uint64{11, 12, 13, 14, 15, 16}},
		{"the first header", func(t *testing.T, _ string, seg []string) { flip(t, seg[1], 24) },
			Recovery{Messages: 16, Broken: 1, BrokenBytes: 8 * record}, []uint64{9, 10, 11, 12, 13, 14, 15, 16}},
		{"a header of the newest segment", func(t *testing.T, _ string, seg []string) { flip(t, seg[2], 7*record+28) },
			Recovery{Messages: 23, TornBytes: record}, []uint64{24}},
		{"zeros at the end", func(t *testing.T, _ string, seg []string) {
			if err := os.Truncate(seg[2], 8*record+1000); err != nil {
				t.Fatal(err)
			}
		}, Recovery{Messages: 24, TornBytes: 1000}, nil},
		{"a segment is gone", func(t *testing.T, _ string, seg []string) { _ = os.Remove(seg[0]) },
			Recovery{Messages: 16}, []uint64{1, 2, 3, 4, 5, 6, 7, 8}},
		{"a segment that comes twice", func(t *testing.T, dir string, seg []string) {
			b, _ := os.ReadFile(seg[0])
			_ = os.WriteFile(filepath.Join(dir, segmentName(4)), b, 0o600)
		}, Recovery{Messages: 24, Broken: 1, BrokenBytes: 8 * record}, nil},
		{"files of random bytes, and others' files", func(t *testing.T, dir string, _ []string) {
			noise := bytes.Repeat([]byte("noise!"), 500)
			for _, name := range []string{segmentName(0), segmentName(5), "notes.txt", "0.spool", "000000000000000A.spool"} {
				_ = os.WriteFile(filepath.Join(dir, name), noise, 0o600)
			}
			_ = os.Mkdir(filepath.Join(dir, segmentName(7)), 0o700)
			_ = os.Symlink("/etc/hostname", filepath.Join(dir, segmentName(6)))
		}, Recovery{Messages: 24, Broken: 2, BrokenBytes: 6000}, nil},
		{"random bytes under the newest name", func(t *testing.T, dir string, _ []string) {
			_ = os.WriteFile(filepath.Join(dir, segmentName(1<<64-1)), []byte("FSxyz"), 0o600)
		}, Recovery{Messages: 24, TornBytes: 5}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s, _ := opened(t, Options{Dir: dir, SegmentBytes: 4 << 10})
			lsns := put(t, s, 24, 464)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			var segments []string
			for _, name := range segmentsOf(t, dir) {
				segments = append(segments, filepath.Join(dir, name))
			}
			tt.damage(t, dir, segments)
			s, found := opened(t, s.opt)
			if found != tt.want {
				t.Fatalf("got %+v, want %+v", found, tt.want)
			}
			want := slices.DeleteFunc(slices.Clone(lsns), func(lsn uint64) bool { return slices.Contains(tt.missing, lsn) })
			if got := places(t, s); !slices.Equal(got, want) {
				t.Fatalf("got %v, want %v", got, want)
			}
			if st := s.Stats(); int(st.Damaged) != found.Damaged+found.Broken || st.LastSyncError != nil {
				t.Fatalf("got %+v of %+v", st, found)
			}
			if got := bytes.Count(contents(t, dir), []byte(canary)); got != found.Messages {
				t.Fatalf("got %d messages on disk after the repair, want %d", got, found.Messages)
			}
			checkBooks(t, s)
			want = append(want, put(t, s, 10, 464)...)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, found = opened(t, s.opt)
			if got := places(t, s); !slices.Equal(got, want) || found != (Recovery{Messages: len(want)}) {
				t.Fatalf("got %v and %+v after another restart, want %v", got, found, want)
			}
		})
	}
}

func TestDamageWhileRunning(t *testing.T) {
	s, _ := opened(t, Options{})
	lsns := put(t, s, 5, 100)
	synced(t, s)
	flip(t, filepath.Join(s.opt.Dir, s.active.name), 2*(headerBytes+100)+50)
	if got := places(t, s); !slices.Equal(got, []uint64{lsns[0], lsns[1]}) {
		t.Fatalf("got %v, want what stands before the damage", got)
	}
	got, err := s.Next(lsns[1], 10, 1000)
	if err != nil || len(got) != 2 || got[0].LSN != lsns[3] {
		t.Fatalf("got %v, %v; want what stands behind the damage", got, err)
	}
	if st := s.Stats(); st.Damaged != 1 || st.Messages != 4 || st.LostByKind[2] != 1 {
		t.Fatalf("got %+v, want one damaged message of kind 2", st)
	}
	synced(t, s)
	if got := bytes.Count(contents(t, s.opt.Dir), []byte(canary)); got != 4 {
		t.Fatalf("got %d messages on disk, want 4", got)
	}
	checkBooks(t, s)
}

func TestABadSectorDoesNotStopTheRest(t *testing.T) {
	disk := newMemoryDisk()
	s, _ := openOn(t, disk, Options{})
	put(t, s, 3, 100)
	synced(t, s)
	eio := fmt.Errorf("read: %w", syscall.EIO)
	disk.fail = func(op string) error {
		if op == "read" {
			return eio
		}
		return nil
	}
	for range maxReadTries - 1 {
		if got, err := s.Next(0, 10, 1000); !errors.Is(err, syscall.EIO) || len(got) > 0 {
			t.Fatalf("got %v, %v; want the disk's error", got, err)
		}
	}
	bad := 0
	disk.fail = func(op string) error {
		if bad++; op == "read" && bad == 1 {
			return eio
		}
		return nil
	}
	got, err := s.Next(0, 10, 1000)
	if err != nil || len(got) != 2 {
		t.Fatalf("got %v, %v; want the two behind the bad sector", got, err)
	}
	if st := s.Stats(); st.Damaged != 1 || st.Messages != 2 {
		t.Fatalf("got %+v, want one given up", st)
	}
}

// TestTwoReadersDoNotHideABadSector reads two bad messages in turn, as the ager and the sender do.
func TestTwoReadersDoNotHideABadSector(t *testing.T) {
	disk := newMemoryDisk()
	s, _ := openOn(t, disk, Options{})
	put(t, s, 2, 100)
	synced(t, s)
	disk.fail = func(op string) error {
		if op == "read" {
			return fmt.Errorf("read: %w", syscall.EIO)
		}
		return nil
	}
	first := s.Held(0, 1)[0].LSN
	for range maxReadTries {
		_, _ = s.Next(0, 1, 1000)
		_, _ = s.Next(first, 1, 1000)
	}
	if st := s.Stats(); st.Damaged != 2 || st.Messages != 0 {
		t.Errorf("got %+v, want both given up after %d tries each", st, maxReadTries)
	}
}

func FuzzOpen(f *testing.F) {
	var valid []byte
	for i := range 4 {
		valid = appendRecord(valid, Message{LSN: uint64(i + 1), Kind: uint8(i), TimeMS: int64(i), Data: []byte(strings.Repeat("x", i*10))})
	}
	next := appendRecord(nil, Message{LSN: 9, Data: []byte("next")})
	done := header{lsn: 5, length: 4}.append(slices.Clone(valid), stateDone, 0)
	f.Add(valid, next, uint16(0), byte(0))
	f.Add(valid, next, uint16(70), byte(1))
	f.Add(valid, valid, uint16(2), byte(0x80))
	f.Add(append(done, 0, 0, 0, 0), next, uint16(3), byte(0xA5))
	f.Add(append(done, "left"...), []byte{}, uint16(0), byte(0))
	f.Add(valid[:len(valid)-3], next[:20], uint16(24), byte(0xFF))
	f.Add(bytes.Repeat([]byte{0}, 100), []byte("random"), uint16(0), byte(0))
	f.Add(header{lsn: lsnLimit - 1, length: 1 << 31}.append(nil, stateLive, 1), next, uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, first, second []byte, at uint16, change byte) {
		if len(first) > 0 {
			first = bytes.Clone(first)
			first[int(at)%len(first)] ^= change
		}
		disk := newMemoryDisk()
		for lsn, data := range map[uint64][]byte{1: first, 6: second} {
			file := &memoryFile{disk: disk, data: bytes.Clone(data), durable: data}
			disk.files[segmentName(lsn)], disk.durable[segmentName(lsn)] = file, file
		}
		s, found := openOn(t, disk, Options{})
		before := places(t, s)
		if len(before) != found.Messages || !slices.IsSorted(before) {
			t.Fatalf("got %v of %+v", before, found)
		}
		if err := s.Stats().LastSyncError; err != nil {
			t.Fatal(err)
		}
		lsn, err := s.Append(1, 2, []byte("new"))
		if err != nil || len(before) > 0 && lsn <= before[len(before)-1] {
			t.Fatalf("got LSN %d, %v after %v", lsn, err, before)
		}
		checkBooks(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s, found = openOn(t, disk, Options{})
		if got := places(t, s); !slices.Equal(got, append(before, lsn)) || found != (Recovery{Messages: len(got)}) {
			t.Fatalf("got %v and %+v the second time, want %v and %d", got, found, before, lsn)
		}
		_ = s.Done(places(t, s)...)
		synced(t, s)
		if len(disk.files) != 0 {
			t.Fatalf("got %d files when all is done", len(disk.files))
		}
		_ = s.Close()
	})
}
