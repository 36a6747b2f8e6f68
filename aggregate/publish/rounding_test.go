package publish

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/estimate"
)

var monday = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)

// keyed is the rounder of the n-th of the tests' keys.
func keyed(t testing.TB, n uint64) Rounder {
	t.Helper()
	var key [32]byte
	r := rand.New(rand.NewPCG(n, 7))
	for i := range key {
		key[i] = byte(r.Uint32())
	}
	out, err := NewRounder(key)
	if err != nil {
		t.Fatalf("NewRounder: %v", err)
	}
	return out
}

// cells are one interval's cells under n different keys.
func cells(t testing.TB, n int) []Cell {
	out := make([]Cell, n)
	for i := range out {
		out[i] = keyed(t, uint64(i)).Cell(LevelStoreHour, "berlin-1", monday)
	}
	return out
}

func TestTheKeyOfNoughtsIsRefused(t *testing.T) {
	if _, err := NewRounder([32]byte{}); err == nil {
		t.Error("got no error, want one")
	}
}

func TestTheKeyIsNeverPrinted(t *testing.T) {
	r, err := NewRounder([32]byte([]byte(strings.Repeat("K", 32))))
	if err != nil {
		t.Fatal(err)
	}
	js, _ := json.Marshal(r)
	for _, text := range []string{fmt.Sprint(r), fmt.Sprintf("%+v", r), fmt.Sprintf("%#v", r), fmt.Sprintf("%s", &r), string(js)} {
		if strings.Contains(text, "KK") || strings.Contains(text, "75") || strings.Contains(text, "4b") {
			t.Errorf("got %q, want no key", text)
		}
	}
}

