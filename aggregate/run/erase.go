package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/wire"
)

// What one flush does at most about Forgets, over all store-days: the others wait for the next ones. An id that the day held is
// always looked for at once; of a flood nearly all are drawn at random and match nothing.
const (
	strangersAtMost = 65_536 // ids that no day held, looked for once
	againAtMost     = 16     // store-days whose forgotten devices are looked for again
)

// leftoversEvery is how often, in flushes, rows of sealed days are looked for: five minutes at the usual interval.
const leftoversEvery = 60

// forgets is what ClickHouse is to be asked about the ids that a store-day was told to forget, by their salted hashes.
type forgets struct {
	// held are the devices that the day held, until it is sealed: a process that does not know yet that the partition was taken
	// from it, and had not read the Forget, may write their rows at any time. It can have no others: it read the same log.
	held      []uint64
	strangers []uint64 // the other ids, not looked for yet
	returns   []uint64 // return ids, not looked for yet
	news      bool     // some of held were not looked for
	again     bool     // some of held were looked for once only
	looked    uint64   // the flush in which held was looked for
}

// forget drops a device from the day, and its return ids from all open days. One that is not there changes no row.
func (d *openDay) forget(s *state, f *wire.Forget) {
	if s.extended() {
		for _, id := range f.ReturnIds {
			d.forgets.returns = append(d.forgets.returns, d.union.ForgetReturn(id))
			for _, other := range s.days {
				other.union.DropReturn(id)
			}
		}
	}
	hash, held := d.union.Forget(f.Id)
	if !held {
		d.forgets.strangers = append(d.forgets.strangers, hash)
		return
	}
	d.forgets.held = append(d.forgets.held, hash)
	d.forgets.news, d.dirty = true, true
}

// erasable is an open day of which ClickHouse may have rows that are to go.
type erasable struct {
	s *state
	d *openDay
}

func (e erasable) forgets(hashes []uint64) store.Forgets {
	return store.Forgets{Store: e.s.cfg.ID, Day: e.d.day.Date(), Salt: e.d.union.Salt(), Hashes: hashes}
}

// forget deletes the rows of forgotten devices: those of new Forgets, and once more those of the last flush and, in turn, of
// earlier ones, because a process that lost a partition may have written its rows since. ClickHouse is asked once for all
// store-days: a registration is a Forget in each store of the chain.
func (a *Aggregator) forget(ctx context.Context, owners map[int]*owner) error {
	a.flushes++
	if a.flushes%leftoversEvery == 0 {
		if err := a.eraseLate(ctx, owners); err != nil {
			return err
		}
	}
	var all, again []erasable
	for _, o := range owners {
		if !o.caughtUp() {
			continue
		}
		for _, s := range o.stores {
			for _, d := range s.days {
				all = append(all, erasable{s, d})
				if len(d.forgets.held) > 0 {
					again = append(again, erasable{s, d})
				}
			}
		}
	}
	if err := a.forgetNew(ctx, all); err != nil {
		return err
	}
	return a.forgetAgain(ctx, again)
}

// forgetNew looks for what is new and no device that the day held, as far as one flush may.
func (a *Aggregator) forgetNew(ctx context.Context, days []erasable) error {
	// The oldest first, so that of each store one day's salt comes after another's: a statement takes one of them.
	slices.SortFunc(days, func(x, y erasable) int { return cmp.Compare(x.d.day, y.d.day) })
	left := strangersAtMost
	take := func(queue func(*forgets) *[]uint64) (list []store.Forgets, done func()) {
		var taken []int
		for _, e := range days {
			hashes := *queue(&e.d.forgets)
			n := min(left, len(hashes))
			left -= n
			if taken = append(taken, n); n > 0 {
				list = append(list, e.forgets(hashes[:n]))
			}
		}
		return list, func() {
			for i, e := range days {
				q := queue(&e.d.forgets)
				*q = slices.Delete(*q, 0, taken[i])
			}
		}
	}
	list, done := take(func(f *forgets) *[]uint64 { return &f.strangers })
	if err := a.forgetDevices(ctx, list); err != nil {
		return err
	}
	done()
	list, done = take(func(f *forgets) *[]uint64 { return &f.returns })
	if err := a.forgetReturns(ctx, list); err != nil {
		return err
	}
	done()
	return nil
}

