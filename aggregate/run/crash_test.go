package run

import (
	"math/rand/v2"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
)

// hide makes every use of a table fail, as a database that goes away at that step would, until show is called.
func (b *bench) hide(table string) (show func()) {
	b.t.Helper()
	rename := func(from, to string) {
		if err := b.db.Exec(b.t.Context(), "RENAME TABLE "+from+" TO "+to); err != nil {
			b.t.Fatal(err)
		}
	}
	rename(table, "hidden")
	return func() { rename("hidden", table) }
}

// TestACrashAtAnyStepOfSealingChangesNothing lets each table fail in turn while a day is sealed and a week published. The
// process dies of it, counters behind the committed offset are gone, and a new one comes to the same tables.
func TestACrashAtAnyStepOfSealingChangesNothing(t *testing.T) {
	e := newEngine(t)
	list := parseStores(t, street+"    policy: extended\n"+basis["extended"])
	w := newWorld(&list[0], parseDay(t, "2026-02-08"), 1, 30, 4) // a Sunday
	steps := append([]string{""}, exactTables...)
	for _, table := range keptTables {
		if table != store.TablePubSensor5Min && table != store.TablePubZoneHour { // one published table stands for all
			steps = append(steps, table)
		}
	}
	want := ""
	for _, table := range steps {
		name := table
		if name == "" {
			name = "nothing fails"
		}
		t.Run(name, func(t *testing.T) {
			b := newBench(t, e.database(), Config{Stores: list, Clock: ClockCapture})
			messages := b.arrange(w, chaos{}, rand.New(rand.NewPCG(1, 1)))
			last := len(messages) - 1
			b.send(messages[:last]...)
			b.flush()
			if b.log.committed[counters] == 0 {
				t.Fatal("no counters were committed: the crash would show nothing")
			}
			if table != "" {
				show := b.hide(table)
				err := b.try(messages[last])
				for _, s := range b.o.stores {
					if err == nil {
						err = b.o.publishWeeks(t.Context(), s)
					}
				}
				if err == nil {
					t.Error("got no error")
				}
				show()
				b.restart(true)
			} else {
				b.send(messages[last])
			}
			b.weeks()
			got := dump(t, b.db)
			if want == "" {
				want = got
				checkWeek(t, b.db)
			}
			sameTables(t, "a crash at "+name, got, want)
		})
	}
}

func checkWeek(t *testing.T, db *store.DB) {
	t.Helper()
	for table, want := range map[string]uint64{
		store.TableSealedDays: 1, store.TableStoreDays: 1, store.TableRepeatWeeks: 1, store.TablePubStoreWeek: 1, store.TableReturnPatterns: 0,
		store.TableDeviceDays: 0, store.TablePeopleMinutes: 0, store.TableCells: 0,
	} {
		if n := count(t, db, table, "1"); n != want {
			t.Errorf("%s: got %d rows, want %d", table, n, want)
		}
	}
}

// A day ends at its first Seal also where the process dies between the Seals of the two topics: what came after the first one
// must not join the day when it is read again.
func TestAFirstSealCountsAfterARestart(t *testing.T) {
	e := newEngine(t)
	for topic, name := range topics {
		t.Run(name, func(t *testing.T) {
			b, v, day := newStreet(t, e.database(), Config{Clock: ClockCapture})
			b.send(v.sightings(day, visitors(v, day, 12), nil, false)) // and no counters, which would hold the offset, too
			b.send(sealOf(t, v.store, topic, day))
			b.send(v.sightings(day, visitors(v, day, 3), nil, false), v.minutes(day, quiet(v, day, 5)))
			b.flush()
			b.restart(topic == counters)
			if !b.o.open() {
				t.Error("the day is closed before the Seal of the other topic")
			}
			b.send(sealOf(t, v.store, 1-topic, day))
			if b.o.open() {
				t.Error("the day is open after both Seals: the first one was forgotten")
			}
			visits, minutes := uint32(15), uint64(0)
			if topic == sightings {
				visits, minutes = 12, 5
			}
			if got := value[uint32](t, b.db, "SELECT visits FROM store_days FINAL"); got != visits {
				t.Errorf("got %d visits, want %d", got, visits)
			}
			if got := value[uint64](t, b.db, "SELECT frames_stable FROM store_days FINAL"); got != minutes {
				t.Errorf("got %d frames, want one of each of %d minutes", got, minutes)
			}
			if got := metric(t, b.reg, "footfall_aggregate_late_batches_total", "street"); got != 1 {
				t.Errorf("got %v late batches, want 1", got)
			}
		})
	}
}
