package run

import (
	"math"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
)

func TestTheClockOfASensor(t *testing.T) {
	type seen struct {
		boot uint64
		ms   int64
		end  bool
	}
	const ended = math.MaxInt64
	tests := []struct {
		name string
		seen []seen
		want int64
	}{
		{"nothing", nil, math.MinInt64},
		{"it never goes back", []seen{{1, 50, false}, {1, 40, false}}, 50},
		{"the end of input is infinity", []seen{{1, 50, false}, {1, 60, true}}, ended},
		{"also without anything before", []seen{{1, 0, true}}, ended},
		{"what comes again after it changes nothing", []seen{{1, 50, false}, {1, 60, true}, {1, 50, false}, {1, 60, true}}, ended},
		{"the next capture begins where it begins", []seen{{1, 60, true}, {2, 70, false}}, 70},
		{"and goes on", []seen{{1, 60, true}, {2, 70, false}, {2, 80, false}, {1, 60, true}}, 80},
		{"and ends", []seen{{1, 60, true}, {2, 70, false}, {2, 80, true}}, ended},
		{"two files, read again", []seen{{1, 40, false}, {2, 50, false}, {2, 60, true}, {1, 40, false}, {2, 50, false}, {2, 60, true}}, ended},
		{"two files, and a third the next day", []seen{{1, 40, false}, {2, 60, true}, {3, 70, false}}, 70},
		{"a sensor that died and began again", []seen{{1, 50, false}, {2, 40, false}}, 50},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newSensorClock()
			for _, s := range test.seen {
				c.observe(s.boot, s.ms, s.end)
			}
			if c.ms != test.want {
				t.Errorf("got %d, want %d", c.ms, test.want)
			}
		})
	}
}

// request asks for the Seals that are due, and tells whether one of the day was.
func (b *bench) request() bool {
	b.t.Helper()
	if err := b.o.requestSeals(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	asked := false
	for _, d := range b.only().days {
		asked = asked || d.asked
	}
	return asked
}

// A day is sealed seal_after after it ended by the store's own clock, which may have changed, and not a millisecond before.
func TestAWallClockDayIsDueSealAfterItsEnd(t *testing.T) {
	e := newEngine(t)
	tests := []struct{ name, zone, after, date, due string }{
		{"an ordinary day", "Europe/Berlin", "4h", "2026-02-02", "2026-02-03T07:00:00Z"},
		{"at once", "Europe/Berlin", "0s", "2026-02-02", "2026-02-03T03:00:00Z"},
		{"a whole day after", "Europe/Berlin", "24h", "2026-02-02", "2026-02-04T03:00:00Z"},
		{"clocks go forward", "Europe/Berlin", "2h", "2026-03-28", "2026-03-29T04:00:00Z"},
		{"clocks go back", "Europe/Berlin", "2h", "2025-10-25", "2025-10-26T05:00:00Z"},
		{"half an hour off", "Asia/Kolkata", "1h30m", "2026-02-02", "2026-02-03T00:00:00Z"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			list := parseStores(t, "stores: [{id: a, time_zone: "+test.zone+", seal_after: "+test.after+", zones: [{id: in, sensors: [{id: x}]}]}]")
			due, err := time.Parse(time.RFC3339, test.due)
			if err != nil {
				t.Fatal(err)
			}
			now := due.Add(-time.Millisecond)
			b := newBench(t, e.database(), Config{Stores: list, Now: func() time.Time { return now }})
			v := &voice{t: t, store: &list[0]}
			day := parseDay(t, test.date)
			b.send(v.sightings(day, visitors(v, day, 2), nil, false))
			if b.request() {
				t.Error("a millisecond before: a Seal was asked for")
			}
			now = due
			b.o.logEnd[counters] = 1
			if b.request() {
				t.Error("a Seal was asked for before the log was read to its end: it may stand there already")
			}
			b.o.logEnd[counters] = 0
			if !b.request() {
				t.Error("no Seal was asked for when it was due")
			}
			// Its time of sending may lie days after the day.
			for topic := range topics {
				seal := sealOf(t, &list[0], topic, day)
				seal.at = due.AddDate(0, 0, 3)
				b.send(seal)
			}
			if b.o.open() {
				t.Error("the day is open after its Seals")
			}
		})
	}
}

// By captures, a day is due when the slowest of the store's sensors has passed it.
func TestACaptureClockDayIsDueByTheSlowestSensor(t *testing.T) {
	b, v, day := newStreet(t, newEngine(t).database(), Config{Clock: ClockCapture})
	due := v.store.Calendar.End(day).Add(v.store.SealAfter).UnixMilli()
	beat := func(sensor int, ms int64, end bool) {
		s := &voice{t: t, store: v.store, sensor: sensor, boot: 7}
		b.send(s.heartbeat(day, &wire.Heartbeat{CaptureMs: ms, EndOfInput: end}))
	}
	b.send(v.sightings(day, visitors(v, day, 2), nil, false))
	for _, step := range []struct {
		name   string
		sensor int
		ms     int64
		end    bool
		want   bool
	}{
		{"the first is past", 0, due + hourMS, false, false},
		{"the second is at its end of input", 1, due - 20*hourMS, true, false},
		{"the third is a millisecond short", 2, due - 1, false, false},
		{"the third is there", 2, due, false, true},
	} {
		beat(step.sensor, step.ms, step.end)
		if got := b.request(); got != step.want {
			t.Errorf("%s: got a Seal %v, want %v", step.name, got, step.want)
		}
	}
}
