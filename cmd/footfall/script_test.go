package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/openfootfall/footfall/aggregate/store/engine"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
)

// TestScripts runs testdata/script: what a person types, and what is said in return. Each script has these captures:
// good.pcap (an hour of probe requests), cut.pcap (the same, its last record incomplete), header.pcap (a header and no frame),
// raw.pcap (link type 105, without signal strengths), beacons.pcap (no probe request), later.pcap (an hour, a day later), and two
// age identities, id.txt and other.txt.
func TestScripts(t *testing.T) {
	radiotap, raw := linkHeaders()[2], linkHeaders()[0]
	frames := heardPhones(true)
	good := writeHeard(t, container{}, radiotap, frames)
	captures := map[string]string{
		"good.pcap": good, "header.pcap": writeHeard(t, container{}, radiotap, nil), "raw.pcap": writeHeard(t, container{}, raw, frames),
		"later.pcap": writeHeard(t, container{}, radiotap, aDayLater(frames)), "beacons.pcap": writeBeacons(t), "cut.pcap": cutShort(t, good),
	}
	library, engineErr := engine.Find()
	testscript.Run(t, testscript.Params{
		Dir:  filepath.Join("testdata", "script"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "mode": mode},
		Condition: func(name string) (bool, error) {
			return name == "engine" && engineErr == nil, nil
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv(engine.EnvLibrary, library)
			for _, name := range []string{"id.txt", "other.txt"} {
				if err := writeIdentity(filepath.Join(env.WorkDir, name)); err != nil {
					return err
				}
			}
			for name, from := range captures {
				if err := os.Link(from, filepath.Join(env.WorkDir, name)); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// exits runs a program and holds its exit status against the first argument: exits 2 footfall nope.
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

// mode holds a file's permissions against the first argument: mode 600 optout.key.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode OCTAL FILE")
	}
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strconv.FormatInt(int64(info.Mode().Perm()), 8); got != args[0] {
		ts.Fatalf("%s: got mode %s, want %s", args[1], got, args[0])
	}
}

func aDayLater(frames []heard) []heard {
	var out []heard
	for _, h := range frames {
		h.time += 24 * 3600e9
		out = append(out, h)
	}
	return out
}

// writeBeacons writes frames of which none is a probe request.
func writeBeacons(t *testing.T) string {
	t.Helper()
	var beacons []heard
	for _, h := range heardPhones(true)[:5] {
		h.frame = append([]byte{0x80}, h.frame[1:]...)
		beacons = append(beacons, h)
	}
	return writeHeard(t, container{options: capture.Options{NG: true}}, linkHeader{link: dot11.LinkRadiotap, write: linkHeaders()[2].write}, beacons)
}

// cutShort copies a file without its last bytes.
func cutShort(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(out, content[:len(content)-9], 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}
