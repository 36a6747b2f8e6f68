package outbox

import (
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/spool"
	"github.com/openfootfall/footfall/ingest/wire"
)

// parcel is a message as it is sent.
type parcel struct {
	lsn     uint64
	topic   string
	data    []byte
	kept    int // sightings in data
	unknown int // ids removed because nobody heard them in this start
}

// plan is what becomes of some messages of the spool, up to a heartbeat that must not overtake those before it.
type plan struct {
	send     []parcel
	counters bool // some of them go to the other topic than heartbeats
	roll     []victim
	late     []victim // Forgets of days that are sealed
	useless  []useless
	waits    bool // some wait for the list or the clock
}

type useless struct {
	lsn     uint64
	outcome string
}

func (p *plan) of(topic string) (parcels []parcel) {
	for _, x := range p.send {
		if x.topic == topic {
			parcels = append(parcels, x)
		}
	}
	return parcels
}

// plan judges the messages in order. A heartbeat says that nothing older of its boot follows: it shares an attempt with messages
// of its own topic, in their order, waits for those of the other one, and does not pass ids of its boot that wait. Everything
// else passes them.
func (o *Outbox) plan(messages []spool.Message) *plan {
	p := new(plan)
	for _, m := range messages {
		e, err := wire.Decode(m.Data)
		switch {
		case err != nil || kindOf(e) != m.Kind:
			p.useless = append(p.useless, useless{m.LSN, outBroken})
		case o.foreign(e):
			p.useless = append(p.useless, useless{m.LSN, outForeign})
		case m.Kind == kindSightings:
			if !o.judge(p, m, e) {
				p.waits, o.sender.scan.waiting[e.Header.Boot] = true, true
			}
		case m.Kind == kindForget && !o.judgeForget(p, m, e): // nothing waits for it but ids: heartbeats say what is wrong
		case m.Kind == kindHeartbeat && o.sender.scan.waiting[e.Header.Boot]:
			if late, ok := o.overtake(m, e); ok {
				p.send = append(p.send, late)
			} else {
				p.waits = true
			}
		case m.Kind == kindHeartbeat && p.counters:
			return p
		default:
			p.send = append(p.send, parcel{lsn: m.LSN, topic: topicOf(m.Kind), data: m.Data})
			p.counters = p.counters || topicOf(m.Kind) == broker.Counters
		}
	}
	return p
}

// foreign says whether a message is of another store or sensor: the box was moved.
func (o *Outbox) foreign(e *wire.Envelope) bool {
	return e.Header.Store != o.opt.Store || e.Header.Sensor != o.opt.Sensor
}

// overtake lets a heartbeat pass ids that wait for the list for long: it says why, and the servers must hear of it. What still
// follows is older than it was, so it says so under a number of its own.
func (o *Outbox) overtake(m spool.Message, e *wire.Envelope) (parcel, bool) {
	s := &o.sender
	if !s.listWaits || o.opt.Elapsed()-s.listSince < listPatience || e.Header.Boot != o.opt.Boot {
		return parcel{}, false
	}
	if c, ok := s.changed[m.LSN]; ok {
		return c.parcel, true
	}
	o.mu.Lock()
	oldest := o.ledger.oldest(e.GetHeartbeat().CaptureMs)
	o.mu.Unlock()
	e.GetHeartbeat().CaptureMs, e.Header.BaseMs = oldest, oldest
	raw, err := o.seal(e)
	if err != nil {
		return parcel{}, false // it waits, as it did
	}
	c := changed{parcel: parcel{lsn: m.LSN, topic: broker.Sightings, data: raw}}
	if len(s.changed) >= maxMessages {
		clear(s.changed)
	}
	s.changed[m.LSN] = c
	return c.parcel, true
}

