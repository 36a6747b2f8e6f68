package page

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

type metrics struct {
	requests *prometheus.CounterVec   // by route and result
	queries  *prometheus.HistogramVec // by panel
	failures *prometheus.CounterVec   // by panel
}

func newMetrics(reg prometheus.Registerer) (metrics, error) {
	var m metrics
	var errs [3]error
	m.requests, errs[0] = broker.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "page", Name: "requests_total", Help: "Requests to the built-in page and its data, by kind and result.",
	}, []string{"route", "result"}))
	m.queries, errs[1] = broker.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "footfall", Subsystem: "page", Name: "query_duration_seconds", Help: "How long a panel's query took.",
		Buckets: []float64{.005, .02, .05, .1, .2, .5, 1, 5},
	}, []string{"panel"}))
	m.failures, errs[2] = broker.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "page", Name: "query_errors_total", Help: "Queries of a panel that failed.",
	}, []string{"panel"}))
	return m, errors.Join(errs[:]...)
}
