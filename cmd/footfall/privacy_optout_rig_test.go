//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store/engine"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/listen/tap"
	"github.com/openfootfall/footfall/sensor/live"
)

// box24 is a whole installation on one box: footfall serve as a process of its own, which a test can kill, and the store's two
// sensors, one on files and one live. What the process said, and what it answered, is kept to be searched.
type box24 struct {
	*bench
	spare     *keys.State // of today
	door      *box        // on files
	radio     *tap.Device // of the live sensor; nil where this machine has none
	shelfLog  lockedBuffer
	at        string // where the pages are
	metricsAt string
	serve     *exec.Cmd
	ended     chan struct{}
	said      lockedBuffer // all that footfall serve wrote, over all its lives
	texts     map[string][]byte
	mu        sync.Mutex
	echo      bytes.Buffer // pages that may repeat nothing of what was sent
}

// newBox24 makes the folder, the keys and the captures' store, and starts the box. The store's time zone is one in which its day
// does not end now.
func newBox24(t *testing.T) *box24 {
	t.Helper()
	needEngine(t)
	zone := "UTC"
	if time.Now().UTC().Hour() == 3 {
		zone = "Asia/Tokyo"
	}
	text := strings.Replace(alwaysOpen, "UTC", zone, 1)
	list, err := stores.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	b := &box24{
		bench: &bench{t: t, dir: t.TempDir(), stores: list, store: list[0]}, at: freePort(t), metricsAt: freePort(t), texts: map[string][]byte{},
	}
	b.brokers = []string{freePort(t)}
	b.write("stores.yaml", text)
	b.write("footfall.yaml", fmt.Sprintf("controller: Example Stores\ncontact: privacy@example.org\nurl: https://example.org\ndesk: true\n"+
		"trusted_proxies: ['127.0.0.1']\nstores: %s\ndata: %s\nlisten: %s\nkafka_listen: %s\nmetrics: %s\n",
		b.path("stores.yaml"), b.path("data"), b.at, b.brokers[0], b.metricsAt))
	if err := os.MkdirAll(b.path("data"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.issueKeys()
	b.start()
	t.Cleanup(func() { b.stop(syscall.SIGKILL) })
	return b
}

// issueKeys gives the service and the sensors keys, and the test the spare ones.
func (b *box24) issueKeys() {
	b.t.Helper()
	optOut, err := keys.NewOptOutKey(rand.Reader)
	if err == nil {
		err = optOut.Write(b.path("data/optout.key"))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	seed, err := keys.NewStoreSeed(rand.Reader)
	if err != nil {
		b.t.Fatal(err)
	}
	defer seed.Wipe()
	for _, dir := range []string{"door", "shelf", "spare"} {
		bundles, err := keys.NewBundles(&b.store, seed, b.today(), optOut)
		if err == nil {
			err = os.MkdirAll(b.path(dir), 0o700)
		}
		if err == nil {
			err = bundles[map[string]int{"shelf": 1}[dir]].Write(filepath.Join(b.path(dir), "bundle"))
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	if b.spare, err = keys.Import(filepath.Join(b.path("spare"), "bundle"), filepath.Join(b.path("spare"), "keys")); err != nil {
		b.t.Fatal(err)
	}
	if err := os.RemoveAll(b.path("spare")); err != nil {
		b.t.Fatal(err)
	}
	b.door = &box{b: b.bench, sensor: "door", dir: b.path("door")}
}

// start starts footfall serve in a folder of its own, where a core would lie, and waits until the registry is read.
func (b *box24) start() {
	b.t.Helper()
	cmd := b.program("footfall", "serve", "--config", b.path("footfall.yaml"))
	cmd.Dir = b.path("work")
	if err := os.MkdirAll(cmd.Dir, 0o700); err != nil {
		b.t.Fatal(err)
	}
	library, err := engine.Find()
	if err != nil {
		b.t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, "GOTRACEBACK=crash", engine.EnvLibrary+"="+library)
	cmd.Stdout, cmd.Stderr = &b.said, &b.said
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	b.serve, b.ended = cmd, ended
	b.until("footfall serve", func() bool {
		select {
		case <-ended:
			b.t.Fatalf("footfall serve ended:\n%s", b.said.text())
		default:
		}
		r, err := http.Get("http://" + b.metricsAt + "/healthz") //nolint:noctx // a test's
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	noCore(b.t, cmd.Process.Pid)
	for _, name := range []string{"cmdline", "environ"} {
		b.keep(fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, name))
	}
}

// keep reads a file to be searched.
func (b *box24) keep(path string) {
	b.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		b.t.Fatalf("%s: %d bytes, %v", path, len(text), err)
	}
	b.texts[path] = text
}

// stop ends footfall serve with a signal and waits for it.
func (b *box24) stop(signal syscall.Signal) {
	b.t.Helper()
	_ = b.serve.Process.Signal(signal)
	<-b.ended
}

// listens starts the live sensor, where there can be a radio, and waits until what it hears is in Kafka.
func (b *box24) listens(list []canary) {
	b.t.Helper()
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
		b.t.Logf("no live sensor: %v", err)
		return
	} else if err := f.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.radio = tap.New(b.t, dot11.LinkRadiotap)
	cfg, err := agent.ParseConfig(fmt.Appendf(nil, "state: %s\nbundle: %s\nsource: {interface: %s}\nspool: {fsync: 200ms, max_mb: 4}\nlisten: 127.0.0.1:0\nkafka: {brokers: ['%s']}\n",
		b.path("shelf/state"), b.path("shelf/bundle"), b.radio.Name(), b.brokers[0]))
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.t.Context())
	ended := make(chan error, 1)
	log := slog.New(slog.NewTextHandler(&b.shelfLog, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() {
		_, err := live.Run(ctx, cfg, live.Options{Software: "test", Log: log, Clock: rightClock{time.Now()}})
		ended <- err
	}()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Errorf("the live sensor ended: %v", err)
		}
	})
	polls := 0
	b.until("the live sensor's sightings", func() bool {
		if polls++; polls%60 == 1 { // until it listens; and a burst ends with a second's silence
			b.hears(list)
		}
		return slices.ContainsFunc(b.sentFrom(broker.Sightings, broker.Earliest), func(m sent) bool { return len(m.envelope.GetSightings().GetIds()) > 0 })
	})
}

// hears puts phones' probe requests on the live sensor's air.
func (b *box24) hears(list []canary) {
	b.t.Helper()
	if b.radio == nil {
		return
	}
	for i, c := range list {
		for _, a := range burst(b.t, c, 0, -50, uint16(i)) {
			if err := b.radio.Write(a.data); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// today is the store's day.
func (b *box24) today() calendar.Day { return b.store.Calendar.DayOf(time.Now()) }
