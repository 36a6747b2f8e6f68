package page

import (
	"slices"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// plot is what charts.js draws: the numbers of the table, by column.
type plot struct {
	Kind   string            `json:"kind"`            // line, band or bars
	Zone   string            `json:"zone"`            // of the clock along the bottom; UTC for dates
	Step   float64           `json:"step"`            // between two points, seconds; 1 for names
	Top    float64           `json:"top,omitempty"`   // of shares: where the chart ends, though an interval may not
	X      []float64         `json:"x"`               // Unix seconds, or 0, 1, 2 ... for names
	Names  []string          `json:"names,omitempty"` // along the bottom instead of times
	Series []line            `json:"series"`
	Noted  []noted           `json:"noted,omitempty"` // regions behind the lines of a chart of days
	Words  map[string]string `json:"words"`           // how states read
}

// line is one value column. A number that is not there is null. Where Low is there and High is not, nothing is known above the number.
type line struct {
	Label  string   `json:"label"`
	Unit   string   `json:"unit"`
	Y      []any    `json:"y"`
	Low    []any    `json:"low,omitempty"`
	High   []any    `json:"high,omitempty"`
	States []string `json:"state,omitempty"`
}

// value is a value column with those that belong to it; -1 where there is none.
type value struct {
	column               panels.Column
	at, low, high, state int
}

// values are a panel's value columns.
func values(panel panels.Panel) (out []value) {
	for i, c := range panel.Columns {
		if c.Role == panels.Value {
			out = append(out, belonging(panel, i))
		}
	}
	return out
}

// belonging is a column with the ends of its interval and its state.
func belonging(panel panels.Panel, i int) value {
	v := value{panel.Columns[i], i, -1, -1, -1}
	for j, other := range panel.Columns {
		if other.Of != v.column.Name {
			continue
		}
		switch other.Role {
		case panels.Low:
			v.low = j
		case panels.High:
			v.high = j
		case panels.State:
			v.state = j
		}
	}
	return v
}

// stateOf is why a value is there or not.
func (v value) stateOf(row []any) string {
	if v.state >= 0 {
		if s, ok := row[v.state].(string); ok {
			return s
		}
	}
	if _, ok := number(row[v.at]); ok {
		return panels.StateValue
	}
	return panels.StateNoData
}

// interval are the ends of a value's interval.
func (v value) interval(row []any) (low, high float64, ok bool) {
	if v.low < 0 || v.high < 0 {
		return 0, 0, false
	}
	low, is := number(row[v.low])
	high, too := number(row[v.high])
	return low, high, is && too
}

// ends are both ends of a value's interval in words, without a unit. An upper one may be missing: then nothing is known above the number.
func (v value) ends(row []any) string {
	if low, high, ok := v.interval(row); ok {
		return between(low, high)
	}
	if v.low >= 0 && v.high >= 0 {
		if low, ok := number(row[v.low]); ok {
			return digits(low) + " or more"
		}
	}
	return ""
}

// axis is the column along the bottom: the first time or name that is not the store's. -1 where there is none.
func axis(panel panels.Panel) int {
	return slices.IndexFunc(panel.Columns, func(c panels.Column) bool {
		return c.Role == panels.Time || c.Role == panels.Instant || c.Role == panels.Category && c.Name != "store"
	})
}

// newPlot is a panel's chart. Columns with another unit than the first one have no place on its scale and stay in the table.
func newPlot(panel panels.Panel, rows [][]any, zone string) plot {
	p := plot{Kind: string(panel.Chart), Zone: "UTC", Step: 1, X: make([]float64, len(rows)), Words: map[string]string{}}
	for _, s := range panels.States() {
		p.Words[s] = panels.StateText(s, "en")
	}
	along := axis(panel)
	if along >= 0 {
		p.alongBottom(panel.Columns[along], rows, along, zone)
	}
	all := values(panel)
	for _, v := range all {
		if v.column.Unit != all[0].column.Unit {
			continue
		}
		l := line{Label: v.column.Label, Unit: string(v.column.Unit), Y: make([]any, len(rows)), States: make([]string, len(rows))}
		if v.low >= 0 && v.high >= 0 {
			l.Low, l.High = make([]any, len(rows)), make([]any, len(rows))
		}
		for i, row := range rows {
			l.States[i] = v.stateOf(row)
			if n, ok := number(row[v.at]); ok {
				l.Y[i] = n
			}
			l.ends(v, row, i)
		}
		p.Series = append(p.Series, l)
	}
	p.end()
	return p
}

func (l *line) ends(v value, row []any, i int) {
	if v.low < 0 || v.high < 0 {
		return
	}
	if low, ok := number(row[v.low]); ok {
		l.Low[i] = low
	}
	if high, ok := number(row[v.high]); ok {
		l.High[i] = high
	}
}

// end sets where a chart of shares ends: above its numbers and at 100 percent at the least, but not as high as intervals may reach, beside
// which the numbers would not be seen.
func (p *plot) end() {
	highest, most := 0.0, 0.0
	for _, l := range p.Series {
		if l.Unit != string(panels.Percent) {
			return
		}
		for i := range l.Y {
			y, _ := l.Y[i].(float64)
			high := 0.0
			if l.High != nil {
				high, _ = l.High[i].(float64)
			}
			highest, most = max(highest, y), max(most, y, high)
		}
	}
	p.Top = min(max(100, highest*1.15), max(most*1.15, 10))
}

// beyond says whether an interval has its end above the chart, or none.
func (p *plot) beyond() bool {
	for _, l := range p.Series {
		for i := range l.High {
			high, ok := l.High[i].(float64)
			if p.Top > 0 && l.Low[i] != nil && (!ok || high > p.Top) {
				return true
			}
		}
	}
	return false
}

// alongBottom fills X, and Step with the smallest distance.
func (p *plot) alongBottom(c panels.Column, rows [][]any, at int, zone string) {
	if c.Role == panels.Category {
		p.Names = make([]string, len(rows))
	}
	if c.Role == panels.Instant {
		p.Zone = zone
	}
	for i, row := range rows {
		p.X[i] = float64(i)
		switch v := row[at].(type) {
		case time.Time:
			p.X[i] = float64(v.Unix())
		case string:
			if p.Names != nil {
				p.Names[i] = v
			}
		}
	}
	if c.Role == panels.Category {
		return
	}
	p.Step = 0
	for i := 1; i < len(p.X); i++ {
		if d := p.X[i] - p.X[i-1]; d > 0 && (p.Step == 0 || d < p.Step) {
			p.Step = d
		}
	}
	if p.Step == 0 { // one point: a date is a day wide
		p.Step = 86400
	}
}