func TestRoundingFollowsTheDraw(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
		u    float64
		want Value
	}{
		{"nought reads under 10", 0, 0, Value{0, StateUnder10}},
		{"one, up", 1, 0, Value{0, StateUnder10}},
		{"six, up: may read 10", 6, .1, Value{10, StateValue}},
		{"six, down", 6, .2, Value{0, StateUnder10}},
		{"nine, up", 9, .7, Value{10, StateValue}},
		{"nine, down", 9, .9, Value{0, StateUnder10}},
		{"ten", 10, .999, Value{10, StateValue}},
		{"twelve, up", 12, .39, Value{15, StateValue}},
		{"twelve, down", 12, .41, Value{10, StateValue}},
		{"negative", -1, 0, Value{0, StateNoData}},
		{"more than there are people", math.MaxInt32, 0, Value{0, StateNoData}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (Cell{c.u}).Count(c.n); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestRepeatsAreIdentical(t *testing.T) {
	for n := range 500 {
		a := keyed(t, 3).Cell(LevelZoneHour, "s", monday).Count(n)
		b := keyed(t, 3).Cell(LevelZoneHour, "s", monday.In(time.FixedZone("x", 7200))).Count(n)
		if a != b {
			t.Fatalf("%d: got %+v, then %+v", n, a, b)
		}
	}
}

func TestEveryLevelStoreAndIntervalDrawsForItself(t *testing.T) {
	seen := map[float64]string{}
	for _, key := range []uint64{1, 2} {
		for _, level := range []Level{LevelLive, LevelStoreQuarter, LevelStoreHour, LevelZoneHour, LevelStoreDay, LevelStoreWeek} {
			for _, store := range []string{"", "a", "b", "ab"} {
				for i := range 3 {
					start := monday.Add(time.Duration(i) * time.Hour)
					name := fmt.Sprintf("%d %s %q %v", key, level, store, start)
					u := keyed(t, key).Cell(level, store, start).u
					if other, ok := seen[u]; ok {
						t.Errorf("%s: the same draw as %s", name, other)
					}
					if u < 0 || u >= 1 {
						t.Errorf("%s: draw %v, want 0 to 1", name, u)
					}
					seen[u] = name
				}
			}
		}
	}
}

// The draw of one key, level, store and hour stands here, so that a change of how it is made cannot pass unseen: it would round
// every published number anew, and old beside new gives a second look.
func TestTheDrawIsPinned(t *testing.T) {
	var key [32]byte
	for i := range key {
		key[i] = byte(i)
	}
	r, err := NewRounder(key)
	if err != nil {
		t.Fatal(err)
	}
	const want = 0.585761317687819 // by an independent program, in Python
	if got := r.Cell(LevelStoreHour, "berlin-1", monday).u; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRoundingIsRightOnAverage(t *testing.T) {
	all := cells(t, 4000)
	for _, n := range []int{10, 11, 13, 14, 27, 104, 998} {
		sum := 0
		for _, c := range all {
			sum += c.Count(n).N
		}
		// The standard error is at most 2.5/sqrt(4000) = .04.
		if mean := float64(sum) / float64(len(all)); math.Abs(mean-float64(n)) > .16 {
			t.Errorf("mean of %d published: got %.3f", n, mean)
		}
	}
}

// One device more or less changes a published count with a probability of one fifth, over the keys: here as a whole value, its
// state included.
func TestOneDeviceChangesACountWithAFifth(t *testing.T) {
	all := cells(t, 4000)
	for n := range 60 {
		changed := 0
		for _, c := range all {
			if c.Count(n) != c.Count(n+1) {
				changed++
			}
		}
		if p := float64(changed) / float64(len(all)); p > .2+.025 { // four standard errors
			t.Errorf("%d to %d: got a change with %.3f, want .2 at most", n, n+1, p)
		}
	}
}

// interval is the interval without truth on site, the widest and steepest that is published.
func interval(n float64) Range {
	return Range{Value: n, Ends: func(n, _ float64) (low, high float64) { return estimate.Interval(n) }}
}

// visits are estimated visits of an hour, some of which were counted, where people stay for 12 minutes.
func visits(all, counted float64) Range {
	return Range{Value: all, Counted: counted, Ends: func(all, counted float64) (low, high float64) {
		return estimate.VisitsInterval(counted, all, 60, 12)
	}}
}

// around has an interval in proportion to the estimate.
func around(n, low, high float64) Range {
	return Range{Value: n, Ends: func(x, _ float64) (float64, float64) { return low / n * x, high / n * x }}
}

func TestEstimatesAreOutwardAndOnTheGrid(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 20_000 {
		in := interval(r.Float64() * 400)
		if r.IntN(2) == 0 {
			in = visits(in.Value, in.Value*r.Float64())
		}
		low, high := in.ends(in.Value, in.Counted)
		got := Cell{r.Float64()}.Estimate(in)
		if got.State == StateUnder10 {
			if in.Value >= 10 || got.N != 0 || got.Low != 0 || got.High != 0 {
				t.Fatalf("%v: got %+v", in.Value, got)
			}
			continue
		}
		if got.State != StateValue || got.N%Base != 0 || got.Low%Base != 0 || got.High%Base != 0 {
			t.Fatalf("%v: got %+v, want multiples of 5", in.Value, got)
		}
		if float64(got.Low) > low || float64(got.High) < high || got.Low > got.N || got.High < got.N {
			t.Fatalf("%v of which %v: got %+v, want %v to %v inside", in.Value, in.Counted, got, low, high)
		}
		if math.Abs(float64(got.N)-in.Value) >= Base || (got.Low > 0 && got.Low < Least) {
			t.Fatalf("%v: got %+v", in.Value, got)
		}
	}
}

// guesses is how often the best guess of the exact number is right for somebody who sees what is published of it and knows that
// all numbers from 20 to 119 are equally likely.
func guesses(publish func(Cell, int) string) float64 {
	const draws = 400
	seen := map[string]map[int]int{}
	for n := 20; n < 120; n++ {
		for i := range draws {
			text := publish(Cell{(float64(i) + .5) / draws}, n)
			if seen[text] == nil {
				seen[text] = map[int]int{}
			}
			seen[text][n]++
		}
	}
	right := 0
	for _, of := range seen {
		most := 0
		for _, k := range of {
			most = max(most, k)
		}
		right += most
	}
	return float64(right) / (100 * draws)
}

// An interval must not undo the rounding of its estimate: the estimate allows a fifth of right guesses, and so does all of it.
func TestIntervalsDoNotGiveTheCountAway(t *testing.T) {
	alone := guesses(func(c Cell, n int) string { return fmt.Sprint(c.Count(n)) })
	ours := guesses(func(c Cell, n int) string { return fmt.Sprint(c.Estimate(interval(float64(n)))) })
	fixed := guesses(func(c Cell, n int) string {
		low, high := estimate.Interval(float64(n))
		return fmt.Sprint(c.Count(n), math.Floor(low/Base), math.Ceil(high/Base))
	})
	scaled := guesses(func(c Cell, n int) string { // as it was once: the ends' share of the exact estimate, of the published one
		low, high := estimate.Interval(float64(n))
		at := c.Count(n).N
		return fmt.Sprint(at, math.Floor(low*float64(at-Base)/float64(n)/Base), math.Ceil(high*float64(at+Base)/float64(n)/Base))
	})
	t.Logf("right guesses: count alone %.3f, with this interval %.3f, with ends in proportion %.3f, with ends in fixed steps %.3f", alone, ours, scaled, fixed)
	if alone > .21 || ours != alone {
		t.Errorf("got %.3f right guesses with the interval and %.3f without, want the same", ours, alone)
	}
	if scaled <= ours || fixed < .5 {
		t.Errorf("got %.3f right guesses of ends in proportion, %.3f of ends in fixed steps: this test sees nothing", scaled, fixed)
	}
}

func TestEstimatesThatCannotBe(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name string
		in   Range
		want State
	}{
		{"nothing", Range{}, StateUnder10},
		{"a plain one", around(20, 10, 30), StateValue},
		{"no width", Range{Value: 20}, StateValue},
		{"not a number", Range{Value: nan}, StateNoData},
		{"a part is not a number", Range{Value: 20, Counted: nan}, StateNoData},
		{"an end is not a number", around(20, 10, nan), StateNoData},
		{"without end", around(20, 10, inf), StateNoData},
		{"negative", Range{Value: -20}, StateNoData},
		{"an end is negative", around(20, -1, 30), StateNoData},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (Cell{.5}).Estimate(c.in); got.State != c.want || (c.want != StateValue && got != Estimate{State: c.want}) {
				t.Errorf("got %+v, want %s", got, c.want)
			}
		})
	}
}

