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
	"github.com/openfootfall/footfall/sensor/clock"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/live"
	"github.com/openfootfall/footfall/sensor/status"
)

// version is set by the build.
var version = "dev"

const usage = `usage: footfall-sensor --config sensor.yaml [--interface name] [--check | --dry-run]

footfall-sensor listens to a radio in monitor mode, or reads captures of 802.11 frames (pcap or pcapng, gzipped or not, - is
standard input), replaces addresses with keyed hashes that die with their store-day, and sends them to Kafka. What it may keep
and send is in its bundle. At a radio it runs until it is told to stop (SIGTERM, SIGINT); what is not sent by then waits in its
spool. GET http://127.0.0.1:9464/healthz says what does not work, /metrics how much it hears.

  footfall-sensor --config /etc/footfall/sensor.yaml --interface wlan1

flags:
  --config file
        configuration file; deploy/sensor-live.yaml and, for captures, deploy/sensor.yaml are examples
  --interface name
        listen to this interface, such as wlan1, instead of the configuration's source
  --check
        check the configuration, say everything that is wrong with it, and exit
  --dry-run
        read the source's captures as if the store were always open, print counts by reason and frames per second, send nothing
  --version
        print the version and exit
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program now
	code := program{os.Stdout, os.Stderr, nil}.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is what the command needs of the world around it.
type program struct {
	out, errs io.Writer
	clock     clock.Source // nil: the system's
}

// run is the program: 0 done, 1 failed, 2 wrong usage.
func (p program) run(ctx context.Context, args []string) int {
	f := flag.NewFlagSet("footfall-sensor", flag.ContinueOnError)
	f.SetOutput(io.Discard) // what is wrong is said once, below
	path := f.String("config", "", "")
	iface := f.String("interface", "", "")
	check := f.Bool("check", false, "")
	dry := f.Bool("dry-run", false, "")
	show := f.Bool("version", false, "")
	wrong := ""
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(p.out, usage)
		return 0
	case err != nil:
		wrong = err.Error()
	case *show:
		fmt.Fprintln(p.out, "footfall-sensor", version)
		return 0
	case f.NArg() > 0:
		wrong = fmt.Sprintf("%q is not a flag", f.Arg(0))
	case *path == "":
		wrong = "name the configuration with --config"
	case *check && *dry:
		wrong = "use one of --check and --dry-run"
	}
	if wrong != "" {
		fmt.Fprintf(p.errs, "footfall-sensor: %s: footfall-sensor -help lists the flags\n", wrong)
		return 2
	}
	if err := p.sensor(ctx, asked{*path, *iface, *check, *dry}); err != nil {
		fmt.Fprintf(p.errs, "footfall-sensor: %v\n", err)
		return 1
	}
	return 0
}

// asked is what the command line asks for.
type asked struct {
	config, iface string
	check, dry    bool
}

func (p program) sensor(ctx context.Context, a asked) error {
	var changes []func(*agent.Config)
	if a.iface != "" {
		changes = append(changes, agent.WithInterface(a.iface))
	}
	cfg, err := agent.LoadConfig(a.config, changes...)
	if err != nil {
		return err
	}
	if a.check {
		fmt.Fprintf(p.out, "%s is a valid configuration\n", a.config)
		return nil
	}
	log := slog.New(slog.NewTextHandler(p.errs, nil))
	if cfg.Live() {
		return p.listen(ctx, cfg, a, log)
	}
	if err := keys.HardenProcess(); err != nil {
		return fmt.Errorf("keep keys out of core dumps: %w", err)
	}
	o := agent.Options{Software: "footfall-sensor " + version, Log: log}
	if a.dry {
		counts, elapsed, err := agent.DryRun(ctx, cfg, o)
		var cut *capture.TruncatedError
		if err == nil || errors.As(err, &cut) {
			counts.Report(p.out, elapsed)
		}
		return err
	}
	counts, err := agent.Run(ctx, cfg, o)
	if err == nil {
		o.Log.Info("the source is read and everything is acknowledged", "frames", counts.Frames, "kept", counts.Kept, "sightings", counts.Sightings)
	}
	return err
}

// listen is the sensor at a radio.
func (p program) listen(ctx context.Context, cfg *agent.Config, a asked, log *slog.Logger) error {
	if a.dry {
		return errors.New("a dry run reads captures: record one with tcpdump -i, and list it under source.files")
	}
	if err := status.Harden(log, int64(cfg.MemoryMB)<<20); err != nil {
		return err
	}
	counts, err := live.Run(ctx, cfg, live.Options{Software: "footfall-sensor " + version, Log: log, Clock: p.clock})
	if err == nil {
		log.Info("stopped; what is not sent waits in the spool", "frames", counts.Frames, "kept", counts.Kept, "sightings", counts.Sightings)
	}
	return err
}
