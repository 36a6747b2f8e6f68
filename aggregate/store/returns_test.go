package store

import (
	"strings"
	"testing"
	"time"
)

func returnVisit(store string, day time.Time, id uint64, written time.Time) ReturnVisitRow {
	return ReturnVisitRow{Store: store, Period: 80, ReturnID: id, StoreDay: day, Written: written.UTC().Truncate(time.Second), Version: 1}
}

func insertReturns(t *testing.T, db *DB, rows ...ReturnVisitRow) {
	t.Helper()
	if err := Insert(t.Context(), db, TableReturnVisits, rows); err != nil {
		t.Fatal(err)
	}
}

// TestReturnIDsLeaveTheDisk by each way that they go.
func TestReturnIDsLeaveTheDisk(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	if err := db.Exec(t.Context(), "ALTER TABLE return_visits MODIFY COLUMN return_id UInt64 CODEC(NONE)"); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, test := range []struct {
		name string
		do   func() error
		left uint64 // of five rows
	}{
		{"forgotten", func() error {
			_, err := db.ForgetReturns(t.Context(), Forgets{Store: "a", Salt: salt, Hashes: []uint64{hashOf(3), hashOf(marked)}})
			return err
		}, 3},
		{"too old", func() error { return db.DeleteReturnVisits(t.Context(), "a", monday.AddDate(0, 0, 2)) }, 2},
		{"of a store that keeps none any more", func() error { return db.DeleteStoresReturns(t.Context(), "a") }, 1},
	} {
		// Two days of the device, a later day of another and of another store's.
		insertReturns(t, db, returnVisit("a", monday, marked, now), returnVisit("a", monday.AddDate(0, 0, 1), marked, now))
		insertReturns(t, db, returnVisit("a", monday, marked+256, now), returnVisit("a", monday.AddDate(0, 0, 2), marked+512, now), returnVisit("b", monday, marked+768, now))
		if len(filesWith(t, dir, marked)) == 0 {
			t.Fatalf("%s: the id is not found before: the test sees nothing", test.name)
		}
		if err := test.do(); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if found := filesWith(t, dir, marked); len(found) != 0 {
			t.Errorf("%s: the id is still in %s", test.name, strings.Join(found, ", "))
		}
		if got := value[uint64](t, db, "SELECT count() FROM return_visits FINAL"); got != test.left {
			t.Errorf("%s: got %d rows, want %d", test.name, got, test.left)
		}
	}
}

// TestNoReturnIDOutlivesItsStore: where nothing deletes them, rows go 31 days after they were written.
func TestNoReturnIDOutlivesItsStore(t *testing.T) {
	db := open(t, "")
	old, fresh := time.Now().AddDate(0, 0, -32), time.Now().AddDate(0, 0, -30)
	insertReturns(t, db, returnVisit("gone", monday, 1, old), returnVisit("gone", monday, 2, fresh))
	if err := db.Exec(t.Context(), "OPTIMIZE TABLE return_visits FINAL"); err != nil {
		t.Fatal(err)
	}
	if got := value[string](t, db, "SELECT toString(groupArray(return_id)) FROM return_visits"); got != "[2]" {
		t.Errorf("got the rows %s, want [2]", got)
	}
}
