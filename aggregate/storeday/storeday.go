// Package storeday makes the exact numbers of one store-day: its cells of a quarter of an hour, hours, zones and totals, from
// the day's visits and its people by minute. It is pure. What comes out is exact and may not be shown to anyone but the owner
// of the capture; package publish makes what may.
package storeday

import (
	"slices"
	"time"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

// Minute is what one sensor heard in one Unix minute, without ids and without classes.
type Minute struct {
	Minute       int64
	Random       float64 // random devices inside
	Final        bool    // nothing changes Random any more
	ListenedS    uint8
	FramesRandom uint32
	FramesStable uint32
	PassersBy    uint32
	ExcludedLong uint32
}

// Input is a store-day as far as it is known.
type Input struct {
	Store   *stores.Store
	Day     calendar.Day
	Visits  visits.Result
	Minutes [][]Minute       // by the sensor's index, each sorted by minute
	Counted map[int64]uint32 // distinct stable devices by Unix quarter of an hour, where ids did not leave the sensor: the most of one sensor
	Stay    float64          // W, minutes
}

// Cell is one quarter of an hour in which the store was listened to or something began.
//
// Of a store that only counts nothing is known of a device but that it was heard in a quarter, so the stable part of its
// People is Counted: at least the mean of those inside, more where devices stay for less than a quarter. A quarter that was
// counted and has no listened minute, as while its minutes are still on the way, has it too, and no weight in hours and totals.
// Of another store Counted are devices that a sensor could not tell of otherwise, for a while or in time: some of them may be
// in Visits and People too, so it stands beside these and is added to nothing.
type Cell struct {
	Start        int64 // Unix minutes
	Listened     int   // minutes
	Visits       int
	Bounces      int
	Engaged      int
	ExcludedLong int
	PassersBy    int
	Counted      int  // distinct stable devices whose ids did not leave their sensor: the largest of the sensors' counts, never a part of Visits
	HasCounted   bool // a sensor counted; what it counted may be none
	People       estimate.Cell
	Estimated    estimate.Visits
	FramesRandom uint64
	FramesStable uint64
	DwellS       []uint32
	Final        bool
}

// Hour is one store-local clock hour.
type Hour struct {
	Start        int64 // Unix minutes
	Listened     int
	Visits       int
	PassersBy    int
	People       estimate.Cell
	Estimated    estimate.Visits
	FramesRandom uint64
	FramesStable uint64
}

// Totals are the day's.
type Totals struct {
	Listened     int
	Visits       int
	Bounces      int
	Engaged      int
	ExcludedLong int
	PassersBy    int
	Visitors     int
	Dwell        visits.Dwell
	People       estimate.Cell
	Estimated    estimate.Visits
	FramesRandom uint64
	FramesStable uint64
}

// Exact is a store-day in exact numbers.
type Exact struct {
	Cells  []Cell
	Hours  []Hour
	Zones  []visits.ZoneHour
	Totals Totals
}

// Compute makes the exact numbers. Equal inputs give equal results.
func Compute(in Input) Exact {
	random := store(in)
	cells := quarters(in, random)
	for i := range cells {
		c := &cells[i]
		c.Estimated = estimate.EstimatedVisits(c.Visits, c.People.Random, float64(c.Listened), in.Stay)
	}
	return Exact{Cells: cells, Hours: hours(in, cells), Zones: in.Visits.ZoneHours, Totals: totals(in, cells)}
}

// store joins the sensors: a zone has the largest of its sensors, the store the largest of its zones, minute by minute.
func store(in Input) []estimate.People {
	var all [][]estimate.People
	for _, ms := range in.Minutes {
		var series []estimate.People
		for _, m := range ms {
			if m.ListenedS > 0 {
				series = append(series, estimate.People{Minute: m.Minute, Random: m.Random})
			}
		}
		all = append(all, series)
	}
	return estimate.Max(all...)
}

func quarters(in Input, random []estimate.People) []Cell {
	at := map[int64]*Cell{}
	get := func(start int64) *Cell {
		c := at[start]
		if c == nil {
			c = &Cell{Start: start, Final: true}
			at[start] = c
		}
		return c
	}
	stable := func(minute int64) float64 { return float64(in.Visits.Inside.At(minute)) }
	for _, p := range estimate.Cells(random, stable) {
		c := get(p.Start)
		c.People, c.Listened = p, p.Minutes
	}
	for _, v := range in.Visits.Cells {
		if v.Visits+v.Bounces+v.ExcludedLong == 0 {
			continue
		}
		c := get(v.StartMS / 60_000)
		c.Visits, c.Bounces, c.Engaged, c.ExcludedLong, c.DwellS = v.Visits, v.Bounces, v.Engaged, v.ExcludedLong, v.DwellS
	}
	for q, n := range in.Counted {
		c := get(q * estimate.Quarter)
		c.Counted, c.HasCounted = int(n), true
		if in.Store.Policy == wire.Policy_POLICY_COUNT_ONLY {
			c.stableAsCounted()
		}
	}
	addMinutes(in, get)
	out := make([]Cell, 0, len(at))
	for _, c := range at {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Cell) int { return int(a.Start - b.Start) })
	return out
}

