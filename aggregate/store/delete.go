package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
)

// How often, and for how long, a delete tries to get old files off the disk.
const (
	sweepEvery  = 100 * time.Millisecond
	sweepAtMost = 2 * time.Minute
)

// DeleteDeviceDays takes every id of a store-day off the disk. It returns once
// the files that held the rows are unlinked; a partition whose last rows these
// were is gone with them. (No DROP PARTITION: another aggregator may be writing
// to the same hour, and ClickHouse drops parts without rows by itself.)
func (db *DB) DeleteDeviceDays(ctx context.Context, store string, day time.Time) error {
	return db.deleteDay(ctx, TableDeviceDays, store, day)
}

// DeletePeopleMinutes takes a store-day's minutes off the disk, as
// DeleteDeviceDays does.
func (db *DB) DeletePeopleMinutes(ctx context.Context, store string, day time.Time) error {
	return db.deleteDay(ctx, TablePeopleMinutes, store, day)
}

// DeleteCells takes a store-day's exact cells off the disk, as DeleteDeviceDays
// does.
func (db *DB) DeleteCells(ctx context.Context, store string, day time.Time) error {
	return db.deleteDay(ctx, TableCells, store, day)
}

// DeleteReturnPatterns takes the pattern counts of a store-week, named by its
// Monday, off the disk, as DeleteDeviceDays does.
func (db *DB) DeleteReturnPatterns(ctx context.Context, store string, monday time.Time) error {
	return db.remove(ctx, TableReturnPatterns, "store = ? AND store_week = toDate(?)", store, monday.Format(time.DateOnly))
}

func (db *DB) deleteDay(ctx context.Context, table, store string, day time.Time) error {
	return db.remove(ctx, table, "store = ? AND store_day = toDate(?)", store, day.Format(time.DateOnly))
}

// ForgetDevice takes one device's row off the disk, in every version of it, as
// DeleteDeviceDays does. ClickHouse keeps the text of a mutation beside the
// data, and a server may log it: so the condition holds a hash of the id with a
// random salt in place of the id.
func (db *DB) ForgetDevice(ctx context.Context, store string, day time.Time, id uint64) error {
	salted := make([]byte, 16, 24)
	rand.Read(salted)
	salt := hex.EncodeToString(salted)
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(salted, id))
	return db.remove(ctx, TableDeviceDays,
		"store = ? AND store_day = toDate(?) AND SHA256(concat(unhex(?), reinterpretAsFixedString(id))) = unhex(?)",
		store, day.Format(time.DateOnly), salt, hex.EncodeToString(sum[:]))
}

// remove deletes rows by a mutation, waits for it, and then has the parts it
// replaced taken off the disk. Rows written meanwhile may stay.
func (db *DB) remove(ctx context.Context, table, where string, args ...any) error {
	rows, err := Value[uint64](ctx, db, "SELECT count() FROM "+table+" WHERE "+where, args...)
	if err != nil {
		return fmt.Errorf("look for rows to delete in %s: %w", table, err)
	}
	if rows > 0 {
		settings := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"mutations_sync": 2}))
		if err := db.Exec(settings, "ALTER TABLE "+table+" DELETE WHERE "+where, args...); err != nil {
			return fmt.Errorf("delete from %s: %w", table, err)
		}
	}
	return db.sweep(ctx, table)
}

type partName struct {
	Name string `ch:"name"`
}

// sweep takes the parts that are out of use now off the disk. ClickHouse does
// it by itself, but when is its own affair (the embedded engine took minutes);
// dropping a partition makes it sweep the table at once, be there such a
// partition or not. A query that still reads an old part keeps it until it ends.
func (db *DB) sweep(ctx context.Context, table string) error {
	const outOfUse = "SELECT name FROM system.parts WHERE database = ? AND table = ? AND NOT active"
	old, err := Select[partName](ctx, db, outOfUse, db.database, table)
	if err != nil {
		return fmt.Errorf("list the old parts of %s: %w", table, err)
	}
	if len(old) == 0 {
		return nil
	}
	names := make([]string, len(old))
	for i, part := range old {
		names[i] = part.Name
	}
	ctx, cancel := context.WithTimeoutCause(ctx, sweepAtMost,
		fmt.Errorf("%d old parts of %s are still on the disk: look at system.parts and system.processes for what holds them", len(old), table))
	defer cancel()
	for {
		left, err := db.sweepOnce(ctx, table, outOfUse, names)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("wait for deleted rows to leave the disk: %w", context.Cause(ctx))
		case err != nil:
			return fmt.Errorf("sweep the old parts of %s: %w", table, err)
		case left == 0:
			return nil
		}
		timer := time.NewTimer(sweepEvery)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// sweepOnce returns how many of the named parts are left after a sweep.
func (db *DB) sweepOnce(ctx context.Context, table, outOfUse string, names []string) (uint64, error) {
	if err := db.Exec(ctx, "ALTER TABLE "+table+" DROP PARTITION ID 'none'"); err != nil {
		return 0, err
	}
	return Value[uint64](ctx, db, "SELECT count() FROM ("+outOfUse+") WHERE has(?, name)", db.database, table, names)
}
