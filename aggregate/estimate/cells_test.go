package estimate

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

func near(got, want float64) bool { return math.Abs(got-want) <= 5e-4 }

func TestIntervalIsTheReferences(t *testing.T) {
	for name, row := range map[string]struct{ n, low, high float64 }{ // reference/counting.py interval(n)
		"empty":           {0, 0, 2.6},
		"one":             {1, 0, 4.7857},
		"three":           {3, 0, 8.8601},
		"thirteen":        {13, 3.4115, 28.2228},
		"thirty":          {30, 13.9000, 60.6535},
		"a hundred":       {100, 60.0965, 193.7804},
		"less than empty": {-1, 0, 2.6},
	} {
		t.Run(name, func(t *testing.T) {
			low, high := Interval(row.n)
			if !near(low, row.low) || !near(high, row.high) {
				t.Errorf("got %.4f..%.4f, want %.4f..%.4f", low, high, row.low, row.high)
			}
		})
	}
}

func TestMax(t *testing.T) {
	for name, row := range map[string]struct {
		series [][]People
		want   []People
	}{
		"none":                     {nil, nil},
		"one":                      {[][]People{{{1, 2}, {3, 4}}}, []People{{1, 2}, {3, 4}}},
		"the largest, each minute": {[][]People{{{1, 2}, {2, 7}}, {{1, 5}, {2, 1}}}, []People{{1, 5}, {2, 7}}},
		"who listened counts":      {[][]People{{{1, 2}, {4, 3}}, {{2, 5}}, {}}, []People{{1, 2}, {2, 5}, {4, 3}}},
		"nobody is a number too":   {[][]People{{{1, 0}}, {{1, 0}}}, []People{{1, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Max(row.series...)
			if len(got) != len(row.want) || len(got) > 0 && !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestMaxOfZonesIsMaxOfSensors(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	series := make([][]People, 4)
	for i := range series {
		for m := range int64(50) {
			if rng.IntN(3) > 0 {
				series[i] = append(series[i], People{m, rng.Float64() * 9})
			}
		}
	}
	got := Max(Max(series[0], series[1]), Max(series[2], series[3]))
	if want := Max(series...); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCells(t *testing.T) {
	stable := func(minute int64) float64 { return float64(minute % 2) }
	for name, row := range map[string]struct {
		random []People
		stable func(int64) float64
		want   []Cell // without the interval
	}{
		"none": {nil, stable, nil},
		"one quarter": {
			[]People{{30, 1}, {31, 3}, {44, 5}}, stable,
			[]Cell{{Start: 30, Minutes: 3, Stable: 1. / 3, Random: 3, Occupancy: 3 + 1./3}},
		},
		"cut at the clock's quarters": {
			[]People{{29, 1}, {30, 2}, {45, 3}}, nil,
			[]Cell{{Start: 15, Minutes: 1, Random: 1, Occupancy: 1}, {Start: 30, Minutes: 1, Random: 2, Occupancy: 2}, {Start: 45, Minutes: 1, Random: 3, Occupancy: 3}},
		},
		"a quarter nobody listened to has no cell": {
			[]People{{0, 1}, {60, 1}}, nil,
			[]Cell{{Start: 0, Minutes: 1, Random: 1, Occupancy: 1}, {Start: 60, Minutes: 1, Random: 1, Occupancy: 1}},
		},
		"before 1970": {[]People{{-1, 2}}, nil, []Cell{{Start: -15, Minutes: 1, Random: 2, Occupancy: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Cells(row.random, row.stable)
			if len(got) != len(row.want) {
				t.Fatalf("got %d cells, want %d", len(got), len(row.want))
			}
			for i, want := range row.want {
				want.Low, want.High = Interval(want.Occupancy)
				if got[i] != want {
					t.Errorf("cell %d: got %+v, want %+v", i, got[i], want)
				}
			}
		})
	}
}

func TestMean(t *testing.T) {
	cell := func(start int64, minutes int, stable, random float64) Cell {
		return Cell{Start: start, Minutes: minutes, Stable: stable, Random: random, Occupancy: stable + random}
	}
	day := make([]Cell, 48)
	for i := range day {
		day[i] = cell(int64(i)*15, 15, 2, 8)
	}
	for name, row := range map[string]struct {
		cells     []Cell
		w         float64
		want      Cell
		low, high float64
	}{
		"none":                          {nil, 12, Cell{}, 0, 0},
		"one cell has its own interval": {day[:1], 12, day[0], 10 - 2.3*math.Sqrt(13), 10 + 2.6*math.Sqrt(23)},
		"weighted by minutes":           {[]Cell{cell(0, 15, 1, 0), cell(15, 5, 5, 4)}, 12, cell(0, 20, 2, 1), 0, 3 + 2.6*math.Sqrt(4+.12*9)},
		"an hour of short stays":        {day[:4], 12, cell(0, 60, 2, 8), 10 - 2.3*math.Sqrt(11./2+2), 10 + 2.6*math.Sqrt(11./2+12)},
		"an hour of long stays":         {day[:4], 40, cell(0, 60, 2, 8), 10 - 2.3*math.Sqrt(13), 10 + 2.6*math.Sqrt(23)},
		"a day":                         {day, 12, cell(0, 720, 2, 8), 10 - 2.3*math.Sqrt(11./24+2), 10 + 2.6*math.Sqrt(11./24+12)},
	} {
		t.Run(name, func(t *testing.T) {
			got := Mean(row.cells, row.w)
			if !near(got.Low, row.low) || !near(got.High, row.high) {
				t.Errorf("interval: got %.3f..%.3f, want %.3f..%.3f", got.Low, got.High, row.low, row.high)
			}
			got.Low, got.High = row.want.Low, row.want.High
			if got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}
