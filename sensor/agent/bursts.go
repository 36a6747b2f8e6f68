package agent

import (
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// burst is the frames of one address at most BurstGap apart. Times are Unix nanoseconds.
type burst struct {
	addr       hwaddr.Addr
	start, end int64
	class      uint16 // of its first frame, for random addresses
	best       int8   // strongest frame, dBm
	seq        uint64
	list       uint64 // version of the opt-out list that its address was last looked up in
	sighted    bool   // its sighting was given out when it closed, under id
	id         uint64
}

// bursts collects frames into bursts and gives them out in the order of their starts, which later steps rely on: a minute is
// complete when no burst that began in it can still come. All steps are O(1) but for a small heap, and nothing is allocated
// once the tables have grown.
type bursts struct {
	open     map[hwaddr.Addr]int32
	pool     []burst
	free     []int32
	byEnd    order // open bursts by last frame: which closes first
	byStart  order // open bursts by start: which is oldest
	closed   closedHeap
	nextSeq  uint64
	released func(*burst)
	closing  func(*burst) // of a live sensor: called when a burst closes, in no order; nil for nobody
}

func newBursts(released func(*burst)) *bursts {
	return &bursts{open: map[hwaddr.Addr]int32{}, byEnd: newOrder(), byStart: newOrder(), released: released}
}

// add takes a frame; t never runs backward. first is called for the first frame of a burst and completes it.
func (b *bursts) add(a hwaddr.Addr, t int64, rssi int8, first func(*burst)) {
	b.expire(t)
	if i, ok := b.open[a]; ok {
		p := &b.pool[i]
		if t-p.start <= int64(BurstMax) {
			p.end = t
			p.best = max(p.best, rssi)
			b.byEnd.remove(i)
			b.byEnd.push(i)
			return
		}
		b.close(i)
		b.release() // or the watermark would pass a burst that is not released yet
	}
	i := b.alloc()
	b.pool[i] = burst{addr: a, start: t, end: t, best: rssi, seq: b.nextSeq}
	first(&b.pool[i])
	b.nextSeq++
	b.open[a] = i
	b.byEnd.push(i)
	b.byStart.push(i)
}

// expire closes the bursts whose last frame is more than BurstGap before t and releases what is in order.
func (b *bursts) expire(t int64) {
	for i := b.byEnd.head; i != none && t-b.pool[i].end > int64(BurstGap); i = b.byEnd.head {
		b.close(i)
	}
	b.release()
}

// flush closes every burst.
func (b *bursts) flush() {
	for b.byEnd.head != none {
		b.close(b.byEnd.head)
	}
	b.release()
}

// forget throws away the table of addresses once every burst is released: a map keeps what was deleted from it.
func (b *bursts) forget() { b.open = map[hwaddr.Addr]int32{} }

// watermark is the time before which no burst can still begin to be released: the oldest open burst's start, or now.
func (b *bursts) watermark(now int64) int64 {
	if b.byStart.head == none {
		return now
	}
	return b.pool[b.byStart.head].start
}

// held is how many bursts are not released yet.
func (b *bursts) held() int { return len(b.open) + len(b.closed) }

func (b *bursts) close(i int32) {
	delete(b.open, b.pool[i].addr)
	b.byEnd.remove(i)
	b.byStart.remove(i)
	if b.closing != nil {
		b.closing(&b.pool[i])
	}
	b.closed.push(closedBurst{b.pool[i].seq, i})
}

func (b *bursts) release() {
	for len(b.closed) > 0 {
		top := b.closed[0]
		if b.byStart.head != none && b.pool[b.byStart.head].seq < top.seq {
			return
		}
		b.closed.pop()
		b.released(&b.pool[top.at])
		b.pool[top.at].addr = hwaddr.Addr{}
		b.free = append(b.free, top.at)
	}
}

func (b *bursts) alloc() int32 {
	if n := len(b.free); n > 0 {
		i := b.free[n-1]
		b.free = b.free[:n-1]
		return i
	}
	b.pool = append(b.pool, burst{})
	return int32(len(b.pool) - 1)
}

type closedBurst struct {
	seq uint64
	at  int32
}

// closedHeap holds closed bursts until every burst that began before them is closed too: a binary heap by sequence.
// container/heap would allocate at every push.
type closedHeap []closedBurst

func (h *closedHeap) push(c closedBurst) {
	*h = append(*h, c)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if s[up].seq <= s[i].seq {
			return
		}
		s[up], s[i] = s[i], s[up]
		i = up
	}
}

// pop removes the top, which the caller has looked at.
func (h *closedHeap) pop() {
	s := *h
	n := len(s) - 1
	s[0] = s[n]
	s = s[:n]
	*h = s
	for i := 0; ; {
		down := 2*i + 1
		if down >= n {
			return
		}
		if down+1 < n && s[down+1].seq < s[down].seq {
			down++
		}
		if s[i].seq <= s[down].seq {
			return
		}
		s[i], s[down] = s[down], s[i]
		i = down
	}
}
