package spool

import (
	"fmt"
	"hash/crc32"
)

// maxReadTries is how often a message is read before it is given up as damaged: a bad sector must not stop everything behind it.
const maxReadTries = 3

// maxFailed bounds the messages whose tries are counted.
const maxFailed = 1000

// Next returns the messages to be sent behind a place, in order: at most max of them, and no more than maxBytes of data except that
// the first always comes. None means that there are no more now. What is damaged on disk is counted and skipped. An error is that of
// the disk; what was read before it is returned without it.
func (s *Spool) Next(after uint64, max int, maxBytes int) ([]Message, error) {
	if out, done, err := s.fromMemory(nil, after, max, maxBytes); done {
		return out, err
	}
	s.disk.Lock()
	defer s.disk.Unlock()
	var out []Message
	room := maxBytes
	for len(out) < max {
		s.mu.Lock()
		g, i, found := s.seek(after)
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return nil, fmt.Errorf("read from the spool: %w", ErrClosed)
		}
		if !found {
			// Nothing can have moved from memory to disk since: that needs the lock held here.
			out, _, err := s.fromMemory(out, after, max, room)
			return out, err
		}
		if len(out) > 0 && g.payload(i) > room {
			break
		}
		m, ok, err := s.read(g, i)
		if err == nil {
			after = g.entries[i].lsn
		}
		if ok {
			out = append(out, m)
			room -= len(m.Data)
		} else if len(out) > 0 {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read from the spool: %w", err)
		}
	}
	return out, nil
}

// fromMemory adds messages that are in memory. It reports false where messages on disk come first.
func (s *Spool) fromMemory(out []Message, after uint64, max, room int) ([]Message, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, true, fmt.Errorf("read from the spool: %w", ErrClosed)
	}
	if _, _, onDisk := s.seek(after); onDisk {
		return out, false, nil
	}
	for _, h := range s.pending[s.memoryAfter(after):] {
		if len(out) >= max || len(out) > 0 && len(h.Data) > room {
			break
		}
		if !h.done {
			out = append(out, h.Message)
			room -= len(h.Data)
		}
	}
	return out, true, nil
}

// read reads a message from disk. It reports false where it is damaged and given up.
func (s *Spool) read(g *segment, i int) (Message, bool, error) {
	h := header{lsn: g.entries[i].lsn, timeMS: g.entries[i].timeMS, kind: g.entries[i].kind, length: uint32(g.payload(i))}
	b := make([]byte, recordBytes(int(h.length)))
	f, err := s.open(g)
	if err == nil {
		_, err = f.ReadAt(b, int64(g.entries[i].off))
	}
	if err != nil {
		if len(s.failed) >= maxFailed {
			clear(s.failed) // a disk that fails everywhere: counting begins anew, and memory stays bounded
		}
		if s.failed[h.lsn]++; s.failed[h.lsn] < maxReadTries {
			return Message{}, false, err
		}
		delete(s.failed, h.lsn)
		s.log.Error("a message of the spool cannot be read and is given up: check the disk", "error", err)
		s.giveUp(g, i)
		return Message{}, false, nil
	}
	stored, _, sum, ok := parseHeader(b)
	data := b[headerBytes:]
	if !ok || stored != h || sum != finish(crc32.Checksum(data, castagnoli)) {
		s.log.Error("a message of the spool is damaged and is given up: check the disk")
		s.giveUp(g, i)
		return Message{}, false, nil
	}
	return Message{LSN: h.lsn, Kind: h.kind, TimeMS: h.timeMS, Data: data}, true, nil
}

// giveUp counts a damaged message as lost; the next Sync overwrites it. It may have been done while it was read.
func (s *Spool) giveUp(g *segment, i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.entries[i].state != entryLive {
		return
	}
	g.drop(i)
	s.live--
	s.loseDamaged(1)
	s.lost.byKind[g.entries[i].kind]++
	s.tell()
}

func (s *Spool) loseDamaged(n int) {
	s.lost.damaged += uint64(n)
	s.metrics.lostDamaged.Add(float64(n))
}

// Held lists the messages to be sent behind a place, at most max, from what is known in memory: nothing is read. Next(LSN-1, 1, 0)
// gives one of them.
func (s *Spool) Held(after uint64, max int) []Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Place
	for _, g := range s.segments[from(s.segments, after):] {
		i, ok := g.liveAfter(after)
		for ; ok && i < len(g.entries); i++ {
			if len(out) >= max {
				return out
			}
			if e := g.entries[i]; e.state == entryLive {
				out = append(out, Place{LSN: e.lsn, Kind: e.kind, TimeMS: e.timeMS, Bytes: g.payload(i)})
			}
		}
	}
	for _, h := range s.pending[s.memoryAfter(after):] {
		if len(out) >= max {
			return out
		}
		if !h.done {
			out = append(out, Place{LSN: h.LSN, Kind: h.Kind, TimeMS: h.TimeMS, Bytes: len(h.Data)})
		}
	}
	return out
}
