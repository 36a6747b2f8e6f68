package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// Reasons of dead letters beside the decoder's.
const (
	reasonUnknownStore  = "unknown_store"
	reasonUnknownSensor = "unknown_sensor"
	reasonWrongDay      = "wrong_day"
	reasonOutsideDay    = "outside_day"
	reasonPolicy        = "policy"
)

// owner is one partition of both topics while this process owns it: the stores whose key falls on it.
type owner struct {
	a         *Aggregator
	partition int
	next      [2]int64 // the offset after the last one consumed, by topic
	logEnd    [2]int64 // the end of the log when the partition was assigned: live rows are written only from there on
	stores    map[string]*state
	dead      []store.DeadLetterRow
	rolls     rolls
	truncated [2][2]int64 // by topic: the offset before which messages were removed, and what was read by then
}

// caughtUp reports whether the log as it stood at assignment was read.
func (o *owner) caughtUp() bool {
	return o.next[sightings] >= o.logEnd[sightings] && o.next[counters] >= o.logEnd[counters]
}

// open reports whether a store-day is not sealed yet.
func (o *owner) open() bool {
	for _, s := range o.stores {
		if len(s.days) > 0 {
			return true
		}
	}
	return false
}

// message takes one message. A message that cannot be used is a dead letter: its header and the reason, never its body.
func (o *owner) message(_ context.Context, topic int, m *broker.Message) error {
	o.next[topic] = m.Offset + 1
	o.a.metrics.messages.WithLabelValues(topics[topic]).Inc()
	e, err := wire.Decode(m.Value)
	if err != nil {
		var bad *wire.InvalidError
		if errors.As(err, &bad) {
			o.deadLetter(topic, m, bad.Header, bad.Reason)
			return nil
		}
		return fmt.Errorf("decode a message: %w", err)
	}
	s := o.stores[e.Header.Store]
	if s == nil {
		o.deadLetter(topic, m, e.Header, reasonUnknownStore)
		return nil
	}
	sensor := s.cfg.SensorIndex(e.Header.Sensor)
	if sensor < 0 && e.GetSeal() == nil {
		o.deadLetter(topic, m, e.Header, reasonUnknownSensor)
		return nil
	}
	day := calendar.Day(e.Header.StoreDay)
	if sensor >= 0 {
		s.clock(sensor, e)
	}
	refused := o.refuse(s, e, m.Time)
	if s.extended() && len(e.GetForget().GetReturnIds()) > 0 {
		day, refused = o.forgetDay(s, topic, m, day, refused != ""), ""
	}
	if s.sealedBefore(day, topic, m.Offset) {
		return nil
	}
	if s.isSealed(day, topic) {
		o.late(s, e)
		return nil
	}
	if refused != "" {
		o.deadLetter(topic, m, e.Header, refused)
		return nil
	}
	d, err := s.open(day, topic, m.Offset)
	if err != nil {
		return err
	}
	if reason := d.take(s, topic, sensor, m.Offset, e); reason != "" {
		o.deadLetter(topic, m, e.Header, reason)
	}
	return nil
}

// forgetDay is the store-day that a Forget with return ids is taken for: its own, or, where that is refused, the one of when it
// was sent; and where that was sealed before it came, the next one that was not. The id is gone by then, but the return ids are
// kept for 28 days, and their Forget is of use whenever it comes. A replay finds the same day: the Forget stands before its Seal.
func (o *owner) forgetDay(s *state, topic int, m *broker.Message, own calendar.Day, refused bool) calendar.Day {
	day := own
	if refused {
		day = s.cfg.Calendar.DayOf(m.Time)
	}
	for s.isSealed(day, topic) && !s.sealedBefore(day, topic, m.Offset) {
		day++
	}
	return day
}

