package run

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/storeday"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// restore makes the owners of the partitions that this generation assigned: which days are sealed, the mean stays, the answers
// of weeks that are not published, people by minute of open days. Sightings are read again from the log.
func (a *Aggregator) restore(ctx context.Context, g *broker.Generation) (map[int]*owner, []broker.Start, error) {
	owners := map[int]*owner{}
	var starts []broker.Start
	partitions, err := broker.PartitionCount(ctx, a.cfg.Kafka, broker.Sightings)
	if err != nil {
		return nil, nil, err
	}
	for _, as := range g.Assignments() {
		o := owners[as.Partition]
		if o == nil {
			o = &owner{a: a, partition: as.Partition, stores: map[string]*state{}}
			for id, cfg := range a.stores {
				if broker.PartitionOf([]byte(id), partitions) == as.Partition {
					o.stores[id] = newState(cfg, a.params)
				}
			}
			owners[as.Partition] = o
		}
		t := topicOf(as.Topic)
		end, err := g.EndOffset(ctx, as.Topic, as.Partition)
		if err != nil {
			return nil, nil, err
		}
		first, err := g.FirstOffset(ctx, as.Topic, as.Partition)
		if err != nil {
			return nil, nil, err
		}
		if as.Committed > end {
			return nil, nil, fmt.Errorf("%s/%d ends at offset %d, before the offset %d that the group committed: the broker lost messages; "+
				"delete the consumer group %s, so that what is left is read from its beginning", as.Topic, as.Partition, end, as.Committed, a.cfg.Group)
		}
		o.logEnd[t] = end
		o.next[t] = max(first, as.Committed)
		starts = append(starts, broker.Start{Topic: as.Topic, Partition: as.Partition, Offset: as.Committed})
	}
	for _, table := range []string{store.TableDeviceDays, store.TableReturnVisits} {
		if err := a.db.Sweep(ctx, table); err != nil { // what a crash may have left of rows that are deleted
			return nil, nil, err
		}
	}
	for _, o := range owners {
		for _, s := range o.stores {
			if err := a.restoreStore(ctx, s); err != nil {
				return nil, nil, fmt.Errorf("read back store %s: %w", s.cfg.ID, err)
			}
		}
	}
	return owners, starts, nil
}

func (a *Aggregator) restoreStore(ctx context.Context, s *state) error {
	sealed, err := store.Select[store.SealedDayRow](ctx, a.db, "SELECT * FROM sealed_days FINAL WHERE store = ?", s.cfg.ID)
	if err != nil {
		return err
	}
	for _, row := range sealed {
		day := dayOfDate(row.StoreDay)
		s.sealed[day] = [2]int64{row.SightingsOffset, row.CountersOffset}
	}
	days, err := store.Select[store.StoreDayRow](ctx, a.db, "SELECT * FROM store_days FINAL WHERE store = ? AND sealed ORDER BY store_day", s.cfg.ID)
	if err != nil {
		return err
	}
	var last store.StoreDayRow
	for _, row := range days {
		day := dayOfDate(row.StoreDay)
		if !s.hasSealed(day) {
			continue
		}
		if row.DwellSumS != nil {
			s.stays[day] = stay{int(row.Visits), *row.DwellSumS}
		}
		s.sealedUnder(day, row.Extended)
		last = row
	}
	patterns, err := store.Select[store.ReturnPatternRow](ctx, a.db, "SELECT * FROM return_patterns FINAL WHERE store = ?", s.cfg.ID)
	if err != nil {
		return err
	}
	for _, row := range patterns {
		if day := dayOfDate(row.StoreDay); s.hasSealed(day) {
			s.answers[day] = row
		}
	}
	if err := a.eraseLeftovers(ctx, map[string]*state{s.cfg.ID: s}, "store = ?", s.cfg.ID); err != nil {
		return err
	}
	if err := a.restoreReturns(ctx, s, last); err != nil {
		return err
	}
	if err := a.restoreLive(ctx, s); err != nil {
		return err
	}
	if err := a.restoreMinutes(ctx, s); err != nil {
		return err
	}
	return a.restoreCells(ctx, s)
}

