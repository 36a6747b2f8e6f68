package spool

import (
	"errors"
	"fmt"
	"slices"
)

// patch overwrites places of a file, neighbours with one write.
type patch struct {
	f   file
	off int64 // of buf
	buf []byte
	err error
}

// patchBytes is how much is written at once at most.
const patchBytes = 64 << 10

// at goes to an offset.
func (p *patch) at(off int64) {
	if off != p.off+int64(len(p.buf)) {
		p.flush()
		p.off = off
	}
}

func (p *patch) flush() {
	if p.err == nil && len(p.buf) > 0 {
		_, p.err = p.f.WriteAt(p.buf, p.off)
	}
	p.off += int64(len(p.buf))
	p.buf = p.buf[:0]
}

// zero writes n zeros.
func (p *patch) zero(n int64) {
	for n > 0 && p.err == nil {
		k := min(n, patchBytes)
		if int64(len(p.buf))+k > patchBytes {
			p.flush()
		}
		at := len(p.buf)
		p.buf = slices.Grow(p.buf, int(k))[:at+int(k)]
		clear(p.buf[at:])
		n -= k
	}
}

// finish writes the rest and syncs.
func (p *patch) finish() error {
	p.flush()
	if p.err != nil {
		return fmt.Errorf("overwrite what is done: %w", p.err)
	}
	if err := p.f.sync(); err != nil {
		return fmt.Errorf("sync what was overwritten: %w", err)
	}
	return nil
}

// shred overwrites on disk what was done, and deletes the segments of which all is.
func (s *Spool) shred() error {
	var errs []error
	for _, g := range slices.Clone(s.segments) {
		s.mu.Lock()
		live, done := g.live, g.done
		s.mu.Unlock()
		switch {
		case live == 0:
			errs = append(errs, s.removeSegment(g))
		case done > 0:
			errs = append(errs, s.shredRecords(g))
		}
	}
	return errors.Join(errs...)
}

// shredRecords overwrites the records of a segment that are done.
func (s *Spool) shredRecords(g *segment) error {
	s.mu.Lock()
	doomed := make([]int, 0, g.done)
	for i, e := range g.entries {
		if e.state == entryDone {
			doomed = append(doomed, i)
		}
	}
	s.mu.Unlock()
	if len(doomed) == 0 {
		return nil
	}
	f, err := s.open(g)
	if err != nil {
		return err
	}
	p := patch{f: f, buf: s.buf[:0]}
	for _, i := range doomed {
		e := &g.entries[i]
		h := header{lsn: e.lsn, timeMS: e.timeMS, kind: e.kind, length: uint32(g.payload(i))}
		p.at(int64(e.off))
		p.buf = h.append(p.buf, stateDone, 0)
		p.zero(int64(h.length))
	}
	err = p.finish()
	s.buf = p.buf[:0]
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range doomed {
		g.entries[i].state = entryShredded
	}
	g.done -= len(doomed)
	return nil
}

// removeSegment deletes a segment of which nothing is live, overwritten before. Where the disk refuses to overwrite, deleting it
// is still better than keeping it.
func (s *Spool) removeSegment(g *segment) error {
	refused := s.shredRecords(g)
	if g.suspect {
		refused = errors.Join(refused, s.cut(g))
	}
	if err := s.removeFile(g); err != nil {
		return errors.Join(refused, err)
	}
	if refused != nil {
		s.log.Warn("a segment of the spool was deleted without being overwritten: check the disk", "error", refused)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments = slices.DeleteFunc(s.segments, func(other *segment) bool { return other == g })
	return nil
}

func (s *Spool) removeFile(g *segment) error {
	s.release(g)
	if s.active == g {
		s.active = nil
	}
	if err := s.folder.remove(g.name); err != nil {
		return fmt.Errorf("delete a segment: %w", err)
	}
	s.unsynced = true
	s.grow(g, 0)
	return nil
}

// repair removes what failed writes and power cuts left behind: files without a message, and ends of segments that hold none.
func (s *Spool) repair() error {
	for len(s.leftover) > 0 {
		g := s.leftover[0]
		refused := s.cut(g)
		if err := s.removeFile(g); err != nil {
			return errors.Join(refused, err)
		}
		s.leftover = s.leftover[1:]
	}
	for _, g := range s.segments {
		if !g.suspect {
			continue
		}
		if err := s.cut(g); err != nil {
			return err
		}
		s.grow(g, g.size)
		g.suspect = false
	}
	return s.syncFolder()
}

// cut overwrites what stands behind a segment's records and takes it off the file.
func (s *Spool) cut(g *segment) error {
	f, err := s.open(g)
	if err != nil {
		return err
	}
	size, err := f.size()
	if err != nil {
		return fmt.Errorf("measure a segment: %w", err)
	}
	if rest := min(size-g.size, s.opt.MaxBytes); rest > 0 {
		p := patch{f: f, buf: s.buf[:0]}
		p.at(g.size)
		p.zero(rest)
		refused := p.finish()
		s.buf = p.buf[:0]
		if err := f.Truncate(g.size); err != nil {
			return errors.Join(refused, fmt.Errorf("cut a segment's end off: %w", err))
		}
		if refused != nil {
			s.log.Warn("a segment's end was cut off without being overwritten: check the disk", "error", refused)
		}
	}
	if err := f.sync(); err != nil {
		return fmt.Errorf("sync a segment: %w", err)
	}
	return nil
}
