package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// unitFile is the text of a file of deploy/systemd.
func unitFile(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "deploy", "systemd", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// unitSettings are the lines of a unit by their names, in order.
func unitSettings(text string) map[string][]string {
	found := map[string][]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			found[name] = append(found[name], value)
		}
	}
	return found
}

// turnUnits writes the service and its timer into a folder, the service with a program that exists: systemd-analyze looks for it.
func turnUnits(t *testing.T) (dir string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	service := regexp.MustCompile(`(?m)^ExecStart=\S+`).ReplaceAllLiteralString(unitFile(t, "footfall-keys-turn.service"), "ExecStart="+self)
	for name, text := range map[string]string{"footfall-keys-turn.service": service, "footfall-keys-turn.timer": unitFile(t, "footfall-keys-turn.timer")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func analyzer(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("skipped: no systemd-analyze here (Debian package systemd)")
	}
	return path
}

func TestSystemdTakesTheKeyringsTimer(t *testing.T) {
	analyze, dir := analyzer(t), turnUnits(t)
	out, err := exec.Command(analyze, "verify", "--man=no", filepath.Join(dir, "footfall-keys-turn.service"), filepath.Join(dir, "footfall-keys-turn.timer")).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("footfall-keys-turn")) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	when := unitSettings(unitFile(t, "footfall-keys-turn.timer"))["OnCalendar"]
	if !slices.Equal(when, []string{"*-*-* 04:10:00"}) {
		t.Fatalf("got the timer's %q, want it after 04:00, when a store-day ends", when)
	}
	for _, at := range append(when, "*-*-* 04:10:00 Europe/Lisbon") {
		if out, err := exec.Command(analyze, "calendar", at).CombinedOutput(); err != nil {
			t.Errorf("systemd-analyze calendar %q: %v\n%s", at, err, out)
		}
	}
}

// TestSystemdCallsTheKeyringsUnitWellConfined: the exposure is systemd's own measure, 0 to 10.
func TestSystemdCallsTheKeyringsUnitWellConfined(t *testing.T) {
	service := filepath.Join(turnUnits(t), "footfall-keys-turn.service")
	out, err := exec.Command(analyzer(t), "security", "--no-pager", "--offline=true", "--threshold=10", service).CombinedOutput()
	if strings.Contains(string(out), "unrecognized option") {
		t.Skip("skipped: this systemd-analyze cannot judge a unit offline (systemd 250 or later can)")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTheKeyringsUnitTurnsAKeyring runs what the unit runs, with its folders elsewhere.
func TestTheKeyringsUnitTurnsAKeyring(t *testing.T) {
	unit := unitSettings(unitFile(t, "footfall-keys-turn.service"))
	for name, want := range map[string]string{
		"User": "footfall-keys", "StateDirectory": "footfall-keys", "StateDirectoryMode": "0700", "UMask": "0077", "LimitCORE": "0", "Type": "oneshot",
		"PrivateNetwork": "yes", "CapabilityBoundingSet": "", "LoadCredential": "keyring-id:/etc/footfall/keyring-id.txt",
	} {
		if got := unit[name]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if users := unitFile(t, "footfall-keys.sysusers"); !strings.Contains(users, "\nu "+unit["User"][0]+" ") {
		t.Errorf("the unit's user is not in the sysusers file:\n%s", users)
	}
	args := strings.Fields(unit["ExecStart"][0])
	if len(args) < 3 || args[0] != "/usr/local/bin/footfall" || args[1] != "keys" || args[2] != "turn" {
		t.Fatalf("the unit runs %q, want footfall keys turn", args)
	}
	b := newRingBench(t)
	b.must("make", "--store", "mall")
	b.time = b.time.AddDate(0, 0, 1)
	here := strings.NewReplacer("/var/lib/footfall-keys/", b.dir+"/", "%d/keyring-id", b.path("id.txt"))
	var out bytes.Buffer
	k := &keysRun{now: func() time.Time { return b.time }, random: rand.Reader, harden: func() error { return nil }, out: &out, errs: &out}
	for i, arg := range args {
		args[i] = here.Replace(arg)
		if strings.HasPrefix(args[i], "/") && i > 0 && !strings.HasPrefix(args[i], b.dir) {
			t.Errorf("the unit uses %s, which it may not", arg)
		}
	}
	if err := k.run(args[2:]); err != nil || !strings.Contains(out.String(), "mall: day 2026-01-29") || !exists(b.path("audit-keys.jsonl")) {
		t.Errorf("got %q, %v, want the keyring turned, and noted", out.String(), err)
	}
}
