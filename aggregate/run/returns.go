package run

import (
	"context"
	"fmt"
	"time"

	"github.com/openfootfall/footfall/aggregate/publish"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/visits"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// returnDays is for how many store-days a store of policy extended keeps the return ids of its visitors (DESIGN section 6). A
// period of return keys is as long, so what is kept is of this period and the one before.
const returnDays = wire.ReturnDays

// repeatDays are the look-backs that are published, in store-days.
var repeatDays = [...]calendar.Day{7, 14, returnDays}

func (s *state) extended() bool { return s.cfg.Policy == wire.Policy_POLICY_EXTENDED }

// knowsAgain says whether a day's visitors can be known again: the policy is extended, and the sensors have bundles for it. Of a
// few visitors there may be none whom one sensor heard for long enough to send return ids.
func (s *state) knowsAgain(result visitsResult) bool {
	return s.extended() && (len(result.Returned) > 0 || result.Visitors < publish.Least)
}

// sealedUnder notes a sealed day, oldest first, for how far back the store knows its visitors again.
func (s *state) sealedUnder(day calendar.Day, knowsAgain bool) {
	switch {
	case !knowsAgain:
		s.since = noDay
	case day < s.since:
		s.since = day
	}
}

// returns makes a day's return visits and how many of them are repeats, where the store is of policy extended. It reads the
// store's kept return ids, all of them: to ask for some would write ids into a query.
func (o *owner) returns(ctx context.Context, s *state, d *openDay, result visitsResult, p *store.ReturnPatternRow, rows *rows) error {
	if !s.extended() {
		return nil
	}
	last, err := o.lastVisits(ctx, s, d.day)
	if err != nil {
		return err
	}
	written := o.a.cfg.Now().UTC().Truncate(time.Second)
	period := wire.ReturnPeriod(int32(d.day))
	p.LookbackDays = uint8(min(returnDays, max(0, d.day-s.since)))
	for _, ids := range result.Returned {
		if s.unreturned(ids) {
			continue
		}
		p.ReturnVisitors++
		rows.returns = append(rows.returns, store.ReturnVisitRow{
			Store: s.cfg.ID, Period: period, ReturnID: ids.Now, StoreDay: d.day.Date(), Written: written, Version: p.Version,
		})
		before, ok := last[returnKey{period, ids.Now}]
		if other, has := last[returnKey{period - 1, ids.Before}]; has && (!ok || other > before) {
			before, ok = other, true
		}
		for i, n := range []*uint32{&p.Repeat7D, &p.Repeat14D, &p.Repeat28D} {
			if ok && d.day-before <= repeatDays[i] {
				*n++
			}
		}
	}
	return nil
}

// forgetAllReturns deletes the return ids that the open days were told to forget, before one of them is sealed: again, because
// a process that lost the partition may have sealed a day since.
func (a *Aggregator) forgetAllReturns(ctx context.Context, s *state) error {
	var list []store.Forgets
	for _, d := range s.days {
		list = append(list, erasable{s, d}.forgets(append(d.union.UnreturnedHashes(), d.forgets.returns...)))
	}
	if err := a.forgetReturns(ctx, list); err != nil {
		return err
	}
	for _, d := range s.days {
		d.forgets.returns = nil
	}
	return nil
}

// unreturned says whether one of the return ids is forgotten, on whichever open day that came.
func (s *state) unreturned(ids visits.ReturnIDs) bool {
	for _, d := range s.days {
		if d.union.Unreturned(ids) {
			return true
		}
	}
	return false
}

type returnKey struct {
	period int32
	id     uint64
}

// lastVisits is the last of the kept store-days before one on which each return id visited.
func (o *owner) lastVisits(ctx context.Context, s *state, day calendar.Day) (map[returnKey]calendar.Day, error) {
	const kept = "SELECT period, return_id, max(store_day) AS last_day FROM return_visits " +
		"WHERE store = ? AND store_day >= toDate(?) AND store_day < toDate(?) GROUP BY period, return_id"
	type row struct {
		Period int32     `ch:"period"`
		ID     uint64    `ch:"return_id"`
		Day    time.Time `ch:"last_day"`
	}
	list, err := store.Select[row](ctx, o.a.db, kept, s.cfg.ID, (day - returnDays).String(), day.String())
	if err != nil {
		return nil, fmt.Errorf("read the store's return visits: %w", err)
	}
	last := make(map[returnKey]calendar.Day, len(list))
	for _, r := range list {
		last[returnKey{r.Period, r.ID}] = dayOfDate(r.Day)
	}
	return last, nil
}

// restoreReturns deletes the return ids of a store that is not of policy extended any more. Where none are left, the store
// knows nobody again, whatever its days say: the last sealed one says so from now on. That is written first, so that a crash
// between the two is made good at the next start, and a policy that comes back before a day was sealed begins anew as well.
func (a *Aggregator) restoreReturns(ctx context.Context, s *state, last store.StoreDayRow) error {
	n, err := store.Value[uint64](ctx, a.db, "SELECT count() FROM return_visits WHERE store = ?", s.cfg.ID)
	if err != nil {
		return fmt.Errorf("look for the store's return ids: %w", err)
	}
	if s.since != noDay && (!s.extended() || n == 0) {
		last.Extended = false
		last.Version++
		if err := store.Insert(ctx, a.db, store.TableStoreDays, []store.StoreDayRow{last}); err != nil {
			return fmt.Errorf("write that the store knows nobody again: %w", err)
		}
		s.since = noDay
	}
	if s.extended() || n == 0 {
		return nil
	}
	if err := a.db.DeleteStoresReturns(ctx, s.cfg.ID); err != nil {
		return fmt.Errorf("delete the return ids of a store that keeps none: %w", err)
	}
	return nil
}

// repeats adds up a week's days.
type repeats struct {
	extended bool
	repeated [len(repeatDays)]int
	lookback calendar.Day
}

func newRepeats(s *state) repeats { return repeats{extended: s.extended(), lookback: returnDays} }

func (r *repeats) add(p store.ReturnPatternRow) {
	for i, n := range []uint32{p.Repeat7D, p.Repeat14D, p.Repeat28D} {
		r.repeated[i] += int(n)
	}
	r.lookback = min(r.lookback, calendar.Day(p.LookbackDays))
}

// into gives the week its exact shares. One is known where each of its days looks back so far.
func (r *repeats) into(w *publish.Week) {
	w.Extended = r.extended
	for i, out := range []*publish.Returned{&w.Repeat7D, &w.Repeat14D, &w.Repeat28D} {
		*out = publish.Returned{Known: r.lookback >= repeatDays[i], N: r.repeated[i]}
	}
}
