package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// folder is what the spool does with its folder; the tests have one that fails.
type folder interface {
	lock(name string) (file, error) // a file that the process has for itself, until it closes it
	list() ([]string, error)        // regular files, in order
	open(name string, create bool) (file, error)
	remove(name string) error
	sync() error
}

// file is what the spool does with a file.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	size() (int64, error)
	sync() error // the data and the size
}

type osFolder string

// lock makes the folder and the file if they are not there and locks the file.
func (d osFolder) lock(name string) (file, error) {
	dir := string(d)
	if err := makeFolder(dir); err != nil {
		return nil, fmt.Errorf("make the folder: %w: choose a folder on a disk that can be written", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the state file: %w: choose a folder that this user may write", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("the folder %s is in use by another process: stop that one, or choose another folder", dir)
		}
		return nil, fmt.Errorf("lock the folder %s: %w: choose a folder on a local disk", dir, err)
	}
	return osFile{f}, nil
}

// makeFolder makes the folder where it is not there, so that it outlives a power cut.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return osFolder(filepath.Dir(filepath.Clean(dir))).sync()
}

func (d osFolder) list() ([]string, error) {
	all, err := os.ReadDir(string(d))
	if err != nil {
		return nil, fmt.Errorf("list the folder: %w", err)
	}
	var names []string
	for _, e := range all {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

func (d osFolder) open(name string, create bool) (file, error) {
	flags := os.O_RDWR | syscall.O_NOFOLLOW
	if create {
		flags |= os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(filepath.Join(string(d), name), flags, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d osFolder) remove(name string) error {
	err := os.Remove(filepath.Join(string(d), name))
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

func (d osFolder) sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return fmt.Errorf("open the folder to sync it: %w", err)
	}
	defer f.Close() //nolint:errcheck // only synced
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync the folder: %w", err)
	}
	return nil
}

type osFile struct{ *os.File }

func (f osFile) sync() error { return fdatasync(f.File) }

func (f osFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%w: no regular file", fs.ErrInvalid)
	}
	return info.Size(), nil
}

// openFile is a file kept open for its segment.
type openFile struct {
	segment *segment
	file    file
}

// open opens a segment's file, or finds it open. Two stay open: that of the active segment and another one.
func (s *Spool) open(g *segment) (file, error) {
	slot := 1
	if g == s.active {
		slot = 0
	}
	for i := range s.files {
		if s.files[i].segment == g {
			return s.files[i].file, nil
		}
	}
	f, err := s.folder.open(g.name, false)
	if err != nil {
		return nil, fmt.Errorf("open a segment: %w", err)
	}
	s.keep(slot, g, f)
	return f, nil
}

// keep holds a file open in place of another. What was written to that was synced: its closing has nothing to tell.
func (s *Spool) keep(slot int, g *segment, f file) {
	if old := s.files[slot].file; old != nil {
		_ = old.Close()
	}
	s.files[slot] = openFile{g, f}
}

// release closes a segment's file if it is open.
func (s *Spool) release(g *segment) {
	for i, o := range s.files {
		if o.segment == g && o.file != nil {
			_ = o.file.Close()
			s.files[i] = openFile{}
		}
	}
}

// closeFiles closes everything and unlocks the folder.
func (s *Spool) closeFiles() error {
	for i, o := range s.files {
		if o.file != nil {
			_ = o.file.Close()
		}
		s.files[i] = openFile{}
	}
	return s.state.close()
}
