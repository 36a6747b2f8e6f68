package run

import (
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// seal sends a day's Seals and sees that it is closed.
func (b *bench) seal(v *voice, days ...calendar.Day) {
	b.t.Helper()
	for _, day := range days {
		b.send(sealOf(b.t, v.store, sightings, day), sealOf(b.t, v.store, counters, day))
		if b.o.stores[v.store.ID].days[day] != nil {
			b.t.Fatalf("%s is open after its Seals", day)
		}
	}
}

func TestWhatComesAfterTheSealIsCountedOnceAndInNoNumber(t *testing.T) {
	b, v, day := newStreet(t, newEngine(t).database(), Config{Clock: ClockCapture})
	b.send(v.sightings(day, visitors(v, day, 12), nil, false), v.minutes(day, quiet(v, day, 5)))
	b.seal(v, day)
	versions := "SELECT sum(version) FROM (SELECT version FROM store_days FINAL UNION ALL SELECT version FROM sealed_days FINAL)"
	want, version := dump(t, b.db), value[uint64](t, b.db, versions)

	lateSightings, lateMinutes := v.sightings(day, visitors(v, day, 7), nil, false), v.minutes(day, quiet(v, day, 9)[5:])
	other := &voice{t: t, store: v.store, boot: 2, seq: v.seq - 1}
	sameSequence := other.sightings(day, visitors(v, day, 3), nil, false)
	neighbour := &voice{t: t, store: v.store, sensor: 1, boot: 1, seq: v.seq - 1}
	steps := []struct {
		name  string
		entry entry
		late  float64
	}{
		{"sightings", lateSightings, 1},
		{"the same again", lateSightings, 1},
		{"counters", lateMinutes, 2},
		{"the same again", lateMinutes, 2},
		{"the same sequence of another boot", sameSequence, 3},
		{"the same sequence of another sensor", neighbour.sightings(day, visitors(v, day, 3), nil, false), 4},
		{"a second Seal", sealOf(t, v.store, sightings, day), 4},
		{"a second Seal of the other topic", sealOf(t, v.store, counters, day), 4},
		{"a heartbeat", v.heartbeat(day, &wire.Heartbeat{CaptureMs: v.store.Calendar.End(day).UnixMilli()}), 4},
		{"sightings once more", lateSightings, 4},
	}
	for _, step := range steps {
		b.send(step.entry)
		b.flush()
		if got := metric(t, b.reg, "footfall_aggregate_late_batches_total", "street"); got != step.late {
			t.Errorf("%s: got %v late batches, want %v", step.name, got, step.late)
		}
		sameTables(t, step.name, dump(t, b.db), want)
	}
	if got := value[uint64](t, b.db, versions); got != version {
		t.Errorf("got versions that sum up to %d, want %d as before", got, version)
	}
	if n := count(t, b.db, store.TableDeadLetters, "1"); n != 0 || b.o.open() {
		t.Errorf("got %d dead letters and an open day %v, want neither", n, b.o.open())
	}
	if b.log.committed != [2]int64{int64(len(b.log.topics[0])), int64(len(b.log.topics[1]))} {
		t.Errorf("got committed offsets %v, want the ends: what is late holds none", b.log.committed)
	}
	b.seal(v, day+lateDays+1) // a day that nothing was heard of, long after
	if n := len(b.only().late); n != 0 {
		t.Errorf("got late batches of %d days in memory, want none", n)
	}
}

// The days of a store that nobody was heard in are closed like others.
func TestADayOfHeartbeatsAloneIsSealed(t *testing.T) {
	b, v, day := newStreet(t, newEngine(t).database(), Config{Clock: ClockCapture})
	b.send(v.heartbeat(day, &wire.Heartbeat{CaptureMs: v.store.Calendar.Start(day).UnixMilli() + hourMS}))
	b.seal(v, day)
	if n := count(t, b.db, store.TablePubStoreDay, "sealed AND visits_state = 'no_data'"); n != 1 {
		t.Errorf("got %d sealed days without data, want 1", n)
	}
	for state, want := range map[string]uint64{"closed": 4 * 10, "no_data": 4 * 14} { // open from 08:00 to 22:00
		if n := count(t, b.db, store.TablePubStoreQuarter, "occupancy_state = ?", state); n != want {
			t.Errorf("got %d quarters that read %s, want %d", n, state, want)
		}
	}
	if got := metric(t, b.reg, "footfall_aggregate_sealed_days_total", "street"); got != 1 {
		t.Errorf("got %v sealed days counted, want 1", got)
	}
}
