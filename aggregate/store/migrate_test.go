package store

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// Every row struct and its table, in one place for the tests.
func tables() map[string]reflect.Type {
	return map[string]reflect.Type{
		TableStores:          reflect.TypeFor[StoreRow](),
		TableDeviceDays:      reflect.TypeFor[DeviceDayRow](),
		TablePeopleMinutes:   reflect.TypeFor[PeopleMinuteRow](),
		TableCells:           reflect.TypeFor[CellRow](),
		TableStoreDays:       reflect.TypeFor[StoreDayRow](),
		TableReturnPatterns:  reflect.TypeFor[ReturnPatternRow](),
		TableRepeatWeeks:     reflect.TypeFor[RepeatWeekRow](),
		TableSealedDays:      reflect.TypeFor[SealedDayRow](),
		TableDeadLetters:     reflect.TypeFor[DeadLetterRow](),
		TableReturnVisits:    reflect.TypeFor[ReturnVisitRow](),
		TablePubStoreLive:    reflect.TypeFor[PubStoreLiveRow](),
		TablePubStoreQuarter: reflect.TypeFor[PubStoreQuarterRow](),
		TablePubStoreHour:    reflect.TypeFor[PubStoreHourRow](),
		TablePubZoneHour:     reflect.TypeFor[PubZoneHourRow](),
		TablePubStoreDay:     reflect.TypeFor[PubStoreDayRow](),
		TablePubStoreWeek:    reflect.TypeFor[PubStoreWeekRow](),
		TablePubSensor5Min:   reflect.TypeFor[PubSensor5MinRow](),
		TablePubRetention:    reflect.TypeFor[PubRetentionRow](),
		TablePubAnnotations:  reflect.TypeFor[PubAnnotationRow](),
		TablePubTransactions: reflect.TypeFor[PubTransactionsRow](),
		TablePubEffects:      reflect.TypeFor[PubEffectRow](),
		TablePubStores:       reflect.TypeFor[PubStoreRow](),
		TablePubPrivacy:      reflect.TypeFor[PubPrivacyRow](),
	}
}

type columnRow struct {
	Table   string `ch:"table"`
	Name    string `ch:"name"`
	Comment string `ch:"comment"`
}

