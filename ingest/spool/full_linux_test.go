package spool

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// TestFullTmpfs fills a real file system under the spool.
func TestFullTmpfs(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("spool", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("no tmpfs can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	s, _ := opened(t, Options{Dir: dir, MemoryBytes: 64 << 10})
	t.Cleanup(func() { _ = s.Close() })
	var lsns []uint64
	for len(lsns) < 10_000 && s.Stats().LastSyncError == nil {
		lsns = append(lsns, put(t, s, 10, 1000)...)
		_ = s.Sync()
	}
	if err := s.Stats().LastSyncError; !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want that no space is left", err)
	}
	checkAll := func(what string, s *Spool, want []uint64) {
		t.Helper()
		if got := places(t, s); !slices.Equal(got, want) {
			t.Fatalf("%s: got %d messages, want %d", what, len(got), len(want))
		}
		checkBooks(t, s)
	}
	checkAll("full", s, lsns)
	if err := s.Sync(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v of another try, want that no space is left", err)
	}
	lsns = append(lsns, put(t, s, 5, 1000)...)
	checkAll("full, and more came", s, lsns)
	if err := s.Done(lsns[:100]...); err != nil {
		t.Fatal(err)
	}
	_ = s.Sync() // overwrites in place, or deletes
	if st := s.Stats(); st.LastSyncError != nil {
		// What is done shares its segment with what is not: the room has to come from elsewhere.
		if err := syscall.Mount("spool", dir, "tmpfs", syscall.MS_REMOUNT, "size=1m"); err != nil {
			t.Fatal(err)
		}
	}
	synced(t, s)
	checkAll("room again", s, lsns[100:])
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, found := opened(t, Options{Dir: dir, MemoryBytes: 64 << 10})
	if found != (Recovery{Messages: len(lsns) - 100}) {
		t.Fatalf("got %+v, want %d messages and nothing torn", found, len(lsns)-100)
	}
	checkAll("reopened", again, lsns[100:])
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("spool", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no tmpfs can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	_ = filler.Close()
	s, _ := opened(t, Options{Dir: filepath.Join(dir, "spool")})
	t.Cleanup(func() { _ = s.Close() })
	lsns := put(t, s, 3, 100)
	if err := s.Sync(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want that no space is left", err)
	}
	if got := places(t, s); !slices.Equal(got, lsns) {
		t.Fatalf("got %v from memory, want %v", got, lsns)
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	synced(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, found := opened(t, s.opt); found.Messages != 3 {
		t.Fatalf("got %+v, want 3 messages", found)
	}
}
