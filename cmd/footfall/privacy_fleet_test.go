package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/openfootfall/footfall/aggregate/run"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/keys"
)

// privacyStores are two stores of one chain. North has two sensors, and as long as only one of them was heard its store-days
// stay open: so a test can look at an open day of a file.
const privacyStores = `
stores:
  - id: north
    name: North Street 1
    time_zone: Europe/Berlin
    hours: {mon-fri: "09:00-20:00", sat: "09:00-18:00", sun: closed}
    zones: [{id: shop, sensors: [{id: door, entrance: true}, {id: shelf}]}]
  - id: south
    name: South Street 2
    time_zone: Europe/Berlin
    hours: {mon-fri: "09:00-20:00", sat: "09:00-18:00", sun: closed}
    zones: [{id: shop, sensors: [{id: gate, entrance: true}]}]
`

// twoDays are the store-days of the privacy tests, in one store-week: what a week's key makes of an address is the same on both.
var twoDays = [2]calendar.Day{demoStart, demoStart + 1}

// box is a sensor with its whole disk in one folder. What it logs, at every level, and what it measures is kept.
type box struct {
	b       *bench
	dir     string
	sensor  string
	logs    bytes.Buffer
	metrics bytes.Buffer
}

// fleet issues a store's keys and sets its sensors up. The same seed issues the same keys. The spare is the key state of the
// first day, which only the test holds: what it makes of an address is what the sensors make of it.
func (b *bench) fleet(s stores.Store, name string, seed byte) (boxes []*box, spare *keys.State) {
	b.t.Helper()
	noise := rand.NewChaCha8([32]byte{'k', seed})
	storeSeed, err := keys.NewStoreSeed(noise)
	if err != nil {
		b.t.Fatal(err)
	}
	defer storeSeed.Wipe()
	optOut, err := keys.NewOptOutKey(noise)
	if err != nil {
		b.t.Fatal(err)
	}
	bundles, err := keys.NewBundles(&s, storeSeed, twoDays[0], optOut)
	if err != nil {
		b.t.Fatal(err)
	}
	away := b.t.TempDir()
	if err := bundles[0].Write(filepath.Join(away, "bundle")); err != nil {
		b.t.Fatal(err)
	}
	if spare, err = keys.Import(filepath.Join(away, "bundle"), filepath.Join(away, "keys")); err != nil {
		b.t.Fatal(err)
	}
	for i := range bundles {
		x := &box{b: b, sensor: bundles[i].Sensor, dir: b.path(filepath.Join(name, bundles[i].Sensor))}
		if err := os.MkdirAll(x.dir, 0o700); err != nil {
			b.t.Fatal(err)
		}
		if err := bundles[i].Write(filepath.Join(x.dir, "bundle")); err != nil {
			b.t.Fatal(err)
		}
		boxes = append(boxes, x)
	}
	return boxes, spare
}

// config is the sensor's configuration as it reads it from its file.
func (x *box) config(files []string) *agent.Config {
	x.b.t.Helper()
	text := fmt.Sprintf("state: %s\nbundle: %s\nsource: {files: [", filepath.Join(x.dir, "state"), filepath.Join(x.dir, "bundle"))
	for _, f := range files {
		text += fmt.Sprintf("%q, ", f)
	}
	text += fmt.Sprintf("]}\nkafka: {brokers: [%q]}\n", x.b.brokers[0])
	file := filepath.Join(x.dir, "sensor.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		x.b.t.Fatal(err)
	}
	cfg, err := agent.LoadConfig(file)
	if err != nil {
		x.b.t.Fatal(err)
	}
	return cfg
}

// run is the sensor from its start to the end of the captures.
func (x *box) run(files ...string) agent.Counts {
	x.b.t.Helper()
	counts, err := x.try(files...)
	if err != nil {
		x.b.t.Fatalf("sensor %s: %v", x.sensor, err)
	}
	return counts
}

