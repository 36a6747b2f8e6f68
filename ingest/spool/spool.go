// Package spool keeps messages between their making and Kafka: bounded, checksummed, in segments on disk. Opaque messages come in
// through Append and, what is not acknowledged before, reach the disk with Sync; Next gives them out in order until Done says that
// they were sent or replaced. What is done is overwritten with zeros where it stood on disk. When the disk's share is full the
// oldest segment goes whole, counted.
//
// A power cut loses at most what was appended since the last Sync. A message may be given out again after a restart when its Done
// had not been followed by a Sync. On flash memory the overwriting is best effort: the wear levelling decides where zeros go.
package spool

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// ErrClosed says that the spool is closed.
var ErrClosed = errors.New("the spool is closed")

// ErrTooLarge says that a message is larger than the spool takes (Options.MemoryBytes, a quarter of Options.MaxBytes).
var ErrTooLarge = errors.New("the message is too large for the spool")

// Message is one message waiting to be sent.
type Message struct {
	LSN    uint64 // place in the spool, from 1, ascending with gaps over all runs whose disk took a write; set by Append
	Kind   uint8  // the caller's, 0 to 15
	TimeMS int64  // the caller's age stamp: the oldest event inside, Unix milliseconds
	Data   []byte // not to be changed after Append or Next
}

// Place is a message without its bytes.
type Place struct {
	LSN    uint64
	Kind   uint8
	TimeMS int64 // Unix milliseconds
	Bytes  int   // of its data
}

// Options are a spool's settings. Zero values mean the defaults.
type Options struct {
	Dir          string // the folder, the spool's own; made when it is not there
	MaxBytes     int64  // the bound of everything on disk, whole blocks of 4 KiB counted; 64 MiB, from 1 MiB to 1 GiB
	SegmentBytes int64  // size of a file; 256 KiB, or an eighth of MaxBytes if that is less; at least 4 KiB
	MemoryBytes  int64  // the bound of what is in memory and not on disk; 2 MiB, at least 64 KiB

	Registerer prometheus.Registerer // nil registers nothing
	Logger     *slog.Logger          // nil logs nothing
}

const (
	defaultMax     = 64 << 20
	leastMax       = 1 << 20
	mostMax        = 1 << 30
	defaultSegment = 256 << 10
	defaultMemory  = 2 << 20
	leastMemory    = 64 << 10
	blockBytes     = 4 << 10
)

// Recovery is what Open found on disk.
type Recovery struct {
	Messages    int   // to be sent
	TornBytes   int64 // cut off the end of the newest segment: a write that the power cut interrupted
	Damaged     int   // messages whose bytes do not match their checksum; they were overwritten
	Broken      int   // older segments whose rest could not be read, so that an unknown number of messages is lost
	BrokenBytes int64 // the size of those rests
}

// Spool is a spool. Its methods are for concurrent use; Append, Done, Stats and Held never wait for the disk.
type Spool struct {
	opt     Options
	folder  folder
	log     *slog.Logger
	metrics metrics

	// disk is held by whoever uses files, and taken before mu.
	disk       sync.Mutex
	state      stateFile
	epoch      uint64 // of this run; every LSN of the run begins with it
	active     *segment
	files      [2]openFile // of the active segment, of another one
	leftover   []*segment  // files without a message, to be removed
	epochSaved bool
	unsynced   bool // the folder's own entries are not yet sure to be on disk
	buf        []byte
	flight     []Message      // the messages being written
	failed     map[uint64]int // messages that could not be read, by their place, and how often

	// mu is held for moments only. The segments' list and everything in them but the entries' states changes only under both locks.
	mu           sync.Mutex
	closed       bool
	last         uint64 // the newest LSN given out
	pending      []held // in memory only, ascending
	flying       int    // how many of pending, from its start, are being written
	pendingBytes int64
	segments     []*segment // each with at least one message, ascending
	diskBytes    int64
	live         int           // messages to be sent, everywhere
	wake         chan struct{} // closed by the next Append; nil when nobody waits
	lost         losses
	syncError    error
}

// held is a message in memory.
type held struct {
	Message
	done bool // while it is being written
}

// heldOverhead is what a message costs in memory beside its bytes.
const heldOverhead = 64

func (h held) cost() int64 { return recordBytes(len(h.Data)) + heldOverhead }

// losses are counts of messages, since Open.
type losses struct {
	full, memory, damaged uint64
	byKind                [maxKind + 1]uint64
}

