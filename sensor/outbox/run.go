package outbox

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
)

const (
	maxMessages = 200       // of one attempt
	maxBytes    = 100 << 10 // of one attempt, so that it stays below broker.PublishBytes with its keys; a larger message goes alone
	ageEvery    = 30 * time.Second
	listPoll    = 500 * time.Millisecond // how often a confirmation is looked for: the list is read about as often
	listPatient = 10 * time.Second       // a wait that is shorter is no trouble
	rescanEvery = 5 * time.Minute        // how often what waits is gone through again because some of it may have aged
	// clockPatience is how long this start's ids wait for the clock while Kafka takes messages. Heartbeats that say what is wrong
	// stand behind them; time servers answer sooner once there is a network.
	clockPatience = 10 * time.Minute
	// listPatience is how long heartbeats stay behind ids that wait for the list.
	listPatience = 10 * time.Minute
	firstPause   = 100 * time.Millisecond
	lastPause    = 30 * time.Second
)

// sender is where sending stands.
type sender struct {
	limit   int           // messages of one attempt: less after Kafka refused a batch for its content
	pause   time.Duration // after the last failure
	retryAt time.Duration // on the clock that nobody sets
	failing bool

	unconfirmed  time.Time     // the confirmation of the list that does not count: it is older than the last failure
	behind       bool          // the Forgets that go first are not marked since then
	listSince    time.Duration // since when ids wait for the list
	listWaits    bool
	clockSince   time.Duration // since when Kafka works and the clock does not
	clockWaits   bool
	clockGivenUp bool // it took longer than clockPatience
	clockKnown   bool // it was to be trusted in this start

	scan scan

	changed map[uint64]changed // messages in which ids were removed, by place: a repeated attempt sends the same bytes
}

// scan is how far the spool was gone through past messages that wait for the list or the clock.
type scan struct {
	after   uint64
	began   time.Duration
	waiting map[uint64]bool // boots with ids that wait: their heartbeats must not overtake them
	forList bool            // some wait for the list
	late    bool            // Forgets wait for a clock to be trusted
}

func newSender(confirmed time.Time) sender {
	return sender{limit: maxMessages, unconfirmed: confirmed, behind: true, changed: map[uint64]changed{}, scan: scan{waiting: map[uint64]bool{}}}
}

// Run ages and sends until the context ends; that is no error. What fails is repeated.
func (o *Outbox) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		o.rest(ctx, o.step(ctx))
	}
	return nil
}

// Drain tries to send what waits until the context ends, and syncs what is left; it may follow Run, or go beside it. The error
// is that of syncing.
func (o *Outbox) Drain(ctx context.Context) error {
	o.closeForgets()
	_ = o.Sync() // before anything is waited for: the plug may be pulled; below it is tried again
	o.turn.Lock()
	o.sender.retryAt, o.sender.pause = 0, 0
	o.turn.Unlock()
	for ctx.Err() == nil {
		next := o.step(ctx)
		if next == idle {
			break
		}
		o.rest(ctx, next)
	}
	return o.Sync()
}

// idle as the time to the next step: nothing waits.
const idle time.Duration = -1

