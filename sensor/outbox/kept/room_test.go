package kept

import (
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// fill notes so many visits of the day.
func fill(t testing.TB, table *Table, day calendar.Day, visits int) {
	t.Helper()
	table.BeginDay(day)
	for n := range visits {
		if !table.Note(day, visit(n, day)) {
			t.Fatalf("%v: got visit %d refused, want room for %d", day, n, visits)
		}
	}
}

// TestADayHasItsRoom has days flooded: one takes its share and no more, and ten leave the others what is surely theirs.
func TestADayHasItsRoom(t *testing.T) {
	refuses := func(table *Table, day calendar.Day) {
		t.Helper()
		if table.Note(day, visit(MaxDay, day)) {
			t.Errorf("%v: got one more than there is room for, want it refused", day)
		}
		if !table.Note(day, visit(0, day)) {
			t.Errorf("%v: got one that is known refused, want it kept", day)
		}
	}
	dir := t.TempDir()
	table := opened(t, dir, first)
	day := first
	for ; table.Len() < Max; day++ {
		fill(t, table, day, MaxDay)
		refuses(table, day)
	}
	for ; day < first+Days; day++ {
		fill(t, table, day, Sure)
		refuses(table, day)
	}
	saved(t, table)
	if got, want := opened(t, dir, day).Len(), table.Len(); got != want || got > Max+Days*Sure {
		t.Errorf("got %d visits read again, want the %d that were kept", got, want)
	}
	info, err := os.Stat(path(dir, first))
	if err != nil || info.Size() != int64(maxFile) {
		t.Errorf("got a file of %d bytes, %v, want %d", info.Size(), err, maxFile)
	}
	table.BeginDay(first + Days + 8) // eight flooded days go with the next save
	saved(t, table)
	fill(t, table, first+Days+8, Sure+1)
}

// TestOnlyDaysThatChangedAreWritten: flash wears out.
func TestOnlyDaysThatChangedAreWritten(t *testing.T) {
	dir := t.TempDir()
	table := opened(t, dir, first)
	for day := first; day < first+4; day++ {
		fill(t, table, day, 3)
		saved(t, table)
	}
	for _, row := range []struct {
		name string
		do   func()
		want []calendar.Day
	}{
		{"nothing", func() {}, nil},
		{"a visit that is known", func() { table.Note(first+3, visit(1, first+3)) }, nil},
		{"a visit", func() { table.Note(first+3, visit(9, first+3)) }, []calendar.Day{first + 3}},
		{"a match that is not sent yet", func() { table.Take(only(9)) }, nil},
		{"it is sent", func() { table.Sent(Match(visit(9, first+3))) }, []calendar.Day{first + 3}},
		{"the next day", func() { table.BeginDay(first + 4) }, nil},
	} {
		before := map[calendar.Day]os.FileInfo{}
		for day := first; day < first+4; day++ {
			info, err := os.Stat(path(dir, day))
			if err != nil {
				t.Fatal(err)
			}
			before[day] = info
		}
		row.do()
		saved(t, table)
		var got []calendar.Day
		for day := first; day < first+4; day++ {
			if info, err := os.Stat(path(dir, day)); err != nil || !os.SameFile(info, before[day]) {
				got = append(got, day)
			}
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: got the files of %v written, want %v", row.name, got, row.want)
		}
	}
}

// TestVisitsAreNotedWhileOthersAreTaken is for the race detector, and counts.
func TestVisitsAreNotedWhileOthersAreTaken(t *testing.T) {
	table := opened(t, t.TempDir(), first)
	fill(t, table, first, 500)
	table.BeginDay(first + 1)
	var both sync.WaitGroup
	both.Go(func() {
		for n := range 500 {
			table.Note(first+1, visit(n, first+1))
		}
	})
	both.Go(func() {
		for range 20 {
			for _, m := range table.Take(only(7)) {
				table.Sent(m)
			}
			if err := table.Save(); err != nil {
				t.Error(err)
			}
		}
	})
	both.Wait()
	for _, m := range table.Take(only(7)) {
		table.Sent(m)
	}
	if got, want := table.Len(), 998; got != want {
		t.Errorf("got %d kept, want %d: all but the device that was taken", got, want)
	}
}

// BenchmarkTake is what a registration costs a sensor that keeps 30 days of 2,000 visitors.
func BenchmarkTake(b *testing.B) {
	table := opened(b, b.TempDir(), first)
	for day := first; day <= first+27; day++ {
		fill(b, table, day, 2000)
	}
	for b.Loop() {
		table.Take(only(5_000_000))
	}
	b.ReportMetric(float64(table.Len()), "visits")
}

// BenchmarkAFullDay is what the visits of a day cost that has as many as it may, in the order in which they come.
func BenchmarkAFullDay(b *testing.B) {
	order := rand.New(rand.NewPCG(1, 2)).Perm(MaxDay)
	for b.Loop() {
		table := opened(b, b.TempDir(), first)
		for _, n := range order {
			table.Note(first, visit(n, first))
		}
	}
}

// BenchmarkSaveAFullDay is what a minute with a visitor costs on such a day.
func BenchmarkSaveAFullDay(b *testing.B) {
	dir := b.TempDir()
	table := opened(b, dir, first)
	fill(b, table, first, MaxDay-1)
	v := visit(MaxDay, first)
	b.ReportAllocs()
	for b.Loop() {
		table.Note(first, v)
		saved(b, table)
		table.Take(only(v.Tag))
		table.Sent(Match(v))
	}
	if info, err := os.Stat(path(dir, first)); err == nil {
		b.ReportMetric(float64(info.Size()), "B/file")
	}
}
