package intake

import "errors"

// What is what a change is of. It is the label `what` of the metrics.
type What string

// What can be changed.
const (
	Transactions What = "transactions"
	Annotations  What = "annotations"
	Removal      What = "removals" // of annotations
)

// Change is what one request changed of what is shown: how many rows (hours with transactions, or annotations) of which store, by its name in stores.yaml; "" is all stores. It
// says nothing of what is in the rows.
type Change struct {
	What  What
	Token string // the name of whose token brought it; empty where there was none
	Rows  map[string]int
}

// errNotNoted says that a change is made, and that Options.Note could not be told.
var errNotNoted = errors.New("it is written, but could not be noted")

// changed counts and notes what was written. Its rows are those of a request, by the store of each.
func changed[T any](in *Intake, token string, what What, rows []T, store func(T) string) error {
	c := Change{what, token, map[string]int{}}
	for _, r := range rows {
		c.Rows[store(r)]++
	}
	in.metrics.rows.WithLabelValues(string(what), "written").Add(float64(len(rows)))
	if in.o.Note == nil || len(rows) == 0 {
		return nil
	}
	if err := in.o.Note(c); err != nil {
		return errors.Join(errNotNoted, err)
	}
	return nil
}
