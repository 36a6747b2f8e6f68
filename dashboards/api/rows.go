package api

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/openfootfall/footfall/dashboards/page"
)

// plain is a cell as JSON and CSV have it.
func plain(kind Kind, v any) any {
	switch v := v.(type) {
	case time.Time:
		if kind == Date {
			return v.UTC().Format(time.DateOnly)
		}
		return v.UTC().Format(time.RFC3339)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	}
	return v
}

// writeObject writes a row as a JSON object whose members are in the order of the columns.
func writeObject(out *bytes.Buffer, t *Table, row []any) error {
	for i, c := range t.Columns {
		before := byte(',')
		if i == 0 {
			before = '{'
		}
		out.WriteByte(before)
		out.WriteString(strconv.Quote(c.Name) + ":")
		v := plain(c.Kind, row[i])
		if text, ok := v.(string); ok && c.Kind == Map {
			v = json.RawMessage(text)
		}
		cell, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write column %s: %w", c.Name, err)
		}
		out.Write(cell)
	}
	out.WriteByte('}')
	return nil
}

// head is a page of a table without its rows.
type head struct {
	Table  string   `json:"table"`
	Stores []string `json:"stores"`
	From   string   `json:"from,omitempty"`
	To     string   `json:"to,omitempty"`
	Next   string   `json:"next,omitempty"` // cursor of the next page; absent on the last one
}

// writeJSON is a page as JSON.
func (r *request) writeJSON(rows [][]any, next string) ([]byte, error) {
	h := head{Table: r.table.Name, Stores: []string{}, Next: next}
	for _, s := range r.stores {
		h.Stores = append(h.Stores, s.ID)
	}
	if r.rule.from != "" {
		h.From, h.To = r.from.String(), r.to.String()
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	var out bytes.Buffer
	out.Write(text[:len(text)-1])
	out.WriteString(`,"rows":[`)
	for i, row := range rows {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
		if err := writeObject(&out, &r.table, row); err != nil {
			return nil, err
		}
	}
	out.WriteString("]}\n")
	return out.Bytes(), nil
}

// csvHeader is the names of the columns, as RFC 4180 has them.
func (r *request) csvHeader(w *csv.Writer) error {
	names := make([]string, len(r.table.Columns))
	for i, c := range r.table.Columns {
		names[i] = c.Name
	}
	return w.Write(names)
}

func (r *request) csvRows(w *csv.Writer, rows [][]any) error {
	line := make([]string, len(r.table.Columns))
	for _, row := range rows {
		for i, c := range r.table.Columns {
			line[i] = page.CSVCell(plain(c.Kind, row[i]))
		}
		if err := w.Write(line); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	w.Flush()
	return w.Error()
}

// file is what a download is saved as.
func (r *request) file() string {
	if r.rule.from == "" {
		return "footfall_" + r.table.Name + ".csv"
	}
	return "footfall_" + r.table.Name + "_" + r.from.String() + "_" + r.to.String() + ".csv"
}
