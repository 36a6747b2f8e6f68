package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/sensor/agent"
)

// deployed is the text of a file below deploy/.
func deployed(t *testing.T, path ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "deploy"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// settings are the lines of a unit by their names, in order. Comments and sections are left out.
func settings(text string) map[string][]string {
	found := map[string][]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			found[name] = append(found[name], value)
		}
	}
	return found
}

// tool skips the test where a program is missing, and says which Debian package has it.
func tool(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("skipped: no %s here (Debian package %s)", name, debian)
	}
	return path
}

// unitWithAProgram is a copy of the unit whose program exists, since systemd-analyze looks for it.
func unitWithAProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := regexp.MustCompile(`(?m)^ExecStart=\S+`)
	text := program.ReplaceAllLiteralString(deployed(t, "systemd", "footfall-sensor.service"), "ExecStart="+self)
	path := filepath.Join(t.TempDir(), "footfall-sensor.service")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSystemdTakesTheUnit(t *testing.T) {
	analyze := tool(t, "systemd-analyze", "systemd")
	out, err := exec.Command(analyze, "verify", "--man=no", unitWithAProgram(t)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	younger := regexp.MustCompile(`Unknown key(?: name)? '(RestartSteps|RestartMaxDelaySec)'`) // systemd 254 and later know them
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "footfall-sensor.service") && !younger.MatchString(line) {
			t.Errorf("systemd-analyze verify says: %s", line)
		}
	}
}

