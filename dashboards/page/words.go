package page

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/ingest/calendar"
)

const (
	thin  = "\u202f" // between a number and its percent sign
	hard  = "\u00a0" // between a number and its unit
	until = "\u2013" // between the ends of an interval
)

// number is a cell as a float, where it is a number.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	return 0, false
}

// digits writes a number with commas between thousands and no rounding.
func digits(v float64) string {
	text := strconv.FormatFloat(math.Abs(v), 'f', -1, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if v < 0 {
		whole = "\u2212" + whole
	}
	return whole
}

// between is both ends of an interval. A dash beside a minus would be read as another one.
func between(low, high float64) string {
	if low < 0 || high < 0 {
		return digits(low) + " to " + digits(high)
	}
	return digits(low) + until + digits(high)
}

// quantity is a number with its unit. What is counted stands in the label.
func quantity(v float64, u panels.Unit) string { return digits(v) + suffix(u) }

func suffix(u panels.Unit) string {
	switch u {
	case panels.Percent:
		return thin + "%"
	case panels.Minutes:
		return hard + "min"
	case panels.Seconds:
		return hard + "s"
	case panels.Bytes:
		return hard + "B"
	}
	return ""
}

// heading is a column's label with its unit, so that the cells are bare numbers.
func heading(c panels.Column) string {
	switch unit := strings.TrimSpace(suffix(c.Unit)); {
	case c.Role == panels.Instant:
		return strings.TrimSuffix(c.Label, " (UTC)") // it is written on the store's clock
	case unit == "":
		return c.Label
	case c.Unit == panels.Percent:
		return c.Label + " (%)"
	default:
		return c.Label + " (" + unit + ")"
	}
}

// day writes a store-day's date; short ones are for tables and sentences.
func day(t time.Time) string { return t.UTC().Format("Mon 2 Jan") }

func longDay(d calendar.Day) string { return d.Date().Format("Mon 2 January 2006") }

// cellText is a cell of a table: bare, in the store's clock, and a number exactly as the API has it but for its commas.
func cellText(c panels.Column, v any, at *time.Location) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		if c.Role == panels.Instant {
			return v.In(at).Format("Mon 2 Jan, 15:04")
		}
		return v.UTC().Format("Mon 2 Jan 2006")
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case string:
		if c.Role == panels.State || c.Role == panels.Detail || c.Role == panels.Category {
			return panels.StateText(v, "en")
		}
		return v
	}
	if n, ok := number(v); ok {
		return digits(n)
	}
	return ""
}
