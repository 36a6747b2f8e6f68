package kept

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// first is the first store-day of a period.
const first = calendar.Day(80 * wire.ReturnDays)

func opened(t testing.TB, dir string, day calendar.Day) *Table {
	t.Helper()
	table, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	table.BeginDay(day)
	return table
}

func saved(t testing.TB, table *Table) {
	t.Helper()
	if err := table.Save(); err != nil {
		t.Fatal(err)
	}
}

// returnID is the return id of a device in a period.
func returnID(device int, period int32) uint64 { return uint64(device)<<32 | uint64(period)<<8 | 1 }

// visit is what is noted of a device on a day.
func visit(device int, day calendar.Day) Visit {
	p := period(day)
	return Visit{Tag: uint32(device), IDs: [2]uint64{returnID(device, p), returnID(device, p-1)}}
}

func only(tags ...uint32) func(uint32) bool {
	return func(tag uint32) bool { return slices.Contains(tags, tag) }
}

func all(uint32) bool { return true }

func TestWhatIsTakenOfADevice(t *testing.T) {
	const last = first - 1 // of the period before
	now, before := returnID(1, period(first)), returnID(1, period(last))
	for _, row := range []struct {
		name  string
		days  []calendar.Day // on which device 1 came
		today calendar.Day
		want  []Match
	}{
		{"today", []calendar.Day{first}, first, []Match{{1, [2]uint64{now, before}}}},
		{"yesterday, in this period", []calendar.Day{first}, first + 1, []Match{{1, [2]uint64{now, before}}}},
		{"on three days", []calendar.Day{first, first + 3, first + 9}, first + 9, []Match{{1, [2]uint64{now, before}}}},
		{"yesterday, in the period before", []calendar.Day{last}, first, []Match{{1, [2]uint64{0, before}}}},
		{"in both periods", []calendar.Day{last - 5, last, first, first + 2}, first + 2, []Match{{1, [2]uint64{now, before}}}},
		{"28 days ago", []calendar.Day{first}, first + 28, []Match{{1, [2]uint64{0, now}}}},
		{"30 days ago", []calendar.Day{first}, first + 30, []Match{{1, [2]uint64{0, now}}}},
		{"31 days ago", []calendar.Day{first}, first + 31, nil},
		{"two periods ago, though not 30 days", []calendar.Day{last}, first + 28, nil},
		{"never", nil, first, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			table := opened(t, dir, first-28)
			for _, day := range row.days {
				table.BeginDay(day)
				if !table.Note(day, visit(1, day)) || !table.Note(day, visit(2, day)) {
					t.Fatal("got a visit refused, want it kept")
				}
				saved(t, table)
			}
			table.BeginDay(row.today)
			saved(t, table)
			again := opened(t, dir, row.today) // as after a restart
			for name, table := range map[string]*Table{"kept": table, "read again": again} {
				if got := table.Take(only(1)); !slices.Equal(got, row.want) {
					t.Errorf("%s: got %v, want %v", name, got, row.want)
				}
				if got := table.Take(only(1)); len(got) != 0 {
					t.Errorf("%s: got %v a second time, want nothing", name, got)
				}
			}
			for _, m := range row.want {
				table.Sent(m)
			}
			saved(t, table)
			again = opened(t, dir, row.today)
			if got := again.Take(only(1)); len(got) != 0 {
				t.Errorf("got %v after it was sent, want nothing", got)
			}
			if got := len(again.Take(only(2))); got != len(row.want) {
				t.Errorf("got %d matches of the other device, want %d still", got, len(row.want))
			}
		})
	}
}

func TestTwoDevicesOfOneTag(t *testing.T) {
	table := opened(t, t.TempDir(), first)
	a, b := visit(1, first), visit(2, first)
	b.Tag = a.Tag
	table.Note(first, a)
	table.Note(first, b)
	got := table.Take(only(1))
	if len(got) != 2 {
		t.Fatalf("got %v, want both: the tag stands for either", got)
	}
	table.Sent(got[0])
	if table.Len() != 1 {
		t.Errorf("got %d kept after one was sent, want the other", table.Len())
	}
	table.Sent(got[1])
	table.Sent(got[1]) // again changes nothing
	if table.Len() != 0 {
		t.Errorf("got %d kept, want none", table.Len())
	}
}

func TestACrashBeforeSentLosesNothing(t *testing.T) {
	dir := t.TempDir()
	table := opened(t, dir, first)
	table.Note(first, visit(1, first))
	table.Note(first, visit(2, first))
	saved(t, table)
	if got := table.Take(only(1)); len(got) != 1 {
		t.Fatalf("got %v, want one", got)
	}
	table.Note(first, visit(3, first))
	saved(t, table) // what is taken and not sent is still written
	again := opened(t, dir, first)
	if got := again.Take(only(1)); len(got) != 1 {
		t.Errorf("got %v after a crash, want the match again", got)
	}
}

func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	table, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if table.Note(first, visit(1, first)) || table.Take(all) != nil {
		t.Error("got a visit before the first store-day, want it refused")
	}
	table.BeginDay(first)
	for _, day := range []calendar.Day{first - 1, first + 1} {
		if table.Note(day, visit(1, day)) {
			t.Errorf("got a visit of %v on %v, want it refused", day, first)
		}
	}
}

