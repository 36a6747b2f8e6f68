package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// builds are the machines that deploy/build/sensor builds for, and the program of Debian's qemu-user that runs each build here.
var builds = []struct{ arch, emulator string }{
	{"amd64", "qemu-x86_64"}, {"arm64", "qemu-aarch64"}, {"armv7", "qemu-arm"}, {"armv6", "qemu-arm"}, {"mipsle", "qemu-mipsel"},
}

// build runs deploy/build/sensor of the checkout at root.
func build(t *testing.T, root string, env []string, args ...string) (said string, err error) {
	t.Helper()
	tool(t, "bash", "bash")
	tool(t, "go", "golang-go")
	run := exec.Command(filepath.Join(root, "deploy", "build", "sensor"), args...)
	run.Env = append(os.Environ(), env...)
	out, err := run.CombinedOutput()
	return string(out), err
}

// TestEveryBuildCountsAlike builds the sensor for every machine as a release does, and has each build read the same capture. Under
// qemu-user the builds for other processors run as they would there: other word sizes, and mipsle without a floating-point unit.
func TestEveryBuildCountsAlike(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: -short: five builds take minutes where nothing is built yet")
	}
	out := t.TempDir()
	said, err := build(t, filepath.Join("..", ".."), nil, "--version", "0.0-test", "--out", out)
	if err != nil {
		t.Fatalf("deploy/build/sensor: %v\n%s", err, said)
	}
	t.Log("\n" + said)
	config := filepath.Join(out, "sensor.yaml")
	capture := filepath.Join(out, "probes.pcap")
	text := fmt.Sprintf("state: %q\nsource: {files: [%q]}\nkafka: {brokers: ['127.0.0.1:9092']}\n", filepath.Join(out, "state"), capture)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(capture, probes(t), 0o600); err != nil {
		t.Fatal(err)
	}
	want, said, code := dryRun(t, capture)
	if code != 0 || !strings.Contains(want, "kept") {
		t.Fatalf("this test's own build: got exit status %d: %s%s", code, want, said)
	}
	for _, b := range builds {
		t.Run(b.arch, func(t *testing.T) {
			program := []string{filepath.Join(out, "footfall-sensor-0.0-test-linux-"+b.arch)}
			if runtime.GOOS != "linux" || runtime.GOARCH != b.arch {
				program = append([]string{tool(t, b.emulator, "qemu-user")}, program...)
			}
			if got, want := runs(t, program, "--version"), "footfall-sensor 0.0-test\n"; got != want {
				t.Errorf("--version: got %q, want %q", got, want)
			}
			if got := counted(runs(t, program, "--config", config, "--dry-run")); got != want {
				t.Errorf("got\n%swant, as on this machine,\n%s", got, want)
			}
		})
	}
}

// runs is what a program prints.
func runs(t *testing.T, program []string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	run := exec.Command(program[0], append(program[1:], args...)...)
	run.Stdout, run.Stderr = &out, &errs
	if err := run.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// counted is a dry run's report without its speed.
func counted(report string) (counts string) {
	for line := range strings.Lines(report) {
		if !strings.HasPrefix(line, "frames per second") {
			counts += line
		}
	}
	return counts
}

// TestTheSameSourceBuildsTheSameBytes builds twice: here, and in a copy of the source under another path with an empty cache and
// settings of its own, as on another machine with the same Go.
func TestTheSameSourceBuildsTheSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: -short: one of the two builds begins with an empty cache")
	}
	here, there, out := filepath.Join("..", ".."), filepath.Join(t.TempDir(), "elsewhere"), t.TempDir()
	for _, part := range []string{"sensor", "ingest", "cmd/footfall-sensor", "deploy/build"} {
		if err := os.CopyFS(filepath.Join(there, part), os.DirFS(filepath.Join(here, part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, part := range []string{"go.mod", "go.sum"} {
		raw, err := os.ReadFile(filepath.Join(here, part))
		if err == nil {
			err = os.WriteFile(filepath.Join(there, part), raw, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	other := []string{"GOCACHE=" + t.TempDir(), "GOFLAGS=-race -buildvcs=true", "GOAMD64=v2", "CGO_ENABLED=1", "TZ=Asia/Tokyo", "LC_ALL=C"}
	for i, root := range []string{here, there} {
		env := [][]string{nil, other}[i]
		if said, err := build(t, root, env, "--version", "1.2.3", "--out", filepath.Join(out, fmt.Sprint(i)), "amd64"); err != nil {
			t.Fatalf("deploy/build/sensor: %v\n%s", err, said)
		}
	}
	for _, name := range []string{"footfall-sensor-1.2.3-linux-amd64", "footfall-sensor-1.2.3-linux-amd64.sha256"} {
		first, err := os.ReadFile(filepath.Join(out, "0", name))
		if err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(filepath.Join(out, "1", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Errorf("%s differs: got %d bytes, want the same %d bytes", name, len(second), len(first))
		}
		for _, path := range []string{there, os.Getenv("HOME") + "/go/pkg"} {
			if bytes.Contains(first, []byte(path)) || bytes.Contains(second, []byte(path)) {
				t.Errorf("%s holds a path of the machine that built it", name)
			}
		}
	}
}

func TestTheBuildScriptRefusesWhatItDoesNotKnow(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"another architecture":       {[]string{"amd64", "riscv64"}, "riscv64 is not one of amd64, arm64, armv7, armv6, mipsle"},
		"another flag":               {[]string{"--nope"}, "--nope is not a flag"},
		"a flag without its value":   {[]string{"--out"}, "--out needs a value"},
		"a version with a space":     {[]string{"--version", "1 2"}, "other characters"},
		"a version with a separator": {[]string{"--version", "../1"}, "other characters"},
	} {
		t.Run(name, func(t *testing.T) {
			said, err := build(t, filepath.Join("..", ".."), nil, test.args...)
			if err == nil || !strings.Contains(said, test.want) {
				t.Errorf("got %v and %q, want it refused with %q", err, said, test.want)
			}
		})
	}
	if said, err := build(t, filepath.Join("..", ".."), nil, "--help"); err != nil || !strings.Contains(said, "usage:") {
		t.Errorf("--help: got %v and %q", err, said)
	}
}
