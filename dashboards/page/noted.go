package page

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// noted is a promotion, holiday or closure that the operator noted, as a chart of days draws it.
type noted struct {
	From float64 `json:"from"` // midnight UTC of its first day, Unix seconds
	To   float64 `json:"to"`   // of its last day
	Text string  `json:"text"`
}

// mostNoted is how many are drawn, the newest ones: more would hide the chart.
const mostNoted = 12

// readNoted is what was noted of a store's days. Where it cannot be read the charts are shown without it.
func (p *Page) readNoted(ctx context.Context, s place, q panels.Params) []noted {
	sql, err := panels.Expand(panels.Annotations(), q)
	var table panels.Table
	if err == nil {
		select {
		case p.slots <- struct{}{}:
			table, err = p.o.Query.Query(ctx, sql)
			<-p.slots
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		p.o.Logger.Error("what was noted of the days could not be read", "error", err)
		return nil
	}
	at := map[string]int{}
	for _, name := range []string{"time", "timeEnd", "text", "tags"} {
		if at[name] = slices.Index(table.Columns, name); at[name] < 0 {
			return nil // an answer without rows may come without its columns
		}
	}
	const day = 24 * time.Hour
	var out []noted
	for _, row := range table.Rows {
		from, fok := row[at["time"]].(time.Time)
		to, tok := row[at["timeEnd"]].(time.Time)
		if !fok || !tok {
			continue
		}
		when := from.UTC().Format("2 Jan")
		if to.Sub(from) >= day {
			when += " " + until + " " + to.UTC().Format("2 Jan")
		}
		title := strings.TrimSuffix(text(row[at["text"]]), " ("+s.ID+")") // the page is of one store
		out = append(out, noted{
			float64(from.Unix()), float64(to.Truncate(day).Unix()), upper(text(row[at["tags"]])) + ": " + title + ", " + when,
		})
	}
	return out[max(0, len(out)-mostNoted):]
}

// note puts what was noted onto a card whose chart is of days.
func (c *card) note(all []noted) {
	const day = 86400
	if c.Form != "plot" || c.Plot.Names != nil || c.Plot.Step != day || c.Plot.Zone != "UTC" || len(c.Plot.X) == 0 {
		return
	}
	for _, n := range all {
		if n.To < c.Plot.X[0] || n.From > c.Plot.X[len(c.Plot.X)-1] {
			continue
		}
		c.Plot.Noted = append(c.Plot.Noted, n)
		c.Legend = append(c.Legend, legend{"noted", n.Text})
	}
}
