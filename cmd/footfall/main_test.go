package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/openfootfall/footfall/aggregate/store"
)

// asProgram is the environment variable that makes the test binary one of the programs it tests, so that they can be killed
// and started again, and because a process can hold one embedded engine only.
const asProgram = "FOOTFALL_TEST_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(asProgram) {
	case "footfall":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	case "dump":
		if err := dump(context.Background(), os.Args[1], os.Args[2:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case "dump-all":
		if err := dumpAll(context.Background(), os.Args[1], os.Args[2], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testscript.Main(m, map[string]func(){"footfall": main}) // and run the tests
}

// dumpTables are the tables that a replay must make again, row for row.
var dumpTables = []string{
	store.TableDeviceDays, store.TablePeopleMinutes, store.TableCells, store.TableStoreDays, store.TableReturnPatterns, store.TableRepeatWeeks,
	store.TableSealedDays, store.TablePubStoreQuarter, store.TablePubStoreHour, store.TablePubZoneHour, store.TablePubStoreDay,
	store.TablePubStoreWeek, store.TablePubSensor5Min, store.TableReturnVisits,
}

// dump prints the rows of an embedded engine's tables, one JSON object a line, without the columns named.
func dump(ctx context.Context, dir string, without []string, out io.Writer) error {
	db, err := store.Open(ctx, "embedded:"+dir, store.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for _, table := range dumpTables {
		columns, left := "*", slices.Clone(without)
		if table == store.TableReturnVisits {
			left = append(left, "written") // when, by the clock of whoever wrote
		}
		if len(left) > 0 {
			columns = "COLUMNS('^.*$') EXCEPT ('^(" + strings.Join(left, "|") + ")$')"
		}
		if table == store.TablePubSensor5Min {
			columns += " REPLACE (mapSort(drops) AS drops, mapSort(channels) AS channels)" // a map's order is nobody's
		}
		if err := ask(ctx, db, fmt.Sprintf("SELECT '%s' AS t, %s FROM %s FINAL ORDER BY ALL FORMAT JSONEachRow", table, columns, table), out); err != nil {
			return err
		}
	}
	return nil
}

// dumpAll prints every row of every table that an embedded engine keeps on its disk, replaced versions and the engine's own
// tables included, in one of ClickHouse's formats. Before each table stands its name in angle brackets.
func dumpAll(ctx context.Context, dir, format string, out io.Writer) error {
	db, err := store.Open(ctx, "embedded:"+dir, store.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	names, err := store.Select[tableName](ctx, db, `SELECT database, name FROM system.tables WHERE database = currentDatabase()
		OR engine LIKE '%MergeTree%' OR database = 'system' AND name IN ('mutations', 'parts', 'errors', 'tables') ORDER BY database, name`)
	if err != nil {
		return err
	}
	for _, n := range names {
		fmt.Fprintf(out, "<%s.%s>\n", n.Database, n.Name)
		if err := ask(ctx, db, fmt.Sprintf("SELECT * FROM `%s`.`%s` FORMAT %s", n.Database, n.Name, format), out); err != nil {
			return err
		}
	}
	return nil
}

type tableName struct {
	Database string `ch:"database"`
	Name     string `ch:"name"`
}

// ask copies the answer to a query from the engine's front.
func ask(ctx context.Context, db *store.DB, query string, out io.Writer) error {
	address, password, _ := db.Front()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/?database="+db.Database(), strings.NewReader(query))
	if err != nil {
		return err
	}
	req.SetBasicAuth("default", password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s: %s", query, text)
	}
	_, err = io.Copy(out, resp.Body)
	return err
}
