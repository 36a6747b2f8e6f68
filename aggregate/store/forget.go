package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
)

// forgetAtOnce is how many hashes stand in one statement: 170 kB of its text, of which ClickHouse reads 256 kB.
const forgetAtOnce = 8_192

// ForgetDevices takes devices' rows of a store-day off the disk, in every
// version of them, as DeleteDeviceDays does, and returns how many devices had
// one. ClickHouse keeps the text of a mutation beside the data, and a server may
// log it. So the devices are named by a hash in place of their ids: the first
// eight bytes, the lowest first, of SHA-256 of the salt and the id in eight
// bytes, the lowest first (visits.Salt). All are looked for at once, and nothing
// is changed where none of them is there.
func (db *DB) ForgetDevices(ctx context.Context, store string, day time.Time, salt [16]byte, hashes []uint64) (int, error) {
	return db.forget(ctx, TableDeviceDays, "id", salt, hashes, "store = ? AND store_day = toDate(?)", store, day.Format(time.DateOnly))
}

// ForgetReturns takes return ids of a store off the disk, of all its days and
// periods, as ForgetDevices does, and returns how many were there.
func (db *DB) ForgetReturns(ctx context.Context, store string, salt [16]byte, hashes []uint64) (int, error) {
	return db.forget(ctx, TableReturnVisits, "return_id", salt, hashes, "store = ?", store)
}

// forget deletes the rows whose column has one of the hashes among those of a condition.
func (db *DB) forget(ctx context.Context, table, column string, salt [16]byte, hashes []uint64, where string, args ...any) (int, error) {
	hash := "reinterpretAsUInt64(substring(SHA256(concat(unhex('" + hex.EncodeToString(salt[:]) + "'), reinterpretAsFixedString(" + column + "))), 1, 8))"
	found := 0
	for chunk := range slices.Chunk(hashes, forgetAtOnce) {
		type row struct {
			Hash uint64 `ch:"hash"`
		}
		there, err := Select[row](ctx, db, "SELECT DISTINCT "+hash+" AS hash FROM "+table+" WHERE "+where+" AND hash IN ("+list(chunk)+")", args...)
		if err != nil {
			return found, fmt.Errorf("look for rows to forget in %s: %w", table, err)
		}
		if len(there) == 0 {
			continue
		}
		gone := make([]uint64, len(there))
		for i, row := range there {
			gone[i] = row.Hash
		}
		if err := db.mutate(ctx, table, where+" AND "+hash+" IN ("+list(gone)+")", args...); err != nil {
			return found, err
		}
		found += len(gone)
	}
	if found == 0 {
		return 0, nil
	}
	return found, db.Sweep(ctx, table)
}

// list writes numbers as SQL does, with commas between.
func list(numbers []uint64) string {
	text := make([]byte, 0, 21*len(numbers))
	for i, n := range numbers {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendUint(text, n, 10)
	}
	return string(text)
}

// mutate deletes rows by a mutation and waits for it. The parts it replaced are still on the disk.
func (db *DB) mutate(ctx context.Context, table, where string, args ...any) error {
	settings := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"mutations_sync": 2}))
	if err := db.Exec(settings, "ALTER TABLE "+table+" DELETE WHERE "+where, args...); err != nil {
		return fmt.Errorf("delete from %s: %w", table, err)
	}
	return nil
}
