package main

import (
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
)

func number(n int32) *int32 { return &n }

func TestShownKeepsTheFourKindsOfNothingApart(t *testing.T) {
	for _, row := range []struct {
		name  string
		n     *int32
		state string
		unit  string
		want  string
	}{
		{"a count", number(120), "value", "", "120"},
		{"a share", number(22), "value", "%", "22%"},
		{"a nought that may be said", number(0), "value", "%", "0%"},
		{"suppressed", nil, "under_10", "", "under 10"},
		{"nobody listened", nil, "no_data", "%", "no data"},
		{"closed", nil, "closed", "", "closed"},
		{"the policy", nil, "policy", "", "policy"},
		{"live and few", nil, "quiet", "", "quiet"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := shown(row.n, row.state, row.unit); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestTheReportOfDays(t *testing.T) {
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	var out strings.Builder
	reportDays([]store.PubStoreDayRow{
		{
			StoreDay: monday, Visits: number(100), BouncesState: "under_10", PassersBy: number(335), CaptureRatePct: number(22), DwellP50Min: number(11),
			EstimatedVisits: number(360), EstimatedLow: number(245), EstimatedHigh: number(620), CoveragePct: number(28), RandomSharePct: number(36), Sealed: true,
		},
		{
			StoreDay: monday.AddDate(0, 0, 6), VisitsState: "closed", BouncesState: "closed", PassersByState: "closed", CaptureRateState: "closed", DwellState: "closed",
			EstimatedState: "closed", CoverageState: "closed", RandomShareState: "closed",
		},
	}, &out)
	want := `
day               visits  bounces passers-by capture rate   dwell, median  estimated visits coverage random share
Mon 2026-03-02       100 under 10        335          22%          11 min     360 (245-620)      28%          36%
Sun 2026-03-08    closed   closed     closed       closed          closed            closed   closed       closed  so far
`
	if got := "\n" + out.String(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestTheReportOfWeeks(t *testing.T) {
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	var out strings.Builder
	reportWeeks("demo", []store.PubStoreWeekRow{
		{Store: "other", StoreWeek: monday, Visitors: number(5000), State: "value"},
		{Store: "demo", StoreWeek: monday, Visitors: number(735), State: "no_data"},
		{
			Store: "demo", StoreWeek: monday.AddDate(0, 0, 7), Visitors: number(715), State: "value", NewPct: number(68), NewLowPct: number(63), NewHighPct: number(72),
			Repeat1WPct: number(32), Repeat1WLowPct: number(28), Repeat1WHighPct: number(37), LookbackWeeks: 1,
		},
	}, &out)
	want := `
week of 2026-03-02: visitors 735; new or repeat: no data
week of 2026-03-09: visitors 715; new 68% (63-72); here before, this week or the one before: 32% (28-37), or the four before: no data
`
	if got := "\n" + out.String(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
