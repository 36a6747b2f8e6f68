package publish

import (
	"math"
	"testing"
	"time"
)

// busyDay is a day on which nothing is suppressed.
func busyDay() Day {
	return Day{
		Condition: Measured, Visits: 203, Bounces: 51, Visitors: 187, PassersBy: 398, Engaged: 77,
		DwellP25S: 400, DwellP50S: 750, DwellP75S: 1529.9,
		Estimated: around(611, 402, 1104), FramesRandom: 81_000, FramesStable: 19_000,
	}
}

func TestDayPublishesWhatTheRoundedCountsGive(t *testing.T) {
	for key := range uint64(200) {
		r := keyed(t, key)
		u := r.Cell(LevelStoreDay, "s", monday).u
		got := r.Day("s", monday, busyDay())
		round := func(n int) int {
			if u < float64(n%5)/5 {
				return n - n%5 + 5
			}
			return n - n%5
		}
		v, b, p, e, est := round(203), round(51), round(398), round(77), round(611)
		pct := func(part, whole int) int { return int(math.Floor(100*float64(part)/float64(whole) + .5)) }
		want := DayRow{
			Visits: Value{v, StateValue}, Bounces: Value{b, StateValue}, Visitors: Value{round(187), StateValue}, PassersBy: Value{p, StateValue},
			CaptureRate:     Percent{pct(v, v+b+p), StateValue},
			Engaged:         Percent{pct(e, v), StateValue},
			RandomShare:     Percent{81, StateValue},
			Coverage:        Percent{pct(v, est), StateValue},
			Dwell:           Quartiles{7, 13, 25, StateValue},
			EstimatedVisits: Estimate{est, (est - 5) * 402 / 611 / 5 * 5, ((est+5)*1104/611/5 + 1) * 5, StateValue},
		}
		if got != want {
			t.Fatalf("key %d: got %+v, want %+v", key, got, want)
		}
	}
}

// Metrics of a cell that are equal stay equal: they share the draw. In another cell they are rounded anew.
func TestAllMetricsOfACellShareItsDraw(t *testing.T) {
	differ := 0
	for key := range uint64(100) {
		r := keyed(t, key)
		d := r.Day("s", monday, Day{Condition: Measured, Visits: 32, Bounces: 32, Visitors: 32, PassersBy: 32, Engaged: 32, Estimated: Range{Value: 32}})
		if d.Visits != d.Bounces || d.Visits != d.Visitors || d.Visits != d.PassersBy || d.EstimatedVisits.N != d.Visits.N {
			t.Fatalf("key %d: got %+v, want equal counts", key, d)
		}
		if d.Engaged.Pct != 100 || d.Coverage.Pct != 100 {
			t.Fatalf("key %d: got %+v, want the same draw for the shares", key, d)
		}
		h := r.Hour("s", monday, Hour{Condition: Measured, Visits: 32, Estimated: around(32, 30, 40)})
		if h.Visits.N != h.EstimatedVisits.N {
			t.Fatalf("key %d: got %+v, want equal counts", key, h)
		}
		if h.Visits != d.Visits {
			differ++
		}
	}
	if differ < 20 {
		t.Errorf("day and hour differ under %d keys of 100, want each level its own draw", differ)
	}
}

// A share depends on its parts only through what is published of them.
func TestSharesAreNoFinerThanTheRoundedCounts(t *testing.T) {
	seen := map[[3]Value]Percent{}
	for visits := 95; visits < 105; visits++ {
		for bounces := 20; bounces < 30; bounces++ {
			for key := range uint64(20) {
				in := busyDay()
				in.Visits, in.Bounces, in.Engaged = visits, bounces, visits-60
				out := keyed(t, key).Day("s", monday, in)
				k := [3]Value{out.Visits, out.Bounces, out.PassersBy}
				if was, ok := seen[k]; ok && was != out.CaptureRate {
					t.Fatalf("capture rate of %+v: got %+v and %+v", k, was, out.CaptureRate)
				}
				seen[k] = out.CaptureRate
			}
		}
	}
	if len(seen) < 4 {
		t.Errorf("only %d combinations seen, want several", len(seen))
	}
}

