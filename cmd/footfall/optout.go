package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/keys"
)

const optOutHelpText = `footfall optout serves the pages with which shoppers have a phone's address excluded, look that up and undo it, and read what each
store does right now. It holds the opt-out key and no other, so it can compute no id; it keeps no address, and where a request came
from for minutes only. The registry is the topic footfall.optouts.v1: every sensor follows it.

  footfall optout --config optout.yaml
  footfall optout review -help           the registrations that wait for an operator

deploy/optout.yaml explains the configuration. Beyond loopback the pages need TLS, here or at a proxy in front, which must log
neither bodies nor queries.`

func optOutCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	if len(args) > 0 && args[0] == "review" {
		return optOutReview(ctx, args[1:], out, errs)
	}
	f := flags("optout", "usage: footfall optout [review] [flags]\n\n"+optOutHelpText, out, errs)
	path := f.String("config", "optout.yaml", "configuration `file`; deploy/optout.yaml is an example")
	check := f.Bool("check", false, "check the configuration, say everything that is wrong with it, and exit")
	if err := f.parse(args); err != nil {
		return err
	}
	var cfg optOutConfig
	if err := readConfig(*path, &cfg, (*optOutConfig).check); err != nil {
		return err
	}
	list, err := stores.Load(cfg.Stores)
	if err != nil {
		return err
	}
	if *check {
		if err := cfg.checkKey(); err != nil {
			return err
		}
		_, err := io.WriteString(out, *path+" is a valid configuration\n")
		return err
	}
	return runOptOut(ctx, cfg, list, slog.New(slog.NewTextHandler(errs, nil)))
}

// runOptOut is the service until the context ends.
func runOptOut(ctx context.Context, cfg optOutConfig, list []stores.Store, log *slog.Logger) (err error) {
	if err := keys.HardenProcess(); err != nil {
		return err
	}
	key, err := keys.LoadOptOutKey(cfg.OptOutKey)
	if err != nil {
		return err
	}
	kafka := broker.Config{Brokers: cfg.Kafka.Brokers, ClientID: "footfall optout"}
	if err := cfg.Kafka.Apply(&kafka); err != nil {
		return err
	}
	record, err := openAudit(cfg.Data, "optout")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, record.Close()) }()
	metrics := prometheus.NewRegistry()
	p, err := newPages(pagesInput{
		cfg: cfg.pagesConfig, key: key, kafka: kafka, stores: list, data: cfg.Data, audit: record, registry: metrics, log: log, now: time.Now,
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.run(ctx) })
	group.Go(func() error { return observe(ctx, cfg.Metrics, metrics, p.ready, log) })
	log.Info("the opt-out pages are served", "listen", cfg.Listen, "url", cfg.URL)
	return group.Wait()
}

// ready says why registrations are not taken at the moment, or not enforced everywhere.
func (p *pages) ready() error {
	if err := p.desk.Health(); err != nil {
		return err
	}
	if n := p.fleet.Progress(p.in.stores, 0, p.in.now()).OtherKey; n > 0 {
		return fmt.Errorf("%d sensors that are online have another opt-out key than this service, so they drop other addresses than the registered ones: "+
			"restore the optout.key that they were given, or issue their bundles under this one", n)
	}
	return nil
}
