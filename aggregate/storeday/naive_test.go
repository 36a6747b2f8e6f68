package storeday

import (
	"math/rand/v2"
	"testing"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

// TestAgreesWithAPlainRecount draws stores and days and counts them again in the plainest way: minute by minute, from nothing
// but the definitions of DESIGN section 2.
func TestAgreesWithAPlainRecount(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		s := parse(t, twoZones)
		s.Zone = "UTC"
		if seed%5 == 4 {
			s.Policy = wire.Policy_POLICY_COUNT_ONLY
		}
		in := Input{Store: s, Day: day(t, "2026-02-02"), Stay: 12 + float64(rnd.IntN(20)), Counted: map[int64]uint32{}}
		drawMinutes(rnd, &in)
		drawVisits(t, rnd, &in)
		got := Compute(in)
		for q := s.Calendar.Start(in.Day).Unix() / 60; q < s.Calendar.End(in.Day).Unix()/60; q += 15 {
			want, any := recount(in, q)
			c := cellAt(got, q)
			if !any {
				if c != nil {
					t.Errorf("seed %d: a cell at %d of nothing: %+v", seed, q, *c)
				}
				continue
			}
			if c == nil {
				t.Fatalf("seed %d: no cell at %d, want %+v", seed, q, want)
			}
			if !sameCell(c, &want) {
				t.Errorf("seed %d: got %+v, want %+v", seed, *c, want)
			}
		}
		sameSums(t, seed, got)
	}
}

func drawMinutes(rnd *rand.Rand, in *Input) {
	start := in.Store.Calendar.Start(in.Day).Unix() / 60
	in.Minutes = make([][]Minute, len(in.Store.Sensors))
	for sensor := range in.Minutes {
		for at := start + 240; at < start+1200; at++ {
			if rnd.IntN(10) == 0 {
				continue // not listened to
			}
			in.Minutes[sensor] = append(in.Minutes[sensor], Minute{
				Minute: at, Random: 10 * rnd.Float64(), ListenedS: uint8(60 * min(1, rnd.IntN(9))), Final: rnd.IntN(100) > 0,
				FramesRandom: uint32(rnd.IntN(50)), FramesStable: uint32(rnd.IntN(20)), PassersBy: uint32(rnd.IntN(3)), ExcludedLong: 1,
			})
		}
	}
	for q := start / 15; q < start/15+20; q++ {
		if rnd.IntN(2) == 0 {
			in.Counted[q] = uint32(rnd.IntN(9))
		}
	}
}

func drawVisits(t *testing.T, rnd *rand.Rand, in *Input) {
	t.Helper()
	cal := in.Store.Calendar
	d, err := visits.NewDay(cal.Start(in.Day).UnixMilli(), cal.End(in.Day).UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		id, at := rnd.Uint64(), uint32(rnd.IntN(20*3600_000))
		for range 1 + rnd.IntN(12) {
			d.Add(id, rnd.IntN(len(in.Store.Sensors)), at)
			at += uint32(rnd.IntN(8 * 60_000))
		}
	}
	in.Visits = d.Result(visits.Layout{ZoneOf: []int{0, 0, 1}}, visits.DefaultParams())
}

