package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
)

// sensorEnv names the released agent that TestInTheLab proves.
const sensorEnv = "FOOTFALL_SENSOR"

// labNetwork is what one of the phones asks for by name.
const labNetwork = "home-of-somebody-7731"

// sight names a sighting as the aggregator does.
type sight struct {
	id uint64
	ms int64
}

// TestInTheLab runs the released agent on a simulated radio that it sets up itself, beside tcpdump on the same interface, while
// wpa_supplicant's phones scan: what the sensor says equals what tcpdump recorded, frame for frame. In between the interface is
// taken down for five seconds, and the sensor is stopped and started. make lab runs it in a virtual machine.
func TestInTheLab(t *testing.T) {
	if os.Getenv("FOOTFALL_LAB") == "" {
		t.Skip("skipped: it takes radios; make lab runs it in a virtual machine with simulated ones")
	}
	l := newLab(t)
	l.startSensor()
	l.round("a first round")
	l.downAndUp()
	l.round("a round after the interface was down")
	l.stopSensor()
	l.startSensor()
	l.round("a round after a restart")
	l.stopSensor()
	l.account()
}

// ownAddress gives an interface an address as a manufacturer does: hwsim's own have the bit of those that phones make up.
func ownAddress(t *testing.T, name string) {
	t.Helper()
	for _, args := range [][]string{{"down"}, {"address", "00:1b:63:00:00:01"}, {"up"}} {
		args = append([]string{"link", "set", name}, args...)
		if out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// synchronise tells the kernel of the lab's machine, which nobody else uses and no NTP reaches, that its clock is right.
func synchronise(t *testing.T) {
	t.Helper()
	if _, err := unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_STATUS | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR}); err != nil {
		t.Fatalf("set the clock's state: %v", err)
	}
}

type lab struct {
	*killBox
	program string
	process *exec.Cmd
	said    bytes.Buffer
	frames  float64 // of earlier starts
	rounds  []labRound
	partial []string // recordings that begin or end while phones scan
}

// labRound is a time with quiet around it, and what tcpdump recorded in it.
type labRound struct {
	name     string
	from, to time.Time
	pcap     string
}

