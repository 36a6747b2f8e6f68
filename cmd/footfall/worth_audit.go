package main

import (
	"maps"
	"slices"

	"github.com/openfootfall/footfall/dashboards/worth/intake"
	"github.com/openfootfall/footfall/ingest/audit"
)

// mostStoresNoted is the most stores that a file has an entry each of; of a larger one there is a single entry with its sums, for an
// audit log is not rotated.
const mostStoresNoted = 20

// noteChanges is intake.Options.Note: what somebody brought or took away, by store and count, and by whose token. A nil log takes nothing.
func noteChanges(log *audit.Log) func(intake.Change) error {
	return func(c intake.Change) error {
		kind := map[intake.What]audit.Kind{
			intake.Transactions: audit.TransactionsImported, intake.Annotations: audit.AnnotationsNoted, intake.Removal: audit.AnnotationRemoved,
		}[c.What]
		var by []audit.Fact
		if c.Token != "" {
			by = []audit.Fact{audit.Token.Is(c.Token)}
		}
		if len(c.Rows) > mostStoresNoted {
			sum := 0
			for _, n := range c.Rows {
				sum += n
			}
			return log.Append(kind, append(by, audit.Stores.Is(int64(len(c.Rows))), audit.Rows.Is(int64(sum)))...)
		}
		for _, store := range slices.Sorted(maps.Keys(c.Rows)) {
			facts := append(slices.Clone(by), audit.Rows.Is(int64(c.Rows[store])))
			if store != "" {
				facts = append(facts, audit.Store.Is(store))
			}
			if err := log.Append(kind, facts...); err != nil {
				return err
			}
		}
		return nil
	}
}
