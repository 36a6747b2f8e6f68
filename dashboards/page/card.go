package page

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// card is one panel on the page.
type card struct {
	ID, Title   string
	Asks, Means string // the question, and how far its answer goes
	Size        string // third, half, wide or full
	Form        string // tiles, plot, heat, bars, table, nothing, policy or broken
	Says        string // the chart in words
	Why         string // for nothing, policy and broken
	Plot        plot
	Legend      []legend
	Heat        heat
	Bars        []bar
	Tiles       []tile
	Table       grid
	CSV         string // where the download is
}

// legend is one entry below a chart's title.
type legend struct{ Mark, Text string }

// tile is one large number.
type tile struct {
	Label, Value, Unit, Range, Level string
	Empty                            bool
	Why                              string
}

// bar is one of a row of bars with names.
type bar struct {
	Name, Text string
	Percent    int // of the longest
	Empty      bool
}

// titled is a card with nothing but its words. A question ends at its question mark; the rest says what the answer is worth.
func titled(panel panels.Panel) card {
	asks, means, ok := strings.Cut(panel.Question, "? ")
	if !ok {
		return card{ID: panel.ID, Title: panel.Title, Means: panel.Question}
	}
	return card{ID: panel.ID, Title: panel.Title, Asks: asks + "?", Means: means}
}

// newCard chooses how a panel's rows are shown.
func newCard(panel panels.Panel, rows [][]any, zone string, at *time.Location) card {
	c := titled(panel)
	c.Form, c.Table = "table", newGrid(panel, rows, at, true)
	all := values(panel)
	switch {
	case len(rows) == 0:
		c.Form, c.Why = "nothing", panel.Empty
		return c
	case panel.Chart == panels.Grid || len(all) == 0:
		return c
	case panel.Chart == panels.Stat:
		c.Form, c.Tiles, c.Says = "tiles", newTiles(panel, rows[len(rows)-1]), dateOf(panel, rows[len(rows)-1], at)
		return c
	}
	if state := only(all, rows); state != "" {
		c.Form, c.Why = "nothing", upper(emptyWord(state))+". "+panels.StateMeaning(state, "en")
		return c
	}
	switch {
	case panel.Chart == panels.Heatmap:
		c.Form, c.Heat, c.Says = "heat", newHeat(panel, rows), busiest(panel, all[0], rows)
	case panel.Chart == panels.Bars && len(all) == 1 && all[0].low < 0 && isName(panel):
		c.Form, c.Bars = "bars", newBars(panel, all[0], rows)
	default:
		c.Form, c.Plot, c.Says = "plot", newPlot(panel, rows, zone), says(panel, rows, at)
		c.Legend = legendOf(panel, all, rows, c.Plot)
	}
	return c
}

func isName(panel panels.Panel) bool {
	along := axis(panel)
	return along >= 0 && panel.Columns[along].Role == panels.Category
}

// only is the state of all cells that are drawn, where none of them is a number and all read the same.
func only(all []value, rows [][]any) string {
	state := ""
	for _, row := range rows {
		for _, v := range all {
			s := v.stateOf(row)
			if s == panels.StateValue || state != "" && s != state {
				return ""
			}
			state = s
		}
	}
	return state
}

// newTiles are the value columns of one row. Why one is missing is said once, of those that are missing for the same reason.
func newTiles(panel panels.Panel, row []any) (out []tile) {
	said := map[string]bool{}
	for _, v := range values(panel) {
		t := tile{Label: v.column.Label, Unit: strings.TrimSpace(suffix(v.column.Unit))}
		n, ok := number(row[v.at])
		if !ok {
			state := v.stateOf(row)
			t.Value, t.Unit, t.Empty = emptyWord(state), "", true
			if why := whyNot(panel, v, row, state); !said[why] {
				t.Why, said[why] = why, true
			}
			out = append(out, t)
			continue
		}
		t.Value, t.Level = digits(n), v.level(panel, row, n)
		t.Range = v.ends(row)
		if strings.HasPrefix(v.column.Name, "change") {
			if n > 0 {
				t.Value = "+" + t.Value
			}
			switch low, high, ok := v.interval(row); {
			case ok && low <= 0 && high >= 0:
				t.Why = "The usual lies within its range: the day may be as usual."
			case !ok && level(panel, v.column.Name, -math.Abs(n)) == string(panels.Neutral):
				t.Why = "A change as small as this may be chance."
			}
		}
		out = append(out, t)
	}
	return out
}

// fewestUsual is of how many of the same weekdays a usual number is made at the least.
const fewestUsual = 3

// whyNot says why a number is missing. One that is measured by a usual may only want weeks.
func whyNot(panel panels.Panel, v value, row []any, state string) string {
	if usual := strings.HasPrefix(v.column.Name, "typical") || strings.HasPrefix(v.column.Name, "change"); usual && state == panels.StateNoData {
		if why := fewWeeks(panel, row); why != "" {
			return why
		}
	}
	return panels.StateMeaning(state, "en")
}

