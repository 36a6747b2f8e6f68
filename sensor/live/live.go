// Package live is a sensor at a radio: an interface and a clock come in, what may leave goes out through the spool. It puts the
// parts together and owns the loop in which one goroutine reads frames, moves the pipeline's time and judges once a second what
// may leave. Nothing ends it but its context: what breaks is said (package status), repaired or waited for.
package live

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/spool"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/clock"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/listen"
	"github.com/openfootfall/footfall/sensor/outbox"
	"github.com/openfootfall/footfall/sensor/radio"
	"github.com/openfootfall/footfall/sensor/returns"
	"github.com/openfootfall/footfall/sensor/status"
)

// stopWithin is how long a sensor that was told to stop tries to send what it holds; the spool keeps the rest.
const stopWithin = 5 * time.Second

// Options are what Run is told beside its configuration.
type Options struct {
	Software string // name and version, for heartbeats
	Log      *slog.Logger
	Clock    clock.Source // nil: the system's
	Random   io.Reader    // of boot ids and return filters; nil: crypto/rand
	// OnListen is told the address of /metrics and /healthz once they are served; nil for nobody.
	OnListen func(net.Addr)
}

// Run listens until the context ends, and returns what kept it from starting, or from leaving the radio as it was.
func Run(ctx context.Context, cfg *agent.Config, o Options) (agent.Counts, error) {
	s, err := start(ctx, cfg, o)
	if err != nil {
		return agent.Counts{}, err
	}
	s.serve()
	err = s.loop(ctx)
	err = errors.Join(err, s.close())
	return s.pipeline.Counts(), err
}

// sensor is a live sensor at work.
type sensor struct {
	cfg      *agent.Config
	o        Options
	registry *prometheus.Registry
	metrics  *metrics
	board    *status.Board
	site     keys.Site
	firstDay calendar.Day // of the keys at the start
	keys     *keys.State
	returns  *returns.Filters
	guard    *clock.Guard
	list     *registry.List
	listNews chan struct{} // pokes the goroutine that saves the list
	states   states
	spool    *spool.Spool
	sender   *broker.Publisher
	outbox   *outbox.Outbox
	kafka    broker.Config
	server   *status.Server // nil: none
	radio    *tuner         // nil: somebody else sets the interface up
	ear      *ear
	pipeline *agent.Pipeline

	trusted   atomic.Bool // the wall clock
	began     time.Time
	listSaved time.Time    // when the list that is saved was confirmed
	wantsTime atomic.Bool  // only a broker's time helps
	counts    agent.Counts // as of the last look
	kernel    losing
	mute      losing
	anchor    atomic.Pointer[clock.Reading] // the last that could label anything

	work    sync.WaitGroup     // of the goroutines beside the loop
	end     context.CancelFunc // of theirs: they outlive the loop by stopWithin
	side    context.Context
	sending context.Context // of the outbox's loop, which ends before what is left is drained
	hush    context.CancelFunc
}

func start(ctx context.Context, cfg *agent.Config, o Options) (s *sensor, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.System(o.Log)
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	s = &sensor{cfg: cfg, o: o, registry: prometheus.NewRegistry(), list: registry.NewList(), listNews: make(chan struct{}, 1), began: time.Now()}
	s.side, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.sending, s.hush = context.WithCancel(s.side)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	if s.keys, err = agent.OpenKeys(cfg); err != nil {
		return s, err
	}
	s.site, s.firstDay = s.keys.Site(), s.keys.Day()
	if s.board, err = status.New(o.Log, s.registry); err != nil {
		return s, err
	}
	if s.returns, err = agent.OpenReturns(cfg, s.keys, o.Random); err != nil {
		return s, err
	}
	reading, err := o.Clock.Read()
	if err != nil {
		return s, fmt.Errorf("read the clock: %w", err)
	}
	s.guard = clock.New(s.site.Calendar, s.keys.Day(), reading)
	s.loadList()
	if err := s.openOutbox(); err != nil {
		return s, err
	}
	s.makePipeline()
	if s.metrics, err = newMetrics(s.registry, s.site, o.Software); err != nil {
		return s, err
	}
	if s.server, err = s.makeServer(); err != nil {
		return s, err
	}
	return s, s.openEar(ctx)
}

// openOutbox opens what stands between the pipeline and Kafka, under a boot id of this start.
func (s *sensor) openOutbox() (err error) {
	boot, err := newBoot(s.o.Random)
	if err != nil {
		return err
	}
	s.states = newStates(boot)
	if s.spool, err = s.openSpool(); err != nil {
		return err
	}
	s.kafka = broker.Config{Brokers: s.cfg.Kafka.Brokers, ClientID: "footfall-sensor " + s.site.Sensor}
	if err := s.cfg.Kafka.Apply(&s.kafka); err != nil {
		return err
	}
	if s.sender, err = broker.NewPublisher(s.kafka, broker.ProducerOptions{Registerer: s.registry, Logger: s.o.Log, Now: s.estimate}); err != nil {
		return err
	}
	s.outbox, err = outbox.New(outbox.Options{
		Store: s.site.Store, Sensor: s.site.Sensor, Zone: s.site.Zone, Boot: boot, Policy: s.site.Policy,
		Calendar: s.site.Calendar, SealAfter: s.site.SealAfter, IDAge: s.cfg.Spool.IDAge,
		State: s.cfg.State, Spool: s.spool, Publisher: s.sender, List: s.list, Now: time.Now, Trusted: s.trusted.Load,
		Elapsed: s.elapsed, Registerer: s.registry, Logger: s.o.Log,
		OnTrouble: func(name string, on bool) { s.board.Set(status.Trouble(name), on) },
	})
	return err
}

