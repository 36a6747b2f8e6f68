package grafana

import (
	"slices"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// unit is Grafana's name of a unit.
func unit(u panels.Unit) string {
	switch u {
	case panels.Percent:
		return "percent"
	case panels.Minutes:
		return "m"
	case panels.Seconds:
		return "s"
	case panels.Bytes:
		return "bytes"
	}
	return "none"
}

// overrides give each column its name, unit and thresholds, and the states their words.
func overrides(p panels.Panel, kind string) []override {
	out := []override{}
	states := false
	for _, c := range p.Columns {
		states = states || c.Role == panels.State
		out = append(out, override{matcher{"byName", c.Name}, properties(p, c, kind)})
	}
	if states { // once for all columns of text: the words are long, and no store is called so
		out = append(out, override{matcher{"byType", "string"}, []property{{"mappings", stateMappings()}}})
	}
	return out
}

func properties(p panels.Panel, c panels.Column, kind string) []property {
	out := []property{{"displayName", label(p, c, kind)}}
	if c.Unit != panels.None {
		out = append(out, property{"unit", unit(c.Unit)})
	}
	switch c.Role {
	case panels.Time:
		out = append(out, property{"unit", "time:ddd YYYY-MM-DD"})
	case panels.Low, panels.High:
		out = append(out, ends(p, c, kind)...)
	}
	if kind == "stat" && saysWhy(p, c) {
		out = append(out, property{"mappings", codeMappings("text")})
	}
	hidden := c.Role == panels.Detail || c.Role == panels.State || c.Role == panels.Time && kind == "barchart"
	if hidden && kind != "table" && kind != "stat" {
		out = append(out, property{"custom.hideFrom", hideFrom{Viz: true, Legend: true}})
	}
	if steps := stepsOf(p, c.Name); len(steps) > 0 && !ranged(p, c.Name) { // a cell does not know its ends, so it takes no side
		out = append(out, property{"thresholds", thresholds{"absolute", steps}})
		switch kind {
		case "table":
			out = append(out, property{"color", color{Mode: "thresholds"}}, property{"custom.cellOptions", map[string]string{"type": "color-text"}})
		case "stat":
			out = append(out, property{"color", color{Mode: "thresholds"}})
		default: // lines keep their own colours; the bounds are drawn where there is one value only
			if values(p) == 1 {
				out = append(out, property{"custom.thresholdsStyle", map[string]string{"mode": "dashed"}})
			}
		}
	}
	return out
}

// ends draw an interval as the area between its ends, without lines of their own; a bar chart has it in the tooltip only.
func ends(p panels.Panel, c panels.Column, kind string) []property {
	switch kind {
	case "timeseries":
		out := []property{{"custom.lineWidth", 0}, {"custom.showPoints", "never"}, {"custom.hideFrom", hideFrom{Legend: true}}}
		if c.Role == panels.High {
			low := slices.IndexFunc(p.Columns, func(l panels.Column) bool { return l.Role == panels.Low && l.Of == c.Of })
			out = append(out, property{"custom.fillBelowTo", label(p, p.Columns[low], kind)}, property{"custom.fillOpacity", 15})
		}
		return out
	case "barchart":
		return []property{{"custom.hideFrom", hideFrom{Viz: true, Legend: true}}}
	}
	return nil
}

// label is a column's name for people. The ends of intervals and the states say whose they are, and a line whose store it is.
func label(p panels.Panel, c panels.Column, kind string) string {
	text := c.Label
	if of, ok := p.Column(c.Of); ok {
		text = of.Label + ": " + c.Label
	}
	if kind == "timeseries" && c.Role == panels.Value && !repeats(p) {
		for _, by := range p.Columns {
			if by.Role == panels.Category {
				text += " ${__field.labels." + by.Name + "}"
			}
		}
	}
	return text
}

func stateMappings() []valueMapping {
	options := map[string]mappingText{}
	for i, s := range panels.States() {
		text := panels.StateText(s, "en")
		if s == panels.StateValue {
			text = "shown"
		}
		options[s] = mappingText{Text: text, Index: i}
	}
	return []valueMapping{{"value", options}}
}

func stepsOf(p panels.Panel, name string) []thresholdStep {
	colors := map[panels.Level]string{panels.Good: "green", panels.Neutral: "text", panels.Warn: "orange", panels.Bad: "red"}
	var out []thresholdStep
	for _, t := range p.Thresholds {
		if t.Column != name {
			continue
		}
		step := thresholdStep{Color: colors[t.Level]}
		if len(out) > 0 {
			step.Value = &t.From
		}
		out = append(out, step)
	}
	return out
}

// ranged says whether a column has an interval.
func ranged(p panels.Panel, name string) bool {
	return slices.ContainsFunc(p.Columns, func(c panels.Column) bool { return c.Role == panels.Low && c.Of == name })
}

func values(p panels.Panel) int {
	n := 0
	for _, c := range p.Columns {
		if c.Role == panels.Value {
			n++
		}
	}
	return n
}
