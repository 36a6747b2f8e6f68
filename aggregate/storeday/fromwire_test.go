package storeday

import (
	"reflect"
	"testing"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/ingest/wire"
)

func TestFromTheWire(t *testing.T) {
	m := wire.Minute{
		Minute: noon, ListenedS: 55, MemoryAge: 3, FramesRandom: 7, FramesStable: 8, PassersBy: 9, ExcludedLong: 1, RowsDropped: 2,
		Rows: []wire.CounterRow{{Class: 5, Band: 4, Bursts: 3, Fresh: 2, Back: 1}, {Class: 6, Band: 7, Bursts: 1}},
	}
	want := estimate.MinuteData{Minute: noon, Epoch: 77, ListenedS: 55, MemoryAge: 3, Rows: []estimate.Row{
		{Class: 5, Band: 4, Bursts: 3, Fresh: 2, Back: 1}, {Class: 6, Band: 7, Bursts: 1},
	}}
	got := Counters(77, &m)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("counters: got %+v, want %+v", got, want)
	}
	m.Rows[0].Class = 999 // a cursor's rows are overwritten by its next minute
	if got.Rows[0].Class != 5 {
		t.Error("the estimator's rows alias the cursor's")
	}
	if got, want := Heard(&m), (Minute{Minute: noon, ListenedS: 55, FramesRandom: 7, FramesStable: 8, PassersBy: 9, ExcludedLong: 1}); got != want {
		t.Errorf("heard: got %+v, want %+v", got, want)
	}
}

func TestRandomShare(t *testing.T) {
	for _, test := range []struct {
		name           string
		random, stable uint64
		want           float64
	}{
		{"no frames", 0, 0, 0}, {"all random", 5, 0, 1}, {"none random", 0, 5, 0}, {"three of four", 75, 25, .75},
	} {
		if got := RandomShare(test.random, test.stable); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
