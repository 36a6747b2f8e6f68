package run

import (
	"context"
	"errors"

	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/broker"
)

type visitsResult = visits.Result

func visitsParams() visits.Params { return visits.DefaultParams() }

// flush writes what changed since the last one, then commits the offsets behind which nothing is needed any more, then
// removes what no one needs from the topics.
func (a *Aggregator) flush(ctx context.Context, g *broker.Generation, owners map[int]*owner) error {
	if err := a.write(ctx, owners); err != nil {
		return err
	}
	return a.commit(ctx, g, owners)
}

// write writes what changed. Before the log as it stood at assignment is read, nothing is written but dead letters: a half-read
// day must not stand for a whole one. (A day whose Seals were read is whole, and was written then.)
func (a *Aggregator) write(ctx context.Context, owners map[int]*owner) error {
	if err := a.forget(ctx, owners); err != nil {
		return err
	}
	var rows rows
	for _, o := range owners {
		rows.dead = append(rows.dead, o.dead...)
		if !o.caughtUp() {
			continue
		}
		for _, s := range o.stores {
			for _, d := range s.ordered() {
				d.settle(s)
				d.provisional(s)
				o.collect(s, d, &rows)
			}
			rows.live(o, s)
		}
	}
	if err := rows.insert(ctx, a.db); err != nil {
		return err
	}
	for _, o := range owners {
		o.dead = nil
	}
	return nil
}

// commit stores the offsets of what is written. A partition whose log is not read to where it ended at assignment keeps its
// offsets: minutes may be final in memory that are in no table yet.
func (a *Aggregator) commit(ctx context.Context, g *broker.Generation, owners map[int]*owner) error {
	offsets := map[broker.TopicPartition]int64{}
	for p, o := range owners {
		if !o.caughtUp() {
			continue
		}
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
func (o *owner) collect(s *state, d *openDay, rows *rows) {
	if !d.dirty {
		return
	}
	d.dirty = false
	exact, result, w := o.compute(s, d)
	version := d.version(o.next)
	rows.devices(s, d, result, version)
	rows.minutes(s, d, version)
	rows.cells(s, d, exact, version)
	rows.storeDay(s, d.day, exact, w, version, false)
	rows.published(o, s, d, exact, w, version, false)
	d.written = result.Generation
}

// needed is, by topic, the offset behind which a restart needs nothing: of sightings the oldest message of an open day; of
// counters the oldest whose classes are still in memory, because people by minute and what count-only stores count is in
// ClickHouse from there on; of both a Seal whose day is not closed, because its place in the log is what the day ends at.
func (o *owner) needed() [2]int64 {
	out := o.next
	for _, s := range o.stores {
		for _, d := range s.days {
			if d.first[sightings] >= 0 {
				out[sightings] = min(out[sightings], d.first[sightings])
			}
			if d.seal[counters] >= 0 {
				out[counters] = min(out[counters], d.seal[counters])
			}
			for _, h := range d.heard {
				if len(h.held) > 0 {
					out[counters] = min(out[counters], h.held[0].offset)
				}
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
		if !o.caughtUp() {
			continue
		}
		for t, offset := range o.needed() {
			// Again at the same offset when messages came since: on the embedded broker what was truncated leaves the disk
			// only with its segment, and is readable again after a power cut until then (DESIGN section 9).
			if at := [2]int64{offset, o.next[t]}; at == o.truncated[t] || offset == 0 {
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
			o.truncated[t] = [2]int64{offset, o.next[t]}
		}
	}
	return nil
}
