package run

import (
	"context"
	"fmt"
	"math"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/storeday"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// requestSeals appends a Seal for each store-day that is due, to both topics, once the log was read to where it ended at
// assignment: a Seal that stands there already counts. The day is what stands before its first Seal, so a second one, of a
// restarted aggregator, changes nothing.
func (o *owner) requestSeals(ctx context.Context) error {
	if !o.caughtUp() {
		return nil
	}
	for _, s := range o.stores {
		for _, d := range s.ordered() {
			if d.asked || d.seal[sightings] >= 0 && d.seal[counters] >= 0 {
				continue
			}
			due := o.dueMS(s, d.day)
			if due > o.clockMS(s) {
				break
			}
			if err := o.appendSeal(ctx, s, d, due); err != nil {
				return err
			}
			d.asked = true
		}
		if err := o.publishWeeks(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// dueMS is when a day is to be sealed, in Unix milliseconds.
func (o *owner) dueMS(s *state, day calendar.Day) int64 {
	return s.cfg.Calendar.End(day).Add(s.cfg.SealAfter).UnixMilli()
}

func (o *owner) clockMS(s *state) int64 {
	if o.a.cfg.Clock == ClockCapture {
		return s.captureClock()
	}
	return o.a.cfg.Now().UnixMilli()
}

func (o *owner) appendSeal(ctx context.Context, s *state, d *openDay, due int64) error {
	raw, err := wire.Encode(&wire.Envelope{
		Header: &wire.Header{Store: s.cfg.ID, StoreDay: int32(d.day), Policy: s.cfg.Policy},
		Body:   &wire.Envelope_Seal{Seal: &wire.Seal{DueMs: max(due, 0)}},
	})
	if err != nil {
		return fmt.Errorf("encode a Seal: %w", err)
	}
	for _, topic := range topics {
		if err := o.a.producer.Send(ctx, topic, []byte(s.cfg.ID), raw); err != nil {
			return fmt.Errorf("append a Seal: %w", err)
		}
	}
	o.a.log.Info("store-day is due; sealing it", "store", s.cfg.ID, "day", d.day.String())
	return nil
}

// finishDays closes the days whose Seal was read in both topics, oldest first: the mean stay of a day is made of earlier ones.
func (o *owner) finishDays(ctx context.Context) error {
	for _, s := range o.stores {
		for _, d := range s.ordered() {
			if d.seal[sightings] < 0 || d.seal[counters] < 0 {
				break
			}
			if err := o.finish(ctx, s, d); err != nil {
				return fmt.Errorf("seal %s of store %s: %w", d.day, s.cfg.ID, err)
			}
		}
	}
	return nil
}

// finish writes a day's final numbers, deletes everything exact about it that may not stay, ids first of all, and last says
// that it is sealed. Done twice, after a crash, it does the same again.
func (o *owner) finish(ctx context.Context, s *state, d *openDay) error {
	for _, stream := range s.streams {
		stream.Advance(s.cfg.Calendar.End(d.day).Unix()/60 + horizonMinutes)
	}
	s.settleMinutes()
	exact, result, w := o.compute(s, d)
	version := d.version(o.next)
	var rows rows
	rows.published(o, s, d, exact, version, true)
	rows.storeDay(s, d.day, exact, w, version, true)
	if p, ok := patterns(s, d.day, result, version); ok {
		rows.patterns = append(rows.patterns, p)
		s.answers[d.day] = p
	}
	if err := rows.insert(ctx, o.a.db); err != nil {
		return err
	}
	if err := o.a.eraseDay(ctx, s.cfg.ID, d.day); err != nil {
		return err
	}
	sealed := store.SealedDayRow{
		Store: s.cfg.ID, StoreDay: d.day.Date(), Partition: int32(o.partition),
		SightingsOffset: d.seal[sightings], CountersOffset: d.seal[counters], Version: version,
	}
	if err := store.Insert(ctx, o.a.db, store.TableSealedDays, []store.SealedDayRow{sealed}); err != nil {
		return err
	}
	s.sealed[d.day] = d.seal
	if result.Visitors >= dwellVisitors {
		s.stays[d.day] = stay{exact.Totals.Visits, result.Dwell.SumS}
	}
	delete(s.days, d.day)
	o.a.metrics.sealed.WithLabelValues(s.cfg.ID).Inc()
	if o.a.cfg.OnSealed != nil {
		o.a.cfg.OnSealed(s.cfg.ID, d.day.String())
	}
	return o.publishWeeks(ctx, s)
}

// horizonMinutes is more than any gap: after it, no minute of a day can still change.
const horizonMinutes = 60

// dwellVisitors is from how many distinct visitors a day's dwell is kept (DESIGN section 6).
const dwellVisitors = 10

// publishWeeks publishes the repeat rate of the weeks that are over: their last day is past sealing and none of them is open.
// A week in the making is not shown: the difference of two looks at it would be a single day.
func (o *owner) publishWeeks(ctx context.Context, s *state) error {
	byWeek := map[calendar.Week][]calendar.Day{}
	for day := range s.answers {
		byWeek[day.Week()] = append(byWeek[day.Week()], day)
	}
	for week, days := range byWeek {
		clock := o.clockMS(s)
		if clock != math.MaxInt64 && clock < o.dueMS(s, week.Sunday()) || s.openIn(week) {
			continue
		}
		if err := o.publishWeek(ctx, s, week, days); err != nil {
			return fmt.Errorf("publish week %s of store %s: %w", week, s.cfg.ID, err)
		}
		for _, d := range days {
			delete(s.answers, d)
		}
	}
	return nil
}

// openIn reports whether a day of the week, or before it, is still open.
func (s *state) openIn(week calendar.Week) bool {
	for day := range s.days {
		if day.Week() <= week {
			return true
		}
	}
	return false
}

// compute makes a day's exact numbers as they stand.
func (o *owner) compute(s *state, d *openDay) (exact storeday.Exact, result visitsResult, w float64) {
	result = d.union.Result(s.layout, visitsParams())
	w, _ = s.meanStay(d.day)
	in := storeday.Input{Store: s.cfg, Day: d.day, Visits: result, Stay: w, Counted: d.countedMax()}
	for _, ms := range d.minutes {
		in.Minutes = append(in.Minutes, sortedMinutes(ms))
	}
	return storeday.Compute(in), result, w
}

// countedMax joins the sensors of a store that only counts: the largest, quarter by quarter.
func (d *openDay) countedMax() map[int64]uint32 {
	out := map[int64]uint32{}
	for q, sensors := range d.counted {
		for _, n := range sensors {
			out[q] = max(out[q], n)
		}
	}
	return out
}

// settleMinutes puts the stream's results into the minutes they belong to: final ones for good, others as they stand.
func (s *state) settleMinutes() {
	for sensor, stream := range s.streams {
		for _, p := range stream.Final(s.gap) {
			s.setRandom(sensor, p, true)
		}
		if oldest, ok := stream.Oldest(); ok {
			s.release(sensor, oldest)
		} else {
			s.held[sensor] = nil
		}
	}
}

// provisional gives every minute that is not final yet its live form.
func (s *state) provisional() {
	for sensor, stream := range s.streams {
		w := firstStay
		for day := range s.days {
			w, _ = s.meanStay(day)
		}
		for _, p := range stream.Provisional(estimate.HoldFor(w)) {
			s.setRandom(sensor, p, false)
		}
	}
}

func (s *state) setRandom(sensor int, p estimate.People, final bool) {
	d := s.days[s.dayOf(p.Minute)]
	if d == nil {
		return
	}
	m := d.minutes[sensor][p.Minute]
	if m == nil || m.Final {
		return
	}
	if m.Random != p.Random || final {
		d.dirty = true
	}
	m.Random, m.Final = p.Random, final
}

// release forgets which offsets brought the minutes that the stream no longer holds.
func (s *state) release(sensor int, oldest int64) {
	held := s.held[sensor]
	n := 0
	for n < len(held) && held[n].minute < oldest {
		n++
	}
	s.held[sensor] = held[n:]
}
