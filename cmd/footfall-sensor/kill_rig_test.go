package main

import (
	"encoding/binary"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/keys/keystest"
	"github.com/openfootfall/footfall/sensor/listen/tap"
)

// killBroker is a broker that goes away and comes back with what it had.
type killBroker struct {
	t    *testing.T
	data string
	addr string
	now  *embedded.Broker
	away int
}

func newKillBroker(t *testing.T) *killBroker {
	b := &killBroker{t: t, data: t.TempDir()}
	b.start()
	t.Cleanup(func() { b.now.Close() })
	if err := broker.EnsureTopics(t.Context(), b.config(), broker.Settings{Partitions: 2, Replication: 1, SealAfter: 4 * time.Hour, Embedded: true}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *killBroker) config() broker.Config {
	return broker.Config{Brokers: []string{b.addr}, ClientID: "test"}
}

func (b *killBroker) start() {
	started, err := embedded.Start(embedded.Options{DataDir: b.data, Addr: b.addr})
	if err != nil {
		b.t.Errorf("the broker did not come back: %v", err)
		return
	}
	b.now, b.addr = started, started.Addr()
}

// flap takes the broker away and brings it back until it is told to stop.
func (b *killBroker) flap(stop chan struct{}) {
	rnd := mathrand.New(mathrand.NewPCG(4, 4))
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(1500+rnd.IntN(3000)) * time.Millisecond):
		}
		b.now.Close()
		b.away++
		time.Sleep(time.Duration(200+rnd.IntN(2500)) * time.Millisecond)
		b.start()
	}
}

// killBox is a box whose sensor is killed again and again.
type killBox struct {
	t        *testing.T
	broker   *killBroker
	store    string
	radio    *tap.Device
	dir      string
	config   string
	web      string
	hasher   *keys.Hasher
	phones   uint32
	expected map[uint64]bool // ids of bursts that no kill may lose
	kills    int
	largest  int64 // of the spool, in bytes
}

func newKillBox(t *testing.T, b *killBroker, n int) *killBox {
	x := &killBox{t: t, broker: b, store: fmt.Sprintf("shop-%d", n), dir: t.TempDir(), expected: map[uint64]bool{}}
	x.radio = tap.New(t, dot11.LinkRadiotap)
	x.makeKeys()
	x.web = freeAddr(t)
	x.config = filepath.Join(x.dir, "sensor.yaml")
	text := fmt.Sprintf("state: %s\nbundle: %s\nsource: {interface: %s}\nspool: {fsync: %s, max_mb: %d}\nlisten: %s\nkafka: {brokers: ['%s']}\n",
		filepath.Join(x.dir, "state"), filepath.Join(x.dir, "door.bundle"), x.radio.Name(), killFsync, killSpoolMB, x.web, b.addr)
	if err := os.WriteFile(x.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return x
}

// makeKeys makes the sensor's bundle and the hasher that knows what its ids are.
func (x *killBox) makeKeys() {
	yaml := fmt.Sprintf("stores:\n  - {id: %s, name: A shop, time_zone: Etc/UTC, policy: standard, zones: [{id: floor, sensors: [{id: door}]}]}\n", x.store)
	x.hasher = keystest.New(x.t, x.dir, yaml, time.Now()).Hasher
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// killed runs and kills the sensor so many times.
func (x *killBox) killed(times int, seed uint64) {
	rnd := mathrand.New(mathrand.NewPCG(seed, 99))
	for range times {
		p := x.startProcess()
		var sent []sentPhone
		if x.ready(p, 5*time.Second) {
			sent = x.load(rnd, time.Duration(1200+rnd.IntN(3000))*time.Millisecond)
		}
		at := time.Now()
		_ = p.Process.Kill()
		_ = p.Wait()
		x.kills++
		x.largest = max(x.largest, folderSize(x.t, filepath.Join(x.dir, "state", "spool")))
		// A burst closes a second after its last frame, the loop looks at least every tenth of one, and the disk gets a tenth too.
		safe := at.Add(-time.Second - killFsync - 200*time.Millisecond)
		for _, s := range sent {
			if s.at.Before(safe) {
				x.expected[s.id] = true
			}
		}
	}
}

func (x *killBox) startProcess() *exec.Cmd {
	cmd := exec.Command("footfall-sensor-synced", "--config", x.config)
	cmd.Stderr = io.Discard
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		x.t.Errorf("start the sensor: %v", err)
	}
	return cmd
}

// ready waits until the sensor listens and ids may leave it; a broker that is away may make that longer than there is time.
func (x *killBox) ready(p *exec.Cmd, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		m := x.scrape()
		if m["footfall_sensor_listening"] == 1 && m["footfall_sensor_sends_ids"] == 1 {
			return true
		}
	}
	return false
}

// scrape reads the metrics without labels of note, by name.
func (x *killBox) scrape() map[string]float64 {
	req, err := http.NewRequestWithContext(x.t.Context(), http.MethodGet, "http://"+x.web+"/metrics", nil)
	if err != nil {
		return nil
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	out := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, _, _ = strings.Cut(name, "{")
		if i := strings.LastIndexByte(rest, ' '); i >= 0 {
			rest = rest[i+1:]
		}
		if v, err := strconv.ParseFloat(rest, 64); err == nil {
			out[name] += v
		}
	}
	return out
}

type sentPhone struct {
	id uint64
	at time.Time
}

// load sends bursts for a while: each of a stable address of its own, among frames of phones that make theirs up.
func (x *killBox) load(rnd *mathrand.Rand, during time.Duration) []sentPhone {
	var sent []sentPhone
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(time.Duration(1+rnd.IntN(8)) * time.Millisecond) {
		x.phones++
		stable := [6]byte{0x00, 0x1b}
		binary.BigEndian.PutUint32(stable[2:], x.phones)
		for range 1 + rnd.IntN(3) {
			x.send(stable)
		}
		sent = append(sent, sentPhone{x.hasher.ID(stable), time.Now()})
		x.send([6]byte{0x02, byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), 1})
	}
	return sent
}

func (x *killBox) send(from [6]byte) {
	frame := dot11.AppendProbeRequest(nil, from, 1, []byte{0, 0, 1, 4, 2, 4, 11, 22})
	data, err := dot11.Append(nil, dot11.LinkRadiotap, dot11.Radio{RSSI: -50, HasRSSI: true, FreqMHz: 2412}, frame)
	if err == nil {
		err = x.radio.Write(data)
	}
	if err != nil {
		x.t.Errorf("send a frame: %v", err)
	}
}

// settle runs the sensor once more until nothing is left to send.
func (x *killBox) settle() {
	p := x.startProcess()
	defer func() {
		_ = p.Process.Signal(syscall.SIGTERM)
		if err := p.Wait(); err != nil {
			x.t.Errorf("%s: the sensor ended: %v", x.store, err)
		}
	}()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if m := x.scrape(); m["footfall_sensor_sends_ids"] == 1 && m["footfall_spool_messages"] == 0 {
			return
		}
		if time.Now().After(deadline) {
			x.t.Fatalf("%s: the spool did not empty in two minutes", x.store)
		}
	}
}
