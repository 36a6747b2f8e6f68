package run

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/wire"
)

// steps are the published rows of the one sensor, in order; versions are left out.
func steps(t *testing.T, b *bench) []store.PubSensor5MinRow {
	t.Helper()
	rows, err := store.Select[store.PubSensor5MinRow](t.Context(), b.db, "SELECT * FROM pub_sensor_5min FINAL ORDER BY start")
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		rows[i].Version = 0
	}
	return rows
}

// The state of a step is its newest heartbeat's and its totals are the largest, whatever comes when and how often. The capture
// time of a sensor that only counts stands still for a quarter of an hour, and then the sequence says which one is newest.
func TestWhatALiveSensorSaysOfItself(t *testing.T) {
	e := newEngine(t)
	day := parseDay(t, "2026-02-02")
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0, 1}, {2, 0, 2, 1}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			b, v, _ := newKiosk(t, e.database())
			at := v.store.Calendar.Start(day).UnixMilli() + 2*hourMS
			held := time.UnixMilli(at - 90_500).UTC().Truncate(time.Second)
			beats := []*wire.Heartbeat{
				{
					Drops:     []*wire.Drop{{Reason: "opted_out", Count: 3}, {Reason: "excluded", Count: 4}, {Reason: "too_many", Count: 5}}, // of an earlier version
					CaptureMs: at, FailClosed: []string{"optout_stale", "clock"}, Trouble: []string{"optout_stale", "kafka", "clock"}, SpoolBytes: 900, SpoolOldestMs: at - 7_000_000,
					SpoolLost: 3, KernelDropped: 10, Channels: []*wire.Channel{{Mhz: 2412, Frames: 4}, {Mhz: 2437, Frames: 1}},
				},
				{
					CaptureMs: at, Trouble: []string{"silent", "kafka"}, SpoolBytes: 800, SpoolOldestMs: at - 90_500,
					SpoolLost: 5, KernelDropped: 11, Channels: []*wire.Channel{{Mhz: 2412, Frames: 9}, {Frames: 2}},
				},
			}
			messages := []entry{v.heartbeat(day, beats[0]), v.heartbeat(day, beats[1])}
			another := &voice{t: t, store: v.store, boot: v.boot - 1} // an earlier run, whose totals are its own
			messages = append(messages, another.heartbeat(day, &wire.Heartbeat{CaptureMs: at - 1000, SpoolLost: 1, KernelDropped: 400, SpoolOldestMs: 1}))
			for _, i := range order {
				b.send(messages[i])
			}
			b.flush()
			want := []store.PubSensor5MinRow{
				{
					Store: "kiosk", Sensor: "a", Zone: "in", Start: time.UnixMilli(at).UTC().Add(-healthStep), LastCapture: time.UnixMilli(at - 1000).UTC(), OptoutVersion: 7,
					Drops: map[string]uint64{}, SpoolOldest: pointer(time.Unix(0, 0).UTC()), SpoolLost: 1, KernelDropped: 400, Channels: map[uint16]uint64{},
				},
				{
					Store: "kiosk", Sensor: "a", Zone: "in", Start: time.UnixMilli(at).UTC(), LastCapture: time.UnixMilli(at).UTC(), Trouble: "kafka, silent", OptoutVersion: 7,
					Drops: map[string]uint64{"too_many": 5}, SpoolBytes: 800, SpoolOldest: &held, SpoolLost: 5, KernelDropped: 11, Channels: map[uint16]uint64{0: 2, 2412: 9, 2437: 1},
				},
			}
			if got := steps(t, b); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

func pointer[T any](v T) *T { return &v }

