package publish

import "testing"

// returnWeek is a week of a store of policy extended that has looked back for 28 days.
func returnWeek(edit func(*Week)) Week {
	w := Week{
		Condition: Measured, Extended: true, Days: []Daily{{monday, 40, 40}, {monday.AddDate(0, 0, 1), 180, 160}},
		Repeat7D: Returned{true, 40}, Repeat14D: Returned{true, 60}, Repeat28D: Returned{true, 100},
	}
	if edit != nil {
		edit(&w)
	}
	return w
}

func TestExactSharesOfAWeek(t *testing.T) {
	round, err := NewRounder([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	value := func(pct int) Percent { return Percent{pct, StateValue} }
	all := func(s State) [3]Percent { return [3]Percent{{State: s}, {State: s}, {State: s}} }
	for _, row := range []struct {
		name string
		edit func(*Week)
		want [3]Percent
	}{
		{"multiples of 5 are themselves", nil, [3]Percent{value(20), value(30), value(50)}},
		{"another policy", func(w *Week) { w.Extended = false }, all(StatePolicy)},
		{"nobody listened", func(w *Week) { w.Condition = NoData }, all(StateNoData)},
		{"not another policy's either, where nobody listened", func(w *Week) { w.Condition, w.Extended = NoData, false }, all(StatePolicy)},
		{"ten visitors on its busiest day", func(w *Week) { w.Days = []Daily{{monday, 90, 10}, {monday.AddDate(0, 0, 1), 90, 10}} }, all(StateUnder10)},
		{"nobody with a return id", func(w *Week) {
			w.Days, w.Repeat7D.N, w.Repeat14D.N, w.Repeat28D.N = []Daily{{monday, 90, 0}}, 0, 0, 0
		}, all(StateUnder10)},
		{"a store that is new to it", func(w *Week) { w.Repeat14D.Known, w.Repeat28D.Known = false, false }, [3]Percent{value(20), {State: StateNoData}, {State: StateNoData}}},
		{"few come again", func(w *Week) { w.Repeat7D.N, w.Repeat14D.N = 0, 5 }, [3]Percent{{State: StateUnder10}, {State: StateUnder10}, value(50)}},
		{"all come again", func(w *Week) { w.Repeat28D.N = 200 }, [3]Percent{value(20), value(30), value(100)}},
		{"what cannot be", func(w *Week) { w.Repeat7D.N = -1 }, [3]Percent{{State: StateNoData}, value(30), value(50)}},
	} {
		out := round.Week("a", monday, returnWeek(row.edit))
		if got := [3]Percent{out.Repeat7D, out.Repeat14D, out.Repeat28D}; got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
}

// TestExactSharesSayNoMoreThanRoundedCounts: a share is a function of what is published of both counts, so one visitor more or
// less changes it seldom, a longer look-back never has a smaller share, and nothing under 10 shows.
func TestExactSharesSayNoMoreThanRoundedCounts(t *testing.T) {
	for key := range byte(40) {
		round, err := NewRounder([32]byte{key + 1})
		if err != nil {
			t.Fatal(err)
		}
		cell := round.Cell(LevelStoreWeek, "a", monday)
		for n := range 60 {
			out := round.Week("a", monday, returnWeek(func(w *Week) {
				w.Days = []Daily{{monday, 80, 20}, {monday.AddDate(0, 0, 1), 80 + n, 40 + n}}
				w.Repeat7D.N, w.Repeat14D.N, w.Repeat28D.N = n, n+1, n+4
			}))
			if want := Share(cell.Count(n), cell.Count(60+n)); out.Repeat7D != want {
				t.Fatalf("key %d, %d of %d: got %v, want %v", key, n, 60+n, out.Repeat7D, want)
			}
			if n < 6 && out.Repeat7D.State != StateUnder10 {
				t.Errorf("key %d: got %v of %d visitors that came again, want under_10", key, out.Repeat7D, n)
			}
			if out.Repeat7D.Pct > out.Repeat14D.Pct || out.Repeat14D.Pct > out.Repeat28D.Pct {
				t.Errorf("key %d, %d: got %v, %v and %v, want them to grow", key, n, out.Repeat7D, out.Repeat14D, out.Repeat28D)
			}
		}
	}
}
