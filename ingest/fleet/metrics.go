package fleet

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

// metrics are counted as messages come.
type metrics struct{ broken, unknown prometheus.Counter }

func (f *Fleet) newMetrics(o Options) (m metrics, err error) {
	counter := func(name, help string) (prometheus.Counter, error) {
		return broker.Register(o.Registerer, prometheus.NewCounter(prometheus.CounterOpts{Namespace: "footfall", Subsystem: "fleet", Name: name, Help: help}))
	}
	var errs [3]error
	m.broken, errs[0] = counter("broken_states_total", "Messages of the topic of sensors that could not be read, or stand under another sensor's key.")
	m.unknown, errs[1] = counter("unknown_states_total", "States of sensors that are in no store of stores.yaml.")
	_, errs[2] = broker.Register(o.Registerer, prometheus.Collector(f.newGauges(o)))
	return m, errors.Join(errs[:]...)
}

// gauges shows the fleet as of each scrape: a sensor goes offline without a message.
type gauges struct {
	fleet                              *Fleet
	opt                                Options
	sensors, online, enforcing, oldest *prometheus.Desc
	otherKey                           *prometheus.Desc
}

func (f *Fleet) newGauges(o Options) *gauges {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("footfall_fleet_"+name, help, nil, nil)
	}
	return &gauges{
		fleet: f, opt: o,
		sensors:   desc("sensors", "Sensors of stores.yaml."),
		online:    desc("sensors_online", "Sensors that said within three minutes where they stand."),
		enforcing: desc("sensors_enforcing_newest", "Sensors that are online and enforce the newest opt-out list."),
		otherKey:  desc("sensors_other_key", "Sensors that are online and have another opt-out key than the service, so that they drop other addresses than the registered ones."),
		oldest:    desc("oldest_list_seconds", "Time since the opt-out list was confirmed at the sensor where that is longest ago; absent where no sensor ever had it."),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.sensors, g.online, g.enforcing, g.otherKey, g.oldest} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	version := uint64(0)
	if g.opt.Newest != nil {
		version = g.opt.Newest()
	}
	p := g.fleet.Progress(g.opt.Stores, version, g.opt.Now())
	show := func(d *prometheus.Desc, v float64) { out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	show(g.sensors, float64(p.Sensors))
	show(g.online, float64(p.Online))
	if g.opt.Newest != nil {
		show(g.enforcing, float64(p.Enforcing))
	}
	if g.opt.OptOutKeyCheck != 0 {
		show(g.otherKey, float64(p.OtherKey))
	}
	if p.OldestList >= 0 {
		show(g.oldest, p.OldestList.Seconds())
	}
}
