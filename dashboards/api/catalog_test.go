package api

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/dashboards/panels"
)

func TestColumns(t *testing.T) {
	for _, c := range []struct {
		name, declared string
		want           Column // without its name and comment; nothing where it is refused
	}{
		{"store", "LowCardinality(String)", Column{Kind: Text}},
		{"reason", "String", Column{Kind: Text}},
		{"note", "LowCardinality(Nullable(String))", Column{Kind: Text, Nullable: true}},
		{"store_day", "Date", Column{Kind: Date}},
		{"day", "Nullable(Date)", Column{Kind: Date, Nullable: true}},
		{"start", "DateTime('UTC')", Column{Kind: Instant}},
		{"oldest", "Nullable(DateTime('UTC'))", Column{Kind: Instant, Nullable: true}},
		{"local_hour", "UInt8", Column{Kind: Integer}},
		{"visits", "Nullable(Int32)", Column{Kind: Integer, Nullable: true}},
		{"engaged_pct", "Nullable(Int32)", Column{Kind: Integer, Nullable: true, Unit: "percent"}},
		{"dwell_p50_min", "Nullable(Int32)", Column{Kind: Integer, Nullable: true, Unit: "minutes"}},
		{"listened_s", "UInt16", Column{Kind: Integer, Unit: "seconds"}},
		{"spool_bytes", "UInt64", Column{Kind: Integer, Unit: "bytes"}},
		{"share", "Float64", Column{Kind: Number}},
		{"sealed", "Bool", Column{Kind: YesNo}},
		{"drops", "Map(LowCardinality(String), UInt64)", Column{Kind: Map}},
		{"start", "DateTime", Column{}},
		{"start", "DateTime('Europe/Berlin')", Column{}},
		{"list", "Array(String)", Column{}},
		{"a-b", "String", Column{}},
		{"a; DROP", "String", Column{}},
	} {
		got, err := columnOf(c.name, c.declared, "what it is")
		if c.want == (Column{}) {
			if err == nil {
				t.Errorf("%s %s: got %+v, want it refused", c.name, c.declared, got)
			}
			continue
		}
		c.want.Name, c.want.Comment = c.name, "what it is"
		if err != nil || got != c.want {
			t.Errorf("%s %s: got %+v, %v, want %+v", c.name, c.declared, got, err, c.want)
		}
	}
	if _, err := columnOf("a", "String", ""); err == nil || !strings.Contains(err.Error(), "migration") {
		t.Errorf("without a comment: got %v", err)
	}
}

// answers gives the first SQL the first table.
type answers []panels.Table

func (a *answers) Query(context.Context, string) (panels.Table, error) {
	if len(*a) == 0 {
		return panels.Table{}, errors.New("broken")
	}
	first := (*a)[0]
	*a = (*a)[1:]
	return first, nil
}

func rows(r ...[]any) panels.Table { return panels.Table{Rows: r} }

func TestTheCatalog(t *testing.T) {
	good := rows([]any{"pub_x", "store", "String", "store"}, []any{"pub_x", "day", "Date", "day"}, []any{"pub_x", "removed", "Bool", "gone"}, []any{"pub_x", "version", "UInt64", "version"}, []any{"pub_y", "store", "String", "store"})
	for _, c := range []struct {
		name    string
		answers answers
		want    string // of the tables, or nothing where it is an error
	}{
		{"two tables", answers{rows([]any{"pub_x", "store, day"}, []any{"pub_y", "store"}), good}, "[{pub_x [{store text false  store} {day date false  day}] [store day]} {pub_y [{store text false  store}] [store]}]"},
		{"none", answers{{}, {}}, "[]"},
		{"a key that is no column", answers{rows([]any{"pub_x", "store, month"}), good}, ""},
		{"a key of what changes", answers{rows([]any{"pub_x", "toDate(day)"}), good}, ""},
		{"no key", answers{rows([]any{"pub_x", ""}), good}, ""},
		{"a column of another type", answers{rows([]any{"pub_x", "store"}), rows([]any{"pub_x", "store", "UUID", "store"})}, ""},
		{"a name that leaves its quotes", answers{rows([]any{"pub_x'", "store"}), rows([]any{"pub_x'", "store", "String", "store"})}, ""},
		{"an answer that is narrow", answers{rows([]any{"pub_x"}), good}, ""},
		{"no answer", answers{}, ""},
		{"no second answer", answers{rows([]any{"pub_x", "store"})}, ""},
	} {
		got, err := ReadCatalog(t.Context(), &c.answers)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: got %v, want an error", c.name, got)
			}
			continue
		}
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s: got %v, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func TestTheRulesAreOfTablesOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rules() {
		if seen[r.table] || !strings.HasPrefix(r.table, "pub_") || (r.from == "") != (r.to == "") || r.area == "" {
			t.Errorf("the rule %+v cannot be", r)
		}
		seen[r.table] = true
	}
	if reflect.DeepEqual(seen, map[string]bool{}) {
		t.Error("there are no rules")
	}
}
