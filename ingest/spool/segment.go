package spool

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// suffix ends the name of a segment's file; before it stand 16 hexadecimal digits of the first LSN that was meant for it.
const suffix = ".spool"

func segmentName(lsn uint64) string { return fmt.Sprintf("%016x%s", lsn, suffix) }

// segmentLSN reads a segment's name; other files of the folder are left alone.
func segmentLSN(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 16 || strings.ToLower(digits) != digits {
		return 0, false
	}
	lsn, err := strconv.ParseUint(digits, 16, 64)
	return lsn, err == nil
}

// The states of an entry.
const (
	entryLive     = iota // to be sent
	entryDone            // its bytes are to be overwritten
	entryShredded        // its bytes are overwritten
)

// entry is a message's place in its segment; its end is the next one's start. There can be a hundred thousand: it has 24 bytes.
type entry struct {
	lsn    uint64
	timeMS int64
	off    uint32
	kind   uint8
	state  uint8
}

// segment is one file with at least one message, what the process knows of it.
type segment struct {
	name    string
	size    int64 // of its records
	file    int64 // of the file; more than size only where suspect
	suspect bool  // its end is to be repaired before anything else is written
	entries []entry
	live    int // entries to be sent
	done    int // entries to be overwritten

	oldest      int64 // the oldest age stamp of the live ones
	oldestKnown bool
}

// end is the offset behind the i-th record.
func (g *segment) end(i int) int64 {
	if i+1 < len(g.entries) {
		return int64(g.entries[i+1].off)
	}
	return g.size
}

func (g *segment) lastLSN() uint64 { return g.entries[len(g.entries)-1].lsn }

// payload is the size of the i-th record's data.
func (g *segment) payload(i int) int { return int(g.end(i) - int64(g.entries[i].off) - headerBytes) }

// add puts an entry at the segment's end, whose record takes n bytes.
func (g *segment) add(e entry, n int64) {
	e.off = uint32(g.size)
	g.entries = append(g.entries, e)
	g.size += n
	g.file = max(g.file, g.size)
	switch e.state {
	case entryDone:
		g.done++
	case entryLive:
		if g.live == 0 {
			g.oldest, g.oldestKnown = e.timeMS, true
		}
		g.oldest = min(g.oldest, e.timeMS)
		g.live++
	}
}

// drop marks a live entry as one to be overwritten.
func (g *segment) drop(i int) {
	g.entries[i].state = entryDone
	g.live--
	g.done++
	if g.entries[i].timeMS <= g.oldest {
		g.oldestKnown = false
	}
}

// oldestTime is the oldest age stamp of the live entries, of which there is one at least.
func (g *segment) oldestTime() int64 {
	if g.oldestKnown {
		return g.oldest
	}
	found := false
	for _, e := range g.entries {
		if e.state == entryLive && (!found || e.timeMS < g.oldest) {
			g.oldest, found = e.timeMS, true
		}
	}
	g.oldestKnown = found
	return g.oldest
}

// find is the index of an LSN.
func (g *segment) find(lsn uint64) (int, bool) {
	return slices.BinarySearchFunc(g.entries, lsn, func(e entry, lsn uint64) int {
		switch {
		case e.lsn < lsn:
			return -1
		case e.lsn > lsn:
			return 1
		}
		return 0
	})
}

// liveAfter is the index of the first live entry with a greater LSN.
func (g *segment) liveAfter(after uint64) (int, bool) {
	if g.live == 0 {
		return 0, false
	}
	i, exact := g.find(after)
	if exact {
		i++
	}
	for ; i < len(g.entries); i++ {
		if g.entries[i].state == entryLive {
			return i, true
		}
	}
	return 0, false
}

// from is the place in the list of the first segment that reaches beyond an LSN.
func from(segments []*segment, after uint64) int {
	return sort.Search(len(segments), func(i int) bool { return segments[i].lastLSN() > after })
}

// blocks is the room that a file of n bytes takes on disk.
func blocks(n int64) int64 { return (n + blockBytes - 1) / blockBytes * blockBytes }
