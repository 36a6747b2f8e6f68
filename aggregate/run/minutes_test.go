package run

import (
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// always is a store that never closes and seals its days at once.
const always = `
stores:
  - {id: kiosk, time_zone: UTC, seal_after: 0s, zones: [{id: in, sensors: [{id: a}]}]}
`

func newKiosk(t *testing.T, db *store.DB) (*bench, *voice, calendar.Day) {
	t.Helper()
	list := parseStores(t, always)
	return newBench(t, db, Config{Stores: list, Clock: ClockCapture}), &voice{t: t, store: &list[0], boot: 3}, parseDay(t, "2026-02-02")
}

// rare are minutes of which every tenth hears one class: between two hearings it is inside only by what comes after.
func rare(from, n int64) []wire.Minute {
	var list []wire.Minute
	for at := from; at < from+n; at++ {
		m := wire.Minute{Minute: at, ListenedS: 60, MemoryAge: 15, FramesStable: 1}
		if at%10 == 0 {
			m.Rows = []wire.CounterRow{{Class: 8, Band: 7, Bursts: 1, Fresh: 1}}
		}
		list = append(list, m)
	}
	return list
}

// Minutes are final by what their own sensor's minutes say. Neither the Seal of the day before nor a heartbeat, which comes
// through the other topic and may be ahead, can make a minute final before what follows it is known.
func TestOnlyASensorsOwnMinutesMakeMinutesFinal(t *testing.T) {
	e := newEngine(t)
	want := ""
	for _, early := range []string{"nothing early", "the Seal of the day before", "heartbeats"} {
		t.Run(early, func(t *testing.T) {
			b, v, day := newKiosk(t, e.database())
			start := v.store.Calendar.Start(day+1).Unix() / 60
			b.send(v.minutes(day, rare(start-60, 60)))
			minutes := rare(start, 120)
			parts := []entry{v.minutes(day+1, minutes[:17]), v.minutes(day+1, minutes[17:60]), v.minutes(day+1, minutes[60:])}
			for i, part := range parts {
				b.send(part)
				if early == "heartbeats" {
					b.send(v.heartbeat(day+1, &wire.Heartbeat{CaptureMs: (start + 600) * 60_000}))
				}
				if i == 0 && early == "the Seal of the day before" {
					b.seal(v, day)
				}
				b.flush()
			}
			if early != "the Seal of the day before" {
				b.seal(v, day)
			}
			b.seal(v, day+1)
			got := dump(t, b.db, store.TableStoreDays, store.TablePubStoreQuarter)
			if want == "" {
				want = got
				if n := value[uint64](t, b.db, "SELECT count() FROM pub_store_quarter FINAL WHERE occupancy_state = 'under_10'"); n < 4 {
					t.Errorf("got %v quarters with people, want the class to be inside", n)
				}
			}
			sameTables(t, early, got, want)
		})
	}
}

// Live, the crowd of a day that just ended is still inside in the next day's first minutes.
func TestTheLiveCrowdStaysOverTheEndOfTheDay(t *testing.T) {
	b, v, day := newKiosk(t, newEngine(t).database())
	start := v.store.Calendar.Start(day+1).Unix() / 60
	b.send(v.minutes(day, rare(start-30, 30)), v.minutes(day+1, rare(start+1, 1)))
	b.flush()
	// The class was heard ten minutes before the day's end, and counts for three: not any more.
	if got := value[float64](t, b.db, "SELECT random FROM people_minutes FINAL WHERE store_day = toDate(?)", (day + 1).String()); got != 0 {
		t.Errorf("got %v devices inside, want none", got)
	}
	last := wire.Minute{Minute: start - 1, ListenedS: 60, MemoryAge: 15, Rows: []wire.CounterRow{{Class: 9, Band: 7, Bursts: 1, Fresh: 1}}}
	second := &voice{t: t, store: v.store, boot: 4} // another run of the sensor hears one in the last minute
	b.send(second.minutes(day, []wire.Minute{last}))
	b.flush()
	if got := value[float64](t, b.db, "SELECT random FROM people_minutes FINAL WHERE store_day = toDate(?)", (day + 1).String()); got != 1 {
		t.Errorf("got %v devices inside, want the one of the evening before", got)
	}
}

// Two runs of a sensor share the minute in which it was started again.
func TestTheRunsOfASensorAddUp(t *testing.T) {
	b, v, day := newKiosk(t, newEngine(t).database())
	start := v.store.Calendar.Start(day).Unix() / 60
	part := func(listened uint8) []wire.Minute {
		return []wire.Minute{{Minute: start + 5, ListenedS: listened, FramesStable: 4, FramesRandom: 5, PassersBy: 1, ExcludedLong: 2}}
	}
	first, second := v.minutes(day, part(20)), (&voice{t: t, store: v.store, boot: 9}).minutes(day, part(30))
	b.send(first, second, first, second)
	b.flush()
	got, err := store.Select[store.PeopleMinuteRow](t.Context(), b.db, "SELECT * FROM people_minutes FINAL")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].ListenedS != 50 || got[0].FramesStable != 8 || got[0].FramesRandom != 10 || got[0].PassersBy != 2 || got[0].ExcludedLong != 4 {
		t.Errorf("got %+v, want the sums of both runs, once", got)
	}
}

// A sensor's health is the newest heartbeat's of each five minutes, in whatever order heartbeats come.
func TestHealthIsTheNewestHeartbeats(t *testing.T) {
	e := newEngine(t)
	want := ""
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2, 0}} {
		b, v, day := newKiosk(t, e.database())
		at := v.store.Calendar.Start(day).UnixMilli() + 2*hourMS
		beats := []*wire.Heartbeat{
			{CaptureMs: at, FailClosed: []string{"key", "clock"}, Drops: []*wire.Drop{{Reason: "bad_fcs", Count: 1}, {Reason: "closed", Count: 9}}},
			{CaptureMs: at + 60_000, FailClosed: []string{"list"}, Drops: []*wire.Drop{{Reason: "bad_fcs", Count: 3}}},
			{CaptureMs: at + 120_000, Drops: []*wire.Drop{{Reason: "bad_fcs", Count: 3}, {Reason: "closed", Count: 9}}},
		}
		for _, i := range order {
			b.send(v.heartbeat(day, beats[i]))
		}
		b.send(v.heartbeat(day, &wire.Heartbeat{FailClosed: []string{"nothing was heard yet"}}))
		b.seal(v, day)
		got := dump(t, b.db, store.TablePubSensor5Min)
		if want == "" {
			want = got
			row, err := store.Select[store.PubSensor5MinRow](t.Context(), b.db, "SELECT * FROM pub_sensor_5min FINAL")
			if err != nil || len(row) != 1 {
				t.Fatalf("got %+v, %v, want one row", row, err)
			}
			if r := row[0]; r.FailClosed != "" || r.LastCapture.UnixMilli() != at+120_000 || r.Drops["bad_fcs"] != 3 || r.Drops["closed"] != 9 || r.OptoutVersion != 7 {
				t.Errorf("got %+v, want what the third heartbeat says", r)
			}
		}
		sameTables(t, "another order", got, want)
	}
}
