// Package clock judges the wall clock: is it to be trusted, and may the keys turn? Readings of the wall clock, of the time since
// boot and of the kernel's synchronisation come in, and what a broker's clock said; verdicts go out. It knows no keys and no
// frames. DESIGN sections 5 and 6 are its source: a key that turned by a wrong clock is gone for good, and an id made under a
// day that is not today's would live too long, so ids leave under the verdict ok alone.
//
// The time since boot keeps running through a suspend, and nobody sets it: it says how long ago the last trusted reading was,
// and so where the wall clock should be now. A test reads this table.
//
//	situation                                                             | verdict              | minutes are labelled | keys may turn
//	start, synchronised, the keys are of today                            | ok                   | yes | no
//	start, not synchronised, the keys are of today                        | clock_unsynchronised | yes | no
//	start, adjtimex is forbidden                                          | clock_unsynchronised | yes | no
//	start, 1 day behind, no broker answered                               | clock_unconfirmed    | yes | no
//	start, 1 day behind, the broker agrees within 5 minutes               | ok                   | yes | yes
//	start, 1 day behind, the broker agrees, not synchronised              | clock_unsynchronised | yes | no
//	start, 1 day behind, the broker's clock differs by more               | clock_disagrees      | yes | no
//	start, 35 days behind, the broker agrees                              | ok                   | yes | yes
//	start, 36 days behind, the broker agrees                              | clock_too_far        | no  | no
//	start, a clock of 1970                                                | clock_before_keys    | no  | no
//	start in 1970, then set and synchronised, the keys are of today       | ok                   | yes | no
//	start in 1970, then set and synchronised, 1 day behind, no broker     | clock_unconfirmed    | yes | no
//	running, 04:00 passes, no broker ever answered                        | ok                   | yes | yes
//	running, the clock is stepped by less than 2 days                     | ok                   | yes | yes
//	running, the clock is stepped back to before 04:00 of the keys' day   | clock_before_keys    | no  | no
//	running, synchronisation is lost                                      | clock_unsynchronised | yes | no
//	running, 04:00 passes without synchronisation                         | clock_unsynchronised | yes | no
//	running, 04:00 passed without synchronisation, which then comes back  | ok                   | yes | yes
//	running, the clock jumps ahead by more than 2 days                    | clock_jumped         | no  | no
//	running, the clock jumps back by more than 2 days                     | clock_jumped         | no  | no
//	running, it jumped and is back where the time since boot says         | ok                   | yes | no
//	running, it jumped ahead and the broker agrees with it                | ok                   | yes | yes
//	running, it jumped ahead and the broker agrees, not synchronised      | clock_jumped         | no  | no
//	running, it jumped ahead and the broker's answer is a day old         | clock_jumped         | no  | no
//	running, it jumped ahead by more than 35 days and the broker agrees   | clock_too_far        | no  | no
//	running, it jumped back by 3 days and the broker agrees               | clock_before_keys    | no  | no
//	suspended for 3 days, synchronised again                              | ok                   | yes | yes
package clock

import (
	"time"
)

// Limits of DESIGN section 5.
const (
	// JumpMax is how far the wall clock may have moved against the time since boot since the last trusted reading. What is less
	// is a correction, and followed.
	JumpMax = 48 * time.Hour
	// BrokerMax is how far the wall clock may be from a broker's where the broker is to confirm it.
	BrokerMax = 5 * time.Minute
	// brokerKeep is how long a broker's answer counts, carried on by the time since boot: a bad oscillator loses 20 s in it.
	brokerKeep = 24 * time.Hour
	// turnSlack is how far a frame's time may be ahead of the last Check: a day may turn between two of them.
	turnSlack = 5 * time.Second
)

// Reading is what the clocks said at one moment.
type Reading struct {
	Wall   time.Time
	Boot   time.Duration // since boot, suspended time included; nobody can set it
	Synced bool          // the kernel says that NTP, or another source, keeps the wall clock; unknown is false
}

// Source reads the clocks. System makes the real one.
type Source interface {
	// Read fails only where the system has no such clock.
	Read() (Reading, error)
}

// Verdict is what a reading is worth.
type Verdict uint8

// The verdicts. When several hold, the one that is named is the worst: first those under which a time labels nothing.
const (
	OK             Verdict = iota
	Unsynchronised         // the kernel does not say that the clock is synchronised
	Jumped                 // more than JumpMax away from where the time since boot says it should be, and nobody confirmed it
	BeforeKeys             // before the store-day of the keys, whose predecessors are destroyed: a box without a clock starts in 1970
	TooFar                 // more than keys.MaxGap days ahead of the keys: only a new bundle helps, or the right time
	Unconfirmed            // the keys are days behind at a start, and no broker has said what time it is
	Disagrees              // the keys are days behind at a start, and the broker's clock is more than BrokerMax away
)

// Trusted reports whether ids may leave.
func (v Verdict) Trusted() bool { return v == OK }

// Usable reports whether the time may label minutes, for counters.
func (v Verdict) Usable() bool { return v != Jumped && v != BeforeKeys && v != TooFar }

// String is "ok" or the name of the trouble, from a closed list.
func (v Verdict) String() string {
	switch v {
	case OK:
		return "ok"
	case Jumped:
		return "clock_jumped"
	case BeforeKeys:
		return "clock_before_keys"
	case TooFar:
		return "clock_too_far"
	case Unconfirmed:
		return "clock_unconfirmed"
	case Disagrees:
		return "clock_disagrees"
	default: // the harmless word for what is no verdict: it does not let ids leave
		return "clock_unsynchronised"
	}
}
