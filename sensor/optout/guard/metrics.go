package guard

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

// tokenResult is what became of a token.
type tokenResult string

const (
	tokenIssued  tokenResult = "issued"
	tokenWorked  tokenResult = "worked"
	tokenWaited  tokenResult = "waited"
	tokenEarly   tokenResult = "early"   // neither worked nor waited for
	tokenBusy    tokenResult = "busy"    // waited for, but too soon after another of the source
	tokenUsed    tokenResult = "used"    // a second time
	tokenExpired tokenResult = "expired" // or of another life of the process
	tokenWrong   tokenResult = "wrong"   // not ours, or of another kind or source
	tokenFull    tokenResult = "full"    // too many to remember were redeemed
)

// metrics have no label that tells of a source.
type metrics struct {
	decisions [kinds][Refuse + 1]prometheus.Counter
	tokens    *prometheus.CounterVec
	sources   prometheus.Gauge
	bursts    prometheus.Counter
	garbled   prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (metrics, error) {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "footfall", Subsystem: "optout_guard", Name: name, Help: help}
	}
	var m metrics
	var errs [5]error
	var decisions *prometheus.CounterVec
	decisions, errs[0] = broker.Register(reg, prometheus.NewCounterVec(
		counter("decisions_total", "Requests of the opt-out pages, by what they wanted and what became of them: admit, challenge (a proof was asked for), hold (quarantine) or refuse."), []string{"kind", "verdict"}))
	m.tokens, errs[1] = broker.Register(reg, prometheus.NewCounterVec(
		counter("tokens_total", "Tokens for proofs that were issued, and what became of those that came back."), []string{"result"}))
	m.sources, errs[2] = broker.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "footfall", Subsystem: "optout_guard", Name: "sources", Help: "Sources of requests remembered now, each for 15 minutes at most and as a keyed hash."}))
	m.bursts, errs[3] = broker.Register(reg, prometheus.NewCounter(counter("bursts_total", "Bursts of registrations that began to go to quarantine.")))
	m.garbled, errs[4] = broker.Register(reg, prometheus.NewCounter(
		counter("garbled_senders_total", "Requests whose sender could not be read, mostly from X-Forwarded-For; they count for the proxy that passed them on.")))
	for k := range kinds {
		for v := Admit; v <= Refuse; v++ {
			m.decisions[k][v] = decisions.WithLabelValues(k.String(), v.String())
		}
	}
	for _, r := range []tokenResult{tokenIssued, tokenWorked, tokenWaited, tokenEarly, tokenBusy, tokenUsed, tokenExpired, tokenWrong, tokenFull} {
		m.tokens.WithLabelValues(string(r))
	}
	return m, errors.Join(errs[:]...)
}

func (m *metrics) token(r tokenResult) { m.tokens.WithLabelValues(string(r)).Inc() }
