package spool

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// canary begins every payload of the tests that look for it on disk.
const canary = "CANARY-OF-THE-SPOOL"

// modelMessage is what a plain list knows of a message.
type modelMessage struct {
	Message
	synced bool // a Sync succeeded after Append
	done   bool
	gone   bool // a Sync succeeded after Done: it must not come back
}

// model is a spool beside a plain list of what it should hold.
type model struct {
	t       *testing.T
	random  *rand.Rand
	options Options
	disk    *memoryDisk
	spool   *Spool
	list    []modelMessage
	highest uint64
	before  uint64 // the highest of earlier runs
	faults  bool
}

func newModel(t *testing.T, seed uint64, o Options) *model {
	m := &model{t: t, random: rand.New(rand.NewPCG(seed, 4)), options: o, disk: newMemoryDisk()}
	m.spool, _ = openOn(t, m.disk, m.options)
	m.watch()
	return m
}

// watch makes sure that no file is deleted with a message in it, where the disk does not fail.
func (m *model) watch() {
	m.disk.removed = func(data []byte) {
		if !m.faults && bytes.Contains(data, []byte(canary)) {
			m.t.Error("a segment, or its end, was deleted with a message in it")
		}
	}
	m.disk.fail = func(op string) error {
		if m.faults && op != "read" && m.random.IntN(6) == 0 {
			return fmt.Errorf("%s: %w", op, errPartly)
		}
		return nil
	}
}

func (m *model) append(most int) {
	data := fmt.Appendf(nil, "%s %08d ", canary, m.random.Uint32())
	data = append(data, bytes.Repeat([]byte{'x'}, m.random.IntN(most))...)
	kind, ms := uint8(m.random.IntN(16)), m.random.Int64N(1e12)-1e6
	lsn, err := m.spool.Append(kind, ms, data)
	if err != nil {
		m.t.Fatal(err)
	}
	if lsn <= m.highest {
		m.t.Fatalf("LSN %d after %d: they have to ascend", lsn, m.highest)
	}
	m.highest = lsn
	m.list = append(m.list, modelMessage{Message: Message{lsn, kind, ms, data}})
}

// done marks a few messages as done, mostly the oldest.
func (m *model) done() {
	if len(m.list) == 0 {
		return
	}
	n, at := m.random.IntN(20), 0
	if m.random.IntN(3) == 0 {
		at = m.random.IntN(len(m.list))
	}
	var lsns []uint64
	for i := at; i < len(m.list) && len(lsns) < n; i++ {
		lsns = append(lsns, m.list[i].LSN)
		m.list[i].done = true
	}
	if err := m.spool.Done(lsns...); err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) sync() {
	err := m.spool.Sync()
	if err != nil && !m.faults {
		m.t.Fatal(err)
	}
	if err != nil {
		if !errors.Is(err, errPartly) {
			m.t.Fatalf("got %v, want the disk's error", err)
		}
		return
	}
	var kept []modelMessage
	onDisk := m.disk.bytesOnDisk()
	for i := range m.list {
		m.list[i].synced = true
		m.list[i].gone = m.list[i].done
		if m.list[i].gone && bytes.Contains(onDisk, m.list[i].Data[:len(canary)+10]) {
			m.t.Fatalf("message %d is done and still on disk after a Sync", m.list[i].LSN)
		}
	}
	// What is gone is kept for a while: it must not come back.
	for i, e := range m.list {
		if !e.gone || i > len(m.list)-200 {
			kept = append(kept, e)
		}
	}
	m.list = kept
}

// all reads everything in steps of random size.
func (m *model) all() []Message {
	var out []Message
	after := uint64(0)
	for {
		step, err := m.spool.Next(after, 1+m.random.IntN(50), m.random.IntN(20_000))
		if err != nil {
			m.t.Fatal(err)
		}
		if len(step) == 0 {
			return out
		}
		out = append(out, step...)
		after = step[len(step)-1].LSN
	}
}

func same(a, b Message) bool {
	return a.LSN == b.LSN && a.Kind == b.Kind && a.TimeMS == b.TimeMS && bytes.Equal(a.Data, b.Data)
}

// check compares what the spool gives out with the list of what is to be sent.
func (m *model) check() {
	m.t.Helper()
	got := m.all()
	held := m.spool.Held(0, 1<<30)
	i := 0
	oldest, first := int64(0), true
	for _, want := range m.list {
		if want.done {
			continue
		}
		if i >= len(got) || !same(got[i], want.Message) {
			m.t.Fatalf("message %d is not where it should be", want.LSN)
		}
		if p := (Place{want.LSN, want.Kind, want.TimeMS, len(want.Data)}); i >= len(held) || held[i] != p {
			m.t.Fatalf("got %+v of Held, want %+v", held[i], p)
		}
		if first || want.TimeMS < oldest {
			oldest, first = want.TimeMS, false
		}
		i++
	}
	if len(got) != i || len(held) != i {
		m.t.Fatalf("got %d messages and %d places, want %d", len(got), len(held), i)
	}
	st := m.spool.Stats()
	if st.Messages != i || st.OldestTimeMS != oldest {
		m.t.Fatalf("got %d messages, the oldest of %d; want %d, of %d", st.Messages, st.OldestTimeMS, i, oldest)
	}
	if st.LostFull+st.Damaged > 0 {
		m.t.Fatalf("got %+v: nothing should be lost", st)
	}
	checkBooks(m.t, m.spool)
}

