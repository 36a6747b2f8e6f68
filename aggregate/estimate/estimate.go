// Package estimate turns counters into people. What comes in: per sensor and minute, how many bursts of random addresses were
// heard by class and band; per store-day, how often each pattern of noisy return bits was answered. What goes out: random
// devices inside by minute, occupancy by quarter of an hour, estimated visits, the repeat rate, each with an interval.
// It is pure: no clock, no randomness, no storage. It knows classes and counts only and may not know an id or an address.
// The method, its constants and what it cannot do are in COUNTING.md; section numbers in the comments here are of that text.
package estimate

import (
	"math"

	"github.com/openfootfall/footfall/ingest/wire"
)

// Row is what one sensor heard in one minute of one class in one band (section 4). Its counters are of class bursts.
type Row struct {
	Class  uint16 // keyed hash of the information elements, 10 bits, comparable within one class epoch only
	Band   uint8  // of the strongest frame: 2 is -80..-76 dBm, then steps of 5 dB, 7 is -55 dBm and above
	Bursts uint32 // class bursts
	Fresh  uint32 // those made of addresses that were not heard in the 15 minutes before
	Back   uint32 // minutes since a returning address was last heard, summed over the addresses that returned
}

// MinuteData is one minute of one sensor. A minute that was listened to and silent is a MinuteData without rows; a minute
// that was not listened to is absent or has ListenedS 0, and is left out of every result instead of counting as empty.
type MinuteData struct {
	Minute    int64 // Unix minutes
	Epoch     int32 // class epoch: classes of different epochs are never compared
	ListenedS uint8 // seconds the radio really listened, 0..60
	MemoryAge uint8 // minutes since the sensor's transient table was empty, 0..15
	Rows      []Row // in any order
}

// listened says whether the minute counts. What was heard was listened to: a capture that begins in the last second of a
// minute may round its listening to nothing.
func (m MinuteData) listened() bool { return m.ListenedS > 0 || len(m.Rows) > 0 }

// Params are the estimator's constants: COUNTING.md section 3, where the table says what each was measured on.
type Params struct {
	Gap         float64 // G, minutes: a class stays from one hearing to the next when they are at most this far apart
	Hold        float64 // H, minutes: how long a class counts after a hearing in the live form
	Kappa       float64 // fresh bursts a minute that one phone makes: 1.25 for one channel at a time
	KappaBursts float64 // the same for all bursts, used where the sensor's memory is younger than 15 minutes
	Few         float64 // in a crowd of about this many a busy class is one busy phone
	Half        int     // minutes to each side over which the final form's rate is taken
	FloorDBm    int     // F, the inside floor: the mean of the results at F-5, F and F+5 dB is given
}

// The bounds of G and H, and the two windows that never change (section 3).
const (
	minGap, maxGap   = 12, 45
	minHold, maxHold = 3, 10
	trail            = 15 // minutes of the live form's rate: m-14..m
	fullMemory       = 15 // minutes after which a sensor's transient table knows which addresses are fresh
)

// DefaultParams are the constants of section 3 for a store whose mean stay is not known yet: W = 12 minutes.
func DefaultParams() Params {
	return Params{Gap: GapFor(0), Hold: HoldFor(0), Kappa: 1.25, KappaBursts: 1.5, Few: 5, Half: 7, FloorDBm: -70}
}

// GapFor is G in minutes for a mean stay of w minutes: w between 12 and 45 (section 3).
func GapFor(w float64) float64 { return clamp(w, minGap, maxGap) }

// HoldFor is H in minutes for a mean stay of w minutes: w/4 between 3 and 10 (section 3).
func HoldFor(w float64) float64 { return clamp(w/4, minHold, maxHold) }

// clamp takes what is no number as the lower bound, which is also what an unknown stay means.
func clamp(x, low, high float64) float64 {
	if !(x > low) {
		return low
	}
	return min(x, high)
}

// horizon is how many minutes after a minute its final value can still change.
func (p Params) horizon() float64 { return math.Max(p.Gap, float64(p.Half)) }

// softFloors is over how many floors the result is a mean (section 3).
const softFloors = 3

// floors are the bands from which the three soft floors count.
func (p Params) floors() [softFloors]uint8 {
	return [3]uint8{wire.Band(p.FloorDBm - 5), wire.Band(p.FloorDBm), wire.Band(p.FloorDBm + 5)}
}

// People is how many random devices were inside in one minute that was listened to.
type People struct {
	Minute int64   // Unix minutes
	Random float64 // devices, mean over the three soft floors
}
