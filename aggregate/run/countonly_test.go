package run

import (
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/wire"
)

const counting = `
stores:
  - id: bar
    time_zone: Asia/Kolkata
    policy: count-only
    zones: [{id: in, sensors: [{id: a}, {id: b}]}]
`

// newBar is a bench for a store that only counts; its sensors are a and b.
func newBar(t *testing.T, db *store.DB) (b *bench, first, second *voice) {
	t.Helper()
	list := parseStores(t, counting)
	b = newBench(t, db, Config{Stores: list, Clock: ClockCapture})
	return b, &voice{t: t, store: &list[0], boot: 1}, &voice{t: t, store: &list[0], sensor: 1, boot: 2}
}

// TestAStoreThatOnlyCounts has occupancy from counted devices, and whatever would need an id reads "policy".
func TestAStoreThatOnlyCounts(t *testing.T) {
	b, v, _ := newBar(t, newEngine(t).database())
	day := parseDay(t, "2026-02-02")
	first := v.store.Calendar.Start(day).Unix()/900 + 24
	b.send(v.minutes(day, quiet(v, day, 30)), v.rollup(day, wire.QuarterCount{Quarter: first, Devices: 40}, wire.QuarterCount{Quarter: first + 1, Devices: 60}))
	b.flush()
	for _, state := range []string{"open", "sealed"} {
		if state == "sealed" {
			b.seal(v, day)
		} else if n := count(t, b.db, store.TableCells, "stable = 40 OR stable = 60"); n != 2 {
			t.Errorf("got %d cells with the counted devices, want 2", n)
		}
		const reads = "visits_state = 'policy' AND visitors_state = 'policy' AND bounces_state = 'policy' AND dwell_state = 'policy' AND " +
			"capture_rate_state = 'policy' AND engaged_state = 'policy' AND coverage_state = 'policy' AND estimated_state = 'policy' AND " +
			"visits IS NULL AND random_share_state = 'value' AND passers_by_state = 'under_10'"
		want := map[string]uint64{"open": 0, "sealed": 1}[state] // a day that is not over is not shown
		if n := count(t, b.db, store.TablePubStoreDay, reads); n != want {
			t.Errorf("%s: got %d days that read policy, want %d\n%s", state, n, want, dump(t, b.db, store.TablePubStoreDay))
		}
	}
	for _, table := range []string{store.TablePubStoreHour, store.TablePubZoneHour} {
		if n := count(t, b.db, table, "visits_state = 'policy' AND visits IS NULL"); n != 24 {
			t.Errorf("%s: got %d hours that read policy, want 24", table, n)
		}
	}
	if n := count(t, b.db, store.TablePubStoreQuarter, "occupancy_state = 'value' AND occupancy >= 35 AND estimated_state = 'policy'"); n != 2 {
		t.Errorf("got %d quarters with an occupancy, want 2", n)
	}
	if n := count(t, b.db, store.TableDeviceDays, "1") + count(t, b.db, store.TableReturnPatterns, "1"); n != 0 {
		t.Errorf("got %d rows of devices and their answers, want none", n)
	}
}

// TestCountsThatComeAgainDoNotDouble redelivers counts, sends smaller ones of the same quarter, and reads them with two sensors.
func TestCountsThatComeAgainDoNotDouble(t *testing.T) {
	e := newEngine(t)
	day := parseDay(t, "2026-02-02")
	q := func(v *voice, devices uint32) entry {
		return v.rollup(day, wire.QuarterCount{Quarter: v.store.Calendar.Start(day).Unix()/900 + 24, Devices: devices})
	}
	tests := []struct {
		name string
		send func(b *bench, v, w *voice)
	}{
		{"once", func(b *bench, v, _ *voice) { b.send(q(v, 40)) }},
		{"twice", func(b *bench, v, _ *voice) { m := q(v, 40); b.send(m, m) }},
		{"growing", func(b *bench, v, _ *voice) { b.send(q(v, 12), q(v, 40)) }},
		{"anew after a pause of the sensor", func(b *bench, v, _ *voice) { b.send(q(v, 40), q(v, 3)) }},
		{"another sensor hears fewer", func(b *bench, v, w *voice) { b.send(q(v, 40), q(w, 39)) }},
		{"after a crash, the messages gone", func(b *bench, v, _ *voice) {
			b.send(q(v, 40))
			b.flush()
			if b.log.committed[counters] != 1 {
				t.Errorf("got committed %d, want 1: nothing holds the counts' offset", b.log.committed[counters])
			}
			b.restart(false)
			b.send(q(v, 7))
		}},
	}
	want := ""
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, v, w := newBar(t, e.database())
			test.send(b, v, w)
			b.send(v.minutes(day, quiet(v, day, 15)))
			b.seal(v, day)
			if want == "" {
				want = dump(t, b.db)
				if got := value[float64](t, b.db, "SELECT occupancy_mean FROM store_days FINAL"); got < 40 || got > 45 {
					t.Errorf("got %v people, want the 40 that were counted and a few random ones", got)
				}
			}
			sameTables(t, test.name, dump(t, b.db), want)
		})
	}
}
