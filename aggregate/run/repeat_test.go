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
