package wire_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/openfootfall/footfall/ingest/wire"
)

func TestBand(t *testing.T) {
	tests := []struct {
		dbm  int
		want uint8
	}{
		{-128, 0}, {-91, 0}, {-90, 1}, {-81, 1}, {-80, 2}, {-76, 2}, {-75, 3}, {-71, 3}, {-70, 4}, {-66, 4},
		{-65, 5}, {-61, 5}, {-60, 6}, {-56, 6}, {-55, 7}, {-1, 7}, {0, 7}, {127, 7},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d dBm", tt.dbm), func(t *testing.T) {
			if got := wire.Band(tt.dbm); got != tt.want {
				t.Errorf("band: got %d, want %d", got, tt.want)
			}
		})
	}
	for b := uint8(1); b <= wire.MaxBand; b++ {
		if floor := wire.BandFloor(b); wire.Band(floor) != b || wire.Band(floor-1) != b-1 {
			t.Errorf("floor of band %d: got %d dBm, which is not its lower edge", b, floor)
		}
	}
}

type seen struct {
	id   uint64
	ms   int64
	band uint8
}

// randomSightings fills the builder and returns what it should hold: of a sighting named twice, the stronger band.
func randomSightings(b *wire.SightingsBuilder, rng *rand.Rand) (map[seen]bool, map[uint64]uint8) {
	bands := map[seen]uint8{}
	for range rng.IntN(300) {
		s := seen{id: rng.Uint64N(40) << 57, ms: opened + rng.Int64N(9000)}
		band := uint8(1 + rng.IntN(7))
		b.Add(s.id, s.ms, band)
		bands[s] = max(bands[s], band)
	}
	want := map[seen]bool{}
	for s, band := range bands {
		s.band = band
		want[s] = true
	}
	answers := map[uint64]uint8{}
	for range rng.IntN(10) {
		id := rng.Uint64N(60) << 57
		if _, ok := answers[id]; !ok {
			answers[id] = uint8(rng.IntN(32))
			b.Answer(id, answers[id])
		}
	}
	return want, answers
}

func TestSightingsBuilderRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var b wire.SightingsBuilder
	for range 50 { // the builder is used again after Reset
		b.Reset()
		want, wantAnswers := randomSightings(&b, rng)
		s, base := b.Build()
		if len(wantAnswers) > 0 {
			s.FilterOnes = make([]uint32, wire.ReturnFilters)
		}
		raw, err := wire.Encode(&wire.Envelope{
			Header: header(func(h *wire.Header) { h.BaseMs = base }), Body: &wire.Envelope_Sightings{Sightings: s},
		})
		if err != nil {
			t.Fatalf("Encode: %v", err)
		}
		e, err := wire.Decode(raw)
		if err != nil {
			t.Fatalf("Decode: %v", err)
		}
		got, gotAnswers := map[seen]bool{}, map[uint64]uint8{}
		var run wire.Run
		for runs := e.GetSightings().Runs(); runs.Next(&run); {
			at := e.Header.BaseMs
			for i, d := range run.DeltasMS {
				at += int64(d)
				got[seen{run.ID, at, run.Bands[i]}] = true
			}
			if run.HasAnswer {
				gotAnswers[run.ID] = run.Answer
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("sightings: got %v, want %v", got, want)
		}
		if !reflect.DeepEqual(gotAnswers, wantAnswers) {
			t.Fatalf("answers: got %v, want %v", gotAnswers, wantAnswers)
		}
	}
}

func TestSightingsBuilderAddDoesNotAllocate(t *testing.T) {
	var b wire.SightingsBuilder
	fill := func() {
		b.Reset()
		for i := range 1000 {
			b.Add(uint64(i%100), opened+int64(i), 5)
		}
	}
	fill()
	if got := testing.AllocsPerRun(10, fill); got != 0 {
		t.Errorf("allocations: got %v, want 0", got)
	}
	s, _ := b.Build()
	if got := testing.AllocsPerRun(10, func() {
		var run wire.Run
		for runs := s.Runs(); runs.Next(&run); {
		}
	}); got != 0 {
		t.Errorf("allocations of the cursor: got %v, want 0", got)
	}
}

func TestCountersBuilderRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var b wire.CountersBuilder
		var want []wire.Minute
		minute := opened / 60000
		for range 1 + rng.IntN(20) {
			m := wire.Minute{
				Minute: minute, ListenedS: uint8(rng.IntN(61)), MemoryAge: uint8(rng.IntN(16)), FramesRandom: rng.Uint32N(5000),
				FramesStable: rng.Uint32N(500), PassersBy: rng.Uint32N(20), ExcludedLong: rng.Uint32N(2), Rows: []wire.CounterRow{},
			}
			for _, key := range rng.Perm(wire.Classes * wire.MaxBand)[:rng.IntN(80)] {
				m.Rows = append(m.Rows, wire.CounterRow{
					Class: uint16(key / wire.MaxBand), Band: uint8(key%wire.MaxBand + 1),
					Bursts: rng.Uint32N(9), Fresh: rng.Uint32N(9), Back: rng.Uint32N(40),
				})
			}
			b.Add(m) // sorts m.Rows in place
			want = append(want, m)
			minute += 1 + rng.Int64N(3)
		}
		if got := b.Len(); got != len(want) {
			t.Fatalf("minutes in the builder: got %d, want %d", got, len(want))
		}
		raw, err := wire.Encode(&wire.Envelope{Header: header(nil), Body: &wire.Envelope_Counters{Counters: b.Build()}})
		if err != nil {
			t.Fatalf("Encode: %v", err)
		}
		e, err := wire.Decode(raw)
		if err != nil {
			t.Fatalf("Decode: %v", err)
		}
		var got []wire.Minute
		var m wire.Minute
		for minutes := e.GetCounters().Minutes(); minutes.Next(&m); {
			m.Rows = append([]wire.CounterRow{}, m.Rows...)
			got = append(got, m)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("minutes: got %v, want %v", got, want)
		}
		if b.Len() != 0 || b.Build() != nil {
			t.Fatal("the builder did not begin anew")
		}
	}
}

func TestCountersBuilderDropsTheWeakestRows(t *testing.T) {
	var rows []wire.CounterRow
	for class := range uint16(300) {
		for _, band := range []uint8{2, 7} {
			rows = append(rows, wire.CounterRow{Class: class, Band: band, Bursts: 1})
		}
	}
	var b wire.CountersBuilder
	b.Add(wire.Minute{Minute: opened / 60000, ListenedS: 60, Rows: rows})
	c := b.Build()
	if got := c.RowsDropped[0]; got != 600-wire.MaxRows {
		t.Errorf("rows dropped: got %d, want %d", got, 600-wire.MaxRows)
	}
	strong := 0
	var m wire.Minute
	for minutes := c.Minutes(); minutes.Next(&m); {
		for _, r := range m.Rows {
			if r.Band == 7 {
				strong++
			}
		}
	}
	if strong != 300 {
		t.Errorf("rows of the strongest band: got %d, want 300", strong)
	}
}

func TestNewRollup(t *testing.T) {
	r := wire.NewRollup(wire.Rollup_CAUSE_SPOOL_AGE, []wire.QuarterCount{{9, 4}, {7, 1}, {9, 6}, {9, 5}})
	want := []wire.QuarterCount{{7, 1}, {9, 6}}
	if got := slices.Collect(r.Quarters()); !slices.Equal(got, want) {
		t.Errorf("quarters: got %v, want %v", got, want)
	}
	if got := slices.Collect(wire.NewRollup(wire.Rollup_CAUSE_POLICY, nil).Quarters()); len(got) != 0 {
		t.Errorf("quarters of nothing: got %v, want none", got)
	}
}

