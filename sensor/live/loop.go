package live

import (
	"context"
	"errors"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/clock"
	"github.com/openfootfall/footfall/sensor/status"
)

const (
	// quiet is how long the loop waits for a frame before it moves time itself.
	quiet = 100 * time.Millisecond
	// behind is how far a tick stays behind the clock, so that a frame that is on its way is never older.
	behind = 20 * time.Millisecond
	// listGrace is how long the opt-out list may take to be read before that is said.
	listGrace = 10 * time.Second
	// listWait spares the line: a list that does not change is confirmed so often. A change comes at once.
	listWait = 5 * time.Second
)

// loop reads frames and moves time until the context ends. It is the only user of the pipeline, the keys and the filters.
func (s *sensor) loop(ctx context.Context) error {
	every := min(time.Second, 2*s.cfg.Spool.Fsync/5)
	var looked time.Time
	for ctx.Err() == nil {
		var err error
		rec, heard := s.ear.frame(ctx, quiet)
		if heard {
			err = s.pipeline.Frame(rec)
		}
		now := time.Now()
		if !heard && err == nil {
			err = s.pipeline.Tick(now.Add(-behind).UnixNano())
		}
		if err == nil && now.Sub(looked) >= every {
			looked = now
			err = s.look(now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// look judges what may leave, and gives out what is complete. Within two looks it is safe from a crash, and so within spool.fsync.
func (s *sensor) look(now time.Time) error {
	// What the look before gave out is written now, if Kafka has not acknowledged it: while Kafka answers, nothing is worn out.
	select {
	case s.written <- struct{}{}:
	default:
	}
	reading, err := s.o.Clock.Read()
	verdict := clock.Unsynchronised
	if err == nil {
		verdict = s.guard.Check(reading)
	}
	s.trusted.Store(verdict.Trusted())
	s.wantsTime.Store(verdict == clock.Unconfirmed || verdict == clock.Disagrees || verdict == clock.Jumped)
	s.pipeline.Clock(verdict.Usable())
	s.board.SetClock(verdict.String())
	s.ear.watch(now)
	s.pipeline.Listening(s.ear.open())
	s.pipeline.FailClosed(s.failClosed(now))
	if err := s.pipeline.Flush(); err != nil {
		return err
	}
	s.publish(now)
	return nil
}

// failClosed is why ids may not leave now. A list that is not read yet is no trouble in the first seconds of a start, but no id
// leaves without it.
func (s *sensor) failClosed(now time.Time) []string {
	confirmed := s.list.ConfirmedAt()
	s.board.Set(status.ListUnread, confirmed.IsZero() && now.Sub(s.began) > listGrace)
	s.board.Set(status.ListStale, !confirmed.IsZero() && now.Sub(confirmed) > agent.OptOutMaxAge)
	_, closed := s.board.Now()
	if len(closed) == 0 && confirmed.IsZero() {
		return []string{string(status.ListUnread)}
	}
	return closed
}

// publish shows the counts, and judges what only they tell.
func (s *sensor) publish(now time.Time) {
	s.counts = s.pipeline.Counts()
	lost := s.ear.dropped.Load()
	s.metrics.publish(published{counts: s.counts, open: s.ear.open(), ids: s.pipeline.SendsIDs(), kernel: lost, day: s.keys.Day()})
	s.board.Set(status.KernelDropping, s.kernel.grew(lost, now))
	s.board.Set(status.NoStrength, s.mute.grew(s.counts.NoRSSI, now))
}

func (s *sensor) listAge() time.Duration {
	at := s.list.ConfirmedAt()
	if at.IsZero() {
		return never
	}
	return time.Since(at)
}

// never is the age of a list that was not read since the start, as the wire says it.
const never = -time.Second

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
		return s.list.Follow(s.side, registry.FollowOptions{Config: s.kafka, Wait: listWait, Registerer: s.registry, Logger: s.o.Log})
	})
	s.beside("send", func() error { return s.outbox.Run(s.side) })
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
		s.board.Set(status.MarksUnsaved, s.returns.SaveOpenDay() != nil)
	}
}

// sync writes the spool when there is something new.
func (s *sensor) sync() error {
	for {
		select {
		case <-s.side.Done():
			return nil
		case <-s.written:
			_ = s.outbox.Sync() // the outbox raises spool_disk, and tries again
			s.saveOpenDay()
		}
	}
}

// How often a broker is asked for the time.
const (
	timeWanted  = 30 * time.Second
	timeTrusted = time.Hour
)

// brokerTime asks the broker for the time: once after the start, then rarely, and often while nothing else helps.
func (s *sensor) brokerTime() error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var asked time.Time
	for {
		if wait := time.Since(asked); asked.IsZero() || wait > timeTrusted || wait > timeWanted && s.wantsTime.Load() {
			asked = time.Now()
			s.askTime()
		}
		select {
		case <-s.side.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *sensor) askTime() {
	at, err := broker.BrokerTime(s.side, s.kafka)
	if errors.Is(err, broker.ErrNoBrokerTime) && s.kafka.Loopback() {
		at, err = time.Now(), nil // a broker on this box has this box's clock; the embedded one does not say so
	}
	if err != nil {
		s.o.Log.Debug("the broker did not say what time it is", "error", err)
		return
	}
	if reading, err := s.o.Clock.Read(); err == nil {
		s.guard.Broker(at, reading)
	}
}
