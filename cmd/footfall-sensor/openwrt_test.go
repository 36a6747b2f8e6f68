package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var openwrt = filepath.Join("..", "..", "deploy", "openwrt", "footfall-sensor")

// shells are those of this machine that stand for a router's: OpenWrt's is busybox ash.
func shells(t *testing.T) [][]string {
	t.Helper()
	var found [][]string
	for _, shell := range [][]string{{"busybox", "sh"}, {"dash"}, {"sh"}} {
		if _, err := exec.LookPath(shell[0]); err == nil {
			found = append(found, shell)
		}
	}
	if len(found) == 0 {
		t.Skip("skipped: no shell here (Debian packages busybox-static, dash)")
	}
	return found
}

func TestShellsTakeTheInitScript(t *testing.T) {
	script := filepath.Join(openwrt, "files", "footfall-sensor.init")
	for _, shell := range shells(t) {
		if out, err := exec.Command(shell[0], append(shell[1:], "-n", script)...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s -n: %v: %s", strings.Join(shell, " "), err, out)
		}
	}
	if info, err := os.Stat(script); err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("the init script is not executable (%v)", err)
	}
}

// rc stands in for rc.common and procd: it writes down what the script asks of them. Its $1 is the script, $2 a folder.
const rc = `
procd_open_instance() { echo open; }
procd_close_instance() { echo close; }
procd_set_param() { echo "set $*"; }
procd_add_jail() { echo "jail $*"; }
logger() { echo "logger $*"; }
chown() { echo "chown $*"; }
. "$1"
CONFIG=$2/sensor.yaml CAPABILITIES=$2/capabilities.json UJAIL=$2/ujail PASSWD=$2/passwd
start_service
`

// box is what the init script looks at on a router.
type box struct{ config, capabilities, ujail, passwd string }

func (b box) lay(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"sensor.yaml": b.config, "capabilities.json": b.capabilities, "ujail": b.ujail, "passwd": b.passwd} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, "DIR", dir)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func goodBox() box {
	return box{
		config: "# the door\nstate: \"DIR/state\"   # flash\nspool:\n  state: /nowhere\n", capabilities: "{}", ujail: "#!/bin/sh\n",
		passwd: "root:x:0:0::/root:/bin/ash\nfootfall:x:5340:5340::/var/run/footfall:/bin/false\n",
	}
}

func TestTheInitScriptStartsTheSensorAsItsOwnUser(t *testing.T) {
	for _, shell := range shells(t) {
		dir := goodBox().lay(t)
		out, err := exec.Command(shell[0], append(shell[1:], "-c", rc, "rc", filepath.Join(openwrt, "files", "footfall-sensor.init"), dir)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", shell, err, out)
		}
		got := strings.Split(strings.TrimSpace(string(out)), "\n")
		want := []string{
			"chown footfall:footfall " + dir + "/state", "open", "set command /usr/bin/footfall-sensor --config " + dir + "/sensor.yaml",
			"set respawn 60 15 0", "set user footfall", "set group footfall", "set no_new_privs 1",
			"set capabilities " + dir + "/capabilities.json", "jail footfall-sensor", "set stderr 1", "close",
		}
		for _, line := range want {
			if !slices.Contains(got, line) {
				t.Errorf("%s: the script did not say %q:\n%s", shell, line, out)
			}
		}
		if info, err := os.Stat(filepath.Join(dir, "state")); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: the state folder: got %v (%v), want mode 0700", shell, info, err)
		}
	}
}

func TestTheInitScriptRefusesToRunTheSensorAsRoot(t *testing.T) {
	tests := map[string]struct {
		change func(*box)
		want   string
	}{
		"no ujail: procd would drop the capabilities": {func(b *box) { b.ujail = "" }, "install procd-ujail"},
		"no capabilities file":                        {func(b *box) { b.capabilities = "" }, "install the package again"},
		"no user: procd would stay root":              {func(b *box) { b.passwd = "root:x:0:0::/root:/bin/ash\nxfootfall:x:1:1:::\n" }, "there is no user footfall"},
		"no configuration":                            {func(b *box) { b.config = "" }, "copy "},
		"a state folder that depends on where":        {func(b *box) { b.config = "state: state\n" }, "not an absolute path"},
		"no state folder":                             {func(b *box) { b.config = "spool: {}\n" }, "not an absolute path"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := goodBox()
			test.change(&b)
			for _, shell := range shells(t) {
				out, err := exec.Command(shell[0], append(shell[1:], "-c", rc, "rc", filepath.Join(openwrt, "files", "footfall-sensor.init"), b.lay(t))...).CombinedOutput()
				if err == nil || strings.Contains(string(out), "open") {
					t.Errorf("%s: it was started (%v):\n%s", shell, err, out)
				}
				if !strings.Contains(string(out), "daemon.err") || !strings.Contains(string(out), test.want) {
					t.Errorf("%s: got %q, want it to say %q", shell, out, test.want)
				}
			}
		})
	}
}

