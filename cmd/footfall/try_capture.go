package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/storeday"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
)

// staysNeeded is how many stable visits a mean stay is taken from (COUNTING.md section 3).
const staysNeeded = 30

// tryCapture is the aggregator of one capture: one sensor, all in memory. What it takes has been through the wire's encoding.
type tryCapture struct {
	o      tryOptions
	store  stores.Store
	days   map[calendar.Day]*visits.Day
	stream *estimate.Stream
	heard  map[calendar.Day]map[int64]storeday.Minute
}

func newTryCapture(cal calendar.Calendar, o tryOptions) *tryCapture {
	p := estimate.DefaultParams()
	p.FloorDBm = o.inside
	return &tryCapture{
		o:      o,
		store:  stores.Store{ID: "try", Calendar: cal, Sensors: []stores.Sensor{{ID: "capture", Zone: "capture", Entrance: true}}},
		days:   map[calendar.Day]*visits.Day{},
		stream: estimate.NewStream(p, true, minMinute),
		heard:  map[calendar.Day]map[int64]storeday.Minute{},
	}
}

// minMinute is before every capture: 1970.
const minMinute = 0

// Send takes an envelope as an aggregator would: encoded and decoded.
func (c *tryCapture) Send(_ agent.Topic, e *wire.Envelope) error {
	raw, err := wire.Encode(e)
	if err != nil {
		return fmt.Errorf("encode a batch: %w", err)
	}
	if e, err = wire.Decode(raw); err != nil {
		return fmt.Errorf("decode a batch: %w", err)
	}
	day := calendar.Day(e.Header.StoreDay)
	switch body := e.Body.(type) {
	case *wire.Envelope_Sightings:
		return c.sightings(day, e.Header, body.Sightings)
	case *wire.Envelope_Counters:
		c.counters(day, e.Header, body.Counters)
	}
	return nil
}

func (c *tryCapture) sightings(day calendar.Day, h *wire.Header, s *wire.Sightings) error {
	d := c.days[day]
	if d == nil {
		var err error
		if d, err = visits.NewDay(c.store.Calendar.Start(day).UnixMilli(), c.store.Calendar.End(day).UnixMilli()); err != nil {
			return err
		}
		c.days[day] = d
	}
	var run wire.Run
	for runs := s.Runs(); runs.Next(&run); {
		if !d.AddRun(run.ID, 0, h.BaseMs-d.StartMS(), run.DeltasMS) {
			return errors.New("a sighting outside its store-day")
		}
	}
	return nil
}

func (c *tryCapture) counters(day calendar.Day, h *wire.Header, counters *wire.MinuteCounters) {
	if c.heard[day] == nil {
		c.heard[day] = map[int64]storeday.Minute{}
	}
	var m wire.Minute
	for minutes := counters.Minutes(); minutes.Next(&m); {
		c.stream.Add(h.Boot, storeday.Counters(h.ClassEpoch, &m))
		c.heard[day][m.Minute] = storeday.Heard(&m)
	}
}

// result computes the capture: its store-days in order, and the mean stay that was used.
func (c *tryCapture) result() (days []storeday.Exact, stay float64, ownStay bool) {
	layout := visits.Layout{ZoneOf: []int{0}, Location: c.store.Calendar.Location()}
	results := map[calendar.Day]visits.Result{}
	n, sum := 0, 0.0
	for day, d := range c.days {
		results[day] = d.Result(layout, visits.DefaultParams())
		n += results[day].Totals.Visits
	}
	for _, day := range sortedDays(results) { // in order, so that the sum is always the same
		sum += results[day].Dwell.SumS
	}
	stay = c.o.stay
	if n >= staysNeeded {
		stay, ownStay = sum/60/float64(n), true
	}
	c.stream.End()
	random := map[int64]float64{}
	for _, p := range c.stream.Final(func(int32) (float64, bool) { return estimate.GapFor(stay), true }) {
		random[p.Minute] = p.Random
	}
	for _, day := range sortedDays(c.heard) {
		var minutes []storeday.Minute
		for _, m := range c.heard[day] {
			m.Random = random[m.Minute]
			minutes = append(minutes, m)
		}
		slices.SortFunc(minutes, func(a, b storeday.Minute) int { return cmp.Compare(a.Minute, b.Minute) })
		days = append(days, storeday.Compute(storeday.Input{
			Store: &c.store, Day: day, Visits: results[day], Minutes: [][]storeday.Minute{minutes}, Stay: stay,
		}))
	}
	return days, stay, ownStay
}

func sortedDays[T any](m map[calendar.Day]T) []calendar.Day {
	var days []calendar.Day
	for d := range m {
		days = append(days, d)
	}
	slices.Sort(days)
	return days
}
