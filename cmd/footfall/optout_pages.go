package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/optout"
	"github.com/openfootfall/footfall/sensor/optout/guard"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

// pagesInput is what the pages are made of, whichever program serves them.
type pagesInput struct {
	cfg      pagesConfig
	key      keys.OptOutKey
	kafka    broker.Config
	stores   []stores.Store
	data     string // folder of the notices' versions
	embedded bool   // everything but the sensors runs in this process
	audit    *audit.Log
	registry *prometheus.Registry
	log      *slog.Logger
	now      func() time.Time // time.Now where nil
	onListen func(net.Addr)   // nil for nobody
}

// pages is the opt-out service with all that it works with.
type pages struct {
	in      pagesInput
	desk    *registry.Desk
	fleet   *fleet.Fleet
	notices *storeNotices
	tally   *tally
	service *optout.Service
}

func newPages(in pagesInput) (*pages, error) {
	if in.now == nil {
		in.now = time.Now
	}
	tagger, err := in.key.Tagger()
	if err != nil {
		return nil, err
	}
	p := &pages{in: in, fleet: fleet.New()}
	p.desk, err = registry.NewDesk(registry.DeskOptions{Config: in.kafka, Now: in.now, Registerer: in.registry, Logger: in.log})
	if err != nil {
		return nil, err
	}
	proxies, _ := in.cfg.proxies() // checked with the configuration
	judge, err := guard.New(guard.Options{TrustedProxies: proxies, Now: in.now, Registerer: in.registry, Logger: in.log})
	if err != nil {
		return nil, err
	}
	history, err := notice.NewHistory(filepath.Join(in.data, "notices"))
	if err != nil {
		return nil, err
	}
	p.notices = &storeNotices{
		stores: in.stores, org: in.cfg.Org, fleet: p.fleet, history: history, audit: in.audit, embedded: in.embedded, now: in.now, log: in.log,
		tags: func() int {
			if !p.desk.Ready() {
				return -1
			}
			return p.desk.Stats().Records
		},
	}
	p.tally = newTally(in.audit, in.now, p.desk.Stats, in.log)
	p.service, err = optout.New(optout.Options{
		Listen: in.cfg.Listen, CertFile: in.cfg.TLS.Cert, KeyFile: in.cfg.TLS.Key, BehindProxy: in.cfg.BehindProxy, OnListen: in.onListen,
		Controller: in.cfg.Controller, Contact: in.cfg.Contact, URL: in.cfg.URL, Desk: in.cfg.Desk,
		Tagger: tagger, Registry: p.desk, Guard: judge, Progress: p.progress, Notices: p.notices,
		Count: p.tally.count, Registerer: in.registry, Logger: in.log,
	})
	return p, err
}

// progress asks the fleet how far a version of the list has come.
func (p *pages) progress(version uint64) optout.Enforcement {
	at := p.fleet.Progress(p.in.stores, version, p.in.now())
	return optout.Enforcement{
		Known: at.Ready, Sensors: at.Sensors, Online: at.Online, Enforcing: at.Enforcing,
		Stores: at.Stores, Answered: at.StoresAnswered, Oldest: at.OldestList,
	}
}

// newestList is the version of the opt-out list; ok is false until the registry is read.
func (p *pages) newestList() (version uint64, ok bool) {
	return p.desk.Stats().Version, p.desk.Ready()
}

// run serves until the context ends. The desk and all that answers are made of end when the pages have: a request under way may
// have stored its registration, and wants to read that back.
func (p *pages) run(ctx context.Context) error {
	return serveWith(ctx, part{"serve the pages", p.service.Run},
		part{"keep the opt-out registry", p.desk.Run},
		part{"follow what the sensors enforce", func(ctx context.Context) error {
			return p.fleet.Follow(ctx, fleet.Options{
				Config: p.in.kafka, Stores: p.in.stores, Newest: func() uint64 { return p.desk.Stats().Version },
				OptOutKeyCheck: p.in.key.Check(), Now: p.in.now, Registerer: p.in.registry, Logger: p.in.log,
			})
		}},
		part{"keep the notices' versions", p.notices.run},
		part{"count for the audit log", p.tally.run})
}

// part is something that runs until its context ends.
type part struct {
	what string
	run  func(context.Context) error
}

// serveWith runs a server with what it works with, which ends only when the server has. Where one of them fails, all end.
func serveWith(ctx context.Context, server part, with ...part) error {
	group, ctx := errgroup.WithContext(ctx)
	behind, end := context.WithCancel(context.WithoutCancel(ctx))
	start := func(ctx context.Context, p part, ended func()) {
		group.Go(func() error {
			defer ended()
			if err := p.run(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", p.what, err)
			}
			return nil
		})
	}
	for _, p := range with {
		start(behind, p, func() {})
	}
	start(ctx, server, end)
	return group.Wait()
}

// openAudit opens a program's audit log in its data folder and notes the start.
func openAudit(data, actor string) (*audit.Log, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w: choose a writable one under data", err)
	}
	log, err := audit.Open(filepath.Join(data, "audit-"+actor+".jsonl"), actor, time.Now)
	if err != nil {
		return nil, err
	}
	if err := log.Append(audit.Started, audit.Software.Is(version)); err != nil {
		_ = log.Close() // the first error says it
		return nil, err
	}
	return log, nil
}