// rest waits until there is something to do, but no longer than until ageing is due.
func (o *Outbox) rest(ctx context.Context, next time.Duration) {
	if next == 0 || ctx.Err() != nil {
		return
	}
	if next == idle {
		waiting, cancel := context.WithTimeout(ctx, ageEvery)
		defer cancel()
		if err := o.opt.Spool.Wait(waiting, 0); err == nil || waiting.Err() != nil {
			return
		}
		next = ageEvery // the spool is closed, or broken: do not spin
	}
	timer := time.NewTimer(min(next, ageEvery))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// step ages, then makes one attempt to send, and says how long nothing need be done.
func (o *Outbox) step(ctx context.Context) time.Duration {
	o.turn.Lock()
	defer o.turn.Unlock()
	s := &o.sender
	o.age()
	now := o.opt.Elapsed()
	if wait := s.retryAt - now; wait > 0 {
		return wait
	}
	o.look(now)
	messages, err := o.opt.Spool.Next(s.scan.after, s.limit, maxBytes)
	if err != nil {
		o.opt.Logger.Error("the spool cannot be read; replace the disk if this stays", "error", err)
		o.troubles.disk(reading, true)
		return o.backOff()
	}
	o.troubles.disk(reading, false)
	if len(messages) == 0 {
		o.waitForList(s.scan.forList)
		if s.scan.after > 0 {
			return listPoll
		}
		return idle
	}
	p := o.plan(messages)
	o.settle(p)
	if len(p.send) == 0 && p.waits {
		s.scan.after = messages[len(messages)-1].LSN
	}
	for _, topic := range []string{broker.Sightings, broker.Counters} {
		if wait := o.attempt(ctx, topic, p.of(topic)); wait > 0 {
			return wait
		}
	}
	return 0
}

// look judges what may go now, and begins the spool anew where more may than at the last look.
func (o *Outbox) look(now time.Duration) {
	s, trusted := &o.sender, o.opt.Trusted()
	s.clockKnown = s.clockKnown || trusted
	if waits := !s.failing && !trusted; waits != s.clockWaits {
		s.clockWaits, s.clockSince, s.clockGivenUp = waits, now, false
	}
	givesUp := s.clockWaits && !s.clockGivenUp && now-s.clockSince >= clockPatience
	if givesUp {
		s.clockGivenUp = true
		o.opt.Logger.Warn("the clock is not to be trusted for long; what waits for it leaves as counts: see the sensor's troubles for what to do")
	}
	if o.confirmed() {
		o.waitForList(false)
	}
	if givesUp || o.mayIDs() || trusted && s.scan.late || now-s.scan.began >= rescanEvery {
		s.scan = scan{began: now, waiting: map[uint64]bool{}}
	}
}

// attempt publishes the parcels and takes them out of the spool; above 0 it says when to try again.
func (o *Outbox) attempt(ctx context.Context, topic string, parcels []parcel) time.Duration {
	if len(parcels) == 0 {
		return 0
	}
	values := make([][]byte, len(parcels))
	for i, p := range parcels {
		values[i] = p.data
	}
	err := o.opt.Publisher.Publish(ctx, topic, o.key, values)
	if err == nil {
		o.succeeded()
		o.finish(parcels)
		return 0
	}
	if ctx.Err() != nil {
		o.unconfirm()
		return listPoll
	}
	return o.failed(err, parcels)
}

func (o *Outbox) succeeded() {
	s := &o.sender
	o.metrics.attempts.WithLabelValues(resultOK).Inc()
	o.troubles.set(TroubleUnreachable, false)
	o.troubles.set(TroubleRefused, false)
	if s.failing {
		o.opt.Logger.Info("kafka takes messages again")
	}
	s.failing, s.pause, s.limit = false, 0, min(maxMessages, s.limit*2)
}

// failed judges an attempt of which Kafka may or may not have something. What Kafka refuses for its content is tried in smaller
// parts, and alone it is given up, so that nothing behind it waits for ever.
func (o *Outbox) failed(err error, parcels []parcel) time.Duration {
	s := &o.sender
	reason := o.opt.Reason(err)
	o.metrics.attempts.WithLabelValues(known(reason)).Inc()
	if outcome, forGood := contentRefused(reason); forGood {
		if len(parcels) > 1 {
			s.limit = len(parcels) / 2
			return 0
		}
		o.opt.Logger.Error("kafka refuses a message for good; it is lost: raise max.message.bytes of the topics to their default of 1 MiB, or update", "reason", outcome, "error", err)
		o.drop(parcels[0].lsn, outcome)
		return 0
	}
	refused := authorityRefused(reason)
	o.troubles.set(TroubleRefused, refused)
	o.troubles.set(TroubleUnreachable, !refused)
	if !s.failing {
		o.opt.Logger.Warn("kafka does not take messages; the spool keeps them: see the reason and sensor/README.md", "reason", known(reason), "error", err)
	}
	s.failing = true
	o.unconfirm()
	return o.backOff()
}

// backOff doubles the pause and draws the next attempt from its second half: sensors that lost one broker do not return at once.
func (o *Outbox) backOff() time.Duration {
	s := &o.sender
	s.pause = min(lastPause, max(firstPause, 2*s.pause))
	wait := s.pause/2 + rand.N(s.pause/2)
	s.retryAt = o.opt.Elapsed() + wait
	return wait
}

// finish takes acknowledged messages out of the spool and counts what became of their sightings.
func (o *Outbox) finish(parcels []parcel) {
	for _, p := range parcels {
		o.metrics.messages.WithLabelValues(outSent).Inc()
		e, waited := o.done(p.lsn)
		if !waited {
			continue
		}
		sent := min(p.kept, int(e.sightings))
		o.metrics.sightings.WithLabelValues(outSent).Add(float64(sent))
		o.metrics.sightings.WithLabelValues(outRemoved).Add(float64(int(e.sightings) - sent))
		o.metrics.unknown.Add(float64(p.unknown))
	}
}

// drop takes a message that is of no use out of the spool, which overwrites it.
func (o *Outbox) drop(lsn uint64, outcome string) {
	e, _ := o.done(lsn)
	o.metrics.messages.WithLabelValues(outcome).Inc()
	column := outLost
	if outcome == outEmptied {
		column = outRemoved
	}
	o.metrics.sightings.WithLabelValues(column).Add(float64(e.sightings))
}

// done strikes a message off the spool and the ledger at once, so that nobody finds it in one and not in the other.
func (o *Outbox) done(lsn uint64) (entry, bool) {
	delete(o.sender.changed, lsn)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.opt.Spool.Done(lsn); err != nil {
		o.opt.Logger.Error("the spool does not strike a message; it is sent again after a restart", "error", err)
	}
	return o.ledger.remove(lsn)
}
