package run

import (
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

// answers gives each of the devices five noisy bits.
func answers(list []seen, bits uint8) map[uint64]uint8 {
	out := map[uint64]uint8{}
	for _, s := range list {
		out[s.id] = bits
	}
	return out
}

// visit sends a day on which devices came and answered.
func (b *bench) visit(v *voice, day calendar.Day, n int, isNew bool) {
	b.t.Helper()
	list := visitors(v, day, n)
	b.send(v.sightings(day, list, answers(list, 3), isNew))
}

// noon is a heartbeat of every sensor at noon.
func (b *bench) noon(s *stores.Store, day calendar.Day) {
	b.t.Helper()
	for sensor := range s.Sensors {
		v := voice{t: b.t, store: s, sensor: sensor, boot: 9}
		b.send(v.heartbeat(day, &wire.Heartbeat{CaptureMs: s.Calendar.Start(day).UnixMilli() + 8*hourMS}))
	}
}

// weekTables are how many rows of weeks and of their days' answers there are.
func weekTables(t *testing.T, db *store.DB) [3]uint64 {
	t.Helper()
	return [3]uint64{count(t, db, store.TableReturnPatterns, "1"), count(t, db, store.TableRepeatWeeks, "1"), count(t, db, store.TablePubStoreWeek, "1")}
}

func TestAWeekIsPublishedOnceItIsOver(t *testing.T) {
	e := newEngine(t)
	monday := parseDay(t, "2026-02-02")
	type step struct {
		name string
		do   func(b *bench, v *voice)
		want [3]uint64 // answers, repeat_weeks, pub_store_week
	}
	sealed := func(day calendar.Day) func(b *bench, v *voice) {
		return func(b *bench, v *voice) {
			b.visit(v, day, 20, false)
			b.seal(v, day)
		}
	}
	for name, steps := range map[string][]step{
		"when its Sunday is sealed": {
			{"Monday", sealed(monday), [3]uint64{1, 0, 0}},
			{"Saturday", sealed(monday + 5), [3]uint64{2, 0, 0}},
			{"Sunday", sealed(monday + 6), [3]uint64{0, 1, 1}},
			{"Monday again", sealed(monday + 7), [3]uint64{1, 1, 1}},
		},
		"when no batch of its Sunday can come any more": {
			{"Monday", sealed(monday), [3]uint64{1, 0, 0}},
			{"the clock is at the Monday after", func(b *bench, v *voice) { b.noon(v.store, monday+7) }, [3]uint64{1, 0, 0}},
			{"the clock is at the Tuesday after", func(b *bench, v *voice) { b.noon(v.store, monday+8) }, [3]uint64{0, 1, 1}},
		},
		"not because the captures read so far have ended": {
			{"Monday, and the end of its capture", func(b *bench, v *voice) {
				sealed(monday)(b, v)
				for sensor := range v.store.Sensors {
					ear := voice{t: t, store: v.store, sensor: sensor, boot: 9}
					b.send(ear.heartbeat(monday, &wire.Heartbeat{CaptureMs: v.store.Calendar.End(monday).UnixMilli(), EndOfInput: true}))
				}
			}, [3]uint64{1, 0, 0}},
			{"Sunday", sealed(monday + 6), [3]uint64{0, 1, 1}},
		},
		"not while one of its days is open": {
			{"Thursday is open", func(b *bench, v *voice) { b.visit(v, monday+3, 20, false) }, [3]uint64{0, 0, 0}},
			{"Sunday is sealed", func(b *bench, v *voice) {
				b.visit(v, monday+6, 20, false)
				b.send(sealOf(t, v.store, sightings, monday+6), sealOf(t, v.store, counters, monday+6))
			}, [3]uint64{0, 0, 0}}, // behind Thursday
			{"Thursday is sealed", func(b *bench, v *voice) { b.seal(v, monday+3) }, [3]uint64{0, 1, 1}},
		},
		"and never changes": {
			{"Sunday", sealed(monday + 6), [3]uint64{0, 1, 1}},
			{"a Tuesday that comes after it", sealed(monday + 1), [3]uint64{0, 1, 1}},
			{"after a crash", func(b *bench, v *voice) { b.restart(false) }, [3]uint64{0, 1, 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, v, _ := newStreet(t, e.database(), Config{Clock: ClockCapture})
			published := ""
			for _, step := range steps {
				step.do(b, v)
				b.weeks()
				if got := weekTables(t, b.db); got != step.want {
					t.Errorf("%s: got %v rows of answers, repeat_weeks and pub_store_week, want %v", step.name, got, step.want)
				}
				now := dump(t, b.db, store.TableRepeatWeeks, store.TablePubStoreWeek)
				if published != "" {
					sameTables(t, step.name, now, published)
				}
				published = now
			}
		})
	}
}

// A log that is read again long after must not publish a week from the first of its days: by the wall's clock the week is over,
// but its other days are still unread.
func TestAReplayPublishesTheWholeWeek(t *testing.T) {
	e := newEngine(t)
	day := parseDay(t, "2026-02-02")
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	cfg := Config{Clock: ClockWall, Now: func() time.Time { return now }}
	b, v, _ := newStreet(t, e.database(), cfg)
	for d := day; d < day+3; d++ {
		m := visitors(v, d, 20)
		batch := v.sightings(d, m, answers(m, 1), false)
		b.send(batch)
		b.seal(v, d)
	}
	b.weeks()
	want := dump(t, b.db)
	if n := value[uint8](t, b.db, "SELECT days FROM repeat_weeks FINAL"); n != 3 {
		t.Fatalf("got a week of %d days, want 3", n)
	}
	again, _, _ := newStreet(t, e.database(), cfg)
	again.log = b.log
	again.log.committed = [2]int64{}
	again.restart(false)
	if got := weekTables(t, again.db); got != [3]uint64{3, 0, 0} {
		t.Errorf("on the way: got %v rows of answers, repeat_weeks and pub_store_week, want 3 days' answers only", got)
	}
	again.weeks()
	sameTables(t, "the log again", dump(t, again.db), want)
}

// A sensor whose filters began in this week knows nothing of earlier visits: its answers are left out, not taken for new.
func TestNewFiltersAreLeftOut(t *testing.T) {
	e := newEngine(t)
	tests := []struct {
		name            string
		doorNew, upNew  bool
		answered, shown uint64
		state           string
	}{
		{"both know", false, false, 32, 32, "value"},
		{"one is new", true, false, 20, 32, "value"},
		{"both are new", true, true, 0, 32, "no_data"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, v, day := newStreet(t, e.database(), Config{Clock: ClockCapture})
			up := &voice{t: t, store: v.store, sensor: 2, boot: 4}
			day += 6
			b.visit(v, day, 12, test.doorNew)
			b.visit(up, day, 20, test.upNew)
			b.seal(v, day)
			if got := value[uint64](t, b.db, "SELECT arraySum(counts) FROM return_patterns FINAL"); got != test.answered {
				t.Errorf("got %d answers, want %d", got, test.answered)
			}
			b.weeks()
			if got := value[uint32](t, b.db, "SELECT visitors FROM repeat_weeks FINAL"); uint64(got) != test.shown {
				t.Errorf("got %d visitors, want %d", got, test.shown)
			}
			if got := value[string](t, b.db, "SELECT state FROM pub_store_week FINAL"); got != test.state {
				t.Errorf("got a repeat rate that reads %q, want %q", got, test.state)
			}
		})
	}
}