func columns(t *testing.T, db *DB) []columnRow {
	t.Helper()
	rows, err := Select[columnRow](t.Context(), db, "SELECT table, name, comment FROM system.columns WHERE database = ? ORDER BY table, position", db.Database())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestMigrateTwice(t *testing.T) {
	dir := t.TempDir()
	db := openEmpty(t, "embedded:"+dir)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := columns(t, db)
	applied := value[uint64](t, db, "SELECT count() FROM migrations")
	if err := Insert(t.Context(), db, TableStores, []StoreRow{{Store: "a", Zones: []string{}}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	if got := columns(t, db); !slices.Equal(got, first) {
		t.Errorf("got %v, want %v", got, first)
	}
	if got := value[uint64](t, db, "SELECT count() FROM migrations"); got != applied {
		t.Errorf("got %d migrations, want %d", got, applied)
	}
	if got := value[uint64](t, db, "SELECT count() FROM stores"); got != 1 {
		t.Errorf("got %d stores, want 1", got)
	}
}

// TestCheckSchema: a database of an older footfall is told by what it lacks, and nothing is changed in it.
func TestCheckSchema(t *testing.T) {
	db := openEmpty(t, "embedded:")
	all, err := readMigrations(schema)
	if err != nil {
		t.Fatal(err)
	}
	last := len(all) - 1
	if err := db.migrate(t.Context(), all[:last]); err != nil {
		t.Fatal(err)
	}
	before := columns(t, db)
	if err := db.CheckSchema(t.Context()); err == nil || !strings.Contains(err.Error(), all[last].name) || !strings.Contains(err.Error(), "footfall migrate") {
		t.Errorf("got %v, want what is missing and what to do", err)
	}
	if got := columns(t, db); !slices.Equal(got, before) {
		t.Errorf("got %v, want %v", got, before)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.CheckSchema(t.Context()); err != nil {
		t.Errorf("of this footfall: got %v, want none", err)
	}
}

func TestMigrateAfterBeingCutShort(t *testing.T) {
	db := openEmpty(t, "embedded:")
	broken := []migration{{1, "001_a.sql", "CREATE TABLE IF NOT EXISTS a (n UInt8) ENGINE = MergeTree ORDER BY n; CREATE TABL"}}
	err := db.migrate(t.Context(), broken)
	if err == nil || !strings.Contains(err.Error(), "001_a.sql, statement 2") {
		t.Fatalf("got %v, want an error that names the statement", err)
	}
	mended := []migration{{1, "001_a.sql", "CREATE TABLE IF NOT EXISTS a (n UInt8) ENGINE = MergeTree ORDER BY n"}}
	if err := db.migrate(t.Context(), mended); err != nil {
		t.Fatal(err)
	}
	later := append(mended, migration{2, "002_b.sql", "ALTER TABLE a ADD COLUMN IF NOT EXISTS b String"})
	for range 2 {
		if err := db.migrate(t.Context(), later); err != nil {
			t.Fatal(err)
		}
	}
	if got := value[uint64](t, db, "SELECT count() FROM system.columns WHERE table = 'a'"); got != 2 {
		t.Errorf("got %d columns, want 2", got)
	}
	if err := db.migrate(t.Context(), mended); err == nil || !strings.Contains(err.Error(), "newer footfall") {
		t.Errorf("an older program: got %v, want a refusal", err)
	}
}

func TestPendingMigrations(t *testing.T) {
	a, b := migration{1, "001_a.sql", "a"}, migration{2, "002_b.sql", "b"}
	row := func(m migration) migrationRow {
		return migrationRow{Number: uint32(m.number), Name: m.name, Sum: m.sum()}
	}
	tests := []struct {
		name    string
		applied []migrationRow
		want    []migration
		hint    string
	}{
		{"none applied", nil, []migration{a, b}, ""},
		{"one applied", []migrationRow{row(a)}, []migration{b}, ""},
		{"all applied", []migrationRow{row(a), row(b)}, []migration{}, ""},
		{"one edited since", []migrationRow{{Number: 1, Sum: "x"}}, nil, "differs"},
		{"one missing", []migrationRow{row(b)}, nil, "lacks migration 001_a.sql"},
		{"one more than known", []migrationRow{row(a), row(b), {Number: 3}}, nil, "newer footfall"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := pendingMigrations([]migration{a, b}, test.applied)
			if test.hint != "" {
				if err == nil || !strings.Contains(err.Error(), test.hint) {
					t.Errorf("got %v, want an error with %q", err, test.hint)
				}
				return
			}
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestReadMigrations(t *testing.T) {
	if got, err := readMigrations(schema); err != nil || len(got) < 2 {
		t.Errorf("the embedded ones: got %d, %v", len(got), err)
	}
	file := &fstest.MapFile{Data: []byte("SELECT 1")}
	tests := []struct {
		name  string
		files fstest.MapFS
		hint  string
	}{
		{"in order", fstest.MapFS{"sql/001_a.sql": file, "sql/002_b.sql": file}, ""},
		{"a gap", fstest.MapFS{"sql/001_a.sql": file, "sql/003_b.sql": file}, "002"},
		{"a number twice", fstest.MapFS{"sql/001_a.sql": file, "sql/001_b.sql": file}, "002"},
		{"no number", fstest.MapFS{"sql/a.sql": file}, "NNN_name.sql"},
		{"another file", fstest.MapFS{"sql/001_a.sql.orig": file}, "NNN_name.sql"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := readMigrations(test.files)
			if (err != nil) != (test.hint != "") || err != nil && !strings.Contains(err.Error(), test.hint) {
				t.Errorf("got %v, want %q", err, test.hint)
			}
		})
	}
}

func TestRowsAndColumnsAgree(t *testing.T) {
	db := open(t, "")
	inTable := map[string][]string{}
	for _, column := range columns(t, db) {
		inTable[column.Table] = append(inTable[column.Table], column.Name)
	}
	delete(inTable, "migrations")
	for table, row := range tables() {
		var want []string
		for i := range row.NumField() {
			want = append(want, row.Field(i).Tag.Get("ch"))
		}
		if !slices.Equal(inTable[table], want) {
			t.Errorf("%s: got columns %v, want those of %s: %v", table, inTable[table], row, want)
		}
		delete(inTable, table)
	}
	if len(inTable) != 0 {
		t.Errorf("tables without a row struct: %v", inTable)
	}
}

func TestEveryPublishedColumnSaysWhatItIs(t *testing.T) {
	for _, column := range columns(t, open(t, "")) {
		if strings.HasPrefix(column.Table, "pub_") && len(column.Comment) < 10 {
			t.Errorf("%s.%s: got the comment %q, want a sentence", column.Table, column.Name, column.Comment)
		}
	}
}

func TestOnlyTwoTablesHaveIDs(t *testing.T) {
	for _, column := range columns(t, open(t, "")) {
		allowed := map[string]string{TableDeviceDays: "id", TableReturnVisits: "return_id"}[column.Table]
		if (column.Name == "id" || strings.HasSuffix(column.Name, "_id")) && column.Name != allowed {
			t.Errorf("%s has a column %s", column.Table, column.Name)
		}
	}
}

func TestSplitStatements(t *testing.T) {
	tests := []struct {
		name, sql string
		want      []string
	}{
		{"nothing", " \n ;; ", nil},
		{"one", "SELECT 1", []string{"SELECT 1"}},
		{"two", "SELECT 1;\nSELECT 2;\n", []string{"SELECT 1", "SELECT 2"}},
		{"in quotes", "SELECT 'a;b', \";\", `;`; x", []string{"SELECT 'a;b', \";\", `;`", "x"}},
		{"a doubled quote", "SELECT 'it''s; so'; x", []string{"SELECT 'it''s; so'", "x"}},
		{"an escaped quote", `SELECT 'it\'s; so\\'; x`, []string{`SELECT 'it\'s; so\\'`, "x"}},
		{"comments", "-- a; b\nSELECT 1 -- c;\n; /* d; */ # e;\n", []string{"-- a; b\nSELECT 1 -- c;"}},
		{"a comment in a statement", "SELECT /* ; ' */ 1; x", []string{"SELECT /* ; ' */ 1", "x"}},
		{"a quote in a comment", "-- it's\nSELECT 1; x", []string{"-- it's\nSELECT 1", "x"}},
		{"a comment in a quote", "SELECT '--'; x", []string{"SELECT '--'", "x"}},
		{"a heredoc", "SELECT $a$ ; $b$ ; $a$; x", []string{"SELECT $a$ ; $b$ ; $a$", "x"}},
		{"a dollar", "SELECT 1 $ 2; x", []string{"SELECT 1 $ 2", "x"}},
		{"no end of the quote", "SELECT 'a; b", []string{"SELECT 'a; b"}},
		{"no end of the comment", "x; /* a; b", []string{"x"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := splitStatements(test.sql); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzSplitStatements checks that no piece is split again and none is empty.
func FuzzSplitStatements(f *testing.F) {
	f.Add("SELECT 1; SELECT ';'; -- ;\n")
	f.Add("$a$;$a$;/*;*/`;\\`")
	f.Add("\u2000") // white space that is not ASCII
	f.Fuzz(func(t *testing.T, sql string) {
		for _, piece := range splitStatements(sql) {
			if again := splitStatements(piece); len(again) != 1 || again[0] != piece {
				t.Errorf("got %q out of %q, want it whole", again, piece)
			}
		}
	})
}
