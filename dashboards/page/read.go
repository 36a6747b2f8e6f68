package page

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// read runs a panel's SQL and puts its answer into the order of the panel's columns.
func (p *Page) read(ctx context.Context, panel panels.Panel, q panels.Params) (panels.Table, error) {
	sql, err := panels.Expand(panel.SQL, q)
	if err != nil {
		return panels.Table{}, fmt.Errorf("panel %s: %w", panel.ID, err)
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return panels.Table{}, fmt.Errorf("panel %s waited for other queries: %w", panel.ID, ctx.Err())
	}
	began := time.Now()
	table, err := p.o.Query.Query(ctx, sql)
	p.metrics.queries.WithLabelValues(panel.ID).Observe(time.Since(began).Seconds())
	if err == nil {
		table, err = arrange(panel, table)
	}
	if err != nil {
		p.metrics.failures.WithLabelValues(panel.ID).Inc()
		return panels.Table{}, fmt.Errorf("panel %s: %w", panel.ID, err)
	}
	return table, nil
}

// arrange is the table with the panel's columns, in their order. What the panel does not name does not go out.
func arrange(panel panels.Panel, t panels.Table) (panels.Table, error) {
	at := make([]int, len(panel.Columns))
	out := panels.Table{Columns: make([]string, len(panel.Columns)), Rows: make([][]any, len(t.Rows))}
	if len(t.Rows) == 0 { // an answer without rows may come without its columns
		for i, c := range panel.Columns {
			out.Columns[i] = c.Name
		}
		return out, nil
	}
	for i, c := range panel.Columns {
		out.Columns[i] = c.Name
		if at[i] = slices.Index(t.Columns, c.Name); at[i] < 0 {
			return out, fmt.Errorf("the answer has no column %s", c.Name)
		}
	}
	for r, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return out, errors.New("the answer's rows are not as wide as its columns")
		}
		out.Rows[r] = make([]any, len(at))
		for i, from := range at {
			out.Rows[r][i] = row[from]
		}
	}
	return out, nil
}
