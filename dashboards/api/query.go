package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// settings make FINAL fast (rows of one key are all in one month's partition), and a map's numbers numbers in JSON.
const settings = " SETTINGS do_not_merge_across_partitions_select_final = 1, output_format_json_quote_64bit_integers = 0"

// sql is the statement of one page, of so many rows, behind a row.
func (r *request) sql(rows int, after []string) (string, error) {
	cells := make([]string, len(r.table.Columns))
	for i, c := range r.table.Columns {
		cells[i] = c.Name
		if c.Kind == Map {
			cells[i] = "toJSONString(" + c.Name + ") AS " + c.Name
		}
	}
	where, err := r.conditions(after)
	if err != nil {
		return "", err
	}
	return "SELECT " + strings.Join(cells, ", ") + " FROM " + r.table.Name + " FINAL WHERE " + strings.Join(where, " AND ") +
		" ORDER BY " + strings.Join(r.table.Key, ", ") + " LIMIT " + strconv.Itoa(rows) + settings, nil
}

func (r *request) conditions(after []string) ([]string, error) {
	names := make([]string, 0, len(r.stores)+2)
	for _, s := range r.stores {
		names = append(names, quote(s.ID))
	}
	if r.shared {
		names = append(names, "''")
	}
	if len(names) == 0 {
		return []string{"0"}, nil // IN () is an error
	}
	out := []string{"store IN (" + strings.Join(names, ", ") + ")"}
	if r.rule.where != "" {
		out = append(out, r.rule.where)
	}
	if r.rule.from != "" {
		days, err := r.days()
		if err != nil {
			return nil, err
		}
		out = append(out, days)
	}
	if after != nil {
		key := make([]string, len(after))
		for i, name := range r.table.Key {
			c, _ := r.table.Column(name) // check has seen to it
			var err error
			if key[i], err = literal(c.Kind, after[i]); err != nil {
				return nil, err
			}
		}
		out = append(out, "("+strings.Join(r.table.Key, ", ")+") > ("+strings.Join(key, ", ")+")")
	}
	return out, nil
}

// days are the store-days that are asked for. Where rows have an instant only, it is the store's clock that says of which day they are.
func (r *request) days() (string, error) {
	c, ok := r.table.Column(r.rule.from)
	if !ok {
		return "", fmt.Errorf("table %s has no column %s", r.table.Name, r.rule.from)
	}
	if c.Kind == Date {
		return fmt.Sprintf("%s <= toDate('%s') AND %s >= toDate('%s')", r.rule.from, r.to, r.rule.to, r.from), nil
	}
	byZone := map[string][]string{}
	for _, s := range r.stores {
		byZone[s.TimeZone] = append(byZone[s.TimeZone], quote(s.ID))
	}
	var parts []string
	for zone, names := range byZone {
		at, err := calendar.New(zone)
		if err != nil {
			return "", err
		}
		parts = append(parts, fmt.Sprintf("store IN (%s) AND %s >= toDateTime(%d) AND %s < toDateTime(%d)",
			strings.Join(names, ", "), r.rule.from, at.Start(r.from).Unix(), r.rule.to, at.End(r.to).Unix()))
	}
	slices.Sort(parts)
	return "(" + strings.Join(parts, " OR ") + ")", nil
}

func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`).Replace(text) + "'"
}

// literal writes a part of a key, as a cursor has it, for the database.
func literal(kind Kind, text string) (string, error) {
	switch kind {
	case Text:
		return quote(text), nil
	case Date:
		if day, err := calendar.ParseDay(text); err == nil && day.String() == text {
			return "toDate('" + text + "')", nil
		}
	case Instant, Integer:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && kind == Integer {
			return strconv.FormatInt(n, 10), nil
		} else if err == nil && n >= 0 && n < 1<<32 {
			return "toDateTime(" + strconv.FormatInt(n, 10) + ")", nil
		}
	}
	return "", errors.New("it is no part of a key")
}

// part writes a cell of a key for a cursor.
func part(kind Kind, v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case time.Time:
		if kind == Date {
			return v.UTC().Format(time.DateOnly)
		}
		return strconv.FormatInt(v.Unix(), 10)
	}
	return ""
}

// keyOf is the key of a row.
func keyOf(t *Table, row []any) []string {
	out := make([]string, len(t.Key))
	for i, name := range t.Key {
		at := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
		out[i] = part(t.Columns[at].Kind, row[at])
	}
	return out
}

// longestCursor bounds a cursor in bytes: the names in a key are short.
const longestCursor = 2000

// writeCursor is where the next page begins. It is a place and no right: it is read with the same token, and checked as the rest is.
func writeCursor(t *Table, key []string) (string, error) {
	text, err := json.Marshal(append([]string{t.Name}, key...))
	if err != nil {
		return "", fmt.Errorf("write where the next page begins: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

func readCursor(text string, t *Table) ([]string, error) {
	wrong := badRequest("cursor is not one of this table: take next of the page before, with the same parameters, or leave it out.")
	if len(text) > longestCursor {
		return nil, wrong
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, wrong
	}
	var parts []string
	if err := json.Unmarshal(raw, &parts); err != nil || len(parts) != len(t.Key)+1 || parts[0] != t.Name {
		return nil, wrong
	}
	for i, name := range t.Key {
		c, _ := t.Column(name)
		if _, err := literal(c.Kind, parts[i+1]); err != nil {
			return nil, wrong
		}
	}
	return parts[1:], nil
}

// arrange gives the rows the table's columns, in their order.
func arrange(t *Table, got panels.Table) ([][]any, error) {
	if len(got.Rows) == 0 {
		return nil, nil
	}
	at := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		if at[i] = slices.Index(got.Columns, c.Name); at[i] < 0 {
			return nil, fmt.Errorf("the answer has no column %s", c.Name)
		}
	}
	out := make([][]any, len(got.Rows))
	for r, row := range got.Rows {
		if len(row) != len(got.Columns) {
			return nil, errors.New("the answer's rows are not as wide as its columns")
		}
		out[r] = make([]any, len(at))
		for i, from := range at {
			out[r][i] = row[from]
		}
	}
	return out, nil
}
