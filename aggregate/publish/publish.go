// Package publish turns exact counts into what may be shown. In come the exact numbers of a store's quarter, hour, day or week;
// out come the rounded and suppressed values of the pub_ tables, the only ones that a dashboard's role can read (DESIGN section
// 6, "What may be published"). It is pure: the same numbers under the same key give the same values, whoever asks and however
// often. It knows no device, only how many there were.
//
// Rounding and suppressing lower what can be inferred about one person. This is not differential privacy.
package publish

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// Base is what published counts are multiples of.
const Base = 5

// Least is the least count that is shown: a rounded value under it reads "under 10".
const Least = 10

// State says what a published value is. No data, closed, suppressed and zero are four different things.
type State string

// The states of a published value. A nought that was counted while the store was open and heard reads under_10 like a one or a
// nine: were it told apart, an empty cell would say of everybody that they were not there. So the numbers shown begin at 10, and
// a nought is only what is known without counting anybody: that the store was closed.
const (
	StateValue   State = "value"    // there is a number
	StateUnder10 State = "under_10" // the rounded number is under 10
	StateQuiet   State = "quiet"    // the same, of the live occupancy
	StateClosed  State = "closed"   // outside opening hours: nothing is kept
	StateNoData  State = "no_data"  // no sensor listened, or what was asked cannot be said yet
	StatePolicy  State = "policy"   // the store's policy does not allow it
)

// Value is a count, a multiple of 5 from 10 up; N is 0 where State is not StateValue.
type Value struct {
	N     int
	State State
}

// Estimate is an estimated number with its interval, multiples of 5. Low is 0 where the interval reaches under 10.
type Estimate struct {
	N, Low, High int
	State        State
}

// Percent is a share in whole percent.
type Percent struct {
	Pct   int
	State State
}

// PercentRange is a share in whole percent with its interval.
type PercentRange struct {
	Pct, Low, High int
	State          State
}

// Quartiles are of the dwell, in whole minutes.
type Quartiles struct {
	P25, P50, P75 int
	State         State
}

// Level is a step of the published grid. Each level is rounded on its own.
type Level string

// The levels of the grid.
const (
	LevelLive         Level = "store live"
	LevelStoreQuarter Level = "store quarter"
	LevelStoreHour    Level = "store hour"
	LevelZoneHour     Level = "zone hour"
	LevelStoreDay     Level = "store day"
	LevelStoreWeek    Level = "store week"
)

// Rounder rounds at random, and always the same way: its draws come from a key that only the aggregator has. Who has the key
// can undo part of the rounding, so it is in the aggregator's own configuration and never in ClickHouse.
type Rounder struct{ key [32]byte }

// NewRounder takes the rounding key. It refuses the key of noughts, which is what an unset one looks like.
func NewRounder(key [32]byte) (Rounder, error) {
	if key == [32]byte{} {
		return Rounder{}, errors.New("the rounding key is not set: give the aggregator 32 random bytes")
	}
	return Rounder{key}, nil
}

// String keeps the key out of whatever prints a Rounder.
func (Rounder) String() string { return "rounder" }

// GoString keeps the key out of %#v too.
func (Rounder) GoString() string { return "rounder" }

// Cell is one interval of one level and store. All its metrics are rounded with the same draw, so that putting them side by
// side gives no second look at who was there.
type Cell struct{ u float64 }

// Cell is the cell of an interval by its start. The zones of a store's hour share a cell.
func (r Rounder) Cell(level Level, store string, start time.Time) Cell {
	mac := hmac.New(sha256.New, r.key[:])
	var text []byte
	for _, part := range []string{string(level), store} {
		text = binary.BigEndian.AppendUint32(text, uint32(len(part)))
		text = append(text, part...)
	}
	text = binary.BigEndian.AppendUint64(text, uint64(start.Unix()))
	mac.Write(text)
	const bits = 53 // what a float64 holds exactly
	draw := binary.BigEndian.Uint64(mac.Sum(nil)) >> (64 - bits)
	return Cell{u: float64(draw) / (1 << bits)}
}

