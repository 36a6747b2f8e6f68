package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
)

// forgetText is how long the lists in one statement get, in bytes: ClickHouse reads 256 KiB of a statement.
const forgetText = 180_000

// Forgets names what is to be forgotten of a store-day, or of a store. ClickHouse keeps the text of a mutation beside the data,
// and a server may log it. So ids are named by a hash in place of themselves: the first eight bytes, the lowest first, of
// SHA-256 of the salt and the id in eight bytes, the lowest first (visits.Salt).
type Forgets struct {
	Store  string
	Day    time.Time // store-day; ForgetReturns takes all of them
	Salt   [16]byte
	Hashes []uint64
}

// ForgetDevices takes devices' rows of store-days off the disk, in every version of them, as DeleteDeviceDays does, and returns
// how many devices of a store-day had one. However many store-days it is told of, it asks for as many as one statement can
// name at once, and where none of the devices is there nothing is changed.
func (db *DB) ForgetDevices(ctx context.Context, list ...Forgets) (int, error) {
	return db.forget(ctx, forgettable{table: TableDeviceDays, column: "id", days: true}, list)
}

// ForgetReturns takes return ids of stores off the disk, of all their days and periods, as ForgetDevices does, and returns how
// many of a store were there.
func (db *DB) ForgetReturns(ctx context.Context, list ...Forgets) (int, error) {
	return db.forget(ctx, forgettable{table: TableReturnVisits, column: "return_id"}, list)
}

// forgettable is a table of which rows are forgotten.
type forgettable struct {
	table, column string
	days          bool // a salt is for a store-day, not for all of a store
}

func (t forgettable) forgotten(f *Forgets) string {
	if t.days {
		return f.Store + " " + f.Day.Format(time.DateOnly)
	}
	return f.Store
}

// forget deletes the rows whose column has one of the hashes of their store-day.
func (db *DB) forget(ctx context.Context, t forgettable, list []Forgets) (int, error) {
	found := 0
	for _, part := range t.parts(list) {
		type row struct {
			Key  string `ch:"key"`
			Hash uint64 `ch:"hash"`
		}
		key, hash, where := t.sql(part)
		there, err := Select[row](ctx, db, "SELECT DISTINCT "+key+" AS key, "+hash+" AS hash FROM "+t.table+" WHERE "+where)
		if err != nil {
			return found, fmt.Errorf("look for rows to forget in %s: %w", t.table, err)
		}
		if len(there) == 0 {
			continue
		}
		gone := map[string][]uint64{}
		for _, row := range there {
			gone[row.Key] = append(gone[row.Key], row.Hash)
		}
		var left []Forgets
		for _, f := range part {
			if hashes := gone[t.forgotten(&f)]; hashes != nil {
				f.Hashes = hashes
				left = append(left, f)
			}
		}
		_, _, where = t.sql(left)
		if err := db.mutate(ctx, t.table, where); err != nil {
			return found, err
		}
		found += len(there)
	}
	if found == 0 {
		return 0, nil
	}
	return found, db.Sweep(ctx, t.table)
}

// parts cuts a list into what one statement can name. In each, a store-day has one salt and a salt one store-day, so that no
// hash is taken for another day's.
func (t forgettable) parts(list []Forgets) (parts [][]Forgets) {
	var part []Forgets
	salts, keys, size := map[string][16]byte{}, map[[16]byte]string{}, 0
	next := func() {
		if len(part) > 0 {
			parts = append(parts, part)
		}
		part, size = nil, 0
		clear(salts)
		clear(keys)
	}
	for _, f := range list {
		for len(f.Hashes) > 0 {
			key := t.forgotten(&f)
			salt, has := salts[key]
			other, used := keys[f.Salt]
			names := 3*len(key) + 110 // all that sql writes of it but the hashes, which are 20 digits each
			if has && salt != f.Salt || used && other != key || size+names+21 > forgetText {
				next()
			}
			n := min(len(f.Hashes), (forgetText-size-names)/21)
			piece := f
			piece.Hashes = f.Hashes[:n]
			part = append(part, piece)
			salts[key], keys[f.Salt] = f.Salt, key
			size, f.Hashes = size+names+21*n, f.Hashes[n:]
		}
	}
	next()
	return parts
}

// sql is the expressions of a row's key and of its hash with that key's salt, and a condition for the rows that a part names.
// Rows of a store-day that it does not name, though it names the store and the day, have a hash without a salt: no other's.
func (t forgettable) sql(part []Forgets) (key, hash, where string) {
	var names, salts, stores, days []string
	var hashes []uint64
	for i := range part {
		f := &part[i]
		names, salts = append(names, literal(t.forgotten(f))), append(salts, "unhex('"+hex.EncodeToString(f.Salt[:])+"')")
		stores, days = append(stores, literal(f.Store)), append(days, literal(f.Day.Format(time.DateOnly)))
		hashes = append(hashes, f.Hashes...)
	}
	set := func(list []string) string {
		slices.Sort(list)
		return " IN (" + strings.Join(slices.Compact(list), ",") + ")"
	}
	key, where = "toString(store)", "store"+set(stores)
	if t.days {
		key, where = "concat(toString(store), ' ', toString(store_day))", where+" AND store_day"+set(days)
	}
	salt := "transform(" + key + ", [" + strings.Join(names, ",") + "], [" + strings.Join(salts, ",") + "], '')"
	hash = "reinterpretAsUInt64(substring(SHA256(concat(" + salt + ", reinterpretAsFixedString(" + t.column + "))), 1, 8))"
	return key, hash, where + " AND " + hash + " IN (" + numbers(hashes) + ")"
}

// literal writes a text as SQL does.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// numbers writes numbers as SQL does, with commas between.
func numbers(list []uint64) string {
	text := make([]byte, 0, 21*len(list))
	for i, n := range list {
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
