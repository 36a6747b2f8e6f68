// Package keys holds a store's keys and hashes addresses with them (DESIGN section 5). A bundle issued for a sensor and hardware
// addresses come in; ids, return buckets, classes and opt-out tags go out, and of a store of policy extended return ids. Keys die
// by ratcheting: the day's when the store-day ends, a week's after four more weeks, a period's when the next but one begins, and
// with them the way back from a hash to an address.
//
// What dies is overwritten, on disk and in memory. Two things are out of reach: copies that the standard library made while
// deriving and encoding, which stay in freed memory until it is used again (no core dump shows it after HardenProcess), and
// copies of the state file that somebody else made. So the key state belongs in no backup.
package keys

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// The labels of DESIGN section 5. Changing one changes every id of every store.
const (
	labelDayChain  = "footfall day chain"
	labelDayNext   = "footfall day next"
	labelDayID     = "footfall day id"
	labelClass     = "footfall class"
	labelWeekChain = "footfall week chain"
	labelWeekNext  = "footfall week next"
	labelReturn    = "footfall return"
	labelPeriods   = "footfall period chain"
	labelPeriod    = "footfall period next"
	labelReturnID  = "footfall period return"
	labelIssue     = "footfall issue"
	labelCheck     = "footfall opt-out check"
)

// Weeks is how many return keys a sensor holds: this store-week's and the four before.
const Weeks = 5

// Periods is how many keys of return ids the sensor of an extended store holds: this period's of 28 store-days and the one's before.
const Periods = 2

// key is 32 secret bytes. It has no text, JSON or log form; a file's text is made of it on purpose, by keyText.
type key [32]byte

// Format keeps the key out of every fmt verb.
func (k key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[key]")) }

// MarshalText keeps the key out of JSON and YAML.
func (k key) MarshalText() ([]byte, error) { return []byte("[key]"), nil }

// LogValue keeps the key out of logs.
func (k key) LogValue() slog.Value { return slog.StringValue("[key]") }

func (k *key) wipe() { clear(k[:]) }

// expand is HKDF-Expand (RFC 5869) with SHA-256 to 32 bytes.
func (k *key) expand(label string) key {
	out, err := hkdf.Expand(sha256.New, k[:], label, len(k))
	if err != nil {
		//nolint:forbidigo // a broken invariant: the limit is 8160 bytes
		panic("keys: HKDF-Expand refused 32 bytes of SHA-256: " + err.Error())
	}
	defer clear(out)
	return key(out)
}

// ratchet replaces the key by its successor, so many times.
func (k *key) ratchet(label string, steps int) {
	for range steps {
		next := k.expand(label)
		*k = next
		next.wipe()
	}
}

// chain is where a store's ratchets stand. It is always held by pointer, so that printing what holds it shows none of it.
type chain struct {
	day   calendar.Day
	days  key // D(day)
	weeks key // W(week of day - 4): the oldest of the return keys that are still held follows from it
	// periods is P(period of day - 1), from which the return keys of both periods follow. Zeros: there is none, because the store
	// is not extended, or its keyring is of before policy extended.
	periods key
	optOut  key // the organisation's, the same on every sensor
}

// period is the number of the 28 store-days for which a return key of policy extended is good.
func period(day calendar.Day) int32 { return wire.ReturnPeriod(int32(day)) }

func (c *chain) hasPeriods() bool { return c.periods != key{} }

func (c *chain) advance(to calendar.Day) {
	c.days.ratchet(labelDayNext, int(to-c.day))
	c.weeks.ratchet(labelWeekNext, int(to.Week()-c.day.Week()))
	if c.hasPeriods() {
		c.periods.ratchet(labelPeriod, int(period(to)-period(c.day)))
	}
	c.day = to
}

func (c *chain) wipe() {
	c.days.wipe()
	c.weeks.wipe()
	c.periods.wipe()
	c.optOut.wipe()
}

func (c *chain) idKey() key { return c.days.expand(labelDayID) }

// classKey is the key of a class epoch (calendar.ClassEpoch) of the chain's day.
func (c *chain) classKey(epoch int32) key {
	return c.days.expand(string(binary.BigEndian.AppendUint32([]byte(labelClass), uint32(epoch))))
}

// returnKeys are this week's and the four before, this week's first.
func (c *chain) returnKeys() [Weeks]key {
	var out [Weeks]key
	w := c.weeks
	for k := Weeks - 1; k >= 0; k-- {
		out[k] = w.expand(labelReturn)
		w.ratchet(labelWeekNext, 1)
	}
	w.wipe()
	return out
}

// periodKeys are the return keys of this period and of the one before, this one's first.
func (c *chain) periodKeys() [Periods]key {
	now := c.periods
	now.ratchet(labelPeriod, 1)
	defer now.wipe()
	return [Periods]key{now.expand(labelReturnID), c.periods.expand(labelReturnID)}
}

// under is the chain as a sensor of the policy holds it: only one of an extended store has the periods' keys.
func (c *chain) under(policy wire.Policy) *chain {
	out := *c
	if policy != wire.Policy_POLICY_EXTENDED {
		out.periods.wipe()
	}
	return &out
}

// Seed is a store's 32-byte seed. Bundles are made from it once; then it is wiped, because all of a store's days follow from it.
type Seed struct{ k *key }

// NewStoreSeed draws a store's seed; random is crypto/rand.Reader except in tests and demonstrations.
func NewStoreSeed(random io.Reader) (Seed, error) {
	k, err := draw(random)
	if err != nil {
		return Seed{}, fmt.Errorf("draw a store seed: %w", err)
	}
	return Seed{k}, nil
}

// Wipe overwrites the seed. Bundles that were made from it stay good.
func (s Seed) Wipe() {
	if s.k != nil {
		s.k.wipe()
	}
}

// chain starts the store's ratchets at its first day.
func (s Seed) chain(first calendar.Day, optOut key) *chain {
	return &chain{
		day: first, days: s.k.expand(labelDayChain), weeks: s.k.expand(labelWeekChain), periods: s.k.expand(labelPeriods), optOut: optOut,
	}
}

// issue names the seed without giving it away: what was remembered under another seed's keys can be told apart by it.
func (s Seed) issue() string {
	k := s.k.expand(labelIssue)
	defer k.wipe()
	return fmt.Sprintf("%x", k[:8])
}

func draw(random io.Reader) (*key, error) {
	k := new(key)
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return nil, err
	}
	if *k == (key{}) {
		return nil, errors.New("32 zero bytes are no randomness: check the source of random numbers")
	}
	return k, nil
}
