package retention

import (
	"context"
	"fmt"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
)

// HeldDay is how many devices of a store-day are in ClickHouse: an upper bound, because one phone may have several addresses, and
// because a row that was replaced may still be there.
type HeldDay struct {
	Table    string    `ch:"held_in"` // device_days, or return_visits: return ids, of policy extended
	Store    string    `ch:"store"`
	StoreDay time.Time `ch:"store_day"` // midnight UTC
	Devices  uint64    `ch:"devices"`
}

// Held counts the ids in device_days and return_visits by store and store-day. It is for the operator, in an incident: nothing is rounded.
func Held(ctx context.Context, db *store.DB) ([]HeldDay, error) {
	var all []HeldDay
	for _, rule := range tableRules() {
		for _, id := range rule.ids {
			rows, err := store.Select[HeldDay](ctx, db, "SELECT '"+rule.name+"' AS held_in, toString(store) AS store, store_day, uniqExact("+id+") AS devices FROM "+
				rule.name+" GROUP BY store, store_day ORDER BY store, store_day")
			if err != nil {
				return all, fmt.Errorf("count the devices that are held: %w: run footfall migrate first", err)
			}
			all = append(all, rows...)
		}
	}
	return all, nil
}
