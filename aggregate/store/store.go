// Package store keeps the aggregator's results in ClickHouse: the schema, the
// rows, and how they are written, read and deleted. In come rows and a target;
// the target is an address of a ClickHouse server or the word embedded and a
// folder, and the code behind both is the same. It knows no hardware address;
// the only ids it ever holds are the rows of device_days, until their day is
// sealed.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DefaultDatabase is used where a target names none.
const DefaultDatabase = "footfall"

const embeddedScheme = "embedded"

// Options are what Open may be told beside the target.
type Options struct {
	Logger   *slog.Logger // nil: silent
	Library  string       // path of the embedded engine; empty: found by engine.Find
	Listen   string       // loopback address of the embedded engine's front; empty: any free port
	Password string       // of the embedded engine's front; empty: a random one
}

// DB is an open ClickHouse. Its methods may be called concurrently.
type DB struct {
	conn     driver.Conn
	database string
	log      *slog.Logger
	backoff  backoff
	embedded *embedded // nil on a server
}

// Open connects to a target and makes its database where it is missing:
//
//	embedded:DIR?database=NAME          an engine in this process, data in DIR
//	embedded:                           the same, nothing kept
//	clickhouse://user:pass@host:9000/db?secure=true
//	https://user:pass@host:8443/db      a server, with clickhouse-go's parameters
//
// A process can have one embedded target open at a time. Where no engine is
// installed the error wraps engine.ErrNotFound.
func Open(ctx context.Context, target string, o Options) (*DB, error) {
	db := &DB{log: o.Logger, backoff: defaultBackoff()}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	options, err := db.options(target, o)
	if err != nil {
		return nil, err
	}
	if err := db.connect(ctx, options); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// options reads the target and, where it is an embedded one, starts the engine.
func (db *DB) options(target string, o Options) (*clickhouse.Options, error) {
	if rest, ok := strings.CutPrefix(target, embeddedScheme+":"); ok {
		dir, query, _ := strings.Cut(rest, "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			return nil, fmt.Errorf("read the parameters of the embedded target: %w; write embedded:DIR?database=NAME", err)
		}
		db.database = values.Get("database")
		if db.database == "" {
			db.database = DefaultDatabase
		}
		if db.embedded, err = startEmbedded(dir, o, db.log); err != nil {
			return nil, err
		}
		return db.embedded.options(db.database), nil
	}
	options, err := clickhouse.ParseDSN(target)
	if err != nil {
		return nil, fmt.Errorf("read the ClickHouse target: %w; write embedded:DIR or clickhouse://user:password@host:9000/database", err)
	}
	if options.Auth.Database == "" {
		options.Auth.Database = DefaultDatabase
	}
	db.database = options.Auth.Database
	return options, nil
}

// connect opens the connection pool; a missing database is made first.
func (db *DB) connect(ctx context.Context, options *clickhouse.Options) error {
	conn, err := clickhouse.Open(options)
	if err != nil {
		return fmt.Errorf("open ClickHouse: %w", err)
	}
	err = conn.Ping(ctx)
	if code(err) == codeUnknownDatabase {
		if err = errors.Join(makeDatabase(ctx, *options), conn.Close()); err != nil {
			return err
		}
		if conn, err = clickhouse.Open(options); err != nil {
			return fmt.Errorf("open ClickHouse: %w", err)
		}
		err = conn.Ping(ctx)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("reach ClickHouse: %w; check the address, the user and that the server runs", err), conn.Close())
	}
	db.conn = conn
	return nil
}

// makeDatabase connects to the default database to make the one that is missing.
func makeDatabase(ctx context.Context, options clickhouse.Options) error {
	name := options.Auth.Database
	options.Auth.Database = "default"
	conn, err := clickhouse.Open(&options)
	if err != nil {
		return fmt.Errorf("open ClickHouse: %w", err)
	}
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(name)); err != nil {
		return errors.Join(fmt.Errorf("create the database %s: %w; create it by hand, or give the user the right to", name, err), conn.Close())
	}
	return conn.Close()
}

// quoteName writes a name of a table or database as ClickHouse reads it.
func quoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// Close closes the connections and, of an embedded target, the engine, after
// its running queries. It may be called again.
func (db *DB) Close() error {
	var errs []error
	if db.conn != nil {
		errs = append(errs, db.conn.Close())
	}
	if db.embedded != nil {
		errs = append(errs, db.embedded.close())
	}
	return errors.Join(errs...)
}

// Front tells where the embedded engine answers ClickHouse's HTTP protocol, for
// Grafana: the address (host:port) and the password, with any user name. On a
// server ok is false.
func (db *DB) Front() (address, password string, ok bool) {
	if db.embedded == nil {
		return "", "", false
	}
	return db.embedded.address, db.embedded.password, true
}

// Database is the name of the database the tables are in.
func (db *DB) Database() string { return db.database }

// Exec runs a statement that returns nothing. Places for arguments are ? or
// {name:Type} with clickhouse.Named.
func (db *DB) Exec(ctx context.Context, statement string, args ...any) error {
	return db.conn.Exec(ctx, statement, args...)
}

// Select returns a query's rows as structs with ch tags, nil for none. Dates
// and times come back in UTC.
func Select[T any](ctx context.Context, db *DB, query string, args ...any) ([]T, error) {
	var rows []T
	if err := db.conn.Select(inUTC(ctx), &rows, query, args...); err != nil {
		return nil, err
	}
	return rows, nil
}

// Value returns the single value of a query with one row and one column. No row
// is sql.ErrNoRows.
func Value[T any](ctx context.Context, db *DB, query string, args ...any) (T, error) {
	var value T
	err := db.conn.QueryRow(inUTC(ctx), query, args...).Scan(&value)
	return value, err
}

// inUTC keeps dates from being moved to the server's time zone.
func inUTC(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithUserLocation(time.UTC))
}
