package intake

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/openfootfall/footfall/dashboards/worth"
)

// problem is RFC 9457's.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	*worth.Report
}

// answer writes what a handler found, with the headers of every answer.
func (in *Intake) answer(do func(r *http.Request, token string) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		ctx, stop := context.WithTimeout(r.Context(), bodyTime)
		defer stop()
		control := http.NewResponseController(w) // a server's own times are those of pages; a file takes longer
		_ = control.SetReadDeadline(time.Now().Add(bodyTime))
		_ = control.SetWriteDeadline(time.Now().Add(bodyTime + 10*time.Second))
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		var out any
		token, err := in.o.Enter(r)
		if err != nil {
			err = refused(err)
		} else {
			out, err = do(r, token)
		}
		status, kind := http.StatusOK, "application/json; charset=utf-8"
		if err != nil {
			p, reason := in.explain(err, out)
			in.metrics.refused.WithLabelValues(reason).Inc()
			if p.Status == http.StatusUnauthorized {
				h.Set("WWW-Authenticate", `Bearer realm="footfall"`)
			}
			status, kind, out = p.Status, "application/problem+json; charset=utf-8", p
		}
		body, err := json.Marshal(out)
		if err != nil {
			status, body = http.StatusInternalServerError, []byte("{}")
		}
		h.Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = w.Write(append(body, '\n')) // who asked is gone
	}
}

// explain is an error as a problem, and its reason for the metrics. What the database said is for the log only; it names no line of the
// file.
func (in *Intake) explain(err error, out any) (p problem, reason string) {
	p = problem{Type: "about:blank", Status: http.StatusUnprocessableEntity}
	var large *http.MaxBytesError
	var file *worth.FileError
	var refusal *Refusal
	switch {
	case errors.Is(err, worth.ErrBadLines):
		report, _ := out.(worth.Report)
		reason, p.Report, p.Detail = badLines, &report, "Nothing is imported, because some lines are wrong: mend them, or send skip_bad=1 to keep the others."
		if report.Good == 0 {
			p.Detail = "Nothing is imported, because every line is wrong: mend them."
		}
	case errors.As(err, &large):
		reason, p.Status, p.Detail = tooLarge, http.StatusRequestEntityTooLarge, "The file is larger than 10 MB: send it in parts."
	case errors.As(err, &file):
		reason, p.Detail = badFile, "Nothing is imported: "+file.Error()+"."
	case errors.As(err, &refusal):
		reason, p.Status, p.Detail = notAllowed, refusal.Status, refusal.Text
		if refusal.Status == http.StatusUnsupportedMediaType || refusal.Status == http.StatusBadRequest {
			reason = badRequest
		}
	case errors.Is(err, ErrNoAnnotation):
		reason, p.Status, p.Detail = notThere, http.StatusNotFound, "There is no such annotation: list those that there are."
	case errors.Is(err, errNotNoted):
		in.o.Logger.Error("an import is written, but could not be noted in the audit log", "error", err)
		reason, p.Status, p.Detail = failed, http.StatusServiceUnavailable, "This is written, but could not be noted in the audit log: look at the log of footfall and at its disk."
	default:
		in.o.Logger.Error("an import failed", "error", err)
		reason, p.Status, p.Detail = failed, http.StatusServiceUnavailable, "This could not be written just now, or was cut off: send it again, which is safe; if it stays so, look at the log of footfall."
	}
	p.Title = http.StatusText(p.Status)
	return p, reason
}
