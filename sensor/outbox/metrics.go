package outbox

import (
	"errors"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

// What becomes of messages: accepted + recovered + made = all others + what waits.
const (
	outAccepted  = "accepted"  // given to Send
	outRecovered = "recovered" // found in the spool at the start
	outMade      = "made"      // rollups of what may not leave, and Forgets
	outSent      = "sent"      // acknowledged
	outRolled    = "rolled"    // counted, then shredded
	outEmptied   = "emptied"   // no id was left that is not listed
	outExpired   = "expired"   // a Forget of a sealed day
	outBroken    = "broken"    // not readable in the spool
	outForeign   = "foreign"   // another sensor's, from before this box was set up anew
	outTooLarge  = "too_large" // refused by Kafka
	outInvalid   = "invalid"   // refused by Kafka, or never fit to be sent
	outLost      = "lost"      // given up by the spool
	outRemoved   = "removed"   // sightings only: of ids that are listed now, or could not be looked up
)

// What a second look at the opt-out list brought.
const (
	recheckUnchanged = "unchanged"
	recheckRemoved   = "removed"
	recheckEmptied   = "emptied"
	recheckRolled    = "rolled"
)

const (
	resultOK    = "ok"
	resultOther = "other"
)

type metrics struct {
	messages, sightings *prometheus.CounterVec // by outcome
	attempts            *prometheus.CounterVec // by result
	rechecks            *prometheus.CounterVec // by outcome
	unknown, withheld   prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, oldest func() float64) (metrics, error) {
	vec := func(name, help, label string, values ...string) (*prometheus.CounterVec, error) {
		v, err := broker.Register(reg, prometheus.NewCounterVec(
			prometheus.CounterOpts{Namespace: "footfall", Subsystem: "outbox", Name: name, Help: help}, []string{label}))
		for _, value := range values {
			v.WithLabelValues(value) // shown as 0 from the start
		}
		return v, err
	}
	var m metrics
	var errs [7]error
	m.messages, errs[0] = vec("messages_total", "Messages by what became of them; in = out + what waits.", "outcome",
		outAccepted, outRecovered, outMade, outSent, outRolled, outEmptied, outExpired, outBroken, outForeign, outTooLarge, outInvalid, outLost)
	m.sightings, errs[1] = vec("sightings_total", "Sightings by what became of their messages; in = out + what waits.", "outcome",
		outAccepted, outRecovered, outSent, outRolled, outRemoved, outLost)
	m.attempts, errs[2] = vec("attempts_total", "Attempts to send, by their result.", "result", append(broker.Reasons(), resultOK, resultOther)...)
	m.rechecks, errs[3] = vec("rechecks_total", "Messages with ids made under another opt-out list than the one that holds now.", "outcome",
		recheckUnchanged, recheckRemoved, recheckEmptied, recheckRolled)
	m.unknown, errs[4] = broker.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "outbox", Name: "unknown_ids_total",
		Help: "Ids taken out of messages because they were forgotten, or could not be looked up in a newer opt-out list.",
	}))
	_, errs[5] = broker.Register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "footfall", Subsystem: "outbox", Name: "oldest_seconds", Help: "Age of the oldest event that waits to be sent; 0 = nothing waits.",
	}, oldest))
	m.withheld, errs[6] = broker.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "outbox", Name: "return_ids_withheld_total",
		Help: "Visitors of an extended store whose return ids were not sent, because they could not be kept to be taken back later.",
	}))
	return m, errors.Join(errs[:]...)
}

func known(reason string) string {
	if slices.Contains(broker.Reasons(), reason) {
		return reason
	}
	return resultOther
}

// contentRefused says whether repeating the same bytes is of no use, and how the message is counted.
func contentRefused(reason string) (outcome string, ok bool) {
	switch broker.OutcomeOf(reason) {
	case broker.TooLarge:
		return outTooLarge, true
	case broker.Invalid:
		return outInvalid, true
	}
	return "", false
}

// authorityRefused says whether somebody must act before an attempt can succeed.
func authorityRefused(reason string) bool { return broker.OutcomeOf(reason) == broker.Refused }
