package registry

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

type deskMetrics struct {
	records, held, bursts, version, over prometheus.Gauge
	broken, resets                       *prometheus.CounterVec // by topic
	unavailable, withdrawn               prometheus.Counter
}

func newDeskMetrics(reg prometheus.Registerer) (m deskMetrics, err error) {
	var errs [9]error
	gauge := func(err *error, name, help string) (g prometheus.Gauge) {
		g, *err = broker.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "footfall", Subsystem: "optout", Name: name, Help: help}))
		return g
	}
	counter := func(err *error, name, help string) (c prometheus.Counter) {
		c, *err = broker.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{Namespace: "footfall", Subsystem: "optout", Name: name, Help: help}))
		return c
	}
	vec := func(err *error, name, help string) (c *prometheus.CounterVec) {
		opts := prometheus.CounterOpts{Namespace: "footfall", Subsystem: "optout", Name: name, Help: help}
		c, *err = broker.Register(reg, prometheus.NewCounterVec(opts, []string{"topic"}))
		return c
	}
	m.records = gauge(&errs[0], "records", "Registrations that are enforced.")
	m.held = gauge(&errs[1], "held", "Registrations in quarantine.")
	m.bursts = gauge(&errs[2], "bursts", "Bursts of registrations in quarantine.")
	m.version = gauge(&errs[3], "list_version", "Version of the opt-out list: the end of its topic.")
	m.over = gauge(&errs[4], "over_exclusion_ratio", "At most the share of addresses that nobody registered and that are left out all the same, because they share a tag with one.")
	m.broken = vec(&errs[5], "broken_records_total", "Records of the registry or its quarantine that could not be read.")
	m.resets = vec(&errs[6], "topic_resets_total", "Times the registry or its quarantine turned out to be another topic of the same name.")
	m.unavailable = counter(&errs[7], "unavailable_total", "Changes of the registry that Kafka did not confirm in time.")
	m.withdrawn = counter(&errs[8], "withdrawn_total", "Registrations that were stored after their sender was told that they were not, and were removed again.")
	return m, errors.Join(errs[:]...)
}

// observe sets the gauges.
func (d *Desk) observe() {
	s := d.stats()
	d.metrics.records.Set(float64(s.Records))
	d.metrics.held.Set(float64(s.Held))
	d.metrics.bursts.Set(float64(s.Bursts))
	d.metrics.version.Set(float64(s.Version))
	d.metrics.over.Set(s.OverExclusion)
}
