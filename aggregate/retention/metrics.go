package retention

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

// metrics are the proof's. A place is a topic, a table of the schema, or spools for all of them: never a device.
type metrics struct {
	oldest, limit               *prometheus.GaugeVec // by place
	breaches, unproven, checked prometheus.Gauge
	errors                      prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (m metrics, err error) {
	opts := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Namespace: "footfall", Subsystem: "retention", Name: name, Help: help}
	}
	var errs [6]error
	m.oldest, errs[0] = broker.Register(reg, prometheus.NewGaugeVec(opts("oldest_seconds", "Age of the oldest thing in a place at the last proof."), []string{"place"}))
	m.limit, errs[1] = broker.Register(reg, prometheus.NewGaugeVec(opts("limit_seconds", "How old the oldest thing in a place may be; absent where things stay."), []string{"place"}))
	m.breaches, errs[2] = broker.Register(reg, prometheus.NewGauge(opts("breaches", "Places that were found to hold what they should not at the last proof.")))
	m.unproven, errs[3] = broker.Register(reg, prometheus.NewGauge(opts("unproven", "Places of which nothing could be proven at the last proof.")))
	m.checked, errs[4] = broker.Register(reg, prometheus.NewGauge(opts("checked_timestamp_seconds", "When the last proof was made, as a Unix time.")))
	m.errors, errs[5] = broker.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "retention", Name: "errors_total", Help: "Proofs that could not be finished, written or logged.",
	}))
	return m, errors.Join(errs[:]...)
}

func (m *metrics) show(places []Place) {
	m.oldest.Reset()
	m.limit.Reset()
	spools := Place{Kind: Spool}
	for _, p := range places {
		switch {
		case p.Kind == Spool:
			if p.Age >= spools.Age {
				spools = p
			}
		case p.Store == "" && p.Reason != Undeclared:
			m.showOne(string(p.Kind)+"/"+p.Name, p)
		}
	}
	if spools.Name != "" {
		m.showOne("spools", spools)
	}
	m.breaches.Set(float64(count(places, Breach)))
	m.unproven.Set(float64(count(places, Unknown)))
}

func (m *metrics) showOne(label string, p Place) {
	m.oldest.WithLabelValues(label).Set(p.Age.Seconds())
	if p.Limit > 0 {
		m.limit.WithLabelValues(label).Set(p.Limit.Seconds())
	}
}
