package radio

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	firstPause = 100 * time.Millisecond // after a failure, doubled up to
	lastPause  = 2 * time.Second
)

// Tuner is the part of a Radio that a Hopper uses.
type Tuner interface {
	SetChannel(c Channel) error
	// Channel is the centre that the radio is on in MHz; 0 where the driver does not say, and before the first SetChannel after
	// the radio came up.
	Channel() (mhz int, err error)
}

// What a Report says.
const (
	// Tuned: the radio is on the stop's channel now.
	Tuned = "tuned"
	// Kept: it was there until the stay ended.
	Kept = "kept"
	// Taken: when the stay ended it was on FoundMHz, where another program had put it. The hopper goes on by its plan.
	Taken = "taken"
	// Failed: it could not be put there, or not asked. The hopper goes on after a pause.
	Failed = "failed"
)

// Report is what became of one stop.
type Report struct {
	Kind     string // Tuned, Kept, Taken or Failed
	Channel  Channel
	FoundMHz int   // of Taken
	Err      error // of Failed; Reason sorts it
}

// HopperOptions are what a Hopper needs. Report, which may be nil, is called from Run's goroutine and must not block it.
type HopperOptions struct {
	Radio      Tuner
	Stops      []Stop // of Plan; a single one is set once, then watched
	Report     func(Report)
	Registerer prometheus.Registerer // nil: no metrics
}

// Hopper moves a radio by a plan.
type Hopper struct {
	o       HopperOptions
	metrics metrics
	mhz     atomic.Int64
	on      int // where the radio is known to be in MHz, 0: not known; of Run alone
}

// NewHopper checks the plan; it touches nothing yet.
func NewHopper(o HopperOptions) (*Hopper, error) {
	if len(o.Stops) == 0 {
		return nil, errors.New("hop between channels: the plan is empty: give it a channel")
	}
	for _, s := range o.Stops {
		if s.Dwell <= 0 {
			return nil, errors.New("hop between channels: a stop has no dwell: give it one of 50ms or more")
		}
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	if o.Report == nil {
		o.Report = func(Report) {}
	}
	return &Hopper{o: o, metrics: m}, nil
}

// CurrentMHz is the centre of the channel that the radio was last put on; 0 before the first and while that fails. Any goroutine
// may ask.
func (h *Hopper) CurrentMHz() int { return int(h.mhz.Load()) }

// Run hops until the context ends. Nothing else ends it: a radio that is down, gone, blocked or held by another program is tried
// again, every 2 s at most, with the plan's next channel.
func (h *Hopper) Run(ctx context.Context) {
	pause := firstPause
	for i := 0; ctx.Err() == nil; i = (i + 1) % len(h.o.Stops) {
		if h.stay(ctx, h.o.Stops[i]) {
			pause = firstPause
			continue
		}
		h.set(0)
		sleep(ctx, pause)
		pause = min(2*pause, lastPause)
	}
}

// stay is one stop of the plan: set, dwell, and read back.
func (h *Hopper) stay(ctx context.Context, s Stop) bool {
	// A radio with one channel is set when it is not there; setting it again each time would make it deaf for a moment.
	if len(h.o.Stops) > 1 || h.on != s.Channel.MHz {
		if err := h.o.Radio.SetChannel(s.Channel); err != nil {
			return h.failed(s.Channel, err)
		}
		h.set(s.Channel.MHz)
		h.metrics.hops.WithLabelValues(s.Channel.Band.String()).Inc()
		h.o.Report(Report{Kind: Tuned, Channel: s.Channel})
	}
	if !sleep(ctx, s.Dwell) {
		return true
	}
	found, err := h.o.Radio.Channel()
	switch {
	case err != nil:
		return h.failed(s.Channel, err)
	case found != 0 && found != s.Channel.MHz:
		h.set(found)
		h.metrics.taken.Inc()
		h.o.Report(Report{Kind: Taken, Channel: s.Channel, FoundMHz: found})
	default:
		h.on = found
		h.o.Report(Report{Kind: Kept, Channel: s.Channel})
	}
	return true
}

func (h *Hopper) failed(c Channel, err error) bool {
	h.metrics.errors.WithLabelValues(Reason(err)).Inc()
	h.o.Report(Report{Kind: Failed, Channel: c, Err: err})
	return false
}

func (h *Hopper) set(mhz int) {
	h.on = mhz
	h.mhz.Store(int64(mhz))
	h.metrics.mhz.Set(float64(mhz))
}

// sleep reports whether the time passed before the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
