package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/dashboards/api"
	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/dashboards/tokens"
	"github.com/openfootfall/footfall/ingest/audit"
)

// defaultAPI is where programs read the numbers where nothing else is said. It is no port of the store page: a proxy that lets others
// in with tokens must not let them at a page that asks for none.
const defaultAPI = "127.0.0.1:8081"

// lastAnswers is how long answers that are under way may take when the program ends.
const lastAnswers = 2 * time.Second

// apiConfig says where programs read the numbers, and who may.
type apiConfig struct {
	// Tokens is the file of footfall token; without one there is no API.
	Tokens string `yaml:"tokens"`
	// Listen is host:port on loopback.
	Listen string `yaml:"listen"`
}

// check refuses an address that others can reach: a token is to cross a network behind TLS only.
func (c *apiConfig) check() error {
	if c.Tokens == "" {
		if c.Listen != "" {
			return errors.New("api: nobody may read without tokens: name their file under api.tokens, or leave api out")
		}
		return nil
	}
	or(&c.Listen, defaultAPI)
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "" {
		return fmt.Errorf("api.listen: %q is not host:port: write it as %s", c.Listen, defaultAPI)
	}
	if host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return fmt.Errorf("api.listen: %q is not on loopback, and tokens may not cross a network in the clear: use %s, and let a proxy that speaks TLS serve it to others", c.Listen, defaultAPI)
	}
	return nil
}

// numbers are the page with the stores' numbers and the API of a running installation.
type numbers struct {
	in       serveInput
	db       *store.DB
	source   panels.Querier // of what is published
	page     *page.Page
	tokens   *tokens.Tokens // nil: there is no API
	imports  mounted
	audit    *audit.Log
	registry prometheus.Registerer
}

// newNumbers checks what it is given. It starts nothing.
func newNumbers(in serveInput, db *store.DB, record *audit.Log, reg prometheus.Registerer) (*numbers, error) {
	n := &numbers{in: in, db: db, source: published{db}, audit: record, registry: reg}
	var err error
	if n.page, err = storePage(db, in.stores, reg, in.log); err != nil {
		return nil, err
	}
	if n.tokens, err = openTokens(in.cfg.API, in.log); err != nil {
		return nil, err
	}
	n.imports, err = serveIntake(db, in.stores, n.tokens, record, reg, in.log)
	return n, err
}

// run serves the page and the API until the context ends.
func (n *numbers) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return servePage(ctx, n.in.cfg.StorePage, n.page, nil, n.imports) })
	if n.tokens != nil {
		group.Go(func() error { return n.serveAPI(ctx) })
	}
	return group.Wait()
}

// openTokens are the tokens of a configuration; nil where it has none.
func openTokens(cfg apiConfig, log *slog.Logger) (*tokens.Tokens, error) {
	if cfg.Tokens == "" {
		return nil, nil //nolint:nilnil // there is no API then
	}
	return tokens.Open(tokens.Options{File: cfg.Tokens, Logger: log})
}

// api is the API, and what counts its use.
func (n *numbers) api(ctx context.Context) (*api.API, *readTally, error) {
	tables, err := api.ReadCatalog(ctx, n.source)
	if err != nil {
		return nil, nil, err
	}
	read := newReadTally(n.audit, time.Now, n.in.log)
	a, err := api.New(api.Options{
		Query: n.source, Tables: tables, Page: n.page, Tokens: n.tokens, Note: read.note, Registerer: n.registry, Logger: n.in.log, Version: version,
	})
	return a, read, err
}

// serveAPI serves the API until the context ends, and notes what was read. Imports are taken there, too: a proxy that lets others in
// sees one server.
func (n *numbers) serveAPI(ctx context.Context) error {
	a, read, err := n.api(ctx)
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", n.in.cfg.API.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s for the API: %w: choose another address under api.listen (of footfall look: with --api), or stop what has it", n.in.cfg.API.Listen, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", a.Handler())
	mux.Handle(n.imports.path, n.imports.handler)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, // longer answers put it off as they go
		IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	group, ctx := errgroup.WithContext(ctx)
	reading, end := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return read.run(reading) })
	group.Go(func() error {
		defer end() // what was read until now is counted
		<-ctx.Done()
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
		defer stop()
		if server.Shutdown(last) == nil {
			return nil
		}
		return server.Close() // an answer that is cut off is asked for again
	})
	group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the API: %w", err)
		}
		return nil
	})
	if n.in.onAPI != nil {
		n.in.onAPI(l.Addr())
	}
	return group.Wait()
}
