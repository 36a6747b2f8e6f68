// Package outbox stands between the steps of a live sensor and Kafka. Envelopes come in and are spooled, never waiting for a
// disk or a network; what may leave goes out in the order it came, and out of the spool only once Kafka has it. It enforces how
// long an id lives on the sensor (DESIGN section 6): what is too old, belongs to a sealed day, or was made under another opt-out
// list than the one that holds now, leaves as counts or without the listed ids, and its ids are overwritten in the spool. For each
// record that joins the list it sends a Forget; in an extended store it keeps what return ids it sent, so that Forgets take back those
// of earlier days too. It knows ids and opt-out tags, never addresses.
package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/spool"
	"github.com/openfootfall/footfall/ingest/wire"
)

// DefaultIDAge is how old the oldest sighting of a message may be when it is sent with its ids (spool_id_age).
const DefaultIDAge = 6 * time.Hour

// Spool keeps messages until Done. Its Sync first writes what was appended, then overwrites what is done, so that what replaces a
// message is on disk before that is gone. *spool.Spool is the real one.
type Spool interface {
	Append(kind uint8, timeMS int64, data []byte) (lsn uint64, err error)
	Sync() error
	Next(after uint64, limit, maxBytes int) ([]spool.Message, error)
	Wait(ctx context.Context, after uint64) error
	Done(lsns ...uint64) error
	Held(after uint64, limit int) []spool.Place
	Stats() spool.Stats
}

// Publisher makes one attempt to send a batch; after an error it is not known whether Kafka has it. *broker.Publisher is the
// real one.
type Publisher interface {
	Publish(ctx context.Context, topic string, key []byte, values [][]byte) error
}

// List is the opt-out list. *registry.List is the real one.
type List interface {
	Has(tag uint32) bool
	Version() uint64
	ConfirmedAt() time.Time
}

// Options say whose messages these are, and what the outbox works with.
type Options struct {
	Store, Sensor, Zone string
	Boot                uint64 // of this start; every sequence number is given once under it
	Policy              wire.Policy
	Calendar            calendar.Calendar
	SealAfter           time.Duration // after the end of a store-day its ids are counts
	IDAge               time.Duration // DefaultIDAge where zero
	// State is the folder of the sensor's state, where an extended store's return ids are kept to be taken back later. Without it
	// none are sent; those of a store that is not extended any more are destroyed.
	State string

	Spool     Spool
	Publisher Publisher
	List      List
	Reason    func(error) string   // of a failed attempt, for metrics and troubles; nil: broker.Reason
	Now       func() time.Time     // the wall clock; nil: time.Now
	Elapsed   func() time.Duration // a clock that nobody sets; nil: the monotonic reading of Now
	Trusted   func() bool          // is the wall clock to be trusted? nil: always

	Registerer prometheus.Registerer
	Logger     *slog.Logger
	OnTrouble  func(name string, on bool) // one of the Trouble constants began or ended; nil for nobody
}

// Outbox is a live sensor's way to Kafka. Send, Heard, Joined, NewDay, Sync and Stats may be called from anywhere; there is one Run.
type Outbox struct {
	opt      Options
	key      []byte
	metrics  metrics
	troubles troubles
	heard    heard
	forgets  forgets
	kept     keeping
	seq      atomic.Uint64

	mu     sync.Mutex // of the ledger, and of appending together with it
	ledger ledger

	lossMu sync.Mutex
	losses losses

	turn   sync.Mutex // of everything below: one turn at a time
	sender sender
	rolled quarters
}

// New checks the options and looks through what an earlier start left in the spool; it sends nothing yet.
func New(o Options) (*Outbox, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	b := &Outbox{
		opt: o, key: []byte(o.Store), troubles: troubles{tell: o.OnTrouble, on: map[string]bool{}},
		sender: newSender(o.List.ConfirmedAt()), rolled: quarters{},
	}
	var err error
	if b.metrics, err = newMetrics(o.Registerer, b.oldestSeconds); err != nil {
		return nil, err
	}
	if err := b.openKept(); err != nil {
		return nil, fmt.Errorf("set up the outbox: %w", err)
	}
	if err := b.takeOver(); err != nil {
		// What was not seen here is counted as made under another list when its turn comes: no id leaves by this error.
		o.Logger.Error("the spool of the start before cannot be read; replace the disk if this stays", "error", err)
		b.troubles.disk(reading, true)
	}
	b.losses.seen = lostBySpool(o.Spool.Stats())
	return b, nil
}

