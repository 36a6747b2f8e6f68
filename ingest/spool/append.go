package spool

import (
	"context"
	"fmt"
	"slices"
	"sort"
)

// Append takes a message into memory and gives it its place. It never waits for the disk: Sync writes. Where memory is full the
// oldest messages that are only there are given up, and counted. The errors are ErrTooLarge, ErrClosed, and that of a kind over 15.
func (s *Spool) Append(kind uint8, timeMS int64, data []byte) (lsn uint64, err error) {
	if kind > maxKind {
		return 0, fmt.Errorf("append to the spool: kind %d: there are 0 to %d", kind, maxKind)
	}
	h := held{Message: Message{Kind: kind, TimeMS: timeMS, Data: data}}
	if h.cost() > s.opt.MemoryBytes || recordBytes(len(data)) > s.opt.MaxBytes/4 {
		return 0, fmt.Errorf("append %d bytes to the spool: %w: make smaller batches", len(data), ErrTooLarge)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, fmt.Errorf("append to the spool: %w", ErrClosed)
	}
	s.last++
	h.LSN = s.last
	for s.pendingBytes+h.cost() > s.opt.MemoryBytes && len(s.pending) > s.flying {
		s.forget(s.pending[s.flying])
		s.pending = slices.Delete(s.pending, s.flying, s.flying+1)
	}
	s.live++
	s.pendingBytes += h.cost()
	s.pending = append(s.pending, h)
	if s.pendingBytes > s.opt.MemoryBytes {
		// What is being written fills the memory alone.
		s.forget(h)
		s.pending = s.pending[:len(s.pending)-1]
	}
	s.tell()
	s.wakeLocked()
	return h.LSN, nil
}

// forget gives up a message that is only in memory.
func (s *Spool) forget(h held) {
	s.live--
	s.pendingBytes -= h.cost()
	s.lost.memory++
	s.lost.byKind[h.Kind]++
	s.metrics.lostMemory.Inc()
}

func (s *Spool) wakeLocked() {
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// Done says that messages were sent, or replaced by others: they are not given out again. What is in memory is never written; what
// is on disk is overwritten with zeros by the next Sync. Unknown places are passed over: their messages may have been given up.
// Of two messages of which one replaces the other, the new one is to be synced before the old one is done.
func (s *Spool) Done(lsns ...uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("mark messages of the spool as done: %w", ErrClosed)
	}
	inMemory := false
	for _, lsn := range lsns {
		if s.doneInMemory(lsn) {
			inMemory = true
			continue
		}
		s.doneOnDisk(lsn)
	}
	if inMemory {
		s.sweep()
	}
	s.tell()
	return nil
}

func (s *Spool) doneInMemory(lsn uint64) bool {
	i, found := slices.BinarySearchFunc(s.pending, lsn, func(h held, lsn uint64) int {
		switch {
		case h.LSN < lsn:
			return -1
		case h.LSN > lsn:
			return 1
		}
		return 0
	})
	if found && !s.pending[i].done {
		s.pending[i].done = true
		s.live--
	}
	return found
}

func (s *Spool) doneOnDisk(lsn uint64) {
	at := from(s.segments, lsn-1)
	if lsn == 0 || at == len(s.segments) {
		return
	}
	g := s.segments[at]
	if i, found := g.find(lsn); found && g.entries[i].state == entryLive {
		g.drop(i)
		s.live--
	}
}

// sweep lets go of what is done in memory, except what is being written: its place in the segment is still to be entered.
func (s *Spool) sweep() {
	kept := s.pending[:s.flying]
	for _, h := range s.pending[s.flying:] {
		if h.done {
			s.pendingBytes -= h.cost()
			continue
		}
		kept = append(kept, h)
	}
	clear(s.pending[len(kept):])
	s.pending = kept
}

// Wait returns when there is a message to be sent behind a place, with the context's error when that ends first, and with
// ErrClosed when the spool is closed.
func (s *Spool) Wait(ctx context.Context, after uint64) error {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return fmt.Errorf("wait for the spool: %w", ErrClosed)
		}
		_, _, onDisk := s.seek(after)
		if onDisk || s.memoryAfter(after) < len(s.pending) {
			s.mu.Unlock()
			return nil
		}
		if s.wake == nil {
			s.wake = make(chan struct{})
		}
		wake := s.wake
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		}
	}
}

// memoryAfter is the index of the first message in memory behind a place that is to be sent.
func (s *Spool) memoryAfter(after uint64) int {
	i := sort.Search(len(s.pending), func(i int) bool { return s.pending[i].LSN > after })
	for i < len(s.pending) && s.pending[i].done {
		i++
	}
	return i
}

// seek finds the first message on disk behind a place that is to be sent.
func (s *Spool) seek(after uint64) (g *segment, i int, found bool) {
	for _, g := range s.segments[from(s.segments, after):] {
		if i, ok := g.liveAfter(after); ok {
			return g, i, true
		}
	}
	return nil, 0, false
}
