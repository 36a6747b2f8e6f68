package run

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

// world is what happened at a store: made once from a seed, and sent in as many ways as a test likes.
type world struct {
	store *stores.Store
	days  []worldDay
}

type worldDay struct {
	day     calendar.Day
	sensors []heardDay
}

// heardDay is what one sensor heard in one day.
type heardDay struct {
	sightings []seen
	answers   map[uint64]uint8
	minutes   []wire.Minute
	rollups   []wire.QuarterCount
	beats     []*wire.Heartbeat
}

type seen struct {
	id   uint64
	ms   int64
	band uint8
}

const hourMS = int64(time.Hour / time.Millisecond)

// newWorld makes days on which some devices come at noon for a while, others pass, and random ones are about. A device is
// heard by any sensor.
func newWorld(shop *stores.Store, first calendar.Day, days, devices int, seed uint64) *world {
	rnd := rand.New(rand.NewPCG(seed, 3))
	w := &world{store: shop}
	for d := range days {
		day := first + calendar.Day(d)
		wd := worldDay{day: day, sensors: make([]heardDay, len(shop.Sensors))}
		start := shop.Calendar.Start(day).UnixMilli()
		for range devices {
			wd.device(rnd, start+6*hourMS+rnd.Int64N(3*hourMS))
		}
		for i := range wd.sensors {
			wd.sensors[i].air(rnd, start+5*hourMS, start+9*hourMS)
		}
		w.days = append(w.days, wd)
	}
	return w
}

// device comes at a time, stays for up to an hour, and perhaps comes again.
func (d *worldDay) device(rnd *rand.Rand, at int64) {
	id := rnd.Uint64()
	for visit := 0; visit == 0 || rnd.IntN(4) == 0; visit++ {
		for until := at + rnd.Int64N(hourMS); at < until; at += 5_000 + rnd.Int64N(300_000) {
			h := &d.sensors[rnd.IntN(len(d.sensors))]
			h.sightings = append(h.sightings, seen{id, at, uint8(4 + rnd.IntN(4))})
		}
		at += hourMS / 3
	}
	for i := range d.sensors {
		h := &d.sensors[i]
		if h.answers == nil {
			h.answers = map[uint64]uint8{}
		}
		if slices.ContainsFunc(h.sightings, func(s seen) bool { return s.id == id }) {
			h.answers[id] = uint8(rnd.IntN(32))
		}
	}
}

// air is the minutes, counts and heartbeats of some hours.
func (h *heardDay) air(rnd *rand.Rand, from, to int64) {
	slices.SortStableFunc(h.sightings, func(a, b seen) int { return int(a.ms - b.ms) })
	for at := from / 60_000; at < to/60_000; at++ {
		m := wire.Minute{
			Minute: at, ListenedS: uint8(60 * min(1, rnd.IntN(20))), MemoryAge: 15, FramesRandom: uint32(rnd.IntN(90)), FramesStable: uint32(rnd.IntN(30)),
			PassersBy: uint32(rnd.IntN(2)), ExcludedLong: uint32(rnd.IntN(50) / 49),
		}
		for range rnd.IntN(4) {
			if m.ListenedS == 0 {
				break
			}
			class := uint16(rnd.IntN(9))
			if slices.ContainsFunc(m.Rows, func(r wire.CounterRow) bool { return r.Class == class }) {
				continue
			}
			bursts := uint32(1 + rnd.IntN(4))
			m.Rows = append(m.Rows, wire.CounterRow{Class: class, Band: uint8(3 + rnd.IntN(5)), Bursts: bursts, Fresh: uint32(rnd.IntN(int(bursts) + 1)), Back: uint32(rnd.IntN(2))})
		}
		h.minutes = append(h.minutes, m)
		if at%15 == 0 {
			h.rollups = append(h.rollups, wire.QuarterCount{Quarter: at / 15, Devices: uint32(rnd.IntN(20))})
		}
		if at%20 == 0 {
			h.beats = append(h.beats, &wire.Heartbeat{
				CaptureMs: at * 60_000, Frames: uint64(at), FailClosed: []string{"clock", "key"}[:rnd.IntN(3)],
				Drops:   []*wire.Drop{{Reason: "bad_fcs", Count: uint64(at % 1000)}, {Reason: "closed", Count: uint64(at%1000 + 5)}},
				Trouble: []string{"spool_full", "kafka", "clock"}[:rnd.IntN(4)], SpoolBytes: rnd.Uint64N(9999), SpoolOldestMs: rnd.Int64N(2) * (at*60_000 - 500),
				SpoolLost: uint64(at % 70), KernelDropped: uint64(at % 50), Channels: []*wire.Channel{{Mhz: 2412, Frames: uint64(at)}, {Mhz: 5180, Frames: rnd.Uint64N(9)}},
			})
		}
	}
}

// voice encodes what one sensor says.
type voice struct {
	t         testing.TB
	store     *stores.Store
	sensor    int
	boot, seq uint64
	floor     int32 // dBm from which it counts random devices as inside; 0 is the default
}