func FuzzEstimate(f *testing.F) {
	f.Add(20., 10., 10., 30., .5)
	f.Add(math.NaN(), 0., 0., math.Inf(1), 0.)
	f.Add(1e300, 1., -1e300, 1e301, .999)
	f.Fuzz(func(t *testing.T, value, counted, low, high, u float64) {
		if !(u >= 0 && u < 1) {
			t.Skip("not a draw")
		}
		ends := func(float64, float64) (float64, float64) { return low, high }
		got := Cell{u}.Estimate(Range{value, counted, ends})
		if got.State == StateValue && (got.N < Least || got.Low > got.N || got.High < got.N || float64(got.Low) > low || float64(got.High) < high) {
			t.Errorf("%v %v %v: got %+v", value, low, high, got)
		}
		if got.State != StateValue && got != (Estimate{State: got.State}) {
			t.Errorf("%v %v %v: got %+v, want no numbers", value, low, high, got)
		}
	})
}

func TestShares(t *testing.T) {
	v := func(n int) Value { return Value{n, StateValue} }
	for _, c := range []struct {
		name        string
		part, whole Value
		want        Percent
	}{
		{"a third", v(10), v(30), Percent{33, StateValue}},
		{"two thirds", v(20), v(30), Percent{67, StateValue}},
		{"a half of a percent goes up", v(25), v(200), Percent{13, StateValue}},
		{"all", v(30), v(30), Percent{100, StateValue}},
		{"more than all", v(40), v(30), Percent{100, StateValue}},
		{"the part is suppressed", Value{State: StateUnder10}, v(30), Percent{State: StateUnder10}},
		{"the whole is suppressed", v(10), Value{State: StateNoData}, Percent{State: StateNoData}},
		{"closed", Value{State: StateClosed}, Value{State: StateClosed}, Percent{State: StateClosed}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Share(c.part, c.whole); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
