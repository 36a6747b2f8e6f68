package run

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the aggregator's. Labels are stores, topics and reasons, never a device.
type metrics struct {
	messages       *prometheus.CounterVec
	dead           *prometheus.CounterVec
	late           *prometheus.CounterVec
	sealed         *prometheus.CounterVec
	gaps           prometheus.Counter
	truncateErrors prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "footfall_aggregate_" + name, Help: help}, []string{label})
	}
	m := &metrics{
		messages: vec("messages_total", "Messages consumed, by topic.", "topic"),
		dead:     vec("dead_letters_total", "Messages that could not be used, by reason.", "reason"),
		late:     vec("late_batches_total", "Batches that came after their store-day's Seal, by store.", "store"),
		sealed:   vec("sealed_days_total", "Store-days sealed, by store.", "store"),
		gaps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "footfall_aggregate_gaps_total", Help: "Times that messages were gone before they were read.",
		}),
		truncateErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "footfall_aggregate_truncate_errors_total", Help: "Topics that could not be truncated.",
		}),
	}
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.messages, m.dead, m.late, m.sealed, m.gaps, m.truncateErrors} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}
