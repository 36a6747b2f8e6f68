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
func (in *Intake) answer(do func(*http.Request) (any, error)) http.HandlerFunc {
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
		err := in.o.Enter(r)
		if err != nil {
			err = refused(err)
		} else {
			out, err = do(r)
		}
		status, kind := http.StatusOK, "application/json; charset=utf-8"
		if err != nil {
			p := in.explain(err, out)
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

// explain is an error as a problem. What the database said is for the log only; it names no line of the file.
func (in *Intake) explain(err error, out any) problem {
	p := problem{Type: "about:blank", Status: http.StatusUnprocessableEntity}
	var large *http.MaxBytesError
	var file *worth.FileError
	var refusal *Refusal
	switch {
	case errors.Is(err, worth.ErrBadLines):
		report, _ := out.(worth.Report)
		p.Report, p.Detail = &report, "Nothing is imported, because some lines are wrong: mend them, or send skip_bad=1 to keep the others."
	case errors.As(err, &large):
		p.Status, p.Detail = http.StatusRequestEntityTooLarge, "The file is larger than 10 MB: send it in parts."
	case errors.As(err, &file):
		p.Detail = "Nothing is imported: " + file.Error() + "."
	case errors.As(err, &refusal):
		p.Status, p.Detail = refusal.Status, refusal.Text
	case errors.Is(err, ErrNoAnnotation):
		p.Status, p.Detail = http.StatusNotFound, "There is no such annotation: list those that there are."
	default:
		in.o.Logger.Error("an import failed", "error", err)
		p.Status, p.Detail = http.StatusServiceUnavailable, "This could not be written just now, or was cut off: send it again, which is safe; if it stays so, look at the log of footfall."
	}
	p.Title = http.StatusText(p.Status)
	return p
}
