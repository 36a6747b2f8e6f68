package api

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// Kind is what a column holds, and how JSON writes it.
type Kind string

// The kinds.
const (
	Text    Kind = "text"    // a string
	Date    Kind = "date"    // a date, such as of a store-day
	Instant Kind = "instant" // UTC, RFC 3339
	Integer Kind = "integer" //
	Number  Kind = "number"  //
	YesNo   Kind = "yes_no"  // true or false
	Map     Kind = "map"     // an object of names and numbers; in CSV its JSON
)

// Column is one column of a table.
type Column struct {
	Name     string
	Kind     Kind
	Nullable bool
	Unit     string // percent, minutes, seconds or bytes; empty: the comment says what is counted
	Comment  string // the database's own
}

// Table is a published table as the database describes it.
type Table struct {
	Name    string
	Columns []Column // without those that readers have no use for
	Key     []string // columns that name a row, in the order of the rows
}

// internal are columns that say which rows stand. The API gives those that do.
func internal(column string) bool { return column == "version" || column == "removed" }

const (
	columnsSQL = "SELECT table, name, type, comment FROM system.columns WHERE database = currentDatabase() AND startsWith(table, 'pub_') ORDER BY table, position"
	keysSQL    = "SELECT name, sorting_key FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'pub_') ORDER BY name"
)

// ReadCatalog reads from the database which published tables it has.
func ReadCatalog(ctx context.Context, from panels.Querier) ([]Table, error) {
	keys, err := readTexts(ctx, from, keysSQL, 2)
	if err != nil {
		return nil, err
	}
	columns, err := readTexts(ctx, from, columnsSQL, 4)
	if err != nil {
		return nil, err
	}
	var out []Table
	for _, k := range keys {
		t := Table{Name: k[0], Key: strings.Split(k[1], ", ")}
		for _, c := range columns {
			if c[0] != t.Name || internal(c[1]) {
				continue
			}
			column, err := columnOf(c[1], c[2], c[3])
			if err != nil {
				return nil, fmt.Errorf("table %s: %w", t.Name, err)
			}
			t.Columns = append(t.Columns, column)
		}
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
		out = append(out, t)
	}
	return out, nil
}

func readTexts(ctx context.Context, from panels.Querier, sql string, width int) ([][]string, error) {
	table, err := from.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("read which tables there are: %w", err)
	}
	out := make([][]string, len(table.Rows))
	for i, row := range table.Rows {
		for _, v := range row {
			text, _ := v.(string)
			out[i] = append(out[i], text)
		}
		if len(row) != width {
			return nil, errors.New("read which tables there are: the answer is not as wide as it should be; report this as a bug of footfall")
		}
	}
	return out, nil
}

var (
	plainName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	wrapped   = regexp.MustCompile(`^(?:Nullable|LowCardinality)\((.*)\)$`)
	wholeType = regexp.MustCompile(`^U?Int(?:8|16|32|64)$`)
	instants  = regexp.MustCompile(`^DateTime\('UTC'\)$`)
)

func columnOf(name, declared, comment string) (Column, error) {
	c := Column{Name: name, Comment: comment, Unit: unitOf(name)}
	if !plainName.MatchString(name) {
		return c, fmt.Errorf("%q is no name for a column: use small letters, digits and _", name)
	}
	if comment == "" {
		return c, fmt.Errorf("column %s has no comment: say in a migration what it holds", name)
	}
	inner := declared
	for m := wrapped.FindStringSubmatch(inner); m != nil; m = wrapped.FindStringSubmatch(inner) {
		c.Nullable = c.Nullable || strings.HasPrefix(inner, "Nullable(")
		inner = m[1]
	}
	switch {
	case inner == "String":
		c.Kind = Text
	case inner == "Date":
		c.Kind = Date
	case instants.MatchString(inner):
		c.Kind = Instant
	case wholeType.MatchString(inner):
		c.Kind = Integer
	case inner == "Float64":
		c.Kind = Number
	case inner == "Bool":
		c.Kind = YesNo
	case strings.HasPrefix(inner, "Map("):
		c.Kind = Map
	default:
		return c, fmt.Errorf("column %s is %s, which the API does not know: give it a kind there", name, declared)
	}
	return c, nil
}

// unitOf reads the unit off a column's name.
func unitOf(name string) string {
	for ending, unit := range map[string]string{"_pct": "percent", "_min": "minutes", "_s": "seconds", "_bytes": "bytes"} {
		if strings.HasSuffix(name, ending) {
			return unit
		}
	}
	return ""
}

// check says why pages of the table could not be made.
func (t *Table) check() error {
	if !plainName.MatchString(t.Name) {
		return errors.New("it has no name for a table: use small letters, digits and _")
	}
	for _, name := range t.Key {
		c, ok := t.Column(name)
		if !ok || c.Nullable || !slices.Contains([]Kind{Text, Date, Instant, Integer}, c.Kind) {
			return fmt.Errorf("its rows are sorted by %s, by which they cannot be told apart: sort it by texts, dates, instants and integers", name)
		}
	}
	return nil
}

// Column is the column of a name.
func (t *Table) Column(name string) (Column, bool) {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return t.Columns[i], true
}
