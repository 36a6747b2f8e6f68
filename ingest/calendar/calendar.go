// Package calendar counts a store's days and weeks. A store-day runs from 04:00 to 04:00 store-local, so that a late evening
// belongs to the day it began on; it is the life of a day key. Days are numbered from 2020-01-01, weeks run from Monday.
// A day with a change of clocks has 23 or 25 hours (or 23.5 where the shift is half an hour): durations are never assumed.
package calendar

import (
	"fmt"
	"time"
	_ "time/tzdata" // routers carry no zone files
)

// Day is a store-day: the number of days since 2020-01-01, which is day 0.
type Day int32

// Week is a store-week: the number of Mondays since Monday 2019-12-30, which begins week 0.
type Week int32

// BoundaryHour is the local hour at which a store-day begins.
const BoundaryHour = 4

// ClassBlock is how long one class key lives (DESIGN: class keys, one per two hours since the store-day began).
const ClassBlock = 2 * time.Hour

var origin = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// Calendar is a store's calendar. The zero value is UTC's.
type Calendar struct{ loc *time.Location }

// New returns the calendar of an IANA time zone such as "Europe/Berlin".
func New(zone string) (Calendar, error) {
	if zone == "" || zone == "Local" {
		return Calendar{}, fmt.Errorf("time zone %q: name an IANA zone such as Europe/Berlin", zone)
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return Calendar{}, fmt.Errorf("time zone %q is not known: name an IANA zone such as Europe/Berlin", zone)
	}
	return Calendar{loc}, nil
}

// Location is the store's time zone.
func (c Calendar) Location() *time.Location {
	if c.loc == nil {
		return time.UTC
	}
	return c.loc
}

// Start is the instant at which the store-day begins: 04:00 local, or the first instant after it where clocks skip it.
func (c Calendar) Start(d Day) time.Time {
	y, m, day := d.Date().Date()
	return time.Date(y, m, day, BoundaryHour, 0, 0, 0, c.Location())
}

// End is the instant at which the store-day ends, which begins the next one.
func (c Calendar) End(d Day) time.Time { return c.Start(d + 1) }

// aYear is for how many days LongestDay looks: clocks are put back at the same time of the year, at most 371 days apart.
const aYear = 400

// LongestDay is the length of the longest store-day of the 400 from a day on: 24 h in a zone that never changes its clocks, 25 h in
// most that do, 26 h in Antarctica/Troll.
func (c Calendar) LongestDay(from Day) time.Duration {
	longest, start := time.Duration(0), c.Start(from)
	for d := from; d < from+aYear; d++ {
		end := c.End(d)
		longest = max(longest, end.Sub(start))
		start = end
	}
	return longest
}

// DayOf is the store-day that holds the instant.
func (c Calendar) DayOf(t time.Time) Day {
	y, m, day := t.In(c.Location()).Date()
	d := DayOfDate(y, m, day)
	if t.Before(c.Start(d)) {
		return d - 1
	}
	if !t.Before(c.Start(d + 1)) {
		return d + 1
	}
	return d
}

// ClassEpoch is the number of the class key that holds at the instant: day*16 + two-hour block since the store-day began.
func (c Calendar) ClassEpoch(t time.Time) int32 {
	d := c.DayOf(t)
	return int32(d)*16 + int32(t.Sub(c.Start(d))/ClassBlock)
}

// EpochEnd is the instant at which the class key that holds at t ends: two hours after it began, or with the store-day.
func (c Calendar) EpochEnd(t time.Time) time.Time {
	d := c.DayOf(t)
	start := c.Start(d)
	end := start.Add((t.Sub(start)/ClassBlock + 1) * ClassBlock)
	if dayEnd := c.End(d); end.After(dayEnd) {
		return dayEnd
	}
	return end
}

// DayOfDate is the store-day that begins on the date.
func DayOfDate(y int, m time.Month, d int) Day {
	return Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Sub(origin) / (24 * time.Hour))
}

// ParseDay reads a date such as 2026-01-31 as the store-day that begins on it.
func ParseDay(date string) (Day, error) {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return 0, fmt.Errorf("date %q: write it as 2026-01-31", date)
	}
	return DayOfDate(t.Date()), nil
}

// Date is midnight UTC of the calendar date on which the store-day begins.
func (d Day) Date() time.Time { return origin.AddDate(0, 0, int(d)) }

// String is the date, as 2026-01-31.
func (d Day) String() string { return d.Date().Format(time.DateOnly) }

// Weekday is the day of the week on which the store-day begins.
func (d Day) Weekday() time.Weekday { return d.Date().Weekday() }

// Week is the store-week that holds the day.
func (d Day) Week() Week {
	n := int32(d) + 2 // 2020-01-01 was a Wednesday
	if n < 0 {
		n -= 6 // round down before week 0 too: people try old captures
	}
	return Week(n / 7)
}

// Monday is the first day of the week.
func (w Week) Monday() Day { return Day(int32(w)*7 - 2) }

// Sunday is the last day of the week.
func (w Week) Sunday() Day { return w.Monday() + 6 }

// String is the date of the week's Monday, as 2026-01-26.
func (w Week) String() string { return w.Monday().String() }
