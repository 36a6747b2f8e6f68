package guard

import "time"

// bucket is a token bucket in one number: when it will be full again (the generic cell rate algorithm, ITU-T I.371).
type bucket instant

// take takes one if there is one.
func (b *bucket) take(now instant, r Rate) bool {
	if b.wait(now, r) > 0 {
		return false
	}
	*b = bucket(max(instant(*b), now).add(r.Every))
	return true
}

// put gives back what was taken at that time, less what has come back by itself since: never more than is missing.
func (b *bucket) put(taken, now instant, r Rate) {
	*b -= bucket(max(0, r.Every-time.Duration(now-taken)))
}

// wait is how long it is until there is one.
func (b *bucket) wait(now instant, r Rate) time.Duration {
	room := time.Duration(r.Burst-1) * r.Every
	return max(0, time.Duration(max(instant(*b), now)-now)-room)
}

// window counts events over a span by slots. An event counts until the slot it fell into is wholly out of the span: it is counted
// for a little longer than the span and never shorter, so a bound that holds for the count holds for every span of that length.
type window struct {
	slot  time.Duration
	first int64 // number of the oldest slot
	slots []int
	total int
}

const windowSlots = 60

func newWindow(span time.Duration) window {
	return window{slot: span / windowSlots, slots: make([]int, windowSlots+1)}
}

func (w *window) count(now instant) int {
	current := int64(now) / int64(w.slot)
	for last := w.first + windowSlots; last < current && w.total > 0; last++ {
		oldest := &w.slots[w.first%int64(len(w.slots))]
		w.total -= *oldest
		*oldest = 0
		w.first++
	}
	w.first = max(w.first, current-windowSlots)
	return w.total
}

func (w *window) add(now instant) {
	w.count(now)
	w.slots[int64(now)/int64(w.slot)%int64(len(w.slots))]++
	w.total++
}

// remove takes an event back that was added at that time.
func (w *window) remove(at, now instant) {
	w.count(now)
	n := int64(at) / int64(w.slot)
	if slot := &w.slots[n%int64(len(w.slots))]; n >= w.first && *slot > 0 {
		*slot--
		w.total--
	}
}

// tally counts what was done over all sources, and how much of it was not the first of its source.
type tally struct{ all, again window }

func newTally(span time.Duration) tally { return tally{newWindow(span), newWindow(span)} }

// full says whether the limit is reached. Half of it is kept free for those who come for the first time.
func (t *tally) full(limit int, first bool, now instant) bool {
	return t.all.count(now) >= limit || !first && t.again.count(now) >= limit-limit/2
}

func (t *tally) add(first bool, now instant) {
	t.all.add(now)
	if !first {
		t.again.add(now)
	}
}

func (t *tally) remove(first bool, at, now instant) {
	t.all.remove(at, now)
	if !first {
		t.again.remove(at, now)
	}
}
