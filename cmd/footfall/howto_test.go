package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/openfootfall/footfall/aggregate/store/engine"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

// howToHeading is the README's section that a test follows, command by command.
const howToHeading = "## By hand, on files"

// documentedBroker stands in the README and in deploy/sensor.yaml, for the reader's own Kafka.
const documentedBroker = "127.0.0.1:9092"

// project is the folder of the checkout.
func project(t *testing.T, elem ...string) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

func readProject(t *testing.T, elem ...string) string {
	t.Helper()
	text, err := os.ReadFile(project(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section is the text under a heading of a Markdown file, up to the next heading of the same level.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("there is no section %q", heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	body, _, _ := strings.Cut(rest, "\n"+level+" ")
	return body
}

// shellLines are the commands of a section's sh blocks, with continued lines joined.
func shellLines(text string) []string {
	var lines []string
	in := false
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "```"):
			in = line == "```sh"
		case in && line != "" && !strings.HasPrefix(line, "#"):
			lines = append(lines, line)
		}
	}
	return lines
}

// preparation are the how-to's first lines: they need the checkout and a network, so the test does the same in its own way.
var preparation = []string{
	"make build engine",
	"export PATH=$PWD/bin:$PATH",
	"mkdir chain && cp deploy/stores.yaml deploy/sensor.yaml chain && cd chain",
}

func TestTheHowToOfTheREADME(t *testing.T) {
	library, err := engine.Find()
	if err != nil {
		t.Skipf("skipped: %v", err)
	}
	lines := shellLines(section(t, readProject(t, "README.md"), howToHeading))
	if len(lines) < len(preparation)+8 {
		t.Fatalf("the how-to has only %d commands: %q", len(lines), lines)
	}
	for i, want := range preparation {
		if lines[i] != want {
			t.Fatalf("command %d of the how-to: got %q, want %q", i+1, lines[i], want)
		}
	}
	broker := kafkatest.Start(t)[0]
	var script strings.Builder
	for _, line := range lines[len(preparation):] {
		script.WriteString("exec " + strings.ReplaceAll(line, documentedBroker, broker) + "\n")
	}
	script.WriteString(`
! exists bundles/demo-door.bundle
exists sensor-state/keys
stdout 'store demo, as published'
stdout 'Mon 2026-03-02 +[0-9]+ '
stdout 'Tue 2026-03-03 +[0-9]+ '
! stdout 'so far'
`)
	dir := t.TempDir()
	file := filepath.Join(dir, "howto.txtar")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	sensor := buildSensor(t)
	testscript.Run(t, testscript.Params{Files: []string{file}, Setup: func(env *testscript.Env) error {
		env.Setenv("PATH", filepath.Dir(sensor)+string(os.PathListSeparator)+env.Getenv("PATH"))
		env.Setenv(engine.EnvLibrary, library)
		for _, name := range []string{"stores.yaml", "sensor.yaml"} {
			text := strings.ReplaceAll(readProject(t, "deploy", name), documentedBroker, broker)
			if err := os.WriteFile(filepath.Join(env.WorkDir, name), []byte(text), 0o600); err != nil {
				return err
			}
		}
		return nil
	}})
}

// buildSensor builds footfall-sensor, the other program of the how-to, and returns its path.
func buildSensor(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "footfall-sensor")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/footfall-sensor")
	cmd.Dir = project(t)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	switch err := cmd.Run(); {
	case errors.Is(err, exec.ErrNotFound):
		t.Skip("skipped: there is no go command to build footfall-sensor with")
	case err != nil:
		t.Fatalf("build footfall-sensor: %v\n%s", err, errs.String())
	}
	return path
}
