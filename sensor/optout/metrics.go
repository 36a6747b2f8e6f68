package optout

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

// result is what became of a request: a label of a metric, and the page that explains it.
type result string

const (
	done        result = "ok"
	invalid     result = "invalid" // what was entered is not an address, or not a receipt
	asked       result = "random"  // the address is made up: the page asks whether to go on
	challenged  result = "challenge"
	held        result = "held"
	refused     result = "refused"
	unavailable result = "unavailable"
	uncertain   result = "uncertain" // it may have been done or not
	notFound    result = "not_found"
	wrongMethod result = "method"
	tooLarge    result = "too_large"
	badForm     result = "bad_form"
	crossOrigin result = "cross_origin"
	panicked    result = "panic"
)

type serviceMetrics struct {
	requests *prometheus.CounterVec   // by page and result
	seconds  *prometheus.HistogramVec // by page
	errors   *prometheus.CounterVec   // by kind
}

func newServiceMetrics(reg prometheus.Registerer) (serviceMetrics, error) {
	var m serviceMetrics
	var errs [3]error
	m.requests, errs[0] = broker.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "optout", Name: "requests_total", Help: "Requests to the opt-out pages, by what became of them.",
	}, []string{"page", "result"}))
	m.seconds, errs[1] = broker.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "footfall", Subsystem: "optout", Name: "request_seconds", Help: "How long an answer of the opt-out pages took.",
		Buckets: []float64{0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10},
	}, []string{"page"}))
	m.errors, errs[2] = broker.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "optout", Name: "connection_errors_total",
		Help: "Connections to the opt-out pages that failed: tls, accept, other. Their addresses are not logged.",
	}, []string{"kind"}))
	for _, kind := range []string{"tls", "accept", "other"} {
		m.errors.WithLabelValues(kind).Add(0)
	}
	return m, errors.Join(errs[:]...)
}

func (m serviceMetrics) count(page string, what result, took time.Duration) {
	m.requests.WithLabelValues(page, string(what)).Inc()
	m.seconds.WithLabelValues(page).Observe(took.Seconds())
}
