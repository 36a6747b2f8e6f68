package spool

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// recover reads the segments and decides the epoch. It writes nothing: what is to be repaired is marked for the next Sync.
func (s *Spool) recover() (Recovery, error) {
	var found Recovery
	names, err := s.folder.list()
	if err != nil {
		return found, err
	}
	var segments []string
	for _, name := range names {
		if _, ok := segmentLSN(name); ok {
			segments = append(segments, name)
		}
	}
	s.diskBytes = blocks(slotApart + slotBytes)
	scan := scanner{in: bufio.NewReaderSize(nil, 64<<10)}
	for i, name := range segments {
		g, err := s.readSegment(&scan, name, i+1 == len(segments), &found)
		if err != nil {
			return found, err
		}
		s.diskBytes += blocks(g.file)
		if len(g.entries) == 0 {
			s.leftover = append(s.leftover, g)
			continue
		}
		s.segments = append(s.segments, g)
		s.live += g.live
	}
	if n := len(s.segments); n > 0 {
		// The last run may have ended between its last write and the sync.
		s.segments[n-1].suspect = true
	}
	found.Messages = s.live
	s.loseDamaged(found.Damaged + found.Broken)
	s.begin(scan.last)
	return found, nil
}

// begin sets the run's epoch beyond every earlier one, and the segment to go on with.
func (s *Spool) begin(last uint64) {
	saved, ok := s.state.load()
	if ok {
		s.epoch = saved + 1
	}
	if last > 0 {
		s.epoch = max(s.epoch, last>>epochShift+1)
	}
	s.last = s.epoch << epochShift
	if n := len(s.segments); n > 0 && s.segments[n-1].size < s.opt.SegmentBytes {
		s.active = s.segments[n-1]
	}
}

func (s *Spool) readSegment(scan *scanner, name string, newest bool, found *Recovery) (*segment, error) {
	f, err := s.folder.open(name, false)
	if err != nil {
		return nil, fmt.Errorf("open the segment %s: %w: give it to the user that runs this, or remove it", name, err)
	}
	defer f.Close() //nolint:errcheck // only read from
	size, err := f.size()
	if err != nil {
		return nil, fmt.Errorf("measure the segment %s: %w", name, err)
	}
	g := &segment{name: name}
	damaged, err := scan.read(f, size, g)
	if err != nil {
		s.log.Error("a segment of the spool cannot be read to its end: check the disk", "error", err)
	}
	found.Damaged += len(damaged)
	for _, kind := range damaged {
		s.lost.byKind[kind]++
	}
	g.file = size
	// The last run may have ended between overwriting and the sync: that is made up for before it is relied on.
	g.suspect = g.size < size || g.live+g.done < len(g.entries)
	switch rest := size - g.size; {
	case rest > 0 && newest:
		found.TornBytes += rest
	case rest > 0:
		found.Broken++
		found.BrokenBytes += rest
	}
	return g, nil
}

// scanner reads segments one after the other.
type scanner struct {
	in   *bufio.Reader
	last uint64 // the LSN before
}

// read enters a segment's records up to the first that is none, and returns the kinds of the damaged ones.
func (c *scanner) read(f io.ReaderAt, size int64, g *segment) (damaged []uint8, err error) {
	// Offsets have 32 bits, and nothing of ours is larger.
	size = min(size, mostMax)
	c.in.Reset(io.NewSectionReader(f, 0, size))
	for g.size+headerBytes <= size {
		b, err := c.in.Peek(headerBytes)
		if err != nil {
			return damaged, fmt.Errorf("read a record: %w", err)
		}
		h, state, sum, ok := parseHeader(b)
		if !ok || h.lsn <= c.last || g.size+h.record() > size {
			return damaged, nil
		}
		_, _ = c.in.Discard(headerBytes)
		actual, zero, err := c.payload(int(h.length))
		if err != nil {
			return damaged, fmt.Errorf("read a record: %w", err)
		}
		e := entry{lsn: h.lsn, timeMS: h.timeMS, kind: h.kind, state: entryDone}
		switch {
		case state == stateDone && sum == 0 && zero:
			e.state = entryShredded
		case state == stateDone || sum == 0: // the power went while it was being overwritten
		case sum == finish(actual):
			e.state = entryLive
		default:
			damaged = append(damaged, h.kind)
		}
		c.last = h.lsn
		g.add(e, h.record())
	}
	return damaged, nil
}

// payload reads n bytes and returns their checksum, and whether all are zero.
func (c *scanner) payload(n int) (sum uint32, zero bool, err error) {
	zero = true
	for n > 0 {
		b, err := c.in.Peek(min(n, c.in.Size()))
		if len(b) == 0 {
			return 0, false, errors.Join(io.ErrUnexpectedEOF, err)
		}
		sum = crc32.Update(sum, castagnoli, b)
		for _, x := range b {
			zero = zero && x == 0
		}
		n -= len(b)
		_, _ = c.in.Discard(len(b))
	}
	return sum, zero, nil
}
