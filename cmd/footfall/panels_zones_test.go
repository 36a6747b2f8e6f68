package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/simulate"
)

// zonedStore is a store of which three store-days are simulated, from a Saturday on. In most of them a clock changes in the night to
// the Sunday, at hours of the store-day that began on the Saturday.
type zonedStore struct {
	id, zone string
	first    string
	always   bool // open at all hours; else from 09:00 to 20:00
}

func zonedStores() []zonedStore {
	return []zonedStore{
		{"berlin-spring", "Europe/Berlin", "2026-03-28", false},
		{"berlin-autumn", "Europe/Berlin", "2026-10-24", true},
		{"st-johns-spring", "America/St_Johns", "2026-03-07", true}, // half an hour beside the others
		{"st-johns-autumn", "America/St_Johns", "2026-10-31", false},
		{"casablanca", "Africa/Casablanca", "2026-03-21", true}, // the end of Ramadan
		{"troll", "Antarctica/Troll", "2026-03-28", true},       // by two hours
		{"apia", "Pacific/Apia", "2026-03-07", false},           // 13 hours ahead: store-days begin on the UTC day before
		{"kathmandu", "Asia/Kathmandu", "2026-03-07", false},    // three quarters of an hour beside the others
	}
}

// zonedDay is what a store-day is by the store's clock, from the time package alone.
type zonedDay struct {
	date    time.Time // midnight UTC of its date
	hours   []string  // local hours in which it is open, in order, none twice
	minutes int       // open
	opens   time.Time
	closes  time.Time
}

func (z zonedStore) days(t *testing.T) []zonedDay {
	t.Helper()
	loc, err := time.LoadLocation(z.zone)
	if err != nil {
		t.Fatal(err)
	}
	var out []zonedDay
	for i := range 3 {
		date := date(z.first).AddDate(0, 0, i)
		at := func(day, hour int) time.Time {
			return time.Date(date.Year(), date.Month(), date.Day()+day, hour, 0, 0, 0, loc)
		}
		d := zonedDay{date: date, opens: at(0, 9), closes: at(0, 20)}
		if z.always {
			d.opens, d.closes = at(0, 4), at(1, 4)
		}
		d.minutes = int(d.closes.Sub(d.opens).Minutes())
		for hour := d.opens; hour.Before(d.closes); hour = hour.Add(time.Hour) {
			if text := hour.Format("15:00"); !slices.Contains(d.hours, text) {
				d.hours = append(d.hours, text)
			}
		}
		out = append(out, d)
	}
	return out
}

