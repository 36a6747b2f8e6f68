package live

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/radio"
)

var update = flag.Bool("update", false, "write the generated part of sensor/README.md anew")

// metricPattern reads prometheus.Desc's text, which is the only way to its name.
var metricPattern = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "((?:[^"\\]|\\.)*)",(?: unit: "[^"]*",)? constLabels: \{\}, variableLabels: \{([^}]*)\}\}$`)

// notTuned is a radio for a hopper that is never run.
type notTuned struct{}

func (notTuned) SetChannel(radio.Channel) error { return nil }
func (notTuned) Channel() (int, error)          { return 0, nil }

// TestEveryMetricOfASensorIsDocumented starts all parts of a sensor, on an interface that there is not, and holds what they show
// against the reference.
func TestEveryMetricOfASensorIsDocumented(t *testing.T) {
	dir := t.TempDir()
	b := &box{t: t, dir: dir, clock: newTestClock()}
	b.makeKeys()
	cfg, err := agent.ParseConfig(fmt.Appendf(nil, "state: %s\nbundle: %s\nsource: {interface: nosuchradio}\nlisten: 127.0.0.1:0\nkafka: {brokers: ['127.0.0.1:1']}\n",
		filepath.Join(dir, "state"), filepath.Join(dir, "door.bundle")))
	if err != nil {
		t.Fatal(err)
	}
	s, err := start(t.Context(), cfg, Options{Software: "test", Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	s.serve()
	defer func() { _ = s.close() }()
	if _, err := radio.NewHopper(radio.HopperOptions{Radio: notTuned{}, Stops: []radio.Stop{{Dwell: 1}}, Registerer: s.registry}); err != nil {
		t.Fatal(err)
	}
	descs := make(chan *prometheus.Desc, 1000)
	s.registry.Describe(descs)
	close(descs)
	var rows []string
	for d := range descs {
		m := metricPattern.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("a metric's description is not understood: %s", d)
		}
		labels := "-"
		if m[3] != "" {
			labels = "`" + strings.ReplaceAll(m[3], ",", "`, `") + "`"
		}
		if own := regexp.MustCompile(`^footfall_(sensor|outbox|radio)_`); own.MatchString(m[1]) {
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", m[1], labels, m[2]))
		}
	}
	slices.Sort(rows)
	documented(t, "| metric | labels | what |\n|---|---|---|\n"+strings.Join(rows, ""))
}

// documented holds the metrics of sensor/README.md against what the code says.
func documented(t *testing.T, want string) {
	t.Helper()
	file := filepath.Join("..", "README.md")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- begin metrics -->\n", "<!-- end metrics -->\n"
	before, rest, ok := strings.Cut(string(raw), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("sensor/README.md has no part for metrics")
	}
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("sensor/README.md does not list the metrics that there are; if the code is right: go test ./sensor/live -run %s -update\n got %s\nwant %s", t.Name(), got, want)
	}
	if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
