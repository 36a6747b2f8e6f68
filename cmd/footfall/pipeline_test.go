package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store/engine"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/simulate"
)

// bench is a whole installation in a test's folder: a Kafka, a store's captures, its keys, a rounding key.
type bench struct {
	t       *testing.T
	dir     string
	kafka   []string // the folders that Kafka keeps its files in
	brokers []string
	stores  []stores.Store
	store   stores.Store // the first of them
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchOf(t, demoStores)
}

// newBenchOf is a bench of other stores than the demo's.
func newBenchOf(t *testing.T, storesYAML string) *bench {
	t.Helper()
	needEngine(t)
	b := &bench{t: t, dir: t.TempDir()}
	b.startKafka()
	list, err := stores.Parse([]byte(storesYAML))
	if err != nil {
		t.Fatal(err)
	}
	b.stores, b.store = list, list[0]
	b.write("stores.yaml", storesYAML)
	b.write("rounding.key", strings.Repeat("5a", 32)+"\n")
	kafka := broker.Config{Brokers: b.brokers, ClientID: "test"}
	if err := broker.EnsureTopics(t.Context(), kafka, broker.Settings{Partitions: 1, Replication: 1, SealAfter: b.store.SealAfter, Embedded: !kafkatest.Apache()}); err != nil {
		t.Fatal(err)
	}
	return b
}