// zonedTables simulates the stores and runs them through sensors and an aggregator.
func zonedTables(t *testing.T, list []zonedStore) panels.Querier {
	t.Helper()
	var yaml strings.Builder
	yaml.WriteString("stores:\n")
	for _, z := range list {
		hours := `hours: {mon-sun: "09:00-20:00"}, `
		if z.always {
			hours = ""
		}
		fmt.Fprintf(&yaml, "  - {id: %s, time_zone: %s, %szones: [{id: shop, sensors: [{id: door}]}]}\n", z.id, z.zone, hours)
	}
	b := newBenchOf(t, yaml.String())
	whole := b.dir
	for i, z := range list {
		b.store, b.dir = b.stores[i], whole+"/"+z.id
		if err := os.Mkdir(b.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		first, err := calendar.ParseDay(z.first)
		if err != nil {
			t.Fatal(err)
		}
		cfg := simulate.Default(b.store, first)
		cfg.Days, cfg.ShoppersPerDay, cfg.PassersPerDay = 3, 150, 60
		var files []string
		if _, err := simulate.Run(t.Context(), cfg, func(day calendar.Day) (io.WriteCloser, error) {
			files = append(files, b.path(day.String()+".pcap"))
			return os.Create(files[len(files)-1])
		}, nil); err != nil {
			t.Fatal(err)
		}
		zonedSense(t, b, first, files, byte(i))
	}
	b.dir = whole
	b.aggregate("engine", "one")
	return newPanelSource(t, storetest.OpenDir(t, b.path("engine")))
}

// zonedSense sends captures through a sensor whose keys begin with a day.
func zonedSense(t *testing.T, b *bench, first calendar.Day, files []string, n byte) {
	t.Helper()
	noise := rand.NewChaCha8([32]byte{n, 7})
	seed, err := keys.NewStoreSeed(noise)
	if err != nil {
		t.Fatal(err)
	}
	optOut, err := keys.NewOptOutKey(noise)
	if err != nil {
		t.Fatal(err)
	}
	bundles, err := keys.NewBundles(&b.store, seed, first, optOut)
	if err == nil {
		err = bundles[0].Write(b.path("door.bundle"))
	}
	if err != nil {
		t.Fatal(err)
	}
	inside, floor := agent.DefaultRSSIInside, agent.DefaultRSSIFloor
	cfg := &agent.Config{State: b.path("sensor"), Bundle: b.path("door.bundle"), RSSIInside: &inside, RSSIFloor: &floor}
	cfg.Source.Files, cfg.Kafka.Brokers = files, b.brokers
	if _, err := agent.Run(t.Context(), cfg, agent.Options{Software: "test", Random: noise}); err != nil {
		t.Fatal(err)
	}
}

// TestPanelsGiveEachStoresOwnDaysAndHours simulates stores where clocks differ from UTC by odd amounts and change, and holds what the
// panels say of days, weeks and hours against the time package.
func TestPanelsGiveEachStoresOwnDaysAndHours(t *testing.T) {
	list := zonedStores()
	source := zonedTables(t, list)
	for _, z := range list {
		t.Run(z.id, func(t *testing.T) {
			days := z.days(t)
			checkZonedDays(t, source, z, days)
			checkZonedHours(t, source, z, days)
			checkZonedSensor(t, source, z, days)
		})
	}
}

func checkZonedDays(t *testing.T, source panels.Querier, z zonedStore, days []zonedDay) {
	t.Helper()
	params := panels.Params{From: days[0].date, To: days[2].date, Stores: []string{z.id}} // a range of dates, as the page asks
	var dates, gaps []string
	var weeks []string
	open := 0
	for _, d := range days {
		text := d.date.Format("01-02 15:04")
		dates, gaps = append(dates, text), append(gaps, fmt.Sprintf("%s %d", text, d.minutes))
		monday := d.date.AddDate(0, 0, -(int(d.date.Weekday())+6)%7).Format("01-02 15:04")
		if !slices.Contains(weeks, monday) {
			weeks = append(weeks, monday)
		}
		open += d.minutes / 60
	}
	for _, id := range []string{"visits_by_day", "chain_days", "capture_rate", "dwell", "days", "privacy_states", "privacy_suppressed"} {
		wantLines(t, id, panelRows(t, source, id, params, "time"), dates...)
	}
	wantLines(t, "data_quality", panelRows(t, source, "data_quality", params, "time", "open_min"), gaps...)
	wantLines(t, "chain_weeks", panelRows(t, source, "chain_weeks", params, "time"), weeks...)
	wantLines(t, "chain_region_weeks", panelRows(t, source, "chain_region_weeks", params, "time"), weeks...)
	wantLines(t, "trend", panelRows(t, source, "trend", params, "time"), weeks...)
	wantLines(t, "chain_per_hour", panelRows(t, source, "chain_per_hour", params, "store", "hours_open", "days_shown"), fmt.Sprintf("%s %d 3", z.id, open))
	wantLines(t, "chain_ranked", panelRows(t, source, "chain_ranked", params, "store", "days_shown"), z.id+" 3")
	opens := days[2].opens
	params.To = time.Date(opens.Year(), opens.Month(), opens.Day()+1, 4, 0, 0, 0, opens.Location()).Add(-time.Second) // the end of the last store-day, as the page asks
	wantLines(t, "last_day", panelRows(t, source, "last_day", params, "time"), dates[2])
	params.To = params.To.Add(-time.Second)
	wantLines(t, "last_day a second before", panelRows(t, source, "last_day", params, "time"), dates[1])
	params.To = days[1].date // a range that ends before the last day does not show it
	wantLines(t, "visits_by_day", panelRows(t, source, "visits_by_day", params, "time"), dates[:2]...)
}

func checkZonedHours(t *testing.T, source panels.Querier, z zonedStore, days []zonedDay) {
	t.Helper()
	last := days[2]
	now := last.closes.Add(-time.Hour) // a moment of the last day, as Grafana asks
	params := panels.Params{From: days[0].opens, To: now, Stores: []string{z.id}}
	wantLines(t, "today_by_hour", panelRows(t, source, "today_by_hour", params, "clock"), last.hours...)
	quarters := panelRows(t, source, "occupancy_by_quarter", params, "clock")
	if n := last.minutes / 15; len(quarters) != n || quarters[0] != last.hours[0] || quarters[n-1] != strings.TrimSuffix(last.hours[len(last.hours)-1], "00")+"45" {
		t.Errorf("occupancy_by_quarter: got %d quarters, %v; want %d from %s on", len(quarters), quarters, n, last.hours[0])
	}
	day := last.date.Format("01-02 15:04")
	wantLines(t, "today", panelRows(t, source, "today", params, "time"), day)
	wantLines(t, "today_by_hour's day", panelRows(t, source, "today_by_hour", params, "day_shown")[:1], day)
	var cells []string
	for i, d := range []int{2, 0, 1} { // Monday, Saturday, Sunday
		for hour := range 24 {
			clock := fmt.Sprintf("%02d:00", (hour+4)%24)
			if everOpen(days, clock) && slices.Contains(zonedHours(z, days[d]), clock) {
				cells = append(cells, []string{"Mon ", "Sat ", "Sun "}[i]+clock)
			}
		}
	}
	params.From, params.To = days[0].date, last.date
	wantLines(t, "busy_hours", panelRows(t, source, "busy_hours", params, "day", "hour"), cells...)
}

// zonedHours are the local hours that a store-day has: not the one that a change of clocks leaves out.
func zonedHours(z zonedStore, d zonedDay) []string {
	loc, err := time.LoadLocation(z.zone)
	if err != nil {
		return nil
	}
	var out []string
	end := time.Date(d.date.Year(), d.date.Month(), d.date.Day()+1, 4, 0, 0, 0, loc)
	for at := time.Date(d.date.Year(), d.date.Month(), d.date.Day(), 4, 0, 0, 0, loc); at.Before(end); at = at.Add(time.Hour) {
		out = append(out, at.Format("15:00"))
	}
	return out
}

func everOpen(days []zonedDay, clock string) bool {
	return slices.ContainsFunc(days, func(d zonedDay) bool { return slices.Contains(d.hours, clock) })
}

func checkZonedSensor(t *testing.T, source panels.Querier, z zonedStore, days []zonedDay) {
	t.Helper()
	p, _ := panels.Find("sensors_listened")
	for _, d := range days {
		got := runPanel(t, source, p, panels.Params{From: d.opens.Add(-5 * time.Hour), To: d.opens.Add(20 * time.Hour), Stores: []string{z.id}, Width: 300})
		at := slices.Index(got.Columns, "time")
		listened := slices.Index(got.Columns, "listened_pct")
		in, out := 0, 0
		for _, row := range got.Rows {
			step := row[at].(time.Time)
			switch open := !step.Before(d.opens) && step.Before(d.closes); {
			case open && fmt.Sprint(row[listened]) != "0":
				in++
			case !open && !z.always && fmt.Sprint(row[listened]) != "0":
				out++
			}
		}
		if want := min(d.minutes, 20*60) / 5; in < want*9/10 || out > 0 {
			t.Errorf("%s: the sensor listened in %d steps of its open hours and %d of its closed ones, want nearly %d and none", d.date.Format(time.DateOnly), in, out, want)
		}
	}
}
