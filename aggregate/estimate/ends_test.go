package estimate

import (
	"math"
	"testing"
)

// What is published gets the interval that belongs to it, from the same numbers that are published: where these are the exact ones it
// must be the exact interval, it must grow with the estimate, and it must be the narrower the more of it was counted. So the
// interval of the least and the most that were rounded alike holds those of all between.
func TestVisitsIntervalIsThatOfTheVisits(t *testing.T) {
	for _, minutes := range []float64{15, 60, 720} {
		for _, w := range []float64{0, 1, 7.5, 12, 40} {
			for stable := range 80 {
				for _, random := range []float64{0, .1, .9, 3, 11.5, 60} {
					v := EstimatedVisits(stable, random, minutes, w)
					low, high := VisitsInterval(float64(stable), v.Value, minutes, w)
					if math.Abs(low-v.Low) > 1e-6*v.High || math.Abs(high-v.High) > 1e-6*v.High {
						t.Fatalf("%d stable, %v random, %v min, stay %v: got %v to %v, want %v to %v", stable, random, minutes, w, low, high, v.Low, v.High)
					}
				}
			}
			grows(t, minutes, w)
		}
	}
}

func grows(t *testing.T, minutes, w float64) {
	t.Helper()
	const hair = 1e-9
	for stable := 0.; stable < 200; stable += 5 {
		lastLow, lastHigh := 0., 0.
		for all := stable; all < 400; all += 1.25 {
			low, high := VisitsInterval(stable, all, minutes, w)
			if low < lastLow-hair || high < lastHigh-hair || low > all+hair || high < all-hair {
				t.Fatalf("%v visits, %v stable, %v min, stay %v: got %v to %v, after %v to %v of fewer", all, stable, minutes, w, low, high, lastLow, lastHigh)
			}
			if more, less := VisitsInterval(min(all, stable+5), all, minutes, w); more < low-hair || less > high+hair {
				t.Fatalf("%v visits, %v min, stay %v: got %v to %v with %v stable, want it inside %v to %v with %v", all, minutes, w, more, less, stable+5, low, high, stable)
			}
			lastLow, lastHigh = low, high
		}
	}
}

func TestVisitsIntervalOfWhatCannotBe(t *testing.T) {
	for name, c := range map[string][4]float64{
		"fewer visits than stable ones": {30, 20, 60, 12}, "no minutes": {10, 20, 0, 12}, "not a number": {10, math.NaN(), 60, 12}, "without end": {10, math.Inf(1), 60, 12},
	} {
		if low, high := VisitsInterval(c[0], c[1], c[2], c[3]); low < 0 || high < low {
			t.Errorf("%s: got %v to %v", name, low, high)
		}
	}
}

func TestAShareHasTheIntervalOfSoManyVisitors(t *testing.T) {
	day := Answers{Lookback: 4, Q0: [Filters]float64{.14, .13, .15, .12, .14}}
	for i := range day.Counts {
		day.Counts[i] = uint32(1 + i*i%7)
	}
	r := Repeat([]Answers{day}, KeepProbability(2))
	n := float64(r.Visitors)
	for name, s := range map[string]Share{"1 week": r.Week1, "4 weeks": r.Week4, "new": r.New} {
		if low, high := s.Of(n); math.Abs(low-s.Low) > 1e-9 || math.Abs(high-s.High) > 1e-9 {
			t.Errorf("%s, of all: got %v to %v, want %v to %v", name, low, high, s.Low, s.High)
		}
		wide := [2]float64{}
		for of := n - 9; of <= n+9; of++ {
			low, high := s.Of(of)
			if of > n-9 && (low < wide[0] || high > wide[1]) {
				t.Errorf("%s of %v: got %v to %v, want it inside %v of one fewer", name, of, low, high, wide)
			}
			wide = [2]float64{low, high}
		}
		low, high := s.Of(n - 5)
		if restLow, restHigh := s.rest().Of(n - 5); math.Abs(restLow-(1-high)) > 1e-9 || math.Abs(restHigh-(1-low)) > 1e-9 {
			t.Errorf("%s: got %v to %v for the rest, want %v to %v", name, restLow, restHigh, 1-high, 1-low)
		}
	}
}
