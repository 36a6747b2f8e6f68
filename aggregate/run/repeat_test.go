package run

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/aggregate/publish"
	"github.com/openfootfall/footfall/aggregate/store"
)

// shownBytes are the published counts as they stand, byte by byte, versions included.
func shownBytes(t *testing.T, db *store.DB) string {
	t.Helper()
	var b strings.Builder
	for _, table := range []string{store.TablePubStoreQuarter, store.TablePubStoreHour, store.TablePubZoneHour, store.TablePubStoreDay, store.TablePubStoreWeek} {
		rows, err := store.Select[line](t.Context(), db, "SELECT formatRow('JSONEachRow', *) AS row FROM "+table+" FINAL ORDER BY row")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			b.WriteString(table + " " + r.Row)
		}
	}
	return b.String()
}

// TestPublishedNumbersAreTheSameWheneverTheyAreMade makes the published tables of one log again in every way that happens. Criterion: they
// are equal byte by byte, so that asking again, or having it computed again, gives no second look at a count. Under another key they
// differ, else this test could not fail.
func TestPublishedNumbersAreTheSameWheneverTheyAreMade(t *testing.T) {
	e := newEngine(t)
	list := parseStores(t, street)
	w := newWorld(&list[0], parseDay(t, "2026-02-07"), 2, 80, 4) // a Saturday and a Sunday
	cfg := Config{Stores: list, Clock: ClockCapture}
	b := newBench(t, e.database(), cfg)
	messages := b.arrange(w, chaos{}, rand.New(rand.NewPCG(1, 1)))
	half := len(messages) * 19 / 20
	b.send(messages[:half]...)
	b.flush()
	open := shownBytes(t, b.db)
	if !strings.Contains(open, `"value"`) {
		t.Fatal("nothing is shown of the open day: this would show nothing")
	}
	same := func(name, got, want string) {
		t.Helper()
		sameTables(t, name, got, want)
	}
	for range 3 {
		for _, d := range b.only().days {
			d.dirty = true
		}
		b.flush()
		same("the same again", shownBytes(t, b.db), open)
	}
	b.restart(false)
	b.flush()
	same("a restart", shownBytes(t, b.db), open)
	b.restart(true)
	b.flush()
	same("a restart that reads counters first", shownBytes(t, b.db), open)
	b.send(messages[half:]...)
	b.flush()
	b.weeks()
	sealed := shownBytes(t, b.db)

	another := func(key byte) string {
		other := newBench(t, e.database(), cfg)
		if key != 0 {
			var err error
			if other.a.round, err = publish.NewRounder([32]byte{key}); err != nil {
				t.Fatal(err)
			}
		}
		other.send(messages...)
		other.flush()
		other.weeks()
		return shownBytes(t, other.db)
	}
	same("another process and database, the same key", another(0), sealed)
	if another(77) == sealed {
		t.Error("another key gives the same numbers: nothing is rounded at random")
	}
}

// TestPublishedIntervalsHoldTheExactOnes compares what is published of quarters and days with the exact cells and days, before and after
// sealing: the interval's ends go outward and never inward, though they are made of rounded counts only.
func TestPublishedIntervalsHoldTheExactOnes(t *testing.T) {
	list := parseStores(t, street)
	w := newWorld(&list[0], parseDay(t, "2026-02-07"), 1, 120, 8)
	b := newBench(t, newEngine(t).database(), Config{Stores: list, Clock: ClockCapture})
	messages := b.arrange(w, chaos{}, rand.New(rand.NewPCG(1, 1)))
	b.send(messages[:len(messages)*19/20]...)
	b.flush()
	const quarters = "FROM pub_store_quarter AS p FINAL JOIN cells AS c FINAL ON p.store = c.store AND p.start = c.start WHERE "
	for name, of := range map[string]string{"occupancy": "occupancy", "estimated visits": "estimated"} {
		shown := value[uint64](t, b.db, "SELECT count() "+quarters+"p."+of+"_state = 'value'")
		wrong := value[uint64](t, b.db, "SELECT count() "+quarters+"p."+of+"_state = 'value' AND (p."+of+"_low > c."+of+"_low OR p."+of+"_high < c."+of+"_high)")
		if shown == 0 || wrong != 0 {
			t.Errorf("%s of quarters: got %d of %d that cut the exact interval, want none of some", name, wrong, shown)
		}
	}
	b.send(messages[len(messages)*19/20:]...)
	const days = "SELECT count() FROM pub_store_day AS p FINAL JOIN store_days AS d FINAL ON p.store = d.store AND p.store_day = d.store_day WHERE p.estimated_state = 'value'"
	if shown, wrong := value[uint64](t, b.db, days), value[uint64](t, b.db, days+" AND (p.estimated_low > d.estimated_low OR p.estimated_high < d.estimated_high)"); shown != 1 || wrong != 0 {
		t.Errorf("days: got %d of %d that cut the exact interval, want none of 1", wrong, shown)
	}
}
