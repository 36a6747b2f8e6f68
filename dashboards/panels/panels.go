// Package panels defines every panel of the dashboards once: the question it
// answers, the SQL that answers it, the units, and how empty cells read. Out of
// it come the Grafana dashboards and the built-in page. It reads the published
// tables (pub_*) and nothing else, and it holds no connection: who shows a panel
// expands its SQL and runs it through a Querier.
package panels

import "slices"

// Dashboard is a set of panels for one kind of reader.
type Dashboard string

// The dashboards.
const (
	Store   Dashboard = "store"   // a store's manager
	Chain   Dashboard = "chain"   // a head office
	Sensors Dashboard = "sensors" // an operator
	Privacy Dashboard = "privacy" // who answers for what is kept and shown
)

// Dashboards are all of them, in the order in which they are shown.
func Dashboards() []Dashboard { return []Dashboard{Store, Chain, Sensors, Privacy} }

// Chart is how a panel is drawn.
type Chart string

// The charts. A table of the same rows belongs behind each of them.
const (
	Stat    Chart = "stat"    // large numbers: a row a store
	Line    Chart = "line"    // a line a value column, over the time column
	Band    Chart = "band"    // a line with the area between its low and its high column
	Bars    Chart = "bars"    // a bar a row, named by the category column, or by the time column where there is none
	Heatmap Chart = "heatmap" // two category columns, the rows first, and one value
	Grid    Chart = "table"   // all columns as they are
)

// Unit is what a number counts.
type Unit string

// The units.
const (
	Visits  Unit = "visits"
	People  Unit = "people" // devices inside, which stand for people
	Percent Unit = "percent"
	Minutes Unit = "minutes"
	Seconds Unit = "seconds"
	Bytes   Unit = "bytes"
	None    Unit = ""
)

// Role is what a column is for.
type Role string

// The roles. A time is either a UTC instant (Instant) or a date, which is midnight
// UTC of the store-day and to be written as a date in UTC whoever looks: it has no
// time of day. A date that is a Detail is one of these. A panel is drawn over its
// first time column.
const (
	Time     Role = "time"     // date of a store-day or of the Monday of a store-week
	Instant  Role = "instant"  // UTC instant; nil where there is none
	Category Role = "category" // name that a row goes by: store, zone, hour
	Value    Role = "value"    // number that is drawn; nil unless its state column reads value
	Low      Role = "low"      // lower end of the interval of the value column Of
	High     Role = "high"     // upper end of it
	State    Role = "state"    // why the column Of is a number or not; StateText has the words
	Detail   Role = "detail"   // for the table and the tooltip, not drawn
)

// Column is one column of a panel's answer.
type Column struct {
	Name  string // in the answer
	Label string // for people
	Unit  Unit
	Role  Role
	Of    string // low, high and state: name of the value column they belong to
}

// Level says how a number from a threshold on is to be taken.
type Level string

// The levels.
const (
	Good    Level = "good"
	Neutral Level = "neutral" // neither good nor bad, such as a change that may be chance
	Warn    Level = "warn"
	Bad     Level = "bad"
)

// Threshold colours a column's numbers from a bound up to the next one. A number with an interval is no worse than the better of its ends.
type Threshold struct {
	Column string  // name of a value or detail column
	From   float64 // in the column's unit; the least bound of a column holds for all below it, too
	Level  Level
}

// Panel is one question and its answer.
type Panel struct {
	ID         string // of its SQL file, too; lower case and underscores
	Dashboard  Dashboard
	Title      string
	Question   string // what it answers, how sure it is, and why it may be empty: whole sentences
	Empty      string // what is said where there are no rows
	Chart      Chart
	Unit       Unit // of the first value column
	SQL        string
	Columns    []Column
	Thresholds []Threshold
}

// All are the panels of all dashboards, each dashboard's in reading order.
func All() []Panel {
	out := slices.Concat(storePanels(), worthPanels(), storeQualityPanels(), chainPanels(), chainWorthPanels(), sensorPanels(), privacyPanels())
	for i := range out {
		out[i].SQL = statement(out[i].ID)
		for _, c := range out[i].Columns {
			if c.Role == Value {
				out[i].Unit = c.Unit
				break
			}
		}
	}
	return out
}

// Of are the panels of one dashboard.
func Of(d Dashboard) []Panel {
	return slices.DeleteFunc(All(), func(p Panel) bool { return p.Dashboard != d })
}

// Find is the panel of an ID.
func Find(id string) (Panel, bool) {
	all := All()
	i := slices.IndexFunc(all, func(p Panel) bool { return p.ID == id })
	if i < 0 {
		return Panel{}, false
	}
	return all[i], true
}

// Column is the column of a name.
func (p Panel) Column(name string) (Column, bool) {
	i := slices.IndexFunc(p.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return p.Columns[i], true
}

// StateOf is the state column of a value column; false where a number is simply there or not.
func (p Panel) StateOf(name string) (Column, bool) {
	i := slices.IndexFunc(p.Columns, func(c Column) bool { return c.Role == State && c.Of == name })
	if i < 0 {
		return Column{}, false
	}
	return p.Columns[i], true
}
