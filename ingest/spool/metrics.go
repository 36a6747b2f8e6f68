package spool

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

type metrics struct {
	messages, bytes                   prometheus.Gauge
	lostFull, lostMemory, lostDamaged prometheus.Counter
	syncErrors, syncedBytes           prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (metrics, error) {
	gauge := func(name, help string) (prometheus.Gauge, error) {
		return broker.Register(reg, prometheus.NewGauge(
			prometheus.GaugeOpts{Namespace: "footfall", Subsystem: "spool", Name: name, Help: help}))
	}
	counter := func(name, help string) (prometheus.Counter, error) {
		return broker.Register(reg, prometheus.NewCounter(
			prometheus.CounterOpts{Namespace: "footfall", Subsystem: "spool", Name: name, Help: help}))
	}
	lost, err := broker.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "spool", Name: "lost_total",
		Help: "Messages given up: the disk's share was full, the memory was, or their bytes were damaged.",
	}, []string{"reason"}))
	if err != nil {
		return metrics{}, err
	}
	m := metrics{
		lostFull:    lost.WithLabelValues("full"),
		lostMemory:  lost.WithLabelValues("memory"),
		lostDamaged: lost.WithLabelValues("damaged"),
	}
	var errs [4]error
	m.messages, errs[0] = gauge("messages", "Messages that wait to be sent.")
	m.bytes, errs[1] = gauge("bytes", "Bytes held on disk, in whole blocks, and in memory.")
	m.syncErrors, errs[2] = counter("sync_errors_total", "Times the spool could not do its work on disk.")
	m.syncedBytes, errs[3] = counter("synced_bytes_total", "Bytes of messages written to disk.")
	return m, errors.Join(errs[:]...)
}
