package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
)

const roleFile = "../../deploy/clickhouse/dashboards.sql"

// publishedTables are the pub_ tables that the migrations make.
func publishedTables(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../aggregate/store/sql/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("got migrations %v, %v", files, err)
	}
	var out []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`CREATE TABLE IF NOT EXISTS (pub_\w+)`).FindAllStringSubmatch(string(text), -1) {
			out = append(out, found[1])
		}
	}
	return slices.Sorted(slices.Values(out))
}

// roleStatements are the statements of the role's file.
func roleStatements(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(roleFile)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for s := range strings.SplitSeq(regexp.MustCompile(`--[^\n]*`).ReplaceAllString(string(text), ""), ";") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func TestTheDashboardsRoleReadsThePublishedTablesAndNothingElse(t *testing.T) {
	var got []string
	for _, s := range roleStatements(t) {
		if !strings.HasPrefix(s, "GRANT") {
			if strings.Contains(s, "GRANT") {
				t.Errorf("a grant in the midst of %s", s)
			}
			continue
		}
		grant := regexp.MustCompile(`^GRANT SELECT ON footfall\.(\w+) TO footfall_dashboards$`).FindStringSubmatch(s)
		if grant == nil {
			t.Errorf("a grant that is not SELECT on one table: %s", s)
			continue
		}
		got = append(got, grant[1])
	}
	slices.Sort(got)
	if want := publishedTables(t); !slices.Equal(got, want) {
		t.Errorf("got grants on %v, want %v", got, want)
	}
	for _, want := range []string{"readonly = 2 CONST", "max_execution_time", "CREATE QUOTA", "REVOKE ALL ON *.*"} {
		if !strings.Contains(strings.Join(roleStatements(t), ";"), want) {
			t.Errorf("nothing of %s", want)
		}
	}
}

// The embedded engine has no roles, but it reads their statements as a server does.
func TestTheRolesStatementsAreClickHouses(t *testing.T) {
	needEngine(t)
	source := newPanelSource(t, storetest.Open(t))
	for _, s := range roleStatements(t) {
		if _, err := source.Query(t.Context(), "EXPLAIN AST "+s); err != nil {
			t.Errorf("%v in %s", err, s)
		}
	}
	if _, err := source.Query(t.Context(), "EXPLAIN AST CREATE ROLE OR NOT"); err == nil {
		t.Error("a statement that is none passed")
	}
}

// FOOTFALL_CLICKHOUSE_URL names a server and an administrator whose database is footfall; the test makes the role and a user there.
func TestTheRoleOnAServer(t *testing.T) {
	target := os.Getenv("FOOTFALL_CLICKHOUSE_URL")
	if target == "" {
		t.Skip("skipped: FOOTFALL_CLICKHOUSE_URL names no ClickHouse server")
	}
	db, err := store.Open(t.Context(), target, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	const user, password = "footfall_role_test", "Role-test-1"
	for _, s := range append(roleStatements(t), "CREATE USER OR REPLACE "+user+" IDENTIFIED BY '"+password+"'", "GRANT footfall_dashboards TO "+user) {
		if err := db.Exec(t.Context(), s); err != nil {
			t.Fatalf("%v in %s", err, s)
		}
	}
	options, err := clickhouse.ParseDSN(target)
	if err != nil {
		t.Fatal(err)
	}
	options.Auth.Username, options.Auth.Password = user, password
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tables, err := store.Select[struct {
		Name string `ch:"name"`
	}](t.Context(), db, "SELECT name FROM system.tables WHERE database = 'footfall'")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		err := conn.Exec(t.Context(), "SELECT * FROM footfall."+table.Name+" LIMIT 1")
		if published := strings.HasPrefix(table.Name, "pub_"); published != (err == nil) {
			t.Errorf("reading %s: %v", table.Name, err)
		}
		if err := conn.Exec(t.Context(), "TRUNCATE TABLE footfall."+table.Name); err == nil {
			t.Errorf("%s was emptied by the dashboards' role", table.Name)
		}
	}
}
