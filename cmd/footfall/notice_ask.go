package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

// askSensors adds to a notice what the store's sensors last said of themselves and how long the opt-out list is.
func askSensors(ctx context.Context, in *notice.Input, cfg noticeConfig, wait time.Duration) error {
	kafka := broker.Config{Brokers: cfg.Kafka.Brokers, ClientID: "footfall notice"}
	if err := errors.Join(cfg.Kafka.Apply(&kafka), kafka.Validate()); err != nil {
		return err
	}
	ctx, done := context.WithTimeout(ctx, wait)
	defer done()
	sensors, list, one := fleet.New(), registry.NewList(), []stores.Store{in.Store}
	both, read := errgroup.WithContext(ctx)
	both.Go(func() error { return sensors.Follow(read, fleet.Options{Config: kafka, Stores: one}) })
	both.Go(func() error { return list.Follow(read, registry.FollowOptions{Config: kafka}) })
	answered := func() bool { return sensors.Progress(one, 0, in.Now).Ready && !list.ConfirmedAt().IsZero() }
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for !answered() {
		select {
		case <-read.Done():
			return fmt.Errorf("ask the sensors: no answer from Kafka: %w: look at the brokers and the rights on the topics %s and %s, or leave the brokers out",
				both.Wait(), broker.Sensors, broker.OptOuts)
		case <-poll.C:
		}
	}
	done()
	if err := both.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("ask the sensors: %w", err)
	}
	in.Asked, in.Registrations = true, list.Len()
	for _, state := range sensors.Of(in.Store.ID) {
		in.Sensors = append(in.Sensors, reported(&state, in.Now))
	}
	return nil
}

// past is what the service's folder holds of a store's notice.
func (o noticeOptions) past(store string) (notice.Past, error) {
	if _, err := os.Stat(o.history); err != nil {
		return notice.Past{}, fmt.Errorf("read the versions of the notice: %w: name the service's folder of notices with --history", err)
	}
	history, err := notice.NewHistory(o.history)
	if err != nil {
		return notice.Past{}, err
	}
	return history.Versions(store)
}

// printHistory prints the versions of a store's notice and what each changed, the newest first.
func (o noticeOptions) printHistory(past notice.Past, out io.Writer) error {
	changes, err := notice.Changes(past)
	if err != nil {
		return err
	}
	for i := len(past.Versions) - 1; i >= 0; i-- {
		v := past.Versions[i]
		fmt.Fprintf(out, "\nversion %d, since %s\n", v.Number, v.At.Format(time.DateOnly))
		for _, c := range changes {
			if w := c.In(o.lang); c.Version == v.Number {
				fmt.Fprintf(out, "  %s: %s -> %s\n", w.Field, w.Before, w.After)
			}
		}
	}
	if past.Damaged > 0 {
		fmt.Fprintf(out, "\nlines that are no version, cut off or changed: %d\n", past.Damaged)
	}
	return nil
}
