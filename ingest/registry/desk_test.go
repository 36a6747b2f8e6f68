package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/registry"
)

// theDay is yesterday, as the registry says it: Kafka takes no time that is ahead of its own, and drops what is too old.
var theDay = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)

// lateOnTheDay is its last moment, for whoever stands east of Greenwich and calls it the next day.
var lateOnTheDay = theDay.Add(24*time.Hour - time.Millisecond).In(time.FixedZone("east", 14*3600))

// openDesk runs a desk until the test ends, and waits until it is ready.
func openDesk(t *testing.T, cfg broker.Config, reg prometheus.Registerer) *registry.Desk {
	t.Helper()
	d, err := registry.NewDesk(registry.DeskOptions{Config: cfg, Now: func() time.Time { return lateOnTheDay }, Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	if d.Ready() {
		t.Error("before Run: got ready, want not")
	}
	runDesk(t, d)
	if err := d.AwaitReady(soon(t)); err != nil || !d.Ready() {
		t.Fatalf("AwaitReady: got %v, want a desk that has read both topics", err)
	}
	return d
}

func runDesk(t *testing.T, d *registry.Desk) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: got %v, want the context's error", err)
		}
	})
}

// startKafka is a Kafka with the topics.
func startKafka(t *testing.T) broker.Config {
	t.Helper()
	cfg := broker.Config{Brokers: kafkatest.Start(t)}
	ensure(t, cfg)
	return cfg
}

func register(t *testing.T, d *registry.Desk, key []byte, tag uint32) uint64 {
	t.Helper()
	version, err := d.Register(soon(t), key, tag)
	if err != nil {
		t.Fatalf("Register: %v", err)
	}
	return version
}

func hold(t *testing.T, d *registry.Desk, key []byte, tag, burst uint32) {
	t.Helper()
	if err := d.Hold(soon(t), key, tag, burst); err != nil {
		t.Fatalf("Hold: %v", err)
	}
}

func undo(t *testing.T, d *registry.Desk, key []byte) uint64 {
	t.Helper()
	version, err := d.Undo(soon(t), key)
	if err != nil {
		t.Fatalf("Undo: %v", err)
	}
	return version
}

func wantStanding(t *testing.T, what string, d *registry.Desk, key []byte, want registry.Standing) {
	t.Helper()
	if got := d.Look(key); got != want {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

// eventually waits for something that a follower sees soon.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for ctx := soon(t); !ok(); time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("%s: got nothing of the kind, want it", what)
		}
	}
}

// TestASecondRegistrationAndItsUndoLeaveTheFirstInForce follows with the list that sensors have.
func TestASecondRegistrationAndItsUndoLeaveTheFirstInForce(t *testing.T) {
	cfg := startKafka(t)
	d := openDesk(t, cfg, nil)
	l := registry.NewList()
	updates := follow(t, l, registry.FollowOptions{Config: cfg})

	first := register(t, d, key(1), 77)
	await(t, updates, first, 1)
	wantStanding(t, "the first", d, key(1), registry.Standing{State: registry.Listed, Day: theDay, Version: first})
	second := register(t, d, key(2), 77)
	if second != first+1 {
		t.Errorf("version of the second: got %d, want %d", second, first+1)
	}
	await(t, updates, second, 2)
	wantStanding(t, "the second", d, key(2), registry.Standing{State: registry.Listed, Day: theDay, Version: second})

	await(t, updates, undo(t, d, key(2)), 1)
	if !l.Has(77) {
		t.Error("after the second was undone: got the tag not listed, want the first in force")
	}
	wantStanding(t, "the second, undone", d, key(2), registry.Standing{})
	wantStanding(t, "the first, after that", d, key(1), registry.Standing{State: registry.Listed, Day: theDay, Version: first})

	await(t, updates, undo(t, d, key(1)), 0)
	if l.Has(77) {
		t.Error("after both were undone: got the tag listed, want it not")
	}
}

