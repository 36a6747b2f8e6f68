package estimate

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func always(gap float64) func(int32) (float64, bool) {
	return func(int32) (float64, bool) { return gap, true }
}

// dayAtRandom is a sensor's day: several class epochs, pauses in listening, a restart.
func dayAtRandom(rng *rand.Rand, n int) []MinuteData {
	minutes := heardAtRandom(rng, n, 12)
	out := minutes[:0]
	pause := 0
	for i, m := range minutes {
		m.Epoch += int32(i / 100)
		if rng.IntN(60) == 0 {
			pause = rng.IntN(50)
		}
		if pause > 0 {
			pause--
			m.ListenedS, m.Rows = 0, nil
			if rng.IntN(2) == 0 {
				continue // absent rather than silent
			}
		}
		m.MemoryAge = uint8(min(15, i%200))
		out = append(out, m)
	}
	return out
}

// split shares a minute's rows between two boots.
func split(rng *rand.Rand, m MinuteData) (a, b MinuteData) {
	a, b = m, m
	a.Rows, b.Rows = nil, nil
	for _, r := range m.Rows {
		part := r
		part.Bursts, part.Fresh, part.Back = rng.Uint32N(r.Bursts+1), rng.Uint32N(r.Fresh+1), rng.Uint32N(r.Back+1)
		a.Rows = append(a.Rows, part)
		b.Rows = append(b.Rows, Row{r.Class, r.Band, r.Bursts - part.Bursts, r.Fresh - part.Fresh, r.Back - part.Back})
	}
	return a, b
}

func TestAStreamGivesWhatTheWholeGives(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 2))
		minutes := dayAtRandom(rng, 30+rng.IntN(500))
		gap := 8 + rng.Float64()*37
		p := DefaultParams()
		p.Gap = gap
		want := Final(minutes, p, seed%2 == 0)

		s := NewStream(p, seed%2 == 0, 0)
		var got []People
		for i, m := range minutes {
			a, b := split(rng, m)
			s.Add(1, a)
			if rng.IntN(10) == 0 {
				s.Add(1, a) // sent again
			}
			s.Add(2, b)
			if i > 3 && rng.IntN(10) == 0 {
				s.Add(1, minutes[i-rng.IntN(3)]) // an old one, sent again
			}
			if rng.IntN(8) == 0 {
				s.Advance(m.Minute + 1)
			}
			if rng.IntN(5) == 0 {
				got = append(got, s.Final(always(gap))...)
			}
			if len(s.ms) > 2*maxGap+60 {
				t.Fatalf("seed %d: %d minutes are held", seed, len(s.ms))
			}
		}
		s.End()
		got = append(got, s.Final(always(gap))...)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: got %d minutes, want %d, or other people in them", seed, len(got), len(want))
		}
		if s.Late() != 0 {
			t.Fatalf("seed %d: %d late minutes, want none", seed, s.Late())
		}
	}
}

func TestAStreamThatIsResumedGivesTheRest(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 3))
		minutes := dayAtRandom(rng, 400)
		p := DefaultParams()
		gap := 12 + rng.Float64()*33
		p.Gap = gap
		want := Final(minutes, p, false)

		first := NewStream(p, false, 0)
		stop := 100 + rng.IntN(200)
		var got []People
		for _, m := range minutes[:stop] {
			first.Add(1, m)
			got = append(got, first.Final(always(gap))...)
		}
		from := 0
		if oldest, ok := first.Oldest(); ok {
			from = slices.IndexFunc(minutes, func(m MinuteData) bool { return m.Minute >= oldest })
		}
		second := NewStream(p, false, first.Next())
		for _, m := range minutes[max(0, from-rng.IntN(30)):] {
			second.Add(1, m)
			got = append(got, second.Final(always(gap))...)
		}
		second.End()
		got = append(got, second.Final(always(gap))...)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: got %d minutes, want %d, or other people in them", seed, len(got), len(want))
		}
		if second.Late() != 0 {
			t.Errorf("seed %d: the replay counts %d minutes as late", seed, second.Late())
		}
	}
}

