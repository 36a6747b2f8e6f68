package outbox

import (
	"math"
	"sync"

	"github.com/openfootfall/footfall/ingest/spool"
)

// Troubles: what OnTrouble is told of.
const (
	TroubleUnreachable = "kafka_unreachable" // the last attempt failed and may succeed by itself
	TroubleRefused     = "kafka_refused"     // Kafka answers and refuses this sensor: somebody must act
	TroubleList        = "waiting_for_list"  // ids wait for the opt-out list to be confirmed
	TroubleFull        = "spool_full"        // messages were given up for want of room within the last ten minutes
	TroubleDisk        = "spool_disk"        // the spool's disk cannot be written or read
)

// Troubles lists every name that OnTrouble can be told.
func Troubles() []string {
	return []string{TroubleUnreachable, TroubleRefused, TroubleList, TroubleFull, TroubleDisk}
}

// troubles tells what changed, in the order it changed.
type troubles struct {
	mu   sync.Mutex
	on   map[string]bool
	bad  [2]bool // the disk, by what fails
	tell func(name string, on bool)
}

// What can fail about the disk: each ends by itself.
const (
	reading = iota
	writing
)

func (t *troubles) disk(what int, bad bool) {
	t.mu.Lock()
	t.bad[what] = bad
	bad = t.bad[reading] || t.bad[writing]
	t.mu.Unlock()
	t.set(TroubleDisk, bad)
}

func (t *troubles) set(name string, on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.on[name] != on {
		t.on[name] = on
		t.tell(name, on)
	}
}

// fullFor is how many seconds a spool that gave up messages counts as full.
const fullFor = 600

// losses is what the spool has given up so far.
type losses struct {
	seen uint64
	full bool
	at   uint32 // seconds of the last loss, on the clock that nobody sets
}

func lostBySpool(s spool.Stats) uint64 { return s.LostFull + s.Damaged }

// watchLosses counts what the spool gave up since the last look, and strikes it off the ledger.
func (o *Outbox) watchLosses() {
	o.lossMu.Lock()
	defer o.lossMu.Unlock()
	now := seconds(o.opt.Elapsed())
	if lost := lostBySpool(o.opt.Spool.Stats()); lost != o.losses.seen {
		o.metrics.messages.WithLabelValues(outLost).Add(float64(lost - o.losses.seen))
		o.losses = losses{seen: lost, full: true, at: now}
		o.strikeLost()
	}
	if o.losses.full && now-o.losses.at >= fullFor {
		o.losses.full = false
	}
	o.troubles.set(TroubleFull, o.losses.full)
}

// strikeLost finds the messages with ids that the spool has no more. Both are looked at under the lock of appending.
func (o *Outbox) strikeLost() {
	o.mu.Lock()
	defer o.mu.Unlock()
	held := map[uint64]struct{}{}
	for _, place := range o.opt.Spool.Held(0, math.MaxInt) {
		if hasIDs(place.Kind) {
			held[place.LSN] = struct{}{}
		}
	}
	gone := o.ledger.due(func(e *entry) bool {
		_, ok := held[e.lsn]
		return !ok
	})
	for _, lsn := range gone {
		e, _ := o.ledger.remove(lsn)
		o.metrics.sightings.WithLabelValues(outLost).Add(float64(e.sightings))
	}
}
