package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Log is an open log. It is safe for concurrent use. A nil Log takes nothing, and that is no error.
type Log struct {
	actor string
	path  string
	now   func() time.Time

	mu   sync.Mutex
	file *os.File
	size int64 // of the whole lines
	last Summary
	bad  error // why nothing more is taken
}

// Open opens the log, or makes it, for the program named actor, and keeps every other process from writing to it. The whole
// chain is verified first: what is damaged is never built upon. Where a crash cut the last line off, it is removed, and an entry
// says so; it was acknowledged to nobody.
func Open(path, actor string, now func() time.Time) (*Log, error) {
	if !goodName(actor) {
		return nil, fmt.Errorf("open the audit log: %q is no name of a program: use 1 to 63 of a-z, 0-9 and ._+-", actor)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w: choose a file in a writable folder", err)
	}
	l := &Log{actor: actor, path: path, now: now, file: file}
	if err := l.begin(path); err != nil {
		_ = file.Close() // nothing was written
		return nil, err
	}
	return l, nil
}

func (l *Log) begin(path string) error {
	if err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("the audit log %s is open in another process: give every program a file of its own", path)
		}
		return fmt.Errorf("lock the audit log %s: %w: keep it on a local disk", path, err)
	}
	size, err := l.file.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	if l.size, err = wholeLines(l.file, size); err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	if l.last, err = Verify(io.NewSectionReader(l.file, 0, l.size)); err != nil {
		return fmt.Errorf("the audit log %s is damaged: %w: keep it as evidence, and name a new file", path, err)
	}
	if err := syncFolder(path); err != nil {
		return fmt.Errorf("make the audit log: %w", err)
	}
	if cut := size - l.size; cut > 0 {
		if err := l.file.Truncate(l.size); err != nil {
			return fmt.Errorf("remove a line that was cut off from the audit log: %w", err)
		}
		return l.Append(Damaged, CutBytes.Is(min(cut, MaxNumber)))
	}
	return nil
}

// wholeLines is the place behind the file's last newline.
func wholeLines(f io.ReaderAt, size int64) (int64, error) {
	block := make([]byte, MaxLine)
	for end := size; end > 0; {
		n := min(end, int64(len(block)))
		if _, err := f.ReadAt(block[:n], end-n); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(block[:n], '\n'); i >= 0 {
			return end - n + int64(i) + 1, nil
		}
		end -= n
	}
	return 0, nil
}

// syncFolder makes the name of a new file survive a power cut.
func syncFolder(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Append writes one entry and returns when it is on the disk. The error names every fact that is refused; nothing was written
// then.
func (l *Log) Append(kind Kind, facts ...Fact) error {
	if l == nil {
		return nil
	}
	if !slices.Contains(Kinds(), kind) {
		return errors.New("the audit log has no entries of this kind: use one of audit.Kinds")
	}
	e := Entry{Actor: l.actor, Kind: kind, Facts: map[string]any{}}
	var errs []error
	for _, f := range facts {
		_, twice := e.Facts[f.name]
		switch {
		case f.err != nil:
			errs = append(errs, f.err)
		case f.name == "" || twice:
			errs = append(errs, fmt.Errorf("%s: a fact without a name, or there twice", f.name))
		}
		e.Facts[f.name] = f.value
	}
	if len(errs) > 0 {
		return fmt.Errorf("write %s to the audit log: %w", kind, errors.Join(errs...))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bad != nil {
		return l.bad
	}
	e.Seq, e.At, e.Prev = uint64(l.last.Entries)+1, l.now().UTC().Truncate(time.Second), l.last.Head
	if y := e.At.Year(); y < 1970 || y > 9999 {
		return fmt.Errorf("write to the audit log: the clock shows the year %d: set it", y)
	}
	line, hash, err := e.encode()
	if err != nil {
		return err
	}
	if err := l.write(line); err != nil {
		return fmt.Errorf("write to the audit log: %w: check that its disk is neither full nor worn out", err)
	}
	e.Hash = hash
	l.last.add(&e)
	return nil
}

// write puts a line behind the others, or, after an error, leaves none of it. Where that cannot be had, nothing more is written.
func (l *Log) write(line []byte) error {
	_, err := l.file.WriteAt(line, l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err == nil {
		l.size += int64(len(line))
		return nil
	}
	if undo := errors.Join(l.file.Truncate(l.size), l.file.Sync()); undo != nil {
		l.bad = fmt.Errorf("the audit log takes nothing more: %w: check its disk, then start this program again", errors.Join(err, undo))
	}
	return err
}

// Summary tells how the log stands.
func (l *Log) Summary() Summary {
	if l == nil {
		return Summary{Head: noHash}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Check reads the file anew, under its name, and verifies the whole chain: it has to be what this process found and wrote. The error
// is a *BrokenError, with what is good before it in the summary, or the file's.
func (l *Log) Check() (Summary, error) {
	l.mu.Lock()
	want, size := l.last, l.size
	file, err := os.Open(l.path)
	if err != nil {
		l.mu.Unlock()
		return Summary{Head: noHash}, fmt.Errorf("read the audit log: %w: put it back where it was", err)
	}
	defer file.Close() //nolint:errcheck // only read from
	now, err := file.Stat()
	l.mu.Unlock() // from here on entries may be added behind those that are looked at
	if err != nil {
		return Summary{Head: noHash}, fmt.Errorf("read the audit log: %w", err)
	}
	s, err := Verify(io.NewSectionReader(file, 0, size))
	if err == nil && (s.Head != want.Head || now.Size() != size) {
		err = &BrokenError{s.Entries + 1, "it is not as this program wrote it: lines were cut off or added, or it is another file"}
	}
	return s, err
}

// Close lets others have the log.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bad = errors.New("the audit log is closed")
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("close the audit log: %w", err)
	}
	return nil
}
