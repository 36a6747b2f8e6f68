package run

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/publish"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/storeday"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// rows collects what one flush writes, table by table: few and large inserts.
type rows struct {
	deviceDays []store.DeviceDayRow
	people     []store.PeopleMinuteRow
	cellRows   []store.CellRow
	storeDays  []store.StoreDayRow
	patterns   []store.ReturnPatternRow
	returns    []store.ReturnVisitRow
	weeks      []store.RepeatWeekRow
	dead       []store.DeadLetterRow
	pubLive    []store.PubStoreLiveRow
	pubQuarter []store.PubStoreQuarterRow
	pubHour    []store.PubStoreHourRow
	pubZone    []store.PubZoneHourRow
	pubDay     []store.PubStoreDayRow
	pubWeek    []store.PubStoreWeekRow
	pubSensor  []store.PubSensor5MinRow
}

// insert writes all of it. Every row is whole and has a version, so that writing it twice changes nothing.
func (r *rows) insert(ctx context.Context, db *store.DB) error {
	for _, write := range []func() error{
		func() error { return store.Insert(ctx, db, store.TableDeviceDays, r.deviceDays) },
		func() error { return store.Insert(ctx, db, store.TablePeopleMinutes, r.people) },
		func() error { return store.Insert(ctx, db, store.TableCells, r.cellRows) },
		func() error { return store.Insert(ctx, db, store.TableStoreDays, r.storeDays) },
		func() error { return store.Insert(ctx, db, store.TableReturnVisits, r.returns) },
		func() error { return store.Insert(ctx, db, store.TableReturnPatterns, r.patterns) },
		func() error { return store.Insert(ctx, db, store.TableRepeatWeeks, r.weeks) },
		func() error { return store.Insert(ctx, db, store.TableDeadLetters, r.dead) },
		func() error { return store.Insert(ctx, db, store.TablePubStoreLive, r.pubLive) },
		func() error { return store.Insert(ctx, db, store.TablePubStoreQuarter, r.pubQuarter) },
		func() error { return store.Insert(ctx, db, store.TablePubStoreHour, r.pubHour) },
		func() error { return store.Insert(ctx, db, store.TablePubZoneHour, r.pubZone) },
		func() error { return store.Insert(ctx, db, store.TablePubStoreDay, r.pubDay) },
		func() error { return store.Insert(ctx, db, store.TablePubStoreWeek, r.pubWeek) },
		func() error { return store.Insert(ctx, db, store.TablePubSensor5Min, r.pubSensor) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

func weekday(d calendar.Day) uint8 {
	if w := d.Weekday(); w != time.Sunday {
		return uint8(w)
	}
	return 7
}

// devices adds the devices that gained sightings since they were last written.
func (r *rows) devices(s *state, d *openDay, result visitsResult, version uint64) {
	seal := time.UnixMilli(s.cfg.Calendar.End(d.day).Add(s.cfg.SealAfter).UnixMilli()).UTC().Truncate(time.Hour)
	zones := s.cfg.Zones()
	for i := range result.Devices {
		dev := &result.Devices[i]
		if dev.Changed <= d.written {
			continue
		}
		row := store.DeviceDayRow{
			Store: s.cfg.ID, StoreDay: d.day.Date(), ID: dev.ID, Sightings: uint32(dev.Sightings), Bounces: uint16(min(dev.Bounces, 65535)),
			SealHour: seal, Version: version,
		}
		for _, v := range dev.Visits {
			visit := store.DeviceVisit{First: time.UnixMilli(v.FirstMS).UTC(), Last: time.UnixMilli(v.LastMS).UTC()}
			for _, z := range v.Zones {
				visit.Zones = append(visit.Zones, store.ZoneStay{
					Zone: zones[z.Zone], First: time.UnixMilli(z.FirstMS).UTC(), Last: time.UnixMilli(z.LastMS).UTC(), Count: uint32(z.Count),
				})
			}
			row.Visits = append(row.Visits, visit)
		}
		r.deviceDays = append(r.deviceDays, row)
	}
}

func (r *rows) minutes(s *state, d *openDay, version uint64) {
	for sensor, h := range d.heard {
		for _, m := range sortedMinutes(h.minutes) {
			r.people = append(r.people, store.PeopleMinuteRow{
				Store: s.cfg.ID, StoreDay: d.day.Date(), Minute: storeday.Start(m.Minute), Sensor: s.cfg.Sensors[sensor].ID, Zone: s.cfg.Sensors[sensor].Zone,
				Random: m.Random, ListenedS: m.ListenedS, FramesRandom: m.FramesRandom, FramesStable: m.FramesStable, PassersBy: m.PassersBy,
				ExcludedLong: m.ExcludedLong, Final: m.Final, Version: version,
			})
		}
	}
}

// cells adds the day's cells. One that was written and has nothing in it any more, because its visit joined an earlier one or
// was forgotten, is written empty.
func (r *rows) cells(s *state, d *openDay, exact storeday.Exact, version uint64) {
	there := map[int64]struct{}{}
	for i := range exact.Cells {
		there[exact.Cells[i].Start] = struct{}{}
		r.cellRows = append(r.cellRows, cellRow(s, d.day, &exact.Cells[i], version))
	}
	for start := range d.cells {
		if _, ok := there[start]; !ok {
			r.cellRows = append(r.cellRows, cellRow(s, d.day, &storeday.Cell{Start: start}, version))
		}
	}
	maps.Copy(d.cells, there)
}

func cellRow(s *state, day calendar.Day, c *storeday.Cell, version uint64) store.CellRow {
	start := storeday.Start(c.Start)
	local := start.In(s.cfg.Calendar.Location())
	row := store.CellRow{
		Store: s.cfg.ID, StoreDay: day.Date(), Start: start, LocalHour: uint8(local.Hour()), LocalMinute: uint8(local.Minute()),
		Weekday: weekday(day), StoreWeek: day.Week().Monday().Date(), ListenedMinutes: uint8(c.Listened),
		Visits: uint32(c.Visits), Bounces: uint32(c.Bounces), PassersBy: uint32(c.PassersBy), Engaged: uint32(c.Engaged), ExcludedLong: uint32(c.ExcludedLong),
		Stable: c.People.Stable, Random: c.People.Random, Occupancy: c.People.Occupancy, OccupancyLow: c.People.Low, OccupancyHigh: c.People.High,
		EstimatedVisits: c.Estimated.Value, EstimatedLow: c.Estimated.Low, EstimatedHigh: c.Estimated.High,
		FramesRandom: c.FramesRandom, FramesStable: c.FramesStable, DwellS: c.DwellS, Final: c.Final, Version: version,
	}
	if c.HasCounted {
		n := uint32(c.Counted)
		row.Counted = &n
	}
	return row
}

// storeDay adds the exact day that is kept after sealing. Of fewer than 10 distinct visitors only the frames are kept then, and
// no dwell at any time (DESIGN section 6): the counts read 0, and what may be said of the day is in its pub_ rows.
func (r *rows) storeDay(s *state, day calendar.Day, exact storeday.Exact, w float64, version uint64, sealed bool) {
	t := &exact.Totals
	row := store.StoreDayRow{
		Store: s.cfg.ID, StoreDay: day.Date(), Weekday: weekday(day), StoreWeek: day.Week().Monday().Date(),
		Visits: uint32(t.Visits), Bounces: uint32(t.Bounces), Visitors: uint32(t.Visitors), PassersBy: uint32(t.PassersBy), Engaged: uint32(t.Engaged),
		ExcludedLong: uint32(t.ExcludedLong), StayMin: w, EstimatedVisits: t.Estimated.Value, EstimatedLow: t.Estimated.Low, EstimatedHigh: t.Estimated.High,
		OccupancyMean: t.People.Occupancy, OccupancyLow: t.People.Low, OccupancyHigh: t.People.High,
		FramesRandom: t.FramesRandom, FramesStable: t.FramesStable, Sealed: sealed, Version: version,
	}
	if t.Visitors >= dwellVisitors {
		dwell := t.Dwell
		row.DwellSumS, row.DwellP25S, row.DwellP50S, row.DwellP75S = &dwell.SumS, &dwell.P25S, &dwell.P50S, &dwell.P75S
	}
	if sealed && !s.countOnly() && t.Visitors < dwellVisitors {
		row.Visits, row.Bounces, row.Visitors, row.PassersBy, row.Engaged, row.ExcludedLong = 0, 0, 0, 0, 0, 0
		row.EstimatedVisits, row.EstimatedLow, row.EstimatedHigh = 0, 0, 0
		row.OccupancyMean, row.OccupancyLow, row.OccupancyHigh = 0, 0, 0
	}
	r.storeDays = append(r.storeDays, row)
}

// patterns is the day's noisy return answers added up, where its visitors gave any.
func patterns(s *state, day calendar.Day, result visitsResult, version uint64) (store.ReturnPatternRow, bool) {
	ret := &result.Returns
	if result.Visitors == 0 {
		return store.ReturnPatternRow{}, false
	}
	return store.ReturnPatternRow{
		Store: s.cfg.ID, StoreDay: day.Date(), StoreWeek: day.Week().Monday().Date(), Counts: ret.Counts[:], Q0: ret.Q0[:],
		LookbackWeeks: ret.Lookback, Visitors: uint32(result.Visitors), Version: version,
	}, true
}

// publishWeek publishes a week's repeat rate from its days' answers, and deletes them. A week that was published stays as it
// is, whether a crash came before the deletion or a day came too late: two looks at one week would show what lies between.
func (o *owner) publishWeek(ctx context.Context, s *state, week calendar.Week, days []calendar.Day) error {
	monday := week.Monday().Date()
	const published = "SELECT count() FROM " + store.TablePubStoreWeek + " WHERE store = ? AND store_week = toDate(?)"
	n, err := store.Value[uint64](ctx, o.a.db, published, s.cfg.ID, week.String())
	if err != nil {
		return fmt.Errorf("look whether it is published: %w", err)
	}
	if n == 0 {
		rows := o.weekRows(s, week, days)
		if err := rows.insert(ctx, o.a.db); err != nil {
			return err
		}
	}
	return o.a.db.DeleteReturnPatterns(ctx, s.cfg.ID, monday)
}

// weekRows makes a week's rows. The published one is inserted last, so that where it stands the other does, too.
func (o *owner) weekRows(s *state, week calendar.Week, days []calendar.Day) rows {
	var answers []estimate.Answers
	var visitors int
	var daily []publish.Daily
	repeats := newRepeats(s)
	var version uint64
	var rows rows
	sortDays(days)
	for _, day := range days {
		p := s.answers[day]
		visitors += int(p.Visitors)
		daily = append(daily, publish.Daily{Start: s.cfg.Calendar.Start(day), Visitors: int(p.Visitors), Returns: int(p.ReturnVisitors)})
		version = max(version, p.Version)
		answers = append(answers, answersOf(p))
		repeats.add(p)
	}
	rate := estimate.Repeat(answers, estimate.KeepProbability(s.cfg.ReturnEpsilon))
	rows.weeks = append(rows.weeks, repeatRow(s, week, rate, visitors, len(days), version))
	monday := week.Monday().Date()
	exact := publish.Week{
		Condition: publish.Measured, CountOnly: s.countOnly(), Days: daily, Answers: rate.Visitors,
		Repeat1W: rateOf(rate.Week1), Repeat4W: rateOf(rate.Week4), New: rateOf(rate.New),
	}
	repeats.into(&exact)
	pub := o.a.round.Week(s.cfg.ID, monday, exact)
	rows.pubWeek = append(rows.pubWeek, pubWeekRow(s, monday, pub, rate, version))
	return rows
}