func TestDaySuppresses(t *testing.T) {
	const val, under, none, closed, policy = StateValue, StateUnder10, StateNoData, StateClosed, StatePolicy
	for _, c := range []struct {
		name                                                 string
		change                                               func(*Day)
		visits, bounces, visitors, passers, capture, engaged State
		random, coverage, dwell, estimated                   State
	}{
		{"nothing", func(*Day) {}, val, val, val, val, val, val, val, val, val, val},
		{"no bounces", func(d *Day) { d.Bounces = 0 }, val, under, val, val, under, val, val, val, val, val},
		{"nobody passes by", func(d *Day) { d.PassersBy = 0 }, val, val, val, under, under, val, val, val, val, val},
		{"few engaged", func(d *Day) { d.Engaged = 5 }, val, val, val, val, val, under, val, val, val, val},
		{"nobody", func(d *Day) { *d = Day{Condition: Measured} }, under, under, under, under, under, under, under, under, under, under},
		{"nine visitors", func(d *Day) { d.Visitors = 9 }, val, val, "", val, val, val, val, val, under, val},
		{"ten visitors, rounded as they are: of 6 they would read alike", func(d *Day) { d.Visitors = 10 }, val, val, val, val, val, val, val, val, under, val},
		{"fifteen visitors", func(d *Day) { d.Visitors = 15 }, val, val, val, val, val, val, val, val, val, val},
		{"no stay known", func(d *Day) { d.Estimated.Value = math.NaN() }, val, val, val, val, val, val, val, none, val, none},
		{"dwell is not a number", func(d *Day) { d.DwellP50S = math.NaN() }, val, val, val, val, val, val, val, val, none, val},
		{"closed", func(d *Day) { d.Condition = Closed }, closed, closed, closed, closed, closed, closed, closed, closed, closed, closed},
		{"closed, counting only", func(d *Day) { d.Condition, d.CountOnly = Closed, true }, closed, closed, closed, closed, closed, closed, closed, closed, closed, closed},
		{"no sensor listened", func(d *Day) { d.Condition = NoData }, none, none, none, none, none, none, none, none, none, none},
		{"not set", func(d *Day) { *d = Day{} }, none, none, none, none, none, none, none, none, none, none},
		{"the policy counts only", func(d *Day) { d.CountOnly = true }, policy, policy, policy, val, policy, policy, val, policy, policy, policy},
		{"a count that cannot be", func(d *Day) { d.Visits = -1 }, none, val, val, val, none, none, val, none, val, val},
		{"no random frames", func(d *Day) { d.FramesRandom = 0 }, val, val, val, val, val, val, under, val, val, val},
		{"a flood of frames", func(d *Day) { d.FramesRandom, d.FramesStable = math.MaxUint64, math.MaxUint64 }, val, val, val, val, val, val, val, val, val, val},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := busyDay()
			c.change(&in)
			got := keyed(t, 5).Day("s", monday, in)
			for _, f := range []struct {
				name      string
				got, want State
			}{
				{"visits", got.Visits.State, c.visits}, {"bounces", got.Bounces.State, c.bounces}, {"visitors", got.Visitors.State, c.visitors},
				{"passers-by", got.PassersBy.State, c.passers}, {"capture rate", got.CaptureRate.State, c.capture}, {"engaged", got.Engaged.State, c.engaged},
				{"random share", got.RandomShare.State, c.random}, {"coverage", got.Coverage.State, c.coverage}, {"dwell", got.Dwell.State, c.dwell},
				{"estimated visits", got.EstimatedVisits.State, c.estimated},
			} {
				if f.want != "" && f.got != f.want { // "": the draw decides
					t.Errorf("%s: got %s, want %s", f.name, f.got, f.want)
				}
			}
			if got.Dwell.State != val && got.Dwell != (Quartiles{State: got.Dwell.State}) {
				t.Errorf("got %+v, want no numbers", got.Dwell)
			}
		})
	}
}

// Where dwell is shown, so are the visitors it is of, whatever the key, and they are 10 at least. Whether it is shown follows from
// what is published of the visitors, so it says no more about them.
func TestDwellNeverStandsBesideFewVisitors(t *testing.T) {
	for key := range uint64(100) {
		for visitors := range 30 {
			in := busyDay()
			in.Visitors = visitors
			got := keyed(t, key).Day("s", monday, in)
			if (got.Dwell.State == StateValue) != (got.Visitors.N >= 15) || got.Dwell.State == StateValue && visitors < 10 {
				t.Fatalf("%d visitors that read %+v: got %s", visitors, got.Visitors, got.Dwell.State)
			}
		}
	}
}

func TestQuarterHourAndZone(t *testing.T) {
	for _, c := range []struct {
		name                           string
		condition                      Condition
		countOnly                      bool
		visits                         int
		occupancy, estimated, counting State
	}{
		{"busy", Measured, false, 40, StateValue, StateValue, StateValue},
		{"empty but open", Measured, false, 0, StateUnder10, StateUnder10, StateUnder10},
		{"closed", Closed, false, 40, StateClosed, StateClosed, StateClosed},
		{"not heard", NoData, false, 40, StateNoData, StateNoData, StateNoData},
		{"counting only", Measured, true, 40, StateValue, StatePolicy, StatePolicy},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, people := keyed(t, 9), interval(float64(c.visits))
			q := r.Quarter("s", monday, Quarter{Condition: c.condition, CountOnly: c.countOnly, Occupancy: people, Estimated: people})
			if q.Occupancy.State != c.occupancy || q.EstimatedVisits.State != c.estimated {
				t.Errorf("quarter: got %+v, want %s, %s", q, c.occupancy, c.estimated)
			}
			h := r.Hour("s", monday, Hour{c.condition, c.countOnly, c.visits, people})
			if h.Visits.State != c.counting || h.EstimatedVisits.State != c.estimated {
				t.Errorf("hour: got %+v, want %s, %s", h, c.counting, c.estimated)
			}
			z := r.ZoneHour("s", monday, ZoneHour{c.condition, c.countOnly, c.visits})
			if z.State != c.counting {
				t.Errorf("zone hour: got %+v, want %s", z, c.counting)
			}
		})
	}
}