func TestWhenAMinuteIsFinal(t *testing.T) {
	for name, row := range map[string]struct {
		heard   string
		gap     float64
		clock   int64 // a heartbeat, 0 for none
		end     bool
		whole   bool
		unknown bool
		want    string
	}{
		"not before the gap has passed":        {heard: "x...........", gap: 12, want: ""},
		"nor in its last minute":               {heard: "x............", gap: 12, want: ""},
		"but then":                             {heard: "x.............", gap: 12, want: "1"},
		"one after the other":                  {heard: "x..x............", gap: 12, want: "111"},
		"seven minutes at least":               {heard: "x.......", gap: 3, want: ""},
		"and no more with a short gap":         {heard: "x........", gap: 3, want: "1"},
		"a heartbeat moves the clock":          {heard: "x", gap: 12, clock: 13, want: "1"},
		"not far enough":                       {heard: "x", gap: 12, clock: 12, want: ""},
		"the epoch's end is enough":            {heard: "x..|.", gap: 12, want: "100"},
		"the end of the input too":             {heard: "x..x", gap: 12, end: true, want: "1111"},
		"a stay that is not known holds":       {heard: "x.............", gap: 12, unknown: true, want: ""},
		"even at the end":                      {heard: "x.............", gap: 12, unknown: true, end: true, want: ""},
		"a capture may still be short":         {heard: ".x", gap: 12, clock: 90, whole: true, want: ""},
		"a short capture, whole":               {heard: ".x..", gap: 12, end: true, whole: true, want: "1111"},
		"a long one":                           {heard: ".x...........", gap: 12, end: true, whole: true, want: "0100000000000"},
		"a pause is no end of a short capture": {heard: "x.                   x", gap: 12, end: true, whole: true, want: "10                   1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewStream(DefaultParams(), row.whole, 0)
			for _, m := range heard(row.heard) {
				s.Add(1, m)
			}
			if row.clock > 0 {
				s.Advance(row.clock)
			}
			if row.end {
				s.End()
			}
			got := s.Final(func(int32) (float64, bool) { return row.gap, !row.unknown })
			if text := plain(got, len(row.want)); text != row.want {
				t.Errorf("got %q, want %q", text, row.want)
			}
		})
	}
}

