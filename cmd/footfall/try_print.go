package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/openfootfall/footfall/aggregate/storeday"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/sensor/agent"
)

// tryCell is one line of footfall try --json.
type tryCell struct {
	Start        time.Time `json:"start"`
	End          time.Time `json:"end"`
	Occupancy    float64   `json:"occupancy"`
	Low          float64   `json:"occupancy_low"`
	High         float64   `json:"occupancy_high"`
	Stable       float64   `json:"stable"`
	Random       float64   `json:"random"`
	RandomFrames uint64    `json:"random_frames"`
	Visits       int       `json:"visits"`
	Bounces      int       `json:"bounces"`
	PassersBy    int       `json:"passers_by"`
	MedianDwellS *float64  `json:"median_dwell_s"`
	RandomShare  float64   `json:"random_share"`
}

func (c *tryCapture) print(counts agent.Counts, out, errs io.Writer) error {
	if counts.Kept == 0 {
		return noProbes(counts)
	}
	days, stay, own := c.result()
	if counts.NoRSSI > 0 {
		fmt.Fprintf(errs, "warning: %d frames carry no signal strength and were taken as inside: capture with radiotap to tell passers-by from visitors\n", counts.NoRSSI)
	}
	if c.o.asJSON {
		return printJSON(days, out)
	}
	c.printTable(days, out)
	c.printSummary(days, stay, own, counts, out)
	return nil
}

func noProbes(counts agent.Counts) error {
	why := ""
	for _, r := range counts.Reasons() {
		why += fmt.Sprintf(" %d %s,", r.Count, r.Name)
	}
	return fmt.Errorf("no probe request in %d frames (%s): record on a monitor-mode interface, without a filter that drops them", counts.Frames, trimList(why))
}

func trimList(s string) string {
	if len(s) < 2 {
		return "nothing else either"
	}
	return s[1 : len(s)-1]
}

func printJSON(days []storeday.Exact, out io.Writer) error {
	enc := json.NewEncoder(out)
	for _, d := range days {
		for i := range d.Cells {
			c := &d.Cells[i]
			line := tryCell{
				Start: storeday.Start(c.Start), End: storeday.Start(c.Start + 15),
				Occupancy: round3(c.People.Occupancy), Low: round3(c.People.Low), High: round3(c.People.High),
				Stable: round3(c.People.Stable), Random: round3(c.People.Random), RandomFrames: c.FramesRandom,
				Visits: c.Visits, Bounces: c.Bounces, PassersBy: c.PassersBy,
				RandomShare: round3(storeday.RandomShare(c.FramesRandom, c.FramesStable)),
			}
			if len(c.DwellS) > 0 {
				m := visits.Quantile(c.DwellS, .5)
				line.MedianDwellS = &m
			}
			if err := enc.Encode(line); err != nil {
				return fmt.Errorf("write the cells: %w", err)
			}
		}
	}
	return nil
}

func (c *tryCapture) printTable(days []storeday.Exact, out io.Writer) {
	loc := c.store.Calendar.Location()
	fmt.Fprintf(out, "times are of %s; people are the mean inside, = stable + random, with a 95 %% interval; random share is of the frames\n", c.o.zone)
	fmt.Fprintf(out, "%-16s  %6s  %-13s %7s %7s %7s %8s %7s %9s %12s\n",
		"from", "people", "(95 %)", "stable", "random", "visits", "bounces", "passers", "dwell min", "random share")
	for _, d := range days {
		for i := range d.Cells {
			x := &d.Cells[i]
			dwell := "-"
			if len(x.DwellS) > 0 {
				dwell = fmt.Sprintf("%.1f", visits.Quantile(x.DwellS, .5)/60)
			}
			fmt.Fprintf(out, "%-16s  %6.1f  %-13s %7.1f %7.1f %7d %8d %7d %9s %11.0f%%\n",
				storeday.Start(x.Start).In(loc).Format("2006-01-02 15:04"), x.People.Occupancy,
				fmt.Sprintf("(%.1f-%.1f)", x.People.Low, x.People.High), x.People.Stable, x.People.Random, x.Visits, x.Bounces, x.PassersBy, dwell,
				100*storeday.RandomShare(x.FramesRandom, x.FramesStable))
		}
	}
}

func (c *tryCapture) printSummary(days []storeday.Exact, stay float64, own bool, counts agent.Counts, out io.Writer) {
	fmt.Fprintln(out)
	for _, d := range days {
		t := d.Totals
		if len(days) > 1 && len(d.Cells) > 0 {
			fmt.Fprintf(out, "store-day %s (04:00 to 04:00)\n", c.store.Calendar.DayOf(storeday.Start(d.Cells[0].Start)))
		}
		dwell := ""
		if t.Visits > 0 {
			dwell = fmt.Sprintf(" (median dwell %.1f min)", t.Dwell.P50S/60)
		}
		fmt.Fprintf(out, "visits of stable addresses %d%s, bounces %d, passers-by %d, stays too long for a visit %d\n",
			t.Visits, dwell, t.Bounces, t.PassersBy, t.ExcludedLong)
		fmt.Fprintf(out, "estimated visits %.0f (%.0f-%.0f), mean people inside %.1f (%.1f-%.1f) over %d minutes\n",
			t.Estimated.Value, t.Estimated.Low, t.Estimated.High, t.People.Occupancy, t.People.Low, t.People.High, t.Listened)
		fmt.Fprintf(out, "random addresses sent %.0f %% of the frames; those visitors are estimated, never followed\n", 100*storeday.RandomShare(t.FramesRandom, t.FramesStable))
	}
	source := fmt.Sprintf("as given with --stay: the capture has fewer than %d visits to take it from", staysNeeded)
	if own {
		source = "from this capture's own visits"
	}
	fmt.Fprintf(out, "mean stay %.1f min (%s)\n", stay, source)
	fmt.Fprintf(out, "%d frames, %d kept", counts.Frames, counts.Kept)
	for _, r := range counts.Reasons() {
		fmt.Fprintf(out, ", %d dropped as %s", r.Count, r.Name)
	}
	fmt.Fprintln(out, "\nno opt-out list was applied, and nothing is kept: the keys of this run are gone")
}

func round3(x float64) float64 { return math.Round(x*1000) / 1000 }
