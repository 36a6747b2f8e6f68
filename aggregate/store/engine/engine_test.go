package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// start runs an engine for one test. The library holds one folder per process,
// so the tests of this package do not run in parallel; starting takes 20 ms.
func start(t testing.TB, dir string) *Engine {
	t.Helper()
	path, err := Find()
	if err != nil {
		t.Skip(err)
	}
	e, err := Start(Options{Library: path, DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	return e
}

func run(t testing.TB, e *Engine, q Query) string {
	t.Helper()
	out, err := e.Run(t.Context(), q)
	if err != nil {
		t.Fatalf("%s: %v", q.SQL, err)
	}
	return string(out)
}

func sql(text string) Query { return Query{SQL: []byte(text)} }

func TestRunAnswers(t *testing.T) {
	e := start(t, "")
	run(t, e, sql("CREATE DATABASE shop"))
	run(t, e, Query{SQL: []byte("CREATE TABLE t (n UInt8, s String) ENGINE = MergeTree ORDER BY n"), Database: "shop"})
	tests := []struct {
		name  string
		query Query
		want  string
	}{
		{"a number", sql("SELECT 1 + 1"), "2\n"},
		{"a NUL inside the query", sql("SELECT length('a\x00b')"), "3\n"},
		{"inserted data with NULs", Query{SQL: []byte("INSERT INTO t"), Data: []byte("\x00\x03a\x00b\x07\x05\n\n;\n\n"), Format: "RowBinary", Database: "shop"}, ""},
		{"an insert of nothing", Query{SQL: []byte("INSERT INTO t"), Data: []byte{}, Format: "RowBinary", Database: "shop"}, ""},
		{"and what was inserted", Query{SQL: []byte("SELECT n, length(s) FROM t ORDER BY n"), Database: "shop"}, "0\t3\n7\t5\n"},
		{"a database of its own", Query{SQL: []byte("SELECT currentDatabase()"), Database: "shop"}, "shop\n"},
		{"that the next query does not see", sql("SELECT currentDatabase()"), "default\n"},
		{"a setting of its own", Query{SQL: []byte("SELECT getSetting('max_block_size')"), Settings: map[string]string{"max_block_size": "77"}}, "77\n"},
		{"that the next query does not see either", sql("SELECT getSetting('max_block_size') = 77"), "0\n"},
		{"a text setting with quotes", Query{SQL: []byte("SELECT getSetting('log_comment')"), Settings: map[string]string{"log_comment": `it's \n`}}, "it\\'s \\\\n\n"},
		{"parameters", Query{SQL: []byte("SELECT {b:String}, {a:UInt8}"), Params: map[string]string{"a": "4", "b": "x'y"}}, "x\\'y\t4\n"},
		{"a format of the caller's", Query{SQL: []byte("SELECT 1 AS n"), Format: "JSONEachRow"}, "{\"n\":1}\n"},
		{"a format of the query's", Query{SQL: []byte("SELECT 1 AS n FORMAT CSV"), Format: "JSONEachRow"}, "1\n"},
		{"nothing", sql("SELECT 1 WHERE 0"), ""},
		{"reading where only reading is allowed", Query{SQL: []byte("SELECT 3"), ReadOnly: true}, "3\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := run(t, e, test.query); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	e := start(t, "")
	tests := []struct {
		name  string
		query Query
		code  int
	}{
		{"a syntax error", sql("SELECT FROM WHERE"), codeSyntax},
		{"an unknown table", sql("SELECT * FROM nothing"), codeUnknownTable},
		{"an unknown column", sql("SELECT nothing"), codeUnknownIdentifier},
		{"an unknown database", Query{SQL: []byte("SELECT 1"), Database: "no`pe"}, codeUnknownDatabase},
		{"an unknown setting", Query{SQL: []byte("SELECT 1"), Settings: map[string]string{"nothing": "1"}}, codeUnknownSetting},
		{"a setting that is a statement", Query{SQL: []byte("SELECT 1"), Settings: map[string]string{"a = 1; DROP": "1"}}, codeUnknownSetting},
		{"writing where only reading is allowed", Query{SQL: []byte("CREATE DATABASE x"), ReadOnly: true}, 164},
		{"an insert into nothing", Query{SQL: []byte("INSERT INTO nothing"), Data: []byte("1"), Format: "CSV"}, codeUnknownTable},
		{"an insert of the wrong kind", Query{SQL: []byte("INSERT INTO FUNCTION null('n UInt8')"), Data: []byte("one"), Format: "CSV"}, 117},
		{"an insert in no known format", Query{SQL: []byte("INSERT INTO FUNCTION null('n UInt8')"), Data: []byte("1"), Format: "Tea"}, 73},
		{"an exception in the middle", sql("SELECT throwIf(number = 70000) FROM numbers(100000)"), 395},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := e.Run(t.Context(), test.query)
			var refusal *Error
			if !errors.As(err, &refusal) || refusal.Code != test.code {
				t.Errorf("got %v, want code %d", err, test.code)
			}
		})
	}
	if got, want := run(t, e, sql("SELECT 1")), "1\n"; got != want {
		t.Errorf("after the refusals: got %q, want %q", got, want)
	}
}

func TestOneFolderPerProcess(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	run(t, first, sql("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n"))
	run(t, first, sql("INSERT INTO t VALUES (9)"))
	for _, test := range []struct{ name, dir string }{{"the same folder", dir}, {"another folder", t.TempDir()}} {
		second, err := Start(Options{DataDir: test.dir})
		if err == nil {
			t.Fatalf("%s: got an engine, want an error", test.name)
		}
		if second != nil || !strings.Contains(err.Error(), "other") {
			t.Errorf("%s: got %v, want an error that says what to do", test.name, err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Run(t.Context(), sql("SELECT 1")); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: got %v, want %v", err, ErrClosed)
	}
	if err := first.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("closing twice: got %v, want %v", err, ErrClosed)
	}
	again := start(t, dir)
	if got, want := run(t, again, sql("SELECT n FROM t")), "9\n"; got != want {
		t.Errorf("after reopening: got %q, want %q", got, want)
	}
}

func TestATemporaryFolderGoes(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	e := start(t, "")
	run(t, e, sql("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n"))
	run(t, e, sql("INSERT INTO t VALUES (9)"))
	during, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(during) != 1 || !strings.HasPrefix(filepath.Base(during[0]), "footfall-engine-") {
		t.Fatalf("got %q, want one folder", during)
	}
	if info, err := os.Stat(during[0]); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got mode %v, want 0700 (%v)", info.Mode(), err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(after) != 0 {
		t.Errorf("after Close: got %q, want nothing (%v)", after, err)
	}
}

func TestManyQueriesAtOnce(t *testing.T) {
	e := start(t, t.TempDir())
	run(t, e, sql("CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n"))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				if _, err := e.Run(t.Context(), sql("INSERT INTO t SELECT number FROM numbers(100)")); err != nil {
					t.Error(err)
				}
				if _, err := e.Run(t.Context(), Query{SQL: []byte("SELECT sum(n) FROM t"), Settings: map[string]string{"max_threads": "1"}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got, want := run(t, e, sql("SELECT count() FROM t")), "8000\n"; got != want {
		t.Errorf("got %q rows, want %q", got, want)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	e := start(t, "")
	if err := e.slots.Acquire(t.Context(), e.size); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Run(ctx, sql("SELECT 1"))
	e.slots.Release(e.size)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestStartFails(t *testing.T) {
	if _, err := Find(); err != nil {
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		options Options
		hint    string
	}{
		{"no library there", Options{Library: file + "x"}, "make engine"},
		{"no library at all", Options{Library: file}, "make engine"},
		{"a file for a folder", Options{DataDir: file}, "choose a folder"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Start(test.options); err == nil || !strings.Contains(err.Error(), test.hint) {
				t.Errorf("got %v, want an error with %q", err, test.hint)
			}
		})
	}
	if e := start(t, t.TempDir()); e == nil {
		t.Error("no engine after the failures")
	}
}

func TestFindLooksInOrder(t *testing.T) {
	packaged := filepath.Join("deploy", "engine", "node_modules", "@chdb", packageName(), LibraryName)
	tests := []struct {
		name, env string
		there     []string
		want      string // empty: not found
	}{
		{"the variable goes first", "/env/lib.so", []string{"/env/lib.so", "/app/bin/lib/libchdb.so"}, "/env/lib.so"},
		{"the variable names nothing", "/env/lib.so", []string{"/app/bin/lib/libchdb.so"}, ""},
		{"beside the binary", "", []string{"/app/bin/lib/libchdb.so", "/usr/lib/footfall/libchdb.so"}, "/app/bin/lib/libchdb.so"},
		{"above the binary", "", []string{filepath.Join("/app", packaged), filepath.Join("/home/me", packaged)}, filepath.Join("/app", packaged)},
		{"above the working directory", "", []string{filepath.Join("/home/me", packaged)}, filepath.Join("/home/me", packaged)},
		{"installed", "", []string{"/usr/lib/footfall/libchdb.so"}, "/usr/lib/footfall/libchdb.so"},
		{"nowhere", "", nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			there := func(path string) bool {
				for _, p := range test.there {
					if p == path {
						return true
					}
				}
				return false
			}
			got, err := find(test.env, "/app/bin", []string{"/app/bin", "/home/me/project"}, there)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if test.want == "" && (!errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "make engine")) {
				t.Errorf("got error %v, want one that says what to do", err)
			}
		})
	}
}

func BenchmarkRun(b *testing.B) {
	e := start(b, "")
	for b.Loop() {
		if _, err := e.Run(b.Context(), sql("SELECT 1")); err != nil {
			b.Fatal(err)
		}
	}
}
