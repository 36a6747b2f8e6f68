package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/openfootfall/footfall/aggregate/privacy"
	"github.com/openfootfall/footfall/aggregate/retention"
	"github.com/openfootfall/footfall/aggregate/run"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/truncate"
	"github.com/openfootfall/footfall/sensor/keys"
)

const aggregateHelp = `footfall aggregate consumes what the sensors send from Kafka, writes visits, dwell and new versus repeat to ClickHouse, and
seals store-days: their ids leave memory, ClickHouse and the topic. It makes the topics and tables where they are missing.

  footfall aggregate --stores stores.yaml --kafka kafka.example.org:9092 \
    --clickhouse clickhouse://footfall:secret@ch.example.org:9000/footfall --rounding-key rounding.key`

// aggregateOptions are the flags of footfall aggregate.
type aggregateOptions struct {
	stores, clickhouse, rounding, group, clock string
	metrics, auditLog                          string
	kafka                                      *kafkaFlags
	partitions, replication                    int
	keepTopics, drain                          bool
	flush, session                             time.Duration
}

func aggregateCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	var o aggregateOptions
	f := flags("aggregate", "usage: footfall aggregate [flags]\n\n"+aggregateHelp, out, errs)
	f.StringVar(&o.stores, "stores", "stores.yaml", "`file` of the chain's stores")
	o.kafka = addKafkaFlags(f)
	f.StringVar(&o.clickhouse, "clickhouse", "embedded:.footfall/clickhouse", "`target`: embedded:DIR, or clickhouse://user:password@host:9000/database")
	f.StringVar(&o.rounding, "rounding-key", "rounding.key", "`file` with the rounding key, made by footfall keys rounding; it belongs nowhere near ClickHouse")
	f.StringVar(&o.group, "group", run.DefaultGroup, "Kafka consumer `group`")
	f.StringVar(&o.clock, "clock", "wall", "the `clock` that makes a store-day due: wall for live sensors, capture for files")
	f.StringVar(&o.metrics, "metrics", "off", "where /metrics and /healthz are served, `host:port` on loopback such as 127.0.0.1:9465, or off")
	f.StringVar(&o.auditLog, "audit-log", "", "`file` of this program's audit log: retention proofs and erasures; none where empty")
	f.IntVar(&o.partitions, "partitions", 1, "partitions of the topics, fixed once they are made")
	f.IntVar(&o.replication, "replication", 1, "copies of each partition: 1 on one box, 3 on a cluster")
	f.BoolVar(&o.keepTopics, "keep-topics", false, "do not truncate the topics behind sealed days; their retention still applies")
	f.BoolVar(&o.drain, "drain", false, "end when the log is read and every store-day is sealed, instead of waiting for more")
	f.DurationVar(&o.flush, "flush", run.DefaultFlush, "how often live rows are written")
	f.DurationVar(&o.session, "session", broker.DefaultSession, "how long an aggregator that died is waited for; Kafka's least is 6s")
	if err := f.parse(args); err != nil {
		return err
	}
	return aggregate(ctx, o, errs)
}