// recount makes a cell anew; any says that there is something to tell.
func recount(in Input, start int64) (c Cell, any bool) {
	c = Cell{Start: start, Final: true}
	for at := start; at < start+15; at++ {
		best, listened := 0.0, false
		for _, ms := range in.Minutes {
			for _, m := range ms {
				if m.Minute != at {
					continue
				}
				any = true
				c.FramesRandom += uint64(m.FramesRandom)
				c.FramesStable += uint64(m.FramesStable)
				c.Final = c.Final && m.Final
				if m.ListenedS > 0 {
					best, listened = max(best, m.Random), true
				}
			}
		}
		if listened {
			c.Listened++
			c.People.Random += best
			c.People.Stable += float64(in.Visits.Inside.At(at))
		}
	}
	c.PassersBy = passersOf(in.Store, in.Minutes, start)
	for _, dev := range in.Visits.Devices {
		for _, v := range dev.Visits {
			if v.FirstMS/60_000/15*15 == start {
				any = true
				c.Visits++
			}
		}
	}
	for _, v := range in.Visits.Cells {
		if v.StartMS/60_000 == start {
			any = true
			c.Bounces, c.Engaged, c.ExcludedLong = v.Bounces, v.Engaged, v.ExcludedLong
		}
	}
	if n, ok := in.Counted[start/15]; ok {
		any, c.Counted, c.HasCounted = true, int(n), true
	}
	if c.Listened > 0 {
		c.People.Random /= float64(c.Listened)
		c.People.Stable /= float64(c.Listened)
	}
	if in.Store.Policy == wire.Policy_POLICY_COUNT_ONLY {
		c.People.Stable = max(c.People.Stable, float64(c.Counted))
	}
	c.Estimated = estimate.EstimatedVisits(c.Visits, c.People.Random, float64(c.Listened), in.Stay)
	return c, any
}

func passersOf(s *stores.Store, minutes [][]Minute, start int64) int {
	most := 0
	for sensor, ms := range minutes {
		n := 0
		for _, m := range ms {
			if m.Minute >= start && m.Minute < start+15 {
				n += int(m.PassersBy)
			}
		}
		if s.Sensors[sensor].Entrance {
			most = max(most, n)
		}
	}
	return most
}

func cellAt(e Exact, start int64) *Cell {
	for i := range e.Cells {
		if e.Cells[i].Start == start {
			return &e.Cells[i]
		}
	}
	return nil
}

func sameCell(a, b *Cell) bool {
	return a.Listened == b.Listened && a.Visits == b.Visits && a.Bounces == b.Bounces && a.Engaged == b.Engaged && a.ExcludedLong == b.ExcludedLong &&
		a.PassersBy == b.PassersBy && a.Counted == b.Counted && a.HasCounted == b.HasCounted && a.FramesRandom == b.FramesRandom && a.FramesStable == b.FramesStable && a.Final == b.Final &&
		near(a.People.Random, b.People.Random) && near(a.People.Stable, b.People.Stable) && near(a.Estimated.Value, b.Estimated.Value) &&
		near(a.Estimated.Low, b.Estimated.Low) && near(a.Estimated.High, b.Estimated.High) && len(a.DwellS) == a.Visits
}

// sameSums adds cells up to hours and the day.
func sameSums(t *testing.T, seed uint64, got Exact) {
	t.Helper()
	var day Totals
	var random, stable float64
	hours := map[int64]*Hour{}
	for _, c := range got.Cells {
		start := c.Start / 60 * 60
		if hours[start] == nil {
			hours[start] = &Hour{Start: start}
		}
		hours[start].Visits += c.Visits
		hours[start].Listened += c.Listened
		hours[start].PassersBy += c.PassersBy
		hours[start].People.Random += c.People.Random * float64(c.Listened)
		day.Visits += c.Visits
		day.Listened += c.Listened
		day.PassersBy += c.PassersBy
		day.FramesRandom += c.FramesRandom
		random += c.People.Random * float64(c.Listened)
		stable += c.People.Stable * float64(c.Listened)
	}
	if len(hours) != len(got.Hours) {
		t.Errorf("seed %d: got %d hours, want %d", seed, len(got.Hours), len(hours))
	}
	for _, h := range got.Hours {
		want := hours[h.Start]
		if want == nil || h.Visits != want.Visits || h.Listened != want.Listened || h.PassersBy != want.PassersBy ||
			!near(h.People.Random*float64(h.Listened), want.People.Random) {
			t.Errorf("seed %d: got hour %+v, want %+v", seed, h, want)
		}
	}
	tot := got.Totals
	if tot.Visits != day.Visits || tot.Listened != day.Listened || tot.PassersBy != day.PassersBy || tot.FramesRandom != day.FramesRandom ||
		!near(tot.People.Random, random/float64(day.Listened)) || !near(tot.People.Stable, stable/float64(day.Listened)) {
		t.Errorf("seed %d: got totals %+v, want %+v", seed, tot, day)
	}
}
