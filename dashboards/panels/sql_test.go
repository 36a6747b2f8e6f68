package panels

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	sqlComment = regexp.MustCompile(`--[^\n]*|/\*(?s:.*?)\*/`)
	sqlToken   = regexp.MustCompile(`'(?:[^'\\]|\\.)*'|[A-Za-z_][A-Za-z0-9_.]*|\$\{[^}]*\}|\S`)
)

// tokens are the words, names and signs of a statement; strings become one sign, comments none.
func tokens(sql string) []string {
	return sqlToken.FindAllString(sqlComment.ReplaceAllString(sql, " "), -1)
}

// reads are what stands after FROM and JOIN and is not a subquery, without the names that WITH defines.
func reads(sql string) []string {
	words := tokens(sql)
	defined := map[string]bool{}
	for i := 0; i+2 < len(words); i++ {
		if strings.EqualFold(words[i+1], "AS") && words[i+2] == "(" {
			defined[words[i]] = true
		}
	}
	var out []string
	for i, w := range words[:len(words)-1] {
		next := words[i+1]
		array := i > 0 && strings.EqualFold(words[i-1], "ARRAY")
		if !strings.EqualFold(w, "FROM") && !strings.EqualFold(w, "JOIN") || array || next == "(" || defined[next] {
			continue
		}
		out = append(out, next)
	}
	return out
}

// allowedSettings are those that a panel may have. The first makes FINAL five times faster on tables whose rows of one key are all in
// one month's partition. The second reads the columns of a condition on the key before the others; conditions that two rows of one
// key could answer differently have to stand outside. The third groups by the first columns of the key as they lie, seven times faster.
func allowedSettings() []string {
	return []string{"do_not_merge_across_partitions_select_final = 1", "optimize_move_to_prewhere_if_final = 1", "optimize_aggregation_in_order = 1"}
}

// withoutFinal are the panels that read a table once without FINAL, which is slow, and why no row that was replaced counts.
func withoutFinal() map[string]string {
	return map[string]string{
		"today":              "takes from it where today is; the key says that, but for whether an hour is closed",
		"only_counted":       "takes keys from it, and reads those with FINAL",
		"conversion_by_hour": "takes names of stores from it",
		"sensors_lists":      "takes of each sensor the newest version of the newest row",
		"privacy_lists":      "takes of each sensor the newest version of the newest row",
	}
}

// wrongReads says what a dashboard may not do with a statement.
func wrongReads(sql string) []string {
	var out []string
	tables := reads(sql)
	if len(tables) == 0 {
		out = append(out, "reads no table")
	}
	for _, table := range tables {
		if !strings.HasPrefix(table, "pub_") {
			out = append(out, "reads "+table)
		}
	}
	words := tokens(sql)
	for i, w := range words {
		lower := strings.ToLower(w)
		if call := i+1 < len(words) && words[i+1] == "("; call && slices.Contains([]string{
			"remote", "remotesecure", "url", "file", "s3", "merge", "cluster", "mysql", "postgresql", "dictget", "joinget", "executable", "view", "values", "input", "now", "today", "yesterday",
		}, lower) {
			out = append(out, "calls "+w)
		}
		if slices.Contains([]string{"insert", "alter", "drop", "create", "system", "grant", "into", "attach", "truncate", "delete", ";"}, lower) {
			out = append(out, "says "+w)
		}
		if lower == "settings" {
			for setting := range strings.SplitSeq(strings.Join(words[i+1:], " "), " , ") {
				if !slices.Contains(allowedSettings(), setting) {
					out = append(out, "sets "+setting)
				}
			}
		}
		if lower == "todate" && i+2 < len(words) && words[i+2] == "start" {
			out = append(out, "takes a day from start, which is UTC")
		}
		if slices.Contains([]string{"tohour", "todayofweek", "formatdatetime", "tostartofday", "tostartofhour"}, lower) {
			out = append(out, w+" of an instant is UTC: use store_day and local_hour")
		}
	}
	return out
}