func newLab(t *testing.T) *lab {
	synchronise(t)
	ownAddress(t, "wlan1")
	b := &killBroker{t: t, data: t.TempDir()}
	b.start()
	t.Cleanup(func() { b.now.Close() })
	settings := broker.Settings{Partitions: 1, Replication: 1, SealAfter: 4 * time.Hour, Embedded: true}
	if err := broker.EnsureTopics(t.Context(), b.config(), settings); err != nil {
		t.Fatal(err)
	}
	x := &killBox{t: t, broker: b, store: "lab", dir: t.TempDir()}
	x.makeKeys()
	x.web = freeAddr(t)
	x.config = filepath.Join(x.dir, "sensor.yaml")
	text := fmt.Sprintf("state: %s\nbundle: %s\nsource: {interface: wlan0, monitor: true, channels: {list: ['1', '6', '11'], dwell: 700ms}}\nlisten: %s\nkafka: {brokers: ['%s']}\n",
		filepath.Join(x.dir, "state"), filepath.Join(x.dir, "door.bundle"), x.web, b.addr)
	if err := os.WriteFile(x.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &lab{killBox: x, program: os.Getenv(sensorEnv)}
}

func (l *lab) startSensor() {
	l.t.Helper()
	l.process = exec.CommandContext(l.t.Context(), l.program, "--config", l.config)
	l.process.Stderr = io.MultiWriter(&l.said, l.t.Output())
	if err := l.process.Start(); err != nil {
		l.t.Fatalf("start the sensor: %v", err)
	}
	if !l.ready(l.process, time.Minute) {
		l.t.Fatal("the sensor did not listen and send ids within a minute")
	}
	l.kind("monitor")
}

// stopSensor stops it, and checks that the radio is what it was.
func (l *lab) stopSensor() {
	l.t.Helper()
	l.frames += l.heard()
	if err := errors.Join(l.process.Process.Signal(syscall.SIGTERM), l.process.Wait()); err != nil {
		l.t.Errorf("stop the sensor: %v", err)
	}
	l.kind("managed")
}

func (l *lab) heard() float64 { return l.scrape()["footfall_sensor_frames_total"] }

// kind checks the type of the sensor's interface.
func (l *lab) kind(want string) {
	l.t.Helper()
	if out := l.run("iw", "dev", "wlan0", "info"); !strings.Contains(out, "type "+want) {
		l.t.Errorf("got %q, want an interface of type %s", out, want)
	}
}

func (l *lab) run(name string, args ...string) string {
	l.t.Helper()
	out, err := exec.CommandContext(l.t.Context(), name, args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// record starts tcpdump on the sensor's interface; stop ends it.
func (l *lab) record(name string) (pcap string, stop func()) {
	l.t.Helper()
	pcap = filepath.Join(l.dir, name+".pcap")
	ctx, cancel := context.WithCancel(l.t.Context())
	cmd := exec.CommandContext(ctx, "tcpdump", "-i", "wlan0", "-U", "--time-stamp-precision=nano", "-w", pcap, "type mgt subtype probe-req")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		l.t.Fatalf("start tcpdump: %v", err)
	}
	line, err := bufio.NewReaderSize(said, 4096).ReadString('\n')
	if err != nil || !strings.Contains(line, "listening") {
		l.t.Fatalf("tcpdump said %q, %v", line, err)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, said)
		_ = cmd.Wait()
		close(ended)
	}()
	return pcap, func() {
		cancel()
		<-ended
	}
}

// phones scan for a while, in the foreground.
func (l *lab) phones(seconds string) {
	l.t.Helper()
	l.t.Log(l.run("phones", "--for", seconds, "--every", "1", "--frequencies", "2412,2437,2462", "wlan1:own", "wlan2:random", "wlan3:random:"+labNetwork))
}

// round lets the phones scan between two quiet times, and compares the numbers of frames.
func (l *lab) round(name string) {
	l.t.Helper()
	pcap, stop := l.record(strings.ReplaceAll(name, " ", "-"))
	before, from := l.heard(), time.Now()
	l.phones("20")
	time.Sleep(3 * time.Second) // for the last burst to close, and the loop to publish
	stop()
	l.rounds = append(l.rounds, labRound{name, from, time.Now(), pcap})
	got, want := int(l.heard()-before), len(probesIn(l.t, pcap))
	l.t.Logf("%s: tcpdump recorded %d probe requests, the sensor read %d", name, want, got)
	if got != want || want < 20 {
		l.t.Errorf("%s: got %d frames, want tcpdump's %d, and some", name, got, want)
	}
}

// downAndUp takes the interface down for five seconds while phones scan. The sensor sets it up again; tcpdump ends and is
// started anew, so what it recorded is a part of what the sensor heard.
func (l *lab) downAndUp() {
	l.t.Helper()
	pcap, stop := l.record("before-down")
	scanned := make(chan struct{})
	go func() {
		defer close(scanned)
		_ = exec.CommandContext(l.t.Context(), "phones", "--for", "25", "--every", "1", "--frequencies", "2412,2437,2462", "wlan1:own", "wlan2:random").Run()
	}()
	time.Sleep(6 * time.Second)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		l.run("ip", "link", "set", "wlan0", "down")
	}
	stop()
	l.partial = append(l.partial, pcap)
	deadline := time.Now().Add(30 * time.Second)
	for l.scrape()["footfall_sensor_listening"] != 1 {
		if time.Now().After(deadline) {
			l.t.Fatal("half a minute after the interface was down the sensor does not listen")
		}
		time.Sleep(100 * time.Millisecond)
	}
	pcap, stop = l.record("after-down")
	<-scanned
	time.Sleep(3 * time.Second)
	stop()
	l.partial = append(l.partial, pcap)
	if !strings.Contains(l.said.String(), "reason=interface_down") {
		l.t.Error("the log does not say that the interface was down")
	}
}

