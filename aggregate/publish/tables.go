package publish

import (
	"math"
	"time"
)

// Condition says whether there is something to count in an interval.
type Condition uint8

// The conditions of an interval. The zero value publishes nothing.
const (
	NoData   Condition = iota // no sensor listened
	Closed                    // outside opening hours
	Measured                  // open, and listened to
)

// state is how everything of an interval reads that was not measured, and how it reads where the policy forbids it.
func (c Condition) state(forbidden bool) State {
	switch {
	case c == Closed:
		return StateClosed
	case forbidden:
		return StatePolicy
	case c == Measured:
		return StateValue
	}
	return StateNoData
}

// count and estimate, like dwell, frames and rate below, apply an interval's state to what would be published.
func (s State) count(c Cell, n int) Value {
	if s != StateValue {
		return Value{State: s}
	}
	return c.Count(n)
}

func (s State) estimate(c Cell, r Range) Estimate {
	if s != StateValue {
		return Estimate{State: s}
	}
	return c.Estimate(r)
}

// Live is the exact occupancy of a store just now. LiveGrid is how often it may be shown anew.
type Live struct {
	Condition Condition
	Occupancy Range
}

// LiveGrid is the grid on which the live occupancy moves.
const LiveGrid = 5 * time.Minute

// Live publishes the live occupancy. It takes the step of the grid that holds at; call it once a step, with the numbers as the
// step began. Under 10 reads quiet.
func (r Rounder) Live(store string, at time.Time, in Live) Estimate {
	out := in.Condition.state(false).estimate(r.Cell(LevelLive, store, at.Truncate(LiveGrid)), in.Occupancy)
	if out.State == StateUnder10 {
		out.State = StateQuiet
	}
	return out
}

// Quarter is the exact quarter of an hour of a store. CountOnly says that its policy lets no ids leave the sensors, so that
// there are no visits to estimate.
type Quarter struct {
	Condition  Condition
	CountOnly  bool
	Occupancy  Range // mean people present
	Estimated  Range // estimated visits
	Counted    int   // devices that a sensor only counted
	HasCounted bool  // a sensor did
}

// QuarterRow is what pub_store_quarter shows.
type QuarterRow struct {
	Occupancy, EstimatedVisits Estimate
	Counted                    Value
}

// Quarter publishes a quarter of an hour by its start.
func (r Rounder) Quarter(store string, start time.Time, in Quarter) QuarterRow {
	c := r.Cell(LevelStoreQuarter, store, start)
	return QuarterRow{
		Occupancy:       in.Condition.state(false).estimate(c, in.Occupancy),
		EstimatedVisits: in.Condition.state(in.CountOnly).estimate(c, in.Estimated),
		Counted:         in.counted().count(c, in.Counted),
	}
}

// counted is how the devices read that were only counted. Usually there are none to tell of, and that is no data rather than a
// nought. They come without the minutes' counters, so whether somebody listened does not matter. A store that only counts has
// them in its occupancy, and a second column of them would invite adding up.
func (q Quarter) counted() State {
	switch {
	case q.CountOnly:
		return q.Condition.state(true)
	case q.HasCounted:
		return StateValue
	case q.Condition == Closed:
		return StateClosed
	}
	return StateNoData
}

// Hour is the exact store-local hour of a store.
type Hour struct {
	Condition Condition
	CountOnly bool
	Visits    int
	Estimated Range // estimated visits
}

// HourRow is what pub_store_hour shows.
type HourRow struct {
	Visits          Value
	EstimatedVisits Estimate
}

// Hour publishes a store-local hour by its start.
func (r Rounder) Hour(store string, start time.Time, in Hour) HourRow {
	c, state := r.Cell(LevelStoreHour, store, start), in.Condition.state(in.CountOnly)
	return HourRow{Visits: state.count(c, in.Visits), EstimatedVisits: state.estimate(c, in.Estimated)}
}

// ZoneHour is the exact store-local hour of one of a store's zones.
type ZoneHour struct {
	Condition Condition
	CountOnly bool
	Visits    int
}

// ZoneHour publishes the visits of a zone's hour by its start. All zones of a store share the hour's draw.
func (r Rounder) ZoneHour(store string, start time.Time, in ZoneHour) Value {
	return in.Condition.state(in.CountOnly).count(r.Cell(LevelZoneHour, store, start), in.Visits)
}

// Day is the exact store-day of a store.
type Day struct {
	Condition                                     Condition
	CountOnly                                     bool
	Visits, Bounces, Visitors, PassersBy, Engaged int
	DwellP25S, DwellP50S, DwellP75S               float64 // seconds
	Estimated                                     Range   // estimated visits
	FramesRandom, FramesStable                    uint64
}

// DayRow is what pub_store_day shows.
type DayRow struct {
	Visits, Bounces, Visitors, PassersBy Value
	CaptureRate                          Percent // visits of visits, bounces and passers-by
	Engaged                              Percent // engaged visits of visits
	RandomShare                          Percent // random-address frames of all frames
	Coverage                             Percent // stable visits of estimated visits
	Dwell                                Quartiles
	EstimatedVisits                      Estimate
}