// Devices that were only counted have a column of their own. It says nothing where nothing was only counted, and it neither
// needs anybody to have listened nor changes what stands beside it.
func TestDevicesThatWereOnlyCounted(t *testing.T) {
	for _, c := range []struct {
		name       string
		condition  Condition
		countOnly  bool
		hasCounted bool
		counted    int
		want       State
	}{
		{"none came, busy", Measured, false, false, 0, StateNoData},
		{"none came, not heard", NoData, false, false, 0, StateNoData},
		{"none came, closed", Closed, false, false, 0, StateClosed},
		{"many", Measured, false, true, 40, StateValue},
		{"few", Measured, false, true, 3, StateUnder10},
		{"a count of none", Measured, false, true, 0, StateUnder10},
		{"the minutes did not come", NoData, false, true, 40, StateValue},
		{"of hours that were open then", Closed, false, true, 40, StateValue},
		{"a count that cannot be", Measured, false, true, -1, StateNoData},
		{"the policy counts only", Measured, true, true, 40, StatePolicy},
		{"the policy counts only, closed", Closed, true, false, 0, StateClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := keyed(t, 9)
			in := Quarter{Condition: c.condition, CountOnly: c.countOnly, Occupancy: interval(40), Estimated: interval(40)}
			without := r.Quarter("s", monday, in)
			in.Counted, in.HasCounted = c.counted, c.hasCounted
			got := r.Quarter("s", monday, in)
			if got.Counted.State != c.want || (got.Counted.N != 0) != (c.want == StateValue) {
				t.Errorf("got %+v, want %s", got.Counted, c.want)
			}
			if got.Occupancy != without.Occupancy || got.EstimatedVisits != without.EstimatedVisits {
				t.Errorf("got %+v beside it, want %+v", got, without)
			}
		})
	}
}

// Counted devices share the draw of their quarter, so that they give no second look at its other numbers.
func TestCountedDevicesShareTheQuartersDraw(t *testing.T) {
	for key := range uint64(100) {
		q := keyed(t, key).Quarter("s", monday, Quarter{Condition: Measured, Occupancy: Range{Value: 32}, Counted: 32, HasCounted: true})
		if q.Counted.N != q.Occupancy.N {
			t.Fatalf("key %d: got %+v, want equal counts", key, q)
		}
	}
}

