package page

import (
	"strconv"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// shades is how many steps of colour a heat map has; style.css has a class for each.
const shades = 7

// heat is a heat map, which is its own table.
type heat struct {
	Corner string // what the rows are
	Head   []string
	Rows   []heatRow
}

type heatRow struct {
	Name  string
	Cells []heatCell
}

type heatCell struct {
	Text  string // the number, or why there is none
	Shade int    // 1 to shades; 0 where there is no number
	State string
}

// newHeat turns a panel's rows into a map. The longer side goes down, so that it fits a phone.
func newHeat(panel panels.Panel, rows [][]any) heat {
	var by []int
	for i, c := range panel.Columns {
		if c.Role == panels.Category && c.Name != "store" {
			by = append(by, i)
		}
	}
	all := values(panel)
	if len(by) < 2 || len(all) == 0 {
		return heat{}
	}
	down, across := by[0], by[1]
	downNames, acrossNames := names(rows, down), names(rows, across)
	if len(acrossNames) > len(downNames) {
		down, across, downNames, acrossNames = across, down, acrossNames, downNames
	}
	v, greatest := all[0], 0.0
	cells := map[[2]string]heatCell{}
	for _, row := range rows {
		if n, ok := number(row[v.at]); ok {
			greatest = max(greatest, n)
		}
	}
	for _, row := range rows {
		key := [2]string{text(row[down]), text(row[across])}
		n, ok := number(row[v.at])
		if !ok {
			state := v.stateOf(row)
			cells[key] = heatCell{Text: emptyWord(state), State: state}
			continue
		}
		shade := shades
		if greatest > 0 {
			shade = min(shades, 1+int(n/greatest*shades))
		}
		cells[key] = heatCell{Text: digits(n), Shade: shade}
	}
	h := heat{Corner: panel.Columns[down].Label, Head: acrossNames}
	for _, name := range downNames {
		line := heatRow{Name: name}
		for _, other := range acrossNames {
			c, ok := cells[[2]string{name, other}]
			if !ok {
				c = heatCell{Text: emptyWord(panels.StateNoData), State: panels.StateNoData}
			}
			line.Cells = append(line.Cells, c)
		}
		h.Rows = append(h.Rows, line)
	}
	return h
}

// names are a column's different names, in the order of the rows.
func names(rows [][]any, at int) (out []string) {
	seen := map[string]bool{}
	for _, row := range rows {
		if name := text(row[at]); !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}
