package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/registry"
)

const optOutReviewHelp = `footfall optout review shows the bursts of registrations that the opt-out service put into quarantine, because many came from one
place at once, and lets a person decide. Nobody knows who sent them: a burst has a number, a size and the days it came on. What is
in quarantine is not enforced; it is dropped by itself after 30 days.

  footfall optout review                          list the bursts
  footfall optout review --release 3f9a01bc       enforce one burst's registrations from now on
  footfall optout review --drop all               remove them all, for ever

It may be interrupted: run again, it finishes. It needs the opt-out service's rights in Kafka.`

func optOutReview(ctx context.Context, args []string, out, errs io.Writer) error {
	f := flags("optout review", "usage: footfall optout review [flags]\n\n"+optOutReviewHelp, out, errs)
	kafka := addKafkaFlags(f)
	release := f.String("release", "", "put the registrations of this `burst`, or of all, into the registry")
	drop := f.String("drop", "", "remove the registrations of this `burst`, or of all")
	if err := f.parse(args); err != nil {
		return err
	}
	if *release != "" && *drop != "" {
		return f.wrong("--release and --drop: choose one at a time")
	}
	cfg, err := kafka.config("footfall optout review")
	if err != nil {
		return err
	}
	return withDesk(ctx, cfg, errs, func(ctx context.Context, d *registry.Desk) error {
		switch {
		case *release != "":
			return decide(out, d.Bursts(), *release, "released", func(burst uint32) (int, error) { return d.Release(ctx, burst) })
		case *drop != "":
			return decide(out, d.Bursts(), *drop, "dropped", func(burst uint32) (int, error) { return d.Drop(ctx, burst) })
		}
		printBursts(out, d.Bursts())
		return nil
	})
}

// withDesk lends a desk that has read the registry and its quarantine.
func withDesk(ctx context.Context, cfg broker.Config, errs io.Writer, do func(context.Context, *registry.Desk) error) error {
	if _, err := broker.EndOffset(ctx, cfg, broker.Quarantine, 0); err != nil { // the desk would wait for ever
		return fmt.Errorf("look into the quarantine: %w", err)
	}
	log := slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	d, err := registry.NewDesk(registry.DeskOptions{Config: cfg, Logger: log})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	var g errgroup.Group
	g.Go(func() error { return d.Run(running) })
	err = d.AwaitReady(ctx)
	if err == nil {
		err = do(ctx, d)
	}
	stop()
	if ended := g.Wait(); !errors.Is(ended, context.Canceled) {
		err = errors.Join(err, ended)
	}
	return err
}

func burstName(number uint32) string { return fmt.Sprintf("%08x", number) }

func printBursts(out io.Writer, bursts []registry.Burst) {
	if len(bursts) == 0 {
		fmt.Fprintln(out, "nothing is in quarantine")
		return
	}
	total := 0
	fmt.Fprintf(out, "%-8s %13s  %-10s  %-10s\n", "burst", "registrations", "first", "last")
	for _, b := range bursts {
		total += b.Registrations
		fmt.Fprintf(out, "%s %13d  %s  %s\n", burstName(b.Number), b.Registrations, b.First.Format(time.DateOnly), b.Last.Format(time.DateOnly))
	}
	fmt.Fprintf(out, "bursts: %d, registrations: %d. None of them is enforced: --release BURST enforces one, --drop BURST removes it; all means all\n", len(bursts), total)
}

// decide does it to the burst of the name, or to all, and says what was done after each.
func decide(out io.Writer, bursts []registry.Burst, name, what string, do func(burst uint32) (int, error)) error {
	chosen, err := choose(bursts, name)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		fmt.Fprintln(out, "nothing is in quarantine")
	}
	for _, b := range chosen {
		n, err := do(b.Number)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "burst %s: %s %d registrations\n", burstName(b.Number), what, n)
	}
	return nil
}

func choose(bursts []registry.Burst, name string) ([]registry.Burst, error) {
	if name == "all" {
		return bursts, nil
	}
	number, err := strconv.ParseUint(name, 16, 32)
	if err != nil {
		return nil, fmt.Errorf("%q is not a burst: give its 8 digits of 0-9 and a-f as footfall optout review lists them, or all", name)
	}
	for _, b := range bursts {
		if b.Number == uint32(number) {
			return []registry.Burst{b}, nil
		}
	}
	return nil, fmt.Errorf("burst %s is not in quarantine, or not any more: footfall optout review lists what is", burstName(uint32(number)))
}