// startKafka starts a Kafka and notes its folders: what it made beside the bench's own, where all of a test's temporary
// folders are.
func (b *bench) startKafka() {
	b.t.Helper()
	had, err := filepath.Glob(filepath.Join(filepath.Dir(b.dir), "*"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.brokers = kafkatest.Start(b.t)
	has, err := filepath.Glob(filepath.Join(filepath.Dir(b.dir), "*"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.kafka = slices.DeleteFunc(has, func(dir string) bool { return slices.Contains(had, dir) })
	if len(b.kafka) == 0 {
		b.t.Fatal("Kafka keeps its files in no folder of the test")
	}
}

// needEngine skips where the engine is not installed.
func needEngine(t *testing.T) {
	t.Helper()
	if _, err := engine.Find(); err != nil {
		t.Skipf("skipped: %v", err)
	}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(b.path(name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// simulate writes a small store's captures.
func (b *bench) simulate(days int) []string {
	b.t.Helper()
	cfg := simulate.Default(b.store, demoStart)
	cfg.Days, cfg.ShoppersPerDay, cfg.PassersPerDay = days, 120, 200
	var files []string
	if _, err := simulate.Run(b.t.Context(), cfg, func(day calendar.Day) (io.WriteCloser, error) {
		files = append(files, b.path(day.String()+".pcap"))
		return os.Create(files[len(files)-1])
	}, nil); err != nil {
		b.t.Fatal(err)
	}
	return files
}

// sense sends captures through a sensor with keys and noise of its own.
func (b *bench) sense(files []string, seed uint64) agent.Counts {
	b.t.Helper()
	counts, err := b.sensor(b.t.Context(), files, seed)
	if err != nil {
		b.t.Fatal(err)
	}
	return counts
}

func (b *bench) sensor(ctx context.Context, files []string, seed uint64) (agent.Counts, error) {
	o := demoOptions{dir: b.dir, brokers: b.brokers}
	noise := rand.NewChaCha8([32]byte{byte(seed), 1})
	cfg, err := demoSensor(o, b.store, files, noise)
	if err != nil {
		return agent.Counts{}, err
	}
	return agent.Run(ctx, cfg, agent.Options{Software: "test", Random: noise})
}

// aggregator is a footfall aggregate of its own process.
func (b *bench) aggregator(engineDir, group string, more ...string) *exec.Cmd {
	args := append([]string{
		"aggregate", "--stores", b.path("stores.yaml"), "--rounding-key", b.path("rounding.key"), "--kafka", strings.Join(b.brokers, ","),
		"--clickhouse", "embedded:" + b.path(engineDir), "--group", group, "--clock", "capture", "--flush", "300ms", "--session", "6s", "--drain",
	}, more...)
	return b.program("footfall", args...)
}

func (b *bench) program(name string, args ...string) *exec.Cmd {
	b.t.Helper()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.CommandContext(b.t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"="+name)
	return cmd
}

// aggregate runs an aggregator until every day is sealed and returns what it logged.
func (b *bench) aggregate(engineDir, group string, more ...string) string {
	b.t.Helper()
	out, err := b.aggregator(engineDir, group, more...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("footfall aggregate: %v\n%s", err, out)
	}
	return string(out)
}

// tables dumps an engine, without the columns named.
func (b *bench) tables(engineDir string, without ...string) string {
	b.t.Helper()
	cmd := b.program("dump", append([]string{b.path(engineDir)}, without...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		b.t.Fatalf("dump %s: %v\n%s", engineDir, err, errs.String())
	}
	return string(out)
}

// sameTables compares dumps and shows the first row that differs.
func sameTables(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := at(g, i), at(w, i)
		if a != b {
			t.Fatalf("%s: %d rows, want %d; the first that differs:\n got %s\nwant %s", what, len(g), len(w), a, b)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// positions are the columns that depend on where in the log something stands.
var positions = []string{"version", "sightings_offset", "counters_offset"}

func TestReplayMakesTheSameTables(t *testing.T) {
	b := newBench(t)
	b.sense(b.simulate(9), 1)
	log := b.aggregate("first", "one", "--keep-topics")
	want := b.tables("first")
	if n := strings.Count(want, `"t":"sealed_days"`); n != 9 {
		t.Fatalf("%d days sealed, want 9\n%s", n, log)
	}
	for _, gone := range []string{"device_days", "people_minutes", "cells"} {
		if strings.Contains(want, `"t":"`+gone+`"`) {
			t.Errorf("%s still has rows of sealed days", gone)
		}
	}
	if !strings.Contains(want, `"t":"pub_store_week"`) || !strings.Contains(want, `"t":"repeat_weeks"`) {
		t.Error("the first week was not published")
	}

	b.aggregate("second", "two", "--keep-topics")
	sameTables(t, "the log again, into an empty engine", b.tables("second"), want)

	b.killed("third", "three", 3)
	sameTables(t, "the log again, into an empty engine, killed three times on the way", b.tables("third"), want)

	b.aggregate("first", "one")
	for topic, readable := range map[string]int{broker.Sightings: 1, broker.Counters: 1} {
		if got := b.readable(topic); got > readable {
			t.Errorf("%s: %d messages can still be read after truncation, want at most %d", topic, got, readable)
		}
	}
	sameTables(t, "the same engine, truncating", b.tables("first"), want)
	b.aggregate("first", "four")
	sameTables(t, "the truncated topics from their beginning, into the same engine", b.tables("first"), want)
}

// killed runs an aggregator and kills it some times at different moments, while it owns the partitions, before it is let
// through.
func (b *bench) killed(engineDir, group string, times int) {
	b.t.Helper()
	for i := range times {
		b.killAfter(b.aggregator(engineDir, group, "--keep-topics", "--flush", "20ms"), "reading the open days again", time.Duration(30+60*i)*time.Millisecond)
	}
	b.aggregate(engineDir, group, "--keep-topics")
}

// killAfter starts a program and kills it some time after it logged what it was waited for. The time is the moment of the kill,
// not a synchronisation: the program is at work then, wherever it is.
func (b *bench) killAfter(cmd *exec.Cmd, logged string, delay time.Duration) {
	b.t.Helper()
	log, err := cmd.StderrPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	var all strings.Builder
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), logged) {
			time.Sleep(delay)
			_ = cmd.Process.Kill()
			_, _ = io.Copy(io.Discard, log)
			var exit *exec.ExitError
			if err := cmd.Wait(); errors.As(err, &exit) && exit.ExitCode() == -1 {
				return // killed
			}
			b.t.Fatalf("it was through before it could be killed:\n%s", all.String())
		}
	}
	_ = cmd.Wait()
	b.t.Fatalf("it never logged %q, so the kill would have hit nothing:\n%s", logged, all.String())
}

// readable is how many messages of a topic can be read.
func (b *bench) readable(topic string) int {
	b.t.Helper()
	n := 0
	cfg := broker.Config{Brokers: b.brokers, ClientID: "test"}
	if _, err := broker.ReadPartition(b.t.Context(), cfg, topic, 0, broker.Earliest, func(broker.Message) error {
		n++
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// TestKilledWhileTheSensorSends kills the aggregator that appends the Seals itself, while messages still come.
func TestKilledWhileTheSensorSends(t *testing.T) {
	undisturbed := newBench(t)
	files := undisturbed.simulate(5)
	undisturbed.sense(files, 2)
	undisturbed.aggregate("engine", "one")
	want := undisturbed.tables("engine", positions...)

	b := newBench(t)
	sent := make(chan error, 1)
	go func() {
		_, err := b.sensor(t.Context(), files, 2)
		sent <- err
	}()
	// First while it reads, then each time just after it asked for the sealing of a day.
	b.killAfter(b.aggregator("engine", "one", "--flush", "20ms"), "reading the open days again", 100*time.Millisecond)
	for i := range 2 {
		b.killAfter(b.aggregator("engine", "one", "--flush", "20ms"), "is due; sealing it", time.Duration(5*i)*time.Millisecond)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	b.aggregate("engine", "one")
	sameTables(t, "killed three times while the sensor sent", b.tables("engine", positions...), want)
}
