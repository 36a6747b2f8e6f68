package run

import (
	"context"
	"fmt"
	"math"

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
			o.a.beginFile(ctx, true) // before the Seal is sent, so that the day's ids are in older files
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

// finish writes a day's final numbers, deletes its ids, says that it is sealed, and deletes what else is exact about it. Done
// twice, after a crash, it does the same again: sightings are still in the log, and people by minute, whose messages may be
// gone, stay until the day is known to be sealed. What a crash leaves of them goes when the partition is assigned again.
func (o *owner) finish(ctx context.Context, s *state, d *openDay) error {
	for _, h := range d.heard {
		h.end()
	}
	d.settle(s)
	if err := o.a.forgetAllReturns(ctx, s); err != nil {
		return err
	}
	exact, result, w := o.compute(s, d)
	version := d.version(o.next)
	var rows rows
	rows.published(o, s, d, exact, w, version, true)
	rows.storeDay(s, d.day, exact, w, version, true)
	rows.storeDays[0].Extended = s.knowsAgain(result)
	if p, ok := patterns(s, d.day, result, version); ok {
		if err := o.returns(ctx, s, d, result, &p, &rows); err != nil {
			return err
		}
		rows.patterns = append(rows.patterns, p)
		s.answers[d.day] = p
	}
	if err := rows.insert(ctx, o.a.db); err != nil {
		return err
	}
	if err := o.a.erase(ctx, s.cfg.ID, d.day.Date(), store.TableDeviceDays); err != nil {
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
	s.sealedUnder(d.day, s.knowsAgain(result))
	if result.Visitors >= dwellVisitors {
		s.stays[d.day] = stay{exact.Totals.Visits, result.Dwell.SumS}
	}
	delete(s.days, d.day)
	s.forgetLate(d.day)
	if err := o.a.erase(ctx, s.cfg.ID, d.day.Date(), store.TablePeopleMinutes, store.TableCells); err != nil {
		return err
	}
	if s.extended() {
		if err := o.a.db.DeleteReturnVisits(ctx, s.cfg.ID, (d.day - returnDays).Date()); err != nil {
			return err
		}
	}
	o.tell(s, d)
	return nil
}

// tell says that a day is sealed.
func (o *owner) tell(s *state, d *openDay) {
	o.a.metrics.sealed.WithLabelValues(s.cfg.ID).Inc()
	if o.a.cfg.OnSealed != nil {
		o.a.cfg.OnSealed(s.cfg.ID, d.day.String())
	}
	if n := d.union.Forgotten(); n > 0 && o.a.cfg.OnErased != nil {
		o.a.cfg.OnErased(s.cfg.ID, d.day.String(), n)
	}
}

// dwellVisitors is from how many distinct visitors a day's dwell is kept (DESIGN section 6).
const dwellVisitors = 10

// publishWeeks publishes the repeat rate of the weeks that are over, once the log was read to where it ended at assignment:
// before that, days of a week may still be unread. A week in the making is not shown: the difference of two looks at it would
// be a single day.
func (o *owner) publishWeeks(ctx context.Context, s *state) error {
	byWeek := map[calendar.Week][]calendar.Day{}
	for day := range s.answers {
		byWeek[day.Week()] = append(byWeek[day.Week()], day)
	}
	for week, days := range byWeek {
		if !o.over(s, week) {
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

// over reports whether no day of the week can change or come any more: its Sunday or a later day is sealed, or it is too long
// ago for a batch of it to be taken, and no day of it or before it is open. That the captures read so far have ended says
// nothing: those of the week's other days may come tomorrow.
func (o *owner) over(s *state, week calendar.Week) bool {
	for day := range s.days {
		if day.Week() <= week {
			return false
		}
	}
	sunday := week.Sunday()
	for day := range s.sealed {
		if day >= sunday {
			return true
		}
	}
	clock := o.clockMS(s)
	return clock != math.MaxInt64 && clock >= s.cfg.Calendar.End(sunday+1).UnixMilli()
}

// compute makes a day's exact numbers as they stand.
func (o *owner) compute(s *state, d *openDay) (exact storeday.Exact, result visitsResult, w float64) {
	result = d.union.Result(s.layout, visitsParams())
	w, _ = s.meanStay(d.day)
	in := storeday.Input{Store: s.cfg, Day: d.day, Visits: result, Stay: w, Counted: d.counted}
	for _, h := range d.heard {
		in.Minutes = append(in.Minutes, sortedMinutes(h.minutes))
	}
	return storeday.Compute(in), result, w
}