// Open opens the spool of a folder, or makes it, repairs what a power cut left behind, and locks the folder against other
// processes. A disk that can be read but not written (full, for example) is no error here: Sync returns it, and Stats has it.
func Open(o Options) (*Spool, Recovery, error) {
	return openIn(osFolder(o.Dir), o)
}

func openIn(d folder, o Options) (*Spool, Recovery, error) {
	if err := o.complete(); err != nil {
		return nil, Recovery{}, fmt.Errorf("open the spool: %w", err)
	}
	s := &Spool{opt: o, folder: d, log: o.Logger, unsynced: true, failed: map[uint64]int{}}
	var err error
	if s.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, Recovery{}, fmt.Errorf("open the spool: %w", err)
	}
	if s.state.f, err = d.lock(stateName); err != nil {
		return nil, Recovery{}, fmt.Errorf("open the spool: %w", err)
	}
	found, err := s.recover()
	if err != nil {
		return nil, Recovery{}, errors.Join(fmt.Errorf("open the spool in %s: %w", o.Dir, err), s.closeFiles())
	}
	if found.Damaged > 0 || found.Broken > 0 {
		s.log.Warn("part of the spool was damaged and is lost: check the disk and the power supply", "damaged", found.Damaged,
			"broken_segments", found.Broken, "broken_bytes", found.BrokenBytes)
	}
	s.log.Info("spool opened", "messages", found.Messages, "torn_bytes", found.TornBytes)
	if err := s.Sync(); err != nil {
		s.log.Warn("the spool cannot write to its folder yet and goes on in memory: make room or repair the disk", "error", err)
	}
	return s, found, nil
}

func (o *Options) complete() error {
	o.MaxBytes = cmp.Or(o.MaxBytes, defaultMax)
	o.SegmentBytes = cmp.Or(o.SegmentBytes, min(defaultSegment, o.MaxBytes/8))
	o.MemoryBytes = cmp.Or(o.MemoryBytes, defaultMemory)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Dir == "":
		return errors.New("there is no folder: name one")
	case o.MaxBytes < leastMax || o.MaxBytes > mostMax:
		return fmt.Errorf("a bound of %d bytes: choose one from 1 MiB to 1 GiB", o.MaxBytes)
	case o.SegmentBytes < blockBytes || o.SegmentBytes > o.MaxBytes/4:
		return fmt.Errorf("segments of %d bytes: choose from 4 KiB to a quarter of the bound, %d", o.SegmentBytes, o.MaxBytes/4)
	case o.MemoryBytes < leastMemory:
		return fmt.Errorf("%d bytes of memory: give it 64 KiB at least", o.MemoryBytes)
	}
	return nil
}

// Close writes what is in memory, releases the folder and ends every Wait. The error is that of the last Sync. To close twice is
// no error.
func (s *Spool) Close() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	err := s.syncLocked()
	if errors.Is(err, ErrClosed) {
		return nil
	}
	s.mu.Lock()
	s.closed = true
	s.wakeLocked()
	s.mu.Unlock()
	return errors.Join(err, s.closeFiles())
}

// Stats are the spool's figures.
type Stats struct {
	Messages      int                 // to be sent
	Bytes         int64               // on disk and in memory
	DiskBytes     int64               // whole blocks, overhead included
	OldestTimeMS  int64               // the oldest age stamp of the messages to be sent, Unix milliseconds; 0 = there are none
	LostFull      uint64              // messages given up since Open because disk or memory was full
	LostMemory    uint64              // those of LostFull that had not reached the disk
	Damaged       uint64              // messages found damaged, and segments whose rest was, since Open
	LostByKind    [maxKind + 1]uint64 // all of these where the kind is known
	LastSyncError error               // nil after a Sync that succeeded
}

// Stats returns the figures of now.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{
		Messages: s.live, DiskBytes: s.diskBytes, Bytes: s.diskBytes + s.pendingBytes,
		LostFull: s.lost.full + s.lost.memory, LostMemory: s.lost.memory, Damaged: s.lost.damaged, LostByKind: s.lost.byKind,
		LastSyncError: s.syncError,
	}
	first := true
	older := func(ms int64) {
		if first || ms < st.OldestTimeMS {
			st.OldestTimeMS, first = ms, false
		}
	}
	for _, g := range s.segments {
		if g.live > 0 {
			older(g.oldestTime())
		}
	}
	for _, h := range s.pending {
		if !h.done {
			older(h.TimeMS)
		}
	}
	return st
}

// tell brings the gauges up to date.
func (s *Spool) tell() {
	s.metrics.messages.Set(float64(s.live))
	s.metrics.bytes.Set(float64(s.diskBytes + s.pendingBytes))
}
