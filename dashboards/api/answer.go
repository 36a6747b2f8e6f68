package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/openfootfall/footfall/dashboards/tokens"
)

const (
	queryTime = 20 * time.Second // bounds a query
	writeTime = 30 * time.Second // bounds the sending of one answer, or of one part of a long one
	wholeTime = 10 * time.Minute // bounds a CSV of many parts
)

// answering is one answer. Nothing is sent before it is sure that there is one.
type answering struct {
	http.ResponseWriter
	request *http.Request
	query   url.Values
	began   bool // a part was sent
	use     Use
	noted   bool
}

// bounded is the time of one query.
func (w *answering) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(w.request.Context(), queryTime)
}

// note says what goes out, for the audit log. Rows add up.
func (w *answering) note(what string, rows int) {
	w.use.What, w.noted = what, true
	w.use.Rows += rows
}

func (w *answering) json(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	w.note("", 0)
	return w.whole("application/json", append(body, '\n'))
}

// whole sends a whole answer.
func (w *answering) whole(kind string, body []byte) error {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.send(body)
	return nil
}

// send sends a part. Whether somebody still listens is known from the request's context.
func (w *answering) send(part []byte) {
	w.began = true
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTime)) // a test's recorder has none
	_, _ = w.Write(part)
}

// errCut says that an answer was begun and cannot be ended: the connection is to break, so that nobody takes the part for the whole.
var errCut = errors.New("cut off")

// answer answers one route: headers, method, token, limit, and what went wrong. A bug in a handler ends its request only.
func (a *API) answer(r route) http.Handler {
	return http.HandlerFunc(func(hw http.ResponseWriter, hr *http.Request) {
		w := &answering{ResponseWriter: hw, request: hr}
		role, result := "none", "done"
		setHeaders(hw.Header())
		defer func() {
			bug := recover()
			if bug != nil {
				result = "panic"
				a.o.Logger.Error("a request to the API ended in a bug: report this as a bug of footfall", "route", r.name)
			}
			if w.noted {
				a.o.Note(w.use)
			}
			a.metrics.requests.WithLabelValues(r.name, role, result).Inc()
			switch {
			case result == "cut" || bug != nil && w.began:
				panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's way to break the connection
			case bug != nil:
				tokens.WriteProblem(hw, http.StatusInternalServerError, "This failed by a bug of Footfall: report it, with what you asked for but not your token.")
			}
		}()
		who, err := a.enter(w, r)
		role = string(who.Role)
		if role == "" {
			role = "none"
		}
		if err == nil {
			w.use.Role = who.Role
			err = a.do(w, r, &who)
		}
		if err != nil {
			result = a.explain(w, r, err)
		}
	})
}

// enter asks who it is, and whether there is room.
func (a *API) enter(w *answering, r route) (tokens.Token, error) {
	if w.request.Method != http.MethodGet && w.request.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return tokens.Token{}, &refusal{http.StatusMethodNotAllowed, "This is to be read only: use GET."}
	}
	var who tokens.Token
	var err error
	if !r.open {
		if who, err = a.o.Tokens.Who(w.request); err != nil {
			return tokens.Token{}, err
		}
		if !reads(who.Role) {
			return who, tokens.NotAllowed()
		}
	}
	if w.query, err = url.ParseQuery(w.request.URL.RawQuery); err != nil {
		return who, badRequest("The query cannot be read: write it as name=value&name=value, with %%XX for other signs.")
	}
	if !r.open && !a.limits.enter(who.SHA256) {
		return who, &refusal{http.StatusTooManyRequests, fmt.Sprintf("The token has %d requests under way already: wait until one is answered, then ask again.", requestsAtOnce)}
	}
	return who, nil
}

// do runs the route, and gives its place back.
func (a *API) do(w *answering, r route, who *tokens.Token) error {
	if !r.open {
		defer a.limits.leave(who.SHA256)
	}
	return r.do(a, w, who)
}

// explain sends what went wrong. What the database said is for the log only.
func (a *API) explain(w *answering, r route, err error) (result string) {
	if errors.Is(err, errCut) {
		return "cut"
	}
	status, detail := http.StatusServiceUnavailable, "The numbers could not be read just now: try again in a moment; if it stays so, look at the log of footfall."
	var refused *refusal
	var denied *tokens.Denied
	var ofPage interface {
		error
		HTTPStatus() int
	}
	switch {
	case errors.As(err, &refused):
		status, detail = refused.status, refused.detail
	case errors.As(err, &denied):
		status, detail = denied.Status, denied.Detail
	case errors.As(err, &ofPage):
		status, detail = ofPage.HTTPStatus(), ofPage.Error()
	case w.request.Context().Err() != nil: // who asked is gone
		return "failed"
	default:
		a.o.Logger.Error("a request to the API could not be answered", "route", r.name, "error", err)
	}
	w.Header().Del("Content-Disposition")
	tokens.WriteProblem(w.ResponseWriter, status, detail)
	return resultOf(status)
}

// resultOf is a status as the metrics have it.
func resultOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "unauthorized"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusTooManyRequests:
		return "limited"
	case http.StatusServiceUnavailable:
		return "failed"
	}
	return "refused"
}

// setHeaders are those of every answer: a browser that is shown one runs and keeps nothing of it.
func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Authorization")
}
