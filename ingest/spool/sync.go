package spool

import (
	"errors"
	"fmt"
	"slices"
)

// Sync brings to disk what was appended and is not done, with one write and one fdatasync as a rule, then overwrites what was done
// since and deletes the segments that are done. Where there is nothing to do the disk is not touched. After an error what was not
// written stays in memory, within its bound, and the next Sync tries again.
func (s *Spool) Sync() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	return s.syncLocked()
}

func (s *Spool) syncLocked() error {
	s.mu.Lock()
	until, closed := s.last, s.closed
	s.mu.Unlock()
	if closed {
		return fmt.Errorf("sync the spool: %w", ErrClosed)
	}
	err := errors.Join(s.saveEpoch(), s.repair())
	if err == nil {
		err = s.makeRoom(0)
	}
	if err == nil {
		err = s.writeUntil(until)
	}
	// First written, then overwritten: what replaces a message is on disk before that is gone.
	err = errors.Join(err, s.shred(), s.syncFolder())
	if err != nil {
		err = fmt.Errorf("sync the spool: %w", err)
		s.metrics.syncErrors.Inc()
	}
	s.mu.Lock()
	s.syncError = err
	s.tell()
	s.mu.Unlock()
	return err
}

// writeUntil writes the messages in memory up to an LSN, a segment's worth at a time.
func (s *Spool) writeUntil(until uint64) error {
	for {
		fresh := s.takeOff(until)
		if len(s.flight) == 0 {
			return nil
		}
		g, err := s.write(fresh)
		s.land(g, err == nil)
		if err != nil {
			return err
		}
	}
}

// takeOff chooses the oldest messages in memory that fit into one segment, and says whether that is to be a new one.
func (s *Spool) takeOff(until uint64) (fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = s.flight[:0]
	if len(s.pending) == 0 {
		return false
	}
	room := s.opt.SegmentBytes
	if s.active != nil {
		room -= s.active.size
	}
	if s.active == nil || recordBytes(len(s.pending[0].Data)) > room {
		fresh, room = true, s.opt.SegmentBytes
	}
	for _, h := range s.pending {
		room -= recordBytes(len(h.Data))
		if h.LSN > until || room < 0 && len(s.flight) > 0 {
			break
		}
		s.flight = append(s.flight, h.Message)
	}
	s.flying = len(s.flight)
	return fresh
}

// land enters what was written into its segment, or leaves it in memory where writing failed.
func (s *Spool) land(g *segment, written bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.flying
	s.flying = 0
	if written {
		if g.size == 0 {
			s.segments = append(s.segments, g)
		}
		for _, h := range s.pending[:n] {
			e := entry{lsn: h.LSN, timeMS: h.TimeMS, kind: h.Kind, state: entryLive}
			if h.done {
				e.state = entryDone
			}
			g.add(e, recordBytes(len(h.Data)))
			s.pendingBytes -= h.cost()
		}
		s.pending = slices.Delete(s.pending, 0, n)
	}
	s.sweep()
	clear(s.flight)
}

// write puts the chosen messages on disk, in the active segment or a new one, and returns the segment. When it returns an error they
// are to be taken as not written, and the segment's end is marked for repair.
func (s *Spool) write(fresh bool) (*segment, error) {
	n := int64(0)
	for _, m := range s.flight {
		n += recordBytes(len(m.Data))
	}
	if fresh {
		s.active = nil
	}
	if err := s.makeRoom(n); err != nil {
		return nil, err
	}
	if s.active == nil {
		if err := s.newSegment(s.flight[0].LSN); err != nil {
			return nil, err
		}
	}
	g := s.active
	if err := s.writeTo(g); err != nil {
		s.abandon(g)
		return nil, err
	}
	s.metrics.syncedBytes.Add(float64(n))
	if int64(cap(s.buf)) > 2*s.opt.SegmentBytes {
		s.buf = nil
	}
	return g, nil
}

func (s *Spool) newSegment(lsn uint64) error {
	g := &segment{name: segmentName(lsn)}
	f, err := s.folder.open(g.name, true)
	if err != nil {
		return fmt.Errorf("make a segment: %w", err)
	}
	s.active, s.unsynced = g, true
	s.keep(0, g, f)
	return nil
}

// writeTo writes the chosen messages behind a segment's records and makes them last.
func (s *Spool) writeTo(g *segment) error {
	f, err := s.open(g)
	if err != nil {
		return err
	}
	s.buf = s.buf[:0]
	for _, m := range s.flight {
		s.buf = appendRecord(s.buf, m)
	}
	s.grow(g, g.size+int64(len(s.buf)))
	if _, err := f.WriteAt(s.buf, g.size); err != nil {
		return fmt.Errorf("write a segment: %w", err)
	}
	if err := f.sync(); err != nil {
		return fmt.Errorf("sync a segment: %w", err)
	}
	return s.syncFolder()
}

// abandon ends a segment after a failed write: what follows its last good record has to go before anything else is written, so
// that nothing comes back that was done meanwhile.
func (s *Spool) abandon(g *segment) {
	s.release(g)
	s.active = nil
	g.suspect = true
	if len(g.entries) == 0 {
		s.leftover = append(s.leftover, g)
	}
}

// saveEpoch makes the run's epoch last before its first message does.
func (s *Spool) saveEpoch() error {
	if s.epochSaved {
		return nil
	}
	if err := s.state.save(s.epoch); err != nil {
		return err
	}
	s.epochSaved = true
	return nil
}

// grow notes a file's new size.
func (s *Spool) grow(g *segment, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.diskBytes += blocks(size) - blocks(g.file)
	g.file = size
}

// makeRoom deletes segments, done ones first and then the oldest, until n more bytes fit.
func (s *Spool) makeRoom(n int64) error {
	for {
		need := blocks(n)
		if s.active != nil {
			need = blocks(s.active.size+n) - blocks(s.active.file)
		}
		// Only under the disk's lock do these change.
		if s.diskBytes+need <= s.opt.MaxBytes {
			return nil
		}
		if len(s.segments) == 0 {
			return errors.New("make room: nothing of the spool is left to delete: empty its folder")
		}
		g := s.segments[0]
		s.mu.Lock()
		for _, other := range s.segments {
			if other.live == 0 {
				g = other
				break
			}
		}
		lost := s.loseAll(g)
		s.mu.Unlock()
		if lost > 0 {
			s.log.Warn("the spool is full and its oldest messages are given up: bring the broker back, or give the spool more room",
				"messages", lost)
		}
		if err := s.removeSegment(g); err != nil {
			return err
		}
		if err := s.syncFolder(); err != nil {
			return err
		}
	}
}

// loseAll gives up what is live in a segment.
func (s *Spool) loseAll(g *segment) int {
	lost := g.live
	for i, e := range g.entries {
		if e.state == entryLive {
			g.drop(i)
			s.lost.byKind[e.kind]++
		}
	}
	s.live -= lost
	s.lost.full += uint64(lost)
	s.metrics.lostFull.Add(float64(lost))
	return lost
}

// syncFolder makes files' coming and going last.
func (s *Spool) syncFolder() error {
	if !s.unsynced {
		return nil
	}
	if err := s.folder.sync(); err != nil {
		return err
	}
	s.unsynced = false
	return nil
}
