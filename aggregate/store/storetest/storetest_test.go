package storetest

import (
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
)

func TestOpenIsEmptyEachTime(t *testing.T) {
	for _, name := range []string{"one test", "the next"} {
		t.Run(name, func(t *testing.T) {
			db := Open(t)
			if n := count(t, db); n != 0 {
				t.Errorf("got %d stores, want 0", n)
			}
			put(t, db)
		})
	}
}

func TestOpenDirKeepsTheData(t *testing.T) {
	dir := t.TempDir()
	for want := range uint64(3) {
		db := OpenDir(t, dir)
		if n := count(t, db); n != want {
			t.Errorf("got %d rows, want %d", n, want)
		}
		put(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func count(t *testing.T, db *store.DB) uint64 {
	t.Helper()
	n, err := store.Value[uint64](t.Context(), db, "SELECT count() FROM dead_letters")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func put(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Exec(t.Context(), "INSERT INTO dead_letters (topic, received) VALUES ('x', now())"); err != nil {
		t.Fatal(err)
	}
}
