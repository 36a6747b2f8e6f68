package live

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/listen"
	"github.com/openfootfall/footfall/sensor/radio"
	"github.com/openfootfall/footfall/sensor/status"
)

// Waits of the repairs.
const (
	reopenMin = time.Second
	reopenMax = 30 * time.Second
	// downGrace is how long an interface may be down before the sensor sets it up again: whoever took it down may be at work.
	downGrace = 3 * time.Second
)

// ear keeps an interface heard: it opens the socket, notices what happens to it, says so and repairs it.
type ear struct {
	name        string
	silentAfter time.Duration
	prepare     func() error // makes the interface a monitor that is up; nil where somebody else does
	board       *status.Board
	reopened    func(reason string)
	log         *slog.Logger

	socket  *listen.Socket
	down    time.Time // since when the interface is down; zero: it is up
	retryAt time.Time
	wait    time.Duration

	packets       uint64 // of any type, that the interface has heard
	packetsAt     time.Time
	silent        bool          // nothing at all is heard
	blind         bool          // the interface's state cannot be read, which was said
	frames        uint64        // read
	untimed       uint64        // of those without a time of the kernel's
	untimedBefore uint64        // of earlier sockets
	lost          uint64        // by the kernel, of earlier sockets
	dropped       atomic.Uint64 // and of all
}

// hears reports whether the radio is listened to: what a deaf one does not hear is no emptiness.
func (e *ear) hears() bool { return e.socket != nil && e.down.IsZero() && !e.silent }

// frame waits for a probe request, no longer than wait. While there is no socket it tries to have one.
func (e *ear) frame(ctx context.Context, wait time.Duration) (capture.Record, bool) {
	if now := time.Now(); e.socket == nil && !now.Before(e.retryAt) {
		_ = e.reopen(now) // the board says why it failed, and it is tried again
	}
	if e.socket == nil {
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		return capture.Record{}, false
	}
	rec, err := e.socket.Read(wait)
	switch {
	case err == nil:
		e.frames++
		return rec, true
	case errors.Is(err, listen.ErrTimeout):
	case errors.Is(err, listen.ErrDown):
		e.setDown(time.Now())
	case errors.Is(err, listen.ErrGone), errors.Is(err, listen.ErrNotMonitor):
		e.shut(reopenGone)
	case !errors.Is(err, os.ErrClosed):
		e.log.Warn("capture failed", "error", err)
		e.shut(reopenFailed)
	}
	return capture.Record{}, false
}

// watch looks at the interface, about once a second.
func (e *ear) watch(now time.Time) {
	if e.socket == nil {
		return
	}
	state, err := listen.ReadState(e.name)
	switch {
	case errors.Is(err, listen.ErrGone), err == nil && (state.Index != e.socket.Index() || state.Link != e.socket.Link()):
		// It vanished, or another program made it anew, or an ordinary interface, of which the kernel's filter passes nothing.
		e.shut(reopenGone)
		return
	case err != nil:
		if !e.blind {
			e.blind = true
			e.log.Warn("the interface's state cannot be read, so that it is down or silent will not be noticed: give the sensor /sys", "error", err)
		}
		return
	case !state.Up:
		e.setDown(now)
		e.setUp(now)
		return
	case !e.down.IsZero():
		e.down = time.Time{}
		e.board.Set(status.InterfaceDown, false)
		e.board.Set(status.MonitorRefused, false)
		e.packetsAt = now
	}
	if n, err := e.socket.Drops(); err == nil {
		e.dropped.Store(e.lost + n)
	}
	e.untimed = e.untimedBefore + e.socket.Untimed()
	e.listenFor(state.RxPackets+e.frames, now) // some drivers do not count what they hear
}

// listenFor tells silence from emptiness: in an empty shop there still are beacons.
func (e *ear) listenFor(packets uint64, now time.Time) {
	if packets != e.packets {
		e.packets, e.packetsAt, e.silent = packets, now, false
		e.board.Set(status.CaptureSilent, false)
		return
	}
	if now.Sub(e.packetsAt) < e.silentAfter {
		return
	}
	e.board.Set(status.CaptureSilent, true)
	e.packetsAt, e.silent = now, true
	e.shut(reopenSilent)
}

func (e *ear) setDown(now time.Time) {
	if e.down.IsZero() {
		e.down = now
		e.board.Set(status.InterfaceDown, true)
	}
}

// setUp repairs an interface that stays down, where the sensor looks after it.
func (e *ear) setUp(now time.Time) {
	if e.prepare == nil || now.Sub(e.down) < downGrace || now.Before(e.retryAt) {
		return
	}
	e.backOff(now)
	err := e.prepare()
	e.board.Set(status.MonitorRefused, err != nil, slog.Any("error", err))
}

// reopen makes a new socket, and says why there is none.
func (e *ear) reopen(now time.Time) (err error) {
	e.backOff(now)
	if e.prepare != nil {
		err = e.prepare()
	}
	if err == nil {
		e.socket, err = listen.Open(listen.Options{Interface: e.name, Logger: e.log})
	}
	gone := errors.Is(err, listen.ErrGone) || errors.Is(err, radio.ErrGone)
	e.board.Set(status.InterfaceGone, gone)
	e.board.Set(status.MonitorRefused, err != nil && !gone, slog.Any("error", err))
	if err != nil {
		return err
	}
	e.down, e.packetsAt = time.Time{}, now
	e.board.Set(status.InterfaceDown, false)
	e.log.Info("listening")
	return nil
}

func (e *ear) backOff(now time.Time) {
	e.wait = min(reopenMax, max(reopenMin, 2*e.wait))
	e.retryAt = now.Add(e.wait)
}

// shut gives the socket up; the next frame opens another.
func (e *ear) shut(reason string) {
	if n, err := e.socket.Drops(); err == nil {
		e.lost += n
		e.dropped.Store(e.lost)
	}
	if err := e.socket.Close(); err != nil {
		e.log.Warn("the capture socket did not close", "error", err)
	}
	e.untimedBefore += e.socket.Untimed()
	e.socket = nil
	if reason != reopenFailed { // a capture that fails each time it is opened is tried again ever more slowly
		e.retryAt, e.wait = time.Time{}, 0
	}
	e.reopened(reason)
}

func (e *ear) close() error {
	if e.socket == nil {
		return nil
	}
	return e.socket.Close()
}
