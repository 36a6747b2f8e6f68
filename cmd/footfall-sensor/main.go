// Command footfall-sensor hears probe requests and sends what may leave the store to Kafka: ids that die with their day, and
// counters. It stores no address and starts no subprocess.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/keys"
)

// version is set by the build.
var version = "dev"

const usage = `usage: footfall-sensor --config sensor.yaml [--check | --dry-run]

footfall-sensor reads captures of 802.11 frames (pcap or pcapng, gzipped or not, - is standard input), replaces addresses
with keyed hashes that die with their store-day, and sends them to Kafka. What it may keep and send is in its bundle.

  footfall-sensor --config /etc/footfall/sensor.yaml --dry-run

flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: 0 done, 1 failed, 2 wrong usage.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	f := flag.NewFlagSet("footfall-sensor", flag.ContinueOnError)
	f.SetOutput(errs)
	f.Usage = func() {
		fmt.Fprint(errs, usage)
		f.PrintDefaults()
	}
	path := f.String("config", "", "configuration `file`")
	check := f.Bool("check", false, "check the configuration, say everything that is wrong with it, and exit")
	dry := f.Bool("dry-run", false, "read the source, print counts by reason and frames per second, send nothing")
	show := f.Bool("version", false, "print the version and exit")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case *show:
		fmt.Fprintln(out, "footfall-sensor", version)
		return 0
	case *path == "" || f.NArg() > 0 || *check && *dry:
		f.Usage()
		return 2
	}
	if err := sensor(ctx, *path, *check, *dry, out, errs); err != nil {
		fmt.Fprintf(errs, "footfall-sensor: %v\n", err)
		return 1
	}
	return 0
}

func sensor(ctx context.Context, path string, check, dry bool, out, errs io.Writer) error {
	cfg, err := agent.LoadConfig(path)
	if err != nil {
		return err
	}
	if check {
		fmt.Fprintf(out, "%s is a valid configuration\n", path)
		return nil
	}
	if err := keys.HardenProcess(); err != nil {
		return fmt.Errorf("keep keys out of core dumps: %w", err)
	}
	o := agent.Options{Software: "footfall-sensor " + version, Log: slog.New(slog.NewTextHandler(errs, nil))}
	if dry {
		counts, elapsed, err := agent.DryRun(ctx, cfg, o)
		var cut *capture.TruncatedError
		if err == nil || errors.As(err, &cut) {
			counts.Report(out, elapsed)
		}
		return err
	}
	counts, err := agent.Run(ctx, cfg, o)
	if err == nil {
		o.Log.Info("the source is read and everything is acknowledged", "frames", counts.Frames, "kept", counts.Kept, "sightings", counts.Sightings)
	}
	return err
}