// judge decides on a message with ids under the list of now; false: it waits.
func (o *Outbox) judge(p *plan, m spool.Message, e *wire.Envelope) (decided bool) {
	o.mu.Lock()
	entry, known := o.ledger.find(m.LSN)
	o.mu.Unlock()
	roll := func(cause wire.Rollup_Cause) bool {
		p.roll = append(p.roll, victim{m.LSN, cause, e})
		return true
	}
	switch {
	case !known: // its age was never judged: the spool could not be read at the start
		return roll(wire.Rollup_CAUSE_FAIL_CLOSED)
	case o.due(&entry, o.moment()): // since age looked
		return roll(o.dueCause())
	case !o.opt.Trusted():
		if e.Header.Boot == o.opt.Boot && o.sender.clockGivenUp {
			return roll(wire.Rollup_CAUSE_FAIL_CLOSED)
		}
		return false
	case !o.confirmed():
		o.sender.scan.forList = true
		o.waitForList(true)
		return false
	}
	version := o.opt.List.Version()
	if e.Header.OptoutVersion == version {
		p.send = append(p.send, parcel{lsn: m.LSN, topic: broker.Sightings, data: m.Data, kept: sightingsOf(e)})
		return true
	}
	if e.Header.Boot != o.opt.Boot || !o.heard.today(calendar.Day(e.Header.StoreDay)) {
		o.metrics.rechecks.WithLabelValues(recheckRolled).Inc()
		return roll(wire.Rollup_CAUSE_FAIL_CLOSED)
	}
	o.recheck(p, m, e, version)
	return true
}

// judgeForget says whether a Forget goes now. Of a sealed day the aggregator takes none, so it waits until a clock to be trusted says
// that its day is open or which one is: at a morning's start the keys are of an earlier day until a broker has told the time. A
// sensor that lost its time server since takes back within seconds what it sent before: by its clock that day is open.
func (o *Outbox) judgeForget(p *plan, m spool.Message, e *wire.Envelope) (goes bool) {
	o.mu.Lock()
	waiting, known := o.ledger.find(m.LSN)
	o.mu.Unlock()
	if !known { // the spool could not be read at the start
		waiting = entry{lsn: m.LSN, timeMS: m.TimeMS, forget: true, since: seconds(o.opt.Elapsed())}
	}
	at := o.moment()
	switch {
	case o.due(&waiting, at): // since age looked
		p.late = append(p.late, victim{lsn: m.LSN, e: e})
		return false
	case at.trusted || o.sender.clockKnown && waiting.timeMS >= at.closing:
		return true
	}
	p.waits, o.sender.scan.late = true, true
	return false
}

// mayIDs says whether messages with ids may be sent at all now.
func (o *Outbox) mayIDs() bool { return o.opt.Trusted() && o.confirmed() }