// try is run for a sensor that may refuse; the error is one of its outputs.
func (x *box) try(files ...string) (agent.Counts, error) {
	x.b.t.Helper()
	registry := prometheus.NewRegistry()
	log := slog.New(slog.NewTextHandler(&x.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	counts, err := agent.Run(x.b.t.Context(), x.config(files), agent.Options{Software: "test", Log: log, Registerer: registry})
	fmt.Fprintln(&x.logs, "error:", err)
	x.metrics.Write(metricsOf(registry))
	return counts, err
}

// metricsOf is what a Prometheus server would read.
func metricsOf(registry *prometheus.Registry) []byte {
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	return answer.Body.Bytes()
}

// idsOf is what the store makes of the canaries' addresses on its keys' day.
func idsOf(spare *keys.State, list []canary) []uint64 {
	hasher := spare.Hasher()
	var ids []uint64
	for _, c := range list {
		ids = append(ids, hasher.ID(c.addr))
	}
	return ids
}

// sent is a message as it lies in Kafka, and what it says.
type sent struct {
	message  broker.Message
	envelope *wire.Envelope
}

// sentFrom are all messages of a topic from an offset on that a consumer can read.
func (b *bench) sentFrom(topic string, from int64) (out []sent) {
	b.t.Helper()
	cfg := broker.Config{Brokers: b.brokers, ClientID: "test"}
	if _, err := broker.ReadPartition(b.t.Context(), cfg, topic, 0, from, func(m broker.Message) error {
		e, err := wire.Decode(m.Value)
		out = append(out, sent{m, e})
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
	return out
}

// everythingSent are the messages of both topics.
func (b *bench) everythingSent() []sent {
	b.t.Helper()
	return append(b.sentFrom(broker.Sightings, broker.Earliest), b.sentFrom(broker.Counters, broker.Earliest)...)
}

// storeDay is a store and a store-day.
type storeDay struct {
	store string
	day   calendar.Day
}

// sentIDs are the ids in the messages, by store and store-day.
func sentIDs(messages []sent) map[storeDay]map[uint64]bool {
	ids := map[storeDay]map[uint64]bool{}
	for _, m := range messages {
		h := m.envelope.Header
		at := storeDay{h.Store, calendar.Day(h.StoreDay)}
		if ids[at] == nil {
			ids[at] = map[uint64]bool{}
		}
		for _, id := range m.envelope.GetSightings().GetIds() {
			ids[at][id] = true
		}
	}
	return ids
}

// journey is what the canaries' captures go through, in two halves.
type journey struct {
	*bench
	list              []canary
	door, shelf, gate *box
	spare             *keys.State // of north
	aggregator        bytes.Buffer
	metrics           []byte
	captures          string
}

func newJourney(t *testing.T, list []canary) *journey {
	t.Helper()
	j := &journey{bench: newBenchOf(t, privacyStores), list: list, captures: t.TempDir()}
	north, spare := j.fleet(j.stores[0], "north", 1)
	south, _ := j.fleet(j.stores[1], "south", 2)
	j.door, j.shelf, j.gate, j.spare = north[0], north[1], south[0], spare
	return j
}

// files are the captures of both store-days as one sensor hears them.
func (j *journey) files(sensor string, list []canary, seed byte) []string {
	j.t.Helper()
	var files []string
	for _, day := range twoDays {
		files = append(files, canaryDay(j.t, filepath.Join(j.captures, sensor+"-"+day.String()+".pcap"), j.stores[0], day, list, seed))
	}
	return files
}

// open brings both store-days of the door to ClickHouse, where they stay open: the shelf has not been heard yet.
func (j *journey) open() agent.Counts {
	j.t.Helper()
	counts := j.door.run(j.files("door", j.list, 1)...)
	db, err := store.Open(j.t.Context(), "embedded:"+j.path("engine"), store.Options{})
	if err != nil {
		j.t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			j.t.Error(err)
		}
	}()
	if err := db.Migrate(j.t.Context()); err != nil {
		j.t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	log := slog.New(slog.NewTextHandler(&j.aggregator, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := run.New(run.Config{
		Kafka: broker.Config{Brokers: j.brokers, ClientID: "test"}, Group: "aggregate", Stores: j.stores, RoundingKey: [32]byte{1}, Clock: run.ClockCapture,
		FlushEvery: 100 * time.Millisecond, Session: 6 * time.Second,
	}, db, registry, log)
	if err != nil {
		j.t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(j.t.Context(), time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	for rows := uint64(0); rows == 0; { // the last table that a flush writes
		if rows, err = store.Value[uint64](ctx, db, "SELECT count() FROM pub_sensor_5min"); err != nil {
			j.t.Fatalf("the open days do not reach ClickHouse: %v\n%s", err, j.aggregator.String())
		}
		select {
		case err := <-ended:
			j.t.Fatalf("the aggregator ended by itself: %v\n%s", err, j.aggregator.String())
		case <-time.After(20 * time.Millisecond): // between two looks, nothing depends on it
		}
	}
	j.metrics = metricsOf(registry)
	stop()
	<-ended // its error is that it was stopped
	return counts
}

// others lets the other sensors send what they heard: with that both days are due.
func (j *journey) others() {
	j.t.Helper()
	j.shelf.run(j.files("shelf", j.list, 2)...)
	j.gate.run(j.files("gate", j.list, 3)...)
}

// seal lets an aggregator of its own process seal both days and truncate the topics.
func (j *journey) seal() {
	j.t.Helper()
	j.aggregator.WriteString(j.aggregate("engine", "aggregate"))
}

// everyTable is every row in the engine's folder, in one of ClickHouse's formats.
func (j *journey) everyTable(format string) []byte {
	j.t.Helper()
	cmd := j.program("dump-all", j.path("engine"), format)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		j.t.Fatalf("dump %s: %v\n%s", j.path("engine"), err, errs.String())
	}
	return out
}
