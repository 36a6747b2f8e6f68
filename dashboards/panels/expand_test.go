package panels

import (
	"strings"
	"testing"
	"time"
)

func TestExpand(t *testing.T) {
	from := time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC)
	berlin := time.FixedZone("", 3600)
	for _, c := range []struct {
		name, sql string
		params    Params
		want      string
	}{
		{"time filter", "$__timeFilter(start)", Params{From: from, To: from.Add(time.Hour)}, "start >= toDateTime(1772409600) AND start <= toDateTime(1772413200)"},
		{"of a table's short name", "$__timeFilter(s.start)", Params{From: from, To: from}, "s.start >= toDateTime(1772409600) AND s.start <= toDateTime(1772409600)"},
		{"date filter", "$__dateFilter( store_day )", Params{From: from, To: from.AddDate(0, 0, 1)}, "store_day >= toDate('2026-03-02') AND store_day <= toDate('2026-03-03')"},
		{"dates are UTC", "$__dateFilter(d)", Params{From: from.In(berlin), To: time.Date(2026, time.March, 3, 0, 30, 0, 0, berlin)}, "d >= toDate('2026-03-02') AND d <= toDate('2026-03-02')"},
		{"ends", "$__fromTime - $__toTime", Params{From: from, To: from}, "toDateTime(1772409600) - toDateTime(1772409600)"},
		{"before 1970 and after 2106", "$__fromTime $__toTime", Params{From: time.Unix(-5, 0), To: time.Unix(1<<40, 0)}, "toDateTime(0) toDateTime(4294967295)"},
		{"steps", "$__timeInterval(start) $__interval_s", Params{From: from, To: from, Width: 60}, "toStartOfInterval(toDateTime(start), INTERVAL 60 second) 60"},
		{"a step of nothing", "$__interval_s", Params{From: from, To: from, Width: -1}, "300"},
		{"stores", "IN (${store:singlequote})", Params{From: from, To: from, Stores: []string{"a", "b"}}, "IN ('a','b')"},
		{"no stores", "IN (${store:singlequote})", Params{From: from, To: from}, "IN ('')"},
		{"regions", "IN (${region:singlequote})", Params{From: from, To: from, Stores: []string{"a"}, Regions: []string{"south", NoRegion}}, "IN ('south','no region')"},
		{"no regions, which are all", "'' IN (${region:singlequote})", Params{From: from, To: from}, "'' IN ('')"},
		{"quotes", "${store:singlequote}", Params{From: from, To: from, Stores: []string{`a'b`, `\`, `\'`, "\x00"}}, `'a\'b','\\','\\\'','\0'`},
		{"macros in a name stay", "${store:singlequote}", Params{From: from, To: from, Stores: []string{"$__fromTime ${store:singlequote} $1"}}, "'$__fromTime ${store:singlequote} $1'"},
		{"nothing to do", "SELECT 1", Params{From: from, To: from}, "SELECT 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Expand(c.sql, c.params)
			if err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestExpandRefuses(t *testing.T) {
	at := time.Unix(1000, 0)
	for _, c := range []struct {
		name, sql string
		params    Params
		want      string
	}{
		{"another macro", "$__conditionalAll(a)", Params{From: at, To: at}, "$__conditionalAll(a)"},
		{"a macro without its column", "$__timeFilter", Params{From: at, To: at}, "not the name of a column"},
		{"a column that is SQL", "$__timeFilter(a OR 1)", Params{From: at, To: at}, "not the name of a column"},
		{"an argument too many", "$__fromTime(a)", Params{From: at, To: at}, "no argument"},
		{"another variable", "${zone}", Params{From: at, To: at}, "unknown variable"},
		{"the variable unquoted", "${store}", Params{From: at, To: at}, "unknown variable"},
		{"the regions unquoted", "${region}", Params{From: at, To: at}, "unknown variable"},
		{"ends swapped", "SELECT 1", Params{From: at, To: at.Add(-1)}, "swap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := Expand(c.sql, c.params); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, %v, want an error about %q", got, err, c.want)
			}
		})
	}
}

// A store's name must come out as one string, whatever is in it.
func FuzzQuoted(f *testing.F) {
	for _, s := range []string{"demo", `'`, `\`, `\'`, "a\x00b", "ä", "') OR ('", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		text := quoted([]string{name})
		body, ok := strings.CutSuffix(strings.TrimPrefix(text, "'"), "'")
		if !ok || !strings.HasPrefix(text, "'") {
			t.Fatalf("got %s", text)
		}
		var back strings.Builder
		for i := 0; i < len(body); i++ {
			switch {
			case body[i] == '\'':
				t.Fatalf("the string ends early in %s", text)
			case body[i] != '\\':
				back.WriteByte(body[i])
			default:
				i++
				if i == len(body) {
					t.Fatalf("the last quote is escaped in %s", text)
				}
				if body[i] == '0' {
					back.WriteByte(0)
				} else {
					back.WriteByte(body[i])
				}
			}
		}
		if back.String() != name {
			t.Errorf("got %q back, want %q", back.String(), name)
		}
	})
}
