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
	stopped := err != nil && ctx.Err() != nil
	if stopped {
		err = r.pipeline.Stop()
	}
	if cerr := r.close(); err == nil {
		err = cerr
	}
	if stopped && err == nil {
		err = errors.New("stopped before the end of the source; what was accepted is sent: start again with the same source, cut at 04:00 of the store-day it had reached where it began on an earlier one")
	}
	return r.pipeline.Counts(), err
}

// stopWithin is how long a sensor that was told to stop tries to send what it has accepted.
const stopWithin = 10 * time.Second

// runner is a configured sensor at work.
type runner struct {
	cfg      *Config
	o        Options
	keys     *keys.State
	returns  *returns.Filters
	producer *broker.Producer
	list     *registry.List
	pipeline *Pipeline
	work     context.Context    // of sending: it outlives the context of Run by stopWithin
	stop     context.CancelFunc // of work and of the opt-out list's follower
	followed chan error
}

func start(ctx context.Context, cfg *Config, o Options) (*runner, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &runner{cfg: cfg, o: o, followed: make(chan error, 1)}
	var err error
	if r.keys, err = OpenKeys(cfg); err != nil {
		return nil, err
	}
	site := r.keys.Site()
	r.work, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(stopWithin, r.stop) })
	kafka := broker.Config{Brokers: cfg.Kafka.Brokers, ClientID: "footfall-sensor " + site.Sensor}
	if err := cfg.Kafka.Apply(&kafka); err != nil {
		r.stop()
		return nil, err
	}
	if r.producer, err = broker.NewProducer(kafka, broker.ProducerOptions{Registerer: o.Registerer, Logger: o.Log}); err != nil {
		return nil, err
	}
	if err := r.follow(ctx, kafka); err != nil {
		r.stop()
		return nil, err
	}
	if r.returns, err = OpenReturns(cfg, r.keys, o.Random); err != nil {
		r.stop()
		return nil, err
	}
	deps := Deps{
		Hasher: r.keys.Hasher(), OptOuts: r.list, Sink: &kafkaSink{r.work, r.producer, []byte(site.Store)}, NewDay: r.newDay,
		Settled: func() error { return r.producer.Flush(r.work) }, Beat: r.beat, ListAge: func() time.Duration { return time.Since(r.list.ConfirmedAt()) },
	}
	if r.returns != nil {
		deps.Returns = r.returns
	}
	r.pipeline = NewPipeline(Settings{
		Store: site.Store, Sensor: site.Sensor, Zone: site.Zone, Calendar: site.Calendar, Hours: site.Hours, Policy: site.Policy,
		RSSIInside: int8(*cfg.RSSIInside), RSSIFloor: int8(*cfg.RSSIFloor), Software: o.Software,
	}, r.keys.Day(), deps)
	return r, nil
}

// OpenReturns opens the return filters of the keys' day. Only a standard store has them: those of one that only counts now, or that
// counts exactly who returns, are destroyed, and there are none.
func OpenReturns(cfg *Config, k *keys.State, random io.Reader) (*returns.Filters, error) {
	site := k.Site()
	if site.Policy != wire.Policy_POLICY_STANDARD {
		return nil, returns.Destroy(cfg.State)
	}
	return returns.Open(cfg.State, returns.Options{Epsilon: site.ReturnEpsilon, Day: k.Day(), Issue: k.Issue(), Random: random})
}

// OpenKeys loads the key state, or makes it from the bundle at the first start. A bundle that is there is imported even where
// a state stands: it was issued again.
func OpenKeys(cfg *Config) (*keys.State, error) {
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
		if cfg.Bundle == "" {
			return nil, errors.New("this sensor has no keys, and its configuration names no bundle: make one with footfall keys issue and name it under bundle")
		}
		return nil, fmt.Errorf("this sensor has no keys: put the bundle that footfall keys issue made for it at %s", cfg.Bundle)
	}
	return s, err
}

// follow reads the opt-out list to its end before the first frame is read, and keeps following it. Without the list nothing
// may be sent: an address on it could be.
func (r *runner) follow(ctx context.Context, kafka broker.Config) error {
	r.list = registry.NewList()
	ready := make(chan struct{})
	var once sync.Once
	options := registry.FollowOptions{Config: kafka, Registerer: r.o.Registerer, Logger: r.o.Log, OnUpdate: func(registry.Update) {
		once.Do(func() { close(ready) }) // it comes first when the list stands at the topic's end
	}}
	go func() { r.followed <- r.list.Follow(r.work, options) }()
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
		err := r.file(ctx, f)
		var cut *capture.TruncatedError
		if errors.As(err, &cut) && ctx.Err() == nil {
			r.o.Log.Warn("a capture is cut short; what was read of it counts", "file", f, "records", cut.Records)
			continue
		}
		if err != nil {
			return fmt.Errorf("read the source: %w", err)
		}
	}
	return r.pipeline.Finish()
}

// file reads one capture under a boot id of its own. A pause before it in which nobody listened is not a time in which nobody
// came.
func (r *runner) file(ctx context.Context, path string) error {
	in, boot, err := openSource(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	first, err := in.Next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	if first.Time-r.pipeline.now > int64(joinWithin) {
		r.pipeline.Pause()
	}
	r.pipeline.SetBoot(boot)
	if err := r.pipeline.Frame(first); err != nil {
		return err
	}
	return r.pipeline.read(ctx, in, func(read int64) {
		if r.o.Progress != nil {
			r.o.Progress(read, in.Size())
		}
	})
}

// openSource opens a capture, or standard input, and makes the boot id of its content.
func openSource(ctx context.Context, path string) (*capture.Reader, uint64, error) {
	if path != "-" {
		boot, err := capture.Fingerprint(path)
		if err != nil {
			return nil, 0, err
		}
		in, err := capture.Open(path)
		return in, boot, err
	}
	buffered := bufio.NewReaderSize(interruptible(ctx, os.Stdin), 64<<10)
	head, err := buffered.Peek(capture.FingerprintBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, fmt.Errorf("read standard input: %w", err)
	}
	in, err := capture.NewReader(buffered)
	return in, capture.FingerprintOf(head), err
}

// newDay turns the keys. Everything of the day before is acknowledged first, so that no batch of a day whose key is gone is
// ever made again; the day's marks are saved, so that a crash from here on still draws them; then the keys, then the return
// filters, in the order that a crash between them survives.
func (r *runner) newDay(next calendar.Day) error {
	if err := r.producer.Flush(r.work); err != nil {
		return fmt.Errorf("wait for the day's acknowledgement: %w", err)
	}
	if err := r.beat(); err != nil {
		return err
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

// beat saves the open day's return buckets.
func (r *runner) beat() error {
	if r.returns == nil {
		return nil
	}
	return r.returns.SaveOpenDay()
}

// close waits until everything is acknowledged, and saves the open day's return buckets.
func (r *runner) close() error {
	err := errors.Join(r.producer.Flush(r.work), r.beat())
	r.stop()
	if ferr := <-r.followed; ferr != nil && !errors.Is(ferr, context.Canceled) {
		err = errors.Join(err, ferr)
	}
	closing, cancel := context.WithTimeout(context.Background(), stopWithin)
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
