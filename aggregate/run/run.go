// Package run is the aggregator: it consumes sightings and counters from Kafka, keeps the open store-days in memory, writes
// what stands to ClickHouse, and seals days. What comes out depends only on the messages that stand before a day's Seal in the
// log. There is no state to lose: after a restart or a rebalance the open days are read again from Kafka.
//
// Files: run.go the loop, owner.go one partition of both topics, state.go a store's open days, minutes.go what a sensor heard in
// one, seal.go their end, roll.go what leaves the disk then, erase.go what is forgotten, returns.go who came before, flush.go, rows.go, published.go, live.go and health.go what is written, restore.go what is read back.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/publish"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/stores"
)

// Clock says what decides when a day is due for sealing.
type Clock uint8

const (
	// ClockWall is for live sensors: the wall's.
	ClockWall Clock = iota
	// ClockCapture is for files: a store's clock is the earliest of its sensors' capture times, as consumed.
	ClockCapture
)

// Config is what an aggregator is told.
type Config struct {
	Kafka       broker.Config
	Group       string // consumer group; DefaultGroup where empty
	Stores      []stores.Store
	RoundingKey [32]byte
	Clock       Clock
	FlushEvery  time.Duration // DefaultFlush where zero
	Session     time.Duration // how long a member that died is waited for; the broker package's default where zero
	// Truncate removes the records before an offset; nil leaves that to the topics' retention.
	Truncate func(ctx context.Context, topic string, partition int, before int64) error
	// RollEach has every message of a topic begin a file on the broker's disk, or no longer. It is for the embedded broker,
	// which never begins one by time; nil for Kafka, which does.
	RollEach func(ctx context.Context, topic string, each bool) error
	// Drained ends Run once the log is read to its end and no store-day is open any more; it is looked at after the channel
	// is closed. nil: Run until the context ends.
	Drained <-chan struct{}
	// Now is the wall clock; time.Now where nil.
	Now func() time.Time
	// OnSealed is told of each store-day that was sealed; nil for nobody.
	OnSealed func(store string, day string)
	// OnErased is told how many ids a store-day was told to forget until it was sealed, each counted once; how many of them
	// it had held is nobody's business. Not of days without any; nil for nobody.
	OnErased func(store string, day string, forgets int)
}

// Defaults of Config.
const (
	DefaultGroup = "footfall-aggregate"
	DefaultFlush = 5 * time.Second
)

// Aggregator consumes one group's share of the partitions.
type Aggregator struct {
	cfg      Config
	db       *store.DB
	log      *slog.Logger
	round    publish.Rounder
	consumer *broker.Consumer
	producer *broker.Producer
	params   estimate.Params
	stores   map[string]*stores.Store
	metrics  *metrics
	flushes  uint64 // of this process, failed ones too

	rolling    bool // each message of sightings begins a file now
	rollBroken bool // that could not be changed, and the log says so
	endOffset  func(ctx context.Context, topic string, partition int) (int64, error)
}

// errDrained ends a generation because there is nothing left to do.
var errDrained = errors.New("drained")

// New checks the configuration and registers the metrics. It connects to nothing.
func New(cfg Config, db *store.DB, reg prometheus.Registerer, log *slog.Logger) (*Aggregator, error) {
	var errs []error
	if len(cfg.Stores) == 0 {
		errs = append(errs, errors.New("no stores: name a stores file"))
	}
	round, err := publish.NewRounder(cfg.RoundingKey)
	if err != nil {
		errs = append(errs, err)
	}
	if cfg.Group == "" {
		cfg.Group = DefaultGroup
	}
	if cfg.FlushEvery < 0 || cfg.Session < 0 {
		errs = append(errs, errors.New("the flush interval or the session is negative: use a time such as 5s"))
	}
	if cfg.FlushEvery == 0 {
		cfg.FlushEvery = DefaultFlush
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	consumer, err := broker.NewConsumer(cfg.Kafka, broker.ConsumerOptions{
		Group: cfg.Group, Topics: []string{broker.Sightings, broker.Counters}, Session: cfg.Session, Registerer: reg, Logger: log,
	})
	if err != nil {
		errs = append(errs, err)
	}
	producer, err := broker.NewProducer(cfg.Kafka, broker.ProducerOptions{Registerer: reg, Logger: log, Now: cfg.Now})
	if err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("configure the aggregator: %w", errors.Join(errs...))
	}
	a := &Aggregator{cfg: cfg, db: db, log: log, round: round, consumer: consumer, producer: producer, params: estimate.DefaultParams(), stores: map[string]*stores.Store{}}
	a.endOffset = func(ctx context.Context, topic string, partition int) (int64, error) {
		return broker.EndOffset(ctx, cfg.Kafka, topic, partition)
	}
	for i := range cfg.Stores {
		a.stores[cfg.Stores[i].ID] = &cfg.Stores[i]
	}
	if a.metrics, err = newMetrics(reg); err != nil {
		return nil, fmt.Errorf("register the aggregator's metrics: %w", err)
	}
	return a, nil
}

