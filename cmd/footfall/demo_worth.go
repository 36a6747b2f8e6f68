package main

import (
	"context"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/dashboards/worth"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/simulate"
)

// demoPromotion is noted in the demo's fifth week: the first with enough weeks before it. It is a placebo, and says so.
const (
	demoPromotion      = "Spring window (in the simulation it changes nothing)"
	demoPromotionBegin = 28 // days after demoStart
	demoPromotionDays  = 6
)

// demoWorth imports what the simulated store's tills would have rung, notes a promotion, and computes what it did. Of ten who come in
// about three buy, later in the day rather more.
func demoWorth(ctx context.Context, db *store.DB, s stores.Store, truth simulate.Truth) error {
	var sales []worth.Transactions
	last := demoStart
	for i := range truth.Days {
		for _, h := range truth.Days[i].Hours {
			if !h.Open {
				continue
			}
			sales = append(sales, worth.Transactions{
				Store: s.ID, Start: h.Start, Day: s.Calendar.DayOf(h.Start), Hour: h.LocalHour, Count: uint32(h.Entries * (22 + h.LocalHour/2) / 100),
			})
			last = max(last, s.Calendar.DayOf(h.Start))
		}
	}
	out := effects{worthSink{db, func() time.Time { return s.Calendar.End(last) }}} // the same whenever the demo runs
	if err := out.WriteTransactions(ctx, sales); err != nil {
		return err
	}
	first := demoStart + demoPromotionBegin
	if last < first {
		return nil
	}
	a := worth.Annotation{Store: s.ID, Kind: worth.Promotion, Title: demoPromotion, First: first, Last: first + calendar.Day(demoPromotionDays) - 1}.Named()
	if err := out.WriteAnnotations(ctx, []worth.Annotation{a}); err != nil {
		return err
	}
	version, err := out.version(ctx)
	if err != nil {
		return err
	}
	_, err = out.write(ctx, a, []worth.Annotation{a}, version)
	return err
}
