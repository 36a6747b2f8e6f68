package retention

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/lifetime"
	"github.com/openfootfall/footfall/ingest/stores"
)

// tableRule says what a table is for.
type tableRule struct {
	name string
	at   string   // the column that says when a row is of; empty: none
	ids  []string // its columns with ids
	// sealed is how many further days have to be sealed before a row goes, counted from its own; -1: it stays, or goes by limit.
	sealed int
	limit  time.Duration // of rows that go by their age; 0: they stay
}

const (
	stays  = -1
	byWeek = 6 // a week's rows, dated by its Monday, go with its Sunday
	// ttl is how long after its time ClickHouse may take to delete a row by itself.
	ttl = 24 * time.Hour
)

func tableRules() []tableRule {
	return []tableRule{
		{store.TableDeviceDays, "store_day", []string{"id"}, 0, 0},
		{store.TablePeopleMinutes, "store_day", nil, 0, 0},
		{store.TableCells, "store_day", nil, 0, 0},
		{store.TableReturnPatterns, "store_week", nil, byWeek, 0},
		{store.TableReturnVisits, "store_day", []string{"return_id"}, lifetime.ReturnDays - 1, 0},
		{store.TableDeadLetters, "received", nil, stays, 30*24*time.Hour + ttl},
		{store.TableStores, "", nil, stays, 0},
		{store.TableStoreDays, "store_day", nil, stays, 0},
		{store.TableRepeatWeeks, "store_week", nil, stays, 0},
		{store.TableSealedDays, "store_day", nil, stays, 0},
		{store.TablePubStoreLive, "start", nil, stays, 0},
		{store.TablePubStoreQuarter, "start", nil, stays, 0},
		{store.TablePubStoreHour, "start", nil, stays, 0},
		{store.TablePubZoneHour, "start", nil, stays, 0},
		{store.TablePubStoreDay, "store_day", nil, stays, 0},
		{store.TablePubStoreWeek, "store_week", nil, stays, 0},
		{store.TablePubSensor5Min, "start", nil, stays, 0},
		{store.TablePubRetention, "day", nil, stays, 0},
		{store.TablePubAnnotations, "first_day", nil, stays, 0},
		{store.TablePubTransactions, "start", nil, stays, 0},
		{store.TablePubEffects, "computed_at", nil, stays, 0},
		{store.TablePubStores, "", nil, stays, 0},
		{store.TablePubPrivacy, "checked_at", nil, stays, 0},
		{"migrations", "applied", nil, stays, 0},
	}
}

// mayHoldIDs are names of columns that may hold ids, or worse. A table with one that is not declared is a breach.
var mayHoldIDs = regexp.MustCompile(`(?i)(^|_)(ids?|macs?|address(es)?|addrs?|ssids?|receipts?|tags?|buckets?|pseudonyms?|devices?|hash(es)?)(_|$)`)

type tableColumn struct {
	Table string `ch:"table"`
	Name  string `ch:"name"`
}

func (p *proof) tables(ctx context.Context) ([]Place, error) {
	db := p.in.DB
	columns, err := store.Select[tableColumn](ctx, db, "SELECT table, name FROM system.columns WHERE database = ? ORDER BY table, position", db.Database())
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w: the user needs the right to read system.columns", err)
	}
	has := map[string][]string{}
	for _, c := range columns {
		has[c.Table] = append(has[c.Table], c.Name)
	}
	bytes, err := p.sizes(ctx)
	if err != nil {
		return nil, err
	}
	var places []Place
	for _, rule := range tableRules() {
		names, ok := has[rule.name]
		if !ok {
			continue // of a later version, or not migrated yet
		}
		list, err := p.table(ctx, rule)
		if err != nil {
			return places, fmt.Errorf("look at the age of %s: %w", rule.name, err)
		}
		if list[0].Verdict == OK && slices.ContainsFunc(names, func(c string) bool { return mayHoldIDs.MatchString(c) && !slices.Contains(rule.ids, c) }) {
			list[0].fault(Undeclared)
		}
		list[0].Bytes = bytes[rule.name]
		places = append(places, list...)
		delete(has, rule.name)
	}
	places = append(places, undeclared(columns, has, bytes)...)
	parts, err := p.parts(ctx)
	return append(places, parts...), err
}

// undeclared are the tables that are not in tableRules, by name.
func undeclared(columns []tableColumn, left map[string][]string, bytes map[string]int64) []Place {
	var places []Place
	for _, c := range columns {
		names, ok := left[c.Table]
		if !ok {
			continue
		}
		delete(left, c.Table)
		place := Place{Kind: Table, Name: c.Table, Verdict: Unknown, Reason: Undeclared, Bytes: bytes[c.Table]}
		if slices.ContainsFunc(names, mayHoldIDs.MatchString) {
			place.fault(Undeclared)
		}
		places = append(places, place)
	}
	return places
}

type tableSize struct {
	Table string `ch:"table"`
	Bytes uint64 `ch:"bytes"`
}

// sizes are the bytes of the tables on the disk, out-of-use parts included.
func (p *proof) sizes(ctx context.Context) (map[string]int64, error) {
	rows, err := store.Select[tableSize](ctx, p.in.DB,
		"SELECT table, sum(bytes_on_disk) AS bytes FROM system.parts WHERE database = ? GROUP BY table", p.in.DB.Database())
	if err != nil {
		return nil, fmt.Errorf("ask for the tables' sizes: %w: the user needs the right to read system.parts", err)
	}
	sizes := map[string]int64{}
	for _, r := range rows {
		sizes[r.Table] = int64(r.Bytes)
	}
	return sizes, nil
}

