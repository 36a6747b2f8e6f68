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
		o.logEnd[t] = end
		o.next[t] = max(first, as.Committed)
		starts = append(starts, broker.Start{Topic: as.Topic, Partition: as.Partition, Offset: as.Committed})
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
	days, err := store.Select[store.StoreDayRow](ctx, a.db, "SELECT * FROM store_days FINAL WHERE store = ? AND sealed", s.cfg.ID)
	if err != nil {
		return err
	}
	for _, row := range days {
		day := dayOfDate(row.StoreDay)
		if _, ok := s.sealed[day]; ok && row.DwellSumS != nil {
			s.stays[day] = stay{int(row.Visits), *row.DwellSumS}
		}
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
	return a.restoreMinutes(ctx, s)
}

func (s *state) hasSealed(day calendar.Day) bool {
	_, ok := s.sealed[day]
	return ok
}

// restoreMinutes reads the final minutes of open days: the messages they came from may be gone, and the streams only give what
// follows them.
func (a *Aggregator) restoreMinutes(ctx context.Context, s *state) error {
	minutes, err := store.Select[store.PeopleMinuteRow](ctx, a.db, "SELECT * FROM people_minutes FINAL WHERE store = ? AND final ORDER BY minute", s.cfg.ID)
	if err != nil {
		return err
	}
	resume := make([]int64, len(s.cfg.Sensors))
	for _, row := range minutes {
		sensor, day := s.cfg.SensorIndex(row.Sensor), dayOfDate(row.StoreDay)
		if sensor < 0 || s.hasSealed(day) {
			continue
		}
		d, err := s.open(day, counters, math.MaxInt64)
		if err != nil {
			return err
		}
		d.first[counters] = -1 // the messages are not needed any more
		d.dirty = true
		at := row.Minute.Unix() / 60
		d.minutes[sensor][at] = &storeday.Minute{
			Minute: at, Random: row.Random, Final: true, ListenedS: row.ListenedS, FramesRandom: row.FramesRandom, FramesStable: row.FramesStable,
			PassersBy: row.PassersBy, ExcludedLong: row.ExcludedLong,
		}
		resume[sensor] = max(resume[sensor], at+1)
	}
	for sensor, at := range resume {
		s.streams[sensor] = estimate.NewStream(a.params, false, at)
	}
	return nil
}

// eraseDay deletes what may not outlive a day's sealing: ids, people by minute, exact cells. Tables without a row of the day
// are left alone: a delete waits until the rows have left the disk.
func (a *Aggregator) eraseDay(ctx context.Context, storeID string, day calendar.Day) error {
	for _, e := range []struct {
		table  string
		delete func(context.Context, string, time.Time) error
	}{
		{store.TableDeviceDays, a.db.DeleteDeviceDays},
		{store.TablePeopleMinutes, a.db.DeletePeopleMinutes},
		{store.TableCells, a.db.DeleteCells},
	} {
		n, err := store.Value[uint64](ctx, a.db, "SELECT count() FROM "+e.table+" WHERE store = ? AND store_day = toDate(?)", storeID, day.String())
		if err == nil && n > 0 {
			err = e.delete(ctx, storeID, day.Date())
		}
		if err != nil {
			return fmt.Errorf("delete the day's rows of %s: %w", e.table, err)
		}
	}
	return nil
}

// writeStores writes what dashboards need to know of the stores.
func (a *Aggregator) writeStores(ctx context.Context) error {
	var rows []store.StoreRow
	for i := range a.cfg.Stores {
		s := &a.cfg.Stores[i]
		rows = append(rows, store.StoreRow{
			Store: s.ID, Name: s.Name, TimeZone: s.Zone, Policy: strings.ToLower(strings.TrimPrefix(s.Policy.String(), "POLICY_")), Hours: s.Hours.String(),
			Zones: s.Zones(), SealAfterS: uint32(s.SealAfter / time.Second), Version: uint64(a.cfg.Now().UnixMilli()),
		})
	}
	if err := store.Insert(ctx, a.db, store.TableStores, rows); err != nil {
		return fmt.Errorf("write the stores: %w", err)
	}
	return nil
}

func dayOfDate(t time.Time) calendar.Day { return calendar.DayOfDate(t.UTC().Date()) }
