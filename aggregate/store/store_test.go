package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/openfootfall/footfall/aggregate/store/engine"
)

// open gives a test an embedded ClickHouse of its own, with the schema, in dir.
// A process can hold one engine, so the tests of this package do not run in
// parallel; opening one takes 0.1 s.
func open(t testing.TB, dir string) *DB {
	t.Helper()
	db := openEmpty(t, "embedded:"+dir)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func openEmpty(t testing.TB, target string) *DB {
	t.Helper()
	if _, err := engine.Find(); err != nil {
		t.Skip(err)
	}
	db, err := Open(t.Context(), target, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// value is Value, for a query that must succeed.
func value[T any](t testing.TB, db *DB, query string, args ...any) T {
	t.Helper()
	v, err := Value[T](t.Context(), db, query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct{ name, target, listen, hint string }{
		{"nothing", "", "", "embedded:DIR"},
		{"no address", "a folder", "", "embedded:DIR"},
		{"nobody there", "http://127.0.0.1:1/footfall", "", "check the address"},
		{"bad parameters", "embedded:?%zz", "", "embedded:DIR?database=NAME"},
		{"a public address", "embedded:", "0.0.0.0:0", "loopback"},
		{"no address to listen on", "embedded:", "here", "loopback"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db, err := Open(t.Context(), test.target, Options{Listen: test.listen})
			if db != nil || err == nil || !strings.Contains(err.Error(), test.hint) {
				t.Errorf("got %v, want an error with %q", err, test.hint)
			}
		})
	}
	_, err := Open(t.Context(), "http://me:hush-hush@127.0.0.1:1/footfall", Options{})
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestOpenWithoutAnEngine(t *testing.T) {
	t.Setenv(engine.EnvLibrary, "nowhere.so")
	_, err := Open(t.Context(), "embedded:"+t.TempDir(), Options{})
	if !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("got %v, want %v", err, engine.ErrNotFound)
	}
}

func TestOpenMakesTheDatabase(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ name, target, database string }{
		{"the usual one", "embedded:" + dir, "footfall"},
		{"once more", "embedded:" + dir, "footfall"},
		{"a named one", "embedded:" + dir + "?database=second-`hand`", "second-`hand`"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db := openEmpty(t, test.target)
			if got := value[string](t, db, "SELECT currentDatabase()"); got != test.database || db.Database() != test.database {
				t.Errorf("got %q and %q, want %q", got, db.Database(), test.database)
			}
		})
	}
}

// A front stands in for a server: the same code reaches it by address.
func TestOpenByAddress(t *testing.T) {
	local := open(t, "")
	address, password, ok := local.Front()
	if !ok || len(password) < 20 {
		t.Fatalf("got front %q with a password of %d letters", address, len(password))
	}
	for _, target := range []string{
		"http://me:" + password + "@" + address,
		"http://me:" + password + "@" + address + "/other?compress=lz4",
	} {
		remote := openEmpty(t, target)
		if err := remote.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := Insert(t.Context(), remote, TableStores, []StoreRow{{Store: "a", Zones: []string{"in"}, Version: 1}}); err != nil {
			t.Fatal(err)
		}
		if got := value[uint64](t, remote, "SELECT count() FROM stores"); got != 1 {
			t.Errorf("got %d stores, want 1", got)
		}
		if _, _, ok := remote.Front(); ok {
			t.Error("a server has a front")
		}
	}
	if got := value[uint64](t, local, "SELECT count() FROM stores"); got != 1 {
		t.Errorf("in the database by default: got %d stores, want 1", got)
	}
	if _, err := Open(t.Context(), "http://me:wrong@"+address+"/footfall", Options{}); code(err) != 516 {
		t.Errorf("with a wrong password: got %v, want code 516", err)
	}
}

func TestSelectAndValue(t *testing.T) {
	db := open(t, "")
	type number struct {
		N uint64 `ch:"number"`
	}
	rows, err := Select[number](t.Context(), db, "SELECT number FROM numbers(10) WHERE number > ?", 7)
	if err != nil || len(rows) != 2 || rows[1].N != 9 {
		t.Errorf("got %v, %v, want 8 and 9", rows, err)
	}
	if rows, err := Select[number](t.Context(), db, "SELECT number FROM numbers(10) WHERE number > {n:UInt8}", clickhouse.Named("n", "9")); err != nil || len(rows) != 0 {
		t.Errorf("got %v, %v, want nothing", rows, err)
	}
	if _, err := Select[number](t.Context(), db, "SELECT nothing"); code(err) != 47 {
		t.Errorf("got %v, want code 47", err)
	}
	if _, err := Value[uint64](t.Context(), db, "SELECT number FROM numbers(0)"); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("got %v, want %v", err, sql.ErrNoRows)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Exec(ctx, "SELECT 1"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
