package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/capture"
)

const tryHelp = `footfall try counts the people in captures of your own: pcap or pcapng, gzipped or not, of 802.11 frames (radiotap, raw,
prism, AVS, PPI); - is standard input. It is the same pipeline as a store's, with throw-away keys, no opt-out list, and
nothing kept: your own file on your own screen, in exact values.

  footfall try --tz Europe/Berlin --exclude own-devices.txt monday.pcap.gz

Files that follow one another within 15 minutes are one capture; others are counted one by one.`

// tryOptions are footfall try's flags, and what its tests replace.
type tryOptions struct {
	zone    string
	inside  int
	stay    float64
	exclude string
	asJSON  bool
	class   func(elements []byte) uint16
	random  io.Reader
}

func tryCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	var o tryOptions
	f := flags("try", "usage: footfall try [flags] FILE...\n\n"+tryHelp, out, errs)
	f.StringVar(&o.zone, "tz", "UTC", "IANA time `zone` in which times are shown and days begin, such as Europe/Berlin")
	f.IntVar(&o.inside, "rssi-inside", agent.DefaultRSSIInside, "signal strength in `dBm` from which a phone is inside: -75, -70 or -65")
	f.Float64Var(&o.stay, "stay", 12, "mean stay in `minutes`, used until the capture itself has 30 visits of stable addresses")
	f.StringVar(&o.exclude, "exclude", "", "`file` of addresses to leave out, one a line: the shop's own devices")
	f.BoolVar(&o.asJSON, "json", false, "one JSON object a cell of 15 minutes and line, instead of the table")
	if err := f.parseWithFiles(args); err != nil {
		return err
	}
	if f.NArg() == 0 {
		return f.wrong("name at least one capture")
	}
	return try(ctx, o, f.Args(), out, errs)
}

// check names everything that is wrong with the flags at once.
func (o *tryOptions) check() (calendar.Calendar, error) {
	var errs []error
	cal, err := calendar.New(o.zone)
	if err != nil {
		errs = append(errs, fmt.Errorf("--tz: %w", err))
	}
	if err := agent.CheckRSSIInside(o.inside); err != nil {
		errs = append(errs, fmt.Errorf("--rssi-inside: %w", err))
	}
	if !(o.stay >= 1 && o.stay <= 24*60) {
		errs = append(errs, errors.New("--stay: use 1 to 1440 minutes"))
	}
	return cal, errors.Join(errs...)
}

func try(ctx context.Context, o tryOptions, files []string, out, errs io.Writer) error {
	cal, err := o.check()
	if err != nil {
		return err
	}
	replay := agent.Replay{
		Store: "try", Sensor: "capture", Zone: "capture", Calendar: cal, RSSIInside: int8(o.inside), Class: o.class, Random: o.random,
		Progress: progress(errs, "reading"),
	}
	if o.exclude != "" {
		list, err := os.Open(o.exclude)
		if err != nil {
			return fmt.Errorf("--exclude: %w: name a file of addresses, one a line", err)
		}
		defer func() { _ = list.Close() }()
		replay.Exclude = list
	}
	var c *tryCapture
	replay.Begin = func() agent.Sink {
		c = newTryCapture(cal, o)
		return c
	}
	reported := false
	replay.End = func(counts agent.Counts) error {
		err := c.print(counts, out, errs)
		reported = reported || err == nil
		return err
	}
	err = replay.Run(ctx, files)
	var cut *capture.TruncatedError
	if errors.As(err, &cut) && reported {
		return fmt.Errorf("warning: what was read is reported, but %w", err)
	}
	return err
}
