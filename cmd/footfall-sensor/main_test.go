package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"footfall-sensor": main, "footfall-sensor-synced": mainSynced})
}

// TestScripts runs testdata/script: what an operator types, and what is said in return. Each script has good.pcap, 60 probe
// requests of which every second is followed by a beacon, and cut.pcap, the same without its last bytes.
func TestScripts(t *testing.T) {
	good := probes(t)
	testscript.Run(t, testscript.Params{
		Dir:  filepath.Join("testdata", "script"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(env *testscript.Env) error {
			return errors.Join(os.WriteFile(filepath.Join(env.WorkDir, "good.pcap"), good, 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "cut.pcap"), good[:len(good)-9], 0o600))
		},
	})
}

// exits runs a program and holds its exit status against the first argument: exits 2 footfall-sensor --nope.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status: got %d, want %d", got, want)
	}
}

// probes is a capture of 60 probe requests of one stable and one random address, 20 s apart, and 30 beacons.
func probes(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := capture.NewWriter(&file, dot11.LinkRadiotap, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	for i := range 90 {
		from := [6]byte{byte(i % 2 * 2), 0x5e, 0x10, 0, 0, 1}
		frame := dot11.AppendProbeRequest(nil, from, uint16(i), []byte{0, 0, 1, 4, 2, 4, 11, 22})
		if i%3 == 2 {
			frame[0] = 0x80
		}
		data, err := dot11.Append(nil, dot11.LinkRadiotap, dot11.Radio{RSSI: -50, HasRSSI: true}, frame)
		if err == nil {
			err = w.Write(capture.Record{Time: begin.Add(time.Duration(i) * 20 * time.Second).UnixNano(), Data: data})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

// frameFormats is the folder of small captures that hold the same frames under every link header and in every container.
func frameFormats(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("FOOTFALL_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, "frame-formats")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skip("skipped: no shared/data beside the checkout (set FOOTFALL_DATA)")
	}
	return dir
}

// dryRun is footfall-sensor --dry-run on a capture: its counts, and what it said and returned.
func dryRun(t *testing.T, file string) (counts, said string, code int) {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "sensor.yaml")
	text := fmt.Sprintf("state: %q\nsource: {files: [%q]}\nkafka: {brokers: ['127.0.0.1:9092']}\n", filepath.Join(dir, "state"), file)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code = program{&out, &errs, nil}.run(t.Context(), []string{"--config", config, "--dry-run"})
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "frames per second") {
			counts += line
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); err == nil {
		t.Error("a dry run left a state folder behind")
	}
	return counts, errs.String(), code
}

func TestTheSameFramesCountAlikeInEveryFormatOfTheSharedCaptures(t *testing.T) {
	dir := frameFormats(t)
	for _, kind := range []string{"link_layers", "containers"} {
		t.Run(kind, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(dir, "generated__"+kind+"__*"))
			if err != nil || len(files) < 7 {
				t.Fatalf("got %d captures (%v), want at least 7", len(files), err)
			}
			want := ""
			for _, f := range files {
				got, said, code := dryRun(t, f)
				if code != 0 {
					t.Errorf("%s: got exit status %d: %s", filepath.Base(f), code, said)
				}
				if want == "" {
					want = got
					t.Log("\n" + want)
				}
				if got != want {
					t.Errorf("%s: got\n%swant, as in the first file,\n%s", filepath.Base(f), got, want)
				}
			}
			if !strings.Contains(want, "dropped not_probe_request") {
				t.Errorf("got no drops by reason in\n%s", want)
			}
		})
	}
}

func TestADryRunReadsEveryFileOfTheSharedFormats(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(frameFormats(t), "generated__*"))
	if err != nil || len(files) < 50 {
		t.Fatalf("got %d captures (%v), want at least 50", len(files), err)
	}
	for _, f := range files {
		counts, said, code := dryRun(t, f)
		if code != 0 || said != "" {
			t.Errorf("%s: got exit status %d: %s", filepath.Base(f), code, said)
		}
		if !strings.Contains(counts, "frames") || strings.Contains(counts, "dropped link_") {
			t.Errorf("%s: a link header was not understood:\n%s", filepath.Base(f), counts)
		}
	}
}

func TestTheHelpNamesEveryFlag(t *testing.T) {
	var out, errs bytes.Buffer
	if code := (program{&out, &errs, nil}).run(t.Context(), []string{"-help"}); code != 0 || errs.Len() > 0 {
		t.Fatalf("got exit status %d and %q", code, errs.String())
	}
	reference, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "## footfall-sensor -help\n\n```text\n" + out.String() + "```\n"; !strings.Contains(string(reference), want) {
		t.Errorf("cmd/README.md does not hold the help as it is: %s", want)
	}
	for _, name := range []string{"config", "interface", "check", "dry-run", "version"} {
		if !strings.Contains(out.String(), "\n  --"+name) {
			t.Errorf("--%s is not in the help:\n%s", name, out.String())
		}
	}
	if got, want := strings.Count(out.String(), "\n  --"), 5; got != want {
		t.Errorf("got %d flags in the help, want %d", got, want)
	}
}