// forgetAgain looks for the forgotten devices of store-days: of those with new ones, of those with new ones at the last flush,
// and of some others, those first that have waited longest.
func (a *Aggregator) forgetAgain(ctx context.Context, days []erasable) error {
	rank := func(f *forgets) uint64 {
		if f.news || f.again {
			return 0
		}
		return f.looked
	}
	slices.SortFunc(days, func(x, y erasable) int { return cmp.Compare(rank(&x.d.forgets), rank(&y.d.forgets)) })
	turn, others := 0, againAtMost
	for turn < len(days) && (rank(&days[turn].d.forgets) == 0 || others > 0) {
		if rank(&days[turn].d.forgets) > 0 {
			others--
		}
		turn++
	}
	var list []store.Forgets
	for _, e := range days[:turn] {
		list = append(list, e.forgets(e.d.forgets.held))
	}
	if err := a.forgetDevices(ctx, list); err != nil {
		return err
	}
	for _, e := range days[:turn] {
		f := &e.d.forgets
		f.news, f.again, f.looked = false, f.news, a.flushes
	}
	return nil
}

func (a *Aggregator) forgetDevices(ctx context.Context, list []store.Forgets) error {
	if _, err := a.db.ForgetDevices(ctx, list...); err != nil {
		return fmt.Errorf("forget devices: %w", err)
	}
	return nil
}

func (a *Aggregator) forgetReturns(ctx context.Context, list []store.Forgets) error {
	if _, err := a.db.ForgetReturns(ctx, list...); err != nil {
		return fmt.Errorf("forget return ids: %w", err)
	}
	return nil
}

// erase deletes a store-day from tables of what may not outlive its sealing. A table without a row of it is left alone, because
// a delete waits until the rows have left the disk.
func (a *Aggregator) erase(ctx context.Context, storeID string, day time.Time, tables ...string) error {
	deletes := map[string]func(context.Context, string, time.Time) error{
		store.TableDeviceDays: a.db.DeleteDeviceDays, store.TablePeopleMinutes: a.db.DeletePeopleMinutes, store.TableCells: a.db.DeleteCells,
	}
	for _, table := range tables {
		n, err := store.Value[uint64](ctx, a.db, "SELECT count() FROM "+table+" WHERE store = ? AND store_day = toDate(?)", storeID, day.Format(time.DateOnly))
		if err == nil && n > 0 {
			err = deletes[table](ctx, storeID, day)
		}
		if err != nil {
			return fmt.Errorf("delete the day's rows of %s: %w", table, err)
		}
	}
	return nil
}

// eraseLeftovers deletes what is still there of the stores' sealed days, where a condition holds: after a crash while one was
// sealed, or written by a process that did not know yet that the partition was another's.
func (a *Aggregator) eraseLeftovers(ctx context.Context, stores map[string]*state, where string, args ...any) error {
	for _, table := range []string{store.TableDeviceDays, store.TablePeopleMinutes, store.TableCells} {
		type storeDay struct {
			Store string    `ch:"store"`
			Day   time.Time `ch:"store_day"`
		}
		days, err := store.Select[storeDay](ctx, a.db, "SELECT DISTINCT store, store_day FROM "+table+" WHERE "+where, args...)
		if err != nil {
			return fmt.Errorf("look for leftovers in %s: %w", table, err)
		}
		for _, row := range days {
			if s := stores[row.Store]; s != nil && s.hasSealed(dayOfDate(row.Day)) {
				if err := a.erase(ctx, row.Store, row.Day, table); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// eraseLate deletes what was written of sealed days since they were: by a process that lost the partition and woke up late.
func (a *Aggregator) eraseLate(ctx context.Context, owners map[int]*owner) error {
	all := map[string]*state{}
	for _, o := range owners {
		for id, s := range o.stores {
			all[id] = s
		}
	}
	return a.eraseLeftovers(ctx, all, "true")
}