// A sensor that comes back sends the heartbeats of its outage from its spool, after or among the ones of now: they belong to the
// steps and the store-day in which they were made, and leave newer ones as they are.
func TestHeartbeatsFromASpoolBelongToTheirOwnSteps(t *testing.T) {
	e := newEngine(t)
	day := parseDay(t, "2026-02-02")
	var want []store.PubSensor5MinRow
	for _, late := range []int{0, 1, 60, 239} { // how many of the outage's heartbeats come after the newest
		t.Run(fmt.Sprint(late), func(t *testing.T) {
			b, v, _ := newKiosk(t, e.database())
			end := v.store.Calendar.End(day).UnixMilli()
			var beats []entry
			for at := end - 2*hourMS; at < end+2*hourMS; at += 60_000 { // over the end of the store-day
				h := &wire.Heartbeat{CaptureMs: at, Trouble: []string{"kafka"}, SpoolBytes: uint64(at - end + 2*hourMS), SpoolOldestMs: end - 2*hourMS}
				of := day
				if at >= end {
					of++
				}
				beats = append(beats, v.heartbeat(of, h))
			}
			now := v.heartbeat(day+1, &wire.Heartbeat{CaptureMs: end + 2*hourMS})
			b.send(beats[:len(beats)-late]...)
			b.send(now)
			b.flush()
			b.send(beats[len(beats)-late:]...)
			b.flush()
			got := steps(t, b)
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			last := got[len(got)-1]
			if len(got) != 49 || last.Trouble != "" || last.SpoolBytes != 0 || last.SpoolOldest != nil {
				t.Errorf("got %d steps and last %+v, want 49 and no trouble in the last", len(got), last)
			}
			if i := slices.IndexFunc(got[:48], func(r store.PubSensor5MinRow) bool { return r.Trouble != "kafka" || r.SpoolBytes == 0 }); i >= 0 {
				t.Errorf("got %+v, want the trouble of the outage", got[i])
			}
		})
	}
}

// A sensor that only counts has a capture time in quarters of an hour; its heartbeats still tell of the five minutes in which they
// were made.
func TestAHeartbeatStandsWhereItWasMade(t *testing.T) {
	b, v, day := newKiosk(t, newEngine(t).database())
	start := v.store.Calendar.Start(day).UnixMilli()
	for minute := range int64(15) {
		b.send(v.heartbeat(day, &wire.Heartbeat{CaptureMs: start, MadeMs: start + minute*60_000, FailClosed: []string{"clock"}}))
	}
	b.flush()
	got := steps(t, b)
	if len(got) != 3 {
		t.Fatalf("got %d steps, want 3: %+v", len(got), got)
	}
	for i, row := range got {
		if row.FailClosed != "clock" || row.Start.UnixMilli() != start+int64(i)*5*60_000 || row.LastCapture.UnixMilli() != start {
			t.Errorf("step %d: got %+v, want the clock's trouble and a capture time that stands still", i, row)
		}
	}
}

// What a heartbeat says of other times than its day's cannot become a row: it would stand beside or over another day's, and what
// no clock shows could not be written at all.
func TestHeartbeatsThatAreNotOfTheirDay(t *testing.T) {
	b, v, day := newKiosk(t, newEngine(t).database())
	start, end := v.store.Calendar.Start(day).UnixMilli(), v.store.Calendar.End(day).UnixMilli()
	for _, h := range []*wire.Heartbeat{
		{}, {CaptureMs: start - 1, Trouble: []string{"clock"}}, {CaptureMs: end, Trouble: []string{"clock"}}, {CaptureMs: 1 << 42, Trouble: []string{"clock"}},
		{CaptureMs: start, SpoolOldestMs: math.MaxInt64}, {CaptureMs: end - 1, SpoolOldestMs: 1000 * (math.MaxUint32 + 1)},
	} {
		b.send(v.heartbeat(day, h))
	}
	b.flush()
	got := steps(t, b)
	if len(got) != 2 || got[0].Start.UnixMilli() != start || got[1].LastCapture.UnixMilli() != end-1000 {
		t.Fatalf("got %+v, want the first and the last step of the day", got)
	}
	for _, row := range got {
		if row.Trouble != "" || row.SpoolOldest != nil {
			t.Errorf("got %+v, want no trouble and a spool without a time", row)
		}
	}
}
