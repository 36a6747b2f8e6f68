package store

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed sql/*.sql
var schema embed.FS

// migration is one numbered file of SQL. Files are forward only: a change of the
// schema is a new file, never an edit of an old one.
type migration struct {
	number int
	name   string // of the file
	sql    string
}

func (m migration) sum() string {
	sum := sha256.Sum256([]byte(m.sql))
	return hex.EncodeToString(sum[:])
}

// migrationRow is what is recorded of a migration that was applied.
type migrationRow struct {
	Number  uint32    `ch:"number"`
	Name    string    `ch:"name"`
	Sum     string    `ch:"sum"`
	Applied time.Time `ch:"applied"`
}

const migrationsTable = `CREATE TABLE IF NOT EXISTS migrations
(
    number  UInt32,
    name    String,
    sum     String COMMENT 'SHA-256 of the file',
    applied DateTime('UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY number`

// Migrate brings the database to this program's schema: it runs the SQL files
// that are not yet recorded in the table migrations, in order. It may be run at
// every start, and again after it was cut short: every statement can be
// repeated. A database that is newer than the program is an error.
func (db *DB) Migrate(ctx context.Context) error {
	migrations, err := readMigrations(schema)
	if err != nil {
		return err
	}
	return db.migrate(ctx, migrations)
}

func (db *DB) migrate(ctx context.Context, migrations []migration) error {
	if err := db.Exec(ctx, migrationsTable); err != nil {
		return fmt.Errorf("make the table of migrations: %w", err)
	}
	pending, err := db.pending(ctx, migrations)
	if err != nil {
		return err
	}
	for _, m := range pending {
		if err := db.apply(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// CheckSchema says whether the database has this program's schema, for who only reads: it changes nothing. The error says what to do.
func (db *DB) CheckSchema(ctx context.Context) error {
	migrations, err := readMigrations(schema)
	if err != nil {
		return err
	}
	pending, err := db.pending(ctx, migrations)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		return fmt.Errorf("the database is of an older footfall and lacks %s: run footfall migrate first", pending[0].name)
	}
	return nil
}

// pending are the migrations that the database has not had.
func (db *DB) pending(ctx context.Context, migrations []migration) ([]migration, error) {
	rows, err := Select[migrationRow](ctx, db, "SELECT number, name, sum, applied FROM migrations FINAL ORDER BY number")
	if err != nil {
		return nil, fmt.Errorf("read the table of migrations: %w", err)
	}
	return pendingMigrations(migrations, rows)
}

// apply runs one file and records it last, so that a file cut short is run again.
func (db *DB) apply(ctx context.Context, m migration) error {
	for i, statement := range splitStatements(m.sql) {
		if err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("apply %s, statement %d: %w; it can be run again once the cause is gone", m.name, i+1, err)
		}
	}
	// The server's clock says when: the program has no other use for the time.
	err := db.Exec(ctx, "INSERT INTO migrations SELECT toUInt32(?), ?, ?, now()", m.number, m.name, m.sum())
	if err != nil {
		return fmt.Errorf("record %s: %w", m.name, err)
	}
	db.log.Info("schema migrated", "file", m.name)
	return nil
}

// pendingMigrations are those not applied yet. The applied ones must be the
// first of the known ones, unchanged.
func pendingMigrations(known []migration, applied []migrationRow) ([]migration, error) {
	if len(applied) > len(known) {
		return nil, fmt.Errorf("the database has %d migrations, this footfall knows %d: use the newer footfall it was migrated with", len(applied), len(known))
	}
	for i, row := range applied {
		switch m := known[i]; {
		case int(row.Number) != m.number:
			return nil, fmt.Errorf("the database lacks migration %s but has later ones: restore it from a backup, or begin with an empty database", m.name)
		case row.Sum != m.sum():
			return nil, fmt.Errorf("the migration %s differs from the one the database was made with: use the footfall it was made with, or begin with an empty database", m.name)
		}
	}
	return known[len(applied):], nil
}

var migrationName = regexp.MustCompile(`^(\d{3})_[a-z0-9_]+\.sql$`)

// readMigrations reads sql/NNN_name.sql, numbered from 1 without a gap.
func readMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "sql/*")
	if err != nil {
		return nil, fmt.Errorf("list the migrations: %w", err)
	}
	var migrations []migration
	for i, path := range names {
		name := strings.TrimPrefix(path, "sql/")
		m := migrationName.FindStringSubmatch(name)
		if m == nil {
			return nil, fmt.Errorf("the migration %s is not named NNN_name.sql", name)
		}
		number, err := strconv.Atoi(m[1])
		if err != nil || number != i+1 {
			return nil, fmt.Errorf("the migration %s has not the number %03d", name, i+1)
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, fmt.Errorf("read the migration %s: %w", name, err)
		}
		migrations = append(migrations, migration{number: number, name: name, sql: string(text)})
	}
	return migrations, nil
}
