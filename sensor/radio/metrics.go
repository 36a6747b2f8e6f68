package radio

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

type metrics struct {
	hops   *prometheus.CounterVec // by band
	mhz    prometheus.Gauge
	errors *prometheus.CounterVec // by reason
	taken  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (metrics, error) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "footfall", Subsystem: "radio", Name: name, Help: help}
	}
	var m metrics
	var errs [4]error
	m.hops, errs[0] = broker.Register(reg, prometheus.NewCounterVec(
		prometheus.CounterOpts(opts("hops_total", "Times the radio was put on a channel.")), []string{"band"}))
	m.mhz, errs[1] = broker.Register(reg, prometheus.NewGauge(
		prometheus.GaugeOpts(opts("channel_mhz", "Centre of the channel that the radio was last put on; 0 while that fails."))))
	m.errors, errs[2] = broker.Register(reg, prometheus.NewCounterVec(
		prometheus.CounterOpts(opts("errors_total", "Attempts to set or read the channel that failed.")), []string{"reason"}))
	m.taken, errs[3] = broker.Register(reg, prometheus.NewCounter(
		prometheus.CounterOpts(opts("taken_total", "Stays after which the radio was found on a channel that another program had set."))))
	return m, errors.Join(errs[:]...)
}
