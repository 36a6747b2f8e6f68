// Package storetest gives tests of other packages a ClickHouse: the embedded
// engine with the schema, empty, gone with the test. A process can hold one
// engine, so tests that use it must not run in parallel; each costs 0.1 s.
package storetest

import (
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/engine"
)

// Open returns a migrated database in a folder of the test's own. The test is
// skipped where no engine is installed.
func Open(t testing.TB) *store.DB {
	t.Helper()
	return OpenDir(t, t.TempDir())
}

// OpenDir is Open on a given folder, which may hold the data of an earlier
// process. Close the DB to open the folder again in the same test.
func OpenDir(t testing.TB, dir string) *store.DB {
	t.Helper()
	if _, err := engine.Find(); err != nil {
		t.Skip(err)
	}
	db, err := store.Open(t.Context(), "embedded:"+dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}
