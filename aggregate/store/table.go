package store

import (
	"context"
	"fmt"
	"reflect"
	"time"
)

// Rows is what a SELECT returned, for readers that do not know its columns. A cell is nil, int64, float64, string, bool or time.Time
// (UTC). An answer without rows may come without columns.
type Rows struct {
	Columns []string
	Cells   [][]any
}

// Rows runs a SELECT. Other types of columns than those of Rows are an error.
func (db *DB) Rows(ctx context.Context, query string, args ...any) (Rows, error) {
	rows, err := db.conn.Query(inUTC(ctx), query, args...)
	if err != nil {
		return Rows{}, fmt.Errorf("read from ClickHouse: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := Rows{Columns: rows.Columns()}
	types := rows.ColumnTypes()
	for rows.Next() {
		into := make([]any, len(types))
		for i, t := range types {
			into[i] = reflect.New(t.ScanType()).Interface()
		}
		if err := rows.Scan(into...); err != nil {
			return Rows{}, fmt.Errorf("read from ClickHouse: %w", err)
		}
		for i := range into {
			if into[i], err = cell(reflect.ValueOf(into[i]).Elem()); err != nil {
				return Rows{}, fmt.Errorf("column %s: %w", out.Columns[i], err)
			}
		}
		out.Cells = append(out.Cells, into)
	}
	if err := rows.Err(); err != nil {
		return Rows{}, fmt.Errorf("read from ClickHouse: %w", err)
	}
	return out, nil
}

// cell is a scanned value as one of the types of Rows.
func cell(v reflect.Value) (any, error) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, nil //nolint:nilnil // NULL
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
	return nil, fmt.Errorf("cells of type %s are not read: cast the column", v.Type())
}
