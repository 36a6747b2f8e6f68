// Package agent turns frames into what may leave a sensor: sightings of ids, counters, heartbeats. Its steps stand in one
// list, in Pipeline.Frame; each drop is counted by reason, and frames in = kept + dropped always holds. Addresses come in and
// stay in memory: what goes out are keyed hashes and counts.
package agent

import (
	"fmt"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// Pipeline is the named steps in order. It is used from one goroutine.
type Pipeline struct {
	set      Settings
	hash     Hasher
	returns  Returns
	list     OptOuts
	excluded map[hwaddr.Addr]struct{}
	classOf  func(elements []byte) uint16 // instead of the keyed class, for comparison with a reference
	newDay   func(next calendar.Day) error
	settled  func() error
	beaten   func() error
	listAge  func() time.Duration
	health   func(*wire.Heartbeat)
	heard    func(id uint64, tag uint32)
	mayTurn  func(to calendar.Day) bool

	out     *batcher
	bursts  *bursts
	randoms *randoms
	stables *stables
	rollup  rollup
	counts  Counts

	now     int64 // greatest capture time seen, Unix ns; 0 before the first
	closed  bool  // fail closed: only counters leave
	ahead   int64 // a time far ahead that the next frame may confirm
	day     calendar.Day
	dayEnd  int64
	keysDay calendar.Day // of the keys: p.day, but where a live sensor may not turn them
	ear     ear
	period  period
	pending map[int64]*minute
	current *minute // the minute of the newest kept frame
	beat    int64   // capture time of the last heartbeat
	masked  []byte
	err     error // of a step inside a callback
}

// period is a time of listening: from the first kept frame in opening hours to the last.
type period struct {
	open       bool
	end        int64 // Unix ns at which the store closes or the store-day ends
	nextMinute int64 // the first minute not given out yet
	lastMinute int64 // the minute of the last kept frame
	young      int64 // Unix ns since when random addresses are remembered, where a live sensor began in the middle; 0: as a capture does
	class      bool
	epoch      int32
	epochEnd   int64
}

// Deps are what a pipeline works with.
type Deps struct {
	Hasher   Hasher
	Returns  Returns // nil: no return filters (try, count-only, extended)
	OptOuts  OptOuts
	Sink     Sink
	excluded map[hwaddr.Addr]struct{} // the shop's own devices; only Replay has such a list
	// Class replaces the keyed class of a probe request's elements, to compare with a reference implementation.
	Class func(elements []byte) uint16
	// NewDay is called when capture time enters another store-day, after everything of the day before was given out. It
	// makes the next day's keys, and hands them over with SetHasher.
	NewDay func(next calendar.Day) error
	// Settled waits until everything sent is acknowledged; nil where the sink keeps what it is given.
	Settled func() error
	// Beat is called at each heartbeat, about once an hour of capture time; nil for nothing.
	Beat func() error
	// ListAge is how long ago the sensor last stood at the end of the opt-out list; nil: just now.
	ListAge func() time.Duration
	// Health completes a heartbeat with what the pipeline does not know; nil for nothing.
	Health func(*wire.Heartbeat)
	// Heard is told of each stable address of the store-day that is inside, by its id and its opt-out tag; nil for nobody.
	Heard func(id uint64, tag uint32)
	// MayTurn says whether a live sensor's keys may turn to the store-day now; nil: always.
	MayTurn func(to calendar.Day) bool
}

// NewPipeline makes a pipeline whose keys are those of the store-day.
func NewPipeline(set Settings, day calendar.Day, d Deps) *Pipeline {
	p := &Pipeline{
		set: set, hash: d.Hasher, returns: d.Returns, list: d.OptOuts, excluded: d.excluded, classOf: d.Class, newDay: d.NewDay,
		settled: d.Settled, beaten: d.Beat, listAge: d.ListAge, health: d.Health, heard: d.Heard, mayTurn: d.MayTurn,
		randoms: newRandoms(), stables: newStables(), pending: map[int64]*minute{}, keysDay: day,
	}
	p.bursts = newBursts(p.burst)
	if set.Live {
		p.bursts.closing = p.sight
	}
	p.out = newBatcher(&p.set, d.Sink)
	p.setDay(day)
	return p
}

// SetHasher gives the pipeline the keys of the day that NewDay was called for.
func (p *Pipeline) SetHasher(h Hasher) { p.hash = h }

// Counts are the totals since the start.
func (p *Pipeline) Counts() Counts {
	c := p.counts
	c.HeldBursts = uint64(p.bursts.held())
	return c
}

// Frame takes one record through the steps. An error is the sink's or the keys', never the frame's.
func (p *Pipeline) Frame(rec capture.Record) error {
	p.counts.Frames++
	p.underList()
	if p.ear.noClock {
		p.counts.Drops[DropBadClock]++
		return nil
	}
	t, ok := p.clock(rec.Time)
	if !ok {
		return nil
	}
	if err := p.turn(t); err != nil {
		return err
	}
	var probe dot11.Probe
	if drop := dot11.Parse(rec.Link, rec.Data, rec.OrigLen, &probe); drop != dot11.DropNone {
		p.counts.Parse[drop]++
		return nil
	}
	p.counts.Channels.add(probe.FreqMHz)
	switch {
	case probe.Addr.Group():
		p.counts.Parse[dot11.DropGroupSource]++
	case !p.inHours(t):
		p.counts.Drops[DropClosed]++
	case p.isExcluded(probe.Addr):
		p.counts.Drops[DropExcluded]++
	case p.optedOut(probe.Addr):
		p.counts.Drops[DropOptedOut]++
	case !p.hasStrength(&probe):
		p.counts.Drops[DropNoRSSI]++
	case p.set.Live && !p.hasRoom(probe.Addr):
		p.counts.Drops[DropTooMany]++
	default:
		p.keep(t, &probe)
	}
	return p.err
}

// clock judges the frame's time and moves the capture clock. A frame a little late counts as of now. One damaged time far
// ahead would make all that follow look late: so a jump of more than jumpMax wants a second frame that confirms it.
func (p *Pipeline) clock(t int64) (int64, bool) {
	if t < minTime || t > maxTime {
		p.counts.Drops[DropBadTime]++
		return 0, false
	}
	if last := p.lastTime(); last > 0 && !p.set.Live && t-last > int64(jumpMax) && (p.ahead == 0 || t < p.ahead || t-p.ahead > int64(jumpMax)) {
		p.ahead = t
		p.counts.Drops[DropBadTime]++
		return 0, false
	}
	if p.set.Live && t < p.now-int64(stepBack) {
		p.rewind(t)
	}
	if t >= p.now {
		p.listenTo(t)
		p.now, p.ahead = t, 0
		return t, true
	}
	if p.now-t > int64(lateMax) && !p.set.Live {
		p.counts.Drops[DropOutOfOrder]++
		return 0, false
	}
	return p.now, true
}

// lastTime is what a frame's time is measured against: the newest frame's, and before the first the day of the keys, which one
// damaged time must not turn. A capture that may be of any age has only its own frames.
func (p *Pipeline) lastTime() int64 {
	if p.now == 0 && !p.set.AnyAge {
		return p.set.Calendar.Start(p.day).UnixNano()
	}
	return p.now
}

// turn ends the period and the store-day when capture time passes them, and beats.
func (p *Pipeline) turn(t int64) error {
	if p.period.open && t >= p.period.end {
		p.endPeriod()
	}
	if t >= p.dayEnd || p.beat == 0 {
		if err := p.turnDay(t); err != nil {
			return err
		}
	}
	if p.beatDue(t) {
		p.beat, p.ear.news = t, false
		p.checkList()
		p.out.heartbeat(p.now, p.position(), false, p.day, p.Counts(), p.health)
		if p.beaten != nil && p.err == nil {
			p.err = p.beaten()
		}
	}
	if p.err == nil {
		p.err = p.out.err
	}
	return p.err
}

func (p *Pipeline) turnDay(t int64) error {
	next := p.set.Calendar.DayOf(time.Unix(0, t))
	if p.set.Live {
		p.turnLive(next)
		p.beatAtOnce(t)
		return p.out.err
	}
	if next < p.day {
		return fmt.Errorf("the capture is of %s, but this sensor's keys are of %s and cannot be turned back: replay it with footfall try, or cut it at 04:00 of %s", next, p.day, p.day)
	}
	if next > p.day {
		p.out.flush(p.day)
		if p.out.err != nil {
			return p.out.err
		}
		clear(p.stables.asked)
		if err := p.newDay(next); err != nil {
			return err
		}
		p.keysDay = next
		p.setDay(next)
	}
	p.beatAtOnce(t)
	return nil
}

// beatAtOnce makes the first heartbeat say at once where the sensor stands.
func (p *Pipeline) beatAtOnce(t int64) {
	if p.beat == 0 {
		p.beat = t - p.heartbeatEvery()
	}
}

// beatDue reports whether the next heartbeat is due: soon, where it has news of failing closed.
func (p *Pipeline) beatDue(t int64) bool {
	return t-p.beat >= p.heartbeatEvery() || p.ear.news && t-p.beat >= int64(newsEvery)
}

func (p *Pipeline) heartbeatEvery() int64 {
	if p.set.Live {
		return int64(liveHeartbeatEvery)
	}
	return int64(heartbeatEvery)
}

func (p *Pipeline) setDay(d calendar.Day) {
	p.day = d
	p.dayEnd = p.set.Calendar.End(d).UnixNano()
	p.out.day = d
}

// SetBoot begins another run of batches: another file, whose boot id is made of its content. What is open goes out first.
func (p *Pipeline) SetBoot(boot uint64) {
	p.out.flush(p.day)
	p.set.Boot, p.out.seq = boot, 0
}

// Pause ends the period because the capture itself pauses: nobody listened in between.
func (p *Pipeline) Pause() {
	if p.period.open {
		p.endPeriod()
	}
}

// Stop gives out the batches that are open, because the sensor is told to stop before its input ends. What is still held of
// the last minute is read again with the source; a live sensor's has no other chance, and goes out too.
func (p *Pipeline) Stop() error {
	if p.set.Live {
		p.Pause()
	}
	p.out.flush(p.day)
	return p.out.err
}

// Finish ends the input: everything held is given out, and once it is acknowledged a heartbeat says that nothing follows. It
// must not overtake anything: the aggregator seals the day at its word.
func (p *Pipeline) Finish() error {
	p.underList()
	if p.period.open {
		p.endPeriod()
	}
	p.out.flush(p.day)
	if p.settled != nil && p.out.err == nil {
		if err := p.settled(); err != nil {
			return err
		}
	}
	p.out.heartbeat(p.now, p.now, true, p.day, p.Counts(), p.health)
	if p.err == nil {
		p.err = p.out.err
	}
	return p.err
}

// position is the capture time before which nothing follows any more. Minutes and quarters are named by their beginning, so
// it lies at the beginning of the first that can still come.
func (p *Pipeline) position() int64 {
	at := p.now / minuteNS * minuteNS
	if p.period.open {
		at = min(p.bursts.watermark(p.now), p.period.nextMinute*minuteNS)
	}
	if p.SendsIDs() {
		return at
	}
	if len(p.rollup.devices) > 0 {
		at = min(at, p.rollup.quarter*quarterNS)
	}
	return at / quarterNS * quarterNS
}

// SendsIDs reports whether ids may leave the sensor: the policy lets them, nothing makes it fail closed, and the keys are the
// day's. A policy that nobody set does not.
func (p *Pipeline) SendsIDs() bool {
	return !p.closed && p.keysDay == p.day && (p.set.Policy == wire.Policy_POLICY_STANDARD || p.set.Policy == wire.Policy_POLICY_EXTENDED)
}