// account holds everything that reached Kafka against the recordings, replayed by the same agent under the same keys.
func (l *lab) account() {
	got, kept := l.delivered(l.broker)
	for _, r := range l.rounds {
		want, within := l.replayed(r.pcap), map[sight]bool{}
		for s := range got {
			if at := time.UnixMilli(s.ms); at.After(r.from) && at.Before(r.to) {
				within[s] = true
			}
		}
		if len(want) == 0 || !maps.Equal(within, want) {
			l.t.Errorf("%s: got %d sightings, want the %d of tcpdump's recording, and some", r.name, len(within), len(want))
		}
	}
	for _, pcap := range l.partial {
		missing, edges := 0, l.replayed(pcap)
		for s := range edges {
			if !got[s] {
				missing++
			}
		}
		// A burst that tcpdump saw only the end or the beginning of has another first frame.
		if missing > 1 || len(edges) == 0 {
			l.t.Errorf("%s: of %d sightings %d are missing", filepath.Base(pcap), len(edges), missing)
		}
	}
	if int(l.frames) != kept {
		l.t.Errorf("got %d frames in Kafka's minutes, want all %v that were read: none was dropped", kept, l.frames)
	}
	for what, text := range map[string]string{"the log": l.said.String(), "the disk": l.disk()} {
		if strings.Contains(text, labNetwork) {
			l.t.Errorf("the name of a network is in %s", what)
		}
	}
}

func (l *lab) disk() string {
	var all bytes.Buffer
	for _, dir := range []string{filepath.Join(l.dir, "state"), l.broker.data} {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			all.Write(raw)
			return err
		})
		if err != nil {
			l.t.Error(err)
		}
	}
	return all.String()
}

// delivered is the sightings in a broker, and the frames of all minutes.
func (l *lab) delivered(b *killBroker) (sights map[sight]bool, frames int) {
	l.t.Helper()
	sights = map[sight]bool{}
	for _, topic := range []string{broker.Sightings, broker.Counters} {
		_, err := broker.ReadPartition(l.t.Context(), b.config(), topic, 0, 0, func(m broker.Message) error {
			e, err := wire.Decode(m.Value)
			if err != nil {
				return err
			}
			var run wire.Run
			for runs := e.GetSightings().Runs(); runs.Next(&run); {
				ms := e.Header.BaseMs
				for _, d := range run.DeltasMS {
					ms += int64(d)
					sights[sight{run.ID, ms}] = true
				}
			}
			var minute wire.Minute
			for all := e.GetCounters().Minutes(); all.Next(&minute); {
				frames += int(minute.FramesRandom + minute.FramesStable)
			}
			return nil
		})
		if err != nil {
			l.t.Fatalf("read %s: %v", topic, err)
		}
	}
	return sights, frames
}

// replayed is the sightings that the same agent finds in a recording, under a copy of its keys.
func (l *lab) replayed(pcap string) map[sight]bool {
	l.t.Helper()
	b := &killBroker{t: l.t, data: l.t.TempDir()}
	b.start()
	defer func() { b.now.Close() }()
	if err := broker.EnsureTopics(l.t.Context(), b.config(), broker.Settings{Partitions: 1, Replication: 1, SealAfter: 4 * time.Hour, Embedded: true}); err != nil {
		l.t.Fatal(err)
	}
	config, state := pcap+".yaml", pcap+".state"
	text := fmt.Sprintf("state: %s\nsource: {files: [%s]}\nkafka: {brokers: ['%s']}\n", state, pcap, b.addr)
	twin, err := os.ReadFile(filepath.Join(l.dir, "twin"))
	if err == nil {
		err = errors.Join(os.MkdirAll(state, 0o700), os.WriteFile(filepath.Join(state, "keys"), twin, 0o600), os.WriteFile(config, []byte(text), 0o600))
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.run(l.program, "--config", config)
	sights, _ := l.delivered(b)
	return sights
}

// probesIn is the times of the probe requests of a recording.
func probesIn(t *testing.T, pcap string) []int64 {
	t.Helper()
	r, err := capture.Open(pcap)
	if err != nil {
		t.Fatalf("tcpdump's recording: %v", err)
	}
	defer r.Close()
	var out []int64
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return slices.Clip(out)
		}
		if err != nil {
			t.Fatalf("tcpdump's recording: %v", err)
		}
		var p dot11.Probe
		if drop := dot11.Parse(rec.Link, rec.Data, rec.OrigLen, &p); drop == dot11.DropNotProbeRequest {
			t.Error("tcpdump recorded something else than a probe request")
		}
		out = append(out, rec.Time)
	}
}