func aggregate(ctx context.Context, o aggregateOptions, errs io.Writer) (err error) {
	if err := keys.HardenProcess(); err != nil { // it holds ids, and they are in no core dump
		return err
	}
	list, err := stores.Load(o.stores)
	rounding, rerr := readKey(o.rounding)
	clock, cerr := clockOf(o.clock)
	kafka, kerr := o.kafka.config("footfall aggregate")
	merr := checkMetrics(o.metrics)
	if err := errors.Join(err, rerr, cerr, kerr, merr); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(errs, nil))
	settings := broker.Settings{Partitions: o.partitions, Replication: o.replication}
	for _, s := range list {
		settings.SealAfter = max(settings.SealAfter, s.SealAfter)
	}
	if err := broker.EnsureTopics(ctx, kafka, settings); err != nil {
		return err
	}
	db, err := store.Open(ctx, o.clickhouse, store.Options{Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	record, err := openLog(o.auditLog, "aggregate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, record.Close()) }()
	cfg := run.Config{Kafka: kafka, Group: o.group, Stores: list, RoundingKey: rounding, Clock: clock, FlushEvery: o.flush, Session: o.session}
	if o.drain {
		now := make(chan struct{})
		close(now)
		cfg.Drained = now
	}
	return aggregator{cfg: cfg, db: db, audit: record, keepTopics: o.keepTopics, metrics: o.metrics, log: log}.run(ctx)
}

// aggregator is the aggregator with what runs beside it.
type aggregator struct {
	cfg        run.Config
	db         *store.DB
	audit      *audit.Log            // nil: none
	fleet      *fleet.Fleet          // what the sensors say, where somebody follows it already; nil: it does so itself
	newest     func() (uint64, bool) // version of the newest opt-out list, where the opt-out pages are in this process; nil: they are not
	keyCheck   uint32                // check value of the opt-out key; 0 where it is not known
	keepTopics bool
	embedded   bool                 // the broker is the embedded one
	metrics    string               // where metrics are served; off where registry is given
	registry   *prometheus.Registry // nil: one of its own
	log        *slog.Logger
}

// run consumes until the context ends, or until everything is done where that was asked for.
func (a aggregator) run(ctx context.Context) error {
	if !a.keepTopics {
		t, err := truncate.New(truncate.Options{Kafka: a.cfg.Kafka, Embedded: true})
		if err != nil {
			return err
		}
		defer t.Close()
		a.cfg.Truncate = func(ctx context.Context, topic string, partition int, before int64) error {
			_, err := t.Before(ctx, topic, partition, before)
			return err
		}
		if a.embedded {
			a.cfg.RollEach = t.RollEach
		}
	}
	if a.registry == nil {
		a.registry = prometheus.NewRegistry()
	}
	a.noteErasures(ctx)
	main, err := run.New(a.cfg, a.db, a.registry, a.log)
	if err != nil {
		return err
	}
	group, side := errgroup.WithContext(ctx)
	side, done := context.WithCancel(side)
	group.Go(func() error {
		defer done() // with --drain it ends before the context does
		return main.Run(side)
	})
	if a.cfg.Clock == run.ClockWall { // a capture's days are long past by the clock of whoever proves
		group.Go(func() error { return ended(side, a.prove(side)) })
	}
	if a.metrics != "" {
		group.Go(func() error { return observe(side, a.metrics, a.registry, func() error { return nil }, a.log) })
	}
	return group.Wait()
}

// noteErasures has the audit log and the dashboards say how many ids a store-day was told to forget.
func (a *aggregator) noteErasures(ctx context.Context) {
	a.cfg.OnErased = func(id, day string, forgets int) {
		at, err := calendar.ParseDay(day)
		if err == nil {
			err = errors.Join(a.audit.Append(audit.Erasures, audit.Store.Is(id), audit.Day.Is(at), audit.Forgets.Is(int64(forgets))),
				privacy.Erased(ctx, a.db, id, at, forgets, time.Now()))
		}
		if err != nil {
			a.log.Error("erasures could not be noted; look at the audit log's disk and at ClickHouse", "error", err)
		}
	}
}

// ended takes the error of a part that was told to end for none.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // whatever it says, it ended because it was told to
	}
	return err
}

// prove proves the retention, hourly, from what the sensors say of their spools too.
func (a aggregator) prove(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	if a.fleet == nil {
		a.fleet = fleet.New()
		group.Go(func() error {
			return a.fleet.Follow(ctx, fleet.Options{Config: a.cfg.Kafka, Stores: a.cfg.Stores, Registerer: a.registry, Logger: a.log})
		})
	}
	watch, err := retention.New(retention.Config{
		DB: a.db, Kafka: a.cfg.Kafka, Stores: a.cfg.Stores, Sensors: func() []retention.SensorSpool { return spoolsOf(a.fleet.States()) },
		Log: a.audit, Registerer: a.registry, Logger: a.log,
	})
	if err != nil {
		return err
	}
	facts, err := privacy.New(privacy.Config{
		DB: a.db, Stores: a.cfg.Stores, Sensors: a.fleet.States, Newest: a.newest, OptOutKeyCheck: a.keyCheck, Program: a.program(), Log: a.audit, Logger: a.log,
	})
	if err != nil {
		return err
	}
	for _, run := range []func(context.Context) error{watch.Run, facts.Run} {
		group.Go(func() error {
			awaitFleet(ctx, a.fleet)
			return run(ctx)
		})
	}
	return group.Wait()
}

// program is whose audit log it is.
func (a aggregator) program() string {
	if a.embedded {
		return "serve"
	}
	return "aggregate"
}

// fleetWait is how long the first proof waits for what the sensors said: without it their spools would be unproven until the next.
const fleetWait = 10 * time.Second

// awaitFleet waits until the fleet has read what the sensors said, for fleetWait at most.
func awaitFleet(ctx context.Context, f *fleet.Fleet) {
	ctx, done := context.WithTimeout(ctx, fleetWait)
	defer done()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f.Progress(nil, 0, time.Time{}).Ready {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func clockOf(name string) (run.Clock, error) {
	switch name {
	case "wall":
		return run.ClockWall, nil
	case "capture":
		return run.ClockCapture, nil
	}
	return 0, fmt.Errorf("--clock %q: use wall or capture", name)
}

// readKey reads a key of 32 bytes, in hexadecimal. The error never holds the key.
func readKey(path string) (key [32]byte, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return key, fmt.Errorf("read the rounding key: %w: make it with footfall keys rounding --out %s", err, path)
	}
	digits := strings.TrimSpace(string(text))
	if len(digits) == 2*len(key) {
		_, err = hex.Decode(key[:], []byte(digits))
	}
	if err != nil || len(digits) != 2*len(key) {
		return [32]byte{}, fmt.Errorf("%s does not hold 64 hexadecimal digits: make it with footfall keys rounding", path)
	}
	return key, nil
}