// The tail of a long capture is short, but it has a past, even one that is no longer held.
func TestTheTailOfALongCaptureIsNotWhole(t *testing.T) {
	s := NewStream(DefaultParams(), true, 0)
	for at := range int64(30) {
		s.Add(1, MinuteData{Minute: at, Epoch: 16, ListenedS: 60, MemoryAge: 15})
	}
	s.Final(always(12))
	for at := int64(200); at < 205; at++ {
		m := MinuteData{Minute: at, Epoch: 16, ListenedS: 60, MemoryAge: 15}
		if at == 202 {
			m.Rows = []Row{{1, 7, 1, 1, 0}}
		}
		s.Add(1, m)
		s.Final(always(12))
	}
	s.End()
	got := s.Final(always(12))
	want := []People{{200, 0}, {201, 0}, {202, 1}, {203, 0}, {204, 0}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLateMinutes(t *testing.T) {
	s := NewStream(DefaultParams(), false, 0)
	for _, m := range heard("x..................................................") {
		s.Add(1, m)
	}
	before := s.Final(always(12))
	if len(before) != 38 || s.Late() != 0 {
		t.Fatalf("got %d minutes and %d late, want 38 and none", len(before), s.Late())
	}
	m := heard("..............................x")[30]
	s.Add(1, m)
	if got := s.Late(); got != 0 {
		t.Errorf("a repetition: got %d late, want 0", got)
	}
	s.Add(2, m)
	if got := s.Late(); got != 1 {
		t.Errorf("another boot's: got %d late, want 1", got)
	}
	s.Add(3, MinuteData{Minute: 40, Epoch: 17, ListenedS: 60})
	if got := s.Late(); got != 2 {
		t.Errorf("another class key for the same minute: got %d, want 2", got)
	}
	s.Add(2, MinuteData{Minute: 41, Epoch: 16, ListenedS: 60, MemoryAge: 15, Rows: []Row{{5, 7, 1, 1, 0}}})
	s.End()
	after := s.Final(always(12))
	if after[0].Minute != 38 || after[0].Random != 1 {
		t.Errorf("got %v, want minute 38 with the late minute 30 as its past", after[0])
	}
}

func TestAStreamHoldsNoMoreThanItNeeds(t *testing.T) {
	s := NewStream(DefaultParams(), false, 0)
	if _, ok := s.Oldest(); ok {
		t.Error("an empty stream has an oldest minute")
	}
	for at := range int64(3000) {
		s.Add(uint64(at/100), MinuteData{Minute: at, Epoch: 16 + int32(at/120), ListenedS: 60, MemoryAge: 15, Rows: []Row{{1, 7, 1, 1, 0}}})
		s.Final(always(45))
	}
	oldest, ok := s.Oldest()
	if want := int64(3000 - 45 - 45 - 1); !ok || oldest < want {
		t.Errorf("got oldest %d, want %d or later", oldest, want)
	}
	if len(s.lastOf) > 3 {
		t.Errorf("%d boots are remembered", len(s.lastOf))
	}
	if got, want := s.Next(), int64(3000-45-1); got != want {
		t.Errorf("next: got %d, want %d", got, want)
	}
}

func TestProvisionalIsTheLiveForm(t *testing.T) {
	minutes := dayAtRandom(rand.New(rand.NewPCG(8, 8)), 300)
	p := DefaultParams()
	p.Hold = 5
	s := NewStream(p, false, 0)
	for i, m := range minutes {
		s.Add(1, m)
		s.Final(always(20))
		want, wantOK := Live(minutes[:i+1], p, m.Minute)
		if got, ok := s.Live(m.Minute, 5); got != want || ok != wantOK {
			t.Fatalf("minute %d: got %v %v, want %v %v", m.Minute, got, ok, want, wantOK)
		}
		for _, q := range s.Provisional(5) {
			if want, _ := Live(minutes[:i+1], p, q.Minute); q.Minute < s.Next() || q.Random != want {
				t.Fatalf("minute %d: got %v, want %v", q.Minute, q.Random, want)
			}
		}
	}
}

// FuzzStream makes minutes, boots, calls and pauses of bytes; whatever they say, the stream agrees with the whole.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 200, 100, 50, 25, 12, 6, 3, 1})
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2000 {
			return
		}
		p := DefaultParams()
		var minutes []MinuteData
		s := NewStream(p, false, 0)
		var got []People
		at, epoch := int64(0), int32(0)
		for _, b := range data {
			at += 1 + int64(b>>7)*int64(b&63)
			if b&0x60 == 0x60 {
				epoch++
			}
			m := MinuteData{Minute: at, Epoch: epoch, ListenedS: b & 1 * 60, MemoryAge: b & 15}
			for k := range b & 7 {
				m.Rows = append(m.Rows, Row{uint16(k) << (b & 8), b>>4 ^ k, uint32(b & 3), uint32(b >> 6), uint32(k)})
			}
			minutes = append(minutes, m)
			s.Add(uint64(b&8), m)
			if b&16 != 0 {
				got = append(got, s.Final(always(p.Gap))...)
			}
		}
		s.End()
		got = append(got, s.Final(always(p.Gap))...)
		if want := Final(minutes, p, false); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		for _, m := range got {
			if !(m.Random >= 0 && m.Random < 1e12) {
				t.Errorf("minute %d: %v people", m.Minute, m.Random)
			}
		}
	})
}

func BenchmarkStream(b *testing.B) {
	minutes := heardAtRandom(rand.New(rand.NewPCG(1, 1)), 720, 60)
	rows := 0
	for i := range minutes {
		minutes[i].Epoch += int32(i / 120)
		rows += len(minutes[i].Rows)
	}
	for name, batch := range map[string]int{"a minute": 1, "15 minutes": 15} {
		b.Run("final every "+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := NewStream(DefaultParams(), false, 0)
				for i, m := range minutes {
					s.Add(1, m)
					if i%batch == 0 {
						s.Final(always(36))
					}
				}
			}
			b.ReportMetric(float64(rows)/720, "rows/minute")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/720, "us/minute")
		})
	}
}
