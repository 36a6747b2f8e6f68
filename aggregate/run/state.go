package run

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/openfootfall/footfall/aggregate/estimate"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

// The mean stay W of a day is that of the sealed days d-29..d-2, from staysNeeded visits on; until then it is firstStay
// (DESIGN section 2, COUNTING.md section 3).
const (
	stayFrom    = 29
	stayTo      = 2
	staysNeeded = 30
	firstStay   = 12.0 // minutes
)

// state is one store while its partition is owned.
type state struct {
	cfg     *stores.Store
	params  estimate.Params
	layout  visits.Layout
	clocks  []sensorClock
	days    map[calendar.Day]*openDay
	sealed  map[calendar.Day][2]int64
	stays   map[calendar.Day]stay
	answers map[calendar.Day]store.ReturnPatternRow // of sealed days whose week is not published yet
	late    map[calendar.Day]map[lateKey]struct{}   // what came after its day's Seal, of the last days
	shown   time.Time                               // the five minutes whose live occupancy was published last
	since   calendar.Day                            // policy extended: the first of the sealed days for which it has held without a break; noDay where there is none
}

// noDay is later than every day.
const noDay = calendar.Day(math.MaxInt32)

// sensorClock is how far a sensor's input was consumed from the sightings topic.
type sensorClock struct {
	ms    int64               // capture time, Unix ms; before everything where nothing was consumed, math.MaxInt64 after the end of input
	seen  map[uint64]struct{} // boots since the last end of input
	ended map[uint64]struct{} // boots before it
}

func newSensorClock() sensorClock {
	return sensorClock{ms: math.MinInt64, seen: map[uint64]struct{}{}, ended: map[uint64]struct{}{}}
}

// observe moves the clock of a boot. A boot whose input has ended moves nothing any more; the first message of another boot
// says that the sensor reads again, from there on.
func (c *sensorClock) observe(boot uint64, ms int64, end bool) {
	if _, over := c.ended[boot]; over {
		return
	}
	c.seen[boot] = struct{}{}
	switch {
	case end: // of all the files of the source, each of which was a boot
		maps.Copy(c.ended, c.seen)
		clear(c.seen)
		c.ms = math.MaxInt64
	case c.ms == math.MaxInt64:
		c.ms = ms
	default:
		c.ms = max(c.ms, ms)
	}
}

type stay struct {
	visits int
	sumS   float64
}

type lateKey struct {
	sensor         string
	boot, sequence uint64
}

// openDay is a store-day that is not sealed yet.
type openDay struct {
	day     calendar.Day
	union   *visits.Day
	heard   []*heard         // by sensor
	counted map[int64]uint32 // by Unix quarter: distinct devices of the sensor that counted most, of those whose ids did not leave it
	health  map[healthKey]*health
	first   [2]int64 // the oldest message of the day, by topic; -1 none
	seal    [2]int64 // its first Seal, by topic; -1 none
	asked   bool     // this process has appended a Seal
	dirty   bool
	written uint32             // the generation of the union whose devices are in ClickHouse
	cells   map[int64]struct{} // starts of the cells that are in ClickHouse
	forgets forgets
	ones    [5]uint32
}

func newState(cfg *stores.Store, p estimate.Params) *state {
	s := &state{
		cfg: cfg, params: p, days: map[calendar.Day]*openDay{}, sealed: map[calendar.Day][2]int64{}, stays: map[calendar.Day]stay{},
		answers: map[calendar.Day]store.ReturnPatternRow{}, late: map[calendar.Day]map[lateKey]struct{}{}, since: noDay, layout: visits.Layout{Location: cfg.Calendar.Location()},
	}
	zones := cfg.Zones()
	for _, sensor := range cfg.Sensors {
		s.clocks = append(s.clocks, newSensorClock())
		s.layout.ZoneOf = append(s.layout.ZoneOf, slices.Index(zones, sensor.Zone))
	}
	return s
}

// open finds or begins a store-day and notes its oldest message.
func (s *state) open(day calendar.Day, topic int, offset int64) (*openDay, error) {
	d := s.days[day]
	if d == nil {
		union, err := visits.NewDay(s.cfg.Calendar.Start(day).UnixMilli(), s.cfg.Calendar.End(day).UnixMilli())
		if err != nil {
			return nil, fmt.Errorf("open the store-day: %w", err)
		}
		d = &openDay{
			day: day, union: union, counted: map[int64]uint32{}, health: map[healthKey]*health{}, cells: map[int64]struct{}{},
			first: [2]int64{-1, -1}, seal: [2]int64{-1, -1},
		}
		for range s.cfg.Sensors {
			d.heard = append(d.heard, newHeard(s.params))
		}
		s.days[day] = d
	}
	if d.first[topic] < 0 {
		d.first[topic] = offset
	}
	return d, nil
}

// clock notes how far a sensor is. Heartbeats do not move the streams of its minutes: these come through another topic, and
// may be behind.
func (s *state) clock(sensor int, e *wire.Envelope) {
	if h := e.GetHeartbeat(); h != nil {
		s.clocks[sensor].observe(e.Header.Boot, h.CaptureMs, h.EndOfInput)
	}
	if e.GetSightings() != nil {
		s.clocks[sensor].observe(e.Header.Boot, e.Header.BaseMs, false)
	}
}

// captureClock is the earliest of the sensors' capture times, in Unix ms; of a sensor not heard from yet, before everything.
func (s *state) captureClock() int64 {
	at := int64(math.MaxInt64)
	for i := range s.clocks {
		at = min(at, s.clocks[i].ms)
	}
	return at
}

// sealedBefore reports whether the message stands before the Seal of a day that is sealed: it is in it already.
func (s *state) sealedBefore(day calendar.Day, topic int, offset int64) bool {
	at, ok := s.sealed[day]
	return ok && offset <= at[topic]
}

// isSealed reports whether the day's Seal in the topic has been read.
func (s *state) isSealed(day calendar.Day, topic int) bool {
	if _, ok := s.sealed[day]; ok {
		return true
	}
	d := s.days[day]
	return d != nil && d.seal[topic] >= 0
}

// ordered are the open days, oldest first.
func (s *state) ordered() []*openDay {
	var out []*openDay
	for _, d := range s.days {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *openDay) int { return cmp.Compare(a.day, b.day) })
	return out
}

// meanStay is W in minutes for a day. It is not known while a day that it is made of is still open.
func (s *state) meanStay(day calendar.Day) (w float64, known bool) {
	known = true
	for open := range s.days {
		if open <= day-stayTo {
			known = false
		}
	}
	var n int
	var sum float64
	for d := day - stayFrom; d <= day-stayTo; d++ { // in order: the same sum every time
		n += s.stays[d].visits
		sum += s.stays[d].sumS
	}
	if n < staysNeeded {
		return firstStay, known
	}
	return sum / 60 / float64(n), known
}

// version is a day's version: the sum of what was consumed of both topics, up to its Seals. It never falls, and at sealing it
// is the sum of the Seals' offsets whoever computes it.
func (d *openDay) version(next [2]int64) uint64 {
	sum := int64(0)
	for t := range next {
		at := next[t]
		if d.seal[t] >= 0 {
			at = min(at, d.seal[t]+1)
		}
		sum += at
	}
	return uint64(max(sum, 1))
}

// forgetLate lets go of what came late for days that no batch is likely to come for any more, so that the list stays short.
func (s *state) forgetLate(sealed calendar.Day) {
	for day := range s.late {
		if day < sealed-lateDays {
			delete(s.late, day)
		}
	}
}

// lateDays is for how many days late batches are told apart: longer than the topics keep them.
const lateDays = 3
