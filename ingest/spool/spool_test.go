package spool

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// opened opens a spool in a real folder.
func opened(t testing.TB, o Options) (*Spool, Recovery) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "spool")
	}
	s, found, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, found
}

// put appends messages of n bytes and returns their places.
func put(t testing.TB, s *Spool, messages, n int) []uint64 {
	t.Helper()
	var lsns []uint64
	for i := range messages {
		data := append([]byte(canary), bytes.Repeat([]byte{byte(i)}, n)...)
		lsn, err := s.Append(uint8(i%16), int64(1000+i), data[:n])
		if err != nil {
			t.Fatal(err)
		}
		lsns = append(lsns, lsn)
	}
	return lsns
}

func synced(t testing.TB, s *Spool) {
	t.Helper()
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
}

// places are the LSNs of everything to be sent, as Next gives it out.
func places(t testing.TB, s *Spool) []uint64 {
	t.Helper()
	got, err := s.Next(0, 1<<30, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	var lsns []uint64
	for _, m := range got {
		lsns = append(lsns, m.LSN)
	}
	return lsns
}

// contents is everything in the folder's files.
func contents(t testing.TB, dir string) []byte {
	t.Helper()
	var all []byte
	for _, name := range segmentsOf(t, dir) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

func segmentsOf(t testing.TB, dir string) []string {
	t.Helper()
	names, err := osFolder(dir).list()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, suffix) })
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	s, found := opened(t, Options{})
	if found != (Recovery{}) {
		t.Fatalf("got %+v, want nothing found in a new folder", found)
	}
	put(t, s, 1, 100)
	synced(t, s)
	info, err := os.Stat(s.opt.Dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("got %v, %v; want a folder of mode 0700", info.Mode(), err)
	}
	names, err := osFolder(s.opt.Dir).list()
	if err != nil || len(names) != 2 {
		t.Fatalf("got %v, %v; want the state file and a segment", names, err)
	}
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(s.opt.Dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("got %v, %v of %s; want mode 0600", info.Mode(), err, name)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	locked, _ := opened(t, Options{})
	linked := t.TempDir()
	if err := os.Symlink(file, filepath.Join(linked, stateName)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		options Options
		want    string
	}{
		{"no folder", Options{}, "name one"},
		{"a folder in use", Options{Dir: locked.opt.Dir}, "in use by another process: stop that one"},
		{"a file in the folder's place", Options{Dir: file}, "open the spool"},
		{"a state file that is a link", Options{Dir: linked}, "choose a folder"},
		{"a bound too small", Options{Dir: "x", MaxBytes: 1<<20 - 1}, "from 1 MiB to 1 GiB"},
		{"a bound too large", Options{Dir: "x", MaxBytes: 1<<30 + 1}, "from 1 MiB to 1 GiB"},
		{"segments too large", Options{Dir: "x", MaxBytes: 1 << 20, SegmentBytes: 1 << 19}, "a quarter of the bound"},
		{"segments too small", Options{Dir: "x", SegmentBytes: 100}, "from 4 KiB"},
		{"no memory", Options{Dir: "x", MemoryBytes: 1000}, "64 KiB at least"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Open(tt.options)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	if err := locked.Close(); err != nil {
		t.Fatal(err)
	}
	again, _ := opened(t, Options{Dir: locked.opt.Dir})
	put(t, again, 1, 10)
}

func TestAppendRefuses(t *testing.T) {
	s, _ := opened(t, Options{MaxBytes: 1 << 20, MemoryBytes: 128 << 10})
	large, _ := opened(t, Options{MaxBytes: 1 << 20})
	tests := []struct {
		name  string
		spool *Spool
		kind  uint8
		bytes int
		want  error
	}{
		{"more than the memory", s, 0, 128 << 10, ErrTooLarge},
		{"more than a quarter of the bound", large, 0, 256 << 10, ErrTooLarge},
		{"just a quarter of the bound", large, 15, 256<<10 - headerBytes, nil},
		{"nothing at all", s, 0, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.spool.Append(tt.kind, 0, make([]byte, tt.bytes))
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			synced(t, tt.spool)
		})
	}
	if _, err := s.Append(16, 0, nil); err == nil {
		t.Fatal("got no error of a kind over 15")
	}
}

func TestEverythingComesBackAfterARestart(t *testing.T) {
	s, _ := opened(t, Options{SegmentBytes: 4 << 10})
	want := put(t, s, 100, 500)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("got %v of a second Close, want no error", err)
	}
	again, found := opened(t, s.opt)
	if found != (Recovery{Messages: 100}) {
		t.Fatalf("got %+v, want 100 messages", found)
	}
	if got := places(t, again); !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	more := put(t, again, 1, 10)
	if more[0] <= want[99] {
		t.Fatalf("got LSN %d after %d", more[0], want[99])
	}
}

