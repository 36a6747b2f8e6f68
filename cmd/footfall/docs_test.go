package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/aggregate/retention"
	"github.com/openfootfall/footfall/aggregate/run"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/spool"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

var update = flag.Bool("update", false, "write the generated parts of the references anew")

// references are the project's Markdown files, from its root.
func references() []string {
	return []string{"README.md", "CHANGELOG.md", "cmd/README.md", "sensor/README.md", "ingest/README.md", "aggregate/README.md", "deploy/PRIVACY.md"}
}

// generated holds a part of a reference, between its begin and end marks, against what the code says.
func generated(t *testing.T, file, part, want string) {
	t.Helper()
	begin, end := "<!-- begin "+part+" -->\n", "<!-- end "+part+" -->\n"
	text := readProject(t, file)
	before, rest, ok := strings.Cut(text, begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no part %q", file, part)
	}
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("%s, part %q is not what the code says; if the code is right: go test ./cmd/footfall -run %s -update\n got %s\nwant %s", file, part, t.Name(), got, want)
	}
	if err := os.WriteFile(project(t, file), []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// documentedCommands are the commands, each followed by its parts.
func documentedCommands() []string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
		if c.name == "keys" {
			for _, p := range keysParts() {
				names = append(names, c.name+" "+p.name)
			}
		}
		if c.name == "token" {
			for _, p := range tokenParts() {
				names = append(names, c.name+" "+p.name)
			}
		}
		names = append(names, map[string][]string{
			"optout": {"optout review"}, "audit": {"audit verify", "audit show"}, "incident": {"incident snapshot"},
		}[c.name]...)
	}
	return names
}

func TestTheFlagsReferenceIsTheHelp(t *testing.T) {
	var want strings.Builder
	for _, name := range documentedCommands() {
		var out, errs bytes.Buffer
		if code := execute(t.Context(), append(strings.Fields(name), "-help"), &out, &errs); code != 0 || errs.Len() > 0 {
			t.Fatalf("footfall %s -help: exit status %d, %s", name, code, errs.String())
		}
		fmt.Fprintf(&want, "### footfall %s\n\n```text\n%s```\n\n", name, out.String())
	}
	generated(t, "cmd/README.md", "flags", strings.TrimSuffix(want.String(), "\n"))
}

// metricPattern reads prometheus.Desc's text, which is the only way to its name.
var metricPattern = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "((?:[^"\\]|\\.)*)",(?: unit: "[^"]*",)? constLabels: \{\}, variableLabels: \{([^}]*)\}\}$`)

// registered are the metrics of the aggregator, of the opt-out service and of what a sensor shares with them, as table rows sorted
// by name.
func registered(t *testing.T) []string {
	t.Helper()
	reg := prometheus.NewRegistry()
	kafka := broker.Config{Brokers: []string{documentedBroker}, ClientID: "test"}
	list, err := stores.Parse([]byte(demoStores))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.New(run.Config{Kafka: kafka, Stores: list, RoundingKey: [32]byte{1}}, nil, reg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := registry.NewList().Follow(ended, registry.FollowOptions{Config: kafka, Registerer: reg}); !errors.Is(err, context.Canceled) {
		t.Fatalf("follow the opt-out list: %v", err)
	}
	if _, err := broker.NewPublisher(kafka, broker.ProducerOptions{Registerer: reg}); err != nil {
		t.Fatal(err)
	}
	waiting, _, err := spool.Open(spool.Options{Dir: t.TempDir(), Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = waiting.Close() })
	if _, err := retention.New(retention.Config{DB: new(store.DB), Kafka: kafka, Stores: list, Registerer: reg}); err != nil {
		t.Fatal(err)
	}
	key, err := keys.NewOptOutKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	org := pagesConfig{Org: notice.Org{Controller: "Example", Contact: "a@example.org", URL: "https://example.org"}}
	p, err := newPages(pagesInput{cfg: org, key: key, kafka: kafka, stores: list, data: t.TempDir(), registry: reg, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.fleet.Follow(ended, fleet.Options{Config: kafka, Stores: list, Newest: func() uint64 { return 0 }, Registerer: reg}); !errors.Is(err, context.Canceled) {
		t.Fatalf("follow the sensors: %v", err)
	}
	descs := make(chan *prometheus.Desc, 1000)
	reg.Describe(descs)
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
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", m[1], labels, m[2]))
	}
	slices.Sort(rows)
	return rows
}

func TestEveryMetricIsDocumented(t *testing.T) {
	const head = "| metric | labels | what |\n|---|---|---|\n"
	rows := registered(t)
	if len(rows) < 15 {
		t.Fatalf("got only %d metrics: %q", len(rows), rows)
	}
	parts := map[string]*strings.Builder{"aggregate": {}, "sensor": {}, "ingest": {}}
	for _, row := range rows {
		at := "ingest"
		for prefix, folder := range map[string]string{"aggregate": "aggregate", "retention": "aggregate", "optout": "sensor"} {
			if strings.HasPrefix(row, "| `footfall_"+prefix+"_") {
				at = folder
			}
		}
		parts[at].WriteString(row)
	}
	generated(t, "aggregate/README.md", "metrics", head+parts["aggregate"].String())
	generated(t, "sensor/README.md", "opt-out metrics", head+parts["sensor"].String())
	generated(t, "ingest/README.md", "metrics", head+parts["ingest"].String())
	for _, row := range rows {
		for _, label := range []string{"device", "address", "`id`", "ssid"} {
			if strings.Contains(strings.Split(row, "|")[2], label) {
				t.Errorf("a label holds a device: %s", row)
			}
		}
	}
}

