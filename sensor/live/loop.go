package live

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/clock"
	"github.com/openfootfall/footfall/sensor/status"
)

const (
	// behind is how far a tick stays behind the clock, so that a frame that is on its way is never older.
	behind = 20 * time.Millisecond
	// listGrace is how long the opt-out list may take to be read before that is said.
	listGrace = 10 * time.Second
	// listWait spares the line: a list that does not change is confirmed so often. A change comes at once.
	listWait = 5 * time.Second
)

// pace is how often things are done, so that a sighting is on disk within spool.fsync after its burst closed: it waits at most
// quiet for the loop to see that, look for being given out, and sync for being written.
type pace struct{ quiet, look, sync time.Duration }

func paceOf(fsync time.Duration) pace {
	p := pace{quiet: min(100*time.Millisecond, fsync/10), look: min(time.Second, 2*fsync/5)}
	p.sync = fsync - p.look - p.quiet
	return p
}

// loop reads frames and moves time until the context ends. It is the only user of the pipeline, the keys and the filters.
func (s *sensor) loop(ctx context.Context) error {
	pace := paceOf(s.cfg.Spool.Fsync)
	looked := time.Now()
	if err := s.look(looked); err != nil { // before the first frame: nothing is known yet of clock and list
		return err
	}
	for ctx.Err() == nil {
		var err error
		rec, heard := s.ear.frame(ctx, pace.quiet)
		if heard {
			err = s.pipeline.Frame(rec)
		}
		now := time.Now()
		if !heard && err == nil {
			err = s.pipeline.Tick(now.Add(-behind).UnixNano())
		}
		if err == nil && now.Sub(looked) >= pace.look {
			looked = now
			err = s.look(now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// look judges what may leave, and gives out what is complete.
func (s *sensor) look(now time.Time) error {
	reading, err := s.o.Clock.Read()
	verdict := clock.Unsynchronised
	if err == nil {
		verdict = s.guard.Check(reading)
	}
	s.trusted.Store(verdict.Trusted())
	s.wantsTime.Store(verdict == clock.Unconfirmed || verdict == clock.Disagrees || verdict == clock.Jumped)
	s.pipeline.Clock(verdict.Usable())
	if err == nil && verdict.Usable() {
		s.anchor.Store(&reading)
	}
	s.board.SetClock(verdict.String())
	s.ear.watch(now)
	s.pipeline.Listening(s.ear.hears())
	closed := s.failClosed(now)
	s.pipeline.FailClosed(closed)
	s.sayState(now, closed)
	if err := s.pipeline.Beat(s.estimate().UnixNano()); err != nil { // does nothing but where there is no clock
		return err
	}
	if err := s.pipeline.Flush(); err != nil {
		return err
	}
	s.publish(now)
	return nil
}

// publish shows the counts, and judges what only they tell.
func (s *sensor) publish(now time.Time) {
	s.counts = s.pipeline.Counts()
	lost := s.ear.dropped.Load()
	s.metrics.publish(published{counts: s.counts, open: s.ear.hears(), untimed: s.ear.untimed, ids: s.pipeline.SendsIDs(), kernel: lost, day: s.keys.Day()})
	s.board.Set(status.KernelDropping, s.kernel.grew(lost, now))
	s.board.Set(status.NoStrength, s.mute.grew(s.counts.NoRSSI, now))
}

// health completes a heartbeat.
func (s *sensor) health(h *wire.Heartbeat) {
	h.Trouble, _ = s.board.Now()
	held := s.outbox.Stats()
	h.SpoolBytes, h.SpoolOldestMs, h.SpoolLost = uint64(held.Bytes), held.OldestTimeMS, held.Lost
	h.KernelDropped = s.ear.dropped.Load()
	h.Channels = channels(&s.counts)
}

// serve starts what runs beside the loop.
func (s *sensor) serve() {
	s.beside("follow the opt-out list", func() error {
		return s.list.Follow(s.side, registry.FollowOptions{
			Config: s.kafka, Wait: listWait, OnUpdate: s.listed, OnJoined: s.outbox.Joined, Registerer: s.registry, Logger: s.o.Log,
		})
	})
	s.beside("save the opt-out list", s.keepList)
	s.beside("send", func() error { return s.outbox.Run(s.sending) })
	s.beside("say what the sensor enforces", s.sendStates)
	s.beside("write the spool", s.sync)
	s.beside("ask the broker's time", s.brokerTime)
	if s.server != nil {
		s.beside("serve metrics", func() error { return s.server.Run(s.side) })
	}
	if s.radio != nil {
		s.beside("hop", func() error { return s.radio.run(s.side) })
	}
}

// beside runs a part of the sensor until the sensor ends.
func (s *sensor) beside(what string, run func() error) {
	s.work.Go(func() {
		if err := run(); err != nil && !errors.Is(err, context.Canceled) {
			s.o.Log.Error("a part of the sensor stopped; restart it and report this", "part", what, "error", err)
		}
	})
}

// saveOpenDay writes the day's return buckets, away from the loop: a disk may be slow, and one that is broken is no reason to
// stop counting.
func (s *sensor) saveOpenDay() {
	if s.returns != nil {
		err := s.returns.SaveOpenDay()
		s.board.Set(status.MarksUnsaved, err != nil, slog.Any("error", err))
	}
}

// sync writes what Kafka has not acknowledged since it was given out: while Kafka answers, next to nothing is worn out.
func (s *sensor) sync() error {
	tick := time.NewTicker(paceOf(s.cfg.Spool.Fsync).sync)
	defer tick.Stop()
	for {
		select {
		case <-s.side.Done():
			return nil
		case <-tick.C:
			_ = s.outbox.Sync() // the outbox raises spool_disk, and tries again
			s.saveOpenDay()
		}
	}
}

// How often a broker is asked for the time.
const (
	timeTick    = time.Second
	timeWanted  = 10 * time.Second
	timeTrusted = time.Hour
)

// timePause is how long after an answer, or none, a broker is asked again. One that could not be reached is tried each second while
// nothing else helps: in the morning a box is up before its network, and until then no id and no Forget leaves.
func timePause(wanted, unreached bool) time.Duration {
	switch {
	case wanted && unreached:
		return 0
	case wanted:
		return timeWanted
	default:
		return timeTrusted
	}
}

// brokerTime asks the broker for the time: once after the start, then rarely, and often while nothing else helps.
func (s *sensor) brokerTime() error {
	tick := time.NewTicker(timeTick)
	defer tick.Stop()
	var asked time.Time
	unreached := false
	for {
		if asked.IsZero() || time.Since(asked) >= timePause(s.wantsTime.Load(), unreached) {
			asked = time.Now()
			unreached = !s.askTime()
		}
		select {
		case <-s.side.Done():
			return nil
		case <-tick.C:
		}
	}
}

// askTime reports whether the broker was reached. One that says no time will not say it a second later either.
func (s *sensor) askTime() (reached bool) {
	at, err := broker.BrokerTime(s.side, s.kafka)
	if errors.Is(err, broker.ErrNoBrokerTime) && s.kafka.Loopback() {
		at, err = time.Now(), nil // a broker on this box has this box's clock; the embedded one does not say so
	}
	if err != nil {
		s.o.Log.Debug("the broker did not say what time it is", "error", err)
		return errors.Is(err, broker.ErrNoBrokerTime)
	}
	if reading, err := s.o.Clock.Read(); err == nil {
		s.guard.Broker(at, reading)
	}
	return true
}
