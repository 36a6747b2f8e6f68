// Package api is the published numbers for programs: the pub_ tables and the panels as JSON and CSV over HTTP, to be read only. In come
// requests with tokens, what the database says of its tables, and what runs SQL; out go rows as they were published. A token's role
// says which tables, and its stores whose rows. It holds nothing and logs no token.
package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/dashboards/tokens"
)

// Prefix is what all paths begin with; the number is the version's.
const Prefix = "/api/v1/"

// Use is what was given to whom, for the audit log.
type Use struct {
	Role tokens.Role
	What string // table or panel; empty for lists
	Rows int
}

// Options are what New needs.
type Options struct {
	Query      panels.Querier
	Tables     []Table        // of ReadCatalog; those without a rule of who reads them are not served
	Page       *page.Page     // answers for the panels and knows the stores
	Panels     []panels.Panel // that the page has; nil: all
	Tokens     *tokens.Tokens
	Note       func(Use)             // is told of every answer that holds numbers, whole or cut off; nil: nobody
	Registerer prometheus.Registerer // nil: no metrics
	Logger     *slog.Logger          // nil: silent
	Version    string                // of the program
}

// API answers programs. Its methods may be called concurrently.
type API struct {
	o       Options
	tables  []Table // that are served, in the order of rules
	metrics metrics
	limits  limits
	slots   chan struct{} // one for each query that may run
	openAPI []byte
}

// queriesAtOnce is how many queries of tables run side by side, whoever asks; the rest wait.
const queriesAtOnce = 4

// New checks the options and prepares the API. It starts nothing.
func New(o Options) (*API, error) {
	if o.Query == nil || o.Page == nil || o.Tokens == nil {
		return nil, errors.New("the API lacks something to read from, the page or the tokens: give all of Options.Query, Page and Tokens")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Note == nil {
		o.Note = func(Use) {}
	}
	if o.Panels == nil {
		o.Panels = panels.All()
	}
	a := &API{o: o, slots: make(chan struct{}, queriesAtOnce), limits: newLimits()}
	for _, r := range rules() {
		i := slices.IndexFunc(o.Tables, func(t Table) bool { return t.Name == r.table })
		if i < 0 {
			continue
		}
		for _, name := range []string{"store", r.from, r.to} {
			if _, ok := o.Tables[i].Column(name); name != "" && !ok {
				return nil, fmt.Errorf("table %s has no column %s: bring the database to this version with footfall migrate", r.table, name)
			}
		}
		a.tables = append(a.tables, o.Tables[i])
	}
	if len(a.tables) == 0 {
		return nil, errors.New("the database has none of the published tables: make them with footfall migrate")
	}
	var err error
	if a.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, err
	}
	a.openAPI, err = a.describe()
	return a, err
}

// Tables are those that are served.
func (a *API) Tables() []Table { return slices.Clone(a.tables) }

// route is a path of the API. The description is made from the same list.
type route struct {
	name, path string
	open       bool // without a token
	do         func(a *API, w *answering, who *tokens.Token) error
}

func routes() []route {
	return []route{
		{"openapi", Prefix + "openapi.json", true, (*API).giveDescription},
		{"stores", Prefix + "stores", false, (*API).giveStores},
		{"tables", Prefix + "tables", false, (*API).giveTables},
		{"table", Prefix + "tables/{table}", false, (*API).giveTable},
		{"panels", Prefix + "panels", false, (*API).givePanels},
		{"panel", Prefix + "panels/{panel}", false, (*API).givePanel},
	}
}

// Handler serves what is below Prefix; every other path is 404.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes() {
		mux.Handle(r.path, a.answer(r))
	}
	mux.Handle("/", a.answer(route{name: "none", open: true, do: func(_ *API, _ *answering, _ *tokens.Token) error {
		return &refusal{http.StatusNotFound, "There is nothing here: read " + Prefix + "openapi.json, which says what there is."}
	}}))
	return mux
}

func (a *API) giveDescription(w *answering, _ *tokens.Token) error {
	if err := onlyKnown(w.query); err != nil {
		return err
	}
	return w.whole("application/json", a.openAPI)
}

func (a *API) giveStores(w *answering, who *tokens.Token) error {
	if err := onlyKnown(w.query); err != nil {
		return err
	}
	list := slices.DeleteFunc(a.o.Page.Stores(), func(s page.StoreInfo) bool { return !who.May(s.ID) })
	return w.json(map[string]any{"stores": list})
}

// tableInfo is a table in the list of them.
type tableInfo struct {
	Table      string       `json:"table"`
	Key        []string     `json:"key"`
	Parameters []string     `json:"parameters"`
	Columns    []columnInfo `json:"columns"`
}

type columnInfo struct {
	Name     string `json:"name"`
	Kind     Kind   `json:"kind"`
	Nullable bool   `json:"nullable"`
	Unit     string `json:"unit"`
	Comment  string `json:"comment"`
}

func (a *API) giveTables(w *answering, who *tokens.Token) error {
	if err := onlyKnown(w.query); err != nil {
		return err
	}
	list := []tableInfo{}
	for _, t := range a.tables {
		if !mayTable(who.Role, t.Name) {
			continue
		}
		r, _ := ruleOf(t.Name) // all of a.tables have one
		info := tableInfo{Table: t.Name, Key: t.Key, Parameters: r.parameters()}
		for _, c := range t.Columns {
			info.Columns = append(info.Columns, columnInfo(c))
		}
		list = append(list, info)
	}
	return w.json(map[string]any{"tables": list})
}

func (a *API) givePanels(w *answering, who *tokens.Token) error {
	if err := onlyKnown(w.query); err != nil {
		return err
	}
	return w.json(map[string]any{"panels": a.o.Page.Panels(func(p panels.Panel) bool { return mayPanel(who, p) })})
}

// panelParameters are the page's, and the format.
func panelParameters() []string { return append(page.PanelParameters(), "format") }

func (a *API) givePanel(w *answering, who *tokens.Token) error {
	name, err := withoutFormat(w.request.PathValue("panel"), w.query)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(a.o.Panels, func(p panels.Panel) bool { return p.ID == name })
	if i < 0 {
		return &refusal{http.StatusNotFound, "There is no such panel: look at " + Prefix + "panels."}
	}
	if err := panelDenied(who, a.o.Panels[i]); err != nil {
		return err
	}
	if err := onlyKnown(w.query, panelParameters()...); err != nil {
		return err
	}
	format, err := readFormat(w.query)
	if err != nil {
		return err
	}
	for _, store := range w.query["store"] {
		if err := who.For(store); err != nil {
			return err
		}
	}
	w.query.Del("format")
	ctx, stop := w.bounded()
	defer stop()
	data, err := a.o.Page.Read(ctx, a.o.Panels[i].ID, format == asCSV, w.query, who.May)
	if err != nil {
		return err
	}
	if data.File != "" {
		w.Header().Set("Content-Disposition", `attachment; filename="`+data.File+`"`)
	}
	w.note(a.o.Panels[i].ID, data.Rows)
	return w.whole(strings.TrimSuffix(data.Kind, "; charset=utf-8"), data.Body)
}