func TestLiveMovesOnItsGridAndReadsQuiet(t *testing.T) {
	r := keyed(t, 11)
	in := Live{Measured, interval(32)}
	first := r.Live("s", monday, in)
	for _, after := range []time.Duration{time.Second, time.Minute, LiveGrid - 1} {
		if got := r.Live("s", monday.Add(after), in); got != first {
			t.Errorf("%v later: got %+v, want %+v", after, got, first)
		}
	}
	moved := false
	for i := range 40 {
		moved = moved || r.Live("s", monday.Add(time.Duration(i)*LiveGrid), in) != first
	}
	if !moved {
		t.Error("the draw is the same in every step, want each its own")
	}
	for _, c := range []struct {
		name string
		in   Live
		want State
	}{
		{"few", Live{Measured, interval(3)}, StateQuiet},
		{"nobody", Live{Measured, Range{}}, StateQuiet},
		{"closed", Live{Closed, interval(30)}, StateClosed},
		{"not heard", Live{NoData, interval(30)}, StateNoData},
	} {
		if got := r.Live("s", monday, c.in).State; got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// rate has an interval that is as wide as so many answers make it.
func rate(share, spread float64) Rate {
	return Rate{true, share, func(answers float64) (float64, float64) {
		half := spread / math.Sqrt(answers)
		return share - half, share + half
	}}
}

// week has days of so many visitors each.
func week(visitors ...int) Week {
	w := Week{Condition: Measured, Repeat1W: rate(.294, 1.1), Repeat4W: rate(.415, 1.1), New: rate(.585, 1.1)}
	for i, n := range visitors {
		w.Days = append(w.Days, Daily{Start: monday.AddDate(0, 0, i), Visitors: n})
		w.Answers += n
	}
	return w
}

func TestWeek(t *testing.T) {
	shown := func(p, low, high int) PercentRange { return PercentRange{p, low, high, StateValue} }
	hidden := func(s State) PercentRange { return PercentRange{State: s} }
	for _, c := range []struct {
		name             string
		change           func(*Week)
		one, four, fresh PercentRange
	}{
		// 700 answers, taken for 695: 1.1 / sqrt(695) is .0417
		{"a full week", func(*Week) {}, shown(29, 25, 34), shown(42, 37, 46), shown(58, 54, 63)},
		{"few answers of many", func(w *Week) { w.Answers = 30 }, shown(29, 7, 52), shown(42, 19, 64), shown(58, 36, 81)},
		{"hardly any answers", func(w *Week) { w.Answers = 4 }, hidden(StateUnder10), hidden(StateUnder10), hidden(StateUnder10)},
		{"no answers", func(w *Week) { w.Answers, w.Repeat1W.Known, w.Repeat4W.Known, w.New.Known = 0, false, false, false }, hidden(StateNoData), hidden(StateNoData), hidden(StateNoData)},
		{"ten visitors a day", func(w *Week) { w.Days = week(10, 10, 10, 10).Days }, hidden(StateUnder10), hidden(StateUnder10), hidden(StateUnder10)},
		{"fifteen on one day", func(w *Week) { w.Days = week(9, 15, 9).Days }, shown(29, 25, 34), shown(42, 37, 46), shown(58, 54, 63)},
		{"a young filter", func(w *Week) { w.Repeat4W.Known, w.New.Known = false, false }, shown(29, 25, 34), hidden(StateNoData), hidden(StateNoData)},
		{"not a number", func(w *Week) { w.Repeat1W = rate(.294, math.NaN()) }, hidden(StateNoData), shown(42, 37, 46), shown(58, 54, 63)},
		{"ends outside of 0 to 1", func(w *Week) { w.Repeat1W = rate(1, 1e3) }, shown(100, 0, 100), shown(42, 37, 46), shown(58, 54, 63)},
		{"taken for exact", func(w *Week) { w.Repeat1W.Ends = nil }, shown(29, 29, 30), shown(42, 37, 46), shown(58, 54, 63)},
		{"counting only", func(w *Week) { w.CountOnly = true }, hidden(StatePolicy), hidden(StatePolicy), hidden(StatePolicy)},
		{"no data", func(w *Week) { w.Condition = NoData }, hidden(StateNoData), hidden(StateNoData), hidden(StateNoData)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := week(140, 140, 140, 140, 140)
			c.change(&w)
			got := keyed(t, 2).Week("s", monday, w)
			for _, f := range []struct {
				name      string
				got, want PercentRange
			}{{"repeat 1 week", got.Repeat1W, c.one}, {"repeat 4 weeks", got.Repeat4W, c.four}, {"new", got.New, c.fresh}} {
				if f.got != f.want {
					t.Errorf("%s: got %+v, want %+v", f.name, f.got, f.want)
				}
			}
		})
	}
}

// Whether a week's shares are shown follows from what is published of its days, and they are of 10 distinct visitors at least.
func TestAWeeksSharesHangOnWhatIsPublishedOfItsDays(t *testing.T) {
	for key := range uint64(100) {
		r := keyed(t, key)
		for n := range 25 {
			got := r.Week("s", monday, week(9, n, 6)).Repeat1W
			day := r.Day("s", monday.AddDate(0, 0, 1), Day{Condition: Measured, Visitors: n})
			if (got.State == StateValue) != (day.Visitors.N >= 15) || got.State == StateValue && n < 10 {
				t.Fatalf("%d on the fullest day, which reads %+v: got %+v", n, day.Visitors, got)
			}
		}
	}
}

func TestNewAndRepeatAddUpTo100(t *testing.T) {
	for i := range 1001 {
		x := float64(i) / 1000
		w := week(50, 50)
		w.Repeat4W, w.New = Rate{true, x, nil}, Rate{true, 1 - x, nil}
		got := keyed(t, 2).Week("s", monday, w)
		if got.New.Pct+got.Repeat4W.Pct != 100 && math.Abs(math.Mod(x*100, 1)-.5) > 1e-6 {
			t.Errorf("%v: got %d and %d", x, got.New.Pct, got.Repeat4W.Pct)
		}
		if got.Repeat4W.Low > got.Repeat4W.Pct || got.Repeat4W.High < got.Repeat4W.Pct || got.New.Low > got.New.Pct || got.New.High < got.New.Pct {
			t.Errorf("%v: got %+v, want the share inside", x, got)
		}
	}
}

func BenchmarkDay(b *testing.B) {
	r, in := keyed(b, 1), busyDay()
	b.ReportAllocs()
	for b.Loop() {
		r.Day("berlin-1", monday, in)
	}
}
