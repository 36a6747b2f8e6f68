// Package engine runs ClickHouse inside the process, from the shared library
// libchdb.so, and puts a small HTTP front before it. In come queries in
// ClickHouse's HTTP protocol; out go results in the format the client asked
// for. So the one clickhouse-go code of package store, and Grafana's data
// source, work on the embedded engine as they do on a server.
//
// The library is opened when an Engine starts, never at init, and without cgo.
// A process holds one data folder at a time; that is the library's rule.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"
)

// DefaultConcurrency is how many queries run at once where Options says nothing.
const DefaultConcurrency = 4

// ErrClosed is returned by Run after Close.
var ErrClosed = errors.New("the embedded engine is closed")

// Options are what an Engine starts with.
type Options struct {
	Library     string // path of libchdb.so; empty: Find
	DataDir     string // created where missing; empty: a temporary one, removed by Close
	Concurrency int    // queries at once; 0: DefaultConcurrency
}

// Engine is one running ClickHouse. Its methods may be called concurrently.
type Engine struct {
	lib       *library
	keeper    connection // holds the engine up while no query runs
	args      []string
	size      int64
	slots     *semaphore.Weighted
	lock      *os.File
	temporary string // folder to remove at the end
	closed    chan struct{}
}

// Start loads the library and opens the data folder. A folder that another
// engine holds, in this or in another process, is an error.
func Start(o Options) (*Engine, error) {
	path := o.Library
	if path == "" {
		var err error
		if path, err = Find(); err != nil {
			return nil, err
		}
	}
	size := int64(cmp.Or(o.Concurrency, DefaultConcurrency))
	e := &Engine{size: size, slots: semaphore.NewWeighted(size), closed: make(chan struct{})}
	if err := e.takeFolder(o.DataDir); err != nil {
		return nil, err
	}
	if err := e.connect(path); err != nil {
		return nil, errors.Join(err, e.leaveFolder())
	}
	return e, nil
}

// takeFolder makes the data folder and locks it. The library could make a
// temporary one of its own, but readable by everybody.
func (e *Engine) takeFolder(dir string) error {
	var err error
	if dir == "" {
		if e.temporary, err = os.MkdirTemp("", "footfall-engine-"); err != nil {
			return fmt.Errorf("make the engine's temporary folder: %w; set TMPDIR to a folder that can be written", err)
		}
		dir = e.temporary
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("resolve the engine's folder: %w", err)
	}
	if e.lock, err = lockFolder(dir); err != nil {
		return errors.Join(err, e.leaveFolder())
	}
	e.args = []string{"--path=" + dir}
	return nil
}

func (e *Engine) connect(path string) error {
	var err error
	if e.lib, err = load(path); err != nil {
		return err
	}
	e.keeper, err = e.lib.open(e.args...)
	return err
}

// lockFolder makes the folder and takes its lock, which the system gives back
// when the process ends, however it ends.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the engine's folder: %w; choose a folder that can be written", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "footfall.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the engine's lock: %w; choose a folder that can be written", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("the folder %s is in use (%w): stop the other footfall, or choose another folder", dir, err), f.Close())
	}
	return f, nil
}

func (e *Engine) leaveFolder() error {
	var errs []error
	if e.lock != nil {
		errs = append(errs, e.lock.Close())
	}
	if e.temporary != "" {
		errs = append(errs, os.RemoveAll(e.temporary))
	}
	return errors.Join(errs...)
}

// Close waits for the running queries and closes the data folder. A second
// engine may be started afterwards. Closing twice is an error.
func (e *Engine) Close() error {
	if err := e.slots.Acquire(context.Background(), e.size); err != nil {
		return fmt.Errorf("wait for the engine's queries: %w", err)
	}
	defer e.slots.Release(e.size)
	if e.isClosed() {
		return ErrClosed
	}
	close(e.closed)
	e.lib.closeConn(e.keeper)
	return e.leaveFolder()
}

func (e *Engine) isClosed() bool {
	select {
	case <-e.closed:
		return true
	default:
		return false
	}
}

// Run executes a query on a connection of its own, so that no setting or
// database outlives it; opening one takes a fifth of a millisecond. Waiting for
// a free place ends with the context; a query once begun runs to its end. What
// the engine itself refuses is an *Error.
func (e *Engine) Run(ctx context.Context, q Query) ([]byte, error) {
	prelude, err := q.prelude()
	if err != nil {
		return nil, err
	}
	if err := e.slots.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("wait for the engine: %w", err)
	}
	defer e.slots.Release(1)
	if e.isClosed() {
		return nil, ErrClosed
	}
	conn, err := e.lib.open(e.args...)
	if err != nil {
		return nil, err
	}
	defer e.lib.closeConn(conn)
	for _, statement := range prelude {
		if _, err := e.lib.run(conn, []byte(statement), "Null", nil); err != nil {
			return nil, err
		}
	}
	params := make([]parameter, 0, len(q.Params))
	for _, name := range slices.Sorted(maps.Keys(q.Params)) {
		params = append(params, parameter{name, q.Params[name]})
	}
	if q.Data != nil {
		return nil, e.lib.feed(conn, q.SQL, q.Data, q.Format, params)
	}
	return e.lib.run(conn, q.SQL, cmp.Or(q.Format, "TabSeparated"), params)
}
