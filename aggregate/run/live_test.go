package run

import (
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/wire"
)

// liveRow is the store's row as it stands.
func liveRow(t *testing.T, db *store.DB) store.PubStoreLiveRow {
	t.Helper()
	rows, err := store.Select[store.PubStoreLiveRow](t.Context(), db, "SELECT * FROM pub_store_live FINAL")
	if err != nil || len(rows) != 1 {
		t.Fatalf("got %d rows, %v, want 1", len(rows), err)
	}
	return rows[0]
}

func TestTheLiveOccupancyIsThatOfTheMomentOnAFiveMinuteGrid(t *testing.T) {
	e := newEngine(t)
	tests := []struct {
		name      string
		devices   int
		minutes   int           // listened to from 10:00 on
		at        time.Duration // after 10:00
		state     string
		low, high int32 // of the number
	}{
		{"a crowd", 40, 10, 10 * time.Minute, "value", 40, 50},
		{"a little later in the same five minutes", 40, 10, 14*time.Minute + 59*time.Second, "value", 40, 50},
		{"the last minutes are still on the way", 40, 7, 10 * time.Minute, "value", 40, 50},
		{"few", 4, 10, 10 * time.Minute, "quiet", 0, 0},
		{"nobody", 0, 10, 10 * time.Minute, "quiet", 0, 0},
		{"they have left", 40, 30, 25 * time.Minute, "quiet", 0, 0},
		{"nobody listens any more", 40, 10, 25 * time.Minute, "no_data", 0, 0},
		{"nothing came that day", 40, 10, 24 * time.Hour, "no_data", 0, 0},
		{"closed", 40, 10, 13 * time.Hour, "closed", 0, 0},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			now := time.Time{}
			b, v, day := newStreet(t, e.database(), Config{Clock: ClockWall, Now: func() time.Time { return now }})
			ten := v.store.Calendar.Start(day).Add(6 * time.Hour)
			now = ten.Add(c.at)
			if c.devices > 0 {
				b.send(v.sightings(day, visitors(v, day, c.devices), nil, false))
			}
			b.send(v.minutes(day, quiet(v, day, c.minutes)))
			b.flush()
			r := liveRow(t, b.db)
			if want := now.UTC().Truncate(5 * time.Minute); !r.Start.Equal(want) || r.LocalMinute%5 != 0 {
				t.Errorf("got the step of %v, want %v", r.Start, want)
			}
			if r.OccupancyState != c.state || (r.Occupancy == nil) != (c.state != "value") || (r.OccupancyHigh == nil) != (c.state != "value") {
				t.Fatalf("got %+v, want %s", r, c.state)
			}
			if r.Occupancy != nil && (*r.Occupancy < c.low || *r.Occupancy > c.high || *r.Occupancy%5 != 0 || *r.OccupancyLow >= *r.Occupancy || *r.OccupancyHigh <= *r.Occupancy) {
				t.Errorf("got %d (%d to %d), want %d to %d", *r.Occupancy, *r.OccupancyLow, *r.OccupancyHigh, c.low, c.high)
			}
		})
	}
}

// Within five minutes the number stays, whoever comes in the meantime and also when another process takes over; then it moves. Each
// store has one row.
func TestTheLiveOccupancyStaysForFiveMinutes(t *testing.T) {
	now := time.Time{}
	b, v, day := newStreet(t, newEngine(t).database(), Config{Clock: ClockWall, Now: func() time.Time { return now }})
	ten := v.store.Calendar.Start(day).Add(6 * time.Hour)
	now = ten.Add(10 * time.Minute)
	b.send(v.sightings(day, visitors(v, day, 40), nil, false), v.minutes(day, quiet(v, day, 10)))
	b.flush()
	first := liveRow(t, b.db)
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"more come", func() { b.send(v.sightings(day, visitors(v, day, 30), nil, false)) }},
		{"another process", func() { b.restart(false) }},
		{"the clock goes back", func() { now = ten.Add(2 * time.Minute) }},
	} {
		step.do()
		b.flush()
		if got := liveRow(t, b.db); *got.Occupancy != *first.Occupancy || !got.Start.Equal(first.Start) {
			t.Errorf("%s: got %d of %v, want %d of %v still", step.name, *got.Occupancy, got.Start, *first.Occupancy, first.Start)
		}
	}
	now = ten.Add(15*time.Minute - time.Millisecond)
	b.flush()
	if got := liveRow(t, b.db); !got.Start.Equal(first.Start) {
		t.Errorf("got the step of %v before it began", got.Start)
	}
	now = ten.Add(15 * time.Minute)
	b.send(v.minutes(day, quiet(v, day, 20)))
	b.flush()
	if got := liveRow(t, b.db); !got.Start.Equal(now) {
		t.Errorf("got the step of %v, want %v", got.Start, now)
	}
}

func TestAStoreThatOnlyCountsHasALiveOccupancyToo(t *testing.T) {
	now := time.Time{}
	list := parseStores(t, counting)
	b := newBench(t, newEngine(t).database(), Config{Stores: list, Clock: ClockWall, Now: func() time.Time { return now }})
	v := &voice{t: t, store: &list[0], boot: 1}
	day := parseDay(t, "2026-02-02")
	ten := v.store.Calendar.Start(day).Add(6 * time.Hour)
	now = ten.Add(25 * time.Minute)
	b.send(v.minutes(day, quiet(v, day, 25)), v.rollup(day, wire.QuarterCount{Quarter: ten.Unix() / 900, Devices: 40}))
	b.flush()
	if r := liveRow(t, b.db); r.OccupancyState != "value" || *r.Occupancy < 40 || *r.Occupancy > 50 {
		t.Errorf("got %+v, want about the 40 that were counted", r)
	}
}

// A file has no now.
func TestAStoreOfFilesHasNoLiveOccupancy(t *testing.T) {
	b, v, day := newStreet(t, newEngine(t).database(), Config{Clock: ClockCapture})
	b.send(v.sightings(day, visitors(v, day, 40), nil, false), v.minutes(day, quiet(v, day, 10)))
	b.flush()
	if n := count(t, b.db, store.TablePubStoreLive, "1"); n != 0 {
		t.Errorf("got %d rows, want none", n)
	}
}

// Before the log is read to where it ended, half a crowd must not stand for all of it.
func TestNothingIsLiveBeforeTheLogIsRead(t *testing.T) {
	now := time.Time{}
	b, v, day := newStreet(t, newEngine(t).database(), Config{Clock: ClockWall, Now: func() time.Time { return now }})
	now = v.store.Calendar.Start(day).Add(6*time.Hour + 10*time.Minute)
	b.o.logEnd = [2]int64{2, 1}
	b.send(v.sightings(day, visitors(v, day, 20), nil, false))
	b.flush()
	if n := count(t, b.db, store.TablePubStoreLive, "1"); n != 0 {
		t.Errorf("got %d rows on the way, want none", n)
	}
	b.send(v.sightings(day, visitors(v, day, 40), nil, false), v.minutes(day, quiet(v, day, 10)))
	b.flush()
	if r := liveRow(t, b.db); r.Occupancy == nil || *r.Occupancy < 60 {
		t.Errorf("got %+v, want all 60", r)
	}
}
