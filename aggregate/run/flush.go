package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/openfootfall/footfall/aggregate/storeday"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
)

type visitsResult = visits.Result

func visitsParams() visits.Params { return visits.DefaultParams() }

// flush writes what changed since the last one, then commits the offsets behind which nothing is needed any more, then
// removes what no one needs from the topics. Before the log as it stood at assignment is read, nothing is written: a half-read
// day must not stand for a whole one. (A day whose Seals were read is whole, and was written then.)
func (a *Aggregator) flush(ctx context.Context, g *broker.Generation, owners map[int]*owner) error {
	var rows rows
	for _, o := range owners {
		rows.dead = append(rows.dead, o.dead...)
		if !o.caughtUp() {
			continue
		}
		for _, s := range o.stores {
			s.settleMinutes()
			s.provisional()
			for _, d := range s.ordered() {
				if err := o.collect(ctx, s, d, &rows); err != nil {
					return err
				}
			}
		}
	}
	if err := rows.insert(ctx, a.db); err != nil {
		return err
	}
	offsets := map[broker.TopicPartition]int64{}
	for p, o := range owners {
		o.dead = nil
		for t, offset := range o.needed() {
			offsets[broker.TopicPartition{Topic: topics[t], Partition: p}] = offset
		}
	}
	if err := g.Commit(offsets); err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the generation ended: the next owner commits
		}
		a.log.Warn("offsets were not committed; the next owner reads a little more again", "error", err)
		return nil
	}
	return a.truncate(ctx, owners)
}

// collect adds the rows of an open day that changed.
func (o *owner) collect(ctx context.Context, s *state, d *openDay, rows *rows) error {
	for _, id := range d.forget {
		if err := o.a.db.ForgetDevice(ctx, s.cfg.ID, d.day.Date(), id); err != nil {
			return fmt.Errorf("forget a device: %w", err)
		}
	}
	d.forget = nil
	if !d.dirty {
		return nil
	}
	d.dirty = false
	exact, result, w := o.compute(s, d)
	version := d.version(o.next)
	rows.devices(s, d, result, version)
	rows.minutes(s, d, version)
	rows.cells(s, d.day, exact, version)
	rows.storeDay(s, d.day, exact, w, version, false)
	rows.published(o, s, d, exact, version, false)
	d.written = result.Generation
	return nil
}

// needed is, by topic, the offset behind which a restart needs nothing: of sightings the oldest message of an open day; of
// counters the oldest whose classes are still in memory, because people by minute is in ClickHouse from there on.
func (o *owner) needed() [2]int64 {
	out := o.next
	for _, s := range o.stores {
		for _, d := range s.days {
			if d.first[sightings] >= 0 {
				out[sightings] = min(out[sightings], d.first[sightings])
			}
			if d.first[counters] >= 0 && (d.keepCounters || d.seal[counters] >= 0) {
				out[counters] = min(out[counters], d.first[counters])
			}
		}
		for _, held := range s.held {
			if len(held) > 0 {
				out[counters] = min(out[counters], held[0].offset)
			}
		}
	}
	return out
}

// truncate removes the records before the committed offsets where the configuration says how.
func (a *Aggregator) truncate(ctx context.Context, owners map[int]*owner) error {
	if a.cfg.Truncate == nil {
		return nil
	}
	for p, o := range owners {
		for t, offset := range o.needed() {
			if offset <= o.truncated[t] {
				continue
			}
			if err := a.cfg.Truncate(ctx, topics[t], p, offset); err != nil {
				if ctx.Err() != nil || errors.Is(err, context.Canceled) {
					return nil //nolint:nilerr // the generation ended: the next owner truncates
				}
				a.metrics.truncateErrors.Inc()
				a.log.Warn("a topic was not truncated; its retention still applies", "topic", topics[t], "partition", p, "error", err)
				continue
			}
			o.truncated[t] = offset
		}
	}
	return nil
}

func sortedMinutes(ms map[int64]*storeday.Minute) []storeday.Minute {
	out := make([]storeday.Minute, 0, len(ms))
	for _, m := range ms {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b storeday.Minute) int { return cmp.Compare(a.Minute, b.Minute) })
	return out
}

func (s *state) dayOf(minute int64) calendar.Day {
	return s.cfg.Calendar.DayOf(time.Unix(minute*60, 0))
}
