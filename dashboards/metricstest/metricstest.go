// Package metricstest holds a README's table of metrics against those that a
// package has. In come what was gathered after every metric was used once, the
// README and the prefix of the package's metrics; out come test errors.
package metricstest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Readme fails a test where a metric has no row with its labels and help in the README, or the README has one with the prefix, such as
// "footfall_page_", that there is not.
func Readme(t *testing.T, gather prometheus.Gatherer, readme, prefix string) {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range differences(t, gather, string(text), prefix) {
		t.Errorf("%s %s", readme, wrong)
	}
}

func differences(t *testing.T, gather prometheus.Gatherer, text, prefix string) (out []string) {
	t.Helper()
	families, err := gather.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		if row := fmt.Sprintf("| `%s` | %s | %s |", f.GetName(), strings.Join(labels, ", "), f.GetHelp()); !strings.Contains(text, row) {
			out = append(out, "has no row "+row)
		}
	}
	if len(families) != strings.Count(text, "| `"+prefix) {
		out = append(out, fmt.Sprintf("has other metrics than these %d", len(families)))
	}
	return out
}
