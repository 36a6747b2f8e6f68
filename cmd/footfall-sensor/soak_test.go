package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/listen/tap"
)

// soakEnv is how long TestSoak runs, such as 1h; make bench sets it.
const soakEnv = "FOOTFALL_SOAK"

// The load of DESIGN section 12, with bursts as measured on labelled captures (section 8): 14 frames, 20 ms apart.
const (
	soakFrames = 2000 // a second
	soakBurst  = 14
	soakOwn    = 3000 // phones with an address of their own that are around
)

// TestSoak reports the memory of the static, stripped agent at 2,000 frames a second, its broker on TLS with a login. It decides
// nothing but that every frame was read.
func TestSoak(t *testing.T) {
	during, err := time.ParseDuration(os.Getenv(soakEnv))
	if err != nil {
		t.Skipf("skipped: it takes as long as %s says, such as 5m; make bench runs it", soakEnv)
	}
	kafka := kafkatest.StartSecure(t)
	x := &killBox{t: t, store: "soak", dir: t.TempDir(), expected: map[uint64]bool{}}
	x.radio = tap.New(t, dot11.LinkRadiotap)
	x.makeKeys()
	x.web = freeAddr(t)
	x.config = filepath.Join(x.dir, "sensor.yaml")
	password := filepath.Join(x.dir, "password")
	security := broker.Security{
		TLS:  broker.SecurityTLS{Enabled: true, CA: kafka.CA.File},
		SASL: broker.SecuritySASL{Mechanism: "SCRAM-SHA-512", User: kafkatest.User, PasswordFile: password},
	}
	text := fmt.Sprintf(`state: %s
bundle: %s
source: {interface: %s}
listen: %s
kafka:
  brokers: ['%s']
  tls: {enabled: true, ca: %s}
  sasl: {mechanism: %s, user: %s, password_file: %s}
`, filepath.Join(x.dir, "state"), filepath.Join(x.dir, "door.bundle"), x.radio.Name(), x.web, kafka.SASLTLS[0],
		kafka.CA.File, security.SASL.Mechanism, security.SASL.User, password)
	for path, content := range map[string]string{x.config: text, password: kafkatest.Password + "\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := broker.Config{Brokers: kafka.SASLTLS, ClientID: "test"}
	if err := security.Apply(&cfg); err != nil {
		t.Fatal(err)
	}
	if err := broker.EnsureTopics(t.Context(), cfg, broker.Settings{Partitions: 1, Replication: 1, SealAfter: 4 * time.Hour, Embedded: !kafkatest.Apache()}); err != nil {
		t.Fatal(err)
	}
	x.soak(buildSynced(t), during)
}

// buildSynced builds the agent as it is released, but on a machine whose clock is synchronised: test machines have no NTP. An
// overlay of one file says so, because no flag or variable of the real agent may.
func buildSynced(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, err := filepath.Abs(filepath.Join("..", "..", "sensor", "clock", "system_linux.go"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	const asks = "Synced: s.synced()"
	if strings.Count(string(raw), asks) != 1 {
		t.Fatalf("got %d places where the clock asks whether it is synchronised, want 1", strings.Count(string(raw), asks))
	}
	patched := filepath.Join(dir, "system_linux.go")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {source: patched}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{patched: []byte(strings.Replace(string(raw), asks, "Synced: s.synced() || true", 1)), filepath.Join(dir, "overlay.json"): overlay} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "footfall-sensor")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-overlay", filepath.Join(dir, "overlay.json"), "-o", out, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the agent: %v\n%s", err, said)
	}
	return out
}

// soak feeds the sensor and reports what it holds, minute by minute.
func (x *killBox) soak(program string, during time.Duration) {
	t := x.t
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := exec.CommandContext(ctx, program, "--config", x.config)
	p.Stderr = t.Output()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = p.Wait()
	}()
	if !x.ready(p, 30*time.Second) {
		t.Fatal("the sensor did not begin to send ids within half a minute")
	}
	if info, err := os.Stat(program); err == nil {
		t.Logf("stripped binary: %d bytes", info.Size())
	}
	air := newSoakAir()
	began := time.Now()
	for said := began; time.Since(began) < during; time.Sleep(10 * time.Millisecond) {
		for want := int(time.Since(began).Seconds() * soakFrames); air.sent < want; {
			x.send(air.next())
		}
		if time.Since(said) >= time.Minute {
			said = time.Now()
			x.report(p.Process.Pid, time.Since(began), air.sent)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); x.scrape()["footfall_sensor_frames_total"] < float64(air.sent) && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	x.report(p.Process.Pid, time.Since(began), air.sent)
	m := x.scrape()
	if m["footfall_publisher_messages_total"] == 0 {
		t.Error("nothing was sent to Kafka")
	}
	if read := m["footfall_sensor_frames_total"] + m["footfall_sensor_kernel_dropped_frames_total"]; int(read) != air.sent {
		t.Errorf("got %v frames read or dropped by the kernel, want all %d", read, air.sent)
	}
}

// report says how large the process is: VmHWM is the largest it ever was.
func (x *killBox) report(pid int, after time.Duration, sent int) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		x.t.Errorf("the sensor is gone: %v", err)
		return
	}
	var sizes []string
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "VmHWM") || strings.HasPrefix(line, "VmRSS") {
			sizes = append(sizes, strings.Join(strings.Fields(line), " "))
		}
	}
	m := x.scrape()
	x.t.Logf("%s: %d frames, %s; sightings %v, kernel dropped %v, CPU %s", after.Round(time.Second), sent, strings.Join(sizes, ", "),
		m["footfall_outbox_sightings_total"], m["footfall_sensor_kernel_dropped_frames_total"], cpuOf(pid))
}

// cpuOf is the processor time of a process, from /proc/PID/stat's 14th and 15th fields, in hundredths of a second.
func cpuOf(pid int) time.Duration {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// soakAir is the addresses on the air: bursts that overlap, seven in ten of an address that the phone made up for it.
type soakAir struct {
	rnd  *mathrand.Rand
	open [][6]byte
	left []int
	sent int
}

func newSoakAir() *soakAir {
	return &soakAir{rnd: mathrand.New(mathrand.NewPCG(7, 7)), open: make([][6]byte, 40), left: make([]int, 40)}
}

func (a *soakAir) next() [6]byte {
	a.sent++
	i := a.rnd.IntN(len(a.open))
	if a.left[i] == 0 {
		a.left[i] = soakBurst
		a.open[i] = [6]byte{0x02}
		if a.rnd.IntN(10) < 3 {
			a.open[i] = [6]byte{0x00, 0x1b}
			binary.BigEndian.PutUint32(a.open[i][2:], uint32(a.rnd.IntN(soakOwn)))
		} else {
			binary.BigEndian.PutUint32(a.open[i][1:], a.rnd.Uint32())
		}
	}
	a.left[i]--
	return a.open[i]
}