func (s *state) hasSealed(day calendar.Day) bool {
	_, ok := s.sealed[day]
	return ok
}

// restoreMinutes reads the final minutes of open days: the messages they came from may be gone. The streams give what follows
// them, from the first minute on that is not final: of a sensor that was set anew, minutes of the floor before may become final
// after some of the floor since.
func (a *Aggregator) restoreMinutes(ctx context.Context, s *state) error {
	minutes, err := store.Select[store.PeopleMinuteRow](ctx, a.db, "SELECT * FROM people_minutes FINAL WHERE store = ? ORDER BY minute", s.cfg.ID)
	if err != nil {
		return err
	}
	begun := map[*heard]bool{} // a minute that is not final was seen
	for _, row := range minutes {
		sensor, day := s.cfg.SensorIndex(row.Sensor), dayOfDate(row.StoreDay)
		if sensor < 0 {
			continue
		}
		d, err := s.reopen(day)
		if err != nil {
			return err
		}
		h, at := d.heard[sensor], row.Minute.Unix()/60
		begun[h] = begun[h] || !row.Final
		if !begun[h] {
			h.resume = at + 1
		}
		if !row.Final {
			continue
		}
		h.minutes[at] = &storeday.Minute{
			Minute: at, Random: row.Random, Final: true, ListenedS: row.ListenedS, FramesRandom: row.FramesRandom, FramesStable: row.FramesStable,
			PassersBy: row.PassersBy, ExcludedLong: row.ExcludedLong,
		}
	}
	return nil
}

// restoreCells reads which cells of open days are there, and what sensors counted in them: the messages that brought the counts
// may be gone. Cells from before the counts had a column have them among the stable devices where the store only counts.
func (a *Aggregator) restoreCells(ctx context.Context, s *state) error {
	cells, err := store.Select[store.CellRow](ctx, a.db, "SELECT * FROM cells FINAL WHERE store = ?", s.cfg.ID)
	if err != nil {
		return err
	}
	for i := range cells {
		row := &cells[i]
		d, err := s.reopen(dayOfDate(row.StoreDay))
		if err != nil {
			return err
		}
		start := row.Start.Unix() / 60
		d.cells[start] = struct{}{}
		if row.Counted != nil {
			d.counted[start/estimate.Quarter] = *row.Counted
		} else if n := math.Ceil(row.Stable); s.countOnly() && n > 0 {
			d.counted[start/estimate.Quarter] = uint32(n)
		}
	}
	return nil
}

// reopen opens a store-day that rows are left of, without a message that a restart would need.
func (s *state) reopen(day calendar.Day) (*openDay, error) {
	d, err := s.open(day, counters, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	d.first[counters] = -1
	d.dirty = true
	return d, nil
}

// writeStores writes what dashboards need to know of the stores.
func (a *Aggregator) writeStores(ctx context.Context) error {
	var rows []store.StoreRow
	var published []store.PubStoreRow
	version := uint64(a.cfg.Now().UnixMilli())
	for i := range a.cfg.Stores {
		s := &a.cfg.Stores[i]
		policy := strings.ToLower(strings.TrimPrefix(s.Policy.String(), "POLICY_"))
		rows = append(rows, store.StoreRow{
			Store: s.ID, Name: s.Name, TimeZone: s.Zone, Policy: policy, Hours: s.Hours.String(),
			Zones: s.Zones(), SealAfterS: uint32(s.SealAfter / time.Second), Version: version,
		})
		published = append(published, store.PubStoreRow{
			Store: s.ID, Name: s.Name, Region: s.Region, TimeZone: s.Zone, Policy: policy, Hours: s.Hours.String(), Sensors: uint16(len(s.Sensors)), Version: version,
		})
	}
	err := store.Insert(ctx, a.db, store.TableStores, rows)
	if err == nil {
		err = store.Insert(ctx, a.db, store.TablePubStores, published)
	}
	if err != nil {
		return fmt.Errorf("write the stores: %w", err)
	}
	return nil
}

func dayOfDate(t time.Time) calendar.Day { return calendar.DayOfDate(t.UTC().Date()) }