// firstColumn are the names in backquotes that a table's rows begin with.
func firstColumn(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) > 2 && strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			for name := range strings.SplitSeq(cells[1], ",") {
				names = append(names, strings.Trim(strings.TrimSpace(name), "`"))
			}
		}
	}
	return names
}

func TestEveryJSONFieldOfTryIsDocumented(t *testing.T) {
	if got := firstColumn(section(t, readProject(t, "cmd/README.md"), "## footfall try --json")); !slices.Equal(got, jsonFields) {
		t.Errorf("got %v in cmd/README.md, want %v", got, jsonFields)
	}
}

func TestEveryDropReasonIsDocumented(t *testing.T) {
	var want []string
	for _, d := range dot11.Drops() {
		want = append(want, d.String())
	}
	for d := agent.Drop(0); !strings.HasPrefix(d.String(), "drop_"); d++ {
		want = append(want, d.String())
	}
	if got := firstColumn(section(t, readProject(t, "sensor/README.md"), "## Why a frame is not used")); !slices.Equal(got, want) {
		t.Errorf("got %v in sensor/README.md, want %v", got, want)
	}
}

func TestEveryTopicIsDocumented(t *testing.T) {
	want := []string{broker.Sightings, broker.Counters, broker.OptOuts, broker.Quarantine, broker.Sensors, broker.DeadLetters, broker.Clock}
	if got := firstColumn(section(t, readProject(t, "ingest/README.md"), "## Topics")); !slices.Equal(got, want) {
		t.Errorf("got %v in ingest/README.md, want %v", got, want)
	}
}

func TestTheExampleConfigurationsAreGoodAndComplete(t *testing.T) {
	cfg, err := agent.LoadConfig(project(t, "deploy", "sensor.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if *cfg.RSSIInside != agent.DefaultRSSIInside || *cfg.RSSIFloor != agent.DefaultRSSIFloor {
		t.Errorf("got %d and %d dBm, want the defaults", *cfg.RSSIInside, *cfg.RSSIFloor)
	}
	list, err := stores.Load(project(t, "deploy", "stores.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if s := list[0]; s.SealAfter != stores.DefaultSealAfter || s.ReturnEpsilon != stores.DefaultReturnEpsilon {
		t.Errorf("got %+v, want the defaults", s)
	}
	want := yamlKeys(reflect.TypeFor[agent.Config](), "")
	if got := firstColumn(section(t, readProject(t, "sensor/README.md"), "## sensor.yaml")); !slices.Equal(got, want) {
		t.Errorf("got the keys %v in sensor/README.md, want %v", got, want)
	}
	example := readProject(t, "deploy", "sensor.yaml") + readProject(t, "deploy", "sensor-live.yaml")
	for _, key := range want {
		if last := key[strings.LastIndex(key, ".")+1:]; !strings.Contains(example, last+":") {
			t.Errorf("%s is in neither deploy/sensor.yaml nor deploy/sensor-live.yaml", key)
		}
	}
}

func TestTheExampleConfigurationsOfThePagesAreGoodAndComplete(t *testing.T) {
	var optOut optOutConfig
	if err := readConfig(project(t, "deploy", "optout.yaml"), &optOut, (*optOutConfig).check); err != nil {
		t.Error(err)
	}
	var all serveConfig
	if err := readConfig(project(t, "deploy", "footfall.yaml"), &all, (*serveConfig).check); err != nil {
		t.Error(err)
	}
	for file, of := range map[string]reflect.Type{"deploy/optout.yaml": reflect.TypeFor[optOutConfig](), "deploy/footfall.yaml": reflect.TypeFor[serveConfig]()} {
		text := readProject(t, file)
		for _, key := range yamlKeys(of, "") {
			if last := key[strings.LastIndex(key, ".")+1:]; !strings.Contains(text, last+":") && !strings.HasPrefix(key, "kafka.") {
				t.Errorf("%s says nothing of %s", file, key)
			}
		}
	}
}

// yamlKeys are a configuration's keys, in their order, those within others with a dot.
func yamlKeys(of reflect.Type, prefix string) []string {
	var keys []string
	for f := range of.Fields() {
		if strings.HasSuffix(f.Tag.Get("yaml"), ",inline") {
			keys = append(keys, yamlKeys(f.Type, prefix)...)
			continue
		}
		name := prefix + f.Tag.Get("yaml")
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, yamlKeys(f.Type, name+".")...)
			continue
		}
		keys = append(keys, name)
	}
	return keys
}
