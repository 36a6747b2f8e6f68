package store

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// insertRows is how many rows go into one insert at most.
const insertRows = 100_000

// Insert writes rows, structs with ch tags, into a table of the schema. An
// attempt that fails for a reason that may pass (the connection, an overloaded
// server) is repeated with a new batch, a few times and not after the context
// ends; the rows of a failed attempt may have been stored all the same, which
// their versions make harmless. On an error some of the rows may be there.
func Insert[T any](ctx context.Context, db *DB, table string, rows []T) error {
	statement, err := insertStatement(table, reflect.TypeFor[T]())
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(rows, insertRows) {
		err := db.backoff.do(ctx, func(ctx context.Context) error {
			return insertOnce(ctx, db, statement, chunk)
		}, func(attempt int, err error) {
			db.log.Warn("insert failed, trying again", "table", table, "attempt", attempt, "code", code(err))
		})
		if err != nil {
			return fmt.Errorf("insert %d rows into %s: %w", len(chunk), table, err)
		}
	}
	return nil
}

// insertOnce builds a batch and sends it: after an error a batch is dead.
func insertOnce[T any](ctx context.Context, db *DB, statement string, rows []T) (err error) {
	batch, err := db.conn.PrepareBatch(ctx, statement)
	if err != nil {
		return err
	}
	defer func() {
		if closing := batch.Close(); err == nil {
			err = closing
		}
	}()
	for i := range rows {
		if err := batch.AppendStruct(&rows[i]); err != nil {
			return err
		}
	}
	return batch.Send()
}

// insertStatement names the row's columns, so that a table may have newer ones.
func insertStatement(table string, row reflect.Type) (string, error) {
	if row.Kind() != reflect.Struct {
		return "", fmt.Errorf("insert into %s: %s is no struct", table, row)
	}
	columns := make([]string, 0, row.NumField())
	for i := range row.NumField() {
		if name, ok := row.Field(i).Tag.Lookup("ch"); ok && name != "-" {
			columns = append(columns, name)
		}
	}
	if len(columns) == 0 {
		return "", fmt.Errorf("insert into %s: %s has no fields with a ch tag", table, row)
	}
	return "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ")", nil
}
