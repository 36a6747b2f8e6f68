package run

import (
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
)

// TestForgetWinsBeforeAndAfterItsSightings has twelve devices in a day, of which one is forgotten. Neither ClickHouse nor any
// number knows it afterwards, whenever the Forget came.
func TestForgetWinsBeforeAndAfterItsSightings(t *testing.T) {
	e := newEngine(t)
	b, v, day := newStreet(t, e.database(), Config{Clock: ClockCapture})
	all := visitors(v, day, 12)
	gone, evening := all[0].id, v.store.Calendar.Start(day).UnixMilli()+12*hourMS
	for at := evening; at <= evening+10*60_000; at += 60_000 { // it comes again, alone
		all = append(all, seen{gone, at, 7})
	}
	var others []seen
	for _, s := range all {
		if s.id != gone {
			others = append(others, s)
		}
	}
	b.send(v.sightings(day, others, nil, false))
	b.seal(v, day)
	want := dump(t, b.db)

	tests := []struct {
		name string
		send func(b *bench, v *voice)
	}{
		{"before its sightings", func(b *bench, v *voice) {
			b.send(v.forget(day, gone), v.sightings(day, all, nil, false))
		}},
		{"after its sightings", func(b *bench, v *voice) {
			b.send(v.sightings(day, all, nil, false), v.forget(day, gone))
		}},
		{"after it was written", func(b *bench, v *voice) {
			b.send(v.sightings(day, all, nil, false))
			b.flush()
			if n := count(t, b.db, store.TableDeviceDays, "id = ?", gone); n != 1 {
				t.Fatalf("got %d rows of the device, want 1: the test shows nothing", n)
			}
			b.send(v.forget(day, gone))
		}},
		{"between two of its batches", func(b *bench, v *voice) {
			b.send(v.sightings(day, all[:4], nil, false), v.forget(day, gone), v.sightings(day, all[4:], nil, false))
		}},
		{"twice, and after a crash", func(b *bench, v *voice) {
			b.send(v.sightings(day, all, nil, false))
			b.flush()
			b.send(v.forget(day, gone), v.forget(day, gone))
			b.restart(false)
			b.send(v.sightings(day, all, nil, false))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, v, day := newStreet(t, e.database(), Config{Clock: ClockCapture})
			test.send(b, v)
			b.flush()
			checkForgotten(t, b.db, gone)
			b.seal(v, day)
			sameTables(t, test.name, dump(t, b.db), want)
		})
	}
}

// checkForgotten looks at an open day of eleven devices, without the one that is gone.
func checkForgotten(t *testing.T, db *store.DB, gone uint64) {
	t.Helper()
	for from, rows := range map[string]uint64{
		"device_days FINAL": 11, "cells FINAL WHERE visits > 0": 1, "cells FINAL WHERE notEmpty(dwell_s)": 1, "cells FINAL WHERE stable > 0": 0,
	} {
		if n := value[uint64](t, db, "SELECT count() FROM "+from); n != rows {
			t.Errorf("%s: got %d rows, want %d", from, n, rows)
		}
	}
	// Without FINAL: no older version may hold it either.
	if n := value[uint64](t, db, "SELECT count() FROM device_days WHERE id = ?", gone); n != 0 {
		t.Errorf("got %d rows of the device, want none", n)
	}
	if got := value[uint32](t, db, "SELECT visits FROM store_days FINAL"); got != 11 {
		t.Errorf("got %d visits, want 11", got)
	}
}
