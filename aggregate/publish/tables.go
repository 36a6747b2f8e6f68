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
	return r.Cell(LevelStoreQuarter, store, start).quarter(in)
}

func (c Cell) quarter(in Quarter) QuarterRow {
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
	return r.Cell(LevelStoreHour, store, start).hour(in)
}

func (c Cell) hour(in Hour) HourRow {
	state := in.Condition.state(in.CountOnly)
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
	return r.Cell(LevelStoreDay, store, start).day(in)
}

func (c Cell) day(in Day) DayRow {
	always, state := in.Condition.state(false), in.Condition.state(in.CountOnly)
	out := DayRow{
		Visits:          state.count(c, in.Visits),
		Bounces:         state.count(c, in.Bounces),
		Visitors:        state.count(c, in.Visitors),
		PassersBy:       always.count(c, in.PassersBy),
		EstimatedVisits: state.estimate(c, in.Estimated),
		Dwell:           state.dwell(c, in),
		RandomShare:     always.frames(c, in.FramesRandom, in.FramesStable),
	}
	out.CaptureRate = Share(out.Visits, sum(out.Visits, out.Bounces, out.PassersBy))
	out.Engaged = Share(state.count(c, in.Engaged), out.Visits)
	out.Coverage = Share(out.Visits, Value{out.EstimatedVisits.N, out.EstimatedVisits.State})
	return out
}

// certain says whether a count is shown and cannot be of fewer than 10, whatever was rounded: what is shown from 10 distinct devices up
// hangs on it. Were it the exact count that decides, whether it is shown would tell on which side of 10 a rounded 10 is.
func (v Value) certain() bool { return v.State == StateValue && v.N >= Least+Base }

// dwell shows quartiles where there are certainly 10 distinct devices.
func (s State) dwell(c Cell, in Day) Quartiles {
	switch {
	case s != StateValue:
		return Quartiles{State: s}
	case !c.Count(in.Visitors).certain():
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

// Rate is a share of visitors, from 0 to 1, estimated of the noisy answers of some of them. Ends is its 95 % interval had there been
// so many answers, wider the fewer they are; nil where it is taken for exact. Known is false where the share cannot be said yet.
type Rate struct {
	Known bool
	Share float64
	Ends  func(answers float64) (low, high float64)
}

// Daily are a store-day's visitors, and those of them with a return id, by the day's start as in Day.
type Daily struct {
	Start             time.Time
	Visitors, Returns int
}

// Week is the exact store-week of a store. Visitors are each counted once a day, so their sum may hold one person seven times; how
// many are distinct for certain is what its fullest day has.
type Week struct {
	Condition               Condition
	CountOnly               bool
	Days                    []Daily
	Answers                 int // noisy answers that the rates are of
	Repeat1W, Repeat4W, New Rate
	// Policy extended: how many visitors with a return id had visited on one of the 7, 14 and 28 store-days before.
	Extended                       bool
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

// Week publishes a store-week by its start. Shares appear where one of its days certainly has 10 distinct visitors, by what is
// published of that day. They are in whole percent, their ends outward, and made for the fewest answers that the rounded number of
// them allows: of the exact number, the width of the interval would tell it.
func (r Rounder) Week(store string, start time.Time, in Week) WeekRow {
	state := in.Condition.state(in.CountOnly)
	c := r.Cell(LevelStoreWeek, store, start)
	visitors, returns := 0, 0
	full, fullOfReturns := false, false
	for _, d := range in.Days {
		day := r.Cell(LevelStoreDay, store, d.Start)
		visitors, returns = visitors+d.Visitors, returns+d.Returns
		full = full || day.Count(d.Visitors).certain()
		fullOfReturns = fullOfReturns || day.Count(d.Returns).certain()
	}
	out := WeekRow{Visitors: state.count(c, visitors)}
	out.returns(c, in, returns, fullOfReturns)
	answers := c.Count(in.Answers)
	if state == StateValue && !full {
		state = StateUnder10
	}
	rate := func(r Rate) PercentRange { return state.rate(r, answers) }
	out.Repeat1W, out.Repeat4W = rate(in.Repeat1W), rate(in.Repeat4W)
	// New is published as what a repeat rate leaves of 100, so that the two add up on the page.
	old := rate(in.New.rest())
	out.New = PercentRange{State: old.State}
	if old.State == StateValue {
		out.New = PercentRange{100 - old.Pct, 100 - old.High, 100 - old.Low, StateValue}
	}
	return out
}

// rest is the share of the others.
func (r Rate) rest() Rate {
	out := Rate{Known: r.Known, Share: 1 - r.Share}
	if r.Ends != nil {
		out.Ends = func(answers float64) (low, high float64) {
			low, high = r.Ends(answers)
			return 1 - high, 1 - low
		}
	}
	return out
}

// returns makes the exact shares of the visitors with a return id.
func (out *WeekRow) returns(c Cell, in Week, visitors int, full bool) {
	state := in.Condition.state(!in.Extended)
	if state == StateValue && !full {
		state = StateUnder10
	}
	share := func(r Returned) Percent {
		switch {
		case !r.Known && (state == StateValue || state == StateUnder10):
			return Percent{State: StateNoData}
		case state != StateValue:
			return Percent{State: state}
		}
		return Share(c.Count(r.N), c.Count(visitors))
	}
	out.Repeat7D, out.Repeat14D, out.Repeat28D = share(in.Repeat7D), share(in.Repeat14D), share(in.Repeat28D)
}

func (s State) rate(r Rate, answers Value) PercentRange {
	if s != StateValue {
		return PercentRange{State: s}
	}
	switch {
	case !r.Known:
		return PercentRange{State: StateNoData}
	case answers.State != StateValue:
		return PercentRange{State: answers.State}
	}
	low, high := r.Share, r.Share
	if r.Ends != nil {
		low, high = r.Ends(float64(answers.N - Base))
	}
	if !(low <= r.Share && r.Share <= high) {
		return PercentRange{State: StateNoData}
	}
	// A share such as .29 is a hair more or less than it looks like: a billionth is not worth a percent.
	const hair = 1e-9
	whole := func(x float64) int { return int(min(100, max(0, x))) }
	return PercentRange{
		Pct:   whole(math.Floor(100*r.Share + .5)),
		Low:   whole(math.Floor(100*low + hair)),
		High:  whole(math.Ceil(100*high - hair)),
		State: StateValue,
	}
}