// confirmed says whether the list stood at the end of its topic since the last failed attempt, and since this start, and the
// Forgets of what came onto it until then are gone. The confirmation is compared with the one of then, not with a clock: clocks
// are set.
func (o *Outbox) confirmed() bool {
	s := &o.sender
	if at := o.opt.List.ConfirmedAt(); at.IsZero() || at.Equal(s.unconfirmed) {
		return false
	}
	if s.behind {
		s.behind = false
		o.forgetFirst() // Joined came before the confirmation
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ledger.first == 0
}

// unconfirm has ids wait for a newer confirmation of the list than the one of now.
func (o *Outbox) unconfirm() { o.sender.unconfirmed, o.sender.behind = o.opt.List.ConfirmedAt(), true }

func (o *Outbox) waitForList(waits bool) {
	s := &o.sender
	if waits && !s.listWaits {
		s.listSince = o.opt.Elapsed()
	}
	s.listWaits = waits
	o.troubles.set(TroubleList, waits && o.opt.Elapsed()-s.listSince >= listPatient)
}

// changed is a message with fewer ids, under a sequence number of its own.
type changed struct {
	version uint64
	parcel  parcel
}

// recheck looks the ids of a message of the current store-day up in the list of now. Where none is listed the message goes out
// as it is: its header says truthfully under which list it was made.
func (o *Outbox) recheck(p *plan, m spool.Message, e *wire.Envelope, version uint64) {
	if c, ok := o.sender.changed[m.LSN]; ok && c.version == version {
		p.send = append(p.send, c.parcel)
		return
	}
	kept, removed, unknown := o.unlisted(e)
	switch {
	case removed == 0:
		o.metrics.rechecks.WithLabelValues(recheckUnchanged).Inc()
		p.send = append(p.send, parcel{lsn: m.LSN, topic: broker.Sightings, data: m.Data, kept: sightingsOf(e)})
		return
	case kept == nil:
		o.metrics.rechecks.WithLabelValues(recheckEmptied).Inc()
		o.metrics.unknown.Add(float64(unknown))
		p.useless = append(p.useless, useless{m.LSN, outEmptied})
		return
	}
	o.metrics.rechecks.WithLabelValues(recheckRemoved).Inc()
	kept.Header.OptoutVersion = version
	raw, err := o.seal(kept)
	if err != nil {
		o.opt.Logger.Error("a message without its listed ids cannot be made; it is lost: report this", "error", err)
		p.useless = append(p.useless, useless{m.LSN, outInvalid})
		return
	}
	c := changed{version, parcel{lsn: m.LSN, topic: broker.Sightings, data: raw, kept: sightingsOf(kept), unknown: unknown}}
	if len(o.sender.changed) >= maxMessages {
		clear(o.sender.changed) // of messages that the spool gave up meanwhile; the others get new numbers
	}
	o.sender.changed[m.LSN] = c
	p.send = append(p.send, c.parcel)
}

// unlisted makes the message anew without the ids that are listed now, and without those nobody heard in this start: they cannot
// be looked up. It is nil where no id is left.
func (o *Outbox) unlisted(e *wire.Envelope) (kept *wire.Envelope, removed, unknown int) {
	s := e.GetSightings()
	var b wire.SightingsBuilder
	defer b.Reset()
	var run wire.Run
	answers, ids := false, 0
	for runs := s.Runs(); runs.Next(&run); {
		tag, ok := o.heard.tag(run.ID)
		if !ok {
			unknown++
		}
		if !ok || o.opt.List.Has(tag) {
			removed++
			continue
		}
		ids++
		at := e.Header.BaseMs
		for i, delta := range run.DeltasMS {
			at += int64(delta)
			b.Add(run.ID, at, run.Bands[i])
		}
		if run.HasAnswer {
			answers = true
			b.Answer(run.ID, run.Answer)
		}
		if run.HasReturn {
			b.Return(run.ID, run.Return[0], run.Return[1])
		}
	}
	if ids == 0 || removed == 0 || b.Len() == 0 {
		return nil, removed, unknown
	}
	out, base := b.Build()
	if answers {
		out.FilterOnes, out.LookbackWeeks, out.FilterNew = s.FilterOnes, s.LookbackWeeks, s.FilterNew
	}
	if len(out.ReturnOf) > 0 {
		out.ReturnPeriod = s.ReturnPeriod
	}
	h := e.Header
	return &wire.Envelope{
		Header: &wire.Header{
			Store: h.Store, Sensor: h.Sensor, Zone: h.Zone, StoreDay: h.StoreDay, ClassEpoch: h.ClassEpoch, BaseMs: base, Policy: h.Policy,
		},
		Body: &wire.Envelope_Sightings{Sightings: out},
	}, removed, unknown
}

// settle does away with what is not sent: first the counts are on disk, then the ids are not.
func (o *Outbox) settle(p *plan) {
	for _, u := range p.useless {
		o.drop(u.lsn, u.outcome)
	}
	for _, f := range p.late {
		o.expire(f.lsn, f.e)
	}
	if len(p.useless)+len(p.late) > 0 && len(p.roll) == 0 {
		o.shred()
	}
	o.rollUp(p.roll)
}

// sealedBefore is the instant, in Unix milliseconds, before which every store-day is sealed by now.
func (o *Outbox) sealedBefore(now time.Time) int64 {
	day := o.opt.Calendar.DayOf(now)
	for o.opt.Calendar.End(day).Add(o.opt.SealAfter).After(now) {
		day--
	}
	return o.opt.Calendar.End(day).UnixMilli()
}
