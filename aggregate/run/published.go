package run

import (
	"cmp"
	"slices"
	"time"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/publish"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/storeday"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

const quarter = 15 * time.Minute

func (s *state) countOnly() bool { return s.cfg.Policy == wire.Policy_POLICY_COUNT_ONLY }

// condition says how an interval without a number reads: closed where the store is closed throughout, no data where nobody
// listened though it was open.
func (s *state) condition(start, end time.Time, listened int) publish.Condition {
	if listened > 0 {
		return publish.Measured
	}
	loc := s.cfg.Calendar.Location()
	for at := start; at.Before(end); at = at.Add(quarter) {
		if s.cfg.Hours.Open(at.In(loc)) {
			return publish.NoData
		}
	}
	return publish.Closed
}

// peopleOf is an occupancy with its interval, which depends on nothing but how many there are.
func peopleOf(n float64) publish.Range {
	return publish.Range{Value: n, Ends: func(n, _ float64) (low, high float64) { return estimate.Interval(n) }}
}

// visitsOf is a number of estimated visits with its interval, which also depends on the minutes listened to and the mean stay w.
func visitsOf(v estimate.Visits, stable, listened int, w float64) publish.Range {
	return publish.Range{Value: v.Value, Counted: float64(stable), Ends: func(all, stable float64) (low, high float64) {
		return estimate.VisitsInterval(stable, all, float64(listened), w)
	}}
}

// published adds what dashboards may see of a day. Of an open day only intervals that are over: a count that grows under one
// draw would show every crossing of a step to whoever watches.
func (r *rows) published(o *owner, s *state, d *openDay, exact storeday.Exact, w float64, version uint64, sealed bool) {
	now := time.UnixMilli(min(o.clockMS(s), s.cfg.Calendar.End(d.day).UnixMilli()))
	if sealed {
		now = s.cfg.Calendar.End(d.day)
	}
	r.quarters(o, s, d.day, exact, w, version, now)
	r.hours(o, s, d.day, exact, w, version, now)
	if !now.Before(s.cfg.Calendar.End(d.day)) {
		r.day(o, s, d.day, exact, w, version, sealed)
	}
	r.health(s, d, version)
}

func (r *rows) quarters(o *owner, s *state, day calendar.Day, exact storeday.Exact, w float64, version uint64, now time.Time) {
	cells := map[int64]*storeday.Cell{}
	for i := range exact.Cells {
		cells[exact.Cells[i].Start] = &exact.Cells[i]
	}
	for start := s.cfg.Calendar.Start(day).UTC(); !start.Add(quarter).After(now); start = start.Add(quarter) {
		c := cells[start.Unix()/60]
		if c == nil {
			c = &storeday.Cell{}
		}
		v := o.a.round.Quarter(s.cfg.ID, start, publish.Quarter{
			Condition: s.condition(start, start.Add(quarter), c.Listened), CountOnly: s.countOnly(),
			Occupancy: peopleOf(c.People.Occupancy), Estimated: visitsOf(c.Estimated, c.Visits, c.Listened, w),
			Counted: c.Counted, HasCounted: c.HasCounted,
		})
		local := start.In(s.cfg.Calendar.Location())
		row := store.PubStoreQuarterRow{
			Store: s.cfg.ID, Start: start, StoreDay: day.Date(), LocalHour: uint8(local.Hour()), LocalMinute: uint8(local.Minute()),
			Weekday: weekday(day), StoreWeek: day.Week().Monday().Date(), OccupancyState: string(v.Occupancy.State), EstimatedState: string(v.EstimatedVisits.State),
			Counted: valueOf(v.Counted), CountedState: string(v.Counted.State), Version: version,
		}
		row.Occupancy, row.OccupancyLow, row.OccupancyHigh = estimateOf(v.Occupancy)
		row.EstimatedVisits, row.EstimatedLow, row.EstimatedHigh = estimateOf(v.EstimatedVisits)
		r.pubQuarter = append(r.pubQuarter, row)
	}
}

func (r *rows) hours(o *owner, s *state, day calendar.Day, exact storeday.Exact, w float64, version uint64, now time.Time) {
	byStart, zoneVisits := map[int64]*storeday.Hour{}, map[[2]int64]int{}
	for i := range exact.Hours {
		byStart[exact.Hours[i].Start] = &exact.Hours[i]
	}
	for _, z := range exact.Zones {
		zoneVisits[[2]int64{z.StartMS / 60_000, int64(z.Zone)}] = z.Visits
	}
	zones := s.cfg.Zones()
	end := s.cfg.Calendar.End(day)
	for start := s.cfg.Calendar.Start(day).UTC(); start.Before(end); {
		next := nextHour(start, s.cfg.Calendar.Location())
		if next.After(now) {
			return
		}
		h := byStart[start.Unix()/60]
		if h == nil {
			h = &storeday.Hour{}
		}
		cond := s.condition(start, next, h.Listened)
		v := o.a.round.Hour(s.cfg.ID, start, publish.Hour{Condition: cond, CountOnly: s.countOnly(), Visits: h.Visits, Estimated: visitsOf(h.Estimated, h.Visits, h.Listened, w)})
		hour := uint8(start.In(s.cfg.Calendar.Location()).Hour())
		row := store.PubStoreHourRow{
			Store: s.cfg.ID, Start: start, StoreDay: day.Date(), LocalHour: hour, Weekday: weekday(day), StoreWeek: day.Week().Monday().Date(),
			Visits: valueOf(v.Visits), VisitsState: string(v.Visits.State), EstimatedState: string(v.EstimatedVisits.State), Version: version,
		}
		row.EstimatedVisits, row.EstimatedLow, row.EstimatedHigh = estimateOf(v.EstimatedVisits)
		r.pubHour = append(r.pubHour, row)
		for i, zone := range zones {
			zv := o.a.round.ZoneHour(s.cfg.ID, start, publish.ZoneHour{Condition: cond, CountOnly: s.countOnly(), Visits: zoneVisits[[2]int64{start.Unix() / 60, int64(i)}]})
			r.pubZone = append(r.pubZone, store.PubZoneHourRow{
				Store: s.cfg.ID, Zone: zone, Start: start, StoreDay: day.Date(), LocalHour: hour, Weekday: weekday(day), StoreWeek: day.Week().Monday().Date(),
				Visits: valueOf(zv), VisitsState: string(zv.State), Version: version,
			})
		}
		start = next
	}
}

// nextHour is when the next store-local clock hour begins.
func nextHour(start time.Time, loc *time.Location) time.Time {
	local := start.In(loc)
	return start.Add(time.Hour - time.Duration(local.Minute())*time.Minute - time.Duration(local.Second())*time.Second)
}

func (r *rows) day(o *owner, s *state, day calendar.Day, exact storeday.Exact, w float64, version uint64, sealed bool) {
	t := &exact.Totals
	start := s.cfg.Calendar.Start(day)
	v := o.a.round.Day(s.cfg.ID, start, publish.Day{
		Condition: s.condition(start, s.cfg.Calendar.End(day), t.Listened), CountOnly: s.countOnly(),
		Visits: t.Visits, Bounces: t.Bounces, Visitors: t.Visitors, PassersBy: t.PassersBy, Engaged: t.Engaged,
		DwellP25S: t.Dwell.P25S, DwellP50S: t.Dwell.P50S, DwellP75S: t.Dwell.P75S, Estimated: visitsOf(t.Estimated, t.Visits, t.Listened, w),
		FramesRandom: t.FramesRandom, FramesStable: t.FramesStable,
	})
	row := store.PubStoreDayRow{
		Store: s.cfg.ID, StoreDay: day.Date(), Weekday: weekday(day), StoreWeek: day.Week().Monday().Date(),
		Visits: valueOf(v.Visits), VisitsState: string(v.Visits.State), Bounces: valueOf(v.Bounces), BouncesState: string(v.Bounces.State),
		Visitors: valueOf(v.Visitors), VisitorsState: string(v.Visitors.State), PassersBy: valueOf(v.PassersBy), PassersByState: string(v.PassersBy.State),
		CaptureRatePct: percentOf(v.CaptureRate), CaptureRateState: string(v.CaptureRate.State), EngagedPct: percentOf(v.Engaged), EngagedState: string(v.Engaged.State),
		RandomSharePct: percentOf(v.RandomShare), RandomShareState: string(v.RandomShare.State), CoveragePct: percentOf(v.Coverage), CoverageState: string(v.Coverage.State),
		DwellState: string(v.Dwell.State), EstimatedState: string(v.EstimatedVisits.State), Sealed: sealed, Version: version,
	}
	if v.Dwell.State == publish.StateValue {
		row.DwellP25Min, row.DwellP50Min, row.DwellP75Min = number(v.Dwell.P25), number(v.Dwell.P50), number(v.Dwell.P75)
	}
	row.EstimatedVisits, row.EstimatedLow, row.EstimatedHigh = estimateOf(v.EstimatedVisits)
	r.pubDay = append(r.pubDay, row)
}

func number(n int) *int32 {
	v := int32(n)
	return &v
}

func valueOf(v publish.Value) *int32 {
	if v.State != publish.StateValue {
		return nil
	}
	return number(v.N)
}

func percentOf(p publish.Percent) *int32 {
	if p.State != publish.StateValue {
		return nil
	}
	return number(p.Pct)
}

func estimateOf(e publish.Estimate) (value, low, high *int32) {
	if e.State != publish.StateValue {
		return nil, nil, nil
	}
	return number(e.N), number(e.Low), number(e.High)
}

func rateOf(s estimate.Share) publish.Rate {
	return publish.Rate{Known: s.Known, Share: s.Value, Ends: s.Of}
}

func answersOf(p store.ReturnPatternRow) estimate.Answers {
	a := estimate.Answers{Lookback: int(p.LookbackWeeks)}
	copy(a.Counts[:], p.Counts)
	copy(a.Q0[:], p.Q0)
	return a
}

// repeatRow is what is kept of a week. Of fewer than 10 visitors over its days their number reads 0, as in store_days.
func repeatRow(s *state, week calendar.Week, rate estimate.RepeatRate, visitors, days int, version uint64) store.RepeatWeekRow {
	if visitors < dwellVisitors {
		visitors = 0
	}
	row := store.RepeatWeekRow{
		Store: s.cfg.ID, StoreWeek: week.Monday().Date(), Visitors: uint32(visitors), NewShare: rate.New.Value, NewLow: rate.New.Low, NewHigh: rate.New.High,
		LookbackWeeks: uint8(max(0, rate.Lookback)), Days: uint8(days), Version: version,
	}
	set := func(share estimate.Share, value, low, high **float64) {
		if share.Known {
			*value, *low, *high = &share.Value, &share.Low, &share.High
		}
	}
	set(rate.Week1, &row.Repeat1W, &row.Repeat1WLow, &row.Repeat1WHigh)
	set(rate.Week4, &row.Repeat4W, &row.Repeat4WLow, &row.Repeat4WHigh)
	return row
}

func pubWeekRow(s *state, monday time.Time, v publish.WeekRow, rate estimate.RepeatRate, version uint64) store.PubStoreWeekRow {
	row := store.PubStoreWeekRow{
		Store: s.cfg.ID, StoreWeek: monday, Visitors: valueOf(v.Visitors), VisitorsState: string(v.Visitors.State),
		LookbackWeeks: uint8(max(0, rate.Lookback)), State: string(v.Repeat1W.State), Version: version,
	}
	row.Repeat1WPct, row.Repeat1WLowPct, row.Repeat1WHighPct = percents(v.Repeat1W)
	row.Repeat4WPct, row.Repeat4WLowPct, row.Repeat4WHighPct = percents(v.Repeat4W)
	row.NewPct, row.NewLowPct, row.NewHighPct = percents(v.New)
	row.Repeat7DPct, row.Repeat7DState = percentOf(v.Repeat7D), string(v.Repeat7D.State)
	row.Repeat14DPct, row.Repeat14DState = percentOf(v.Repeat14D), string(v.Repeat14D.State)
	row.Repeat28DPct, row.Repeat28DState = percentOf(v.Repeat28D), string(v.Repeat28D.State)
	return row
}

func percents(p publish.PercentRange) (value, low, high *int32) {
	if p.State != publish.StateValue {
		return nil, nil, nil
	}
	return number(p.Pct), number(p.Low), number(p.High)
}

func sortDays(days []calendar.Day) {
	slices.SortFunc(days, func(a, b calendar.Day) int { return cmp.Compare(a, b) })
}
