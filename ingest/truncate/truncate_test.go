package truncate_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/truncate"
)

// start gives the test a Kafka with ten messages, 0 to 9, in the one partition of a topic.
func start(t *testing.T) broker.Config {
	t.Helper()
	cfg := broker.Config{Brokers: kafkatest.Start(t)}
	fill(t, cfg)
	return cfg
}

// fill adds ten messages to the one partition of a topic.
func fill(t *testing.T, cfg broker.Config) {
	t.Helper()
	settings := broker.Settings{Partitions: 1, Replication: 1, Embedded: !kafkatest.Apache()}
	if err := broker.EnsureTopics(soon(t), cfg, settings); err != nil {
		t.Fatal(err)
	}
	p, err := broker.NewProducer(cfg, broker.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := p.Send(soon(t), broker.Sightings, nil, []byte(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestBefore(t *testing.T) {
	cfg := start(t)
	steps := []struct {
		name     string
		embedded bool
		offset   int64
		first    int64
		fails    string
		left     string
	}{
		{"nothing", false, 0, 0, "", "0 1 2 3 4 5 6 7 8 9"},
		{"before the middle", false, 4, 4, "", "4 5 6 7 8 9"},
		{"again", false, 4, 4, "", "4 5 6 7 8 9"},
		{"what was passed", false, 2, 4, "", "4 5 6 7 8 9"},
		{"beyond the end", false, 11, 4, "reset the consumer group's offsets", "4 5 6 7 8 9"},
		{"the embedded broker keeps the last record", true, 10, 9, "", "9"},
		{"again, and beyond its end", true, 11, 9, "reset the consumer group's offsets", "9"},
		{"Kafka keeps nothing", false, 10, 10, "", ""},
		{"nothing is left", true, 10, 10, "", ""},
	}
	for _, step := range steps {
		tr, err := truncate.New(truncate.Options{Kafka: cfg, Embedded: step.embedded})
		if err != nil {
			t.Fatal(err)
		}
		first, err := tr.Before(soon(t), broker.Sightings, 0, step.offset)
		tr.Close()
		if (err != nil) != (step.fails != "") || err != nil && !strings.Contains(err.Error(), step.fails) {
			t.Errorf("%s: got %v, want %q in it", step.name, err, step.fails)
		}
		if first != step.first {
			t.Errorf("%s: first offset: got %d, want %d", step.name, first, step.first)
		}
		var left []string
		if _, err := broker.ReadPartition(soon(t), cfg, broker.Sightings, 0, broker.Earliest, func(m broker.Message) error {
			left = append(left, string(m.Value))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if want := strings.Fields(step.left); !slices.Equal(left, want) {
			t.Errorf("%s: messages left: got %v, want %v", step.name, left, want)
		}
	}
}

func TestBeforeNamesWhatIsMissing(t *testing.T) {
	cfg := start(t)
	tr, err := truncate.New(truncate.Options{Kafka: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if _, err := tr.Before(soon(t), broker.Sightings, 7, 1); err == nil || !strings.Contains(err.Error(), broker.Sightings+"/7") {
		t.Errorf("a partition that is not there: got %v, want an error that names it", err)
	}
	if _, err := truncate.New(truncate.Options{}); err == nil {
		t.Error("no brokers: got no error, want one")
	}
}

func TestTruncatesOverTLSWithALogin(t *testing.T) {
	k := kafkatest.StartSecure(t)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(kafkatest.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mechanism := range []string{broker.Plain, broker.ScramSHA256, broker.ScramSHA512} {
		t.Run(mechanism, func(t *testing.T) {
			cfg := broker.Config{Brokers: k.SASLTLS}
			security := broker.Security{
				TLS:  broker.SecurityTLS{Enabled: true, CA: k.CA.File, ServerName: kafkatest.BrokerName},
				SASL: broker.SecuritySASL{Mechanism: mechanism, User: kafkatest.User, PasswordFile: password},
			}
			if err := security.Apply(&cfg); err != nil {
				t.Fatal(err)
			}
			fill(t, cfg)
			tr, err := truncate.New(truncate.Options{Kafka: cfg})
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			first, err := broker.FirstOffset(soon(t), cfg, broker.Sightings, 0)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tr.Before(soon(t), broker.Sightings, 0, first+4)
			if err != nil || got != first+4 {
				t.Errorf("got the first offset %d and %v, want %d", got, err, first+4)
			}
		})
	}
	cfg := broker.Config{Brokers: k.SASLTLS}
	if err := (broker.Security{TLS: broker.SecurityTLS{Enabled: true, CA: k.CA.File, ServerName: kafkatest.BrokerName}}).Apply(&cfg); err != nil {
		t.Fatal(err)
	}
	tr, err := truncate.New(truncate.Options{Kafka: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := tr.Before(ctx, broker.Sightings, 0, 1); err == nil {
		t.Error("without a login: got no error")
	}
}

// TestRollEach looks at the files of a topic on the embedded broker: each message begins one, until it is told otherwise; and a
// truncation frees all but the last.
func TestRollEach(t *testing.T) {
	dir := t.TempDir()
	k, err := embedded.Start(embedded.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	cfg := broker.Config{Brokers: []string{k.Addr()}}
	if err := broker.EnsureTopics(soon(t), cfg, broker.Settings{Partitions: 1, Replication: 1, Embedded: true}); err != nil {
		t.Fatal(err)
	}
	tr, err := truncate.New(truncate.Options{Kafka: cfg, Embedded: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	p, err := broker.NewProducer(cfg, broker.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(soon(t)) //nolint:errcheck // all was flushed
	say := func(n int) {
		for range n {
			if err := errors.Join(p.Send(soon(t), broker.Sightings, nil, []byte("a message")), p.Flush(soon(t))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, step := range []struct {
		name  string
		do    func() error
		says  int
		files int
	}{
		{"at first", nil, 3, 1},
		{"each message begins one", func() error { return tr.RollEach(soon(t), broker.Sightings, true) }, 3, 4},
		{"no longer", func() error { return tr.RollEach(soon(t), broker.Sightings, false) }, 3, 4},
		{"each again", func() error { return tr.RollEach(soon(t), broker.Sightings, true) }, 1, 5},
		{"the topics' settings undo it", func() error {
			return broker.EnsureTopics(soon(t), cfg, broker.Settings{Partitions: 1, Replication: 1, Embedded: true})
		}, 3, 5},
		{"all before the last is truncated", func() error { _, err := tr.Before(soon(t), broker.Sightings, 0, 13); return err }, 0, 1},
	} {
		if step.do != nil {
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
		}
		say(step.says)
		if got := segments(t, dir, broker.Sightings); got != step.files {
			t.Errorf("%s: got %d files, want %d", step.name, got, step.files)
		}
	}
	if err := tr.RollEach(soon(t), "footfall.nothing.v1", true); err == nil || !strings.Contains(err.Error(), "footfall.nothing.v1") {
		t.Errorf("a topic that is not there: got %v, want an error that names it", err)
	}
	cluster, err := truncate.New(truncate.Options{Kafka: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	if err := cluster.RollEach(soon(t), broker.Sightings, true); err == nil || !strings.Contains(err.Error(), "segment.ms") {
		t.Errorf("on Kafka: got %v, want an error that says what does it there", err)
	}
}

// segments counts the segments of a topic in the embedded broker's folder.
func segments(t *testing.T, dir, topic string) (n int) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, topic) && strings.HasSuffix(path, ".dat") {
			n++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}
