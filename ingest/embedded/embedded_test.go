package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/truncate"
)

// dataEnv makes the test binary a broker on a folder instead: the process that TestSurvivesKill kills.
const dataEnv = "FOOTFALL_TEST_EMBEDDED_DATA"

func TestMain(m *testing.M) {
	if dir := os.Getenv(dataEnv); dir != "" {
		b, err := embedded.Start(embedded.Options{DataDir: dir})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(b.Addr())
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func open(t *testing.T, o embedded.Options) (*embedded.Broker, broker.Config) {
	t.Helper()
	b, err := embedded.Start(o)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(b.Close)
	return b, broker.Config{Brokers: []string{b.Addr()}}
}

func ensure(t *testing.T, cfg broker.Config) {
	t.Helper()
	if err := broker.EnsureTopics(soon(t), cfg, broker.Settings{Partitions: 2, Replication: 1, Embedded: true}); err != nil {
		t.Fatalf("EnsureTopics: %v", err)
	}
}

// fill sends numbered messages and returns when they are acknowledged.
func fill(t *testing.T, cfg broker.Config, topic string, from, n int) {
	t.Helper()
	p, err := broker.NewProducer(cfg, broker.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < from+n; i++ {
		if err := p.Send(soon(t), topic, []byte("store"), []byte(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, cfg broker.Config, topic string) (got []string) {
	t.Helper()
	for partition := range 2 {
		if topic == broker.OptOuts && partition > 0 {
			break
		}
		if _, err := broker.ReadPartition(soon(t), cfg, topic, partition, broker.Earliest, func(m broker.Message) error {
			got = append(got, string(m.Value))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func numbers(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	return list
}

// commit joins the group, commits an offset of every partition, and returns what was committed before.
func commit(t *testing.T, cfg broker.Config, offset int64) (before []int64) {
	t.Helper()
	c, err := broker.NewConsumer(cfg, broker.ConsumerOptions{Group: "g", Topics: []string{broker.Sightings}})
	if err != nil {
		t.Fatal(err)
	}
	done := errors.New("done")
	err = c.Run(soon(t), func(_ context.Context, g *broker.Generation) error {
		offsets := map[broker.TopicPartition]int64{}
		for _, a := range g.Assignments() {
			before = append(before, a.Committed)
			offsets[broker.TopicPartition{Topic: a.Topic, Partition: a.Partition}] = offset
		}
		if err := g.Commit(offsets); err != nil {
			return err
		}
		return done
	})
	if !errors.Is(err, done) {
		t.Fatalf("Run: %v", err)
	}
	return before
}

func TestRestartKeepsEverything(t *testing.T) {
	o := embedded.Options{DataDir: t.TempDir()}
	b, cfg := open(t, o)
	ensure(t, cfg)
	fill(t, cfg, broker.Sightings, 0, 100)
	if got := commit(t, cfg, 42); !slices.Equal(got, []int64{broker.Earliest, broker.Earliest}) {
		t.Errorf("committed at first: got %v, want nothing", got)
	}
	b.Close()
	b.Close() // twice is harmless

	o.Addr = b.Addr()
	again, cfg := open(t, o)
	if got := again.Addr(); got != o.Addr {
		t.Errorf("address: got %s, want %s", got, o.Addr)
	}
	ensure(t, cfg) // the topics are as they were
	if got := read(t, cfg, broker.Sightings); !slices.Equal(got, numbers(100)) {
		t.Errorf("messages after a restart: got %d, want 0 to 99", len(got))
	}
	if got := commit(t, cfg, 43); !slices.Equal(got, []int64{42, 42}) {
		t.Errorf("committed before the restart: got %v, want 42 twice", got)
	}
}

// killable starts a process with a broker on the folder. kill ends it as a power cut would.
func killable(t *testing.T, dir string) (cfg broker.Config, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), dataEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the broker's process: %v", err)
	}
	return broker.Config{Brokers: []string{strings.TrimSpace(addr)}}, kill
}

// TestSurvivesKill kills the broker's process with SIGKILL three times: what was acknowledged or committed stays.
func TestSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		cfg, kill := killable(t, dir)
		ensure(t, cfg)
		if got := read(t, cfg, broker.Sightings); !slices.Equal(got, numbers(round*50)) {
			t.Fatalf("messages after %d kills: got %d, want %d in order", round, len(got), round*50)
		}
		before := commit(t, cfg, int64(round+10))
		if want := int64(round + 9); round > 0 && !slices.Equal(before, []int64{want, want}) {
			t.Errorf("committed before the kill: got %v, want %d twice", before, want)
		}
		fill(t, cfg, broker.Sightings, round*50, 50)
		kill()
	}
	_, cfg := open(t, embedded.Options{DataDir: dir})
	if got := read(t, cfg, broker.Sightings); !slices.Equal(got, numbers(150)) {
		t.Errorf("messages at last: got %d, want 150 in order", len(got))
	}
}

// TestTruncationSurvivesKill: offsets never go back, because the last record stays (DESIGN section 9).
func TestTruncationSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	cfg, kill := killable(t, dir)
	ensure(t, cfg)
	fill(t, cfg, broker.OptOuts, 0, 100)
	tr, err := truncate.New(truncate.Options{Kafka: cfg, Embedded: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if first, err := tr.Before(soon(t), broker.OptOuts, 0, 100); err != nil || first != 99 {
		t.Fatalf("truncate: got %d, %v, want 99", first, err)
	}
	kill()
	_, cfg = open(t, embedded.Options{DataDir: dir})
	end, err := broker.EndOffset(soon(t), cfg, broker.OptOuts, 0)
	if err != nil || end != 100 {
		t.Errorf("end after the kill: got %d, %v, want 100", end, err)
	}
}

func TestStartRefuses(t *testing.T) {
	dir := t.TempDir()
	b, _ := open(t, embedded.Options{DataDir: dir})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		o    embedded.Options
		want string
	}{
		{"a folder in use", embedded.Options{DataDir: dir}, "in use by another process"},
		{"an address in use", embedded.Options{Addr: b.Addr()}, "choose a free address"},
		{"an address of the network", embedded.Options{Addr: "0.0.0.0:9092"}, "is not loopback"},
		{"a name of the network", embedded.Options{Addr: "example.org:9092"}, "is not loopback"},
		{"no port", embedded.Options{Addr: "127.0.0.1"}, "write it as 127.0.0.1:9092"},
		{"a file for a folder", embedded.Options{DataDir: file}, "choose a writable one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := embedded.Start(tt.o)
			if err == nil {
				b.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Start: got %v, want %q in the error", err, tt.want)
			}
		})
	}
}

func TestFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kafka")
	open(t, embedded.Options{DataDir: dir})
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the folder: got %v, %v, want 0700", info.Mode(), err)
	}
}

// TestWithoutAFolder forgets at Close.
func TestWithoutAFolder(t *testing.T) {
	b, cfg := open(t, embedded.Options{})
	ensure(t, cfg)
	fill(t, cfg, broker.Counters, 0, 3)
	if got := read(t, cfg, broker.Counters); !slices.Equal(got, numbers(3)) {
		t.Errorf("messages: got %v, want 0 to 2", got)
	}
	b.Close()
	_, cfg = open(t, embedded.Options{Addr: b.Addr()})
	ensure(t, cfg)
	if got := read(t, cfg, broker.Counters); len(got) != 0 {
		t.Errorf("messages of a new broker: got %v, want none", got)
	}
}

// TestRetentionFreesSegments: a topic whose retention is over loses its whole segments at the check.
func TestRetentionFreesSegments(t *testing.T) {
	_, cfg := open(t, embedded.Options{DataDir: t.TempDir(), RetentionCheck: 20 * time.Millisecond})
	ensure(t, cfg)
	old, err := broker.NewProducer(cfg, broker.ProducerOptions{Now: func() time.Time { return time.Now().Add(-13 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(old.Send(soon(t), broker.Counters, []byte("store"), []byte("of yesterday")), old.Close(soon(t))); err != nil {
		t.Fatal(err)
	}
	for ctx := soon(t); ; {
		if len(read(t, cfg, broker.Counters)) == 0 {
			return
		}
		if ctx.Err() != nil {
			t.Fatal("a message older than its topic's retention: got it still, want it gone")
		}
	}
}
