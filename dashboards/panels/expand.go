package panels

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Params fill the macros of a panel's SQL.
type Params struct {
	From, To time.Time // both ends belong to the range
	Stores   []string  // names as in stores.yaml; none matches no store
	Regions  []string  // names as in stores.yaml, NoRegion for stores without one; none: all
	Width    int       // seconds of a step where a panel has one; below 1 is 300
}

// macro is a Grafana macro with its argument, or a variable. Arguments are names of columns.
var macro = regexp.MustCompile(`\$__(\w+)(?:\(([^()]*)\))?|\$\{([^}]*)\}`)

var columnName = regexp.MustCompile(`^[a-z_][a-z0-9_.]*$`)

// The variables of the panels.
const (
	storeVariable  = "store:singlequote"
	regionVariable = "region:singlequote"
)

// NoRegion is what stands for the region of stores that have none. No region is named so: names have no spaces.
const NoRegion = "no region"

// Expand fills in the macros as Grafana's ClickHouse data source does:
// $__timeFilter(c), $__dateFilter(c), $__fromTime, $__toTime, $__timeInterval(c),
// $__interval_s, ${store:singlequote} for the stores and ${region:singlequote} for the regions. Any other is an error.
// The SQL must be a panel's: values are quoted, the SQL itself is trusted.
func Expand(sql string, p Params) (string, error) {
	if p.To.Before(p.From) {
		return "", errors.New("the range ends before it begins: swap its ends")
	}
	if p.Width < 1 {
		p.Width = 300
	}
	var wrong error
	out := macro.ReplaceAllStringFunc(sql, func(found string) string {
		parts := macro.FindStringSubmatch(found)
		text, err := p.fill(parts[1], strings.TrimSpace(parts[2]), parts[3])
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %w", found, err))
		}
		return text
	})
	if wrong != nil {
		return "", fmt.Errorf("expand a panel's SQL: %w", wrong)
	}
	return out, nil
}

// fill is the text of one macro, or of one variable where name is empty.
func (p Params) fill(name, column, variable string) (string, error) {
	from, to := instant(p.From), instant(p.To)
	switch name {
	case "":
		switch variable {
		case storeVariable:
			return quoted(p.Stores), nil
		case regionVariable:
			return quoted(p.Regions), nil
		}
		return "", errors.New("unknown variable: panels know ${" + storeVariable + "} and ${" + regionVariable + "} only")
	case "fromTime":
		return from, bare(column)
	case "toTime":
		return to, bare(column)
	case "interval_s":
		return strconv.Itoa(p.Width), bare(column)
	}
	if !columnName.MatchString(column) {
		return "", errors.New("the macro is unknown or its argument is not the name of a column")
	}
	switch name {
	case "timeFilter":
		return fmt.Sprintf("%s >= %s AND %s <= %s", column, from, column, to), nil
	case "dateFilter":
		const day = "%s >= toDate('%s') AND %s <= toDate('%s')"
		return fmt.Sprintf(day, column, p.From.UTC().Format(time.DateOnly), column, p.To.UTC().Format(time.DateOnly)), nil
	case "timeInterval":
		return fmt.Sprintf("toStartOfInterval(toDateTime(%s), INTERVAL %d second)", column, p.Width), nil
	}
	return "", errors.New("unknown macro")
}

func bare(column string) error {
	if column != "" {
		return errors.New("this macro takes no argument")
	}
	return nil
}

// instant is a time as a DateTime, which begins in 1970 and ends in 2106.
func instant(t time.Time) string {
	const last = 1<<32 - 1
	return "toDateTime(" + strconv.FormatInt(min(max(t.Unix(), 0), last), 10) + ")"
}

// quoted is a list of SQL strings for IN. Of no names it is one empty string, because IN () is an error and no store is named so.
func quoted(names []string) string {
	if len(names) == 0 {
		return "''"
	}
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`)
	out := make([]string, len(names))
	for i, s := range names {
		out[i] = "'" + escape.Replace(s) + "'"
	}
	return strings.Join(out, ",")
}
