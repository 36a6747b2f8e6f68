package api

import (
	"regexp"
	"slices"

	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/dashboards/tokens"
)

// area is what a table is about; roles read areas.
type area string

const (
	visits area = "visits" // how many came, and what came of it
	health area = "health" // how sensors do, how old things are
	stores area = "stores" // what the stores are called
)

// areas are what a role reads.
func areas(role tokens.Role) []area {
	switch role {
	case tokens.Manager:
		return []area{visits, stores}
	case tokens.Office:
		return []area{visits, health, stores}
	case tokens.Operator:
		return []area{health, stores}
	}
	return nil
}

// shared says who reads the rows of a table that are of no store.
type shared string

const (
	none     shared = ""         // there are no such rows
	unbound  shared = "unbound"  // they are of all stores together: for tokens of all stores, where no store is asked for
	everyone shared = "everyone" // they hold for each store: for everybody
)

// rule is what the database does not say of a table.
type rule struct {
	table    string
	area     area
	from, to string // columns of a row's first and last day, or of its instant; empty: rows are of no day
	shared   shared
	where    string // rows that are read; empty: all
}

// rules are those of every table that is served. A table that is not here is not: somebody is to decide who may read it.
func rules() []rule {
	daily := func(table string) rule { return rule{table: table, area: visits, from: "store_day", to: "store_day"} }
	return []rule{
		daily("pub_store_quarter"), daily("pub_store_hour"), daily("pub_zone_hour"), daily("pub_store_day"),
		{table: "pub_store_week", area: visits, from: "store_week", to: "store_week"},
		{table: "pub_store_live", area: visits},
		{table: "pub_transactions", area: visits, from: "store_day", to: "store_day"},
		{table: "pub_annotations", area: visits, from: "first_day", to: "last_day", shared: everyone, where: "NOT removed"},
		{table: "pub_effects", area: visits, shared: unbound, where: "annotation IN (SELECT annotation FROM pub_annotations FINAL WHERE NOT removed)"},
		{table: "pub_stores", area: stores},
		{table: "pub_sensor_5min", area: health, from: "start", to: "start"},
		{table: "pub_retention", area: health, from: "day", to: "day", shared: unbound},
		{table: "pub_privacy", area: health, shared: unbound},
	}
}

func ruleOf(table string) (rule, bool) {
	all := rules()
	i := slices.IndexFunc(all, func(r rule) bool { return r.table == table })
	if i < 0 {
		return rule{}, false
	}
	return all[i], true
}

// mayTable reports whether a role reads a table.
func mayTable(role tokens.Role, table string) bool {
	r, ok := ruleOf(table)
	return ok && slices.Contains(areas(role), r.area)
}

var (
	tableName  = regexp.MustCompile(`\bpub_\w+`)
	condition  = regexp.MustCompile(`(?s)\b(pub_\w+)(?: AS \w+)? FINAL(?:\s+WHERE (.*?))?(?:\n\s*\)|\) AS |GROUP BY|ORDER BY|$)`)
	ofStores   = regexp.MustCompile(`\bstore IN \(\$\{store:singlequote\}\)`)
	ofSomeElse = regexp.MustCompile(`\bOR\b`)
)

// mayPanel reports whether a token reads a panel.
func mayPanel(who *tokens.Token, panel panels.Panel) bool { return panelDenied(who, panel) == nil }

// panelDenied says why a token does not read a panel, as a *tokens.Denied: its role is to read every table that the panel does, and one of
// some stores reads no rows of all stores together, as it reads none in the tables.
func panelDenied(who *tokens.Token, panel panels.Panel) error {
	read := tableName.FindAllString(panel.SQL, -1)
	if len(read) == 0 || slices.ContainsFunc(read, func(table string) bool { return !mayTable(who.Role, table) }) {
		return tokens.NotAllowed()
	}
	if !readsShared(panel) {
		return nil
	}
	return who.For("")
}

// readsShared reports whether a panel reads rows that are for tokens of all stores: it does unless each of its reads of a table that has
// such rows says that the rows are of the stores that are asked for, and says no OR.
func readsShared(panel panels.Panel) bool {
	plain := 0
	for _, m := range condition.FindAllStringSubmatch(panel.SQL, -1) {
		if isUnbound(m[1]) && ofStores.MatchString(m[2]) && !ofSomeElse.MatchString(m[2]) {
			plain++
		}
	}
	all := slices.DeleteFunc(tableName.FindAllString(panel.SQL, -1), func(table string) bool { return !isUnbound(table) })
	return plain < len(all)
}

func isUnbound(table string) bool {
	r, _ := ruleOf(table)
	return r.shared == unbound
}

// reads reports whether a role reads anything.
func reads(role tokens.Role) bool { return len(areas(role)) > 0 }
