package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// said is a value in a sentence: with its unit and its interval, or why it is not there.
func (v value) said(row []any) string {
	n, ok := number(row[v.at])
	if !ok {
		return emptyWord(v.stateOf(row))
	}
	text := quantity(n, v.column.Unit)
	if ends := v.ends(row); ends != "" {
		text += " (" + ends + suffix(v.column.Unit) + ")"
	}
	return text
}

// named is what a row goes by in a sentence.
func named(panel panels.Panel, along int, row []any, at *time.Location) string {
	if along < 0 {
		return ""
	}
	switch v := row[along].(type) {
	case time.Time:
		if panel.Columns[along].Role == panels.Instant {
			return v.In(at).Format("Mon 2 Jan, 15:04")
		}
		if strings.HasPrefix(panel.Columns[along].Label, "Week") {
			return "week of " + v.UTC().Format("2 Jan")
		}
		return day(v)
	case string:
		return v
	}
	return ""
}

// says is a chart in words: the newest number, the greatest and the least one as they were published, and why others are missing. It
// adds nothing up, because sums of rounded numbers say more than each of them may.
func says(panel panels.Panel, rows [][]any, at *time.Location) string {
	all := values(panel)
	if len(all) == 0 || len(rows) == 0 {
		return ""
	}
	v, along := all[0], axis(panel)
	var there [][]any
	missing := map[string]int{}
	for _, row := range rows {
		if _, ok := number(row[v.at]); ok {
			there = append(there, row)
		} else {
			missing[emptyWord(v.stateOf(row))]++
		}
	}
	whose := "" // line the words are of, where there are several: said once
	if len(all) > 1 {
		whose = strings.ToLower(v.column.Label[:1]) + v.column.Label[1:] + " "
	}
	name := func(row []any) string { return named(panel, along, row, at) }
	var out []string
	if along >= 0 && !isName(panel) {
		last := rows[len(rows)-1]
		if _, ok := number(last[v.at]); !ok && len(there) > 0 {
			last = there[len(there)-1]
		}
		out = append(out, fmt.Sprintf("Latest: %s, %s%s.", name(last), whose, v.said(last)))
		whose = ""
	}
	if len(there) > 2 {
		size := func(a, b []any) int {
			x, _ := number(a[v.at])
			y, _ := number(b[v.at])
			return cmp.Compare(x, y)
		}
		most, least := slices.MaxFunc(there, size), slices.MinFunc(there, size)
		out = append(out, fmt.Sprintf("Highest: %s, %s%s. Lowest: %s, %s.", name(most), whose, amount(v, most), name(least), amount(v, least)))
	}
	if text := missed(missing); text != "" {
		out = append(out, "No number: "+text+".")
	}
	return strings.Join(out, " ")
}

func amount(v value, row []any) string {
	n, _ := number(row[v.at])
	return quantity(n, v.column.Unit)
}

func missed(count map[string]int) string {
	var out []string
	for word, n := range count {
		out = append(out, fmt.Sprintf("%s %d\u00d7", word, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// busiest is a heat map in words.
func busiest(panel panels.Panel, v value, rows [][]any) string {
	var most []any
	best := 0.0
	for _, row := range rows {
		if n, ok := number(row[v.at]); ok && (most == nil || n > best) {
			most, best = row, n
		}
	}
	if most == nil {
		return ""
	}
	var by []string
	for i, c := range panel.Columns {
		if c.Role == panels.Category && c.Name != "store" {
			by = append(by, text(most[i]))
		}
	}
	return fmt.Sprintf("Busiest: %s, %s.", strings.Join(by, " "), amount(v, most))
}
