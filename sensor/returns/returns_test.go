package returns

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// wednesday is 2026-01-28: four more days of its week follow.
var wednesday = calendar.DayOfDate(2026, 1, 28)

const thisWeek = 0 // index of the filter

func seeded(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

func options(day calendar.Day, seed byte) Options {
	return Options{Epsilon: 2, Day: day, Issue: "00112233aabbccdd", Random: seeded(seed)}
}

func open(t testing.TB, dir string, o Options) *Filters {
	t.Helper()
	f, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func endDay(t testing.TB, f *Filters, next calendar.Day) {
	t.Helper()
	if err := f.EndDay(next); err != nil {
		t.Fatal(err)
	}
}

func save(t testing.TB, f *Filters) {
	t.Helper()
	if err := f.SaveOpenDay(); err != nil {
		t.Fatal(err)
	}
}

// within fails where a count of n draws with probability p lies more than 5 standard deviations off: 1 in 1.7 million.
func within(t testing.TB, what string, got, n int, p float64) {
	t.Helper()
	want, sigma := float64(n)*p, math.Sqrt(float64(n)*p*(1-p))
	if math.Abs(float64(got)-want) > 5*sigma {
		t.Errorf("%s: got %d ones of %d, want %.0f within %.0f", what, got, n, want, 5*sigma)
	}
}

func TestFiltersAreBornWithP0AndDrawnWithP1(t *testing.T) {
	for _, epsilon := range []float64{0.5, 1, 2, 3} {
		t.Run(fmt.Sprint(epsilon), func(t *testing.T) {
			o := options(wednesday, 1)
			o.Epsilon = epsilon
			f := open(t, t.TempDir(), o)
			p1 := math.Exp(epsilon) / (1 + math.Exp(epsilon))
			for k, ones := range f.Ones() {
				within(t, fmt.Sprintf("born, filter %d", k), int(ones), Buckets, 1-p1)
			}
			before := *f.memory
			for b := 0; b < Buckets; b += 2 {
				f.Mark(uint16(b))
			}
			endDay(t, f, wednesday+1)
			marked, same := 0, true
			for b := range Buckets {
				now := f.memory.filters[thisWeek].has(uint16(b))
				if b%2 == 0 && now {
					marked++
				}
				if b%2 == 1 && now != before.filters[thisWeek].has(uint16(b)) {
					same = false
				}
			}
			within(t, "drawn", marked, Buckets/2, p1)
			if !same {
				t.Error("a bucket without a mark changed")
			}
			if !bytes.Equal(flat(f.memory)[Buckets/8:], flat(&before)[Buckets/8:]) {
				t.Error("a filter of an earlier week changed")
			}
		})
	}
}

// TestADayDrawsAnewWhateverTheBitWas: the drawn bit must not depend on the one before, or a second visit would show.
func TestADayDrawsAnewWhateverTheBitWas(t *testing.T) {
	f := open(t, t.TempDir(), options(wednesday, 2))
	p1 := math.Exp(2) / (1 + math.Exp(2))
	for day := wednesday + 1; day <= wednesday.Week().Sunday(); day++ { // as one who comes every day
		was := f.memory.filters[thisWeek]
		for b := range Buckets {
			f.Mark(uint16(b))
		}
		endDay(t, f, day)
		var n, ones [2]int
		for b := range Buckets {
			i := 0
			if was.has(uint16(b)) {
				i = 1
			}
			n[i]++
			if f.memory.filters[thisWeek].has(uint16(b)) {
				ones[i]++
			}
		}
		within(t, fmt.Sprintf("%v after a zero", day), ones[0], n[0], p1)
		within(t, fmt.Sprintf("%v after a one", day), ones[1], n[1], p1)
	}
}

// TestOneStateOfOneFilterChangesTheOddsByAtMostEToTheE looks at the exact probabilities: of a bit, with a visit or without.
func TestOneStateOfOneFilterChangesTheOddsByAtMostEToTheE(t *testing.T) {
	for _, epsilon := range []float64{1e-9, 0.1, 0.5, 1, 1.5, 2, 2.5, 3} {
		one := threshold(epsilon)
		if one < 1<<63 {
			t.Errorf("E = %v: got p1 below a half", epsilon)
		}
		p1, p0 := float64(one), math.Ldexp(1, 64)-float64(one)
		bound := math.Exp(epsilon)
		for name, ratio := range map[string]float64{"of a one": p1 / p0, "of a zero": (math.Ldexp(1, 64) - p0) / (math.Ldexp(1, 64) - p1)} {
			if ratio > bound*(1+1e-14) || ratio < bound*(1-1e-14) {
				t.Errorf("E = %v, odds %s: got a factor of %v, want %v", epsilon, name, ratio, bound)
			}
		}
	}
}

func TestDrawsAreExact(t *testing.T) {
	for _, row := range []struct {
		name string
		one  uint64
		raw  uint64
		want bool
	}{
		{"below the threshold", 1 << 63, 1<<63 - 1, true}, {"at it", 1 << 63, 1 << 63, false},
		{"the least", 1, 0, true}, {"the greatest", math.MaxUint64, math.MaxUint64, false}, {"next to it", math.MaxUint64, math.MaxUint64 - 1, true},
	} {
		raw := make([]byte, 8)
		for i := range raw {
			raw[i] = byte(row.raw >> (56 - 8*i))
		}
		o := newOdds(row.one, bytes.NewReader(raw))
		got, err := o.draw()
		if err != nil || got != row.want {
			t.Errorf("%s: got %v and %v, want %v", row.name, got, err, row.want)
		}
	}
}

func TestMarkingOftenIsMarkingOnce(t *testing.T) {
	once, often := open(t, t.TempDir(), options(wednesday, 3)), open(t, t.TempDir(), options(wednesday, 3))
	for b := uint16(0); b < 50000; b += 7 {
		once.Mark(b)
		for range 1 + b%5 {
			often.Mark(b)
		}
		if b%700 == 0 {
			save(t, often)
		}
	}
	endDay(t, once, wednesday+1)
	endDay(t, often, wednesday+1)
	if !bytes.Equal(flat(once.memory), flat(often.memory)) {
		t.Error("marking a bucket often drew other bits than marking it once")
	}
}

func TestAnswersDoNotChangeWithinADay(t *testing.T) {
	f := open(t, t.TempDir(), options(wednesday, 4))
	r := rand.New(rand.NewPCG(1, 1))
	ask := func() (answers []uint8) {
		q := rand.New(rand.NewPCG(9, 9))
		for range 2000 {
			answers = append(answers, f.Ask([Weeks]uint16{uint16(q.Uint32()), uint16(q.Uint32()), uint16(q.Uint32()), uint16(q.Uint32()), uint16(q.Uint32())}))
		}
		return answers
	}
	want, ones := ask(), f.Ones()
	for range 20000 {
		f.Mark(uint16(r.Uint32()))
	}
	if !bytes.Equal(ask(), want) || f.Ones() != ones {
		t.Error("marks changed the answers before the day ended")
	}
	endDay(t, f, wednesday+1)
	if bytes.Equal(ask(), want) || f.Ones() == ones {
		t.Error("the day's end changed nothing")
	}
}

func TestAskPutsEachWeekInItsBit(t *testing.T) {
	f := open(t, t.TempDir(), options(wednesday, 5))
	for k := range Weeks {
		f.memory.filters = [Weeks]bits{}
		f.memory.filters[k].set(uint16(1000 + k))
		if got, want := f.Ask([Weeks]uint16{1000, 1001, 1002, 1003, 1004}), uint8(1)<<k; got != want {
			t.Errorf("filter %d: got answer %05b, want %05b", k, got, want)
		}
		if got := f.Ask([Weeks]uint16{1004, 1000, 1001, 1002, 1003}); got != 0 {
			t.Errorf("filter %d, other buckets: got answer %05b, want none", k, got)
		}
	}
}

func TestClearTakesAMarkBack(t *testing.T) {
	f, never := open(t, t.TempDir(), options(wednesday, 6)), open(t, t.TempDir(), options(wednesday, 6))
	f.Mark(77)
	save(t, f)
	f.Mark(78)
	never.Mark(78)
	f.Clear(77)
	f.Clear(79) // was never marked
	save(t, f)
	_, onDisk, err := decodeOpenDay(read(t, f.dir, openDayFile))
	if err != nil {
		t.Fatal(err)
	}
	if onDisk.has(77) || !onDisk.has(78) || onDisk.count() != 1 {
		t.Error("the file of the open day does not have exactly the mark that is left")
	}
	endDay(t, f, wednesday+1)
	endDay(t, never, wednesday+1)
	if !bytes.Equal(flat(f.memory), flat(never.memory)) {
		t.Error("a cleared mark left something in the filters")
	}
}

func TestSameSeedSameBits(t *testing.T) {
	run := func(seed byte) []byte {
		f := open(t, t.TempDir(), options(wednesday, seed))
		r := rand.New(rand.NewPCG(7, 7))
		for day := wednesday; day < wednesday+16; day++ {
			for range 100 {
				f.Mark(uint16(r.Uint32()))
			}
			endDay(t, f, day+1)
		}
		return flat(f.memory)
	}
	a, b, c := run(1), run(1), run(2)
	if !bytes.Equal(a, b) {
		t.Error("two runs of one seed differ")
	}
	if bytes.Equal(a, c) {
		t.Error("two seeds gave the same bits")
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no epsilon":        func(o *Options) { o.Epsilon = 0 },
		"a negative one":    func(o *Options) { o.Epsilon = -1 },
		"more than 3":       func(o *Options) { o.Epsilon = 3.0000001 },
		"infinite":          func(o *Options) { o.Epsilon = math.Inf(1) },
		"no number":         func(o *Options) { o.Epsilon = math.NaN() },
		"a day before 2020": func(o *Options) { o.Day = -1 },
		"a garbled day":     func(o *Options) { o.Day = lastDay + 1 },
		"a long issue":      func(o *Options) { o.Issue = strings.Repeat("x", maxIssue+1) },
		"little randomness": func(o *Options) { o.Random = strings.NewReader("too little") },
	} {
		t.Run(name, func(t *testing.T) {
			o, dir := options(wednesday, 1), t.TempDir()
			change(&o)
			f, err := Open(dir, o)
			if err == nil || f != nil {
				t.Errorf("got filters, want an error")
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
				t.Errorf("got %d files and %v, want none", len(entries), err)
			}
		})
	}
}

func TestCryptoRandIsTheDefault(t *testing.T) {
	o := options(wednesday, 1)
	o.Random = nil
	a, b := open(t, t.TempDir(), o), open(t, t.TempDir(), o)
	if bytes.Equal(flat(a.memory), flat(b.memory)) {
		t.Error("got the same noise twice")
	}
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file modes on Windows")
	}
	f := open(t, t.TempDir(), options(wednesday, 1))
	f.Mark(1)
	save(t, f)
	for _, name := range []string{filtersFile, openDayFile} {
		info, err := os.Stat(filepath.Join(f.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s: got mode %v, want 0600", name, info.Mode())
		}
	}
}

func TestNothingIsPrinted(t *testing.T) {
	f := open(t, t.TempDir(), options(wednesday, 1))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, f); got != "[return filters]" {
			t.Errorf("%s: got %.60q", verb, got)
		}
	}
}

func flat(m *memory) []byte {
	var out []byte
	for k := range m.filters {
		out = append(out, m.filters[k][:]...)
	}
	return out
}

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return !errors.Is(err, os.ErrNotExist)
}

func BenchmarkDayEnd(b *testing.B) {
	f := open(b, b.TempDir(), options(wednesday, 1))
	for b.Loop() {
		for i := range 500 {
			f.Mark(uint16(i * 131))
		}
		if err := f.EndDay(f.Day() + 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAsk(b *testing.B) {
	f := open(b, b.TempDir(), options(wednesday, 1))
	b.ReportAllocs()
	var sink uint8
	for b.Loop() {
		sink += f.Ask([Weeks]uint16{1, 2, 3, 4, 5})
	}
}
