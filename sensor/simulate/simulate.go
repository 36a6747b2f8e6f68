// Package simulate invents a store: shoppers, passers-by, staff and tills with their phones, and the radio between them and one
// sensor. In: a seed, a store of stores.yaml and a number of store-days. Out: captures (pcap, radiotap, probe requests with FCS)
// that the real sensor reads, and the truth about the same days. The truth holds counts only, never an address.
//
// Assumptions, kept plain on purpose. None of them was fitted to make an estimate of ours come out right.
//   - Stays are log-normal with a mean of 12 minutes, phone models have Zipf(.8) popularity, the sensor sits on one channel
//     (COUNTING 2.5). Everybody has one phone that probes; some stay under 5 minutes, and 5 % only look in.
//   - Models that randomise probe at the measured intervals, .65 bursts a minute in standby and .45 in use at the median, frames
//     20 or 42 ms apart; iPhone-like ones use 4 to 9 addresses a burst, others one a burst, others keep one for minutes
//     (DESIGN 8). A phone's first burst comes at a random point of its interval, never because it walked in.
//   - Frames in a burst are 3 to 9 instead of the 14 measured, so that five weeks stay a file of reasonable size.
//   - Models that never randomise (5 of 22 measured) scan every 20 or 30 s: faster than measured, so that a stable phone's stay is
//     heard to about half a minute at either end. What is lost at the ends is in the truth: it has the stay from door to door
//     and the dwell between the first and last burst sent.
//   - Strength is one draw a stay, -62..-48 dBm inside, a step to either side for each burst (-66..-45), noise on top; -88..-74
//     outside. Walls are not modelled. One frame in ten is lost, each on its own.
//   - Half of the visits come from people with a habit (three times a week, weekly, about monthly), the rest from people seen
//     once. Staff carry company handhelds, which do not randomise, but for one phone of their own. Handhelds, tills and the
//     neighbours' devices are on a network already and send a burst every 2 to 5 minutes.
package simulate

import (
	"context"
	"fmt"
	"io"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// Run writes the captures of cfg.Days store-days and returns the truth about them. For each store-day it asks sink where the
// day's frames go, writes one whole pcap there in time order and closes it; with cfg.Continuous it asks once, for the first day,
// and writes one pcap. progress, which may be nil, is told after each store-day how many are done. Store-days depend on the
// seed and the date only: one day alone is the same, byte for byte, as that day among many.
// An error is a refused configuration, the sink's or a writer's, or the context's; nothing it returns is then of use.
func Run(ctx context.Context, cfg Config, sink func(calendar.Day) (io.WriteCloser, error), progress func(done, total int)) (Truth, error) {
	if err := cfg.Check(); err != nil {
		return Truth{}, fmt.Errorf("simulate a store: %w", err)
	}
	w := newWorld(cfg)
	book := newLedger(cfg)
	for d := cfg.Start.Week().Monday() - 7*longLookBack; d < cfg.Start; d++ {
		if err := ctx.Err(); err != nil {
			return Truth{}, err
		}
		day := w.live(d)
		_, seen := measure(day, cfg.InsideDBM)
		book.past(d, seen)
	}
	out := output{sink: sink, continuous: cfg.Continuous}
	for i := range cfg.Days {
		if err := ctx.Err(); err != nil {
			return Truth{}, out.abandon(err)
		}
		day := w.live(cfg.Start + calendar.Day(i))
		truth, seen := measure(day, cfg.InsideDBM)
		frames, err := out.write(w, day)
		if err != nil {
			return Truth{}, out.abandon(fmt.Errorf("write store-day %s: %w", day.number, err))
		}
		truth.addFrames(frames)
		book.add(truth, seen)
		if progress != nil {
			progress(i+1, cfg.Days)
		}
	}
	if err := out.close(); err != nil {
		return Truth{}, fmt.Errorf("write the capture: %w", err)
	}
	return book.truth(), nil
}
