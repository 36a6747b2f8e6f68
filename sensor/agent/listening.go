package agent

import (
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// Bounds of a live sensor's listening.
const (
	// maxDeaf is the longest time between two looks at the clock in which the sensor surely listened: beyond it the box was
	// suspended, or its clock was set.
	maxDeaf = 10 * time.Second
	// stepBack is how far the clock may be set back without beginning anew: until it catches up, frames count as of now.
	stepBack = 5 * time.Minute
)

// Bounds of what a live sensor remembers at once, so that somebody who makes up addresses cannot take the box's memory: several
// times what 2,000 frames a second of phones bring (DESIGN section 12).
const (
	maxStays   = 20_000  // stable addresses that are near, about 120 bytes each
	maxRandoms = 150_000 // random addresses of the last quarter of an hour, about 40 bytes each
	maxOpen    = 20_000  // open bursts, about 150 bytes each
)

// hasRoom reports whether a frame's address may be remembered: it is already, or there is room.
func (p *Pipeline) hasRoom(a hwaddr.Addr) bool {
	if _, open := p.bursts.open[a]; open {
		return true
	}
	if p.bursts.held() >= maxOpen {
		return false
	}
	if a.Random() {
		return len(p.randoms.heard) < maxRandoms || p.randoms.knows(a)
	}
	_, known := p.stables.at[a]
	return known || len(p.stables.at) < maxStays
}

// ear is what a live sensor knows of its own listening.
type ear struct {
	noClock bool  // the wall clock is no time to label anything with
	on      bool  // the radio is open and up
	at      int64 // Unix ns until which listening is counted
	news    bool  // why it fails closed is another than the last heartbeat said
}

// Tick moves a live pipeline's time when no frame does: bursts close, minutes and days end, the store opens with nobody near.
// now is Unix ns and must not be later than the frames that still wait to be read.
func (p *Pipeline) Tick(now int64) error {
	p.underList()
	if p.ear.noClock {
		return p.err
	}
	if now < p.now-int64(stepBack) {
		p.rewind(now)
	}
	t := max(now, p.now)
	p.listenTo(t)
	p.now = t
	if err := p.turn(t); err != nil {
		return err
	}
	if !p.period.open && p.ear.on && p.inHours(t) {
		p.beginPeriod(t)
		p.period.lastMinute = t / minuteNS
	}
	if p.period.open {
		p.bursts.expire(t)
		p.settle(p.bursts.watermark(t))
	}
	return p.err
}

// Listening says whether the radio is open and up from here on: what is not listened to is not a time in which nobody came.
func (p *Pipeline) Listening(on bool) { p.ear.on = on }

// Clock says whether the wall clock can label anything. While it cannot, frames are dropped, and counted.
func (p *Pipeline) Clock(usable bool) {
	if !usable && !p.ear.noClock {
		p.Pause()
	}
	p.ear.noClock = !usable
}

// Beat says where the sensor stands while it has no clock: at is where its time should be, in Unix ns.
func (p *Pipeline) Beat(at int64) error {
	if p.ear.noClock && (p.beatDue(at) || at < p.beat-int64(stepBack)) {
		p.turnLive(p.set.Calendar.DayOf(time.Unix(0, at)))
		p.beat, p.ear.news = at, false
		p.checkList()
		p.out.heartbeat(at, at, false, p.day, p.Counts(), p.health)
	}
	return p.out.err
}

// Flush gives out what is complete, so that it is safe from a crash, and turns keys that could not be turned before.
func (p *Pipeline) Flush() error {
	p.turnKeys()
	p.out.flush(p.day)
	return p.out.err
}

// rewind begins anew at an earlier time, because the clock was set back. The aggregator takes no minute of a boot twice, so the
// counters of minutes that were given out before it are lost the second time; sightings are not.
func (p *Pipeline) rewind(t int64) {
	p.counts.Rewinds++
	p.Pause()
	p.out.flush(p.day)
	p.now, p.ear.at, p.beat = t, t, min(p.beat, t)
	p.turnLive(p.set.Calendar.DayOf(time.Unix(0, t)))
}

// listenTo counts the time up to t as listened to, minute by minute.
func (p *Pipeline) listenTo(t int64) {
	if !p.set.Live {
		return
	}
	from := p.ear.at
	p.ear.at = t
	if !p.period.open {
		return
	}
	end := min(t, p.period.end)
	p.period.lastMinute = max(p.period.lastMinute, (end-1)/minuteNS)
	if !p.ear.on || t-from > int64(maxDeaf) {
		return
	}
	for from < end {
		n := from / minuteNS
		stop := min(end, (n+1)*minuteNS)
		if n >= p.period.nextMinute {
			p.minuteAt(n).listened += stop - from
		}
		from = stop
	}
}

// listened is how many seconds of a minute were listened to, and how many minutes the table of random addresses remembers. A
// capture has no restart behind it: its minutes are whole, and its table counts as old from the first (DESIGN section 8).
func (p *Pipeline) listened(m *minute) (seconds, memory uint8) {
	if !p.set.Live {
		return 60, wire.MemoryMinutes
	}
	seconds = uint8(min(60, (m.listened+int64(time.Second)/2)/int64(time.Second)))
	if p.period.young == 0 {
		return seconds, wire.MemoryMinutes
	}
	return seconds, uint8(min(wire.MemoryMinutes, max(0, m.number-p.period.young/minuteNS)))
}

// turnLive begins another store-day. The day of what is counted follows the clock; the keys follow when they may.
func (p *Pipeline) turnLive(next calendar.Day) {
	if next != p.day {
		p.out.flush(p.day)
		clear(p.stables.asked)
		p.setDay(next)
	}
	p.turnKeys()
}

// turnKeys turns the keys to the day. Where that fails or may not be, only counters leave, and it is tried again.
func (p *Pipeline) turnKeys() {
	if p.keysDay >= p.day || p.mayTurn != nil && !p.mayTurn(p.day) {
		return
	}
	p.flushRollup()
	if err := p.newDay(p.day); err == nil { // else NewDay has said why
		p.keysDay = p.day
	}
}

// sight gives out a burst's sighting as soon as it closes: its release waits for older bursts, and a crash would lose it.
func (p *Pipeline) sight(b *burst) {
	if b.addr.Random() || b.best < p.set.RSSIInside || !p.SendsIDs() || p.optedOutSince(b) {
		return
	}
	if i, ok := p.stables.at[b.addr]; ok && p.stables.pool[i].firstInside != 0 {
		b.id = p.stables.pool[i].id
	} else {
		b.id = p.newID(b.addr)
	}
	b.sighted = true
	p.out.sighting(b.id, b.start/1e6, wire.Band(int(b.best)))
}

// newID hashes an address that is inside for the first time in its stay.
func (p *Pipeline) newID(a hwaddr.Addr) uint64 {
	id := p.hash.ID(a)
	if p.heard != nil {
		p.heard(id, p.hash.Tag(a))
	}
	return id
}
