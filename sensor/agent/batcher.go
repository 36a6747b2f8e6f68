package agent

import (
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// When a batch is full. A batch of a file's sightings spans at most a quarter of an hour of capture time.
const (
	maxSightings   = 4096
	maxSpanMS      = 15 * 60 * 1000
	maxMinutes     = 30
	heartbeatEvery = time.Hour
)

// batcher collects sightings and minutes into envelopes. A batch never spans two store-days, class epochs or list versions.
type batcher struct {
	set     *Settings
	sink    Sink
	day     calendar.Day
	version uint64 // of the opt-out list under which the open batches are made
	seq     uint64
	err     error

	sightings wire.SightingsBuilder
	firstMS   int64 // of the open batch
	answers   bool  // the open batch has some, made under these filters:
	ones      [5]uint32
	lookback  uint8
	isNew     bool
	returns   bool // the open batch has return ids

	counters wire.CountersBuilder
	epoch    int32

	failClosed []string      // why ids do not leave now
	listAge    time.Duration // of the opt-out list
}

func newBatcher(set *Settings, sink Sink) *batcher { return &batcher{set: set, sink: sink} }

// underList closes the open batches when the opt-out list is another than the one they were begun under.
func (b *batcher) underList(version uint64) (changed bool) {
	if version == b.version {
		return false
	}
	b.flush(b.day)
	b.version = version
	return true
}

func (b *batcher) sighting(id uint64, ms int64, band uint8) {
	if n := b.sightings.Len(); n >= maxSightings || n > 0 && ms-b.firstMS >= maxSpanMS {
		b.flushSightings()
	}
	if b.sightings.Len() == 0 {
		b.firstMS = ms
	}
	b.sightings.Add(id, ms, band)
}

// answer follows the sighting that made the visit, so its id is in the same batch.
func (b *batcher) answer(id uint64, bits uint8, ones [5]uint32, lookback uint8, isNew bool) {
	b.sightings.Answer(id, bits)
	b.answers, b.ones, b.lookback, b.isNew = true, ones, lookback, isNew
}

// returning follows the sighting that made the visit, as answer does, in an extended store.
func (b *batcher) returning(id, now, before uint64) {
	b.sightings.Return(id, now, before)
	b.returns = true
}

func (b *batcher) minute(m wire.Minute, epoch int32) {
	if n := b.counters.Len(); n > 0 && (epoch != b.epoch || n >= maxMinutes) {
		b.flushCounters()
	}
	b.epoch = epoch
	b.counters.Add(m)
}

// flush gives out what is open, as of the store-day.
func (b *batcher) flush(day calendar.Day) {
	b.day = day
	b.flushSightings()
	b.flushCounters()
}

func (b *batcher) flushSightings() {
	if b.sightings.Len() == 0 {
		return
	}
	out, base := b.sightings.Build()
	if b.answers {
		ones := b.ones
		out.FilterOnes, out.LookbackWeeks, out.FilterNew = ones[:], uint32(b.lookback), b.isNew
	}
	if b.returns {
		out.ReturnPeriod = wire.ReturnPeriod(int32(b.day))
	}
	b.sightings.Reset()
	b.answers, b.returns = false, false
	b.send(Sightings, &wire.Envelope{Header: b.header(base, 0), Body: &wire.Envelope_Sightings{Sightings: out}})
}

func (b *batcher) flushCounters() {
	if b.counters.Len() == 0 {
		return
	}
	c := b.counters.Build()
	c.InsideDbm = int32(b.set.RSSIInside)
	b.send(Counters, &wire.Envelope{Header: b.header(c.FirstMinute*60_000, b.epoch), Body: &wire.Envelope_Counters{Counters: c}})
}

func (b *batcher) rollup(r *wire.Rollup) {
	b.send(Counters, &wire.Envelope{Header: b.header(r.FirstQuarter*15*60_000, 0), Body: &wire.Envelope_Rollup{Rollup: r}})
}

// heartbeat says how far the sensor is; what is older goes out before it.
func (b *batcher) heartbeat(now, position int64, end bool, day calendar.Day, c Counts, complete func(*wire.Heartbeat)) {
	b.flush(day)
	h := &wire.Heartbeat{
		MadeMs: max(0, now/1e6), CaptureMs: position / 1e6, EndOfInput: end, Frames: c.Frames, Sightings: c.Sightings, Held: c.HeldBursts, Software: b.set.Software,
		Drops: c.drops(), FailClosed: b.failClosed, OptoutAgeS: int64(b.listAge / time.Second),
	}
	if complete != nil {
		complete(h)
	}
	b.send(Sightings, &wire.Envelope{Header: b.header(position/1e6, 0), Body: &wire.Envelope_Heartbeat{Heartbeat: h}})
}

func (b *batcher) header(baseMS int64, epoch int32) *wire.Header {
	h := &wire.Header{
		Store: b.set.Store, Sensor: b.set.Sensor, Zone: b.set.Zone, Boot: b.set.Boot, Sequence: b.seq, StoreDay: int32(b.day),
		ClassEpoch: epoch, BaseMs: baseMS, OptoutVersion: b.version, Policy: b.set.Policy,
	}
	b.seq++
	return h
}

// send hands an envelope to the sink; after an error nothing more is sent, and the pipeline stops with it.
func (b *batcher) send(topic Topic, e *wire.Envelope) {
	if b.err == nil {
		b.err = b.sink.Send(topic, e)
	}
}
