package intake

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
)

type metrics struct {
	rows    *prometheus.CounterVec // by what and result
	refused *prometheus.CounterVec // by reason
}

// The reasons for which a request is refused: the label `reason`.
const (
	notAllowed = "not_allowed" // no token that may, or a page in a browser
	badRequest = "bad_request" // no CSV, or a parameter that there is not
	tooLarge   = "too_large"
	badFile    = "bad_file"  // not of the columns that it should have
	badLines   = "bad_lines" // some lines are wrong
	notThere   = "not_there" // no such annotation
	failed     = "failed"    // the database, or the audit log
)

func newMetrics(reg prometheus.Registerer) (metrics, error) {
	var m metrics
	var errs [2]error
	m.rows, errs[0] = broker.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "intake", Name: "rows_total", Help: "Hours with transactions, annotations and removals that were written, and lines that were wrong.",
	}, []string{"what", "result"}))
	m.refused, errs[1] = broker.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "intake", Name: "refused_total", Help: "Imports that were refused or failed, by reason.",
	}, []string{"reason"}))
	return m, errors.Join(errs[:]...)
}
