package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
)

const reportHelp = `footfall report prints a store's days and weeks from ClickHouse as they are published: counts rounded to 5, a rounded
count under 10 not shown, shares in whole percent. It reads the pub_ tables and nothing else. An embedded database is open in one
process at a time, so end footfall aggregate first.

  footfall report --store demo --clickhouse embedded:.footfall/clickhouse`

func reportCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	var target, storeID string
	f := flags("report", "usage: footfall report [flags]\n\n"+reportHelp, out, errs)
	f.StringVar(&target, "clickhouse", "embedded:.footfall/clickhouse", "`target`: embedded:DIR, or clickhouse://user:password@host:9000/database")
	f.StringVar(&storeID, "store", "", "the `store` to report; all where empty")
	if err := f.parse(args); err != nil {
		return err
	}
	db, err := store.Open(ctx, target, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(report(ctx, db, storeID, out), db.Close())
}

func report(ctx context.Context, db *store.DB, storeID string, out io.Writer) error {
	days, err := store.Select[store.PubStoreDayRow](ctx, db, "SELECT * FROM pub_store_day FINAL WHERE store = ? OR ? = '' ORDER BY store, store_day", storeID, storeID)
	if err != nil {
		return fmt.Errorf("read the published days: %w: run footfall aggregate or footfall migrate first", err)
	}
	weeks, err := store.Select[store.PubStoreWeekRow](ctx, db, "SELECT * FROM pub_store_week FINAL WHERE store = ? OR ? = '' ORDER BY store, store_week", storeID, storeID)
	if err != nil {
		return fmt.Errorf("read the published weeks: %w: run footfall aggregate or footfall migrate first", err)
	}
	if len(days) == 0 {
		return errors.New("nothing is published yet: run a sensor and footfall aggregate, and look at --store")
	}
	for len(days) > 0 {
		id := days[0].Store
		other := func(d store.PubStoreDayRow) bool { return d.Store != id }
		n := slices.IndexFunc(days, other)
		if n < 0 {
			n = len(days)
		}
		fmt.Fprintf(out, "store %s, as published\n", id)
		reportDays(days[:n], out)
		reportWeeks(id, weeks, out)
		days = days[n:]
	}
	return nil
}

func reportDays(days []store.PubStoreDayRow, out io.Writer) {
	fmt.Fprintf(out, "%-15s %8s %8s %10s %12s %15s %17s %8s %12s\n",
		"day", "visits", "bounces", "passers-by", "capture rate", "dwell, median", "estimated visits", "coverage", "random share")
	for i := range days {
		d := &days[i]
		open := ""
		if !d.Sealed {
			open = "  so far"
		}
		fmt.Fprintf(out, "%-15s %8s %8s %10s %12s %15s %17s %8s %12s%s\n", dayName(d.StoreDay.Format(time.DateOnly)), shown(d.Visits, d.VisitsState, ""),
			shown(d.Bounces, d.BouncesState, ""), shown(d.PassersBy, d.PassersByState, ""), shown(d.CaptureRatePct, d.CaptureRateState, "%"),
			shown(d.DwellP50Min, d.DwellState, " min"), shown(d.EstimatedVisits, d.EstimatedState, "")+interval(d.EstimatedLow, d.EstimatedHigh),
			shown(d.CoveragePct, d.CoverageState, "%"), shown(d.RandomSharePct, d.RandomShareState, "%"), open)
	}
}

func reportWeeks(storeID string, weeks []store.PubStoreWeekRow, out io.Writer) {
	for i := range weeks {
		w := &weeks[i]
		if w.Store != storeID {
			continue
		}
		fmt.Fprintf(out, "week of %s: visitors %s; ", w.StoreWeek.Format(time.DateOnly), shown(w.Visitors, w.VisitorsState, ""))
		if w.State != "value" {
			fmt.Fprintf(out, "new or repeat: %s\n", shown(nil, w.State, ""))
			continue
		}
		fmt.Fprintf(out, "new %s; here before, this week or the one before: %s, or the four before: %s\n",
			percent(w.NewPct, w.NewLowPct, w.NewHighPct), percent(w.Repeat1WPct, w.Repeat1WLowPct, w.Repeat1WHighPct),
			percent(w.Repeat4WPct, w.Repeat4WLowPct, w.Repeat4WHighPct))
	}
}

// percent is a share with its interval; there is none before the sensor has been there for as long as it looks back.
func percent(value, low, high *int32) string {
	return shown(value, orNoData(value, "value"), "%") + interval(low, high)
}

// interval is empty where there is none.
func interval(low, high *int32) string {
	if low == nil || high == nil {
		return ""
	}
	return fmt.Sprintf(" (%d-%d)", *low, *high)
}
