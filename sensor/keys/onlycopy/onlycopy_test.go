package onlycopy

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, path, text string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Errorf("%s: got %q, want %q", filepath.Base(path), got, text)
	}
}

func gone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: got %v, want it gone", filepath.Base(path), err)
	}
}

// link keeps a second name for the file's blocks, which shows what became of them.
func link(t *testing.T, path string) string {
	t.Helper()
	second := path + "-blocks"
	if err := os.Link(path, second); err != nil {
		t.Skipf("no hard links here, which would show old blocks: %v", err)
	}
	return second
}

func TestWriteReplacesAndShreds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := Write(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	want(t, path, "first")
	old := link(t, path)
	if err := Write(path, []byte("the second")); err != nil {
		t.Fatal(err)
	}
	want(t, path, "the second")
	want(t, old, "\x00\x00\x00\x00\x00")
	gone(t, path+suffix)
}

func TestWriteMakesTheModePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file modes on Windows")
	}
	path := filepath.Join(t.TempDir(), "state")
	put(t, path, "readable by all")
	put(t, path+suffix, "left behind, readable by all")
	if err := Write(path, []byte("x")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("got mode %v, want 0600", info.Mode())
	}
}

// TestCrashPoints begins with what a crash can leave at each step of Write and looks at what the next start makes of it.
func TestCrashPoints(t *testing.T) {
	for _, row := range []struct {
		name         string
		file, beside string // empty: it is not there
		read         string
	}{
		{"before anything", "old", "", "old"},
		{"half-written beside", "old", "ne", "old"},
		{"written, not renamed", "old", "new", "old"},
		{"renamed, old blocks not shredded", "new", "", "new"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			put(t, path, row.file)
			var blocks string
			if row.beside != "" {
				put(t, path+suffix, row.beside)
				blocks = link(t, path+suffix)
			}
			got, err := Read(path, 100)
			if err != nil || string(got) != row.read {
				t.Fatalf("got %q and %v, want %q", got, err, row.read)
			}
			gone(t, path+suffix)
			if blocks != "" {
				want(t, blocks, string(make([]byte, len(row.beside))))
			}
			if err := Write(path, []byte("later")); err != nil {
				t.Fatal(err)
			}
			want(t, path, "later")
		})
	}
}

func TestErrorsLeaveTheOldVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	put(t, path, "old")
	if err := os.MkdirAll(filepath.Join(path+suffix, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new")); err == nil {
		t.Error("got no error from a write that was in the way of a folder, want one")
	}
	want(t, path, "old")
	if _, err := Read(path, 100); err == nil {
		t.Error("got no error where the leftover cannot be cleared, want one")
	}
	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.MkdirAll(filepath.Join(folder, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(folder, []byte("new")); err == nil {
		t.Error("got no error from a write over a folder, want one")
	}
	if err := Write(filepath.Join(folder, "no", "such", "folder"), nil); err == nil {
		t.Error("got no error from a write into no folder, want one")
	}
}

func TestReadBoundsWhatItTakes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	put(t, path, "12345")
	if got, err := Read(path, 5); err != nil || !bytes.Equal(got, []byte("12345")) {
		t.Errorf("got %q and %v, want all of it", got, err)
	}
	if _, err := Read(path, 4); err == nil {
		t.Error("got no error from a file that is too long, want one")
	}
	if _, err := Read(path+"-none", 4); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func TestRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	put(t, path, "secret")
	blocks := link(t, path)
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	gone(t, path)
	want(t, blocks, "\x00\x00\x00\x00\x00\x00")
	if err := Remove(path); err != nil {
		t.Errorf("of no file: got %v, want no error", err)
	}
}
