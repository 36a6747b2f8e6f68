package api

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

type metrics struct {
	requests *prometheus.CounterVec   // by route, role and result
	queries  *prometheus.HistogramVec // by table
}

func newMetrics(reg prometheus.Registerer) (metrics, error) {
	var m metrics
	var errs [2]error
	m.requests, errs[0] = broker.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "api", Name: "requests_total", Help: "Requests to the API, by kind, role of the token and result.",
	}, []string{"route", "role", "result"}))
	m.queries, errs[1] = broker.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "footfall", Subsystem: "api", Name: "query_duration_seconds", Help: "How long a query of one page of a table took.",
		Buckets: []float64{.005, .02, .05, .1, .2, .5, 1, 5},
	}, []string{"table"}))
	return m, errors.Join(errs[:]...)
}
