// Package intake takes what the tills rang and what the operator notes over HTTP. In come files of CSV, each line of which is checked
// before anything is written; out goes how many lines were taken, or an RFC 9457 problem that names the lines that are wrong. Who may
// write which store is asked of a function that is given to it; no numbers of visits can be read here.
package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/dashboards/tokens"
	"github.com/openfootfall/footfall/dashboards/worth"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// Prefix is the path that everything is under.
const Prefix = "/import/v1/"

// MaxBody is the largest file that is read, in bytes.
const MaxBody = 10 << 20

// bodyTime bounds how long a file may take to come and to be written.
const bodyTime = 60 * time.Second

// ErrNoAnnotation says that there is no annotation of a name.
var ErrNoAnnotation = errors.New("there is no such annotation")

// Sink is where rows go. Calls do not overlap.
type Sink interface {
	WriteTransactions(ctx context.Context, rows []worth.Transactions) error
	WriteAnnotations(ctx context.Context, rows []worth.Annotation) error
	Annotations(ctx context.Context) ([]worth.Annotation, error) // those that are not removed
	Remove(ctx context.Context, a worth.Annotation) error
}

// Options are what New needs.
type Options struct {
	Sink   Sink
	Stores map[string]calendar.Calendar // by the name in stores.yaml
	// Enter says who a request comes from, by the name of a token, and whether that is somebody who may import at all, before anything of it
	// is read; nil: everybody may, and nobody has a name.
	Enter func(r *http.Request) (token string, err error)
	// Allow says whether a request may write a store, of the name "" all stores. It is asked before it is said whether a store exists.
	// A *Refusal or *tokens.Denied goes out as it is, any other error as 403.
	Allow func(r *http.Request, store string) error
	// Note is told of each change once it is written, one at a time, such as for an audit log. Where it fails, the request does: it says that
	// the change stands. nil: nobody is told.
	Note       func(Change) error
	Now        func() time.Time      // nil: time.Now
	Registerer prometheus.Registerer // nil: no metrics
	Logger     *slog.Logger          // nil: silent
}

// Refusal is a request that is not answered, with a sentence that ends with what to do.
type Refusal struct {
	Status int
	Text   string
}

// Error is the sentence.
func (r *Refusal) Error() string { return r.Text }

// Intake is the handler. Its methods may be called concurrently.
type Intake struct {
	o       Options
	metrics metrics
	writing sync.Mutex
}

// Tokens has an intake ask for tokens of the role import.
func (o *Options) Tokens(t *tokens.Tokens) {
	o.Enter = func(r *http.Request) (string, error) {
		who, err := t.Who(r)
		if err == nil && who.Role != tokens.Import {
			err = tokens.NotAllowed()
		}
		return who.Name, err
	}
	o.Allow = func(r *http.Request, store string) error { return t.Allow(r, tokens.Import, store) }
}

// New checks the options.
func New(o Options) (*Intake, error) {
	if o.Sink == nil || o.Allow == nil {
		return nil, errors.New("the intake has nowhere to write to, or nobody to ask: give Options.Sink and Options.Allow")
	}
	if o.Enter == nil {
		o.Enter = func(*http.Request) (string, error) { return "", nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register the intake's metrics: %w", err)
	}
	return &Intake{o: o, metrics: m}, nil
}

// Handler serves what is below Prefix.
func (in *Intake) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Prefix+"transactions", in.answer(in.transactions))
	mux.HandleFunc("POST "+Prefix+"annotations", in.answer(in.annotations))
	mux.HandleFunc("GET "+Prefix+"annotations", in.answer(in.list))
	mux.HandleFunc("DELETE "+Prefix+"annotations/{name}", in.answer(in.remove))
	return mux
}

// Counts are what a file brought.
type Counts struct {
	worth.Report
	Written      int    `json:"written"`                // hours or annotations, after lines of one were joined
	Transactions *int64 `json:"transactions,omitempty"` // in those hours; a file of annotations has none
}

func (in *Intake) transactions(r *http.Request, token string) (any, error) {
	rows, report, err := take(in, r, Transactions, worth.ReadTransactions)
	if err != nil {
		return report, err
	}
	in.writing.Lock()
	defer in.writing.Unlock()
	if err := in.o.Sink.WriteTransactions(r.Context(), rows); err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(t worth.Transactions) bool { return t.Repeated }) // which nobody brought
	var sales int64
	for _, t := range rows {
		sales += int64(t.Count)
	}
	return Counts{report, len(rows), &sales}, changed(in, token, Transactions, rows, func(t worth.Transactions) string { return t.Store })
}

