// Package onlycopy keeps files of which only the newest version may exist: key states and return filters. A path and bytes
// come in; the file on disk goes out, mode 0600, replaced atomically, its older version overwritten with zeros before it is
// given back to the file system. On flash memory the overwriting is best effort: the wear levelling decides where zeros go.
package onlycopy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// suffix names the version being written. It is always the same, so that what a crash leaves behind is found and cleared, and
// one that nobody gives a file of theirs: it is shredded without asking.
const suffix = ".footfall-partial"

// Write replaces the file: written beside it, synced, renamed, the folder synced, and only then is the old version shredded.
// A crash leaves the old version or the new one, never a mixture. After an error either may stand; writing again is safe.
func Write(path string, data []byte) error {
	if err := Tidy(path); err != nil {
		return err
	}
	if err := writeNew(path+suffix, data); err != nil {
		return err
	}
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open the version to replace: %w", err)
	}
	if err := os.Rename(path+suffix, path); err != nil {
		return errors.Join(fmt.Errorf("put the new version in place: %w", err), closeIf(old))
	}
	if err := syncFolder(path); err != nil {
		return errors.Join(err, closeIf(old))
	}
	if old == nil {
		return nil
	}
	return shred(old)
}

// Read returns the file's bytes after clearing what a crash may have left beside it. More than limit bytes is an error.
func Read(path string, limit int64) ([]byte, error) {
	if err := Tidy(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("the file is longer than %d bytes: it is not one of ours", limit)
	}
	return data, nil
}

// Tidy shreds the half-written version that a crash may have left beside the file: it can hold a key that has to die.
func Tidy(path string) error { return Remove(path + suffix) }

// Remove shreds the file and removes it. A file that is not there is no error.
func Remove(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open a file to shred it: %w", err)
	}
	if err := shred(f); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove a shredded file: %w", err)
	}
	return syncFolder(path)
}

func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create the new version: %w", err)
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(fmt.Errorf("write the new version: %w", err), f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync the new version: %w", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close the new version: %w", err)
	}
	return nil
}

// shred overwrites the open file with zeros, syncs and closes it. It is not truncated: that would free the blocks unwritten.
func shred(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("measure the file to shred: %w", err), f.Close())
	}
	if !info.Mode().IsRegular() {
		return errors.Join(errors.New("what stands at the path of a key file is no file: move it away"), f.Close())
	}
	if _, err := io.CopyN(f, zeros{}, info.Size()); err != nil {
		return errors.Join(fmt.Errorf("overwrite the old version: %w", err), f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync the overwritten version: %w", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close the overwritten version: %w", err)
	}
	return nil
}

// syncFolder makes a rename or a removal in the file's folder last. Windows has no such call and needs none.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("open the folder to sync it: %w", err)
	}
	if err := dir.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync the folder: %w", err), dir.Close())
	}
	if err := dir.Close(); err != nil {
		return fmt.Errorf("close the folder: %w", err)
	}
	return nil
}

func closeIf(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// zeros reads as zero bytes without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
