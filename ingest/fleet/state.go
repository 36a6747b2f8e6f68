package fleet

import (
	"math"
	"slices"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

const (
	// OnlineWithin is how old the newest state of a sensor that is online may be. A sensor says where it stands once a minute, so
	// two in a row may be lost.
	OnlineWithin = 3 * time.Minute
	// AheadMost is how far ahead of ours a sensor's clock may be. Further, nobody knows how old its state is, and it is not online.
	AheadMost = 2 * time.Minute
)

// State is what a sensor last said of itself.
type State struct {
	Store, Sensor, Zone string
	Policy              wire.Policy
	ListVersion         uint64        // of the opt-out list in force: the end offset of its topic that it stands for
	ListAge             time.Duration // since that was last confirmed, when the state was made; below 0: never
	Made                time.Time     // by the sensor's clock
	FailClosed          []string      // why only counters leave it; none: it works as configured
	Trouble             []string      // all that does not work, FailClosed included
	SpoolBytes          uint64        // held for Kafka
	SpoolOldest         time.Time     // the oldest event in that; zero: nothing is held
	Software            string
	Settings            Settings

	boot, sequence uint64
}

// Settings are what a sensor works under.
type Settings struct {
	Known                               bool // false: the sensor is too old to say
	SpoolIDAge, OptOutMaxAge, SealAfter time.Duration
	InsideDBM, FloorDBM                 int
	Hours                               string // opening hours, for people
	TimeZone                            string // IANA
	ReturnEpsilon                       float64
	KeysDay                             calendar.Day // of the sensor's keys
	OptOutKeyCheck                      uint32       // keys.OptOutKey.Check of its opt-out key; 0: the sensor is too old to say
}

// Online reports whether the state is new enough to say what the sensor does now.
func (s *State) Online(now time.Time) bool {
	age := now.Sub(s.Made)
	return age <= OnlineWithin && age >= -AheadMost
}

// Enforces reports whether the sensor is online and works under that version of the opt-out list, or a newer one.
func (s *State) Enforces(version uint64, now time.Time) bool {
	return s.Online(now) && s.ListVersion >= version
}

// SameKey reports whether the sensor said that its opt-out key has that check value. One that is too old to say it has not: nothing
// shows then that it drops the addresses that were registered. A check value of 0 asks nothing.
func (s *State) SameKey(check uint32) bool {
	return check == 0 || s.Settings.OptOutKeyCheck == check
}

// otherKey reports whether the sensor said that it has another key.
func (s *State) otherKey(check uint32) bool {
	return s.Settings.OptOutKeyCheck != 0 && !s.SameKey(check)
}

// ListAgeAt is how long ago the sensor's list was confirmed, as far as it is known; known is false where it never was.
func (s *State) ListAgeAt(now time.Time) (age time.Duration, known bool) {
	if s.ListAge < 0 {
		return 0, false
	}
	since := max(0, now.Sub(s.Made))
	if s.ListAge > math.MaxInt64-since {
		return math.MaxInt64, true
	}
	return s.ListAge + since, true
}

// follows reports whether the state replaces the one before: of one start the later made, between two starts the one that came
// later. A sensor sends one at a time, so that only an attempt that was given up can arrive late.
func (s *State) follows(before *State) bool {
	return s.boot != before.boot || s.sequence >= before.sequence
}

func (s *State) clone() State {
	c := *s
	c.FailClosed, c.Trouble = slices.Clone(s.FailClosed), slices.Clone(s.Trouble)
	return c
}

// decode reads a message of the topic; ok is false for one that is no state, or does not stand under its sensor's key: with a
// compacted topic that would take another's place.
func decode(key, value []byte) (s *State, ok bool) {
	e, err := wire.Decode(value)
	if err != nil || e.GetHeartbeat() == nil {
		return nil, false
	}
	h, b := e.Header, e.GetHeartbeat()
	if string(key) != keyOf(h.Store, h.Sensor) {
		return nil, false
	}
	s = &State{
		Store: h.Store, Sensor: h.Sensor, Zone: h.Zone, Policy: h.Policy, ListVersion: h.OptoutVersion, ListAge: seconds(b.OptoutAgeS),
		Made: time.UnixMilli(b.MadeMs), FailClosed: b.FailClosed, Trouble: b.Trouble, SpoolBytes: b.SpoolBytes, Software: b.Software,
		Settings: settingsOf(b.Settings), boot: h.Boot, sequence: h.Sequence,
	}
	if b.SpoolOldestMs > 0 {
		s.SpoolOldest = time.UnixMilli(b.SpoolOldestMs)
	}
	return s, true
}

// keyOf is the key under which a sensor's states stand. No name has a slash in it.
func keyOf(store, sensor string) string { return store + "/" + sensor }

// seconds as a duration, which holds 292 years.
func seconds(n int64) time.Duration {
	return time.Duration(min(n, math.MaxInt64/int64(time.Second))) * time.Second
}

func settingsOf(s *wire.Settings) Settings {
	if s == nil {
		return Settings{}
	}
	return Settings{
		Known: true, SpoolIDAge: seconds(int64(s.SpoolIdAgeS)), OptOutMaxAge: seconds(int64(s.OptoutMaxAgeS)), SealAfter: seconds(int64(s.SealAfterS)),
		InsideDBM: int(s.InsideDbm), FloorDBM: int(s.FloorDbm), Hours: s.Hours, TimeZone: s.TimeZone,
		ReturnEpsilon: s.ReturnEpsilon, KeysDay: calendar.Day(s.KeysDay),
		OptOutKeyCheck: s.OptoutKeyCheck,
	}
}
