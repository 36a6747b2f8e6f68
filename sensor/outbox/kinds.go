package outbox

import (
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/wire"
)

// Kinds of messages in the spool. They are on disk: a number keeps its meaning.
const (
	kindSightings uint8 = iota + 1
	kindCounters
	kindRollup
	kindHeartbeat
	kindForget
)

// kindOf is 0 for what a sensor does not send.
func kindOf(e *wire.Envelope) uint8 {
	switch e.GetBody().(type) {
	case *wire.Envelope_Sightings:
		return kindSightings
	case *wire.Envelope_Counters:
		return kindCounters
	case *wire.Envelope_Rollup:
		return kindRollup
	case *wire.Envelope_Heartbeat:
		return kindHeartbeat
	case *wire.Envelope_Forget:
		return kindForget
	default:
		return 0
	}
}

func topicOf(kind uint8) string {
	switch kind {
	case kindCounters, kindRollup:
		return broker.Counters
	default:
		return broker.Sightings
	}
}

func hasIDs(kind uint8) bool { return kind == kindSightings || kind == kindForget }

func sightingsOf(e *wire.Envelope) int { return len(e.GetSightings().GetOffsetsMs()) }
