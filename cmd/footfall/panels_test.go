package main

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
)

// panelSource runs panels' SQL on an engine, over its front as a dashboard would.
type panelSource struct{ conn driver.Conn }

func newPanelSource(t testing.TB, db *store.DB) panelSource {
	t.Helper()
	address, password, _ := db.Front()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{address}, Auth: clickhouse.Auth{Database: db.Database(), Username: "panels", Password: password},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return panelSource{conn}
}

func (s panelSource) Query(ctx context.Context, sql string) (panels.Table, error) {
	rows, err := s.conn.Query(ctx, sql)
	if err != nil {
		return panels.Table{}, err
	}
	defer func() { _ = rows.Close() }()
	out := panels.Table{Columns: rows.Columns()}
	types := rows.ColumnTypes()
	for rows.Next() {
		into := make([]any, len(types))
		for i, t := range types {
			into[i] = reflect.New(t.ScanType()).Interface()
		}
		if err := rows.Scan(into...); err != nil {
			return panels.Table{}, err
		}
		row := make([]any, len(into))
		for i := range into {
			if row[i], err = panelCell(reflect.ValueOf(into[i]).Elem()); err != nil {
				return panels.Table{}, fmt.Errorf("column %s: %w", out.Columns[i], err)
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out, rows.Err()
}

// panelCell is a scanned value as one of the types of a panels.Table.
func panelCell(v reflect.Value) (any, error) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, nil
		}
		v = v.Elem()
	}
	if at, ok := v.Interface().(time.Time); ok {
		return at.UTC(), nil
	}
	switch {
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint():
		return int64(v.Uint()), nil
	case v.CanFloat():
		return v.Float(), nil
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.Kind() == reflect.Bool:
		return v.Bool(), nil
	}
	return nil, fmt.Errorf("a panel has no cells of type %s", v.Type())
}

