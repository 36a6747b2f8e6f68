package store

import (
	"context"
	"fmt"
	"time"
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

// DeleteReturnVisits takes a store's return ids of the store-days before one off
// the disk, as DeleteDeviceDays does.
func (db *DB) DeleteReturnVisits(ctx context.Context, store string, before time.Time) error {
	return db.remove(ctx, TableReturnVisits, "store = ? AND store_day < toDate(?)", store, before.Format(time.DateOnly))
}

// DeleteStoresReturns takes all return ids of a store off the disk.
func (db *DB) DeleteStoresReturns(ctx context.Context, store string) error {
	return db.remove(ctx, TableReturnVisits, "store = ?", store)
}

func (db *DB) deleteDay(ctx context.Context, table, store string, day time.Time) error {
	return db.remove(ctx, table, "store = ? AND store_day = toDate(?)", store, day.Format(time.DateOnly))
}

// remove deletes rows by a mutation, waits for it, and then has the parts it
// replaced taken off the disk. Rows written meanwhile may stay.
func (db *DB) remove(ctx context.Context, table, where string, args ...any) error {
	rows, err := Value[uint64](ctx, db, "SELECT count() FROM "+table+" WHERE "+where, args...)
	if err != nil {
		return fmt.Errorf("look for rows to delete in %s: %w", table, err)
	}
	if rows > 0 {
		if err := db.mutate(ctx, table, where, args...); err != nil {
			return err
		}
	}
	return db.Sweep(ctx, table)
}

type partName struct {
	Name string `ch:"name"`
}

// Sweep takes the parts of a table that are out of use now off the disk. ClickHouse does
// it by itself, but when is its own affair (the embedded engine took minutes);
// dropping a partition makes it sweep the table at once, be there such a
// partition or not. A query that still reads an old part keeps it until it ends.
func (db *DB) Sweep(ctx context.Context, table string) error {
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
