package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/radio"
	"github.com/openfootfall/footfall/sensor/status"
)

// tuner keeps the radio in monitor mode and moves it by the channel plan.
type tuner struct {
	source agent.Source
	state  string // folder that remembers what the radio was
	board  *status.Board
	reg    prometheus.Registerer
	log    *slog.Logger

	stops  int
	kept   int // stops in a row in which nobody moved the radio, and it could be moved
	radio  *radio.Radio
	hops   chan *radio.Hopper // once, when the radio's channels are known
	hopper *radio.Hopper
}

func newTuner(cfg *agent.Config, board *status.Board, reg prometheus.Registerer, log *slog.Logger) *tuner {
	return &tuner{source: cfg.Source, state: cfg.State, board: board, reg: reg, log: log, hops: make(chan *radio.Hopper, 1)}
}

// prepare puts the radio into monitor mode and sets it up, at the start and again whenever something took it out of that.
func (t *tuner) prepare(ctx context.Context) error {
	if t.radio == nil {
		r, err := radio.Open(radio.Options{Interface: t.source.Interface, StateDir: t.state, Logger: t.log})
		if err != nil {
			return err
		}
		t.radio = r
	}
	if err := t.radio.Monitor(ctx); err != nil {
		return err
	}
	if t.hopper != nil {
		return nil
	}
	return t.plan()
}

func (t *tuner) plan() error {
	can, err := t.radio.Channels()
	if err != nil {
		return err
	}
	spec := radio.PlanSpec{Bands: t.source.Channels.Bands, List: t.source.Channels.List, Dwell: t.source.Channels.Dwell}
	stops, warnings, err := radio.Plan(spec, can)
	if err != nil {
		return fmt.Errorf("source.channels: %w", err)
	}
	for _, w := range warnings {
		t.log.Warn("the channel plan is not all possible", "what", w)
	}
	t.stops = len(stops)
	t.log.Info("the channel plan", "stops", len(stops), "channels", channelsOf(stops))
	t.hopper, err = radio.NewHopper(radio.HopperOptions{Radio: t.radio, Stops: stops, Report: t.report, Registerer: t.reg})
	if err == nil {
		t.hops <- t.hopper
	}
	return err
}

// run hops when there is a plan, until the context ends.
func (t *tuner) run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case h := <-t.hops:
		h.Run(ctx)
	}
	return nil
}

// report says when another program moves the radio, or holds it where it is. A whole round of the plan without that ends it.
func (t *tuner) report(r radio.Report) {
	switch {
	case r.Kind == radio.Taken:
		t.kept = 0
		t.board.Set(status.ChannelTaken, true, slog.Int("planned_mhz", r.Channel.MHz), slog.Int("found_mhz", r.FoundMHz))
	case r.Kind == radio.Failed && (errors.Is(r.Err, radio.ErrBusy) || errors.Is(r.Err, radio.ErrRefused)):
		t.kept = 0
		t.board.Set(status.ChannelTaken, true, slog.Int("planned_mhz", r.Channel.MHz), slog.Any("error", r.Err))
	case r.Kind == radio.Kept:
		if t.kept++; t.kept >= t.stops {
			t.board.Set(status.ChannelTaken, false)
		}
	}
}

// restore leaves the radio as it was.
func (t *tuner) restore() error {
	if t.radio == nil {
		return nil
	}
	return errors.Join(t.radio.Restore(), t.radio.Close())
}

func channelsOf(stops []radio.Stop) string {
	var names []string
	for _, s := range stops {
		names = append(names, s.Channel.String())
	}
	return strings.Join(names, " ")
}