func TestPanelsReadPublishedTablesOnly(t *testing.T) {
	for _, p := range All() {
		if wrong := wrongReads(p.SQL); len(wrong) > 0 {
			t.Errorf("%s: %s", p.ID, strings.Join(wrong, "; "))
		}
		words := tokens(strings.ReplaceAll(p.SQL, storeDays, "true")) // which asks whether there is an hour, not what it says
		var replaced []string
		for i, w := range words {
			if next := words[i+1 : min(i+4, len(words))]; strings.HasPrefix(w, "pub_") && !slices.Contains(next, "FINAL") {
				replaced = append(replaced, w)
			}
		}
		if _, known := withoutFinal()[p.ID]; len(replaced) > 1 || (len(replaced) == 1) != known {
			t.Errorf("%s reads %q without FINAL: rows that were replaced would count (withoutFinal says why they do not: %t)", p.ID, replaced, known)
		}
		if !strings.Contains(p.SQL, "${"+storeVariable+"}") {
			t.Errorf("%s does not ask which stores", p.ID)
		}
		if !strings.Contains(p.SQL, "ORDER BY") {
			t.Errorf("%s comes in no order", p.ID)
		}
	}
}

// TestPanelsOfHoursKnowTheOpenDay: $__dateFilter goes by UTC, which leaves the open store-day out east of Greenwich. It is good for days
// that are over, so a panel of shorter cells may have it where it is about the days that have a row.
func TestPanelsOfHoursKnowTheOpenDay(t *testing.T) {
	for _, p := range All() {
		tables := reads(p.SQL)
		ofDays := slices.Contains(tables, "pub_store_day")
		for _, table := range []string{"pub_store_hour", "pub_store_quarter", "pub_zone_hour", "pub_transactions"} {
			if slices.Contains(tables, table) && !ofDays && strings.Contains(p.SQL, "$__dateFilter(") {
				t.Errorf("%s reads %s by $__dateFilter: write {store_days}", p.ID, table)
			}
		}
		for _, word := range []string{"{store_days}", "{from_day}"} {
			if strings.Contains(p.SQL, word) {
				t.Errorf("%s: %s is not filled in", p.ID, word)
			}
		}
	}
}

func TestAnnotationsReadPublishedTablesOnly(t *testing.T) {
	sql := Annotations()
	if wrong := wrongReads(sql); len(wrong) > 0 || !strings.HasPrefix(sql, "SELECT") || !strings.Contains(sql, "FINAL") || !strings.Contains(sql, "${"+storeVariable+"}") {
		t.Errorf("%s in %s", strings.Join(wrong, "; "), sql)
	}
	if _, err := Expand(sql, Params{Stores: []string{"a"}}); err != nil {
		t.Error(err)
	}
}

func TestTheReadsOfAStatementAreFound(t *testing.T) {
	for _, c := range []struct {
		name, sql string
		want      []string
	}{
		{"published", "SELECT a FROM pub_x FINAL", nil},
		{"another table", "SELECT a FROM device_days", []string{"reads device_days"}},
		{"lower case", "select a from cells", []string{"reads cells"}},
		{"joined", "SELECT a FROM pub_x INNER JOIN cells ON 1", []string{"reads cells"}},
		{"in a subquery", "SELECT a FROM (SELECT b FROM store_days)", []string{"reads store_days"}},
		{"behind a name of WITH", "WITH x AS (SELECT b FROM pub_y) SELECT a FROM x", nil},
		{"of another database", "SELECT a FROM system.tables", []string{"reads system.tables"}},
		{"in a string only", "SELECT 'FROM cells' FROM pub_x", nil},
		{"in a comment only", "SELECT a -- FROM cells\nFROM pub_x", nil},
		{"array join", "SELECT a FROM pub_x ARRAY JOIN b AS c", nil},
		{"a table function", "SELECT a FROM remote('x', y)", []string{"reads remote", "calls remote"}},
		{"nothing", "SELECT 1 ", []string{"reads no table"}},
		{"a day of an instant", "SELECT toDate(start) FROM pub_x", []string{"takes a day from start, which is UTC"}},
		{"the setting for FINAL", "SELECT a FROM pub_x FINAL SETTINGS do_not_merge_across_partitions_select_final = 1", nil},
		{"both settings", "SELECT a FROM pub_x FINAL SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1", nil},
		{"a setting behind a good one", "SELECT a FROM pub_x SETTINGS optimize_move_to_prewhere_if_final = 1, max_threads = 9", []string{"sets max_threads = 9"}},
		{"another setting", "SELECT a FROM pub_x SETTINGS max_execution_time = 0", []string{"sets max_execution_time = 0"}},
		{"two statements", "SELECT a FROM pub_x; DROP TABLE y", []string{"says ;", "says DROP"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := wrongReads(c.sql); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
