package grafana

import (
	"slices"
	"strings"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// repeats says whether a panel is drawn once for each selected store, or region: several would cover each other in it.
func repeats(p panels.Panel) bool {
	switch p.Chart {
	case panels.Band, panels.Heatmap:
		return true
	case panels.Bars:
		return slices.ContainsFunc(p.Columns, isStore) && len(axes(p)) > 0
	case panels.Line:
		return p.Dashboard == panels.Chain // small multiples
	}
	return false
}

// repeatedBy is what a panel that repeats is drawn once for.
func repeatedBy(p panels.Panel) string {
	if slices.ContainsFunc(p.Columns, isStore) {
		return storeVariable
	}
	return regionVariable
}

func isStore(c panels.Column) bool { return c.Name == storeVariable && c.Role == panels.Category }

// axes are the names a row goes by, beside its store.
func axes(p panels.Panel) []string {
	var out []string
	for _, c := range p.Columns {
		if c.Role == panels.Category && !isStore(c) {
			out = append(out, c.Name)
		}
	}
	return out
}

func timed(p panels.Panel) bool {
	c := p.Columns
	return (len(c) > 0 && (c[0].Role == panels.Time || c[0].Role == panels.Instant)) && p.Chart != panels.Grid && p.Chart != panels.Stat
}

// draw is a panel without its place.
func draw(p panels.Panel) panel {
	out := panel{
		Title: p.Title, Description: p.Question + "\n\nWhere it is empty: " + p.Empty, Datasource: source(),
		Targets:     []target{newTarget("A", statement(p))},
		FieldConfig: fieldConfig{Defaults: defaults{Unit: unit(p.Unit), NoValue: p.Empty}},
	}
	if strings.Contains(p.SQL, "$__interval_s") {
		out.Interval = "5m"
	}
	if repeats(p) {
		by := repeatedBy(p)
		out.Title += ": ${" + by + ":text}" // the name for people
		out.Repeat, out.RepeatDirection, out.MaxPerRow = by, "h", 2
		if p.Dashboard == panels.Chain {
			out.MaxPerRow = 4
		}
	}
	switch {
	case p.Chart == panels.Stat:
		stat(&out, p)
	case p.Chart == panels.Heatmap:
		matrix(&out, p)
	case p.Chart == panels.Grid:
		table(&out)
	case timed(p):
		series(&out, p)
	default:
		bars(&out, p)
	}
	out.FieldConfig.Overrides = overrides(p, out.Type)
	return out
}

func newTarget(ref, sql string) target {
	return target{RefID: ref, Datasource: source(), EditorType: "sql", QueryType: "table", Format: 1, RawSQL: sql, PluginVersion: pluginVersion}
}

// nothing stands in single empty cells of which nothing is known, and in those of tables, where the column beside them says why.
const nothing = "–"

// stat shows a row's numbers and the ends of their intervals.
func stat(out *panel, p panels.Panel) {
	var labels []string
	for _, c := range p.Columns {
		of, ok := p.Column(c.Of)
		if c.Role == panels.Value || (c.Role == panels.Low || c.Role == panels.High) && ok && of.Role == panels.Value {
			labels = append(labels, label(p, c, "stat"))
		}
	}
	out.Type, out.FieldConfig.Defaults.NoValue = "stat", nothing
	out.FieldConfig.Defaults.Color = &color{"fixed", "text"} // Grafana's own default is green, and red from 80 on
	out.Options = map[string]any{
		"reduceOptions": map[string]any{"values": true, "calcs": []string{}, "fields": "/^(" + strings.Join(labels, "|") + ")$/"},
		"orientation":   "auto", "textMode": "value_and_name", "colorMode": "value", "graphMode": "none", "justifyMode": "auto",
	}
}

// matrix shows a heat map as a table of coloured cells: Grafana's own wants time or numbers on its axes.
func matrix(out *panel, p panels.Panel) {
	names := axes(p)
	value := slices.IndexFunc(p.Columns, func(c panels.Column) bool { return c.Role == panels.Value })
	out.Type, out.FieldConfig.Defaults.NoValue = "table", nothing
	out.Transformations = []transformation{{"groupingToMatrix", map[string]any{
		"rowField": names[0], "columnField": names[1], "valueField": p.Columns[value].Name, "emptyValue": "null",
	}}}
	out.FieldConfig.Defaults.Custom = map[string]any{"align": "center", "cellOptions": map[string]any{"type": "color-background", "mode": "basic"}}
	out.FieldConfig.Defaults.Color = &color{Mode: "continuous-BlPu"}
	least := 0.0 // the colours begin here, not at the codes
	out.FieldConfig.Defaults.Min, out.FieldConfig.Defaults.Mappings = &least, codeMappings("transparent")
	out.Options = tableOptions()
}

func table(out *panel) {
	out.Type, out.FieldConfig.Defaults.NoValue = "table", nothing
	out.FieldConfig.Defaults.Unit = "" // columns have their own
	out.FieldConfig.Defaults.Custom = map[string]any{"align": "auto", "filterable": true}
	out.Options = tableOptions()
}

func tableOptions() map[string]any {
	return map[string]any{"showHeader": true, "cellHeight": "sm", "footer": map[string]any{"show": false, "reducer": []string{}, "countRows": false}}
}

func series(out *panel, p panels.Panel) {
	custom := map[string]any{"drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "showPoints": "auto", "spanNulls": false, "lineInterpolation": "linear"}
	if p.Chart == panels.Bars {
		custom = map[string]any{"drawStyle": "bars", "lineWidth": 1, "fillOpacity": 80, "stacking": map[string]any{"mode": "normal", "group": "A"}}
	}
	out.Type, out.FieldConfig.Defaults.Custom = "timeseries", custom
	out.Options = map[string]any{"legend": newLegend(), "tooltip": tooltip{"multi", "none"}}
	var by []string
	for _, c := range p.Columns {
		if c.Role == panels.Category && (!repeats(p) || c.Name != repeatedBy(p)) {
			by = append(by, c.Name)
		}
	}
	if len(by) > 0 {
		out.Transformations = []transformation{{"partitionByValues", map[string]any{"fields": by, "keepFields": false, "naming": map[string]any{"asLabels": true}}}}
	}
}

func bars(out *panel, p panels.Panel) {
	x := storeVariable
	switch names := axes(p); {
	case len(names) == 1:
		x = names[0]
	case len(names) > 1: // a bar a sensor beside each other
		value := slices.IndexFunc(p.Columns, func(c panels.Column) bool { return c.Role == panels.Value })
		x = names[1] + `\` + names[0] // so the transformation names its first column
		out.Transformations = []transformation{{"groupingToMatrix", map[string]any{
			"rowField": names[1], "columnField": names[0], "valueField": p.Columns[value].Name, "emptyValue": "null",
		}}}
	}
	out.Type = "barchart"
	out.FieldConfig.Defaults.Custom = map[string]any{"lineWidth": 1, "fillOpacity": 80}
	out.Options = map[string]any{
		"xField": x, "orientation": "auto", "xTickLabelRotation": 0, "xTickLabelSpacing": 100, "stacking": "none", "showValue": "never",
		"barWidth": 0.9, "groupWidth": 0.8, "legend": newLegend(), "tooltip": tooltip{"multi", "none"},
	}
	if x == storeVariable || x == regionVariable {
		out.Options.(map[string]any)["orientation"] = "horizontal" // ranked, names readable
	}
}

func newLegend() legend {
	return legend{DisplayMode: "list", Placement: "bottom", ShowLegend: true, Calcs: []string{}}
}
