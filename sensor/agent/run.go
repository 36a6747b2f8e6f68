package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/returns"
)

// stateFile is the keys' file in the state folder; the return filters lie beside it.
const stateFile = "keys"

// Options are what Run is told beside its configuration.
type Options struct {
	Software   string // name and version, for heartbeats
	Log        *slog.Logger
	Registerer prometheus.Registerer
	Progress   Progress
	Random     io.Reader // of the return filters; nil = crypto/rand
}

// Run reads the configured captures through the steps and sends what may leave to Kafka. It returns when the captures are
// read and everything is acknowledged. A file is never dropped for speed: where Kafka is slow, reading waits.
func Run(ctx context.Context, cfg *Config, o Options) (Counts, error) {
	r, err := start(ctx, cfg, o)
	if err != nil {
		return Counts{}, err
	}
	err = r.read(ctx)
	if cerr := r.close(ctx); err == nil {
		err = cerr
	}
	return r.pipeline.Counts(), err
}

// runner is a configured sensor at work.
type runner struct {
	cfg      *Config
	o        Options
	keys     *keys.State
	returns  *returns.Filters
	producer *broker.Producer
	list     *registry.List
	pipeline *Pipeline
	stop     context.CancelFunc // of the opt-out list's follower
	stdin    *bufio.Reader
	followed chan error
}

func start(ctx context.Context, cfg *Config, o Options) (*runner, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &runner{cfg: cfg, o: o, followed: make(chan error, 1)}
	var err error
	if r.keys, err = openKeys(cfg); err != nil {
		return nil, err
	}
	site := r.keys.Site()
	boot, err := r.boot()
	if err != nil {
		return nil, err
	}
	kafka := broker.Config{Brokers: cfg.Kafka.Brokers, ClientID: "footfall-sensor " + site.Sensor}
	if r.producer, err = broker.NewProducer(kafka, broker.ProducerOptions{Registerer: o.Registerer, Logger: o.Log}); err != nil {
		return nil, err
	}
	if err := r.follow(ctx, kafka); err != nil {
		return nil, err
	}
	deps := Deps{Hasher: r.keys.Hasher(), OptOuts: r.list, Sink: &kafkaSink{ctx, r.producer, []byte(site.Store)}, NewDay: func(next calendar.Day) error { return r.newDay(ctx, next) }}
	if site.Policy != wire.Policy_POLICY_COUNT_ONLY {
		r.returns, err = returns.Open(cfg.State, returns.Options{Epsilon: site.ReturnEpsilon, Day: r.keys.Day(), Issue: r.keys.Issue(), Random: o.Random})
		if err != nil {
			return nil, err
		}
		deps.Returns = r.returns
	}
	r.pipeline = NewPipeline(Settings{
		Store: site.Store, Sensor: site.Sensor, Zone: site.Zone, Boot: boot, Calendar: site.Calendar, Hours: site.Hours, Policy: site.Policy,
		RSSIInside: int8(*cfg.RSSIInside), RSSIFloor: int8(*cfg.RSSIFloor), Software: o.Software,
	}, r.keys.Day(), deps)
	return r, nil
}

// openKeys loads the key state, or makes it from the bundle at the first start. A bundle that is there is imported even where
// a state stands: it was issued again.
func openKeys(cfg *Config) (*keys.State, error) {
	path := filepath.Join(cfg.State, stateFile)
	if cfg.Bundle != "" {
		if _, err := os.Stat(cfg.Bundle); err == nil {
			if err := os.MkdirAll(cfg.State, 0o700); err != nil {
				return nil, fmt.Errorf("make the state folder: %w", err)
			}
			return keys.Import(cfg.Bundle, path)
		}
	}
	s, err := keys.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this sensor has no keys: put its bundle where the configuration says (bundle: %q), made with footfall keys", cfg.Bundle)
	}
	return s, err
}