func (in *Intake) annotations(r *http.Request, token string) (any, error) {
	rows, report, err := take(in, r, Annotations, worth.ReadAnnotations)
	if err != nil {
		return report, err
	}
	in.writing.Lock()
	defer in.writing.Unlock()
	if err := in.o.Sink.WriteAnnotations(r.Context(), rows); err != nil {
		return nil, err
	}
	return Counts{Report: report, Written: len(rows)}, changed(in, token, Annotations, rows, ofStore)
}

func ofStore(a worth.Annotation) string { return a.Store }

// take reads a file's rows.
func take[T any](in *Intake, r *http.Request, what What, read func(io.Reader, worth.Reading) ([]T, worth.Report, error)) ([]T, worth.Report, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "text/csv" {
		return nil, worth.Report{}, &Refusal{http.StatusUnsupportedMediaType, "The body is not said to be CSV: send it with Content-Type: text/csv."}
	}
	q := r.URL.Query()
	for name := range q {
		if name != "skip_bad" {
			return nil, worth.Report{}, &Refusal{http.StatusBadRequest, "There is no such parameter: there is skip_bad=1, which keeps the good lines of a file with bad ones. Tokens go into the header Authorization."}
		}
	}
	allowed := map[string]bool{}
	rows, report, err := read(r.Body, worth.Reading{Now: in.o.Now(), SkipBad: q.Get("skip_bad") == "1", Calendar: func(store string) (calendar.Calendar, error) {
		if !allowed[store] {
			if err := in.o.Allow(r, store); err != nil {
				return calendar.Calendar{}, refused(err)
			}
			allowed[store] = true
		}
		c, ok := in.o.Stores[store]
		if !ok && store != "" {
			return c, worth.ErrUnknownStore
		}
		return c, nil
	}})
	if err == nil || errors.Is(err, worth.ErrBadLines) { // else the file was not read to its end
		in.metrics.rows.WithLabelValues(string(what), "wrong").Add(float64(report.Bad))
	}
	return rows, report, err
}

// refused is why somebody may not write.
func refused(err error) error {
	var known *Refusal
	var denied *tokens.Denied
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &denied):
		return &Refusal{denied.Status, denied.Detail}
	}
	return &Refusal{http.StatusForbidden, "You may not write for this store: ask for a token of the role import that is good for it."}
}

// AnnotationJSON is an annotation as it is listed.
type AnnotationJSON struct {
	Annotation string `json:"annotation"`
	Store      string `json:"store"` // empty: all stores
	Kind       string `json:"kind"`
	FirstDay   string `json:"first_day"`
	LastDay    string `json:"last_day"`
	Title      string `json:"title"`
}

// list answers with the annotations of the stores that the request may write.
func (in *Intake) list(r *http.Request, _ string) (any, error) {
	all, err := in.o.Sink.Annotations(r.Context())
	if err != nil {
		return nil, err
	}
	out := []AnnotationJSON{}
	mine := map[string]error{}
	for _, a := range all {
		err, asked := mine[a.Store]
		if !asked {
			err = in.o.Allow(r, a.Store)
			mine[a.Store] = err
		}
		if err == nil {
			out = append(out, AnnotationJSON{a.Name, a.Store, string(a.Kind), a.First.String(), a.Last.String(), a.Title})
		}
	}
	if len(out) == 0 { // who may write nothing is told so
		for _, err := range mine {
			if err != nil {
				return nil, refused(err)
			}
		}
	}
	return map[string]any{"annotations": out}, nil
}

func (in *Intake) remove(r *http.Request, token string) (any, error) {
	in.writing.Lock()
	defer in.writing.Unlock()
	all, err := in.o.Sink.Annotations(r.Context())
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.Name != r.PathValue("name") {
			continue
		}
		if err := in.o.Allow(r, a.Store); err != nil {
			return nil, refused(err)
		}
		if err := in.o.Sink.Remove(r.Context(), a); err != nil {
			return nil, err
		}
		return map[string]string{"removed": a.Name}, changed(in, token, Removal, []worth.Annotation{a}, ofStore)
	}
	return nil, ErrNoAnnotation
}
