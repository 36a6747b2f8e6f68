package run

import (
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// noonCount is a count of the quarter from 10:00 store-local on, in which the visitors and the quiet minutes are.
func noonCount(v *voice, day calendar.Day, devices uint32) wire.QuarterCount {
	return wire.QuarterCount{Quarter: v.store.Calendar.Start(day).Unix()/900 + 24, Devices: devices}
}

// Devices whose ids could not be sent have a column of their own: the most that one sensor counted, however its counts come.
// They are in no other number of the store: visits, occupancy and estimates are the same with them and without.
func TestDevicesThatWereOnlyCountedStandBesideTheVisits(t *testing.T) {
	const failed, aged = wire.Rollup_CAUSE_FAIL_CLOSED, wire.Rollup_CAUSE_SPOOL_AGE
	e := newEngine(t)
	day := parseDay(t, "2026-02-02")
	q := func(v *voice, cause wire.Rollup_Cause, devices uint32) entry {
		return v.rollupFor(day, cause, noonCount(v, day, devices))
	}
	tests := []struct {
		name string
		send func(b *bench, door, again, till *voice)
		want uint64 // 0: none came
	}{
		{"none came", func(*bench, *voice, *voice, *voice) {}, 0},
		{"once", func(b *bench, v, _, _ *voice) { b.send(q(v, failed, 40)) }, 40},
		{"twice", func(b *bench, v, _, _ *voice) { m := q(v, aged, 40); b.send(m, m) }, 40},
		{"growing", func(b *bench, v, _, _ *voice) { b.send(q(v, aged, 12), q(v, aged, 25), q(v, aged, 40)) }, 40},
		{"the smaller one late", func(b *bench, v, _, _ *voice) { b.send(q(v, aged, 40), q(v, aged, 12)) }, 40},
		{"for two reasons", func(b *bench, v, _, _ *voice) { b.send(q(v, failed, 40), q(v, aged, 30)) }, 40},
		{"an older bundle's reason", func(b *bench, v, _, _ *voice) { b.send(q(v, wire.Rollup_CAUSE_POLICY, 40)) }, 40},
		{"of two runs of the sensor", func(b *bench, v, again, _ *voice) { b.send(q(v, failed, 30), q(again, failed, 40)) }, 40},
		{"of two sensors", func(b *bench, v, _, till *voice) { b.send(q(v, failed, 40), q(till, failed, 39)) }, 40},
		{"after a crash, the messages gone", func(b *bench, v, again, _ *voice) {
			b.send(q(v, aged, 40))
			b.flush()
			if b.log.committed[counters] != int64(len(b.log.topics[counters])) {
				t.Errorf("got committed %d of %d: something holds the counts' offset", b.log.committed[counters], len(b.log.topics[counters]))
			}
			b.restart(false)
			b.send(q(again, aged, 7))
		}, 40},
		{"twice, and a crash between", func(b *bench, v, _, _ *voice) {
			m := q(v, aged, 40)
			b.send(m)
			b.restart(true)
			b.send(m)
		}, 40},
	}
	beside := []string{store.TableStoreDays, store.TablePubStoreHour, store.TablePubZoneHour, store.TablePubStoreDay, store.TableReturnPatterns, store.TablePubSensor5Min}
	const others = "SELECT toString(groupArray((occupancy, occupancy_low, occupancy_high, occupancy_state, estimated_visits, estimated_low, estimated_high, estimated_state))) " +
		"FROM (SELECT * FROM pub_store_quarter FINAL ORDER BY start)"
	want := ""
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, door, _ := newStreet(t, e.database(), Config{Clock: ClockCapture})
			again, till := &voice{t: t, store: door.store, boot: 8}, &voice{t: t, store: door.store, sensor: 1, boot: 9}
			test.send(b, door, again, till)
			b.send(door.sightings(day, visitors(door, day, 12), nil, true), door.minutes(day, quiet(door, day, 15)))
			b.flush()
			if got := value[uint64](t, b.db, "SELECT ifNull(sum(counted), 0) FROM cells FINAL"); got != test.want {
				t.Errorf("got %d counted in the cells, want %d", got, test.want)
			}
			b.seal(door, day)
			shown := map[bool]uint64{true: 1}[test.want > 0]
			for where, want := range map[string]uint64{
				"counted_state = 'value' AND counted = 40":      shown,
				"counted_state = 'no_data' AND counted IS NULL": 56 - shown, // from 08:00 to 22:00
				"counted_state = 'closed' AND counted IS NULL":  40,
			} {
				if got := count(t, b.db, store.TablePubStoreQuarter, where); got != want {
					t.Errorf("%s: got %d quarters, want %d", where, got, want)
				}
			}
			got := dump(t, b.db, beside...) + value[string](t, b.db, others)
			if want == "" {
				want = got
				if n := value[uint64](t, b.db, "SELECT sum(visits) FROM store_days FINAL"); n != 12 {
					t.Errorf("got %d visits, want 12", n)
				}
			}
			sameTables(t, "what stands beside the counted devices", got, want)
		})
	}
}

// What is only counted comes late by nature. Before the Seal it joins; after it, it is in no number and counted once.
func TestCountsAfterTheSealAreLate(t *testing.T) {
	b, v, day := newStreet(t, newEngine(t).database(), Config{Clock: ClockCapture})
	b.send(v.minutes(day, quiet(v, day, 15)), v.rollupFor(day, wire.Rollup_CAUSE_SPOOL_AGE, noonCount(v, day, 20)))
	b.seal(v, day)
	want := dump(t, b.db)
	late := v.rollupFor(day, wire.Rollup_CAUSE_SPOOL_AGE, noonCount(v, day, 90))
	b.send(late, late)
	b.flush()
	sameTables(t, "a count after the Seal", dump(t, b.db), want)
	if got := metric(t, b.reg, "footfall_aggregate_late_batches_total", v.store.ID); got != 1 {
		t.Errorf("got %v late batches, want 1", got)
	}
}

// A day that was open when the aggregator was updated has its counts among the stable devices where the store only counts.
func TestCountsFromBeforeTheirColumn(t *testing.T) {
	for _, c := range []struct {
		policy string
		want   uint32
	}{{"count-only", 7}, {"standard", 0}} {
		t.Run(c.policy, func(t *testing.T) {
			list := parseStores(t, street+"    policy: "+c.policy+"\n")
			b := newBench(t, newEngine(t).database(), Config{Stores: list, Clock: ClockCapture})
			day := parseDay(t, "2026-02-02")
			start := list[0].Calendar.Start(day).UTC()
			row := store.CellRow{Store: list[0].ID, StoreDay: day.Date(), Start: start, StoreWeek: day.Week().Monday().Date(), Stable: 6.5, Version: 1}
			if err := store.Insert(t.Context(), b.db, store.TableCells, []store.CellRow{row}); err != nil {
				t.Fatal(err)
			}
			b.restart(false)
			got, ok := b.only().days[day].counted[start.Unix()/900]
			if got != c.want || ok != (c.want > 0) {
				t.Errorf("got %d counted (%v), want %d", got, ok, c.want)
			}
		})
	}
}
