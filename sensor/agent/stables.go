package agent

import (
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// stay is what the sensor remembers of a stable address while it is near: in memory only, forgotten SessionTimeout after it
// was last heard. Times are Unix nanoseconds of burst starts.
type stay struct {
	addr                    hwaddr.Addr
	first, last             int64
	firstInside, lastInside int64
	id                      uint64
	bucket                  uint16
	inside                  bool // heard at rssi_inside: a sighting has its id
	long                    bool // longer than VisitMax
	marked                  bool // its return bucket is marked; in an extended store: its return ids are given out
}

// stables sorts bursts of stable addresses into sightings and passers-by.
type stables struct {
	at    map[hwaddr.Addr]int32
	pool  []stay
	free  []int32
	order order               // by last, the longest silent first
	asked map[uint64]struct{} // ids whose noisy bits, or return ids, were sent today
}

func newStables() *stables {
	return &stables{at: map[hwaddr.Addr]int32{}, order: newOrder(), asked: map[uint64]struct{}{}}
}

// touch finds or begins the address's stay and moves it to the end of the order.
func (s *stables) touch(a hwaddr.Addr, t int64) *stay {
	i, ok := s.at[a]
	if ok {
		s.order.remove(i)
	} else {
		if n := len(s.free); n > 0 {
			i = s.free[n-1]
			s.free = s.free[:n-1]
			s.pool[i] = stay{}
		} else {
			s.pool = append(s.pool, stay{})
			i = int32(len(s.pool) - 1)
		}
		s.pool[i].addr, s.pool[i].first = a, t
		s.at[a] = i
	}
	s.order.push(i)
	p := &s.pool[i]
	p.last = t
	return p
}

// oldest is the stay that has been silent longest.
func (s *stables) oldest() (*stay, bool) {
	if s.order.head == none {
		return nil, false
	}
	return &s.pool[s.order.head], true
}

// forget drops the oldest stay.
func (s *stables) forget() { s.drop(s.order.head) }

// drop forgets a stay and wipes it.
func (s *stables) drop(i int32) {
	delete(s.at, s.pool[i].addr)
	s.order.remove(i)
	s.pool[i] = stay{}
	s.free = append(s.free, i)
}

// empty throws away the table of addresses once every stay is forgotten: a map keeps what was deleted from it.
func (s *stables) empty() { s.at = map[hwaddr.Addr]int32{} }