// panelDemo is the demo's data, with what the daily retention check would add.
func panelDemo(t *testing.T, days int) panelSource {
	t.Helper()
	needEngine(t)
	dir := t.TempDir() + "/demo"
	if err := demo(t.Context(), demoOptions{days: days, seed: 1, dir: dir}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	db := storetest.OpenDir(t, dir+"/clickhouse")
	for _, row := range []string{
		"('2026-03-09', 'topic', 'demo', 'sightings', '2026-03-09 06:00:00', '2026-03-09 05:00:00', 3600, 90000, 'ok', '', 1)",
		"('2026-03-10', 'topic', 'demo', 'sightings', '2026-03-10 06:00:00', '2026-03-09 02:00:00', 100800, 90000, 'breach', 'older than its limit', 1)",
		"('2026-03-10', 'table', '', 'pub_store_day', '2026-03-10 06:00:00', '2026-03-02 00:00:00', 712800, NULL, 'ok', '', 1)",
	} {
		if err := db.Exec(t.Context(), "INSERT INTO pub_retention (day, kind, store, name, checked_at, oldest, age_s, limit_s, state, reason, version) VALUES "+row); err != nil {
			t.Fatal(err)
		}
	}
	worthRows(t, db)
	insertAll(t, db, "pub_privacy (measure, store, item, at, day, value, state, checked_at, version) VALUES "+
		"('keys', 'demo', 'door', '2026-03-10 17:59:30', '2026-03-10', 0, 'ok', '2026-03-10 18:00:00', 1), ('optout', 'demo', 'door', '2026-03-10 17:59:00', NULL, 3, 'ok', '2026-03-10 18:00:00', 1), "+
		"('optout_list', '', '', NULL, NULL, 3, 'sensors', '2026-03-10 18:00:00', 1), ('erasures', 'demo', '2026-03-09', '2026-03-10 07:00:00', '2026-03-09', 2, 'ok', '2026-03-10 07:00:00', 1), "+
		"('audit', '', 'aggregate', '2026-03-10 07:00:00', NULL, 12, 'ok', '2026-03-10 18:00:00', 1)")
	return newPanelSource(t, db)
}

// sometimesEmpty are the panels that tell of what a good demo has not got.
var sometimesEmpty = []string{"only_counted", "sensors_trouble", "sensors_channels", "unusual_hours"}

func TestEveryPanelRunsOnTheDemo(t *testing.T) {
	source := panelDemo(t, 15)
	monday := time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC)
	ranges := []struct {
		name     string
		from, to time.Time
		stores   []string
		rows     bool // that there are any
	}{
		{"the demo's weeks", monday, monday.AddDate(0, 0, 15), []string{"demo"}, true},
		{"all stores, one without data", monday, monday.AddDate(0, 0, 15), []string{"demo", "elsewhere"}, true},
		{"from the first second of 1970", time.Unix(0, 0).UTC(), monday.AddDate(0, 0, 15), []string{"demo"}, true},
		{"a store without data", monday, monday.AddDate(0, 0, 15), []string{"elsewhere"}, false},
		{"no store", monday, monday.AddDate(0, 0, 15), nil, false},
		{"a name that tries to leave its quotes", monday, monday.AddDate(0, 0, 15), []string{`') OR 1 = 1 --`, `\`, `demo\'`}, false},
		{"a range of one moment", monday.AddDate(1, 0, 0), monday.AddDate(1, 0, 0), []string{"demo"}, false},
		{"a year without data", monday.AddDate(1, 0, 0), monday.AddDate(2, 0, 0), []string{"demo"}, false},
	}
	for _, r := range ranges {
		for _, p := range panels.All() {
			t.Run(r.name+"/"+p.ID, func(t *testing.T) {
				got := runPanel(t, source, p, panels.Params{From: r.from, To: r.to, Stores: r.stores, Width: 900})
				if r.rows && len(got.Rows) == 0 && !slices.Contains(sometimesEmpty, p.ID) {
					t.Error("no rows")
				}
				if everywhere := slices.Contains([]string{"privacy_oldest", "privacy_checks", "privacy_audit"}, p.ID); !r.rows && len(got.Rows) > 0 && !everywhere {
					t.Errorf("got %d rows, want none", len(got.Rows))
				}
			})
		}
	}
}

// runPanel runs a panel and holds its answer against its columns.
func runPanel(t *testing.T, source panels.Querier, p panels.Panel, params panels.Params) panels.Table {
	t.Helper()
	sql, err := panels.Expand(p.SQL, params)
	if err != nil {
		t.Fatal(err)
	}
	got, err := source.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, sql)
	}
	var want []string
	for _, c := range p.Columns {
		want = append(want, c.Name)
	}
	if len(got.Rows) == 0 { // over HTTP an answer without rows has no columns either
		described, err := source.Query(t.Context(), "DESCRIBE TABLE ("+sql+")")
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range described.Rows {
			got.Columns = append(got.Columns, fmt.Sprint(row[0]))
		}
	}
	if have := slices.Sorted(slices.Values(got.Columns)); !slices.Equal(have, slices.Sorted(slices.Values(want))) {
		t.Errorf("got columns %v, want %v", got.Columns, want)
	}
	for i := range got.Rows {
		checkCells(t, p, got, i)
	}
	return got
}

// checkCells holds one row against the columns' roles.
func checkCells(t *testing.T, p panels.Panel, got panels.Table, row int) {
	t.Helper()
	cell := map[string]any{}
	for i, name := range got.Columns {
		cell[name] = got.Rows[row][i]
	}
	for _, c := range p.Columns {
		v := cell[c.Name]
		switch c.Role {
		case panels.Time, panels.Instant:
			at, ok := v.(time.Time)
			if !ok && (v != nil || c.Role == panels.Time) || c.Role == panels.Time && !at.Equal(at.Truncate(24*time.Hour)) {
				t.Errorf("row %d: %s: got %v, want a time, of a day its midnight UTC", row, c.Name, v)
			}
		case panels.Category:
			if _, ok := v.(string); !ok {
				t.Errorf("row %d: %s: got %v, want a name", row, c.Name, v)
			}
		case panels.State:
			value, hasValue := cell[c.Of]
			if _, isName := value.(string); !slices.Contains(panels.States(), fmt.Sprint(v)) || hasValue && !isName && (v == panels.StateValue) != (value != nil) {
				t.Errorf("row %d: %s reads %v beside %s = %v", row, c.Name, v, c.Of, value)
			}
		case panels.Value, panels.Low, panels.High:
			switch v.(type) {
			case nil, int64, float64:
			default:
				t.Errorf("row %d: %s: got %T, want a number or nothing", row, c.Name, v)
			}
		case panels.Detail: // JSON and CSV write its times as dates
			if at, ok := v.(time.Time); ok && !at.Equal(at.Truncate(24*time.Hour)) {
				t.Errorf("row %d: %s: got %v, want a day: an instant has its own role", row, c.Name, at)
			}
		}
	}
}
