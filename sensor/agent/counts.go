package agent

import (
	"fmt"
	"io"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/dot11"
)

// Drop is why a frame that was read well is not used. Frames that were not read well have a dot11.Drop.
type Drop uint8

// The reasons, in the order of the steps.
const (
	DropBadTime    Drop = iota // its capture time is before 2000 or after 2100, or far ahead of all others
	DropOutOfOrder             // more than a second older than the newest frame
	DropClosed                 // outside opening hours
	DropExcluded               // one of the shop's own devices
	DropOptedOut               // on the opt-out list
	DropNoRSSI                 // no signal strength
	DropBadClock               // a live sensor does not know what time it is
	DropTooMany                // a live sensor remembers as many addresses as it may, and this one is new
	drops
)

var dropNames = [drops]string{"bad_time", "out_of_order", "closed_hours", "excluded", "opted_out", "no_rssi", "bad_clock", "too_many"}

// String is the reason as metrics and reports name it.
func (d Drop) String() string {
	if d < drops {
		return dropNames[d]
	}
	return fmt.Sprintf("drop_%d", uint8(d))
}

var (
	minTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	maxTime = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
)

// maxParseDrops bounds dot11's reasons, so that counting them allocates nothing.
const maxParseDrops = 32

// Counts are a pipeline's totals. Frames = Kept + all drops; Bursts = RandomBursts + WeakBursts + OutsideBursts + Sightings +
// CountedBursts + OptedOutBursts, which were held when their address came on the list.
type Counts struct {
	Frames, Kept, NoRSSI                            uint64
	Parse                                           [maxParseDrops]uint64
	Drops                                           [drops]uint64
	Bursts, RandomBursts, WeakBursts, OutsideBursts uint64
	Sightings, CountedBursts, OptedOutBursts        uint64
	PassersBy, ExcludedLong                         uint64
	HeldBursts                                      uint64
	Rewinds                                         uint64 // times a live sensor's clock was set back by more than a little
	Channels                                        Channels
}

// Reason is a drop with its count.
type Reason struct {
	Name  string
	Count uint64
}

// AllReasons are all drops that there can be, in the order of the steps, those that never happened too.
func (c *Counts) AllReasons() []Reason {
	var out []Reason
	for _, d := range dot11.Drops() {
		out = append(out, Reason{d.String(), c.Parse[d]})
	}
	for i, n := range c.Drops {
		out = append(out, Reason{Drop(i).String(), n})
	}
	return out
}

// Reasons are the drops that happened, in the order of the steps.
func (c *Counts) Reasons() []Reason {
	var out []Reason
	for i, n := range c.Parse {
		if n > 0 {
			out = append(out, Reason{dot11.Drop(i).String(), n})
		}
	}
	for i, n := range c.Drops {
		if n > 0 {
			out = append(out, Reason{Drop(i).String(), n})
		}
	}
	return out
}

// drops are those that leave the sensor. How many frames were dropped because of the lists stays on it: a count of every minute
// would say when somebody is in the store who asked to be left out of all counts, or who of the staff.
func (c *Counts) drops() []*wire.Drop {
	var out []*wire.Drop
	for _, r := range c.Reasons() {
		if r.Name != DropOptedOut.String() && r.Name != DropExcluded.String() {
			out = append(out, &wire.Drop{Reason: r.Name, Count: r.Count})
		}
	}
	return out
}

// Report writes the counts for a person to read. elapsed is the time the frames took.
func (c *Counts) Report(w io.Writer, elapsed time.Duration) {
	line := func(name string, n uint64) { fmt.Fprintf(w, "%-26s %12d\n", name, n) }
	line("frames", c.Frames)
	line("kept", c.Kept)
	for _, r := range c.Reasons() {
		line("dropped "+r.Name, r.Count)
	}
	line("bursts, random", c.RandomBursts)
	line("bursts, below floor", c.WeakBursts)
	line("bursts, outside", c.OutsideBursts)
	line("sightings", c.Sightings)
	if c.CountedBursts > 0 {
		line("counted, no ids", c.CountedBursts)
	}
	if c.OptedOutBursts > 0 {
		line("bursts, opted out", c.OptedOutBursts)
	}
	line("passers-by", c.PassersBy)
	if c.ExcludedLong > 0 {
		line("excluded_long", c.ExcludedLong)
	}
	if s := elapsed.Seconds(); s > 0 {
		fmt.Fprintf(w, "%-26s %12.0f\n", "frames per second", float64(c.Frames)/s)
	}
}