// TestReturnIDsComeOutBesideTheirIDs, whatever else the message has, and in whatever order they were noted.
func TestReturnIDsComeOutBesideTheirIDs(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var b wire.SightingsBuilder
	for range 50 {
		b.Reset()
		sightings, answers := randomSightings(&b, rng)
		want := map[uint64][2]uint64{}
		for range rng.IntN(10) {
			id := rng.Uint64N(60) << 57
			if _, ok := want[id]; ok {
				b.Return(id, 1, 2) // the first one counts
				continue
			}
			want[id] = [2]uint64{rng.Uint64(), rng.Uint64()}
			b.Return(id, want[id][0], want[id][1])
		}
		s, base := b.Build()
		if len(answers) > 0 {
			s.FilterOnes = make([]uint32, wire.ReturnFilters)
		}
		if len(want) > 0 {
			s.ReturnPeriod = wire.ReturnPeriod(day)
		}
		if len(sightings) == 0 {
			base = opened
		}
		raw, err := wire.Encode(&wire.Envelope{
			Header: header(func(h *wire.Header) { h.BaseMs, h.Policy = base, wire.Policy_POLICY_EXTENDED }), Body: &wire.Envelope_Sightings{Sightings: s},
		})
		if err != nil {
			t.Fatalf("Encode: %v", err)
		}
		e, err := wire.Decode(raw)
		if err != nil {
			t.Fatalf("Decode: %v", err)
		}
		got, gotAnswers, heard := map[uint64][2]uint64{}, map[uint64]uint8{}, 0
		var run wire.Run
		for runs := e.GetSightings().Runs(); runs.Next(&run); {
			if heard += len(run.DeltasMS); run.HasReturn {
				got[run.ID] = run.Return
			} else if run.Return != ([2]uint64{}) {
				t.Fatal("a run without return ids has some of the one before")
			}
			if run.HasAnswer {
				gotAnswers[run.ID] = run.Answer
			}
		}
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(gotAnswers, answers) {
			t.Fatalf("got return ids %v and answers %v, want %v and %v", got, gotAnswers, want, answers)
		}
		if heard > len(sightings) || len(sightings) > 0 && heard == 0 {
			t.Fatalf("got %d sightings, want those of %v", heard, sightings)
		}
	}
}

func TestReturnPeriod(t *testing.T) {
	for _, row := range []struct {
		name      string
		day, want int32
	}{
		{"the first day", 0, 0}, {"its last", 27, 0}, {"the next", 28, 1}, {"2026-01-28", 2219, 79}, {"before 2020", -1, -1},
		{"28 days before", -28, -1}, {"29 days before", -29, -2},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := wire.ReturnPeriod(row.day); got != row.want {
				t.Errorf("got %d, want %d", got, row.want)
			}
		})
	}
}

// batch makes sightings as a busy store's sensor sends them: phones heard every 40 s or so, the signal moving a little.
func batch(ids, each int, span int64) *wire.Envelope {
	rng := rand.New(rand.NewPCG(5, 6))
	var b wire.SightingsBuilder
	for range ids {
		id, ms, signal := rng.Uint64(), opened+rng.Int64N(span), 3+rng.IntN(4)
		for range each {
			b.Add(id, ms, uint8(max(3, min(7, signal+rng.IntN(3)-1))))
			ms += int64(20000 + rng.ExpFloat64()*20000)
		}
	}
	s, base := b.Build()
	return &wire.Envelope{
		Header: header(func(h *wire.Header) { h.BaseMs = base }), Body: &wire.Envelope_Sightings{Sightings: s},
	}
}

// TestBytesASighting holds the wire to the budget of DESIGN section 12: 8 bytes a sighting after compression where an id has
// four sightings or more, 14 live.
func TestBytesASighting(t *testing.T) {
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name      string
		ids, each int
		span      int64
		want      float64
	}{
		{"four sightings an id", 200, 4, 600000, 8},
		{"ten sightings an id", 200, 10, 600000, 8},
		{"live, one sighting an id", 100, 1, 5000, 14},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := wire.Encode(batch(tt.ids, tt.each, tt.span))
			if err != nil {
				t.Fatal(err)
			}
			n := float64(tt.ids * tt.each)
			packed := float64(len(encoder.EncodeAll(raw, nil))) / n
			t.Logf("%.2f bytes a sighting raw, %.2f with zstd", float64(len(raw))/n, packed)
			if packed > tt.want {
				t.Errorf("bytes a sighting: got %.2f, want at most %.0f", packed, tt.want)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	raw, err := wire.Encode(batch(200, 5, 600000))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var run wire.Run
	sum := uint64(0)
	for b.Loop() {
		e, err := wire.Decode(raw)
		if err != nil {
			b.Fatal(err)
		}
		for runs := e.GetSightings().Runs(); runs.Next(&run); {
			sum += run.ID
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/sighting")
}

func BenchmarkEncode(b *testing.B) {
	e := batch(200, 5, 600000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.Encode(e); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/sighting")
}
