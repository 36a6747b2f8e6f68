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

	"github.com/openfootfall/footfall/aggregate/run"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/truncate"
)

const aggregateHelp = `footfall aggregate consumes what the sensors send from Kafka, writes visits, dwell and new versus repeat to ClickHouse, and
seals store-days: their ids leave memory, ClickHouse and the topic. It makes the topics and tables where they are missing.

  footfall aggregate --stores stores.yaml --kafka kafka.example.org:9092 \
    --clickhouse clickhouse://footfall:secret@ch.example.org:9000/footfall --rounding-key rounding.key`

// aggregateOptions are the flags of footfall aggregate.
type aggregateOptions struct {
	stores, kafka, clickhouse, rounding, group, clock string
	partitions, replication                           int
	keepTopics, drain                                 bool
	flush, session                                    time.Duration
}

func aggregateCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	var o aggregateOptions
	f := flags("aggregate", "usage: footfall aggregate [flags]\n\n"+aggregateHelp, out, errs)
	f.StringVar(&o.stores, "stores", "stores.yaml", "`file` of the chain's stores")
	f.StringVar(&o.kafka, "kafka", "127.0.0.1:9092", "Kafka `brokers`, host:port, separated by commas")
	f.StringVar(&o.clickhouse, "clickhouse", "embedded:.footfall/clickhouse", "`target`: embedded:DIR, or clickhouse://user:password@host:9000/database")
	f.StringVar(&o.rounding, "rounding-key", "rounding.key", "`file` with the rounding key, made by footfall keys rounding; it belongs nowhere near ClickHouse")
	f.StringVar(&o.group, "group", run.DefaultGroup, "Kafka consumer `group`")
	f.StringVar(&o.clock, "clock", "wall", "the `clock` that makes a store-day due: wall for live sensors, capture for files")
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

func aggregate(ctx context.Context, o aggregateOptions, errs io.Writer) error {
	list, err := stores.Load(o.stores)
	rounding, rerr := readKey(o.rounding)
	clock, cerr := clockOf(o.clock)
	if err := errors.Join(err, rerr, cerr); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(errs, nil))
	kafka := broker.Config{Brokers: strings.Split(o.kafka, ","), ClientID: "footfall aggregate"}
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
	defer func() { _ = db.Close() }()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	cfg := run.Config{Kafka: kafka, Group: o.group, Stores: list, RoundingKey: rounding, Clock: clock, FlushEvery: o.flush, Session: o.session}
	if !o.keepTopics {
		t, err := truncate.New(truncate.Options{Brokers: kafka.Brokers, ClientID: kafka.ClientID, Embedded: true})
		if err != nil {
			return err
		}
		defer t.Close()
		cfg.Truncate = func(ctx context.Context, topic string, partition int, before int64) error {
			_, err := t.Before(ctx, topic, partition, before)
			return err
		}
	}
	if o.drain {
		now := make(chan struct{})
		close(now)
		cfg.Drained = now
	}
	a, err := run.New(cfg, db, prometheus.NewRegistry(), log)
	if err != nil {
		return err
	}
	return a.Run(ctx)
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
