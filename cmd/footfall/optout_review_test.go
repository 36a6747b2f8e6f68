package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/registry"
)

// quarantineTopics is a Kafka with the topics and some registrations in quarantine, by burst.
func quarantineTopics(t *testing.T, held ...registry.HeldRecord) string {
	t.Helper()
	cfg := broker.Config{Brokers: kafkatest.Start(t)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := broker.EnsureTopics(ctx, cfg, broker.Settings{Partitions: 1, Replication: 1, Embedded: !kafkatest.Apache()}); err != nil {
		t.Fatal(err)
	}
	p, err := broker.NewPublisher(cfg, broker.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	for _, h := range held {
		key, value, err := h.Encode()
		if err == nil {
			err = p.Publish(ctx, broker.Quarantine, key, [][]byte{value})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return cfg.Brokers[0]
}

// review runs footfall optout review and wants an error, or none where want is empty.
func review(t *testing.T, want string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	err := optOutReview(t.Context(), args, &out, &errs)
	if got := errs.String(); got != "" && !errors.Is(err, errUsage) {
		t.Errorf("%q: got %q on standard error, want nothing", args, got)
	}
	switch {
	case want == "" && err != nil:
		t.Fatalf("%q: %v", args, err)
	case want != "" && (err == nil || !strings.Contains(err.Error()+errs.String(), want)):
		t.Errorf("%q: got %v and %q, want an error with %q", args, err, errs.String(), want)
	}
	return out.String()
}

func TestOptOutReview(t *testing.T) {
	today := int32(time.Since(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	held := func(n byte, day int32, burst uint32) registry.HeldRecord {
		return registry.HeldRecord{Key: bytes.Repeat([]byte{n}, 32), Tag: uint32(n), Day: day, Burst: burst}
	}
	brokers := quarantineTopics(t, held(1, today, 0x1f), held(2, today-3, 0x3f9a01bc), held(3, today-1, 0x3f9a01bc), held(4, today-2, 0xffffffff))
	date := func(day int32) string {
		return time.Date(2020, 1, 1+int(day), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	}
	kafka := "--kafka=" + brokers

	want := "burst    registrations  first       last      \n" +
		"3f9a01bc             2  " + date(today-3) + "  " + date(today-1) + "\n" +
		"ffffffff             1  " + date(today-2) + "  " + date(today-2) + "\n" +
		"0000001f             1  " + date(today) + "  " + date(today) + "\n" +
		"bursts: 3, registrations: 4. None of them is enforced: --release BURST enforces one, --drop BURST removes it; all means all\n"
	if got := review(t, "", kafka); got != want {
		t.Errorf("list: got\n%swant\n%s", got, want)
	}
	review(t, `"nonsense" is not a burst`, kafka, "--release", "nonsense")
	review(t, "burst 00000005 is not in quarantine", kafka, "--drop", "5")
	for _, row := range []struct{ want, flag, burst string }{
		{"burst 3f9a01bc: released 2 registrations\n", "--release", "3F9A01BC"},
		{"burst 0000001f: dropped 1 registrations\n", "--drop", "1f"},
		{"burst ffffffff: released 1 registrations\n", "--release", "all"},
		{"nothing is in quarantine\n", "--release", "all"},
	} {
		if got := review(t, "", kafka, row.flag, row.burst); got != row.want {
			t.Errorf("%s %s: got %q, want %q", row.flag, row.burst, got, row.want)
		}
	}
	if got := review(t, "", kafka); got != "nothing is in quarantine\n" {
		t.Errorf("list: got %q, want nothing", got)
	}
	listed := map[byte]registry.Record{}
	cfg := broker.Config{Brokers: []string{brokers}}
	if _, err := broker.ReadPartition(t.Context(), cfg, broker.OptOuts, 0, broker.Earliest, func(m broker.Message) error {
		r, err := registry.Decode(m.Key, m.Value)
		listed[m.Key[0]] = r
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for n, day := range map[byte]int32{2: today - 3, 3: today - 1, 4: today - 2} {
		if got := listed[n]; got.Tag != uint32(n) || got.Day != day || got.Removed {
			t.Errorf("released %d: got %+v, want its tag and day as they were", n, got)
		}
	}
	if len(listed) != 3 {
		t.Errorf("the registry: got %d records, want the 3 released", len(listed))
	}
}

func TestOptOutReviewRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, row := range []struct {
		name string
		want string
		args []string
	}{
		{"both at once", "choose one at a time", []string{"--release=all", "--drop=all"}},
		{"an argument", "is not a flag", []string{"all"}},
		{"no file", "name the file with --kafka-config", []string{"--kafka-config", filepath.Join(dir, "none.yaml")}},
		{"no yaml", "text.yaml: yaml", []string{"--kafka-config", write("text.yaml", "\tnot yaml")}},
		{"no kafka", "it has no key kafka", []string{"--kafka-config", write("empty.yaml", "listen: 127.0.0.1:1\n")}},
		{"a misspelt key", "field sasI not found", []string{"--kafka-config", write("misspelt.yaml", "kafka:\n  sasI: {user: a}\n")}},
		{"a broker without a port", "write it as host:port", []string{"--kafka-config", write("port.yaml", "kafka: {brokers: [kafka]}\n")}},
		{"a login without a password", "sasl.password_file is missing", []string{"--kafka-config", write("login.yaml", "kafka: {sasl: {mechanism: SCRAM-SHA-512, user: optout}}\n")}},
		{"nobody there", "look into the quarantine", []string{"--kafka=127.0.0.1:1"}},
	} {
		t.Run(row.name, func(t *testing.T) { review(t, row.want, row.args...) })
	}
}

// TestKafkaFlags: a file's brokers are used unless --kafka names others, and its login is.
func TestKafkaFlags(t *testing.T) {
	path := filepath.Join(t.TempDir(), "optout.yaml")
	password := filepath.Join(t.TempDir(), "password")
	if err := errors.Join(os.WriteFile(password, []byte("secret\n"), 0o600), os.WriteFile(path, []byte(`
controller: not this command's business
kafka:
  brokers: [kafka-1.example.org:9093, kafka-2.example.org:9093]
  sasl: {mechanism: SCRAM-SHA-512, user: optout, password_file: `+password+`}
`), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name  string
		args  []string
		want  string
		login bool
	}{
		{"neither", nil, "127.0.0.1:9092", false},
		{"brokers", []string{"--kafka=a:1,b:2"}, "a:1,b:2", false},
		{"a file", []string{"--kafka-config", path}, "kafka-1.example.org:9093,kafka-2.example.org:9093", true},
		{"both", []string{"--kafka-config", path, "--kafka=a:1"}, "a:1", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := flags("x", "", &bytes.Buffer{}, &bytes.Buffer{})
			k := addKafkaFlags(f)
			if err := f.parse(row.args); err != nil {
				t.Fatal(err)
			}
			c, err := k.config("client")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(c.Brokers, ","); got != row.want || (c.SASL != nil) != row.login || c.ClientID != "client" {
				t.Errorf("got brokers %s, a login %v, client %q, want %s, %v", got, c.SASL != nil, c.ClientID, row.want, row.login)
			}
		})
	}
}
