// Package grafana turns the panels into Grafana dashboards for the ClickHouse
// data source. In come the panels; out come dashboards as JSON, which are kept
// beside this file and provisioned from there. Only the generator's test links
// it; `go test ./dashboards/grafana -update` writes the files anew.
//
// The dashboards are made of a small model of our own (model.go), not of Grafana's foundation SDK for Go, because that module could not be
// had when this was written; a test decodes them with the types of the same SDK for Python instead.
package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/openfootfall/footfall/dashboards/panels"
)

const (
	datasourceType = "grafana-clickhouse-datasource"
	pluginVersion  = "4.20.0" // of the data source, whose macros the panels use
	schemaVersion  = 41
	storeVariable  = "store"
	regionVariable = "region"
)

// listedOrHeard are the stores that have sensors by stores.yaml and those that sensors were heard of: a store whose sensors were never heard needs a look, too.
const listedOrHeard = "(SELECT store FROM pub_stores FINAL WHERE sensors > 0 UNION ALL SELECT store FROM pub_sensor_5min)"

// source is the data source that the reader of a dashboard chose.
func source() datasource { return datasource{datasourceType, "${datasource}"} }

// about is what a dashboard is, beside its panels.
type about struct {
	title, description string
	timezone           string // dates of store-days are written in UTC; instants in the viewer's time
	from, refresh      string
	storesFrom         string // table, or query in parentheses, that names the stores
	allStores          bool
}

func aboutOf(d panels.Dashboard) (about, error) {
	switch d {
	case panels.Store:
		return about{"Footfall: store", "How a store does. Days and hours are the store's own.", "utc", "now-28d", "5m", "pub_store_day", false}, nil
	case panels.Chain:
		return about{"Footfall: chain", "Stores side by side. Days are each store's own.", "utc", "now-28d", "15m", "pub_store_day", true}, nil
	case panels.Sensors:
		return about{"Footfall: sensors", "How the sensors do. Times are yours, not the store's.", "browser", "now-24h", "1m", listedOrHeard, true}, nil
	case panels.Privacy:
		return about{"Footfall: privacy", "What is kept, for how long, and what is withheld.", "utc", "now-28d", "15m", "pub_store_day", true}, nil
	}
	return about{}, fmt.Errorf("no Grafana dashboard is described for %q: add it to aboutOf", d)
}

// JSON is a dashboard as Grafana provisions it, indented, with a line feed at its end.
func JSON(d panels.Dashboard) ([]byte, error) {
	a, err := aboutOf(d)
	if err != nil {
		return nil, err
	}
	out := dashboard{
		UID: "footfall-" + string(d), Title: a.title, Description: a.description, Tags: []string{"footfall"}, Timezone: a.timezone,
		GraphTooltip: 1, SchemaVersion: schemaVersion, Refresh: a.refresh, Time: timeRange{a.from, "now"},
		Templating: templating{variables(a)}, Annotations: annotations{noted()},
		Links: []link{{Title: "Footfall", Type: "dashboards", Tags: []string{"footfall"}, KeepTime: true, IncludeVars: true}},
	}
	var at placer
	for i, p := range panels.Of(d) {
		drawn := draw(p)
		drawn.ID, drawn.GridPos = i+1, at.place(p)
		out.Panels = append(out.Panels, drawn)
	}
	widen(out.Panels)
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // SQL has < and >
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return nil, fmt.Errorf("write the dashboard %s: %w", d, err)
	}
	return text.Bytes(), nil
}

// storesQuery lists the stores that a table has something of: the name in the table is the value, the one for people the text.
func storesQuery(a about) string {
	sql := "SELECT t.store, if(p.name = '', t.store, p.name) AS label FROM (SELECT DISTINCT store FROM " + a.storesFrom + ") AS t " +
		"LEFT JOIN (SELECT store, name, region FROM pub_stores FINAL) AS p ON p.store = t.store "
	if a.allStores {
		sql += "WHERE if(p.region = '', '" + panels.NoRegion + "', p.region) IN (${" + regionVariable + ":singlequote}) "
	}
	return sql + "ORDER BY label, t.store"
}

// regionsQuery lists the regions of the stores.
const regionsQuery = "SELECT DISTINCT if(region = '', '" + panels.NoRegion + "', region) AS label FROM pub_stores FINAL ORDER BY label"

// variables are the data source, the regions where there are several stores, and the stores, which follow the regions.
func variables(a about) []variable {
	s := source()
	out := []variable{{Name: "datasource", Label: "Data source", Description: "ClickHouse with Footfall's published tables.", Type: "datasource", Query: datasourceType, Refresh: 1}}
	const anew, byText = 2, 1 // when the range changes; from a to z
	all := option{[]string{"All"}, []string{"$__all"}}
	stores := variable{
		Name: storeVariable, Label: "Store", Description: "Stores to show. Each selected store gets its own chart where they would cover each other.",
		Type: "query", Query: storesQuery(a), Datasource: &s, Multi: true, IncludeAll: true, Refresh: anew, Sort: byText,
	}
	if a.allStores {
		stores.Current = &all
		out = append(out, variable{
			Name: regionVariable, Label: "Region", Description: "Regions of stores.yaml to show; the list of stores follows it.",
			Type: "query", Query: regionsQuery, Datasource: &s, Multi: true, IncludeAll: true, Current: &all, Refresh: anew, Sort: byText,
		})
	}
	return append(out, stores)
}

// noted draws what the operator noted of the store-days as regions over the charts.
func noted() []annotation {
	return []annotation{{
		Name: "Promotions, holidays, closures", Datasource: source(), Enable: true, IconColor: "purple",
		Target: newTarget("annotations", panels.Annotations()),
	}}
}

// widen gives a panel that stands alone in its row all of it.
func widen(all []panel) {
	beside := map[int]int{}
	for _, p := range all {
		beside[p.GridPos.Y]++
	}
	for i := range all {
		if beside[all[i].GridPos.Y] == 1 {
			all[i].GridPos.W = 24
		}
	}
}

// placer puts panels from left to right and from top to bottom on Grafana's grid of 24 columns.
type placer struct{ x, y, height int }

func (at *placer) place(p panels.Panel) gridPos {
	w, h := 12, 9
	switch {
	case p.Chart == panels.Stat:
		w, h = 8, 7
	case p.Chart == panels.Grid, p.Chart == panels.Heatmap, repeats(p):
		w, h = 24, 9
	}
	if at.x+w > 24 {
		at.x, at.y, at.height = 0, at.y+at.height, 0
	}
	pos := gridPos{H: h, W: w, X: at.x, Y: at.y}
	at.x, at.height = at.x+w, max(at.height, h)
	return pos
}
