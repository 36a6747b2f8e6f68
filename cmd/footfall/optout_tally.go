package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/registry"
)

// tallyLook is how often it is looked whether a day has ended.
const tallyLook = time.Minute

// tally counts, by UTC day, what shoppers and staff did, for one audit entry a day. It is told what was done, never by whom.
type tally struct {
	audit *audit.Log
	now   func() time.Time
	stats func() registry.Stats
	log   *slog.Logger

	mu     sync.Mutex
	day    calendar.Day
	counts map[string]int64
}

func newTally(to *audit.Log, now func() time.Time, stats func() registry.Stats, log *slog.Logger) *tally {
	return &tally{audit: to, now: now, stats: stats, log: log, day: utcDay(now()), counts: map[string]int64{}}
}

func utcDay(t time.Time) calendar.Day { return calendar.DayOfDate(t.UTC().Date()) }

// count is optout.Options.Count.
func (t *tally) count(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[what]++
}

// run writes the entry of each day when it is over, and what there is of the last one at the end.
func (t *tally) run(ctx context.Context) error {
	return eachDay(ctx, t.now, t.write, func(err error) { // the counts stay, and opt-outs go on without them
		t.log.Error("the day's counts could not be written to the audit log; look at the data folder and its disk", "error", err)
	})
}

// eachDay has the days written that are over, looked at every tallyLook, and at the end the last one too. The first failure in a row
// is reported.
func eachDay(ctx context.Context, now func() time.Time, write func(before calendar.Day) error, failing func(error)) error {
	tick := time.NewTicker(tallyLook)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return write(utcDay(now()) + 1)
		case <-tick.C:
			err := write(utcDay(now()))
			if err != nil && !failed {
				failing(err)
			}
			failed = err != nil
		}
	}
}

// write writes the day that is counted if it is before the one given.
func (t *tally) write(before calendar.Day) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.day >= before {
		return nil
	}
	s := t.stats()
	err := t.audit.Append(audit.OptOuts, audit.Day.Is(t.day),
		audit.Registered.Is(t.counts["register"]), audit.Undone.Is(t.counts["undo"]), audit.LookedUp.Is(t.counts["check"]), audit.HeldBack.Is(t.counts["hold"]),
		audit.Records.Is(int64(s.Records)))
	for _, role := range []string{"public", "staff"} {
		if n := t.counts["view_"+role]; n > 0 {
			err = errors.Join(err, t.audit.Append(audit.Views, audit.Day.Is(t.day), audit.Role.Is(role), audit.Count.Is(n)))
		}
	}
	if err != nil {
		return err
	}
	t.day = utcDay(t.now())
	clear(t.counts)
	return nil
}

// noticeVersion is a version's number as the audit log writes names.
func noticeVersion(n int) string { return "v" + strconv.Itoa(n) }
