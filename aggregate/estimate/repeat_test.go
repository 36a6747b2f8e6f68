package estimate

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// The errors allowed are DESIGN section 6's table for the half, and half as much again: it does not say by which habits they
// repeat. An interval for 95 % that covers fewer than 92 of 100 would be a wrong one.
func TestRepeatRateOfSimulatedFilters(t *testing.T) {
	for name, row := range map[string]struct {
		habits  habits
		perDay  int
		epsilon float64
		points  float64 // allowed root of the mean square error of the four-week rate
		draws   uint64
	}{
		"30 a day":                       {half, 30, 2, 5.3, 200},
		"100 a day":                      {half, 100, 2, 2.7, 120},
		"600 a day":                      {half, 600, 2, 1.6, 100},
		"2,000 a day":                    {half, 2000, 2, .8, 100},
		"30 a day, E 3":                  {half, 30, 3, 1.8, 200},
		"100 a day, E 3":                 {half, 100, 3, 1.8, 120},
		"600 a day, E 3":                 {half, 600, 3, 1.0, 100},
		"2,000 a day, E 3":               {half, 2000, 3, .5, 100},
		"the same every day, 30":         {everyDay, 30, 2, 5.3, 200},
		"the same every day, 600":        {everyDay, 600, 2, 1.6, 100},
		"the same every day, 600, E 3":   {everyDay, 600, 3, 1.0, 100},
		"strangers, 30":                  {strangers, 30, 2, 5.3, 200},
		"strangers, 600":                 {strangers, 600, 2, 1.6, 100},
		"strangers, 100, E 3":            {strangers, 100, 3, 1.8, 120},
		"the whole neighbourhood, 30":    {neighbours, 30, 2, 5.3, 200},
		"the whole neighbourhood, 600":   {neighbours, 600, 2, 1.6, 100},
		"a handful, wide but not absent": {half, 5, 2, 15, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var square1, square4 float64
			var covered1, covered4 int
			for seed := range row.draws {
				days, p1, week1, week4 := row.habits.week(seed, row.perDay, row.epsilon)
				r := Repeat(days, p1)
				check(t, r)
				square1 += (r.Week1.Value - week1) * (r.Week1.Value - week1)
				square4 += (r.Week4.Value - week4) * (r.Week4.Value - week4)
				covered1 += covers(r.Week1, week1)
				covered4 += covers(r.Week4, week4)
				if covers(r.New, 1-week4) != covers(r.Week4, week4) {
					t.Errorf("seed %d: new %v is not the rest of %v", seed, r.New, r.Week4)
				}
			}
			n := float64(row.draws)
			rmse1, rmse4 := 100*math.Sqrt(square1/n), 100*math.Sqrt(square4/n)
			t.Logf("rmse %.1f (one week) %.1f (four) points, covered %d and %d of %d", rmse1, rmse4, covered1, covered4, row.draws)
			if rmse1 > 1.5*row.points || rmse4 > 1.5*row.points {
				t.Errorf("error: got %.1f and %.1f points, want at most %.1f", rmse1, rmse4, 1.5*row.points)
			}
			if want := int(.92 * n); covered1 < want || covered4 < want {
				t.Errorf("interval: covered %d and %d of %v, want %d", covered1, covered4, n, want)
			}
		})
	}
}

func covers(s Share, truth float64) int {
	if s.Low-1e-9 <= truth && truth <= s.High+1e-9 {
		return 1
	}
	return 0
}

// check wants shares that are shares.
func check(t *testing.T, r RepeatRate) {
	t.Helper()
	for name, s := range map[string]Share{"week 1": r.Week1, "week 4": r.Week4, "new": r.New} {
		if !s.Known {
			if s != (Share{}) {
				t.Errorf("%s: got %v of what is not known", name, s)
			}
			continue
		}
		if !(0 <= s.Low && s.Low <= s.Value && s.Value <= s.High && s.High <= 1) {
			t.Errorf("%s: got %v, want 0 <= low <= value <= high <= 1", name, s)
		}
	}
}

func answers(lookback int, q0 float64, counts map[int]uint32) Answers {
	a := Answers{Lookback: lookback, Q0: [Filters]float64{q0, q0, q0, q0, q0}}
	for pattern, n := range counts {
		a.Counts[pattern] = n
	}
	return a
}

