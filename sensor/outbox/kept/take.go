package kept

import (
	"cmp"
	"slices"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// Match is a device that is listed now. An id that is not known is 0.
type Match struct {
	Tag uint32
	IDs [2]uint64 // under the key of this period, and of the period before
}

// Take lists the devices whose tags are listed, each once, whatever number of days it came on. They are kept until Sent, so that a
// crash before that loses none, and not listed again.
func (t *Table) Take(listed func(tag uint32) bool) (matches []Match) {
	for _, n := range t.known(func(*book) bool { return true }) {
		matches = append(matches, t.takeDay(n, listed)...)
	}
	slices.SortFunc(matches, func(a, b Match) int {
		return cmp.Or(cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.IDs[1], b.IDs[1]), cmp.Compare(b.IDs[0], a.IDs[0]))
	})
	return slices.CompactFunc(matches, func(a, b Match) bool { // the first stays: what is known of this period stands before what is not
		return a.Tag == b.Tag && a.IDs[1] == b.IDs[1] && (a.IDs[0] == b.IDs[0] || a.IDs[0] == 0 || b.IDs[0] == 0)
	})
}

func (t *Table) takeDay(n calendar.Day, listed func(tag uint32) bool) (matches []Match) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.days[n]
	if b == nil || !t.keeps(n) {
		return nil
	}
	for i, v := range b.visits {
		if b.taken[i] || !listed(v.Tag) {
			continue
		}
		b.taken[i] = true
		m := Match(v)
		if period(n) != period(t.day) {
			m.IDs = [2]uint64{0, v.IDs[0]}
		}
		matches = append(matches, m)
	}
	return matches
}

// Sent removes the visits of a match that was taken: those who keep its return ids are told to forget them.
func (t *Table) Sent(m Match) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range t.days {
		for i := b.first(m.Tag); i < len(b.visits) && b.visits[i].Tag == m.Tag; {
			if !b.taken[i] || !slices.Contains(m.IDs[:], b.visits[i].IDs[0]) {
				i++
				continue
			}
			b.remove(i)
			t.n--
		}
	}
}
