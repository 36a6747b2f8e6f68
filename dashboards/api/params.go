package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/tokens"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// Bounds of one request.
const (
	longestRange = 400    // store-days
	defaultLimit = 1000   // rows of a page
	largestLimit = 10_000 // rows of a page
	mostStores   = 1000   // named in one request
)

const (
	asJSON = "json"
	asCSV  = "csv"
)

// refusal is a request that cannot be answered, with a sentence that ends with what to do.
type refusal struct {
	status int
	detail string
}

// Error is the sentence.
func (r *refusal) Error() string { return r.detail }

func badRequest(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// request is what is asked of a table.
type request struct {
	table    Table
	rule     rule
	stores   []page.StoreInfo // whose rows are read
	shared   bool             // rows of no store are read, too
	from, to calendar.Day     // both belong to it; not used where the table has no days
	format   string
	limit    int      // rows of a page; 0: all, which CSV alone has
	after    []string // the key of the last row of the page before; nil: from the beginning
}

// parameters are those of a table, in the order of the description.
func (r rule) parameters() []string {
	if r.from == "" {
		return []string{"store", "format", "limit", "cursor"}
	}
	return []string{"store", "from", "to", "format", "limit", "cursor"}
}

// onlyKnown refuses parameters that a typing error made, and those that are there twice: a range that is silently another one gives
// wrong numbers.
func onlyKnown(q url.Values, known ...string) error {
	for name, values := range q {
		if !slices.Contains(known, name) {
			if len(known) == 0 {
				return badRequest("There is no such parameter: ask without any.")
			}
			return badRequest("There is no such parameter: there are %s.", strings.Join(known, ", "))
		}
		if name != "store" && len(values) > 1 {
			return badRequest("%s is there twice: write it once.", name)
		}
	}
	return nil
}

// readRequest reads what is asked of a table by whoever has the token.
func readRequest(t Table, r rule, q url.Values, who *tokens.Token, all []page.StoreInfo) (request, error) {
	out := request{table: t, rule: r}
	err := onlyKnown(q, r.parameters()...)
	if err != nil {
		return out, err
	}
	if out.stores, err = readStores(q, who, all); err != nil {
		return out, err
	}
	out.shared = r.shared == everyone || r.shared == unbound && len(who.Stores) == 0 && !q.Has("store")
	if r.from != "" {
		if out.from, out.to, err = readRange(q); err != nil {
			return out, err
		}
	}
	if out.format, err = readFormat(q); err != nil {
		return out, err
	}
	if out.limit, err = readLimit(q, out.format); err != nil {
		return out, err
	}
	if q.Has("cursor") {
		out.after, err = readCursor(q.Get("cursor"), &t)
	}
	return out, err
}

// readStores are the stores that are asked for; without any, all that the token is for.
func readStores(q url.Values, who *tokens.Token, all []page.StoreInfo) ([]page.StoreInfo, error) {
	var out []page.StoreInfo
	if !q.Has("store") {
		for _, s := range all {
			if who.May(s.ID) {
				out = append(out, s)
			}
		}
		return out, nil
	}
	if len(q["store"]) > mostStores {
		return nil, badRequest("There are more than %d stores in one request: ask for all at once without store, or for some at a time.", mostStores)
	}
	for _, id := range q["store"] {
		if err := who.For(id); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(s page.StoreInfo) bool { return s.ID == id })
		if i < 0 {
			return nil, &refusal{http.StatusNotFound, "There is no such store: look at " + page.API + "stores."}
		}
		out = append(out, all[i])
	}
	return out, nil
}

func readRange(q url.Values) (from, to calendar.Day, err error) {
	if from, err = readDay(q, "from"); err != nil {
		return 0, 0, err
	}
	if to, err = readDay(q, "to"); err != nil {
		return 0, 0, err
	}
	switch {
	case to < from:
		return 0, 0, badRequest("The range ends before it begins: swap from and to.")
	case int(to-from)+1 > longestRange:
		return 0, 0, badRequest("The range is longer than %d store-days: ask for a part at a time.", longestRange)
	}
	return from, to, nil
}

func readDay(q url.Values, name string) (calendar.Day, error) {
	if !q.Has(name) {
		return 0, badRequest("%s is missing: write a store-day as year-month-day, such as %s=2026-03-02.", name, name)
	}
	day, err := calendar.ParseDay(q.Get(name))
	if err != nil || day.Date().Year() < 2000 || day.Date().Year() > 2100 {
		return 0, badRequest("%s is not a date between 2000 and 2100: write a store-day as year-month-day, such as %s=2026-03-02.", name, name)
	}
	return day, nil
}

func readFormat(q url.Values) (string, error) {
	switch format := q.Get("format"); {
	case !q.Has("format"):
		return asJSON, nil
	case format == asJSON, format == asCSV:
		return format, nil
	}
	return "", badRequest("There is no such format: write format=json or format=csv.")
}

// withoutFormat is a name in a path without an ending .csv or .json, which the store page's addresses have: it is taken as the parameter
// format. That the two say different things is an error.
func withoutFormat(name string, q url.Values) (string, error) {
	bare, ending, found := strings.Cut(name, ".")
	if !found || ending != asCSV && ending != asJSON {
		return name, nil
	}
	switch {
	case !q.Has("format"):
		q.Set("format", ending)
	case q.Get("format") != ending:
		return name, badRequest("The path asks for one format, and format= for another: leave one of them out.")
	}
	return bare, nil
}

func readLimit(q url.Values, format string) (int, error) {
	if !q.Has("limit") {
		if format == asCSV {
			return 0, nil
		}
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil || n < 1 || n > largestLimit {
		return 0, badRequest("limit is not a number of rows from 1 to %d: write limit=%d, or leave it out.", largestLimit, defaultLimit)
	}
	return n, nil
}