func (o *Options) complete() error {
	var errs []error
	if o.Store == "" || o.Sensor == "" {
		errs = append(errs, errors.New("no store or no sensor: take both from the sensor's bundle"))
	}
	if o.Spool == nil || o.Publisher == nil || o.List == nil {
		errs = append(errs, errors.New("no spool, no publisher or no opt-out list: give all three"))
	}
	o.IDAge = cmp.Or(o.IDAge, DefaultIDAge)
	if o.IDAge < 0 || o.IDAge > 24*time.Hour {
		errs = append(errs, fmt.Errorf("an id age of %v: choose up to 24h", o.IDAge))
	}
	if o.SealAfter < 0 || o.SealAfter > 24*time.Hour {
		errs = append(errs, fmt.Errorf("seal_after %v: choose 0 to 24h", o.SealAfter))
	}
	if o.Reason == nil {
		o.Reason = broker.Reason
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Elapsed == nil {
		now, start := o.Now, o.Now()
		o.Elapsed = func() time.Duration { return now().Sub(start) }
	}
	if o.Trusted == nil {
		o.Trusted = func() bool { return true }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnTrouble == nil {
		o.OnTrouble = func(string, bool) {}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("set up the outbox: %w", err)
	}
	return nil
}

// Send gives the envelope the boot and the next sequence number and spools it. It never waits for the disk or the network. The
// error is always nil: what cannot be kept is counted as lost, because a sensor does not stop for one message.
func (o *Outbox) Send(topic string, e *wire.Envelope) error {
	kind := kindOf(e)
	n := sightingsOf(e)
	o.metrics.messages.WithLabelValues(outAccepted).Inc()
	o.metrics.sightings.WithLabelValues(outAccepted).Add(float64(n))
	if kind == 0 || topic != topicOf(kind) {
		o.giveUp(outInvalid, n, errors.New("this kind does not belong into this topic"))
		return nil
	}
	o.keepReturns(e)
	raw, err := o.seal(e)
	if err != nil {
		o.giveUp(outInvalid, n, err)
		return nil
	}
	timeMS := e.Header.BaseMs
	if timeMS == 0 {
		timeMS = o.opt.Now().UnixMilli()
	}
	if err := o.keep(kind, timeMS, raw, n); err != nil {
		o.giveUp(outLost, n, err)
	}
	return nil
}

// seal makes an envelope's bytes under the next sequence number. A number is given once, whatever becomes of it.
func (o *Outbox) seal(e *wire.Envelope) ([]byte, error) {
	if h := e.GetHeader(); h != nil {
		h.Boot, h.Sequence = o.opt.Boot, o.seq.Add(1)-1
	}
	return wire.Encode(e)
}

// keep appends to the spool.
func (o *Outbox) keep(kind uint8, timeMS int64, raw []byte, n int) error {
	return o.enter(kind, raw, entry{timeMS: timeMS, sightings: uint32(n), forget: kind == kindForget})
}

// enter appends to the spool and, what has ids, to the ledger: both under one lock, so that the ledger ascends and knows every
// message with ids that the spool gives out.
func (o *Outbox) enter(kind uint8, raw []byte, e entry) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e.lsn, err = o.opt.Spool.Append(kind, e.timeMS, raw); err != nil {
		return fmt.Errorf("spool a message: %w", err)
	}
	if hasIDs(kind) {
		e.since = seconds(o.opt.Elapsed())
		o.ledger.add(e)
	}
	return nil
}

func (o *Outbox) giveUp(outcome string, sightings int, err error) {
	o.metrics.messages.WithLabelValues(outcome).Inc()
	o.metrics.sightings.WithLabelValues(outLost).Add(float64(sightings))
	o.opt.Logger.Error("a message could not be kept and is lost; update the sensor if this repeats", "reason", outcome, "error", err)
}

// Heard notes that the id, of the current store-day, is of an address with the opt-out tag. It is kept in memory only, until
// NewDay or until its address is listed, to take ids out of what waits and to have them forgotten.
func (o *Outbox) Heard(id uint64, tag uint32) {
	if o.opt.Policy != wire.Policy_POLICY_COUNT_ONLY {
		o.heard.add(id, tag)
	}
}

// NewDay begins a store-day, the first one of a start too: what Heard noted of the day before is overwritten.
func (o *Outbox) NewDay(day calendar.Day) {
	o.heard.begin(day)
	o.keptDay(day)
}

// Sync makes what waits safe from a power cut. The caller's interval, about a second, is what a cut can lose.
func (o *Outbox) Sync() error {
	err := errors.Join(o.opt.Spool.Sync(), o.saveKept()) // in this order: what is sent is in the spool before it is not kept
	o.troubles.disk(writing, err != nil)
	o.watchLosses()
	if err != nil {
		return fmt.Errorf("write the spool: %w", err)
	}
	return nil
}

// Stats are the outbox's figures.
type Stats struct {
	Messages      int    // waiting
	Sightings     uint64 // in them
	Bytes         int64  // on disk and in memory
	OldestTimeMS  int64  // the oldest event inside, Unix milliseconds; 0 = nothing waits
	Lost          uint64 // messages of this start that the spool gave up: full, or damaged on disk
	KnownIDs      int    // ids of the current store-day that Heard noted
	LastSyncError error  // nil after a Sync that succeeded
}

// Stats returns the figures of now.
func (o *Outbox) Stats() Stats {
	s := o.opt.Spool.Stats()
	o.mu.Lock()
	held := o.ledger.sightings()
	o.mu.Unlock()
	return Stats{
		Messages: s.Messages, Sightings: held, Bytes: s.Bytes, OldestTimeMS: s.OldestTimeMS, Lost: lostBySpool(s),
		KnownIDs: o.heard.len(), LastSyncError: s.LastSyncError,
	}
}

func (o *Outbox) oldestSeconds() float64 {
	oldest := o.opt.Spool.Stats().OldestTimeMS
	if oldest == 0 {
		return 0
	}
	return max(0, o.opt.Now().Sub(time.UnixMilli(oldest)).Seconds())
}
