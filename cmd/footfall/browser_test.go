package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/optout/notice"
)

const browserStores = `stores:
  - id: quay
    name: Quay Street 7
    time_zone: Europe/Berlin
    hours: {mon-fri: "09:00-20:00", sat: "09:00-18:00"}
    zones: [{id: ground, sensors: [{id: door}, {id: till}]}, {id: upstairs, sensors: [{id: stairs}]}]
  - id: market
    name: Market Hall
    time_zone: Europe/Berlin
    zones: [{id: hall, sensors: [{id: door}]}]
`

// browserDriver is deploy/browser/optout.mjs and what runs it; the test is skipped where one of them is absent.
func browserDriver(t *testing.T) (node, script, chromium string) {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes a minute: run without -short")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not on this machine: install Node.js 20 or later")
	}
	chromium = os.Getenv("FOOTFALL_CHROMIUM")
	if chromium == "" {
		chromium = "/usr/bin/chromium"
	}
	if _, err := os.Stat(chromium); err != nil {
		t.Skipf("there is no browser at %s: set FOOTFALL_CHROMIUM", chromium)
	}
	script = project(t, filepath.Join("deploy", "browser", "optout.mjs"))
	if _, err := os.Stat(filepath.Join(filepath.Dir(script), "node_modules", "puppeteer-core")); err != nil {
		t.Skip("deploy/browser has no node_modules: run npm ci there")
	}
	return node, script, chromium
}

// servedPages is the real service, with a registry in a real Kafka, and sensors that say that they follow it.
func servedPages(t *testing.T, org notice.Org) (at string) {
	t.Helper()
	cfg := broker.Config{Brokers: kafkatest.Start(t), ClientID: "browser-test"}
	if err := broker.EnsureTopics(t.Context(), cfg, broker.Settings{Partitions: 1, Replication: 1, Embedded: !kafkatest.Apache()}); err != nil {
		t.Fatal(err)
	}
	list, err := stores.Parse([]byte(browserStores))
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.NewOptOutKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(filepath.Join(t.TempDir(), "audit.jsonl"), "test", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	listening := make(chan net.Addr, 1)
	p, err := newPages(pagesInput{
		cfg: pagesConfig{Org: org, Desk: true, Listen: "127.0.0.1:0"}, key: key, kafka: cfg, stores: list, data: t.TempDir(), audit: log,
		registry: prometheus.NewRegistry(), log: slog.New(slog.DiscardHandler), onListen: func(a net.Addr) { listening <- a },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- p.run(ctx) }()
	go func() { ended <- sensorsThatFollow(ctx, cfg, list[:1], p) }()
	t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		_ = log.Close()
	})
	select {
	case a := <-listening:
		return "http://" + a.String()
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return ""
}

// sensorsThatFollow says for every sensor of the stores, each second, that it works under the newest list.
func sensorsThatFollow(ctx context.Context, cfg broker.Config, list []stores.Store, p *pages) error {
	out, err := broker.NewPublisher(cfg, broker.ProducerOptions{})
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for sequence := uint64(0); ; sequence++ {
		for i := range list {
			for _, s := range list[i].Sensors {
				now := time.Now()
				raw, err := wire.Encode(&wire.Envelope{
					Header: &wire.Header{
						Store: list[i].ID, Sensor: s.ID, Zone: s.Zone, Boot: 1, Sequence: sequence, BaseMs: now.UnixMilli(),
						StoreDay: int32(list[i].Calendar.DayOf(now)), OptoutVersion: p.desk.Stats().Version, Policy: list[i].Policy,
					},
					Body: &wire.Envelope_Heartbeat{Heartbeat: &wire.Heartbeat{MadeMs: now.UnixMilli(), OptoutAgeS: 2, Software: "test"}},
				})
				if err == nil {
					err = out.Publish(ctx, broker.Sensors, []byte(list[i].ID+"/"+s.ID), [][]byte{raw})
				}
				if err != nil && ctx.Err() == nil {
					return fmt.Errorf("say where a sensor stands: %w", err)
				}
			}
		}
		select {
		case <-ctx.Done():
			return out.Close()
		case <-tick.C:
		}
	}
}

// TestOptOutPagesInABrowser: registering, looking up and undoing work in both languages without JavaScript and by keyboard alone;
// axe finds nothing on any page; none is wider than a small phone or heavier than 50 kB; the sign's code says where the pages are.
// FOOTFALL_SHOTS names a folder for the screenshots.
func TestOptOutPagesInABrowser(t *testing.T) {
	node, script, chromium := browserDriver(t)
	org := notice.Org{Controller: "Lindgren & Hale", Contact: "privacy@lindgren-hale.example", URL: "https://optout.lindgren-hale.example"}
	shots := os.Getenv("FOOTFALL_SHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	given, err := json.Marshal(map[string]string{"url": servedPages(t, org), "code": org.URL, "store": "quay", "shots": shots, "chromium": chromium})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, node, script, string(given))
	cmd.Dir = filepath.Dir(script)
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		t.Error(strings.TrimSpace(line))
	}
	if err != nil && len(out) == 0 {
		t.Errorf("the browser's driver: %v", err)
	}
}
