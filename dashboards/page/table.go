package page

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// mostRows is how many rows a table on the page has; the CSV has all.
const mostRows = 400

// grid is a table of the page.
type grid struct {
	Head []head
	Rows [][]cell
	More int // rows that only the CSV has
}

type head struct {
	Text   string
	Number bool
}

type cell struct {
	Text   string
	Number bool
	Empty  bool   // Text says why there is no number
	Level  string // good, warn or bad by the panel's thresholds; empty for none
}

// newGrid writes the rows as a person reads them: a state stands in the place of the number that is not there, both ends of an interval
// in one cell, times newest first, and no store where there is one only.
func newGrid(panel panels.Panel, rows [][]any, at *time.Location, oneStore bool) grid {
	var g grid
	var fill []func(row []any) cell
	for i, c := range panel.Columns {
		v := belonging(panel, i)
		switch {
		case c.Role == panels.Low || c.Role == panels.High || c.Role == panels.State && ofNumber(panel, c.Of) || c.Name == "store" && oneStore:
			continue
		case c.Role == panels.Value:
			g.Head = append(g.Head, head{heading(c), true})
			fill = append(fill, func(row []any) cell { return valueCell(panel, v, row) })
		default:
			numeric := c.Unit != panels.None || isNumeric(rows, i)
			g.Head = append(g.Head, head{heading(c), numeric})
			fill = append(fill, func(row []any) cell { return detailCell(panel, v, row, at, numeric) })
		}
		if v.low >= 0 && v.high >= 0 {
			g.Head = append(g.Head, head{intervalLabel(panel, v), true})
			fill = append(fill, func(row []any) cell { return cell{Text: v.ends(row), Number: true} })
		}
	}
	rows = slices.Clone(rows)
	if !isName(panel) {
		slices.Reverse(rows)
	}
	g.More = max(0, len(rows)-mostRows)
	for _, row := range rows[:len(rows)-g.More] {
		line := make([]cell, len(fill))
		for i, f := range fill {
			line[i] = f(row)
		}
		g.Rows = append(g.Rows, line)
	}
	return g
}

func isNumeric(rows [][]any, i int) bool {
	for _, row := range rows {
		if row[i] != nil {
			_, ok := number(row[i])
			return ok
		}
	}
	return false
}

func valueCell(panel panels.Panel, v value, row []any) cell {
	n, ok := number(row[v.at])
	if !ok {
		return cell{Text: emptyWord(v.stateOf(row)), Number: true, Empty: true}
	}
	return cell{Text: digits(n), Number: true, Level: v.level(panel, row, n)}
}

// ofNumber says whether a state stands for a number; a state of a name is a column like others.
func ofNumber(panel panels.Panel, name string) bool {
	c, ok := panel.Column(name)
	return ok && (c.Role == panels.Value || c.Role == panels.Detail)
}

// detailCell is a column that is not drawn. Where it has a state of its own, the state stands for what is missing.
func detailCell(panel panels.Panel, v value, row []any, at *time.Location, numeric bool) cell {
	out := cell{Text: cellText(v.column, row[v.at], at), Number: numeric}
	if n, ok := number(row[v.at]); ok {
		out.Level = level(panel, v.column.Name, n)
	}
	if row[v.at] == nil && v.state >= 0 {
		out.Text, out.Empty = emptyWord(v.stateOf(row)), true
	}
	return out
}

// emptyWord is what stands where a number would.
func emptyWord(state string) string {
	if word := panels.StateText(state, "en"); word != "" {
		return word
	}
	return panels.StateText(panels.StateNoData, "en")
}

// intervalLabel is the heading above both ends. Those of an estimate are a range; quartiles are called what they are.
func intervalLabel(panel panels.Panel, v value) string {
	low, high := panel.Columns[v.low].Label, panel.Columns[v.high].Label
	if low == "at least" && high == "at most" {
		return "Range"
	}
	return low + " " + until + " " + strings.ToLower(high)
}

// level is how a number is to be taken: by the highest bound that it reaches, and by the lowest one where it reaches none.
func level(panel panels.Panel, column string, n float64) string {
	out, best, least, leastLevel := "", 0.0, 0.0, ""
	for _, t := range panel.Thresholds {
		if t.Column != column {
			continue
		}
		if t.From <= n && (out == "" || t.From >= best) {
			out, best = string(t.Level), t.From
		}
		if leastLevel == "" || t.From < least {
			least, leastLevel = t.From, string(t.Level)
		}
	}
	if out == "" {
		return leastLevel
	}
	return out
}

// level is that of a value. One with an interval is no worse than the better of its ends, so that none is called bad that may not be.
func (v value) level(panel panels.Panel, row []any, n float64) string {
	low, high, ok := v.interval(row)
	if !ok {
		return level(panel, v.column.Name, n)
	}
	one, other := level(panel, v.column.Name, low), level(panel, v.column.Name, high)
	for _, better := range []panels.Level{panels.Neutral, panels.Good, panels.Warn} {
		if one == string(better) || other == string(better) {
			return string(better)
		}
	}
	return one
}

// Size says how long a table is.
func (g grid) Size() string {
	if len(g.Rows) == 1 {
		return "1 row"
	}
	return strconv.Itoa(len(g.Rows)) + " rows"
}