// boot makes the boot id from the source's content; standard input is known by what is buffered of it.
func (r *runner) boot() (uint64, error) {
	var head []byte
	if r.cfg.Source.Files[0] == "-" {
		r.stdin = bufio.NewReaderSize(os.Stdin, 64<<10)
		var err error
		if head, err = r.stdin.Peek(64 << 10); err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("read standard input: %w", err)
		}
	}
	return bootOf(r.cfg.Source.Files, head)
}

// follow reads the opt-out list to its end before the first frame is read, and keeps following it. Without the list nothing
// may be sent: an address on it could be.
func (r *runner) follow(ctx context.Context, kafka broker.Config) error {
	ctx, r.stop = context.WithCancel(ctx)
	r.list = registry.NewList()
	ready := make(chan struct{})
	var once sync.Once
	options := registry.FollowOptions{Config: kafka, Registerer: r.o.Registerer, Logger: r.o.Log, OnUpdate: func(registry.Update) {
		once.Do(func() { close(ready) }) // it comes first when the list stands at the topic's end
	}}
	go func() { r.followed <- r.list.Follow(ctx, options) }()
	select {
	case <-ready:
		return nil
	case err := <-r.followed:
		r.followed <- nil
		if err == nil {
			err = ctx.Err()
		}
		return fmt.Errorf("read the opt-out list: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *runner) read(ctx context.Context) error {
	for _, f := range r.cfg.Source.Files {
		in, err := r.open(f)
		if err != nil {
			return err
		}
		err = r.pipeline.read(ctx, in, func(read int64) {
			if r.o.Progress != nil {
				r.o.Progress(read, in.Size())
			}
		})
		if cerr := in.Close(); err == nil && cerr != nil {
			err = cerr
		}
		var cut *capture.TruncatedError
		if errors.As(err, &cut) {
			r.o.Log.Warn("a capture is cut short; what was read of it counts", "records", cut.Records)
			continue
		}
		if err != nil {
			return err
		}
	}
	return r.pipeline.Finish()
}

func (r *runner) open(path string) (*capture.Reader, error) {
	if path == "-" {
		return capture.NewReader(r.stdin)
	}
	return capture.Open(path)
}

// newDay turns the keys. Everything of the day before is acknowledged first, so that no batch of a day whose key is gone is
// ever made again; then the keys, then the return filters, in the order that a crash between them survives.
func (r *runner) newDay(ctx context.Context, next calendar.Day) error {
	if err := r.producer.Flush(ctx); err != nil {
		return fmt.Errorf("wait for the day's acknowledgement: %w", err)
	}
	if err := r.keys.Advance(next); err != nil {
		return err
	}
	if r.returns != nil {
		if err := r.returns.EndDay(next); err != nil {
			return err
		}
	}
	r.pipeline.SetHasher(r.keys.Hasher())
	r.o.Log.Info("store-day turned: the keys of the day before are destroyed", "day", next.String())
	return nil
}

// close waits until everything is acknowledged, and saves the open day's return buckets.
func (r *runner) close(ctx context.Context) error {
	err := r.producer.Flush(ctx)
	r.stop()
	if ferr := <-r.followed; ferr != nil && !errors.Is(ferr, context.Canceled) {
		err = errors.Join(err, ferr)
	}
	if r.returns != nil {
		err = errors.Join(err, r.returns.SaveOpenDay())
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, r.producer.Close(closing))
}

// kafkaSink encodes envelopes and queues them; it waits where the queue is full.
type kafkaSink struct {
	ctx      context.Context
	producer *broker.Producer
	key      []byte
}

// Send implements Sink.
func (s *kafkaSink) Send(topic Topic, e *wire.Envelope) error {
	raw, err := wire.Encode(e)
	if err != nil {
		return fmt.Errorf("encode a batch: %w", err)
	}
	name := broker.Sightings
	if topic == Counters {
		name = broker.Counters
	}
	if err := s.producer.Send(s.ctx, name, s.key, raw); err != nil {
		return fmt.Errorf("send a batch: %w", err)
	}
	return nil
}