// Run consumes until the context ends, or until everything is done where Config.Drained says so.
func (a *Aggregator) Run(ctx context.Context) error {
	if err := a.writeStores(ctx); err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to stop before it began
		}
		return err
	}
	err := a.consumer.Run(ctx, a.generation)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if cerr := a.producer.Close(closing); cerr != nil && err == nil {
		err = cerr
	}
	if errors.Is(err, errDrained) {
		return nil
	}
	return err
}

// generation serves the partitions this member owns until they are taken away.
func (a *Aggregator) generation(ctx context.Context, g *broker.Generation) error {
	owners, starts, err := a.restore(ctx, g)
	if err != nil {
		return err
	}
	a.log.Info("reading the open days again from the log", "partitions", len(owners))
	tick := time.NewTicker(a.cfg.FlushEvery)
	defer tick.Stop()
	batches := g.Read(ctx, starts)
	idle := time.NewTicker(100 * time.Millisecond)
	defer idle.Stop()
	for {
		select {
		case batch, ok := <-batches:
			if !ok {
				return a.leave(ctx, g, owners)
			}
			if err := a.consume(ctx, owners, batch); err != nil {
				return err
			}
		case <-tick.C:
			if err := a.flush(ctx, g, owners); err != nil {
				return err
			}
		case <-idle.C:
			if err := a.seal(ctx, owners); err != nil {
				return err
			}
			if a.drained(ctx, g, owners) {
				if err := a.flush(ctx, g, owners); err != nil {
					return err
				}
				return errDrained
			}
		}
	}
}

// leave flushes what stands when the partitions go to another member or the process stops: with a context of its own, because
// the generation's has ended.
func (a *Aggregator) leave(ctx context.Context, g *broker.Generation, owners map[int]*owner) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := a.flush(last, g, owners); err != nil {
		a.log.Warn("the last flush of a generation failed; the next owner reads the open days again", "error", err)
	}
	return nil
}

func (a *Aggregator) consume(ctx context.Context, owners map[int]*owner, b broker.Batch) error {
	o := owners[b.Partition]
	if o == nil {
		return nil
	}
	t := topicOf(b.Topic)
	for i := range b.Messages {
		if err := o.message(ctx, t, &b.Messages[i]); err != nil {
			return err
		}
	}
	o.next[t] = max(o.next[t], b.Next)
	if b.Reset {
		a.metrics.gaps.Inc()
		a.log.Warn("messages were gone before they were read: retention or truncation passed the aggregator", "topic", b.Topic, "partition", b.Partition)
	}
	return o.finishDays(ctx)
}

// seal asks for the days that are due.
func (a *Aggregator) seal(ctx context.Context, owners map[int]*owner) error {
	for _, o := range owners {
		if err := o.requestSeals(ctx); err != nil {
			return err
		}
	}
	a.roll(ctx, owners)
	return nil
}

// drained reports whether nothing is left to do: asked for, all read, nothing open.
func (a *Aggregator) drained(ctx context.Context, g *broker.Generation, owners map[int]*owner) bool {
	select {
	case <-a.cfg.Drained:
	default:
		return false // also for a nil channel, which is never ready
	}
	for p, o := range owners {
		if o.open() {
			return false
		}
		for t, name := range topics {
			end, err := g.EndOffset(ctx, name, p)
			if err != nil || o.next[t] < end {
				return false
			}
		}
	}
	return true
}

// topics are both topics by their index in an owner's offsets.
var topics = [2]string{broker.Sightings, broker.Counters}

const (
	sightings = 0
	counters  = 1
)

func topicOf(name string) int {
	if name == broker.Counters {
		return counters
	}
	return sightings
}