// fewWeeks says that a row has no usual because too few of the same weekdays have a number; empty where that is not so, or where the
// row itself has none to compare.
func fewWeeks(panel panels.Panel, row []any) string {
	first := values(panel)[0].stateOf(row)
	i := slices.IndexFunc(panel.Columns, func(c panels.Column) bool { return c.Name == "typical_days" })
	if i < 0 || first != panels.StateValue && first != panels.StateUnder10 {
		return ""
	}
	switch days, ok := number(row[i]); {
	case !ok || days >= fewestUsual:
		return ""
	case days == 0:
		return "A usual number wants three of the same weekday in the eight weeks before; so far there is none."
	case days == 1:
		return "A usual number wants three of the same weekday in the eight weeks before; so far there is one."
	}
	return "A usual number wants three of the same weekday in the eight weeks before; so far there are two."
}

// dateOf says when a stat's numbers are of: the day or the moment, and of a day that is not over until when.
func dateOf(panel panels.Panel, row []any, at *time.Location) string {
	date, until := "", ""
	for i, c := range panel.Columns {
		switch v := row[i].(type) {
		case time.Time:
			switch {
			case date != "":
			case c.Role == panels.Instant:
				date = v.In(at).Format("Monday 2 January, 15:04")
			case c.Role == panels.Time:
				date = v.UTC().Format("Monday 2 January")
			}
		case string:
			if c.Role == panels.Detail && c.Name == "until_clock" && v != "" {
				until = ", until " + v
			}
		}
	}
	return date + until
}

func newBars(panel panels.Panel, v value, rows [][]any) []bar {
	along, greatest := axis(panel), 0.0
	for _, row := range rows {
		if n, ok := number(row[v.at]); ok {
			greatest = max(greatest, n)
		}
	}
	out := make([]bar, len(rows))
	for i, row := range rows {
		out[i] = bar{Name: text(row[along]), Text: v.said(row), Empty: true}
		if n, ok := number(row[v.at]); ok && greatest > 0 {
			out[i].Empty, out[i].Percent = false, int(math.Round(100*n/greatest))
		}
	}
	return out
}

// legendOf names what is drawn: the lines, their intervals, and the marks of what is missing.
func legendOf(panel panels.Panel, all []value, rows [][]any, p plot) (out []legend) {
	for i, l := range p.Series {
		mark := "line s" + string(rune('0'+i%6))
		if p.Kind == string(panels.Bars) && i == 0 {
			mark = "block s0"
		}
		out = append(out, legend{mark, l.Label + nowhere(panel, rows, l)})
	}
	if v := all[0]; v.low >= 0 && v.high >= 0 {
		mark := "band"
		if p.Kind == string(panels.Bars) {
			mark = "whisker"
		}
		out = append(out, legend{mark, intervalLabel(panel, v)})
	}
	if p.beyond() {
		out = append(out, legend{"beyond", "Range goes on beyond the chart: its end is in the table"})
	}
	few, none := map[string]int{}, map[string]int{}
	for i, s := range p.Series[0].States {
		if p.Series[0].Y[i] != nil {
			continue
		}
		if s == panels.StateUnder10 || s == panels.StateQuiet {
			few[emptyWord(s)]++
		} else {
			none[emptyWord(s)]++
		}
	}
	if len(few) > 0 {
		out = append(out, legend{"dash", joined(few)})
	}
	if len(none) > 0 {
		out = append(out, legend{"shut", joined(none)})
	}
	return out
}

// nowhere says why a line is not to be seen at all.
func nowhere(panel panels.Panel, rows [][]any, l line) string {
	for _, y := range l.Y {
		if y != nil {
			return ""
		}
	}
	if len(l.States) == 0 {
		return ""
	}
	state := l.States[len(l.States)-1]
	days := slices.IndexFunc(panel.Columns, func(c panels.Column) bool { return c.Name == "typical_days" })
	usual := slices.ContainsFunc(panel.Columns, func(c panels.Column) bool { return c.Label == l.Label && strings.HasPrefix(c.Name, "typical") })
	if usual && days >= 0 && state == panels.StateNoData && !slices.ContainsFunc(rows, func(row []any) bool { n, _ := number(row[days]); return n >= fewestUsual }) {
		return ": " + emptyWord(state) + ", it wants three of the same weekday"
	}
	return ": " + emptyWord(state)
}

func joined(count map[string]int) string {
	var out []string
	for _, s := range panels.States() {
		if word := emptyWord(s); s != panels.StateValue && count[word] > 0 {
			out = append(out, word)
		}
	}
	return upper(strings.Join(out, " or "))
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
