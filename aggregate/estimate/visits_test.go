package estimate

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestEstimatedVisits(t *testing.T) {
	for name, row := range map[string]struct {
		stable             int
		random, minutes, w float64
		want               float64
	}{
		"a quarter of an hour":        {3, 8, 15, 12, 13},
		"an hour":                     {10, 8, 60, 12, 50},
		"a day":                       {120, 8, 720, 12, 600},
		"nobody with a random number": {7, 0, 15, 12, 7},
		"nobody at all":               {0, 0, 720, 12, 0},
		"stays longer than the time":  {0, 8, 15, 60, 2},
		"a stay of nothing":           {1, 2, 15, 0, 31},
		"no minute listened to":       {4, 0, 0, 12, 4},
		"no estimate":                 {4, math.NaN(), 15, 12, 4},
		"no bound":                    {4, math.Inf(1), 15, 12, 4},
	} {
		t.Run(name, func(t *testing.T) {
			got := EstimatedVisits(row.stable, row.random, row.minutes, row.w)
			if got.Value != row.want {
				t.Errorf("got %v, want %v", got.Value, row.want)
			}
			if !(float64(row.stable) <= got.Low && got.Low <= got.Value && got.Value <= got.High) {
				t.Errorf("got %+v, want %d <= low <= value <= high", got, row.stable)
			}
		})
	}
}

func TestADaysEstimatedVisitsAreItsCellsAddedUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var cells []Cell
	sum, stable := Visits{}, 0
	for i := range 40 {
		c := Cell{Start: int64(i) * 15, Minutes: 1 + rng.IntN(15), Random: rng.Float64() * 20}
		cells = append(cells, c)
		n := rng.IntN(4)
		stable += n
		v := EstimatedVisits(n, c.Random, float64(c.Minutes), 14)
		sum.Value += v.Value
		sum.Low += v.Low
		sum.High += v.High
	}
	day := Mean(cells, 14)
	got := EstimatedVisits(stable, day.Random, float64(day.Minutes), 14)
	if math.Abs(got.Value-sum.Value) > 1e-9 {
		t.Errorf("got %v, want %v", got.Value, sum.Value)
	}
	if got.Low < sum.Low || got.High > sum.High {
		t.Errorf("a day is known better than its cells: got %v..%v, cells %v..%v", got.Low, got.High, sum.Low, sum.High)
	}
}

// People come at random and stay log-normally, as in COUNTING 2.5, a quarter of them with a stable address. The random
// devices inside are read off by a factor that one day's phones share, as large as section 6 says, 5 to 95 %.
func TestTheIntervalOfEstimatedVisitsHoldsThoseWhoCame(t *testing.T) {
	const minutes, w, days = 600, 12., 200
	for name, row := range map[string]struct {
		perMinute float64
		window    int
	}{
		"a quarter, quiet": {.3, 15}, "a quarter, busy": {3, 15},
		"an hour, quiet": {.3, 60}, "an hour, busy": {3, 60},
		"a day, quiet": {.3, minutes}, "a day, busy": {3, minutes},
	} {
		t.Run(name, func(t *testing.T) {
			held, all := 0, 0
			for seed := range uint64(days) {
				rng := rand.New(rand.NewPCG(seed, 11))
				inside, came, stable := make([]float64, minutes), make([]int, minutes), make([]int, minutes)
				for at := -240.; at < minutes; at += rng.ExpFloat64() / row.perMinute {
					isStable := rng.IntN(4) == 0
					stay := w * math.Exp(.7*rng.NormFloat64()-.245)
					if at >= 0 {
						came[int(at)]++
						if isStable {
							stable[int(at)]++
						}
					}
					for m := max(0, int(math.Ceil(at))); !isStable && float64(m) < at+stay && m < minutes; m++ {
						inside[m]++
					}
				}
				factor := math.Exp(.23 * rng.NormFloat64())
				for from := 0; from+row.window <= minutes; from += row.window {
					random, want, counted := 0., 0, 0
					for m := from; m < from+row.window; m++ {
						random += inside[m] * factor / float64(row.window)
						want += came[m]
						counted += stable[m]
					}
					got := EstimatedVisits(counted, random, float64(row.window), w)
					all++
					if got.Low <= float64(want) && float64(want) <= got.High {
						held++
					}
				}
			}
			share := float64(held) / float64(all)
			t.Logf("held %.1f %% of %d", 100*share, all)
			if share < .95 {
				t.Errorf("held %.3f of %d, want .95", share, all)
			}
		})
	}
}
