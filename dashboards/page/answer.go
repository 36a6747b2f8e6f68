package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// answer is what a handler wants sent. Handlers write nothing themselves, so an answer is whole or an error.
type answer struct {
	kind string // Content-Type
	file string // name to save it under; empty: it is shown
	body []byte
}

// refusal is a request that cannot be answered, with a sentence that says what to write instead.
type refusal struct {
	status int
	text   string
}

// Error is the sentence.
func (r *refusal) Error() string { return r.text }

// HTTPStatus is what to answer with.
func (r *refusal) HTTPStatus() int { return r.status }

func badRequest(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

const (
	typeHTML = "text/html; charset=utf-8"
	typeJSON = "application/json; charset=utf-8"
	typeCSV  = "text/csv; charset=utf-8; header=present"
)

// route answers requests of one kind and counts them.
func (p *Page) route(name string, do func(*http.Request) (answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, result := http.StatusOK, "done"
		a, err := do(r)
		if err != nil {
			status, result, a = p.explain(r, err)
		}
		p.metrics.requests.WithLabelValues(name, result).Inc()
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
		if a.file != "" {
			h.Set("Content-Disposition", `attachment; filename="`+a.file+`"`)
		}
		if status == http.StatusServiceUnavailable {
			h.Set("Retry-After", "10")
		}
		w.WriteHeader(status)
		_, _ = w.Write(a.body) // who asked is gone
	})
}

// explain is the answer to a request that failed. What the database said is for the log only.
func (p *Page) explain(r *http.Request, err error) (status int, result string, a answer) {
	var refused *refusal
	if !errors.As(err, &refused) {
		p.o.Logger.Error("a request to the page could not be answered", "path", r.URL.Path, "error", err)
		refused = &refusal{http.StatusServiceUnavailable, "The numbers could not be read just now. Try again in a moment; if it stays so, look at the log of footfall."}
	}
	result = "refused"
	if refused.status >= http.StatusInternalServerError {
		result = "failed"
	}
	if !strings.HasPrefix(r.URL.Path, API) { // a person
		var out bytes.Buffer
		err := p.templates.ExecuteTemplate(&out, "problem.html", p.problemView(refused))
		if err == nil {
			return refused.status, result, answer{kind: typeHTML, body: out.Bytes()}
		}
		p.o.Logger.Error("the page's explanation could not be written: report this as a bug of footfall", "error", err)
	}
	a, err = asJSON(map[string]string{"error": refused.text})
	if err != nil {
		return http.StatusInternalServerError, "failed", answer{kind: typeJSON, body: []byte("{}")}
	}
	return refused.status, result, a
}

func asJSON(v any) (answer, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return answer{}, fmt.Errorf("write JSON: %w", err)
	}
	return answer{kind: typeJSON, body: append(body, '\n')}, nil
}
