package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/openfootfall/footfall/dashboards/api"
	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// exported is what a role read of.
type exported struct{ role, place string }

// readTally counts, by UTC day, what was read over the API, for a few audit entries a day: how often each role read, and how many rows
// of which table or panel went out. It is told no token and no store.
type readTally struct {
	audit *audit.Log
	now   func() time.Time
	log   *slog.Logger

	mu    sync.Mutex
	day   calendar.Day
	views map[string]int64
	rows  map[exported]int64
}

func newReadTally(to *audit.Log, now func() time.Time, log *slog.Logger) *readTally {
	return &readTally{audit: to, now: now, log: log, day: utcDay(now()), views: map[string]int64{}, rows: map[exported]int64{}}
}

// note is api.Options.Note.
func (t *readTally) note(u api.Use) {
	if u.Role == "" { // the description, which anybody may read
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.views[string(u.Role)]++
	if u.What != "" {
		key := exported{string(u.Role), u.What}
		t.rows[key] = min(t.rows[key]+int64(u.Rows), audit.MaxNumber)
	}
}

// run writes the entries of each day when it is over, and what there is of the last one at the end.
func (t *readTally) run(ctx context.Context) error {
	return eachDay(ctx, t.now, t.write, func(err error) { // the counts stay, and reading goes on without them
		t.log.Error("what was read over the API could not be written to the audit log; look at the data folder and its disk", "error", err)
	})
}

// write writes the day that is counted if it is before the one given. What is written is not counted again, should the rest fail.
func (t *readTally) write(before calendar.Day) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.day >= before {
		return nil
	}
	var errs error
	for _, role := range slices.Sorted(maps.Keys(t.views)) {
		err := t.audit.Append(audit.Views, audit.Day.Is(t.day), audit.Role.Is(role), audit.Count.Is(min(t.views[role], audit.MaxNumber)))
		if errs = errors.Join(errs, err); err == nil {
			delete(t.views, role)
		}
	}
	for _, e := range slices.SortedFunc(maps.Keys(t.rows), func(a, b exported) int { return cmp.Or(cmp.Compare(a.role, b.role), cmp.Compare(a.place, b.place)) }) {
		err := t.audit.Append(audit.Export, audit.Day.Is(t.day), audit.Role.Is(e.role), audit.Place.Is(e.place), audit.Rows.Is(t.rows[e]))
		if errs = errors.Join(errs, err); err == nil {
			delete(t.rows, e)
		}
	}
	if errs == nil {
		t.day = utcDay(t.now())
	}
	return errs
}
