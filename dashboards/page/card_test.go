package page

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
)

func berlin(t *testing.T) *time.Location {
	t.Helper()
	at, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestAPlotIsTheTablesNumbers(t *testing.T) {
	got, err := json.Marshal(newPlot(daily(), dailyRows().Rows[:3], "Europe/Berlin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"kind":"band","zone":"UTC","step":86400,"x":[1772409600,1772496000,1772582400]`,
		`"label":"Estimated visits","unit":"visits","y":[1310,null,null],"low":[1200,null,null],"high":[1450,null,null],"state":["value","under_10","closed"]`,
		`"under_10":"under 10"`,
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
}

func TestAPlotOfInstantsIsOnTheStoresClockAndOfNamesHasNone(t *testing.T) {
	panel := across()
	p := newPlot(panel, [][]any{{"a", noon, int64(10)}, {"a", noon.Add(15 * time.Minute), int64(15)}}, "Europe/Berlin")
	if p.Zone != "Europe/Berlin" || p.Step != 900 || p.Names != nil {
		t.Errorf("got %+v", p)
	}
	panel.Columns[1].Role = panels.Category
	p = newPlot(panel, [][]any{{"a", "09:00", int64(10)}, {"a", "10:00", int64(15)}}, "Europe/Berlin")
	if p.Step != 1 || p.X[1] != 1 || p.Names[1] != "10:00" {
		t.Errorf("got %+v", p)
	}
}

func TestAnotherUnitIsNotOnTheSameScale(t *testing.T) {
	panel := daily()
	panel.Columns[6].Role = panels.Value
	if p := newPlot(panel, dailyRows().Rows, "UTC"); len(p.Series) != 1 {
		t.Errorf("got %d lines, want visits without the share", len(p.Series))
	}
	if g := newGrid(panel, dailyRows().Rows, time.UTC, true); g.Head[len(g.Head)-1].Text != "Share (%)" {
		t.Errorf("got %v, want the share in the table", g.Head)
	}
}

func TestFormsOfACard(t *testing.T) {
	const zone = "Europe/Berlin"
	at := berlin(t)
	stat, bars, heatmap, table := daily(), across(), daily(), daily()
	stat.Chart, table.Chart = panels.Stat, panels.Grid
	bars.Columns[1] = col("zone", "Zone", panels.None, panels.Category, "")
	heatmap.Chart = panels.Heatmap
	same := func(state string) (rows [][]any) {
		for i := range 3 {
			rows = append(rows, []any{monday(i), "quay", nil, nil, nil, state, nil})
		}
		return rows
	}
	for _, c := range []struct {
		name  string
		panel panels.Panel
		rows  [][]any
		form  string
		why   string
	}{
		{"a chart", daily(), dailyRows().Rows, "plot", ""},
		{"large numbers", stat, dailyRows().Rows[:1], "tiles", ""},
		{"bars with names", bars, [][]any{{"quay", "door", int64(20)}}, "bars", ""},
		{"a heat map", heatmap, dailyRows().Rows, "heat", ""},
		{"a table", table, dailyRows().Rows, "table", ""},
		{"no rows", daily(), nil, "nothing", "No day is published yet."},
		{"closed throughout", daily(), same("closed"), "nothing", "Closed. The store was closed"},
		{"policy throughout", daily(), same("policy"), "nothing", "Not available: policy. The store's privacy policy"},
		{"under 10 throughout", daily(), same("under_10"), "nothing", "Under 10. Fewer than 10"},
		{"missing for two reasons", daily(), append(same("closed"), same("no_data")...), "plot", ""},
	} {
		got := newCard(c.panel, c.rows, zone, at)
		if got.Form != c.form || !strings.HasPrefix(got.Why, c.why) {
			t.Errorf("%s: got %s, %q, want %s, %q", c.name, got.Form, got.Why, c.form, c.why)
		}
	}
}

func TestTilesSayHowSureTheyAreAndWhyTheyAreEmpty(t *testing.T) {
	panel := daily()
	panel.Columns = append(panel.Columns, col("change_pct", "Against the usual", panels.Percent, panels.Value, ""))
	row := append(append([]any(nil), dailyRows().Rows[0]...), int64(12))
	tiles := newTiles(panel, row)
	if got, want := tiles[0], (tile{Label: "Estimated visits", Value: "1,310", Range: "1,200–1,450", Level: "good"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := tiles[1], (tile{Label: "Against the usual", Value: "+12", Unit: "%"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	row[2], row[5] = nil, "under_10"
	if got := newTiles(panel, row)[0]; got.Value != "under 10" || !got.Empty || !strings.Contains(got.Why, "Fewer than 10") {
		t.Errorf("got %+v", got)
	}
}

// usual is a stat of a day beside what is usual, as today is.
func usual(chart panels.Chart) panels.Panel {
	const change = "change_pct"
	return panels.Panel{
		ID: "usual", Chart: chart,
		Columns: []panels.Column{
			col("store", "Store", panels.None, panels.Category, ""), col("clock", "Hour", panels.None, panels.Category, ""),
			col("visits", "Estimated visits", panels.Visits, panels.Value, ""), col("state", "Why", panels.None, panels.State, "visits"),
			col("typical_visits", "Usual by then", panels.Visits, panels.Value, ""), col("typical_state", "Why", panels.None, panels.State, "typical_visits"),
			col("typical_days", "Days behind the usual", panels.None, panels.Detail, ""),
			col(change, "Against the usual", panels.Percent, panels.Value, ""), col("change_low_pct", "at least", panels.Percent, panels.Low, change),
			col("change_high_pct", "at most", panels.Percent, panels.High, change), col("change_state", "Why", panels.None, panels.State, change),
		},
		Thresholds: []panels.Threshold{{Column: change, From: -100, Level: panels.Bad}, {Column: change, From: -30, Level: panels.Warn}, {Column: change, From: -20, Level: panels.Neutral}},
	}
}

func TestAChangeIsNoWorseThanTheBetterEndOfItsRange(t *testing.T) {
	const within = "The usual lies within its range: the day may be as usual."
	for _, c := range []struct {
		change, low, high float64
		want              tile
	}{
		{-8, -68, 91, tile{Value: "−8", Range: "−68 to 91", Level: "neutral", Why: within}},
		{-45, -70, 0, tile{Value: "−45", Range: "−70 to 0", Level: "neutral", Why: within}},
		{-45, -70, -25, tile{Value: "−45", Range: "−70 to −25", Level: "warn"}},
		{-60, -70, -45, tile{Value: "−60", Range: "−70 to −45", Level: "bad"}},
		{60, 5, 110, tile{Value: "+60", Range: "5–110", Level: "neutral"}},
	} {
		panel, row := usual(panels.Stat), []any{"quay", "", int64(440), "value", int64(480), "value", int64(5), c.change, c.low, c.high, "value"}
		c.want.Label, c.want.Unit = "Against the usual", "%"
		if got := newTiles(panel, row)[2]; got != c.want {
			t.Errorf("%v (%v to %v): got %+v, want %+v", c.change, c.low, c.high, got, c.want)
		}
		if got := newGrid(panel, [][]any{row}, time.UTC, true).Rows[0]; got[4].Level != c.want.Level || got[5].Text != c.want.Range {
			t.Errorf("%v (%v to %v): got %+v in the table", c.change, c.low, c.high, got)
		}
	}
}

func TestASmallChangeWithoutARangeMayBeChance(t *testing.T) {
	panel := usual(panels.Stat)
	panel.Columns = append(panel.Columns[:8:8], panel.Columns[10]) // no ends
	for change, want := range map[int64]string{-4: "A change as small as this may be chance.", 20: "A change as small as this may be chance.", -35: "", 60: ""} {
		if got := newTiles(panel, []any{"quay", "", int64(135), "value", int64(140), "value", int64(5), change, "value"})[2]; got.Why != want {
			t.Errorf("%d percent: got %q, want %q", change, got.Why, want)
		}
	}
}

func TestWithoutAUsualItIsSaidWhatItWants(t *testing.T) {
	const sensor = "No sensor listened"
	for _, c := range []struct {
		name         string
		state        string
		days         any
		usual, other string // where the reason is said twice, it is said once
	}{
		{"none", "value", int64(0), "A usual number wants three of the same weekday in the eight weeks before; so far there is none.", ""},
		{"one", "value", int64(1), "A usual number wants three of the same weekday in the eight weeks before; so far there is one.", ""},
		{"two, and few today", "under_10", int64(2), "A usual number wants three of the same weekday in the eight weeks before; so far there are two.", ""},
		{"today has no number itself", "no_data", int64(0), "", ""},
		{"enough days", "value", int64(5), sensor, ""},
	} {
		row := []any{"quay", "", nil, c.state, nil, "no_data", c.days, nil, nil, nil, "no_data"}
		if c.state == "value" {
			row[2] = int64(440)
		}
		got := newTiles(usual(panels.Stat), row)
		if !strings.HasPrefix(got[1].Why, c.usual) || c.usual == "" && got[1].Why != "" || got[2].Why != c.other {
			t.Errorf("%s: got %q and %q, want %q and %q", c.name, got[1].Why, got[2].Why, c.usual, c.other)
		}
	}
	panel, rows := usual(panels.Bars), [][]any{{"quay", "09:00", int64(40), "value", nil, "no_data", int64(2), nil, nil, nil, "no_data"}}
	p := newPlot(panel, rows, "UTC")
	if got, want := nowhere(panel, rows, p.Series[1]), ": no data, it wants three of the same weekday"; got != want {
		t.Errorf("got %q in the legend, want %q", got, want)
	}
	rows[0][6] = int64(3)
	if got, want := nowhere(panel, rows, p.Series[1]), ": no data"; got != want {
		t.Errorf("with three: got %q in the legend, want %q", got, want)
	}
}

func TestARangeThatLeavesTheChartSaysSo(t *testing.T) {
	panel := panels.Panel{Chart: panels.Bars, Columns: []panels.Column{
		col("clock", "Hour", panels.None, panels.Category, ""), col("share", "Conversion", panels.Percent, panels.Value, ""), col("low", "at least", panels.Percent, panels.Low, "share"),
		col("high", "at most", panels.Percent, panels.High, "share"),
	}}
	for _, c := range []struct {
		name string
		high any
		top  float64
		want bool
		ends string
	}{
		{"within", int64(90), 100, false, "15–90"},
		{"far above", int64(520), 100, true, "15–520"},
		{"no upper end", nil, 34.5, true, "15 or more"},
	} {
		rows := [][]any{{"09:00", int64(30), int64(15), c.high}}
		p := newPlot(panel, rows, "UTC")
		if math.Abs(p.Top-c.top) > 1e-9 || p.beyond() != c.want {
			t.Errorf("%s: got the top %v, beyond %v, want %v, %v", c.name, p.Top, p.beyond(), c.top, c.want)
		}
		marks := legendOf(panel, values(panel), rows, p)
		if got := marks[len(marks)-1].Mark == "beyond"; got != c.want {
			t.Errorf("%s: got the legend %v", c.name, marks)
		}
		if got := newGrid(panel, rows, time.UTC, true).Rows[0][2].Text; got != c.ends {
			t.Errorf("%s: got %q, want %q", c.name, got, c.ends)
		}
	}
	if p := newPlot(daily(), dailyRows().Rows, "UTC"); p.Top != 0 || p.beyond() {
		t.Errorf("counts: got the top %v, beyond %v, want a chart as high as its ranges", p.Top, p.beyond())
	}
}

func TestLegendNamesWhatIsDrawn(t *testing.T) {
	panel, rows := daily(), dailyRows().Rows
	var got []string
	for _, l := range legendOf(panel, values(panel), rows, newPlot(panel, rows, "UTC")) {
		got = append(got, l.Mark+": "+l.Text)
	}
	want := "line s0: Estimated visits; band: Range; dash: Under 10; shut: Closed or no data or not available: policy"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, "; "), want)
	}
}

func TestALineThatIsNotThereSaysSoInTheLegend(t *testing.T) {
	panel := daily()
	panel.Columns = append(panel.Columns, col("usual", "Usual", panels.Visits, panels.Value, ""))
	rows := [][]any{append(append([]any(nil), dailyRows().Rows[0]...), nil)}
	got := legendOf(panel, values(panel), rows, newPlot(panel, rows, "UTC"))
	if want := (legend{"line s1", "Usual: no data"}); got[1] != want {
		t.Errorf("got %v, want %v second", got, want)
	}
}

func TestWhenAStatIsOf(t *testing.T) {
	panel := daily()
	panel.Columns[6] = col("until_clock", "until", panels.None, panels.Detail, "")
	row := append([]any(nil), dailyRows().Rows[0]...)
	row[6] = "17:00"
	for _, c := range []struct {
		role panels.Role
		want string
	}{{panels.Time, "Monday 2 March, until 17:00"}, {panels.Instant, "Monday 2 March, 01:00, until 17:00"}} {
		panel.Columns[0].Role = c.role
		if got := dateOf(panel, row, berlin(t)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.role, got, c.want)
		}
	}
}

func TestHeatMaps(t *testing.T) {
	panel := panels.Panel{Columns: []panels.Column{
		col("store", "Store", panels.None, panels.Category, ""), col("day", "Weekday", panels.None, panels.Category, ""), col("hour", "Hour", panels.None, panels.Category, ""),
		col("visits", "Visits", panels.Visits, panels.Value, ""), col("state", "Why", panels.None, panels.State, "visits"),
	}}
	rows := [][]any{
		{"a", "Mon", "09:00", int64(10), "value"}, {"a", "Mon", "10:00", int64(70), "value"}, {"a", "Mon", "11:00", nil, "under_10"},
		{"a", "Sun", "09:00", nil, "closed"}, {"a", "Sun", "10:00", nil, "closed"},
	}
	h := newHeat(panel, rows)
	if h.Corner != "Hour" || strings.Join(h.Head, " ") != "Mon Sun" || len(h.Rows) != 3 {
		t.Fatalf("got %+v, want the hours down and the days across", h)
	}
	for i, want := range []heatCell{{Text: "10", Shade: 2}, {Text: "70", Shade: shades}, {Text: "under 10", State: "under_10"}} {
		if got := h.Rows[i].Cells[0]; got != want {
			t.Errorf("Monday, row %d: got %+v, want %+v", i, got, want)
		}
	}
	if got := h.Rows[2].Cells[1]; got.State != panels.StateNoData {
		t.Errorf("an hour that is not there: got %+v", got)
	}
	if got, want := busiest(panel, values(panel)[0], rows), "Busiest: Mon 10:00, 70."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := busiest(panel, values(panel)[0], rows[2:]); got != "" {
		t.Errorf("without a number: got %q", got)
	}
	if got := newHeat(daily(), nil); got.Rows != nil {
		t.Errorf("without two names: got %+v", got)
	}
}

func TestSentences(t *testing.T) {
	week := daily()
	week.Columns[0].Label = "Week of"
	names := daily()
	names.Columns[0].Role = panels.Category
	byName := dailyRows().Rows
	for i := range byName {
		byName[i][0] = []string{"09:00", "10:00", "11:00", "12:00", "13:00", "14:00"}[i]
	}
	several, severalNames := daily(), daily()
	several.Columns[6].Role, severalNames.Columns[6].Role = panels.Value, panels.Value
	severalNames.Columns[0].Role = panels.Category
	three := [][]any{dailyRows().Rows[0], dailyRows().Rows[5], {monday(6), "quay", int64(1000), nil, nil, "value", nil}}
	for _, c := range []struct {
		name  string
		panel panels.Panel
		rows  [][]any
		want  string
	}{
		{"days", daily(), three, "Latest: Sun 8 Mar, 1,000. Highest: Sat 7 Mar, 1,315. Lowest: Sun 8 Mar, 1,000."},
		{"weeks", week, three[:1], "Latest: week of 2 Mar, 1,310 (1,200–1,450)."},
		{"the newest is missing", daily(), dailyRows().Rows[:2], "Latest: Mon 2 Mar, 1,310 (1,200–1,450). No number: under 10 1×."},
		{"names", names, byName, "No number: closed 1×, no data 1×, not available: policy 1×, under 10 1×."},
		{"one of several lines", several, three[:1], "Latest: Mon 2 Mar, estimated visits 1,310 (1,200–1,450)."},
		{"several lines by name", severalNames,
			[][]any{{"a", "quay", int64(2), nil, nil, "value", nil}, {"b", "quay", int64(3), nil, nil, "value", nil}, {"c", "quay", int64(4), nil, nil, "value", nil}}, "Highest: c, estimated visits 4. Lowest: a, 2."},
		{"nothing", daily(), nil, ""},
	} {
		if got := says(c.panel, c.rows, time.UTC); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNumbersInWords(t *testing.T) {
	for _, c := range []struct {
		n    float64
		unit panels.Unit
		want string
	}{
		{0, panels.None, "0"}, {999, panels.Visits, "999"}, {1000, panels.Visits, "1,000"}, {1234567, panels.None, "1,234,567"}, {-1500, panels.None, "−1,500"},
		{12.5, panels.Percent, "12.5\u202f%"}, {9, panels.Minutes, "9\u00a0min"}, {300, panels.Seconds, "300\u00a0s"}, {1e6, panels.Bytes, "1,000,000\u00a0B"},
	} {
		if got := quantity(c.n, c.unit); got != c.want {
			t.Errorf("%v: got %q, want %q", c.n, got, c.want)
		}
	}
	for _, c := range []struct {
		low, high float64
		want      string
	}{{0, 1450, "0–1,450"}, {-8, 3, "−8 to 3"}, {-1500, -9, "−1,500 to −9"}} {
		if got := between(c.low, c.high); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if _, ok := number(math.NaN()); ok {
		t.Error("NaN is taken for a number")
	}
}

func TestCellsOfTimes(t *testing.T) {
	at := berlin(t)
	for _, c := range []struct {
		name string
		role panels.Role
		v    any
		want string
	}{
		{"a date is the same everywhere", panels.Time, monday(0), "Mon 2 Mar 2026"},
		{"an instant is on the store's clock", panels.Instant, monday(0).Add(23*time.Hour + 15*time.Minute), "Tue 3 Mar, 00:15"},
		{"a date that is a detail", panels.Detail, monday(1), "Tue 3 Mar 2026"},
		{"yes", panels.Detail, true, "yes"},
		{"a state by itself", panels.State, "no_data", "no data"},
		{"nothing", panels.Value, nil, ""},
	} {
		if got := cellText(panels.Column{Role: c.role}, c.v, at); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLevels(t *testing.T) {
	panel := panels.Panel{Thresholds: []panels.Threshold{{Column: "a", From: 0, Level: panels.Bad}, {Column: "a", From: 5, Level: panels.Warn}, {Column: "a", From: 10, Level: panels.Good}, {Column: "b", From: 1, Level: panels.Bad}}}
	for _, c := range []struct {
		column string
		n      float64
		want   string
	}{{"a", -1, "bad"}, {"a", 0, "bad"}, {"a", 5, "warn"}, {"a", 9.9, "warn"}, {"a", 10, "good"}, {"a", 1e9, "good"}, {"c", 1, ""}} {
		if got := level(panel, c.column, c.n); got != c.want {
			t.Errorf("%s %v: got %q, want %q", c.column, c.n, got, c.want)
		}
	}
}

func TestLongTablesEndAndSaySo(t *testing.T) {
	var rows [][]any
	for i := range mostRows + 5 {
		rows = append(rows, []any{monday(i), "quay", int64(10), nil, nil, "value", nil})
	}
	g := newGrid(daily(), rows, time.UTC, true)
	if len(g.Rows) != mostRows || g.More != 5 || g.Rows[0][0].Text != monday(mostRows+4).Format("Mon 2 Jan 2006") {
		t.Errorf("got %d rows, %d more, beginning with %s", len(g.Rows), g.More, g.Rows[0][0].Text)
	}
}

func TestAStateOfANameIsAColumn(t *testing.T) {
	panel := panels.Panel{Columns: []panels.Column{col("number", "Number", panels.None, panels.Category, ""), col("state", "Why", panels.None, panels.State, "number"), col("days", "Days", panels.None, panels.Value, "")}}
	g := newGrid(panel, [][]any{{"dwell", "under_10", int64(3)}}, time.UTC, true)
	if len(g.Head) != 3 || g.Rows[0][1].Text != "under 10" {
		t.Errorf("got %+v", g)
	}
}