// The exposure is systemd's own measure, 0 to 10; 2.6 is what the two capabilities, the packet socket and the network cost.
func TestSystemdCallsTheUnitWellConfined(t *testing.T) {
	analyze := tool(t, "systemd-analyze", "systemd")
	out, err := exec.Command(analyze, "security", "--no-pager", "--offline=true", "--threshold=26", unitWithAProgram(t)).CombinedOutput()
	if strings.Contains(string(out), "unrecognized option") {
		t.Skip("skipped: this systemd-analyze cannot judge a unit offline (systemd 250 or later can)")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheUnitGivesTheSensorWhatItNeedsAndNoMore(t *testing.T) {
	unit := settings(deployed(t, "systemd", "footfall-sensor.service"))
	for name, want := range map[string]string{
		"User": "footfall-sensor", "StateDirectory": "footfall-sensor", "StateDirectoryMode": "0700", "UMask": "0077",
		"AmbientCapabilities": "CAP_NET_RAW CAP_NET_ADMIN", "CapabilityBoundingSet": "CAP_NET_RAW CAP_NET_ADMIN",
		"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "LimitCORE": "0", "Restart": "always",
		"StartLimitIntervalSec": "0", "Type": "exec", "SystemCallErrorNumber": "EPERM",
		"RestrictAddressFamilies": "AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_UNIX",
	} {
		if got := unit[name]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	// Either would leave the sensor unable to see whether the clock is synchronised, or would hide the host's radios.
	for _, name := range []string{"ProtectClock", "PrivateNetwork", "PrivateUsers", "DynamicUser", "WatchdogSec", "EnvironmentFile", "Environment"} {
		if got, there := unit[name]; there {
			t.Errorf("%s=%s is in the unit", name, got)
		}
	}
	// The last word on system calls is the clock's, or taking out @privileged would take it away.
	if got, want := unit["SystemCallFilter"], []string{"@system-service", "~@privileged", "adjtimex clock_adjtime clock_adjtime64"}; !slices.Equal(got, want) {
		t.Errorf("SystemCallFilter: got %q, want %q", got, want)
	}
	if users := deployed(t, "systemd", "footfall-sensor.sysusers"); !strings.Contains(users, "\nu "+unit["User"][0]+" ") {
		t.Errorf("the unit's user is not in the sysusers file:\n%s", users)
	}
}

// liveConfig reads an example of a live sensor's configuration as the sensor would.
func liveConfig(t *testing.T, path ...string) (*agent.Config, string) {
	t.Helper()
	text := deployed(t, path...)
	cfg, err := agent.ParseConfig([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", filepath.Join(path...), err)
	}
	if cfg.Source.Interface == "" || !cfg.Source.Monitor {
		t.Errorf("%s is not of a live sensor", filepath.Join(path...))
	}
	return cfg, text
}

func TestTheExamplesOfLiveSensorsAreValid(t *testing.T) {
	cfg, text := liveConfig(t, "sensor-live.yaml")
	unit := settings(deployed(t, "systemd", "footfall-sensor.service"))
	if want := "/var/lib/" + unit["StateDirectory"][0]; cfg.State != want || !strings.HasPrefix(cfg.Bundle, want+"/") {
		t.Errorf("got state %s and bundle %s, want them where the unit may write: %s", cfg.State, cfg.Bundle, want)
	}
	for _, credential := range unit["LoadCredential"] {
		if !strings.Contains(text, "/run/credentials/footfall-sensor.service/"+credential) {
			t.Errorf("the example does not use the credential %s", credential)
		}
	}
	router, _ := liveConfig(t, "openwrt", "footfall-sensor", "files", "sensor.yaml.example")
	if strings.HasPrefix(router.State, "/tmp") || strings.HasPrefix(router.State, "/var") {
		t.Errorf("got state %s, which is memory on OpenWrt: the keys would be lost at every start", router.State)
	}
}

func TestTheLiveExampleNamesEveryKey(t *testing.T) {
	_, text := liveConfig(t, "sensor-live.yaml")
	for _, key := range keysOf(reflect.TypeFor[agent.Config]()) {
		if !regexp.MustCompile(`(?m)^\s*(# )?` + key + `:`).MatchString(text) {
			t.Errorf("deploy/sensor-live.yaml does not show the key %s", key)
		}
	}
}

// keysOf are the yaml keys of a struct and of the structs within it; captures are the other example's.
func keysOf(t reflect.Type) (keys []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		key, inline, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key == "files" || key == "-" || !f.IsExported() {
			continue
		}
		if inline != "inline" && key != "" {
			keys = append(keys, key)
		}
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(f.Type)...)
		}
	}
	return keys
}

// flagsIn are the long flags that a text gives to footfall-sensor.
func flagsIn(text string) (flags []string) {
	for _, call := range regexp.MustCompile(`footfall-sensor"?((?: --[a-z-]+(?: [^\s`+"`"+`-][^\s`+"`"+`]*)?)+)`).FindAllStringSubmatch(text, -1) {
		flags = append(flags, regexp.MustCompile(`--[a-z-]+`).FindAllString(call[1], -1)...)
	}
	return flags
}

func TestWhatIsDeployedUsesFlagsThatExist(t *testing.T) {
	init := strings.ReplaceAll(deployed(t, "openwrt", "footfall-sensor", "files", "footfall-sensor.init"), `"$PROG"`, "footfall-sensor")
	for name, text := range map[string]string{
		"the systemd unit":  deployed(t, "systemd", "footfall-sensor.service"),
		"the init script":   init,
		"INSTALL-SENSOR.md": deployed(t, "INSTALL-SENSOR.md"),
	} {
		flags := flagsIn(text)
		if len(flags) == 0 {
			t.Errorf("%s calls footfall-sensor without a flag", name)
		}
		for _, f := range flags {
			if !strings.Contains(usage, "\n  "+f+" ") && !strings.Contains(usage, "\n  "+f+"\n") {
				t.Errorf("%s uses %s, which footfall-sensor does not have", name, f)
			}
		}
	}
}

func TestTheInstallNotesLinkToWhatIsThere(t *testing.T) {
	text := deployed(t, "INSTALL-SENSOR.md")
	links := regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(text, -1)
	if len(links) < 5 {
		t.Errorf("got %d links, want at least 5", len(links))
	}
	for _, link := range links {
		if strings.Contains(link[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join("..", "..", "deploy", link[1])); errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is not there", link[1])
		}
	}
	for _, file := range []string{"footfall-sensor.service", "footfall-sensor.sysusers", "sensor-live.yaml", "rtcsync", "cgroup_enable=memory"} {
		if !bytes.Contains([]byte(text), []byte(file)) {
			t.Errorf("the notes do not speak of %s", file)
		}
	}
}
