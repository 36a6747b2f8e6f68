package live

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/clock"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/keys/keystest"
	"github.com/openfootfall/footfall/sensor/listen/tap"
)

const storesYAML = `stores:
  - id: shop
    name: A shop
    time_zone: Europe/Berlin
    policy: standard
    zones:
      - id: floor
        sensors:
          - {id: door}
`

// box is a box with a radio: a TAP device, a broker on loopback, keys, a configuration.
type box struct {
	t      *testing.T
	radio  *tap.Device
	broker *embedded.Broker
	addr   string
	data   string
	dir    string
	clock  *testClock
	config string
	stores string // empty: storesYAML
	hasher *keys.Hasher
	seq    uint16
}

func newBox(t *testing.T, change func(*box)) *box {
	t.Helper()
	b := &box{t: t, dir: t.TempDir(), data: t.TempDir(), clock: newTestClock()}
	b.radio = tap.New(t, dot11.LinkRadiotap)
	b.startBroker()
	t.Cleanup(func() { b.broker.Close() })
	b.config = fmt.Sprintf("state: %s\nbundle: %s\nsource: {interface: %s}\nspool: {fsync: 200ms, max_mb: 4}\nlisten: 127.0.0.1:0\nkafka: {brokers: ['%s']}\n",
		filepath.Join(b.dir, "state"), filepath.Join(b.dir, "door.bundle"), b.radio.Name(), b.addr)
	if change != nil {
		change(b)
	}
	if err := broker.EnsureTopics(t.Context(), b.kafka(), broker.Settings{Partitions: 1, Replication: 1, SealAfter: 4 * time.Hour, Embedded: true}); err != nil {
		t.Fatal(err)
	}
	b.makeKeys()
	return b
}

func (b *box) kafka() broker.Config {
	return broker.Config{Brokers: []string{b.addr}, ClientID: "test"}
}

// startBroker starts the broker, the second time where it was before and with what it had.
func (b *box) startBroker() {
	b.t.Helper()
	started, err := embedded.Start(embedded.Options{DataDir: b.data, Addr: b.addr})
	if err != nil {
		b.t.Fatal(err)
	}
	b.broker, b.addr = started, started.Addr()
}

// makeKeys makes the sensor's bundle, of today, and a hasher of the same keys.
func (b *box) makeKeys() {
	b.t.Helper()
	b.hasher = keystest.New(b.t, b.dir, cmp.Or(b.stores, storesYAML), b.clock.wall()).Hasher
}

// testClock is a clock that is synchronised, and can be told otherwise. Frames bear the kernel's time, so the wall is the machine's.
type testClock struct {
	unsynced atomic.Bool
	shift    atomic.Int64
	began    time.Time
}

func newTestClock() *testClock { return &testClock{began: time.Now()} }

func (c *testClock) wall() time.Time { return time.Now().Add(time.Duration(c.shift.Load())) }

func (c *testClock) Read() (clock.Reading, error) {
	return clock.Reading{Wall: c.wall(), Boot: time.Since(c.began) + time.Hour, Synced: !c.unsynced.Load()}, nil
}

// running is a started sensor.
type running struct {
	*box
	web    string
	stop   context.CancelFunc
	ended  chan error
	counts agent.Counts
}

// start runs a sensor on the box until the test ends, and waits until it listens.
func (b *box) start() *running {
	b.t.Helper()
	r := b.startDeaf()
	r.until("footfall_sensor_listening", 1)
	return r
}

// startDeaf does not wait.
func (b *box) startDeaf() *running {
	b.t.Helper()
	cfg, err := agent.ParseConfig([]byte(b.config))
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.t.Context())
	r := &running{box: b, stop: stop, ended: make(chan error, 1)}
	web := make(chan net.Addr, 1)
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(b.t.Output(), nil))
	}
	go func() {
		counts, err := Run(ctx, cfg, Options{Software: "test", Log: log, Clock: b.clock, OnListen: func(a net.Addr) { web <- a }})
		r.counts = counts
		r.ended <- err
	}()
	b.t.Cleanup(func() { r.end() })
	select {
	case a := <-web:
		r.web = "http://" + a.String()
	case err := <-r.ended:
		r.ended <- err
		b.t.Fatalf("the sensor ended: %v", err)
	}
	return r
}

