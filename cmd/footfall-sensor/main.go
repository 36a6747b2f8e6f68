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
  --config file
        configuration file; deploy/sensor.yaml is an example
  --check
        check the configuration, say everything that is wrong with it, and exit
  --dry-run
        read the source as if the store were always open, print counts by reason and frames per second, send nothing
  --version
        print the version and exit
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
	f.SetOutput(io.Discard) // what is wrong is said once, below
	path := f.String("config", "", "")
	check := f.Bool("check", false, "")
	dry := f.Bool("dry-run", false, "")
	show := f.Bool("version", false, "")
	wrong := ""
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, usage)
		return 0
	case err != nil:
		wrong = err.Error()
	case *show:
		fmt.Fprintln(out, "footfall-sensor", version)
		return 0
	case f.NArg() > 0:
		wrong = fmt.Sprintf("%q is not a flag", f.Arg(0))
	case *path == "":
		wrong = "name the configuration with --config"
	case *check && *dry:
		wrong = "use one of --check and --dry-run"
	}
	if wrong != "" {
		fmt.Fprintf(errs, "footfall-sensor: %s: footfall-sensor -help lists the flags\n", wrong)
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
