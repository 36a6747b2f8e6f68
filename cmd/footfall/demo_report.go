package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/simulate"
)

// storeReport is a simulated store's days and weeks: exact, published, true.
type storeReport struct {
	store stores.Store
	truth simulate.Truth
	days  map[string]store.StoreDayRow
	pub   map[string]store.PubStoreDayRow
	weeks map[string]store.RepeatWeekRow
	pubWk map[string]store.PubStoreWeekRow
	hours []store.PubStoreHourRow
}

func demoReport(ctx context.Context, db *store.DB, s stores.Store, truth simulate.Truth) (*storeReport, error) {
	r := &storeReport{
		store: s, truth: truth, days: map[string]store.StoreDayRow{}, pub: map[string]store.PubStoreDayRow{},
		weeks: map[string]store.RepeatWeekRow{}, pubWk: map[string]store.PubStoreWeekRow{},
	}
	days, err := store.Select[store.StoreDayRow](ctx, db, "SELECT * FROM store_days FINAL WHERE store = ?", s.ID)
	if err != nil {
		return nil, fmt.Errorf("read the store's days: %w", err)
	}
	for _, d := range days {
		r.days[d.StoreDay.Format(time.DateOnly)] = d
	}
	pub, err := store.Select[store.PubStoreDayRow](ctx, db, "SELECT * FROM pub_store_day FINAL WHERE store = ?", s.ID)
	if err != nil {
		return nil, fmt.Errorf("read the published days: %w", err)
	}
	for _, d := range pub {
		r.pub[d.StoreDay.Format(time.DateOnly)] = d
	}
	weeks, err := store.Select[store.RepeatWeekRow](ctx, db, "SELECT * FROM repeat_weeks FINAL WHERE store = ?", s.ID)
	if err != nil {
		return nil, fmt.Errorf("read the weeks: %w", err)
	}
	for _, w := range weeks {
		r.weeks[w.StoreWeek.Format(time.DateOnly)] = w
	}
	pubWeeks, err := store.Select[store.PubStoreWeekRow](ctx, db, "SELECT * FROM pub_store_week FINAL WHERE store = ?", s.ID)
	if err != nil {
		return nil, fmt.Errorf("read the published weeks: %w", err)
	}
	for _, w := range pubWeeks {
		r.pubWk[w.StoreWeek.Format(time.DateOnly)] = w
	}
	r.hours, err = store.Select[store.PubStoreHourRow](ctx, db, "SELECT * FROM pub_store_hour FINAL WHERE store = ? ORDER BY start", s.ID)
	if err != nil {
		return nil, fmt.Errorf("read the published hours: %w", err)
	}
	return r, nil
}

// shown is a published number as a person reads it.
func shown(n *int32, state, unit string) string {
	if n == nil {
		return strings.ReplaceAll(state, "_", " ")
	}
	return fmt.Sprintf("%d%s", *n, unit)
}

func (r *storeReport) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s (%s): a simulated store, seed %d. Exact values beside what a dashboard would show and beside the truth.\n", r.store.Name, r.store.Zone, r.truth.Seed)
	r.printVisits(out)
	r.printPeople(out)
	r.printWeeks(out)
	r.printHours(out)
}

func (r *storeReport) printVisits(out io.Writer) {
	fmt.Fprintf(out, "\nVisits of stable addresses by day%31s| dwell, median minutes     | capture rate    | random frames\n", "")
	fmt.Fprintf(out, "%-15s %7s %9s %7s %9s %8s | %7s %9s %7s | %6s %8s | %6s\n", "day", "visits", "published", "truth", "bounces", "passers", "exact", "published", "truth", "exact", "truth", "exact")
	for i := range r.truth.Days {
		t := &r.truth.Days[i]
		d, ok := r.days[t.Date]
		p := r.pub[t.Date]
		if !ok || !t.Open {
			fmt.Fprintf(out, "%-15s %7s %9s %7d\n", dayName(t.Date), "-", shown(p.Visits, p.VisitsState, ""), t.Stable.Visits)
			continue
		}
		capture := ratio(float64(d.Visits), float64(d.Visits+d.Bounces+d.PassersBy))
		fmt.Fprintf(out, "%-15s %7d %9s %7d %9d %8d | %7s %9s %7.1f | %5.0f%% %7.0f%% | %5.0f%%\n", dayName(t.Date), d.Visits, shown(p.Visits, p.VisitsState, ""), t.Stable.Visits,
			d.Bounces, d.PassersBy, minutesOf(d.DwellP50S), shown(p.DwellP50Min, p.DwellState, ""), t.Stable.Dwell.Median/60, 100*capture, 100*t.Stable.CaptureRate,
			100*ratio(float64(d.FramesRandom), float64(d.FramesRandom+d.FramesStable)))
	}
}