// round rounds to a multiple of 5: up with the probability of the remainder's share of 5, so that it is right on average, and
// one more or one less changes it with a probability of one fifth.
func (c Cell) round(x float64) int {
	steps := math.Floor(x / Base)
	if c.u < x/Base-steps {
		steps++
	}
	return Base * int(steps)
}

// largest bounds what is rounded: no store has so many, and an int holds it everywhere.
const largest = 1 << 28

func sound(xs ...float64) bool {
	for _, x := range xs {
		if !(x >= 0 && x <= largest) { // not a number, too
			return false
		}
	}
	return true
}

// Count publishes a count of devices. A number that cannot be a count reads no_data.
func (c Cell) Count(n int) Value { return c.value(float64(n)) }

func (c Cell) value(x float64) Value {
	if !sound(x) {
		return Value{State: StateNoData}
	}
	n := c.round(x)
	if n < Least {
		return Value{State: StateUnder10}
	}
	return Value{N: n, State: StateValue}
}

// Range is an exact estimate. Counted is the part of it that was counted rather than estimated; nothing where that is not known or
// not to be told. Ends is the 95 % interval that an estimate of some size and part has, as a function of these two and of what
// tells nobody of a device, such as how long was listened: they grow with both, and a larger part makes the interval narrower.
// Where it is nil, the estimate is taken for exact.
type Range struct {
	Value, Counted float64
	Ends           func(value, counted float64) (low, high float64)
}

func (r Range) ends(value, counted float64) (low, high float64) {
	if r.Ends == nil {
		return value, value
	}
	return r.Ends(value, counted)
}

// Estimate publishes an estimate and its interval. Interval ends are functions of the same exact counts as the estimate, the upper
// one moves by nearly two for each device, and rounded by themselves the three numbers would give the count away, whatever the
// estimate is rounded to. So the ends are made of rounded counts only: those of all estimates and counted parts that would be
// published alike, from the least to the most, and from there outward to multiples of 5. The published interval always holds the
// exact one, and tells nothing that the rounded counts do not. A lower end under 10 reads 0.
func (c Cell) Estimate(r Range) Estimate {
	if !sound(r.Value, r.Counted) {
		return Estimate{State: StateNoData}
	}
	n := c.round(r.Value)
	if n < Least {
		return Estimate{State: StateUnder10}
	}
	counted := 0. // of under 10 it may be nothing
	if part := c.round(r.Counted); part >= Least {
		counted = float64(min(part, n) - Base)
	}
	least, _ := r.ends(float64(n-Base), counted)
	_, most := r.ends(float64(n+Base), counted)
	if !sound(least, most) {
		return Estimate{State: StateNoData}
	}
	low := Base * int(math.Floor(min(least, float64(n))/Base))
	if low < Least {
		low = 0
	}
	return Estimate{N: n, Low: low, High: Base * int(math.Ceil(max(most, float64(n))/Base)), State: StateValue}
}

// Share is a part of a whole in whole percent, made of what is published of both and of nothing else, so it says no more than
// they do. It is suppressed where one of them is.
func Share(part, whole Value) Percent {
	for _, v := range []Value{part, whole} {
		if v.State != StateValue {
			return Percent{State: v.State}
		}
	}
	return Percent{Pct: percent(part.N, whole.N), State: StateValue}
}

// sum adds published values up; it is suppressed where one of them is.
func sum(values ...Value) Value {
	total := Value{State: StateValue}
	for _, v := range values {
		if v.State != StateValue {
			return Value{State: v.State}
		}
		total.N += v.N
	}
	return total
}

// percent rounds half up, and is never over 100. The whole is not 0.
func percent(part, whole int) int { return min(100, (200*part+whole)/(2*whole)) }
