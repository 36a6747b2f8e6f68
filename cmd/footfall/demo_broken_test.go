package main

import (
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/sensor/simulate"
)

// brokenReport is a report of two days and weeks in which nothing is right: one day is far off, the other was never sealed, the
// second week is missing.
func brokenReport() *storeReport {
	dwell := 3000.0
	return &storeReport{
		days: map[string]store.StoreDayRow{"2026-03-02": {Visits: 50, DwellP50S: &dwell, EstimatedLow: 1, EstimatedHigh: 2, OccupancyLow: 1, OccupancyHigh: 2, Sealed: true}},
		truth: simulate.Truth{Days: []simulate.DayTruth{
			{Date: "2026-03-02", Open: true, Stays: 300, Stable: simulate.Stable{Visits: 100, Dwell: simulate.Quartiles{Median: 600}}, Cells: []simulate.Cell{{Open: true, Occupancy: 9}}},
			{Date: "2026-03-03", Open: true},
			{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, // and twelve more, so that the second week is over
		}, Weeks: []simulate.WeekTruth{{Monday: "2026-03-02"}, {Monday: "2026-03-09"}}},
	}
}