func (r *storeReport) printPeople(out io.Writer) {
	fmt.Fprintf(out, "\nEverybody with a phone, random addresses too (95 %% intervals)\n")
	fmt.Fprintf(out, "%-15s %9s %15s %9s %7s | %8s %15s %7s | %8s\n", "day", "estimated", "", "published", "truth", "inside", "", "truth", "coverage")
	for i := range r.truth.Days {
		t := &r.truth.Days[i]
		d, ok := r.days[t.Date]
		if !ok || !t.Open {
			continue
		}
		p := r.pub[t.Date]
		fmt.Fprintf(out, "%-15s %9.0f %15s %9s %7d | %8.1f %15s %7.1f | %7s\n", dayName(t.Date), d.EstimatedVisits, span(d.EstimatedLow, d.EstimatedHigh, 0),
			shown(p.EstimatedVisits, p.EstimatedState, ""), t.Stays, d.OccupancyMean, span(d.OccupancyLow, d.OccupancyHigh, 1), meanInside(t), shown(p.CoveragePct, p.CoverageState, "%"))
	}
}

func (r *storeReport) printWeeks(out io.Writer) {
	if len(r.truth.Days) < 8 {
		fmt.Fprintf(out, "\nNew versus repeat begins with the second week: the sensor remembers nothing of the time before it was there.\n")
		return
	}
	fmt.Fprintf(out, "\nNew versus repeat by week, from one noisy bit a visitor and week\n")
	fmt.Fprintf(out, "%-15s %8s | %8s %13s %9s %7s | %8s %13s %9s %7s  %s\n", "week of", "visitors", "1 week", "", "published", "truth", "4 weeks", "", "published", "truth", "look-back weeks")
	for i := range r.truth.Weeks {
		t := &r.truth.Weeks[i]
		w, ok := r.weeks[t.Monday]
		p := r.pubWk[t.Monday]
		if !ok {
			continue
		}
		one, four := share(w.Repeat1W, w.Repeat1WLow, w.Repeat1WHigh), share(w.Repeat4W, w.Repeat4WLow, w.Repeat4WHigh)
		fmt.Fprintf(out, "%-15s %8d | %8s %13s %9s %6.0f%% | %8s %13s %9s %6.0f%%  %d\n", t.Monday, w.Visitors, one[0], one[1], shown(p.Repeat1WPct, p.State, "%"), 100*t.OneWeek.SpanShare,
			four[0], four[1], shown(p.Repeat4WPct, orNoData(p.Repeat4WPct, p.State), "%"), 100*t.FourWeeks.SpanShare, w.LookbackWeeks)
	}
}

func orNoData(n *int32, state string) string {
	if n == nil && state == "value" {
		return "no_data"
	}
	return state
}

func share(value, low, high *float64) [2]string {
	if value == nil {
		return [2]string{"-", ""}
	}
	return [2]string{fmt.Sprintf("%.1f%%", 100**value), fmt.Sprintf("(%.0f-%.0f)", 100**low, 100**high)}
}

// printHours shows the busiest hours, of estimated visits as they are published.
func (r *storeReport) printHours(out io.Writer) {
	type hour struct {
		local  uint8
		sum, n int
		truth  int
	}
	hours := map[uint8]*hour{}
	get := func(local uint8) *hour {
		if hours[local] == nil {
			hours[local] = &hour{local: local}
		}
		return hours[local]
	}
	for _, h := range r.hours {
		if h.EstimatedVisits != nil {
			x := get(h.LocalHour)
			x.sum += int(*h.EstimatedVisits)
			x.n++
		}
	}
	for i := range r.truth.Days {
		for _, h := range r.truth.Days[i].Hours {
			if h.Open {
				get(uint8(h.LocalHour)).truth += h.Entries
			}
		}
	}
	var list []*hour
	for _, h := range hours {
		if h.n > 0 {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(a, b *hour) int { return b.sum - a.sum })
	fmt.Fprintf(out, "\nBusiest hours (estimated visits as published, all days; entries in truth)\n")
	for i, h := range list {
		if i == 5 {
			break
		}
		fmt.Fprintf(out, "%02d:00  %6d  (truth %d)\n", h.local, h.sum, h.truth)
	}
}

func dayName(date string) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return t.Format("Mon 2006-01-02")
}

func span(low, high float64, digits int) string {
	return fmt.Sprintf("(%.*f-%.*f)", digits, low, digits, high)
}

func ratio(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

func minutesOf(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *seconds/60)
}

// meanInside is the true mean of people inside over the open hours.
func meanInside(t *simulate.DayTruth) float64 {
	sum, n := 0.0, 0
	for _, c := range t.Cells {
		if c.Open {
			sum += c.Occupancy
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}
