package estimate

import (
	"math"
	"math/rand/v2"
	"testing"
)

// naive is random_inside of reference/counting.py, minute by minute and class by class as it stands there, for one epoch in
// which every minute was listened to, and the mean over its three floors.
func naive(minutes []MinuteData, p Params) []float64 {
	n := len(minutes)
	total := make([]float64, n)
	for _, floor := range p.floors() {
		bursts, fresh, back := map[uint16][]float64{}, map[uint16][]float64{}, map[uint16][]float64{}
		for i, m := range minutes {
			for _, r := range m.Rows {
				if r.Band < floor {
					continue
				}
				if bursts[r.Class] == nil {
					bursts[r.Class], fresh[r.Class], back[r.Class] = make([]float64, n), make([]float64, n), make([]float64, n)
				}
				bursts[r.Class][i] += float64(r.Bursts)
				fresh[r.Class][i] += float64(r.Fresh)
				back[r.Class][i] += float64(r.Back)
			}
		}
		for i := range minutes {
			s, excess := 0.0, 0.0
			for c := range bursts {
				if !naivePresent(bursts[c], i, p.Gap) {
					continue
				}
				s++
				excess += math.Max(1, naiveMean(fresh[c], i, p.Half)/p.Kappa+naiveMean(back[c], i, p.Half)) - 1
			}
			total[i] += (s + s/math.Max(1, s+p.Few)*excess) / 3
		}
	}
	return total
}

func naivePresent(heard []float64, i int, gap float64) bool {
	if float64(len(heard)) <= gap {
		for _, h := range heard {
			if h > 0 {
				return true
			}
		}
		return false
	}
	last, next := -1, -1
	for k, h := range heard {
		if h > 0 && k <= i {
			last = k
		}
		if h > 0 && k >= i && next < 0 {
			next = k
		}
	}
	return last >= 0 && next >= 0 && float64(next-last) <= gap
}

func naiveMean(x []float64, i, half int) float64 {
	lo, hi := max(i-half, 0), min(i+half, len(x)-1)
	sum := 0.0
	for _, v := range x[lo : hi+1] {
		sum += v
	}
	return sum / float64(hi-lo+1)
}

// heardAtRandom makes n minutes of a few classes, each of which comes and goes.
func heardAtRandom(rng *rand.Rand, n, models int) []MinuteData {
	out := make([]MinuteData, n)
	for i := range out {
		out[i] = MinuteData{Minute: 1000 + int64(i), Epoch: 16, ListenedS: 60, MemoryAge: 15}
	}
	for c := range models {
		chance := rng.Float64() * .5
		for i := range out {
			if rng.IntN(20) == 0 {
				chance = rng.Float64() * rng.Float64() * .7
			}
			for band := uint8(2); band <= 7; band++ {
				if rng.Float64() < chance/3 {
					bursts := 1 + rng.Uint32N(4)
					out[i].Rows = append(out[i].Rows, Row{uint16(c * 7), band, bursts, rng.Uint32N(bursts + 1), rng.Uint32N(3) * rng.Uint32N(8)})
				}
			}
		}
	}
	return out
}

func TestFinalIsTheReferencesFormula(t *testing.T) {
	for name, row := range map[string]struct {
		minutes, models int
		gap             float64
	}{
		"two hours, gap of the lab":      {120, 30, 36.4},
		"an hour, short gap":             {60, 8, 12},
		"one phone":                      {90, 1, 12},
		"as long as the gap: whole":      {36, 20, 36},
		"one minute longer than the gap": {37, 20, 36},
		"one minute":                     {1, 10, 12},
		"a crowd":                        {50, 90, 45},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				minutes := heardAtRandom(rand.New(rand.NewPCG(seed, 1)), row.minutes, row.models)
				p := DefaultParams()
				p.Gap = row.gap
				got, want := Final(minutes, p, true), naive(minutes, p)
				if len(got) != len(want) {
					t.Fatalf("got %d minutes, want %d", len(got), len(want))
				}
				for i := range got {
					if got[i].Minute != minutes[i].Minute || math.Abs(got[i].Random-want[i]) > 1e-9 {
						t.Fatalf("seed %d minute %d: got %v, want %v", seed, i, got[i], want[i])
					}
				}
			}
		})
	}
}