// end stops the sensor and waits.
func (r *running) end() agent.Counts {
	r.t.Helper()
	r.stop()
	err := <-r.ended
	r.ended <- err
	if err != nil {
		r.t.Errorf("the sensor ended: %v", err)
	}
	return r.counts
}

func (r *running) get(path string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.web+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// metric is the sum of a metric's lines that hold all the parts.
func (r *running) metric(name string, parts ...string) float64 {
	r.t.Helper()
	_, body := r.get("/metrics")
	sum := 0.0
lines:
	for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
		line := lines.Text()
		if rest := strings.TrimPrefix(line, name); rest == line || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue lines
			}
		}
		v := 0.0
		if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &v); err != nil {
			r.t.Fatalf("a line of metrics: %q: %v", line, err)
		}
		sum += v
	}
	return sum
}

// until waits until a metric is at least that.
func (r *running) until(name string, want float64, parts ...string) {
	r.t.Helper()
	r.wait(fmt.Sprintf("%s %v >= %v", name, parts, want), func() bool { return r.metric(name, parts...) >= want })
}

// wait polls until it holds; a minute is for ever.
func (r *running) wait(what string, holds func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited a minute for: %s", what)
		}
	}
}

func (r *running) troubled(name string, on float64) {
	r.t.Helper()
	r.wait(fmt.Sprintf("trouble %s = %v", name, on), func() bool {
		return r.metric("footfall_sensor_trouble", `"`+name+`"`) == on
	})
}

// own is a stable address; made one that a phone made up.
func own(n int) hwaddr.Addr {
	return hwaddr.Addr{0x00, 0x1b, 0x63, byte(n >> 16), byte(n >> 8), byte(n)}
}
func made(n int) hwaddr.Addr {
	return hwaddr.Addr{0x02, 0x77, 0x63, byte(n >> 16), byte(n >> 8), byte(n)}
}

// sends puts a probe request on the air.
func (b *box) sends(a hwaddr.Addr, dbm int8) {
	b.t.Helper()
	if err := b.radio.Write(b.frame(a, dbm)); err != nil {
		b.t.Fatalf("send a frame: %v", err)
	}
}

func (b *box) frame(a hwaddr.Addr, dbm int8) []byte {
	b.t.Helper()
	b.seq++
	probe := dot11.AppendProbeRequest(nil, a, b.seq, []byte{0, 4, 'c', 'a', 'f', 'e', 1, 4, 2, 4, 11, 22})
	data, err := dot11.Append(nil, dot11.LinkRadiotap, dot11.Radio{RSSI: dbm, HasRSSI: true, FreqMHz: 2437}, probe)
	if err != nil {
		b.t.Fatal(err)
	}
	return data
}

// log is everything in a topic, decoded.
func (b *box) log(topic string) []*wire.Envelope {
	b.t.Helper()
	var out []*wire.Envelope
	_, err := broker.ReadPartition(b.t.Context(), b.kafka(), topic, 0, 0, func(m broker.Message) error {
		e, err := wire.Decode(m.Value)
		if err != nil {
			return err
		}
		out = append(out, e)
		return nil
	})
	if err != nil {
		b.t.Fatalf("read %s: %v", topic, err)
	}
	return out
}

// ids counts the sightings by id.
func ids(log []*wire.Envelope) map[uint64]int {
	out := map[uint64]int{}
	var run wire.Run
	for _, e := range log {
		for runs := e.GetSightings().Runs(); runs.Next(&run); {
			out[run.ID] += len(run.DeltasMS)
		}
	}
	return out
}

// minutes sums what the minutes say.
func minutes(log []*wire.Envelope) (frames, passers, listened, bursts int) {
	var m wire.Minute
	for _, e := range log {
		for all := e.GetCounters().Minutes(); all.Next(&m); {
			frames += int(m.FramesRandom + m.FramesStable)
			passers += int(m.PassersBy)
			listened += int(m.ListenedS)
			for _, row := range m.Rows {
				bursts += int(row.Bursts)
			}
		}
	}
	return frames, passers, listened, bursts
}

// files is everything on the box's disk, as one text.
func files(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// runOnce starts a sensor that is expected to fail at once.
func (b *box) runOnce() error {
	b.t.Helper()
	cfg, err := agent.ParseConfig([]byte(b.config))
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(b.t.Context(), time.Minute)
	defer stop()
	_, err = Run(ctx, cfg, Options{Software: "test", Clock: b.clock})
	return err
}