// TestADeskKeepsWhatTheTopicsSay starts a second desk, which has read everything and wrote nothing.
func TestADeskKeepsWhatTheTopicsSay(t *testing.T) {
	cfg := startKafka(t)
	first := openDesk(t, cfg, nil)
	for n := range byte(40) {
		register(t, first, key(n), uint32(n)%30)
		hold(t, first, key(100+n), uint32(n), uint32(n)/10)
	}
	for n := range byte(10) {
		undo(t, first, key(n))
		undo(t, first, key(100+n))
	}
	second := openDesk(t, cfg, nil)
	want := registry.Stats{Records: 30, Held: 30, Bursts: 3, Version: 50, OverExclusion: 30. / (1 << 28)}
	for name, d := range map[string]*registry.Desk{"who wrote": first, "who read": second} {
		if got := d.Stats(); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	for n := range byte(200) {
		if a, b := first.Look(key(n)), second.Look(key(n)); a != b {
			t.Errorf("receipt %d: got %+v from who read, want %+v as from who wrote", n, b, a)
		}
	}
	if got, want := second.Bursts(), first.Bursts(); !slices.Equal(got, want) || len(got) != 3 {
		t.Errorf("bursts: got %+v, want three, %+v", got, want)
	}
}

func TestWhatIsHeldIsNotEnforced(t *testing.T) {
	cfg := startKafka(t)
	d := openDesk(t, cfg, nil)
	hold(t, d, key(1), 77, 5)
	version := register(t, d, key(2), 78)
	l := registry.NewList()
	await(t, follow(t, l, registry.FollowOptions{Config: cfg}), version, 1)
	if l.Has(77) || !l.Has(78) {
		t.Errorf("on sensors: got the held tag listed %v and the other %v, want only the other", l.Has(77), l.Has(78))
	}
	wantStanding(t, "held", d, key(1), registry.Standing{State: registry.Held, Day: theDay})
	undo(t, d, key(1))
	wantStanding(t, "held and undone", d, key(1), registry.Standing{})
	if got := d.Stats(); got.Held != 0 || got.Bursts != 0 || got.Records != 1 {
		t.Errorf("stats: got %+v, want nothing held and one record", got)
	}
}

// raw reads a topic with everything that Kafka keeps of a message.
func raw(t *testing.T, cfg broker.Config, topic string) []kafka.Message {
	t.Helper()
	end, err := broker.EndOffset(soon(t), cfg, topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: cfg.Brokers, Topic: topic, MaxWait: 100 * time.Millisecond})
	defer func() { _ = r.Close() }()
	var all []kafka.Message
	for int64(len(all)) < end {
		m, err := r.ReadMessage(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// TestTheRegistrySaysTheDayAndNothingElse reads what lies in Kafka.
func TestTheRegistrySaysTheDayAndNothingElse(t *testing.T) {
	cfg := startKafka(t)
	d := openDesk(t, cfg, nil)
	for i, tag := range []uint32{0, 1, 1 << 20, 1<<28 - 1, 1} { // the last is known already
		register(t, d, key(byte(i)), tag)
		hold(t, d, key(byte(50+i)), tag, 1<<uint(i))
	}
	for i := range byte(3) {
		undo(t, d, key(i))
	}
	if _, err := d.Release(soon(t), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Drop(soon(t), 2); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		topic    string
		size     int
		messages int
	}{{broker.OptOuts, 8, 5 + 3 + 1}, {broker.Quarantine, 13, 5 + 3 + 2}} {
		all := raw(t, cfg, row.topic)
		if len(all) != row.messages {
			t.Errorf("%s: got %d messages, want %d", row.topic, len(all), row.messages)
		}
		for _, m := range all {
			if !m.Time.Equal(theDay) {
				t.Errorf("%s/%d: got the time %v, want the day, %v", row.topic, m.Offset, m.Time.UTC(), theDay)
			}
			if len(m.Headers) != 0 || len(m.Key) != 32 || len(m.Value) != 0 && len(m.Value) != row.size {
				t.Errorf("%s/%d: got %d headers, a key of %d bytes and a value of %d, want none, 32, and %d or 0",
					row.topic, m.Offset, len(m.Headers), len(m.Key), len(m.Value), row.size)
			}
		}
	}
}

// TestHitAndMissGoOneWay counts what each change writes: what is known must not show in how much that is. An undo writes two
// messages; where there is nothing to remove, none of them goes to the registry, which would keep it.
func TestHitAndMissGoOneWay(t *testing.T) {
	cfg := startKafka(t)
	d := openDesk(t, cfg, nil)
	register(t, d, key(1), 77)
	hold(t, d, key(2), 78, 9)
	for _, row := range []struct {
		name       string
		do         func()
		optouts    int64
		quarantine int64
	}{
		{"registering a new tag", func() { register(t, d, key(3), 79) }, 1, 0},
		{"registering a known tag", func() { register(t, d, key(4), 77) }, 1, 0},
		{"registering a held tag", func() { register(t, d, key(5), 78) }, 1, 0},
		{"holding a new tag", func() { hold(t, d, key(6), 80, 9) }, 0, 1},
		{"holding a known tag", func() { hold(t, d, key(7), 77, 9) }, 0, 1},
		{"undoing what is listed", func() { undo(t, d, key(1)) }, 1, 1},
		{"undoing what is held", func() { undo(t, d, key(2)) }, 0, 2},
		{"undoing what was undone", func() { undo(t, d, key(1)) }, 0, 2},
		{"undoing what never was", func() { undo(t, d, key(99)) }, 0, 2},
		{"looking up what is there", func() { d.Look(key(3)) }, 0, 0},
		{"looking up what is not", func() { d.Look(key(99)) }, 0, 0},
	} {
		before := [2]int64{ends(t, cfg, broker.OptOuts), ends(t, cfg, broker.Quarantine)}
		row.do()
		got := [2]int64{ends(t, cfg, broker.OptOuts) - before[0], ends(t, cfg, broker.Quarantine) - before[1]}
		if want := [2]int64{row.optouts, row.quarantine}; got != want {
			t.Errorf("%s: got %d messages in the registry and its quarantine, want %d", row.name, got, want)
		}
	}
}

func ends(t *testing.T, cfg broker.Config, topic string) int64 {
	t.Helper()
	end, err := broker.EndOffset(soon(t), cfg, topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	return end
}

func TestManyRegisterAtOnce(t *testing.T) {
	cfg := startKafka(t)
	d := openDesk(t, cfg, nil)
	const n = 200
	versions := make([]uint64, n)
	var g errgroup.Group
	for i := range n {
		g.Go(func() (err error) {
			versions[i], err = d.Register(soon(t), key(byte(i)), uint32(i))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for i, v := range versions {
		wantStanding(t, fmt.Sprint("receipt ", i), d, key(byte(i)), registry.Standing{State: registry.Listed, Day: theDay, Version: v})
	}
	slices.Sort(versions)
	if got := slices.Compact(versions); len(got) != n || got[0] != 1 || got[n-1] != n {
		t.Errorf("got %d versions from %d to %d, want each of 1 to %d", len(got), got[0], got[len(got)-1], n)
	}
}

func TestDeskRefuses(t *testing.T) {
	if _, err := registry.NewDesk(registry.DeskOptions{}); err == nil {
		t.Error("no brokers: got no error, want one")
	}
	d, err := registry.NewDesk(registry.DeskOptions{Config: broker.Config{Brokers: []string{"127.0.0.1:1"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		do   func() error
	}{
		{"register under a short key", func() error { _, err := d.Register(soon(t), []byte("short"), 1); return err }},
		{"register a tag of 29 bits", func() error { _, err := d.Register(soon(t), key(1), 1<<28); return err }},
		{"hold a tag of 29 bits", func() error { return d.Hold(soon(t), key(1), 1<<28, 0) }},
		{"undo a short key", func() error { _, err := d.Undo(soon(t), []byte("short")); return err }},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := row.do(); !errors.Is(err, registry.ErrBroken) || errors.Is(err, registry.ErrUnavailable) {
				t.Errorf("got %v, want ErrBroken", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.AwaitReady(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("AwaitReady: got %v, want the context's error", err)
	}
}