func (v *voice) entry(topic int, day calendar.Day, epoch int32, baseMS int64, body *wire.Envelope) entry {
	v.t.Helper()
	body.Header = &wire.Header{
		Store: v.store.ID, Sensor: v.store.Sensors[v.sensor].ID, Zone: v.store.Sensors[v.sensor].Zone, Boot: v.boot, Sequence: v.seq, StoreDay: int32(day),
		ClassEpoch: epoch, BaseMs: baseMS, OptoutVersion: 7, Policy: v.store.Policy,
	}
	v.seq++
	return entry{topic, time.UnixMilli(max(baseMS, v.store.Calendar.Start(day).UnixMilli())), encode(v.t, body)}
}

func encode(t testing.TB, e *wire.Envelope) []byte {
	t.Helper()
	raw, err := wire.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// sightings is one batch; the filters are as of a sensor that has listened for weeks unless isNew.
func (v *voice) sightings(day calendar.Day, list []seen, answers map[uint64]uint8, isNew bool) entry {
	v.t.Helper()
	var b wire.SightingsBuilder
	for _, s := range list {
		b.Add(s.id, s.ms, s.band)
	}
	for id, bits := range answers {
		b.Answer(id, bits)
		if v.store.Policy == wire.Policy_POLICY_EXTENDED {
			ids := returnIDs(id%97, day)
			b.Return(id, ids.Now, ids.Before)
		}
	}
	body, base := b.Build()
	if len(body.ReturnOf) > 0 {
		body.ReturnPeriod = wire.ReturnPeriod(int32(day))
	}
	body.FilterOnes, body.LookbackWeeks, body.FilterNew = []uint32{8000, 9000, 9500, 9000, 8500}, 4, isNew
	return v.entry(sightings, day, 0, base, &wire.Envelope{Body: &wire.Envelope_Sightings{Sightings: body}})
}

// minutes is one batch of one class epoch.
func (v *voice) minutes(day calendar.Day, list []wire.Minute) entry {
	v.t.Helper()
	var b wire.CountersBuilder
	for _, m := range list {
		m.Rows = slices.Clone(m.Rows)
		b.Add(m)
	}
	epoch := min(v.store.Calendar.ClassEpoch(time.Unix(list[0].Minute*60, 0)), int32(day)*16+15) // the wire refuses a later day's
	body := b.Build()
	body.InsideDbm = v.floor
	return v.entry(counters, day, epoch, list[0].Minute*60_000, &wire.Envelope{Body: &wire.Envelope_Counters{Counters: body}})
}

func (v *voice) rollup(day calendar.Day, list ...wire.QuarterCount) entry {
	v.t.Helper()
	return v.rollupFor(day, wire.Rollup_CAUSE_POLICY, list...)
}

func (v *voice) rollupFor(day calendar.Day, cause wire.Rollup_Cause, list ...wire.QuarterCount) entry {
	v.t.Helper()
	r := wire.NewRollup(cause, list)
	return v.entry(counters, day, 0, r.FirstQuarter*15*60_000, &wire.Envelope{Body: &wire.Envelope_Rollup{Rollup: r}})
}

func (v *voice) heartbeat(day calendar.Day, h *wire.Heartbeat) entry {
	v.t.Helper()
	return v.entry(sightings, day, 0, h.CaptureMs, &wire.Envelope{Body: &wire.Envelope_Heartbeat{Heartbeat: h}})
}

func (v *voice) forget(day calendar.Day, id uint64) entry {
	v.t.Helper()
	return v.entry(sightings, day, 0, 0, &wire.Envelope{Body: &wire.Envelope_Forget{Forget: &wire.Forget{Id: id}}})
}

// sealOf is a Seal as an aggregator appends it.
func sealOf(t testing.TB, s *stores.Store, topic int, day calendar.Day) entry {
	t.Helper()
	h := &wire.Header{Store: s.ID, StoreDay: int32(day), Policy: s.Policy}
	return entry{topic, s.Calendar.End(day), encode(t, &wire.Envelope{Header: h, Body: &wire.Envelope_Seal{Seal: &wire.Seal{}}})}
}

// say puts a sensor's days into batches, in the order of time, and gives them by day and topic. rnd draws how long a batch is;
// nil is always the same.
func (w *world) say(t testing.TB, sensor int, rnd *rand.Rand) (days [][2][]entry) {
	t.Helper()
	size := func(usual int) int {
		if rnd == nil {
			return usual
		}
		return 1 + rnd.IntN(2*usual)
	}
	v := &voice{t: t, store: w.store, sensor: sensor, boot: 1000 + uint64(sensor)}
	for _, d := range w.days {
		var out [2][]entry
		h := d.sensors[sensor]
		told := map[uint64]bool{}
		if w.store.Policy == wire.Policy_POLICY_COUNT_ONLY {
			h.sightings = nil
		} else {
			h.rollups = nil
		}
		for list := range chunks(h.sightings, func([]seen) int { return size(40) }) {
			answers := map[uint64]uint8{}
			for _, s := range list {
				if bits, ok := h.answers[s.id]; ok && !told[s.id] {
					answers[s.id], told[s.id] = bits, true
				}
			}
			if len(h.beats) > 0 && h.beats[0].CaptureMs < list[0].ms {
				out[sightings] = append(out[sightings], v.heartbeat(d.day, h.beats[0]))
				h.beats = h.beats[1:]
			}
			out[sightings] = append(out[sightings], v.sightings(d.day, list, answers, false))
		}
		for _, beat := range h.beats {
			out[sightings] = append(out[sightings], v.heartbeat(d.day, beat))
		}
		for list := range chunks(h.minutes, func(rest []wire.Minute) int { return w.alike(sensor, rest, size(20)) }) {
			v.floor = floorOf(sensor, list[0].Minute)
			out[counters] = append(out[counters], v.minutes(d.day, list))
			for len(h.rollups) > 0 && h.rollups[0].Quarter*15 < list[0].Minute {
				out[counters] = append(out[counters], v.rollup(d.day, h.rollups[0]))
				h.rollups = h.rollups[1:]
			}
		}
		if len(h.rollups) > 0 {
			out[counters] = append(out[counters], v.rollup(d.day, h.rollups...))
		}
		days = append(days, out)
	}
	return days
}

// onlyCounted is what a sensor of a store with ids sends of some quarters, by day: a count that grows while the quarter is sent
// again for another reason, and a smaller one of an earlier run of it. The order of these says nothing.
func (w *world) onlyCounted(t testing.TB, sensor int, rnd *rand.Rand) (days [][]entry) {
	t.Helper()
	now := &voice{t: t, store: w.store, sensor: sensor, boot: 2000 + uint64(sensor)}
	before := &voice{t: t, store: w.store, sensor: sensor, boot: 3000 + uint64(sensor)}
	for _, d := range w.days {
		var out []entry
		size := func([]wire.QuarterCount) int { return 4 }
		if rnd != nil {
			size = func([]wire.QuarterCount) int { return 1 + rnd.IntN(9) }
		}
		for list := range chunks(d.sensors[sensor].rollups, size) {
			var half []wire.QuarterCount
			for _, q := range list {
				half = append(half, wire.QuarterCount{Quarter: q.Quarter, Devices: q.Devices / 2})
			}
			out = append(out, before.rollupFor(d.day, wire.Rollup_CAUSE_FAIL_CLOSED, half...), now.rollupFor(d.day, wire.Rollup_CAUSE_FAIL_CLOSED, half[0]))
			out = append(out, now.rollupFor(d.day, wire.Rollup_CAUSE_SPOOL_AGE, list...))
		}
		days = append(days, out)
	}
	return days
}

// floorOf is how a sensor is set: the second one is set anew every 50 minutes.
func floorOf(sensor int, minute int64) int32 {
	if sensor == 1 && minute/50%2 == 0 {
		return -65
	}
	return 0
}

// alike is how many of the first minutes, at most n, can be in one batch: of one class epoch and one floor.
func (w *world) alike(sensor int, list []wire.Minute, n int) int {
	epoch := func(m wire.Minute) int32 { return w.store.Calendar.ClassEpoch(time.Unix(m.Minute*60, 0)) }
	for i := range min(n, len(list)) {
		if epoch(list[i]) != epoch(list[0]) || floorOf(sensor, list[i].Minute) != floorOf(sensor, list[0].Minute) {
			return i
		}
	}
	return n
}

// chunks cuts a list into pieces whose lengths are asked for.
func chunks[T any](list []T, size func(rest []T) int) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(list) > 0 {
			n := min(size(list), len(list))
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

// newStreet is a bench for the one store of street, with its first sensor and a Monday.
func newStreet(t testing.TB, db *store.DB, cfg Config) (*bench, *voice, calendar.Day) {
	t.Helper()
	cfg.Stores = parseStores(t, street)
	b := newBench(t, db, cfg)
	return b, &voice{t: t, store: &cfg.Stores[0], boot: 1}, parseDay(t, "2026-02-02")
}

// visitors are sightings of devices that come at 10:00 store-local for ten minutes, each a second after the one before. Equal
// numbers have equal ids, and different ones do not share any.
func visitors(v *voice, day calendar.Day, n int) []seen {
	start := v.store.Calendar.Start(day).UnixMilli() + 6*hourMS
	var list []seen
	for i := range int64(n) {
		id := uint64(n)<<32 | uint64(i)
		for at := start + i*1000; at <= start+i*1000+10*60_000; at += 60_000 {
			list = append(list, seen{id, at, 6})
		}
	}
	return list
}

// quiet are listened minutes from 10:00 store-local on with one stable frame each and one class heard twice.
func quiet(v *voice, day calendar.Day, n int) []wire.Minute {
	first := v.store.Calendar.Start(day).Unix()/60 + 6*60
	var list []wire.Minute
	for i := range int64(n) {
		list = append(list, wire.Minute{
			Minute: first + i, ListenedS: 60, MemoryAge: 15, FramesStable: 1, FramesRandom: 3,
			Rows: []wire.CounterRow{{Class: 5, Band: 7, Bursts: 2, Fresh: 1}},
		})
	}
	return list
}