// Day publishes a store-day by its start.
func (r Rounder) Day(store string, start time.Time, in Day) DayRow {
	c := r.Cell(LevelStoreDay, store, start)
	always, state := in.Condition.state(false), in.Condition.state(in.CountOnly)
	out := DayRow{
		Visits:          state.count(c, in.Visits),
		Bounces:         state.count(c, in.Bounces),
		Visitors:        state.count(c, in.Visitors),
		PassersBy:       always.count(c, in.PassersBy),
		EstimatedVisits: state.estimate(c, in.Estimated),
		Dwell:           state.dwell(in),
		RandomShare:     always.frames(c, in.FramesRandom, in.FramesStable),
	}
	out.CaptureRate = Share(out.Visits, sum(out.Visits, out.Bounces, out.PassersBy))
	out.Engaged = Share(state.count(c, in.Engaged), out.Visits)
	out.Coverage = Share(out.Visits, Value{out.EstimatedVisits.N, out.EstimatedVisits.State})
	return out
}

// dwell shows quartiles from 10 distinct devices up; the rounded count of visitors is then at least 10, too.
func (s State) dwell(in Day) Quartiles {
	switch {
	case s != StateValue:
		return Quartiles{State: s}
	case in.Visitors < Least:
		return Quartiles{State: StateUnder10}
	case !sound(in.DwellP25S, in.DwellP50S, in.DwellP75S):
		return Quartiles{State: StateNoData}
	}
	minutes := func(seconds float64) int { return int(math.Floor(seconds/60 + .5)) }
	return Quartiles{minutes(in.DwellP25S), minutes(in.DwellP50S), minutes(in.DwellP75S), StateValue}
}

// frames is the random share. Frames are not devices: one phone sends dozens in a burst, so rounding them hides nobody. It is
// a figure about the data's quality, rounded like the rest for the sake of one rule. Frame counts over the largest number that
// is rounded are halved together, which leaves their share.
func (s State) frames(c Cell, random, stable uint64) Percent {
	if s != StateValue {
		return Percent{State: s}
	}
	for random > largest || stable > largest {
		random, stable = random/2, stable/2
	}
	part, rest := c.Count(int(random)), c.Count(int(stable))
	return Share(part, sum(part, rest))
}

// Rate is an exact share with its interval, each from 0 to 1. Known is false where it cannot be said yet.
type Rate struct {
	Known            bool
	Share, Low, High float64
}

// Week is the exact store-week of a store. Visitors are each counted once a day, so their sum may hold one person seven times;
// BusiestDay is the largest number of visitors of one of its days, the number of distinct ones that is certain.
type Week struct {
	Condition               Condition
	CountOnly               bool
	Visitors                int
	BusiestDay              int
	Repeat1W, Repeat4W, New Rate
	// Policy extended: visitors with a return id, the largest number of them on one day, and how many of them visited on one
	// of the 7, 14 and 28 store-days before.
	Extended                       bool
	ReturnVisitors, BusiestReturns int
	Repeat7D, Repeat14D, Repeat28D Returned
}

// Returned is how many visitors had been there before. Known is false where the store does not look back so far yet.
type Returned struct {
	Known bool
	N     int
}

// WeekRow is what pub_store_week shows.
type WeekRow struct {
	Visitors                Value
	Repeat1W, Repeat4W, New PercentRange
	// Of the visitors with a return id; exact but for the rounding of the counts they are made of.
	Repeat7D, Repeat14D, Repeat28D Percent
}

// Week publishes a store-week by its start. Shares appear from 10 distinct visitors, in whole percent, their ends outward.
func (r Rounder) Week(store string, start time.Time, in Week) WeekRow {
	state := in.Condition.state(in.CountOnly)
	c := r.Cell(LevelStoreWeek, store, start)
	out := WeekRow{Visitors: state.count(c, in.Visitors)}
	out.returns(c, in)
	if state == StateValue && in.BusiestDay < Least {
		state = StateUnder10
	}
	out.Repeat1W, out.Repeat4W = state.rate(in.Repeat1W), state.rate(in.Repeat4W)
	// New is published as what a repeat rate leaves of 100, so that the two add up on the page.
	old := state.rate(Rate{in.New.Known, 1 - in.New.Share, 1 - in.New.High, 1 - in.New.Low})
	out.New = PercentRange{State: old.State}
	if old.State == StateValue {
		out.New = PercentRange{100 - old.Pct, 100 - old.High, 100 - old.Low, StateValue}
	}
	return out
}

// returns makes the exact shares, from 10 distinct visitors with a return id.
func (out *WeekRow) returns(c Cell, in Week) {
	state := in.Condition.state(!in.Extended)
	if state == StateValue && in.BusiestReturns < Least {
		state = StateUnder10
	}
	share := func(r Returned) Percent {
		switch {
		case state == StateValue && !r.Known:
			return Percent{State: StateNoData}
		case state != StateValue:
			return Percent{State: state}
		}
		return Share(c.Count(r.N), c.Count(in.ReturnVisitors))
	}
	out.Repeat7D, out.Repeat14D, out.Repeat28D = share(in.Repeat7D), share(in.Repeat14D), share(in.Repeat28D)
}

func (s State) rate(r Rate) PercentRange {
	if s != StateValue {
		return PercentRange{State: s}
	}
	if !r.Known || !(r.Low <= r.Share && r.Share <= r.High) {
		return PercentRange{State: StateNoData}
	}
	// A share such as .29 is a hair more or less than it looks like: a billionth is not worth a percent.
	const hair = 1e-9
	whole := func(x float64) int { return int(min(100, max(0, x))) }
	return PercentRange{
		Pct:   whole(math.Floor(100*r.Share + .5)),
		Low:   whole(math.Floor(100*r.Low + hair)),
		High:  whole(math.Ceil(100*r.High - hair)),
		State: StateValue,
	}
}