// estimate is the time as well as it is known: the wall clock while it can label anything, else what it would be by the time since
// boot. Kafka would refuse messages of the next week, or delete those of 1970.
func (s *sensor) estimate() time.Time {
	r, err := s.o.Clock.Read()
	was := s.anchor.Load()
	switch {
	case was != nil && err == nil:
		return was.Wall.Add(r.Boot - was.Boot)
	case was != nil:
		return was.Wall
	}
	return s.site.Calendar.Start(s.firstDay)
}

// elapsed is the time since boot, which nobody sets: ids grow old by it while the wall clock is wrong.
func (s *sensor) elapsed() time.Duration {
	r, err := s.o.Clock.Read()
	if err != nil {
		return 0
	}
	return r.Boot
}

func (s *sensor) openSpool() (*spool.Spool, error) {
	sp, found, err := spool.Open(spool.Options{
		Dir: s.cfg.Spool.Dir, MaxBytes: int64(s.cfg.Spool.MaxMB) << 20, Registerer: s.registry, Logger: s.o.Log,
	})
	if err == nil && found.Messages > 0 {
		s.o.Log.Info("the spool holds messages of an earlier start", "messages", found.Messages)
	}
	return sp, err
}

func newBoot(random io.Reader) (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0, fmt.Errorf("draw a boot id: %w", err)
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

func (s *sensor) makePipeline() {
	deps := agent.Deps{
		Hasher: s.keys.Hasher(), OptOuts: s.list, Sink: sink{s.outbox}, NewDay: s.newDay, Heard: s.outbox.Heard, Health: s.health,
		MayTurn: s.guard.MayTurn, ListAge: s.listAge,
	}
	if s.returns != nil {
		deps.Returns = s.returns
	}
	s.pipeline = agent.NewPipeline(agent.Settings{
		Store: s.site.Store, Sensor: s.site.Sensor, Zone: s.site.Zone, Calendar: s.site.Calendar, Hours: s.site.Hours,
		Policy: s.site.Policy, RSSIInside: int8(*s.cfg.RSSIInside), RSSIFloor: int8(*s.cfg.RSSIFloor), Software: s.o.Software, Live: true,
	}, s.keys.Day(), deps)
	s.pipeline.FailClosed([]string{string(status.ListUnread)}) // until the loop has looked
	s.outbox.NewDay(s.keys.Day())
}

// newDay turns the keys, and with them everything that belongs to a day. A step that failed is tried again by the pipeline; the
// steps before it change nothing the second time.
func (s *sensor) newDay(next calendar.Day) error {
	before := s.keys.Day()
	err := s.keys.Advance(next)
	s.board.Set(status.KeyGap, errors.Is(err, keys.ErrGap))
	if s.keys.Day() != before { // also where the filters fail below: the hasher of the day before is wiped
		s.pipeline.SetHasher(s.keys.Hasher())
	}
	if err == nil && s.returns != nil {
		err = s.returns.EndDay(next)
	}
	s.board.Set(status.KeysUnsaved, err != nil && !errors.Is(err, keys.ErrGap), slog.Any("error", err))
	if err != nil {
		return err
	}
	s.guard.Turned(next)
	s.outbox.NewDay(next)
	s.o.Log.Info("store-day turned: the keys of the day before are destroyed", "day", next.String())
	return nil
}

// sink gives the pipeline's envelopes to the outbox.
type sink struct{ outbox *outbox.Outbox }

// Send implements agent.Sink.
func (k sink) Send(topic agent.Topic, e *wire.Envelope) error {
	name := broker.Sightings
	if topic == agent.Counters {
		name = broker.Counters
	}
	return k.outbox.Send(name, e)
}

// close gives out what is held, waits a little for Kafka, and leaves the radio as it was.
func (s *sensor) close() error {
	err := s.pipeline.Stop()
	s.saveOpenDay()
	s.hush()
	closing, cancel := context.WithTimeout(s.side, stopWithin)
	defer cancel()
	return errors.Join(err, s.outbox.Drain(closing), s.release())
}

// release ends the goroutines and gives back what start took.
func (s *sensor) release() (err error) {
	s.end()
	s.work.Wait()
	if s.ear != nil {
		err = errors.Join(err, s.ear.close())
	}
	if s.radio != nil {
		err = errors.Join(err, s.radio.restore())
	}
	if s.sender != nil {
		err = errors.Join(err, s.sender.Close())
	}
	if s.spool != nil {
		err = errors.Join(err, s.spool.Close())
	}
	return err
}

// makeServer prepares what serves metrics and health.
func (s *sensor) makeServer() (*status.Server, error) {
	if s.cfg.Listen == agent.NoListen {
		return nil, nil
	}
	if err := status.RegisterProcess(s.registry, time.Now()); err != nil {
		return nil, err
	}
	return status.NewServer(status.ServerOptions{Listen: s.cfg.Listen, Board: s.board, Gatherer: s.registry, Log: s.o.Log, OnListen: s.o.OnListen})
}

// openEar makes the interface heard. What keeps it from being heard now may pass, so only what never will is an error.
func (s *sensor) openEar(ctx context.Context) error {
	s.ear = &ear{
		name: s.cfg.Source.Interface, silentAfter: s.cfg.Source.SilentAfter, board: s.board, log: s.o.Log,
		reopened: func(reason string) { s.metrics.reopens.WithLabelValues(reason).Inc() },
	}
	if s.cfg.Source.Monitor {
		s.radio = newTuner(s.cfg, s.board, s.registry, s.o.Log)
		s.ear.prepare = func() error { return s.radio.prepare(ctx) }
	}
	err := s.ear.reopen(time.Now())
	if errors.Is(err, listen.ErrPermission) || errors.Is(err, listen.ErrUnsupported) || errors.Is(err, radio.ErrPermission) {
		return err
	}
	return nil
}