func TestDoneIsOverwrittenAndDeleted(t *testing.T) {
	s, _ := opened(t, Options{SegmentBytes: 4 << 10})
	lsns := put(t, s, 100, 500)
	synced(t, s)
	n := len(segmentsOf(t, s.opt.Dir))
	if got := bytes.Count(contents(t, s.opt.Dir), []byte(canary)); got != 100 {
		t.Fatalf("got %d messages on disk, want 100", got)
	}
	for i := range lsns {
		if i%2 == 0 {
			_ = s.Done(lsns[i])
		}
	}
	synced(t, s)
	if got := bytes.Count(contents(t, s.opt.Dir), []byte(canary)); got != 50 {
		t.Fatalf("got %d messages on disk after half was done, want 50", got)
	}
	if got := len(segmentsOf(t, s.opt.Dir)); got != n {
		t.Fatalf("got %d segments, want %d: each still has a message", got, n)
	}
	_ = s.Done(lsns...)
	synced(t, s)
	if got := segmentsOf(t, s.opt.Dir); len(got) != 0 {
		t.Fatalf("got %v, want no segment when all is done", got)
	}
	if st := s.Stats(); st.Messages != 0 || st.Bytes != blockBytes || st.OldestTimeMS != 0 {
		t.Fatalf("got %+v, want an empty spool", st)
	}
}

func TestPlacesAscendWhenAllSegmentsWereDeleted(t *testing.T) {
	s, _ := opened(t, Options{})
	last := uint64(0)
	for run := range 5 {
		lsns := put(t, s, 3, 10)
		if lsns[0] <= last {
			t.Fatalf("got LSN %d in run %d, after %d", lsns[0], run, last)
		}
		if run == 0 && lsns[0] != 1 {
			t.Fatalf("got LSN %d first of all, want 1", lsns[0])
		}
		last = lsns[2]
		if run%2 == 0 {
			synced(t, s)
		}
		_ = s.Done(lsns...)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got := segmentsOf(t, s.opt.Dir); len(got) != 0 {
			t.Fatalf("got %v, want no segment", got)
		}
		s, _ = opened(t, s.opt)
	}
}

func TestPlacesAscendWithoutAStateFile(t *testing.T) {
	damage := map[string]func(name string) error{
		"removed": os.Remove,
		"random":  func(name string) error { return os.WriteFile(name, bytes.Repeat([]byte("FSstate1"), 100), 0o600) },
		"empty":   func(name string) error { return os.Truncate(name, 0) },
		"one slot torn": func(name string) error {
			f, err := os.OpenFile(name, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("torn"), slotApart)
			return errors.Join(err, f.Close())
		},
	}
	for name, do := range damage {
		t.Run(name, func(t *testing.T) {
			s, _ := opened(t, Options{})
			_ = s.Close()
			s, _ = opened(t, s.opt) // the second run, so that both slots are used
			lsns := put(t, s, 2, 10)
			if err := errors.Join(s.Close(), do(filepath.Join(s.opt.Dir, stateName))); err != nil {
				t.Fatal(err)
			}
			s, _ = opened(t, s.opt)
			if next := put(t, s, 1, 10); next[0] <= lsns[1] {
				t.Fatalf("got LSN %d after %d", next[0], lsns[1])
			}
		})
	}
}

func TestNextKeepsItsBounds(t *testing.T) {
	s, _ := opened(t, Options{SegmentBytes: 4 << 10})
	put(t, s, 30, 1000)
	synced(t, s)
	put(t, s, 10, 1000)
	tests := []struct {
		name                 string
		after                uint64
		max, maxBytes        int
		wantFirst, wantCount int
	}{
		{"all", 0, 100, 1 << 20, 1, 40},
		{"a few", 0, 7, 1 << 20, 1, 7},
		{"few bytes", 0, 100, 3500, 1, 3},
		{"no bytes: one comes", 3, 100, 0, 4, 1},
		{"from disk to memory", 28, 4, 1 << 20, 29, 4},
		{"from disk to memory, few bytes", 28, 9, 3000, 29, 3},
		{"memory only", 30, 100, 2000, 31, 2},
		{"the last", 39, 100, 1 << 20, 40, 1},
		{"behind the last", 40, 100, 1 << 20, 0, 0},
		{"far behind", 1 << 63, 100, 1 << 20, 0, 0},
		{"none asked for", 0, 0, 1 << 20, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.Next(tt.after, tt.max, tt.maxBytes)
			if err != nil || len(got) != tt.wantCount || len(got) > 0 && got[0].LSN != uint64(tt.wantFirst) {
				t.Fatalf("got %d messages, %v; want %d from %d on", len(got), err, tt.wantCount, tt.wantFirst)
			}
		})
	}
}

func TestClosed(t *testing.T) {
	s, _ := opened(t, Options{})
	put(t, s, 1, 10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, appendErr := s.Append(0, 0, nil)
	_, nextErr := s.Next(0, 1, 1)
	for name, err := range map[string]error{
		"Append": appendErr, "Next": nextErr, "Sync": s.Sync(), "Done": s.Done(1), "Wait": s.Wait(t.Context(), 0),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("got %v of %s, want ErrClosed", err, name)
		}
	}
}
