package grafana

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// noNumber is the first of the codes that stand where a number is missing: a stat panel and a matrix have one field a cell, so the state
// cannot stand beside it. No panel has numbers this low.
const noNumber = -1000

// codeOf is the code of a state: noNumber of one that is not in panels.States.
func codeOf(state string) int { return noNumber - (slices.Index(reasons(), state) + 1) }

// reasons are the states without a number.
func reasons() []string {
	return slices.DeleteFunc(panels.States(), func(s string) bool { return s == panels.StateValue })
}

// saysWhy reports whether a panel's numbers are shown without their states beside them, so that a code has to say why one is missing.
func saysWhy(p panels.Panel, c panels.Column) bool {
	_, ok := p.StateOf(c.Name)
	return ok && c.Role == panels.Value && (p.Chart == panels.Stat || p.Chart == panels.Heatmap)
}

// statement is a panel's SQL, with codes in the place of missing numbers where the panel cannot show their states.
func statement(p panels.Panel) string {
	var replaced []string
	for _, c := range p.Columns {
		if saysWhy(p, c) {
			state, _ := p.StateOf(c.Name)
			replaced = append(replaced, fmt.Sprintf("    ifNull(toFloat64(%s), toFloat64(%d - indexOf(['%s'], %s))) AS %s", c.Name, noNumber, strings.Join(reasons(), "', '"), state.Name, c.Name))
		}
	}
	if len(replaced) == 0 {
		return p.SQL
	}
	return "SELECT * REPLACE\n(\n" + strings.Join(replaced, ",\n") + "\n)\nFROM\n(\n" + p.SQL + "\n)"
}

// codeMappings give the codes the words of their states, in one colour: they are neither good nor bad.
func codeMappings(colour string) []valueMapping {
	options := map[string]mappingText{strconv.Itoa(noNumber): {Text: nothing, Color: colour}}
	for i, s := range reasons() {
		options[strconv.Itoa(codeOf(s))] = mappingText{Text: panels.StateText(s, "en"), Color: colour, Index: i + 1}
	}
	return []valueMapping{{"value", options}}
}
