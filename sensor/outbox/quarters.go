package outbox

import "github.com/openfootfall/footfall/ingest/wire"

const (
	quarterMS     = 15 * 60 * 1000
	keepQuarterMS = 2 * quarterMS // a batch that began late in a quarter comes of age that much later
	keepQuarters  = 8             // a bound; what is given out again later with a smaller count changes nothing
)

// page is what one Rollup can hold: quarters of one store-day, counted for one cause.
type page struct {
	day   int32
	cause wire.Rollup_Cause
}

// quarters are the distinct ids of each open quarter of an hour, over all messages that were counted so far.
type quarters map[int64]map[uint64]struct{}

// add notes every sighting of the message, and the quarters it changed.
func (q quarters) add(e *wire.Envelope, touched map[int64]struct{}) {
	var run wire.Run
	for runs := e.GetSightings().Runs(); runs.Next(&run); {
		at := e.Header.BaseMs
		for _, delta := range run.DeltasMS {
			at += int64(delta)
			n := at / quarterMS
			if q[n] == nil {
				q[n] = map[uint64]struct{}{}
			}
			q[n][run.ID] = struct{}{}
			touched[n] = struct{}{}
		}
	}
}

// trim lets the oldest go above the bound.
func (q quarters) trim() {
	for len(q) > keepQuarters {
		first := int64(1<<63 - 1)
		for n := range q {
			first = min(first, n)
		}
		delete(q, first)
	}
}

// forget lets go of the ids of quarters that ended before the instant, in Unix milliseconds: none of them can follow.
func (q quarters) forget(beforeMS int64) {
	for n := range q {
		if (n+1)*quarterMS <= beforeMS {
			delete(q, n)
		}
	}
}
