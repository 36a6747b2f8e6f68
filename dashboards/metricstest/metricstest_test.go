package metricstest

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestDifferences(t *testing.T) {
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "footfall_x_total", Help: "Of x."}, []string{"a", "b"})
	c.WithLabelValues("1", "2").Inc()
	reg.MustRegister(c)
	const row = "| `footfall_x_total` | `a`, `b` | Of x. |"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"as it is", row + "\n", nil},
		{"not there", "", []string{"has no row " + row, "has other metrics than these 1"}},
		{"another label", "| `footfall_x_total` | `a` | Of x. |\n", []string{"has no row " + row}},
		{"another help", "| `footfall_x_total` | `a`, `b` | Of y. |\n", []string{"has no row " + row}},
		{"one that there is not", row + "\n| `footfall_x_gone` | | Of z. |\n", []string{"has other metrics than these 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := differences(t, reg, c.text, "footfall_x_"); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