// stableAsCounted makes the counted devices the stable ones inside, and the occupancy and its interval anew.
func (c *Cell) stableAsCounted() {
	p := &c.People
	p.Start, p.Stable = c.Start, max(p.Stable, float64(c.Counted))
	p.Occupancy = p.Stable + p.Random
	p.Low, p.High = estimate.Interval(p.Occupancy)
}

// addMinutes adds what sensors count by minute. Frames are summed over sensors; passers-by are the largest of the entrance
// sensors', cell by cell, because two doors' sensors hear the same street.
func addMinutes(in Input, get func(int64) *Cell) {
	for sensor, ms := range in.Minutes {
		passers := map[int64]int{}
		for _, m := range ms {
			start := quarterOf(m.Minute)
			c := get(start)
			c.FramesRandom += uint64(m.FramesRandom)
			c.FramesStable += uint64(m.FramesStable)
			c.Final = c.Final && m.Final
			passers[start] += int(m.PassersBy)
		}
		if sensor < len(in.Store.Sensors) && in.Store.Sensors[sensor].Entrance {
			for start, n := range passers {
				c := get(start)
				c.PassersBy = max(c.PassersBy, n)
			}
		}
	}
}

func quarterOf(minute int64) int64 { return minute - minute%estimate.Quarter }

func hours(in Input, cells []Cell) []Hour {
	var out []Hour
	var parts []estimate.Cell
	finish := func() {
		if n := len(out); n > 0 {
			h := &out[n-1]
			h.People = estimate.Mean(parts, in.Stay)
			h.Estimated = estimate.EstimatedVisits(h.Visits, h.People.Random, float64(h.Listened), in.Stay)
		}
		parts = parts[:0]
	}
	for _, c := range cells {
		start := visits.HourStart(c.Start*60_000, in.Store.Calendar.Location()) / 60_000
		if n := len(out); n == 0 || out[n-1].Start != start {
			finish()
			out = append(out, Hour{Start: start})
		}
		h := &out[len(out)-1]
		h.Listened += c.Listened
		h.Visits += c.Visits
		h.PassersBy += c.PassersBy
		h.FramesRandom += c.FramesRandom
		h.FramesStable += c.FramesStable
		parts = append(parts, c.People)
	}
	finish()
	return out
}

func totals(in Input, cells []Cell) Totals {
	t := Totals{Visitors: in.Visits.Visitors, Dwell: in.Visits.Dwell}
	var parts []estimate.Cell
	for _, c := range cells {
		t.Listened += c.Listened
		t.Visits += c.Visits
		t.Bounces += c.Bounces
		t.Engaged += c.Engaged
		t.ExcludedLong += c.ExcludedLong
		t.PassersBy += c.PassersBy
		t.FramesRandom += c.FramesRandom
		t.FramesStable += c.FramesStable
		parts = append(parts, c.People)
	}
	t.People = estimate.Mean(parts, in.Stay)
	t.Estimated = estimate.EstimatedVisits(t.Visits, t.People.Random, float64(t.Listened), in.Stay)
	return t
}

// RandomShare is the share of frames from random addresses, 0 to 1; 0 of no frames.
func RandomShare(random, stable uint64) float64 {
	if random+stable == 0 {
		return 0
	}
	return float64(random) / float64(random+stable)
}

// Start is the instant of a time in Unix minutes, in UTC.
func Start(minute int64) time.Time { return time.Unix(minute*60, 0).UTC() }