func TestRepeatEdges(t *testing.T) {
	p1 := KeepProbability(2)
	for name, row := range map[string]struct {
		days []Answers
		p1   float64
		want RepeatRate // of the shares, only Known is compared
	}{
		"no day":                {nil, p1, RepeatRate{}},
		"days without visitors": {[]Answers{{Lookback: 4}, {Lookback: 2}}, p1, RepeatRate{}},
		"everybody's answers are no": {
			[]Answers{answers(4, .12, map[int]uint32{0: 50})}, p1,
			RepeatRate{Visitors: 50, Distinct: 50, Lookback: 4, Week1: Share{Known: true}, Week4: Share{Known: true}, New: Share{Known: true}},
		},
		"everybody's answers are yes": {
			[]Answers{answers(4, .12, map[int]uint32{31: 50})}, p1,
			RepeatRate{Visitors: 50, Distinct: 50, Lookback: 4, Week1: Share{Known: true}, Week4: Share{Known: true}, New: Share{Known: true}},
		},
		"one visitor": {
			[]Answers{answers(4, .12, map[int]uint32{9: 1})}, p1,
			RepeatRate{Visitors: 1, Distinct: 1, Lookback: 4, Week1: Share{Known: true}, Week4: Share{Known: true}, New: Share{Known: true}},
		},
		"distinct are those of the fullest day": {
			[]Answers{answers(4, .12, map[int]uint32{0: 5}), answers(4, .12, map[int]uint32{0: 7, 1: 4}), answers(4, .12, map[int]uint32{3: 9})}, p1,
			RepeatRate{Visitors: 25, Distinct: 11, Lookback: 4, Week1: Share{Known: true}, Week4: Share{Known: true}, New: Share{Known: true}},
		},
		"a week of filters": {
			[]Answers{answers(1, .12, map[int]uint32{0: 20, 2: 5})}, p1,
			RepeatRate{Visitors: 25, Distinct: 25, Lookback: 1, Week1: Share{Known: true}, New: Share{Known: true}},
		},
		"three weeks are not four": {
			[]Answers{answers(3, .12, map[int]uint32{0: 20})}, p1,
			RepeatRate{Visitors: 20, Distinct: 20, Lookback: 3, Week1: Share{Known: true}, New: Share{Known: true}},
		},
		"this week only": {
			[]Answers{answers(0, .12, map[int]uint32{0: 20})}, p1,
			RepeatRate{Visitors: 20, Distinct: 20, New: Share{Known: true}},
		},
		"the least of the days' look-backs": {
			[]Answers{answers(4, .12, map[int]uint32{0: 20}), answers(2, .12, map[int]uint32{0: 20})}, p1,
			RepeatRate{Visitors: 40, Distinct: 20, Lookback: 2, Week1: Share{Known: true}, New: Share{Known: true}},
		},
		"a day without visitors does not shorten it": {
			[]Answers{answers(4, .12, map[int]uint32{0: 20}), {}}, p1,
			RepeatRate{Visitors: 20, Distinct: 20, Lookback: 4, Week1: Share{Known: true}, Week4: Share{Known: true}, New: Share{Known: true}},
		},
		"filters of ones only":     {[]Answers{answers(4, 1, map[int]uint32{31: 20})}, p1, RepeatRate{Visitors: 20, Distinct: 20}},
		"q0 that is no number":     {[]Answers{answers(4, math.NaN(), map[int]uint32{31: 20})}, p1, RepeatRate{Visitors: 20, Distinct: 20}},
		"q0 below nothing":         {[]Answers{answers(4, -1, map[int]uint32{31: 20})}, p1, RepeatRate{Visitors: 20, Distinct: 20}},
		"p1 that is no number":     {[]Answers{answers(4, .1, map[int]uint32{31: 20})}, math.NaN(), RepeatRate{Visitors: 20, Distinct: 20}},
		"no privacy: coins":        {[]Answers{answers(4, .5, map[int]uint32{31: 20})}, KeepProbability(0), RepeatRate{Visitors: 20, Distinct: 20}},
		"filters of zeros only":    {[]Answers{answers(0, 0, map[int]uint32{0: 20})}, p1, RepeatRate{Visitors: 20, Distinct: 20, New: Share{Known: true}}},
		"no noise":                 {[]Answers{answers(0, 0, map[int]uint32{0: 20})}, 1, RepeatRate{Visitors: 20, Distinct: 20, New: Share{Known: true}}},
		"a look-back out of range": {[]Answers{answers(99, .12, map[int]uint32{0: 20})}, p1, RepeatRate{Visitors: 20, Distinct: 20, Lookback: 4, Week1: Share{Known: true}, Week4: Share{Known: true}, New: Share{Known: true}}},
		"a filter that fills up ends the look-back": {
			[]Answers{{Lookback: 4, Q0: [5]float64{.1, .1, .9, .1, .1}, Counts: [32]uint32{20}}}, p1,
			RepeatRate{Visitors: 20, Distinct: 20, Lookback: 1, Week1: Share{Known: true}, New: Share{Known: true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Repeat(row.days, row.p1)
			check(t, got)
			for _, s := range []*Share{&got.Week1, &got.Week4, &got.New} {
				*s = Share{Known: s.Known}
			}
			if got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestRepeatWithHardlyAnyNoiseIsTheCount(t *testing.T) {
	a := answers(4, 1e-6, map[int]uint32{0: 40, 1: 10, 2: 20, 8: 30})
	r := Repeat([]Answers{a}, 1-1e-6)
	for name, row := range map[string]struct {
		got  Share
		want float64
	}{"week 1": {r.Week1, .3}, "week 4": {r.Week4, .6}, "new": {r.New, .4}} {
		if math.Abs(row.got.Value-row.want) > 1e-4 || row.got.High-row.got.Low > .02 {
			t.Errorf("%s: got %v, want %v", name, row.got, row.want)
		}
	}
}

func TestRepeatIsRepeatableAndTheDaysOrderDoesNotMatter(t *testing.T) {
	days, p1, _, _ := half.week(4, 100, 2)
	want := Repeat(days, p1)
	if got := Repeat(days, p1); !reflect.DeepEqual(got, want) {
		t.Errorf("the same again: got %+v, want %+v", got, want)
	}
	turned := append(append([]Answers{}, days[3:]...), days[:3]...)
	got := Repeat(turned, p1)
	if math.Abs(got.Week4.Value-want.Week4.Value) > 1e-6 || got.Distinct != want.Distinct {
		t.Errorf("in another order: got %+v, want %+v", got, want)
	}
}

func TestTheChannelsTransposeIsItsTranspose(t *testing.T) {
	ch := newChannel([]Answers{{Counts: [32]uint32{5}, Q0: [5]float64{.1, .2, .15, .12, .3}}}, .88, 5)
	rng := rand.New(rand.NewPCG(1, 9))
	x, y := make([]float64, 32), make([]float64, 32)
	for i := range x {
		x[i], y[i] = rng.Float64(), rng.Float64()
	}
	ax, aty := append([]float64{}, x...), append([]float64{}, y...)
	ch.answer(ax)
	ch.blame(aty)
	var got, want float64
	for i := range x {
		got += ax[i] * y[i]
		want += x[i] * aty[i]
	}
	if math.Abs(got-want) > 1e-12 {
		t.Errorf("got %v, want %v", got, want)
	}
}

// FuzzRepeat makes answers of bytes; whatever they say, shares are shares.
func FuzzRepeat(f *testing.F) {
	f.Add([]byte{3, 200, 1, 4, 128, 7, 7, 7}, .12, 2.)
	f.Add([]byte{}, 1., 3.)
	f.Fuzz(func(t *testing.T, data []byte, q0, epsilon float64) {
		days := make([]Answers, 1+len(data)/32)
		for i := range days {
			days[i].Lookback = i % 6
			for k := range days[i].Q0 {
				days[i].Q0[k] = q0 / float64(k+1)
			}
		}
		for i, b := range data {
			days[i/32].Counts[i%32] = uint32(b) * uint32(b)
		}
		check(t, Repeat(days, KeepProbability(epsilon)))
	})
}

func BenchmarkRepeat(b *testing.B) {
	days, p1, _, _ := half.week(1, 2000, 2)
	b.ReportAllocs()
	for b.Loop() {
		Repeat(days, p1)
	}
}