// tableAge is what a table has of a store, in every version that is still on the disk. Where there are no rows, the times mean
// nothing.
type tableAge struct {
	Store  string    `ch:"store"`
	Rows   uint64    `ch:"rows"`
	Oldest time.Time `ch:"oldest"`
	Newest time.Time `ch:"newest"`
}

// table looks at a table. The first place is the whole of it; the others are its stores that are in breach.
func (p *proof) table(ctx context.Context, rule tableRule) ([]Place, error) {
	of, at := "''", "toDateTime(0, 'UTC')"
	if rule.at != "" {
		at = "toDateTime(" + rule.at + ", 'UTC')"
	}
	group := ""
	if rule.sealed != stays {
		of, group = "store", " GROUP BY store ORDER BY store"
	}
	rows, err := store.Select[tableAge](ctx, p.in.DB,
		"SELECT toString("+of+") AS store, count() AS rows, min("+at+") AS oldest, max("+at+") AS newest FROM "+rule.name+group)
	if err != nil {
		return nil, err
	}
	whole := Place{Kind: Table, Name: rule.name, Limit: p.usual(rule), Verdict: OK}
	var breaches []Place
	for _, row := range rows {
		if row.Rows == 0 {
			continue
		}
		part := Place{Kind: Table, Name: rule.name, Store: row.Store, Count: int64(row.Rows), Limit: rule.limit}
		if rule.at != "" {
			part.Oldest, part.Newest = row.Oldest.UTC(), row.Newest.UTC()
		}
		if rule.sealed != stays {
			p.sealing(rule, &part)
		}
		part.judge(p.in.Now)
		if part.Verdict == Breach && part.Store != "" {
			breaches = append(breaches, part)
		}
		whole.join(part)
	}
	return append([]Place{whole}, breaches...), nil
}

// usual is the limit of a table's rows where no clock is changed: of the store that seals last, where sealing decides.
func (p *proof) usual(rule tableRule) time.Duration {
	limit := rule.limit
	for _, s := range p.stores {
		if rule.sealed != stays {
			limit = max(limit, time.Duration(rule.sealed)*lifetime.StoreDay+lifetime.Of(s.SealAfter, 0, lifetime.StoreDay).Online)
		}
	}
	return limit
}

// sealing sets a part's times and limit by the store's calendar: its rows go when the store's own day is sealed, at the rule's
// distance, whatever other stores do.
func (p *proof) sealing(rule tableRule, part *Place) {
	s := p.stores[part.Store]
	if s == nil {
		s = &stores.Store{SealAfter: stores.MaxSealAfter}
		part.Reason = UnknownStore
	}
	first, last := dayOf(part.Oldest), dayOf(part.Newest)
	begin := s.Calendar.Start(first)
	part.Oldest, part.Newest = begin.UTC(), s.Calendar.Start(last).UTC()
	part.Limit = s.Calendar.End(first+calendar.Day(rule.sealed)).Sub(begin) + lifetime.Of(s.SealAfter, 0, lifetime.StoreDay).Online - lifetime.StoreDay
}

func dayOf(date time.Time) calendar.Day { return calendar.DayOfDate(date.UTC().Date()) }

type partAge struct {
	Table  string    `ch:"table"`
	Parts  uint64    `ch:"parts"`
	Oldest time.Time `ch:"oldest"`
	Bytes  uint64    `ch:"bytes"`
}

// partsLimit is how long a part may be on the disk after it is out of use.
const partsLimit = time.Hour

// parts looks for deleted rows that are still on the disk: parts out of use, and parts that ClickHouse put aside. On a cluster it
// looks at the replica that it is connected to.
func (p *proof) parts(ctx context.Context) ([]Place, error) {
	db := p.in.DB
	old, err := store.Select[partAge](ctx, db, "SELECT table, count() AS parts, min(toTimeZone(remove_time, 'UTC')) AS oldest, sum(bytes_on_disk) AS bytes "+
		"FROM system.parts WHERE database = ? AND NOT active GROUP BY table", db.Database())
	if err != nil {
		return nil, fmt.Errorf("look for old parts: %w: the user needs the right to read system.parts", err)
	}
	aside, err := store.Select[tableColumn](ctx, db, "SELECT DISTINCT table, '' AS name FROM system.detached_parts WHERE database = ?", db.Database())
	if err != nil {
		return nil, fmt.Errorf("look for detached parts: %w: the user needs the right to read system.detached_parts", err)
	}
	var places []Place
	for _, rule := range tableRules() {
		if rule.sealed == stays {
			continue // nothing of a device
		}
		place := Place{Kind: Parts, Name: rule.name, Limit: partsLimit, Verdict: OK}
		for _, row := range old {
			if row.Table == rule.name {
				place.Count, place.Oldest, place.Bytes = int64(row.Parts), row.Oldest.UTC(), int64(row.Bytes)
			}
		}
		place.judge(p.in.Now)
		if slices.ContainsFunc(aside, func(c tableColumn) bool { return c.Table == rule.name }) {
			place.fault(Detached)
		}
		places = append(places, place)
	}
	return places, nil
}
