package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/openfootfall/footfall/aggregate/run"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/registry"
)

// guarded is a Kafka that knows the roles as users and lets each do what acls.csv says.
type guarded struct {
	addr     string
	embedded bool
}

const (
	guardedPassword = "a password of a test"
	guardedRoot     = "root"
)

func startGuarded(t *testing.T) guarded {
	t.Helper()
	if kafkatest.Apache() {
		return startGuardedApache(t)
	}
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("SCRAM-SHA-256", guardedRoot, guardedPassword)}
	for role := range aclRights {
		opts = append(opts, kfake.User("SCRAM-SHA-256", role, guardedPassword))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	g := guarded{cluster.ListenAddrs()[0], true}
	root := g.client(t, guardedRoot)
	for _, row := range readACLs(t) {
		var operations []kadm.ACLOperation
		for _, text := range row.operations {
			operation, err := kmsg.ParseACLOperation(text)
			if err != nil {
				t.Fatal(err)
			}
			operations = append(operations, operation)
		}
		b := kadm.NewACLs().Allow("User:" + row.role).AllowHosts("*").ResourcePatternType(kadm.ACLPatternLiteral).Operations(operations...)
		switch row.resource {
		case "topic":
			b = b.Topics(row.names...)
		case "group":
			b = b.Groups(row.names...)
		case "cluster":
			b = b.Clusters()
		default:
			t.Fatalf("acls.csv: got the resource %q, want topic, group or cluster", row.resource)
		}
		results, err := root.CreateACLs(t.Context(), b)
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// startGuardedApache uses the script and Kafka's own tool.
func startGuardedApache(t *testing.T) guarded {
	t.Helper()
	s := kafkatest.StartSecure(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Plain...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var users []kadm.UpsertSCRAM
	args := []string{}
	for role := range aclRights {
		users = append(users, kadm.UpsertSCRAM{User: role, Mechanism: kadm.ScramSha256, Iterations: 4096, Password: guardedPassword})
		args = append(args, role+"=User:"+role)
	}
	altered, err := kadm.NewClient(client).AlterUserSCRAMs(t.Context(), nil, users)
	if err == nil {
		err = altered.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := runACLs(t, javaACLs(t), append(args, "--", "--bootstrap-server", s.Plain[0])...); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return guarded{s.SASL[0], false}
}

// as is how a role reaches it.
func (g guarded) as(t *testing.T, role string) broker.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(guardedPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := broker.Config{Brokers: []string{g.addr}, ClientID: "test of " + role}
	security := broker.Security{SASL: broker.SecuritySASL{Mechanism: broker.ScramSHA256, User: role, PasswordFile: file}}
	if err := security.Apply(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

func (g guarded) client(t *testing.T, role string) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(g.addr), kgo.SASL(scram.Auth{User: role, Pass: guardedPassword}.AsSha256Mechanism()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// reads tries to fetch from a topic without asking where it is, as somebody would who knows.
func (g guarded) reads(t *testing.T, role, topic string) error {
	t.Helper()
	host, text, err := net.SplitHostPort(g.addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	dialer := &kafka.Dialer{SASLMechanism: g.as(t, role).SASL, Timeout: 10 * time.Second}
	conn, err := dialer.DialPartition(t.Context(), "tcp", g.addr, kafka.Partition{Topic: topic, Leader: kafka.Broker{Host: host, Port: port}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Seek(0, kafka.SeekAbsolute|kafka.SeekDontCheck) // it asks nobody
	batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 1 << 16, MaxWait: time.Second})
	_, err = batch.ReadMessage()
	return errors.Join(err, batch.Close())
}

func (g guarded) writes(t *testing.T, role, topic string) error {
	t.Helper()
	p, err := broker.NewPublisher(g.as(t, role), broker.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	return p.Publish(t.Context(), topic, []byte("key"), [][]byte{[]byte("value")})
}

// refused says whether Kafka refused it for lack of a right, and nothing else went wrong.
func refused(t *testing.T, what string, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, kafka.TopicAuthorizationFailed) {
		t.Errorf("%s: got %v, want it done or refused", what, err)
	}
	return err != nil
}

// TestEveryRoleMayDoWhatItNeedsAndNothingElse asks a broker: the opt-out service reads no sightings and no counters, a sensor
// reads back nothing and writes no opt-outs.
func TestEveryRoleMayDoWhatItNeedsAndNothingElse(t *testing.T) {
	g := startGuarded(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	settings := broker.Settings{Partitions: 1, Replication: 1, Embedded: g.embedded}
	for role := range aclRights {
		short, cancel := context.WithTimeout(ctx, time.Second) // it would try for ten
		if err := broker.EnsureTopics(short, g.as(t, role), settings); (err == nil) != (role == "aggregate" || role == "admin") {
			t.Errorf("%s makes the topics: got %v, want it done by the aggregator and the administrator alone", role, err)
		}
		cancel()
	}
	if err := broker.EnsureTopics(ctx, g.as(t, "aggregate"), settings); err != nil {
		t.Fatal(err)
	}
	for _, topic := range allTopics { // so that there is something to read
		if err := g.writes(t, writerOf(topic), topic); err != nil && topic != broker.Clock {
			t.Fatalf("%s: %v", topic, err)
		}
	}
	for role, rights := range aclRights {
		for _, topic := range allTopics {
			if got, want := refused(t, role+" reads "+topic, g.reads(t, role, topic)), !slices.Contains(rights.reads, topic); got != want {
				t.Errorf("%s reads %s: got refused %v, want %v", role, topic, got, want)
			}
			if got, want := refused(t, role+" writes "+topic, g.writes(t, role, topic)), !slices.Contains(rights.writes, topic); got != want {
				t.Errorf("%s writes %s: got refused %v, want %v", role, topic, got, want)
			}
		}
		for _, topic := range []string{broker.Sightings, broker.OptOuts} {
			if got, want := g.mayTruncate(t, role, topic), role == "admin" || role == "aggregate" && topic == broker.Sightings; got != want {
				t.Errorf("%s truncates %s: got allowed %v, want %v", role, topic, got, want)
			}
		}
	}
}

// writerOf is a role that may write to the topic.
func writerOf(topic string) string {
	for role, rights := range aclRights {
		if slices.Contains(rights.writes, topic) {
			return role
		}
	}
	return ""
}

// mayTruncate asks to delete nothing. Kafka truncates no compacted topic, but says first who may not.
func (g guarded) mayTruncate(t *testing.T, role, topic string) bool {
	t.Helper()
	var what kadm.Offsets
	what.AddOffset(topic, 0, 0, -1)
	answers, err := g.client(t, role).DeleteRecords(t.Context(), what)
	if err == nil {
		err = answers.Error()
	}
	return !errors.Is(err, kerr.TopicAuthorizationFailed)
}

// TestEveryRoleWorksWithItsRights runs what the roles run.
func TestEveryRoleWorksWithItsRights(t *testing.T) {
	g := startGuarded(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := broker.EnsureTopics(ctx, g.as(t, "aggregate"), broker.Settings{Partitions: 1, Replication: 1, Embedded: g.embedded}); err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 2)
	defer func() {
		stop()
		for range cap(ended) {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("at the end: got %v, want the context's error", err)
			}
		}
	}()
	d, err := registry.NewDesk(registry.DeskOptions{Config: g.as(t, "optout")})
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- d.Run(running) }()
	if err := d.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	key, other := make([]byte, 32), make([]byte, 16)
	if _, err := d.Register(ctx, key, 77); err != nil {
		t.Errorf("optout registers: %v", err)
	}
	if err := d.Hold(ctx, other, 78, 1); err != nil {
		t.Errorf("optout holds: %v", err)
	}
	if n, err := d.Release(ctx, 1); n != 1 || err != nil {
		t.Errorf("optout releases: got %d, %v, want 1", n, err)
	}
	l := registry.NewList()
	updates := make(chan registry.Update, 10)
	go func() {
		ended <- l.Follow(running, registry.FollowOptions{Config: g.as(t, "sensor"), OnUpdate: func(u registry.Update) { updates <- u }})
	}()
	if <-updates; !l.Has(77) || !l.Has(78) {
		t.Errorf("sensor follows: got the tags listed %v and %v, want both", l.Has(77), l.Has(78))
	}
	if _, err := broker.BrokerTime(ctx, g.as(t, "sensor")); err != nil && !errors.Is(err, broker.ErrNoBrokerTime) {
		t.Errorf("sensor asks for the time: %v", err)
	}
	g.consumes(ctx, t)
}

// consumes runs the aggregator's consumer until it has its partitions and committed an offset.
func (g guarded) consumes(ctx context.Context, t *testing.T) {
	t.Helper()
	c, err := broker.NewConsumer(g.as(t, "aggregate"), broker.ConsumerOptions{Group: run.DefaultGroup, Topics: []string{broker.Sightings, broker.Counters}})
	if err != nil {
		t.Fatal(err)
	}
	done := errors.New("assigned and committed")
	err = c.Run(ctx, func(_ context.Context, gen *broker.Generation) error {
		if n := len(gen.Assignments()); n != 2 {
			t.Errorf("aggregate consumes: got %d partitions, want both", n)
		}
		if err := gen.Commit(map[broker.TopicPartition]int64{{Topic: broker.Sightings}: 0}); err != nil {
			return err
		}
		return done
	})
	if !errors.Is(err, done) {
		t.Errorf("aggregate consumes: got %v, want %v", err, done)
	}
}
