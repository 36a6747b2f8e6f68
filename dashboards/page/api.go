package page

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
)

type storeJSON struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	TimeZone string `json:"time_zone"`
	Today    string `json:"today"` // the store-day that is open
}

func (p *Page) listStores(r *http.Request) (answer, error) {
	if err := onlyKnown(r.URL.Query()); err != nil {
		return answer{}, err
	}
	list := make([]storeJSON, len(p.stores))
	for i, s := range p.stores {
		list[i] = storeJSON{s.ID, s.Name, s.TimeZone, s.calendar.DayOf(p.o.Now()).String()}
	}
	return asJSON(map[string]any{"stores": list})
}

type panelJSON struct {
	ID        string       `json:"id"`
	Dashboard string       `json:"dashboard"`
	Title     string       `json:"title"`
	Question  string       `json:"question"`
	Chart     string       `json:"chart"`
	Columns   []columnJSON `json:"columns"`
}

type columnJSON struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Unit  string `json:"unit"`
	Role  string `json:"role"`
	Of    string `json:"of,omitempty"` // the column that an end of an interval or a state belongs to
}

func columnsOf(panel panels.Panel) []columnJSON {
	out := make([]columnJSON, len(panel.Columns))
	for i, c := range panel.Columns {
		out[i] = columnJSON{c.Name, c.Label, string(c.Unit), string(c.Role), c.Of}
	}
	return out
}

func (p *Page) listPanels(r *http.Request) (answer, error) {
	if err := onlyKnown(r.URL.Query()); err != nil {
		return answer{}, err
	}
	list := make([]panelJSON, len(p.o.Panels))
	for i, one := range p.o.Panels {
		list[i] = panelJSON{one.ID, string(one.Dashboard), one.Title, one.Question, string(one.Chart), columnsOf(one)}
	}
	return asJSON(map[string]any{"panels": list})
}

// answerJSON is a panel's answer. Dates of store-days are written as dates, instants in UTC.
type answerJSON struct {
	Panel   string       `json:"panel"`
	Stores  []string     `json:"stores"`
	From    string       `json:"from"`
	To      string       `json:"to"`
	Columns []columnJSON `json:"columns"`
	Rows    [][]any      `json:"rows"`
	Empty   string       `json:"empty,omitempty"` // why there are no rows
}

// readPanel answers for {id} with JSON and for {id}.csv with CSV.
func (p *Page) readPanel(r *http.Request) (answer, error) {
	id, asCSV := strings.CutSuffix(r.PathValue("id"), ".csv")
	panel, ok := p.panels[id]
	if !ok {
		return answer{}, &refusal{http.StatusNotFound, "There is no such panel: " + API + "panels lists those that there are."}
	}
	q := r.URL.Query()
	if err := onlyKnown(q, "store", "range", "from", "to"); err != nil {
		return answer{}, err
	}
	places, err := p.readPlaces(panel, q)
	if err != nil {
		return answer{}, err
	}
	now := p.o.Now()
	s, err := readSpan(q, places[0].calendar.DayOf(now))
	if err != nil {
		return answer{}, err
	}
	table, err := p.read(r.Context(), panel, s.params(panel.ID, places, now))
	if err != nil {
		return answer{}, err
	}
	if asCSV {
		body, err := writeCSV(panel, table)
		return answer{kind: typeCSV, file: fileName(panel.ID, ids(places), s), body: body}, err
	}
	out := answerJSON{Panel: panel.ID, Stores: ids(places), From: s.From.String(), To: s.To.String(), Columns: columnsOf(panel), Rows: make([][]any, len(table.Rows))}
	if len(table.Rows) == 0 {
		out.Empty = panel.Empty
	}
	for i, row := range table.Rows {
		out.Rows[i] = make([]any, len(row))
		for j, v := range row {
			out.Rows[i][j] = plain(panel.Columns[j].Role, v)
		}
	}
	return asJSON(out)
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
			line[i] = csvCell(plain(panel.Columns[i].Role, v))
		}
		if err := w.Write(line); err != nil {
			return nil, fmt.Errorf("write CSV: %w", err)
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// csvCell writes a cell. A name that a spreadsheet would take for a formula gets an apostrophe before it.
func csvCell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		if v != "" && strings.ContainsRune("=+-@\t\r", rune(v[0])) {
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
