package panels

import (
	"context"
	"embed"
	"strings"
)

//go:embed sql/*.sql
var statements embed.FS

//go:embed annotations.sql
var annotations string

// Annotations is the SQL of what was noted of the store-days of a range, with the macros of panels: time and timeEnd, the words (text) and
// the kind (tags: promotion, holiday, closure or other). Both times are of UTC days, as the charts of days are.
func Annotations() string { return withoutHeader(annotations) }

// storeDays stands for {store_days} in panels that read hours and shorter cells: the store-days of the range, by date as
// $__dateFilter has it, and where the range reaches a store's newest hour also the open one that is dated a day later than UTC. That is
// how it is east of Greenwich until noon or so. In a range that ends before, dates are as they were chosen. Days that are over need
// nothing of it: in no zone are they dated later than the instant in which they end. That there is an hour is in the key, so that it does not
// matter which version of it stands; the stores are named around it, and a thousand names take their time to read.
const storeDays = `store_day >= toDate($__fromTime, 'UTC') AND store_day <= toDate($__toTime, 'UTC') + 1
    AND NOT (store_day > toDate($__toTime, 'UTC') AND store IN
    (
        SELECT store
        FROM pub_store_hour
        WHERE start > $__toTime
            AND store_day >= toDate($__toTime, 'UTC') AND store_day <= toDate($__toTime, 'UTC') + 2
    ))`

// fromDay stands for {from_day} in panels that reckon back from the range's first day: its date, and not before 2000, because a Date begins
// in 1970 and one that is reckoned back from there comes out in 2149. There is no store-day as old as that.
const fromDay = "toDate(greatest($__fromTime, toDateTime('2000-01-01 00:00:00', 'UTC')), 'UTC')"

// statement is the SQL of a panel without its header. A test holds that every
// panel has one, so a missing file is an empty statement here.
func statement(id string) string {
	text, err := statements.ReadFile("sql/" + id + ".sql")
	if err != nil {
		return ""
	}
	return strings.NewReplacer("{store_days}", storeDays, "{from_day}", fromDay).Replace(withoutHeader(string(text)))
}

func withoutHeader(text string) string {
	lines := strings.Split(text, "\n")
	for len(lines) > 0 && strings.HasPrefix(lines[0], "--") {
		lines = lines[1:]
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// Querier runs a SELECT. Who links both dashboards and a database gives one.
type Querier interface {
	Query(ctx context.Context, sql string) (Table, error)
}

// Table is what a SELECT returned. A cell is nil, int64, float64, string, bool or time.Time (UTC).
// An answer without rows may come without columns, too: a panel knows its own.
type Table struct {
	Columns []string
	Rows    [][]any
}
