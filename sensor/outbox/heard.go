package outbox

import (
	"cmp"
	"slices"
	"sync"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// newIDs is how many ids are collected before they are merged into the large columns: few enough to insert in order, many
// enough that merging 100,000 costs little.
const newIDs = 512

// maxHeard bounds the ids, at 13 bytes each. Where somebody makes up more, those beyond are taken out of what waits when the list
// changes, as unknown.
const maxHeard = 300_000

// heard knows the opt-out tags of the ids of the current store-day. Two sorted columns take 12 bytes an id and an eighth to
// grow; a map takes 20 to 40.
type heard struct {
	mu    sync.Mutex
	day   calendar.Day
	begun bool
	ids   []uint64 // ascending
	tags  []uint32 // of each
	fresh []tagged // ascending, at most newIDs, not in ids
}

type tagged struct {
	id  uint64
	tag uint32
}

// begin forgets, by overwriting, unless the day is the one it has.
func (h *heard) begin(day calendar.Day) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.begun && h.day == day {
		return
	}
	clear(h.ids)
	clear(h.tags)
	clear(h.fresh)
	h.day, h.begun, h.ids, h.tags, h.fresh = day, true, nil, nil, h.fresh[:0]
}

// today says whether the day is the current one.
func (h *heard) today(day calendar.Day) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.begun && h.day == day
}

func (h *heard) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ids) + len(h.fresh)
}

func (h *heard) tag(id uint64) (uint32, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, ok := slices.BinarySearch(h.ids, id); ok {
		return h.tags[at], true
	}
	if at, ok := h.freshAt(id); ok {
		return h.fresh[at].tag, true
	}
	return 0, false
}

func (h *heard) freshAt(id uint64) (int, bool) {
	return slices.BinarySearchFunc(h.fresh, id, func(t tagged, id uint64) int { return cmp.Compare(t.id, id) })
}

func (h *heard) add(id uint64, tag uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := slices.BinarySearch(h.ids, id); ok {
		return
	}
	at, ok := h.freshAt(id)
	if ok || len(h.ids)+len(h.fresh) >= maxHeard {
		return
	}
	h.fresh = slices.Insert(h.fresh, at, tagged{id, tag})
	if len(h.fresh) >= newIDs {
		h.merge()
	}
}

// take removes the ids whose tags are listed and returns them, with their store-day; there is none before begin.
func (h *heard) take(listed func(tag uint32) bool) (day calendar.Day, taken []tagged, begun bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := 0
	for i, tag := range h.tags {
		if listed(tag) {
			taken = append(taken, tagged{h.ids[i], tag})
			continue
		}
		h.ids[kept], h.tags[kept] = h.ids[i], tag
		kept++
	}
	clear(h.ids[kept:])
	clear(h.tags[kept:])
	h.ids, h.tags = h.ids[:kept], h.tags[:kept]
	h.fresh = slices.DeleteFunc(h.fresh, func(t tagged) bool { // which overwrites what it leaves behind
		if !listed(t.tag) {
			return false
		}
		taken = append(taken, t)
		return true
	})
	return h.day, taken, h.begun
}

// merge writes from the end, so that the columns grow in place.
func (h *heard) merge() {
	old, total := len(h.ids), len(h.ids)+len(h.fresh)
	if total > cap(h.ids) {
		room := total + total/8 + newIDs
		ids, tags := make([]uint64, old, room), make([]uint32, old, room)
		copy(ids, h.ids)
		copy(tags, h.tags)
		clear(h.ids)
		clear(h.tags)
		h.ids, h.tags = ids, tags
	}
	h.ids, h.tags = h.ids[:total], h.tags[:total]
	from, fresh := old-1, len(h.fresh)-1
	for to := total - 1; fresh >= 0; to-- {
		if from >= 0 && h.ids[from] > h.fresh[fresh].id {
			h.ids[to], h.tags[to] = h.ids[from], h.tags[from]
			from--
		} else {
			h.ids[to], h.tags[to] = h.fresh[fresh].id, h.fresh[fresh].tag
			fresh--
		}
	}
	clear(h.fresh)
	h.fresh = h.fresh[:0]
}
