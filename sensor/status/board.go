// Package status says what does not work on a sensor right now, in one place: whoever notices a trouble sets it on the Board and
// whoever sees it end clears it. Out go a log line at each beginning and end, metrics, the lists for heartbeats, and over HTTP on
// loopback /metrics and /healthz. It knows names and sentences from a closed list, and nothing of what the sensor hears.
package status

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Board holds the troubles that there are now. It is safe for concurrent use.
type Board struct {
	log    *slog.Logger
	now    *prometheus.GaugeVec
	begins *prometheus.CounterVec

	mu    sync.Mutex
	since map[Trouble]time.Time
}

// New makes a board without troubles. Its metrics show every reason from the start, at 0. A nil reg takes no metrics.
func New(log *slog.Logger, reg prometheus.Registerer) (*Board, error) {
	now := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "footfall", Subsystem: "sensor", Name: "trouble", Help: "1 while this does not work, else 0.",
	}, []string{"reason"})
	begins := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "footfall", Subsystem: "sensor", Name: "troubles_total", Help: "Times that this began not to work.",
	}, []string{"reason"})
	if err := register(reg, now, begins); err != nil {
		return nil, err
	}
	for _, t := range Troubles() {
		now.WithLabelValues(string(t)).Set(0)
		begins.WithLabelValues(string(t)).Add(0)
	}
	return &Board{log: log, now: now, begins: begins, since: map[Trouble]time.Time{}}, nil
}

func register(reg prometheus.Registerer, all ...prometheus.Collector) error {
	if reg == nil {
		return nil
	}
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("register the metrics of the sensor's status: %w", err)
		}
	}
	return nil
}

// Set says that the trouble holds, or that it does not. Only a change is logged and counted, so it may be called as often as one
// likes. The attributes go into the log alone; no hardware address, SSID or id may be among them.
func (b *Board) Set(t Trouble, on bool, attrs ...slog.Attr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	since, was := b.since[t]
	switch {
	case on == was:
	case t.Sentence() == "":
		b.log.Error("a trouble that is on no list was reported: report this as a bug of footfall-sensor", "reason", string(t))
	case on:
		b.since[t] = time.Now()
		b.now.WithLabelValues(string(t)).Set(1)
		b.begins.WithLabelValues(string(t)).Inc()
		b.log.LogAttrs(context.Background(), slog.LevelWarn, "trouble began", append([]slog.Attr{
			slog.String("reason", string(t)), slog.Bool("fails_closed", t.FailsClosed()), slog.String("sentence", t.Sentence()),
		}, attrs...)...)
	default:
		delete(b.since, t)
		b.now.WithLabelValues(string(t)).Set(0)
		b.log.LogAttrs(context.Background(), slog.LevelInfo, "trouble is over", append([]slog.Attr{
			slog.String("reason", string(t)), slog.Duration("after", time.Since(since).Round(time.Second)),
		}, attrs...)...)
	}
}

// SetClock says what the clock's verdict is, by its name: of the clock's troubles that one holds, or none.
func (b *Board) SetClock(verdict string, attrs ...slog.Attr) {
	for _, t := range ClockTroubles() {
		b.Set(t, string(t) == verdict, attrs...)
	}
}

// Now lists the troubles that hold, and those among them that fail closed, sorted: for heartbeats.
func (b *Board) Now() (all, failClosed []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for t := range b.since {
		all = append(all, string(t))
		if t.FailsClosed() {
			failClosed = append(failClosed, string(t))
		}
	}
	slices.Sort(all)
	slices.Sort(failClosed)
	return all, failClosed
}
