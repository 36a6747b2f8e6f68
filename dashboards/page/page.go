// Package page is the dashboard that needs no Grafana: a store's numbers as a web page, and the same numbers as JSON and CSV. In come
// the panels, what runs their SQL, and requests; out go pages and files. Only SQL of registered panels runs, and a number goes out as it
// was published. The page holds nothing and sets no cookie; it does not ask who reads it, so it belongs on loopback or behind something
// that does.
package page

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// DefaultPrefix is the path that the page is under.
const DefaultPrefix = "/store/"

// API is the path that the JSON and the CSV are under.
const API = "/api/v1/"

// Store is one of those that can be chosen.
type Store struct {
	ID       string // as in stores.yaml and in the tables
	Name     string // for people; empty: the ID
	TimeZone string // IANA name
}

// Options are what New needs.
type Options struct {
	Panels     []panels.Panel // that may be read; the page shows those of the Store dashboard. nil: all
	Query      panels.Querier
	Stores     []Store               // in the order in which they are offered; at least one
	Now        func() time.Time      // nil: time.Now. After the demo it is the demo's end
	Registerer prometheus.Registerer // nil: no metrics
	Logger     *slog.Logger          // nil: silent
	Prefix     string                // path of the page, with a slash at both ends; empty: DefaultPrefix
}

// Page is the dashboard. Its methods may be called concurrently.
type Page struct {
	o         Options
	stores    []place
	panels    map[string]panels.Panel
	assets    assets
	templates *template.Template
	metrics   metrics
	slots     chan struct{} // one for each query that may run
}

// place is a store with its clock.
type place struct {
	Store
	calendar calendar.Calendar
}

// queriesAtOnce is how many queries run side by side, whoever asks; the rest wait.
const queriesAtOnce = 4

// New checks the options and prepares the page. It starts nothing.
func New(o Options) (*Page, error) {
	if o.Query == nil {
		return nil, errors.New("the page has nothing to read from: give Options.Query")
	}
	if len(o.Stores) == 0 {
		return nil, errors.New("the page has no store: give at least one in stores.yaml")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Panels == nil {
		o.Panels = panels.All()
	}
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if !strings.HasPrefix(o.Prefix, "/") || !strings.HasSuffix(o.Prefix, "/") || strings.ContainsAny(o.Prefix, "{} ") || strings.HasPrefix(o.Prefix, "/api/") {
		return nil, fmt.Errorf("the page cannot be under %q: write a path such as %s", o.Prefix, DefaultPrefix)
	}
	p := &Page{o: o, panels: map[string]panels.Panel{}, slots: make(chan struct{}, queriesAtOnce)}
	for _, s := range o.Stores {
		c, err := calendar.New(s.TimeZone)
		if err != nil {
			return nil, fmt.Errorf("store %s: %w", s.ID, err)
		}
		if s.Name == "" {
			s.Name = s.ID
		}
		p.stores = append(p.stores, place{s, c})
	}
	for _, one := range o.Panels {
		if _, twice := p.panels[one.ID]; twice {
			return nil, fmt.Errorf("two panels are called %s: rename one", one.ID)
		}
		p.panels[one.ID] = one
	}
	var err error
	if p.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, err
	}
	if p.assets, err = readAssets(); err != nil {
		return nil, err
	}
	p.templates, err = readTemplates()
	return p, err
}

// Handler serves Prefix and what is below API; every other path is 404, a page that leads to Prefix. It is to be mounted at both,
// or at /.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(p.o.Prefix+"{$}", p.route("page", p.show))
	mux.HandleFunc(p.o.Prefix+"static/{version}/{file}", p.static)
	mux.Handle(API+"stores", p.route("stores", p.listStores))
	mux.Handle(API+"panels", p.route("panels", p.listPanels))
	mux.Handle(API+"panels/{id}", p.route("panel", p.readPanel))
	mux.Handle("/", p.route("none", func(*http.Request) (answer, error) {
		return answer{}, &refusal{http.StatusNotFound, "There is nothing here: the page is at " + p.o.Prefix + " and the data below " + API + "panels."}
	}))
	return p.guarded(mux)
}
