package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/openfootfall/footfall/aggregate/run"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/truncate"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/simulate"
)

const demoHelp = `footfall demo simulates one store for some weeks and sends it through the whole pipeline on this machine: captures, the real
sensor, an embedded Kafka, the aggregator, an embedded ClickHouse. It ends in a store report beside the simulation's truth,
and checks itself: exit status 1 means that the numbers left their bounds.

  footfall demo --days 35 --seed 1`

// demoStores is the store of the demo, as stores.yaml would have it. Its five weeks hold a change of clocks.
const demoStores = `
stores:
  - id: demo
    name: Demo Street 1
    time_zone: Europe/Berlin
    hours: {mon-fri: "09:00-20:00", sat: "09:00-18:00", sun: closed}
    zones: [{id: shop, sensors: [{id: door, entrance: true}]}]
`

// demoStart is a Monday.
var demoStart = calendar.DayOfDate(2026, time.March, 2)

// demoOptions are the flags of footfall demo, and what tests replace.
type demoOptions struct {
	days    int
	seed    uint64
	dir     string
	brokers []string // a Kafka that runs already, instead of the embedded one
}

func demoCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	var o demoOptions
	f := flags("demo", "usage: footfall demo [flags]\n\n"+demoHelp, out, errs)
	f.IntVar(&o.days, "days", 35, "store-days to simulate, from a Monday on; 35 are five weeks, 1 is quick")
	f.Uint64Var(&o.seed, "seed", 1, "of the simulated shoppers and of the demo's noise: the same seed, the same report")
	f.StringVar(&o.dir, "dir", ".demo", "`folder` of captures, topics and tables; what an earlier demo left there is replaced")
	if err := f.parse(args); err != nil {
		return err
	}
	if o.days < 1 || o.days > 70 {
		return f.wrong("--days: use 1 to 70")
	}
	return demo(ctx, o, out, errs)
}