// TestFilesOfOldDaysAreOverwritten looks at the blocks of files that are gone, and at what a crash left half-written.
func TestFilesOfOldDaysAreOverwritten(t *testing.T) {
	dir := t.TempDir()
	table := opened(t, dir, first)
	v := visit(0x5a5a5a, first)
	table.Note(first, v)
	saved(t, table)
	link := filepath.Join(dir, "link")
	if err := os.Link(path(dir, first), link); err != nil {
		t.Skipf("no hard links here, which would show the blocks after the removal: %v", err)
	}
	if info, err := os.Stat(link); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	partial := path(dir, first) + ".footfall-partial"
	if err := os.WriteFile(partial, encode(first, []Visit{v}), 0o600); err != nil {
		t.Fatal(err)
	}
	table = opened(t, dir, first+29)
	saved(t, table)
	if _, err := os.Stat(partial); !os.IsNotExist(err) {
		t.Errorf("got %v, want what was half-written gone", err)
	}
	if _, err := os.Stat(path(dir, first)); err != nil {
		t.Errorf("the day is gone after 29 days: %v", err)
	}
	table.BeginDay(first + 31)
	saved(t, table)
	if _, err := os.Stat(path(dir, first)); !os.IsNotExist(err) {
		t.Errorf("got %v, want the file of an old day gone", err)
	}
	raw, err := os.ReadFile(link)
	if err != nil {
		t.Fatal(err)
	}
	if len(bytes.Trim(raw, "\x00")) != 0 {
		t.Error("the blocks of a day that is over still hold it")
	}
}

func TestDestroyLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	table := opened(t, dir, first)
	for day := first; day < first+5; day++ {
		table.BeginDay(day)
		table.Note(day, visit(1, day))
		saved(t, table)
	}
	others := []string{"keys", "returns.filters", "returns.kept.x", "returns.kept.99999999"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := Destroy(dir); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != len(others) {
			t.Errorf("got %v, %v, want only what is not ours", entries, err)
		}
	}
	if err := Destroy(filepath.Join(dir, "none")); err != nil {
		t.Errorf("no folder: %v", err)
	}
}

func TestADiskThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	table := opened(t, dir, first)
	table.Note(first, visit(1, first))
	block := path(dir, first) + ".footfall-partial"
	if err := os.MkdirAll(filepath.Join(block, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := table.Save(); err == nil {
		t.Fatal("got no error from a save that could not write, want one")
	}
	if err := os.RemoveAll(block); err != nil {
		t.Fatal(err)
	}
	saved(t, table)
	if got := opened(t, dir, first).Len(); got != 1 {
		t.Errorf("got %d kept once the disk was back, want 1", got)
	}
}

func TestAGarbledFileErrorsClearly(t *testing.T) {
	good := encode(first, []Visit{visit(1, first), visit(2, first)})
	unsorted := bytes.Clone(encode(first, []Visit{visit(1, first)}))
	for _, row := range []struct {
		name string
		raw  []byte
	}{
		{"empty", nil}, {"text", []byte("hello")}, {"cut", good[:len(good)-1]}, {"only its name", []byte(magic)},
		{"a bit flipped", append(bytes.Clone(good[:40]), append([]byte{good[40] ^ 1}, good[41:]...)...)},
		{"of another day", encode(first+1, nil)}, {"of too wide a tag", encode(first, []Visit{{Tag: 1 << 28}})},
		{"a visit twice", encode(first, []Visit{visit(1, first), visit(1, first)})}, {"something behind it", append(unsorted, 0)},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(path(dir, first), row.raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir); err == nil || !bytes.Contains([]byte(err.Error()), []byte("remove the file")) {
				t.Errorf("got %v, want an error that says what to do", err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(first, []Visit{visit(1, first), visit(2, first)}))
	f.Add(encode(first, nil))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, raw []byte) {
		visits, err := decode(raw, first)
		if err != nil {
			return
		}
		if again := encode(first, visits); !bytes.Equal(again, raw) {
			t.Fatalf("got %x after a way through, want %x", again, raw)
		}
	})
}

// TestAgainstANaiveMemory plays months of visits, opt-outs, restarts and crashes, beside a list that keeps everything for ever.
func TestAgainstANaiveMemory(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 5))
			dir := t.TempDir()
			type entry struct {
				device int
				day    calendar.Day
			}
			model := map[entry]bool{}
			table := opened(t, dir, first)
			for day := first; day < first+100; day += calendar.Day(1 + rng.IntN(2)) {
				table.BeginDay(day)
				maps.DeleteFunc(model, func(e entry, _ bool) bool { return e.day < day-Days || period(e.day) < period(day)-1 })
				for range rng.IntN(6) {
					e := entry{rng.IntN(8), day}
					if table.Note(day, visit(e.device, day)); !model[e] {
						model[e] = true
					}
				}
				saved(t, table)
				if table.Len() != len(model) {
					t.Fatalf("%v: got %d kept, want %d", day, table.Len(), len(model))
				}
				if rng.IntN(3) == 0 {
					table = opened(t, dir, day)
				}
				if rng.IntN(2) == 0 {
					gone := rng.IntN(8)
					want := Match{Tag: uint32(gone)}
					maps.DeleteFunc(model, func(e entry, _ bool) bool {
						if e.device != gone {
							return false
						}
						want.IDs[1] = returnID(gone, period(day)-1)
						if period(e.day) == period(day) {
							want.IDs[0] = returnID(gone, period(day))
						}
						return true
					})
					got := table.Take(only(uint32(gone)))
					if want.IDs[1] == 0 && len(got) > 0 || want.IDs[1] != 0 && !slices.Equal(got, []Match{want}) {
						t.Fatalf("%v: got %v, want %v", day, got, want)
					}
					for _, m := range got {
						table.Sent(m)
					}
					saved(t, table)
				}
			}
		})
	}
}
