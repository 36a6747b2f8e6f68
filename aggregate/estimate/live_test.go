package estimate

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestLive(t *testing.T) {
	for name, row := range map[string]struct {
		heard string
		hold  float64
		now   int64
		want  float64
		none  bool
	}{
		"heard now":                              {heard: "....x", hold: 3, now: 4, want: 1},
		"heard at the edge of the hold":          {heard: "..x..", hold: 3, now: 4, want: 1},
		"heard before it":                        {heard: ".x...", hold: 3, now: 4, want: 0},
		"a fraction reaches the minute it is in": {heard: ".x...", hold: 3.5, now: 4, want: 1},
		"what comes later is not known":          {heard: "...x.....xx", hold: 3, now: 7, want: 0},
		"nothing listened to":                    {heard: "x                    ", hold: 3, now: 20, none: true},
		"before the first minute":                {heard: "xxx", hold: 3, now: -1, none: true},
		"no minute at all":                       {heard: "", hold: 3, now: 4, none: true},
		"a pause is not silence":                 {heard: "x.   ", hold: 5, now: 4, want: 1},
		"old epoch is held":                      {heard: "..xxx|.", hold: 3, now: 5, want: 1},
		"old and new are not added":              {heard: "..xxx|x", hold: 3, now: 5, want: 1},
		"the old one goes after the hold":        {heard: "..xxx|...", hold: 3, now: 7, want: 0},
		"rate over 15 minutes":                   {heard: "..............9", hold: 3, now: 14, want: 1},
		"rate over the minutes there are":        {heard: "99999", hold: 3, now: 4, want: 1 + 1./6*(9/1.25-1)},
		"rate of the new epoch alone":            {heard: ".....|9", hold: 3, now: 5, want: 1 + 1./6*(9/1.25-1)},
		"the larger crowd is the old one's":      {heard: "99999|x", hold: 3, now: 5, want: 1 + 1./6*(9/1.25-1)},
	} {
		t.Run(name, func(t *testing.T) {
			p := DefaultParams()
			p.Hold = row.hold
			got, ok := Live(heard(row.heard), p, row.now)
			if ok == row.none || math.Abs(got-row.want) > 1e-9 {
				t.Errorf("got %v %v, want %v %v", got, ok, row.want, !row.none)
			}
		})
	}
}

// A crowd that stays must not be seen twice, nor vanish, when its classes get new values.
func TestLiveOfASteadyCrowdDoesNotJumpAtTheKeysChange(t *testing.T) {
	var minutes []MinuteData
	for at := range int64(60) {
		m := MinuteData{Minute: at, Epoch: 16, ListenedS: 60, MemoryAge: 15}
		if at >= 30 {
			m.Epoch = 17
		}
		for c := range uint16(20) {
			m.Rows = append(m.Rows, Row{Class: c*31 + uint16(m.Epoch), Band: 7, Bursts: 1, Fresh: 1})
		}
		minutes = append(minutes, m)
	}
	for now := int64(15); now < 60; now++ {
		if got, _ := Live(minutes, DefaultParams(), now); math.Abs(got-20) > 1e-9 {
			t.Errorf("minute %d: got %v, want 20", now, got)
		}
	}
}

func TestLiveLooksBackNoFurtherThanItsWindow(t *testing.T) {
	minutes := heardAtRandom(rand.New(rand.NewPCG(3, 3)), 90, 20)
	for i := range minutes {
		now := minutes[i].Minute
		got, _ := Live(minutes, DefaultParams(), now)
		want, _ := Live(minutes[max(0, i-14):i+1], DefaultParams(), now)
		if got != want {
			t.Fatalf("minute %d: got %v, want %v", i, got, want)
		}
	}
}