// demo runs the pipeline and reports.
func demo(ctx context.Context, o demoOptions, out, errs io.Writer) error {
	list, err := stores.Parse([]byte(demoStores))
	if err != nil {
		return err
	}
	if err := clearDemo(o.dir); err != nil {
		return err
	}
	began := time.Now()
	db, err := store.Open(ctx, "embedded:"+filepath.Join(o.dir, "clickhouse"), store.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	truth, files, err := demoCaptures(ctx, o, list[0], errs)
	if err != nil {
		return err
	}
	if len(o.brokers) == 0 {
		kafka, err := embedded.Start(embedded.Options{DataDir: filepath.Join(o.dir, "kafka")})
		if err != nil {
			return err
		}
		defer kafka.Close()
		o.brokers = []string{kafka.Addr()}
	}
	counts, err := demoPipeline(ctx, o, list, files, db, errs)
	if err != nil {
		return err
	}
	fmt.Fprintf(errs, "%-28s %.0f s, %d frames, %d sightings\n", "done in", time.Since(began).Seconds(), counts.Frames, counts.Sightings)
	if err := demoWorth(ctx, db, list[0], truth); err != nil {
		return err
	}
	report, err := demoReport(ctx, db, list[0], truth)
	if err != nil {
		return err
	}
	report.print(out)
	return report.check(out)
}

// clearDemo makes the demo's folder, empty. A folder that a demo did not make is refused.
func clearDemo(dir string) error {
	mark := filepath.Join(dir, ".footfall-demo")
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s cannot be the demo's folder: %w: name another with --dir", dir, err)
	}
	if len(entries) > 0 {
		if _, err := os.Stat(mark); err != nil {
			return fmt.Errorf("%s is not empty and no demo made it: name another folder with --dir", dir)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("empty the demo's folder: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "captures"), 0o755); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	if err := os.WriteFile(mark, nil, 0o644); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	return nil
}

// demoCaptures simulates the store into one capture a store-day.
func demoCaptures(ctx context.Context, o demoOptions, s stores.Store, errs io.Writer) (simulate.Truth, []string, error) {
	cfg := simulate.Default(s, demoStart)
	cfg.Days, cfg.Seed = o.days, o.seed
	var files []string
	b := newBar(errs, "simulating a store")
	truth, err := simulate.Run(ctx, cfg, func(day calendar.Day) (io.WriteCloser, error) {
		name := filepath.Join(o.dir, "captures", day.String()+".pcap")
		files = append(files, name)
		return os.Create(name)
	}, func(done, total int) { b.set(int64(done), int64(total), fmt.Sprintf("day %d of %d", done, total)) })
	return truth, files, err
}

// demoPipeline runs the sensor and the aggregator side by side until every store-day is sealed.
func demoPipeline(ctx context.Context, o demoOptions, list []stores.Store, files []string, db *store.DB, errs io.Writer) (agent.Counts, error) {
	kafka := broker.Config{Brokers: o.brokers, ClientID: "footfall demo"}
	if err := broker.EnsureTopics(ctx, kafka, broker.Settings{Partitions: 1, Replication: 1, SealAfter: list[0].SealAfter, Embedded: true}); err != nil {
		return agent.Counts{}, err
	}
	noise := demoNoise(o.seed)
	cfg, err := demoSensor(o, list[0], files, noise)
	if err != nil {
		return agent.Counts{}, err
	}
	truncator, err := truncate.New(truncate.Options{Kafka: kafka, Embedded: true})
	if err != nil {
		return agent.Counts{}, err
	}
	defer truncator.Close()
	read := make(chan struct{})
	var sealed atomic.Int64
	sealing := newBar(errs, "sealing store-days")
	var rounding [32]byte
	_, _ = noise.Read(rounding[:])
	aggregator, err := run.New(run.Config{
		Kafka: kafka, Stores: list, RoundingKey: rounding, Clock: run.ClockCapture, FlushEvery: 2 * time.Second, Session: 6 * time.Second, Drained: read,
		Truncate: func(ctx context.Context, topic string, partition int, before int64) error {
			_, err := truncator.Before(ctx, topic, partition, before)
			return err
		},
		OnSealed: func(string, string) {
			n := sealed.Add(1)
			select {
			case <-read:
				sealing.set(n, int64(o.days), "")
			default: // the sensor's bar is on the screen
			}
		},
	}, db, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return agent.Counts{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	aggregated := make(chan error, 1)
	go func() {
		err := aggregator.Run(ctx)
		if err != nil {
			stop() // the sensor need not go on
		}
		aggregated <- err
	}()
	counts, err := agent.Run(ctx, cfg, agent.Options{Software: "footfall demo", Random: noise, Progress: filesProgress(errs, "reading the captures", files)})
	if err != nil {
		stop()
		if aerr := <-aggregated; aerr != nil {
			return counts, aerr
		}
		return counts, err
	}
	close(read)
	return counts, <-aggregated
}

// demoSensor issues the store's keys and configures its sensor.
func demoSensor(o demoOptions, s stores.Store, files []string, noise io.Reader) (*agent.Config, error) {
	seed, err := keys.NewStoreSeed(noise)
	if err != nil {
		return nil, err
	}
	defer seed.Wipe()
	optOut, err := keys.NewOptOutKey(noise)
	if err != nil {
		return nil, err
	}
	bundles, err := keys.NewBundles(&s, seed, demoStart, optOut)
	if err != nil {
		return nil, err
	}
	bundle := filepath.Join(o.dir, "door.bundle")
	if err := bundles[0].Write(bundle); err != nil {
		return nil, err
	}
	inside, floor := agent.DefaultRSSIInside, agent.DefaultRSSIFloor
	cfg := &agent.Config{State: filepath.Join(o.dir, "sensor"), Bundle: bundle, RSSIInside: &inside, RSSIFloor: &floor}
	cfg.Source.Files, cfg.Kafka.Brokers = files, o.brokers
	return cfg, nil
}

// demoNoise makes the demo the same each time. A real store draws its keys and its noise from the operating system.
func demoNoise(seed uint64) io.Reader {
	var s [32]byte
	for i := range 8 {
		s[i] = byte(seed >> (8 * i))
	}
	return rand.NewChaCha8(s)
}

// filesProgress is a bar over several files' bytes.
func filesProgress(w io.Writer, label string, files []string) agent.Progress {
	var total, before, last int64
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			total += info.Size()
		}
	}
	b := newBar(w, label)
	return func(read, _ int64) {
		if read < last { // the next file has begun
			before += last
		}
		last = read
		b.set(before+read, total, "")
	}
}

var errBounds = errors.New("the report left its bounds; the lines marked ! say where")
