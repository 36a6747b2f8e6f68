package page

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// StoreInfo is a store as the data has it.
type StoreInfo struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	TimeZone string `json:"time_zone"`
	Today    string `json:"today"` // the store-day that is open
}

func (p *Page) listStores(r *http.Request) (answer, error) {
	if err := onlyKnown(r.URL.Query()); err != nil {
		return answer{}, err
	}
	return asJSON(map[string]any{"stores": p.Stores()})
}

// Stores are the stores in their order.
func (p *Page) Stores() []StoreInfo {
	list := make([]StoreInfo, len(p.stores))
	for i, s := range p.stores {
		list[i] = StoreInfo{s.ID, s.Name, s.TimeZone, s.calendar.DayOf(p.o.Now()).String()}
	}
	return list
}

// PanelInfo is a panel as the data has it.
type PanelInfo struct {
	ID        string       `json:"id"`
	Dashboard string       `json:"dashboard"`
	Title     string       `json:"title"`
	Question  string       `json:"question"`
	Chart     string       `json:"chart"`
	Columns   []ColumnInfo `json:"columns"`
}

// ColumnInfo is a column of a panel as the data has it.
type ColumnInfo struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Unit  string `json:"unit"`
	Role  string `json:"role"`
	Of    string `json:"of,omitempty"` // the column that an end of an interval or a state belongs to
}

func columnsOf(panel panels.Panel) []ColumnInfo {
	out := make([]ColumnInfo, len(panel.Columns))
	for i, c := range panel.Columns {
		out[i] = ColumnInfo{c.Name, c.Label, string(c.Unit), string(c.Role), c.Of}
	}
	return out
}

func (p *Page) listPanels(r *http.Request) (answer, error) {
	if err := onlyKnown(r.URL.Query()); err != nil {
		return answer{}, err
	}
	return asJSON(map[string]any{"panels": p.Panels(func(panels.Panel) bool { return true })})
}

// Panels are those panels that may be asked for, in their order.
func (p *Page) Panels(may func(panels.Panel) bool) []PanelInfo {
	list := []PanelInfo{}
	for _, one := range p.o.Panels {
		if may(one) {
			list = append(list, PanelInfo{one.ID, string(one.Dashboard), one.Title, one.Question, string(one.Chart), columnsOf(one)})
		}
	}
	return list
}

// PanelAnswer is a panel's answer. Dates of store-days are written as dates, instants in UTC.
type PanelAnswer struct {
	Panel   string       `json:"panel"`
	Stores  []string     `json:"stores"`
	From    string       `json:"from"`
	To      string       `json:"to"`
	Columns []ColumnInfo `json:"columns"`
	Rows    [][]any      `json:"rows"`
	Empty   string       `json:"empty,omitempty"` // why there are no rows
}

// readPanel answers for {id} with JSON and for {id}.csv with CSV.
func (p *Page) readPanel(r *http.Request) (answer, error) {
	id, asCSV := strings.CutSuffix(r.PathValue("id"), ".csv")
	panel, ok := p.panels[id]
	if !ok {
		return answer{}, noPanel()
	}
	a, err := p.panelData(r.Context(), panel, asCSV, r.URL.Query(), p.stores)
	return answer{kind: a.Kind, file: a.File, body: a.Body}, err
}

func noPanel() error {
	return &refusal{http.StatusNotFound, "There is no such panel: " + API + "panels lists those that there are."}
}

// panelData is the rows of a panel, of some of the stores.
func (p *Page) panelData(ctx context.Context, panel panels.Panel, asCSV bool, q url.Values, among []place) (Data, error) {
	if err := onlyKnown(q, PanelParameters()...); err != nil {
		return Data{}, err
	}
	places, err := readPlaces(panel, q, among)
	if err != nil {
		return Data{}, err
	}
	now := p.o.Now()
	s, err := readSpan(q, places[0].calendar.DayOf(now))
	if err != nil {
		return Data{}, err
	}
	table, err := p.read(ctx, panel, s.params(panel, places, now))
	if err != nil {
		return Data{}, err
	}
	if asCSV {
		body, err := writeCSV(panel, table)
		return Data{Kind: typeCSV, File: fileName(panel.ID, ids(places), s), Body: body, Rows: len(table.Rows)}, err
	}
	out := PanelAnswer{Panel: panel.ID, Stores: ids(places), From: s.From.String(), To: s.To.String(), Columns: columnsOf(panel), Rows: make([][]any, len(table.Rows))}
	if len(table.Rows) == 0 {
		out.Empty = panel.Empty
	}
	for i, row := range table.Rows {
		out.Rows[i] = make([]any, len(row))
		for j, v := range row {
			out.Rows[i][j] = plain(panel.Columns[j].Role, v)
		}
	}
	a, err := asJSON(out)
	return Data{Kind: a.kind, Body: a.body, Rows: len(table.Rows)}, err
}

// plain is a cell as JSON and CSV have it.
func plain(role panels.Role, v any) any {
	switch v := v.(type) {
	case time.Time:
		if role == panels.Instant {
			return v.UTC().Format(time.RFC3339)
		}
		return v.UTC().Format(time.DateOnly)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	}
	return v
}

// writeCSV is a panel's answer with the names of the columns above it, as RFC 4180 has it. A number that is not there is empty, and its
// state column says why.
func writeCSV(panel panels.Panel, t panels.Table) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	if err := w.Write(t.Columns); err != nil {
		return nil, fmt.Errorf("write CSV: %w", err)
	}
	line := make([]string, len(t.Columns))
	for _, row := range t.Rows {
		for i, v := range row {
			line[i] = CSVCell(plain(panel.Columns[i].Role, v))
		}
		if err := w.Write(line); err != nil {
			return nil, fmt.Errorf("write CSV: %w", err)
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// CSVCell writes a cell. A name that a spreadsheet would take for a formula gets an apostrophe before it.
func CSVCell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		if v != "" && strings.ContainsRune("=+-@\t\r\n", rune(v[0])) {
			return "'" + v
		}
		return v
	}
	return fmt.Sprint(v)
}

// fileName is what a download is saved as. A store's name in stores.yaml is made of letters that any file may have; others become _.
func fileName(panel string, stores []string, s span) string {
	who := "all"
	if len(stores) == 1 {
		who = stores[0]
	}
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, who)
	return fmt.Sprintf("footfall_%s_%s_%s_%s.csv", safe, panel, s.From, s.To)
}