// checkBooks counts again what the spool counts as it goes.
func checkBooks(t *testing.T, s *Spool) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	disk, live, pending := blocks(slotApart+slotBytes), 0, int64(0)
	for _, g := range s.segments {
		n, done := 0, 0
		for _, e := range g.entries {
			switch e.state {
			case entryLive:
				n++
			case entryDone:
				done++
			}
		}
		if n != g.live || done != g.done || len(g.entries) == 0 {
			t.Fatalf("a segment of %d entries counts %d live and %d done, and has %d and %d", len(g.entries), g.live, g.done, n, done)
		}
		disk, live = disk+blocks(g.file), live+n
	}
	for _, g := range s.leftover {
		disk += blocks(g.file)
	}
	for _, h := range s.pending {
		pending += h.cost()
		if !h.done {
			live++
		}
	}
	if disk != s.diskBytes || live != s.live || pending != s.pendingBytes {
		t.Fatalf("the spool counts %d bytes on disk, %d live, %d pending; it has %d, %d, %d",
			s.diskBytes, s.live, s.pendingBytes, disk, live, pending)
	}
	if s.pendingBytes > s.opt.MemoryBytes {
		t.Fatalf("%d bytes in memory, %d are allowed", s.pendingBytes, s.opt.MemoryBytes)
	}
}

// crash kills the process, or cuts the power, and opens what is left.
func (m *model) crash() {
	kill(m.t, m.spool)
	if !m.spool.epochSaved {
		// The disk took nothing during the whole run: its places are given out again.
		m.highest = m.before
	}
	m.before = m.highest
	if m.random.IntN(2) == 0 {
		m.disk = m.disk.cut(m.random)
		m.watch()
	}
	m.spool, _ = openOn(m.t, m.disk, m.options)
	got := m.all()
	synced := m.spool.Stats().LastSyncError == nil // Open syncs what a killed process had only written
	i := 0
	var kept []modelMessage
	for _, want := range m.list {
		back := i < len(got) && got[i].LSN == want.LSN
		switch {
		case back && !same(got[i], want.Message):
			m.t.Fatalf("message %d came back with different content", want.LSN)
		case back && want.gone:
			m.t.Fatalf("message %d came back after its Done and a Sync", want.LSN)
		case !back && want.synced && !want.done:
			m.t.Fatalf("message %d was synced and is lost", want.LSN)
		}
		if back {
			kept = append(kept, modelMessage{Message: want.Message, synced: synced || want.synced})
			i++
		} else if want.gone {
			kept = append(kept, want)
		}
	}
	if i != len(got) {
		m.t.Fatalf("got %d messages that were never there, or twice, or out of order", len(got)-i)
	}
	m.list = kept
	// What was torn counts as damaged where its header was whole; that says nothing about the messages checked above.
	m.spool.lost = losses{}
	checkBooks(m.t, m.spool)
}

func TestModel(t *testing.T) {
	tests := []struct {
		name           string
		options        Options
		steps, most    int
		crash, restart int // one step in so many; 0 = never
		faults         bool
	}{
		{name: "steady", steps: 1500, most: 300},
		{name: "orderly restarts", steps: 2000, most: 300, restart: 40},
		{name: "power cuts", steps: 3000, most: 300, crash: 30},
		{name: "power cuts, large messages", steps: 2000, most: 9000, crash: 30, options: Options{SegmentBytes: 8 << 10}},
		{name: "power cuts, small segments", steps: 3000, most: 900, crash: 50, options: Options{SegmentBytes: 4 << 10}},
		{name: "a failing disk", steps: 2000, most: 300, restart: 100, faults: true, options: Options{SegmentBytes: 4 << 10}},
		{name: "power cuts and a failing disk", steps: 3000, most: 900, crash: 40, faults: true, options: Options{SegmentBytes: 4 << 10}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(3) {
				m := newModel(t, seed, tt.options)
				for range tt.steps {
					m.step(tt.most, tt.crash, tt.restart, tt.faults)
				}
				m.faults = false
				m.sync()
				m.check()
				m.done()
				m.sync()
				_ = m.spool.Close()
			}
		})
	}
}

func (m *model) step(most, crash, restart int, faults bool) {
	m.faults = faults && m.random.IntN(3) > 0
	switch m.random.IntN(12) {
	default:
		m.append(most)
	case 5, 6, 7:
		m.sync()
	case 8, 9, 10:
		m.done()
	case 11:
		m.check()
	}
	if crash > 0 && m.random.IntN(crash) == 0 {
		m.crash()
	}
	if restart > 0 && m.random.IntN(restart) == 0 {
		m.faults = false
		m.sync()
		if err := m.spool.Close(); err != nil {
			m.t.Fatal(err)
		}
		m.spool, _ = openOn(m.t, m.disk, m.options)
		m.check()
	}
}