func TestOpenWrtAndSystemdGiveTheSameCapabilities(t *testing.T) {
	var sets map[string][]string
	if err := json.Unmarshal([]byte(deployed(t, "openwrt", "footfall-sensor", "files", "footfall-sensor.json")), &sets); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(settings(deployed(t, "systemd", "footfall-sensor.service"))["CapabilityBoundingSet"][0])
	slices.Sort(want)
	for _, set := range []string{"bounding", "effective", "ambient", "permitted", "inheritable"} {
		if got := slices.Sorted(slices.Values(sets[set])); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", set, got, want)
		}
	}
	if len(sets) != 5 {
		t.Errorf("got %d sets, want 5", len(sets))
	}
}

// sdk stands in for the OpenWrt SDK: as much of it as the recipe uses.
const sdk = `
INCLUDE_DIR:=$(TOPDIR)
INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_DATA:=install -m0644
define BuildPackage
compile: ; $$(call Build/Compile)
install: compile ; $$(call Package/$(1)/install,$$(DESTDIR))
endef
`

func TestTheOpenWrtRecipePacksTheReleasedBinary(t *testing.T) {
	make, top, release := tool(t, "make", "make"), t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"rules.mk": sdk, "package.mk": ""} {
		if err := os.WriteFile(filepath.Join(top, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, arch := range []string{"amd64", "arm64", "armv7", "armv6", "mipsle"} {
		name := "footfall-sensor-1.2.3-linux-" + arch
		if err := os.WriteFile(filepath.Join(release, name), []byte(arch), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := exec.Command("sh", "-c", "sha256sum "+name+" > "+name+".sha256")
		sum.Dir = release
		if out, err := sum.CombinedOutput(); err != nil {
			t.Skipf("skipped: no sha256sum here: %s", out)
		}
	}
	for name, test := range map[string]struct{ arch, cpu, want string }{
		"a PC":                             {"x86_64", "", "amd64"},
		"a router with a 64-bit ARM":       {"aarch64", "cortex-a53", "arm64"},
		"a router with a NEON unit":        {"arm", "cortex-a7+neon-vfpv4", "armv7"},
		"a first Raspberry Pi":             {"arm", "arm1176jzf-s+vfp", "armv6"},
		"a router with an MT7621":          {"mipsel", "24kc", "mipsle"},
		"an ARM without floating point":    {"arm", "cortex-a9", ""},
		"a big-endian MIPS, such as ath79": {"mips", "24kc", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			run := exec.Command(make, "--no-print-directory", "-C", openwrt, "install", "TOPDIR="+top, "ARCH="+test.arch, `CONFIG_CPU_TYPE="`+test.cpu+`"`,
				"FOOTFALL_VERSION=1.2.3", "FOOTFALL_RELEASE="+release, "DESTDIR="+root)
			out, err := run.CombinedOutput()
			if test.want == "" {
				if err == nil || !strings.Contains(string(out), "there is no build for "+test.arch) {
					t.Errorf("got %v and %s, want it to be refused", err, out)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for file, mode := range map[string]os.FileMode{
				"usr/bin/footfall-sensor": 0o755, "etc/init.d/footfall-sensor": 0o755, "etc/capabilities/footfall-sensor.json": 0o644,
				"etc/footfall/sensor.yaml.example": 0o644,
			} {
				if info, err := os.Stat(filepath.Join(root, file)); err != nil || info.Mode().Perm() != mode {
					t.Errorf("%s: got %v (%v), want mode %v", file, info, err, mode)
				}
			}
			if got, err := os.ReadFile(filepath.Join(root, "usr/bin/footfall-sensor")); err != nil || string(got) != test.want {
				t.Errorf("got the build for %s (%v), want %s", got, err, test.want)
			}
		})
	}
}
