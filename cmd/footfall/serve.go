package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/openfootfall/footfall/aggregate/run"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/truncate"
	"github.com/openfootfall/footfall/sensor/keys"
)

const serveHelp = `footfall serve is everything but the sensors in one process, for one box: the embedded Kafka and ClickHouse, the aggregator, the
pages for shoppers and the page with the stores' numbers, from one configuration file and one data folder. It makes the organisation's keys there at its first start. Sensors on
the same box send to kafka_listen.

  footfall serve --config footfall.yaml

deploy/footfall.yaml explains the configuration. The data folder belongs into no backup: it holds keys and, until a day is sealed, ids.`

func serveCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	f := flags("serve", "usage: footfall serve [flags]\n\n"+serveHelp, out, errs)
	path := f.String("config", "footfall.yaml", "configuration `file`; deploy/footfall.yaml is an example")
	check := f.Bool("check", false, "check the configuration, say everything that is wrong with it, and exit")
	if err := f.parse(args); err != nil {
		return err
	}
	var cfg serveConfig
	if err := readConfig(*path, &cfg, (*serveConfig).check); err != nil {
		return err
	}
	list, err := stores.Load(cfg.Stores)
	if err != nil {
		return err
	}
	if _, err := openTokens(cfg.API, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	if *check {
		_, err := io.WriteString(out, *path+" is a valid configuration\n")
		return err
	}
	return serve(ctx, serveInput{cfg: cfg, stores: list, log: slog.New(slog.NewTextHandler(errs, nil))})
}

// serveInput is a configuration, and what tests replace.
type serveInput struct {
	cfg      serveConfig
	stores   []stores.Store
	log      *slog.Logger
	onListen func(net.Addr) // of the pages; nil for nobody
	onAPI    func(net.Addr) // of the API; nil for nobody
}

// embeddedCheck is how often the embedded Kafka frees what has expired; lifetime.CheckInterval is no shorter.
const embeddedCheck = 5 * time.Minute

// serve runs all of it until the context ends.
func serve(ctx context.Context, in serveInput) (err error) {
	if err := keys.HardenProcess(); err != nil {
		return err
	}
	optOut, rounding, err := serveKeys(in.cfg, in.log)
	if err != nil {
		return err
	}
	kafka, err := embedded.Start(embedded.Options{DataDir: in.cfg.path("kafka"), Addr: in.cfg.KafkaListen, RetentionCheck: embeddedCheck, Logger: in.log})
	if err != nil {
		return err
	}
	defer kafka.Close()
	record, err := openAudit(in.cfg.Data, "serve")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, record.Close()) }()
	cfg := broker.Config{Brokers: []string{kafka.Addr()}, ClientID: "footfall serve"}
	if err := broker.EnsureTopics(ctx, cfg, topicSettings(in.stores)); err != nil {
		return err
	}
	forgetUndone(ctx, cfg, in.log)
	db, err := store.Open(ctx, "embedded:"+in.cfg.path("clickhouse"), store.Options{Logger: in.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	metrics := prometheus.NewRegistry()
	p, err := newPages(pagesInput{
		cfg: in.cfg.pagesConfig, key: optOut, kafka: cfg, stores: in.stores, data: in.cfg.Data, embedded: true,
		audit: record, registry: metrics, log: in.log, now: time.Now, onListen: in.onListen,
	})
	if err != nil {
		return err
	}
	show, err := newNumbers(in, db, record, metrics)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.run(ctx) })
	group.Go(func() error { return show.run(ctx) })
	group.Go(func() error { return effects{worthSink{db, time.Now}}.run(ctx, in.log) })
	group.Go(func() error { return observe(ctx, in.cfg.Metrics, metrics, p.ready, in.log) })
	group.Go(func() error {
		err := aggregator{
			cfg: run.Config{Kafka: cfg, Stores: in.stores, RoundingKey: rounding, Clock: run.ClockWall},
			db:  db, audit: record, embedded: true, fleet: p.fleet, newest: p.newestList, keyCheck: optOut.Check(), registry: metrics, log: in.log,
		}.run(ctx)
		if err != nil {
			return fmt.Errorf("the aggregator: %w", err)
		}
		return nil
	})
	in.log.Info("footfall serves", "pages", in.cfg.Listen, "store_page", in.cfg.StorePage, "kafka", kafka.Addr(), "data", in.cfg.Data)
	return group.Wait()
}

// topicSettings are those of the embedded broker.
func topicSettings(list []stores.Store) broker.Settings {
	s := broker.Settings{Partitions: 1, Replication: 1, Embedded: true}
	for _, one := range list {
		s.SealAfter = max(s.SealAfter, one.SealAfter)
	}
	return s
}

// forgetTime bounds what a start waits for a broker that takes nothing, as with a full disk.
const forgetTime = 5 * time.Minute

// forgetUndone has the embedded Kafka forget what was undone until now. Where that fails the pages are served all the same: a shopper
// who wants to be left out now comes first.
func forgetUndone(ctx context.Context, cfg broker.Config, log *slog.Logger) {
	ctx, stop := context.WithTimeout(ctx, forgetTime)
	defer stop()
	t, err := truncate.New(truncate.Options{Kafka: cfg, Embedded: true})
	if err == nil {
		defer t.Close()
		err = registry.Rewrite(ctx, registry.RewriteOptions{Config: cfg, Truncate: t.Before, Roll: t.RollEach, Logger: log})
	}
	if err != nil && ctx.Err() != context.Canceled {
		log.Error("registrations that were undone stay in the data folder until the next start; look at its disk", "error", err)
	}
}

// errKeyLost says that the opt-out key is gone and what it made is not.
var errKeyLost = errors.New("the opt-out key is missing, and the registry of the addresses that were registered under it is there: under another key nobody would be " +
	"left out any more: restore the file from where you keep a copy of the keys; to begin anew, and give up all registrations, remove the data folder")

// mayMakeKey reports whether nothing was ever registered in the data folder. Kafka begins to write there after the key.
func mayMakeKey(cfg serveConfig) error {
	switch found, err := os.ReadDir(cfg.path("kafka")); {
	case err == nil && len(found) > 0:
		return fmt.Errorf("%s: %w", cfg.path("optout.key"), errKeyLost)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look whether Kafka has a registry already: %w: make the data folder readable", err)
	}
	return nil
}

// serveKeys reads the organisation's keys from the data folder, and makes them there at the first start.
func serveKeys(cfg serveConfig, log *slog.Logger) (optOut keys.OptOutKey, rounding [32]byte, err error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return optOut, rounding, fmt.Errorf("make the data folder: %w: choose a writable one under data", err)
	}
	file := cfg.path("optout.key")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if err := mayMakeKey(cfg); err != nil {
			return optOut, rounding, err
		}
		key, err := keys.NewOptOutKey(rand.Reader)
		if err == nil {
			err = key.Write(file)
		}
		if err != nil {
			return optOut, rounding, err
		}
		log.Info("made the organisation's opt-out key; footfall keys make and issue want it", "file", file)
	}
	if optOut, err = keys.LoadOptOutKey(file); err != nil {
		return optOut, rounding, err
	}
	file = cfg.path("rounding.key")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if err := writeRoundingKey(file); err != nil {
			return optOut, rounding, err
		}
	}
	rounding, err = readKey(file)
	return optOut, rounding, err
}