// refuse says why a readable message is not used. Its store-day is judged by when it was sent, so that a replay judges alike:
// the day of that time or the one before. A file's days are long past when they are sent, so there any day may come; and a
// Seal comes whenever the aggregator is up again.
func (o *owner) refuse(s *state, e *wire.Envelope, sent time.Time) (reason string) {
	switch {
	case e.GetSeal() != nil:
		return ""
	case s.countOnly() && e.GetSightings() != nil:
		return reasonPolicy // its sensors may not send ids: one of them has an old bundle
	case o.a.cfg.Clock == ClockCapture:
		return ""
	}
	day, now := calendar.Day(e.Header.StoreDay), s.cfg.Calendar.DayOf(sent)
	if day == now || day == now-1 {
		return ""
	}
	return reasonWrongDay
}

// late counts what came after its day's Seal, once by boot and sequence.
func (o *owner) late(s *state, e *wire.Envelope) {
	if e.GetSeal() != nil || e.GetHeartbeat() != nil {
		return
	}
	day, key := calendar.Day(e.Header.StoreDay), lateKey{e.Header.Sensor, e.Header.Boot, e.Header.Sequence}
	if _, seen := s.late[day][key]; seen {
		return
	}
	if s.late[day] == nil {
		o.a.log.Warn("a batch came after its store-day was sealed, and is in no number: look for a sensor or a clock that is behind", "store", s.cfg.ID, "day", day.String(), "sensor", e.Header.Sensor)
		s.late[day] = map[lateKey]struct{}{}
	}
	s.late[day][key] = struct{}{}
	o.a.metrics.late.WithLabelValues(s.cfg.ID).Inc()
}

// deadLetter notes a message that could not be used. Names from an unchecked header could hold anything, so only names that
// stores.yaml knows are kept.
func (o *owner) deadLetter(topic int, m *broker.Message, h *wire.Header, reason string) {
	o.a.metrics.dead.WithLabelValues(reason).Inc()
	row := store.DeadLetterRow{Topic: topics[topic], Partition: int32(o.partition), Offset: m.Offset, Reason: reason, Received: m.Time.UTC()}
	if s := o.a.stores[h.GetStore()]; s != nil {
		row.Store = s.ID
		if s.SensorIndex(h.GetSensor()) >= 0 {
			row.Sensor = h.GetSensor()
		}
	}
	o.dead = append(o.dead, row)
}

// take adds an envelope to its open day; the reason says why it could not.
func (d *openDay) take(s *state, topic, sensor int, offset int64, e *wire.Envelope) (reason string) {
	d.dirty = d.dirty || e.GetForget() == nil // a Forget of what is not there changes no row
	switch body := e.Body.(type) {
	case *wire.Envelope_Sightings:
		return d.sightings(s, sensor, e.Header, body.Sightings)
	case *wire.Envelope_Counters:
		return d.counters(s, sensor, offset, e.Header, body.Counters)
	case *wire.Envelope_Rollup:
		return d.rollup(s, body.Rollup)
	case *wire.Envelope_Heartbeat:
		d.heartbeat(s, sensor, e.Header, body.Heartbeat)
	case *wire.Envelope_Forget:
		d.forget(s, body.Forget)
	case *wire.Envelope_Seal:
		if d.seal[topic] < 0 {
			d.seal[topic] = offset
		}
	}
	return ""
}

func (d *openDay) sightings(s *state, sensor int, h *wire.Header, m *wire.Sightings) (reason string) {
	base := h.BaseMs - d.union.StartMS()
	var run wire.Run
	for runs := m.Runs(); runs.Next(&run); {
		if len(run.DeltasMS) > 0 && !d.union.AddRun(run.ID, sensor, base, run.DeltasMS) {
			reason = reasonOutsideDay
		}
		if run.HasAnswer {
			d.union.Answer(run.ID, sensor, run.Answer)
		}
		if run.HasReturn && s.extended() { // else the sensor has a bundle of before the store's policy changed
			d.union.Return(run.ID, visits.ReturnIDs{Now: run.Return[0], Before: run.Return[1]})
		}
	}
	if len(m.FilterOnes) == len(d.ones) {
		copy(d.ones[:], m.FilterOnes)
		d.union.Filter(sensor, d.ones, uint8(m.LookbackWeeks), m.FilterNew)
	}
	return reason
}
