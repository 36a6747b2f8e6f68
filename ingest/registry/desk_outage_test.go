package registry_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/registry"
)

// metric is the sum of a metric over its labels.
func metric(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// startBroker is the embedded broker with the topics, in a folder or in memory, at an address where one is given.
func startBroker(t *testing.T, dir, addr string) (*embedded.Broker, broker.Config) {
	t.Helper()
	if kafkatest.Apache() {
		t.Skip("stops the embedded broker")
	}
	b, err := embedded.Start(embedded.Options{DataDir: dir, Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	cfg := broker.Config{Brokers: []string{b.Addr()}}
	ensure(t, cfg)
	return b, cfg
}

func TestWithoutKafkaNothingChanges(t *testing.T) {
	dir := t.TempDir()
	first, cfg := startBroker(t, dir, "")
	reg := prometheus.NewRegistry()
	d := openDesk(t, cfg, reg)
	version := register(t, d, key(1), 77)
	hold(t, d, key(2), 78, 5)
	first.Close()
	for _, row := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"register", func(ctx context.Context) error { _, err := d.Register(ctx, key(3), 79); return err }},
		{"hold", func(ctx context.Context) error { return d.Hold(ctx, key(4), 80, 5) }},
		{"undo", func(ctx context.Context) error { _, err := d.Undo(ctx, key(1)); return err }},
	} {
		err := row.do(soon(t))
		if !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "try again later") {
			t.Errorf("%s: got %v, want ErrUnavailable, which says to try again later", row.name, err)
		}
		if got, want := errors.Is(err, registry.ErrUncertain), row.name == "undo"; got != want {
			t.Errorf("%s: got an uncertain outcome %v, want %v: %v", row.name, got, want, err)
		}
	}
	if got := metric(t, reg, "footfall_optout_unavailable_total"); got != 3 {
		t.Errorf("unavailable: got %v, want 3", got)
	}
	look := func(when string) {
		t.Helper()
		wantStanding(t, when+", listed", d, key(1), registry.Standing{State: registry.Listed, Day: theDay, Version: version})
		wantStanding(t, when+", held", d, key(2), registry.Standing{State: registry.Held, Day: theDay})
		wantStanding(t, when+", not registered", d, key(3), registry.Standing{})
		wantStanding(t, when+", not held", d, key(4), registry.Standing{})
	}
	look("without Kafka")
	startBroker(t, dir, first.Addr())
	if next := register(t, d, key(5), 81); next != version+1 {
		t.Errorf("version after the outage: got %d, want %d: nothing of before came after", next, version+1)
	}
	look("with Kafka again")
}

// TestADeskSaysThatKafkaIsGone moves the clock on while the broker is stopped.
func TestADeskSaysThatKafkaIsGone(t *testing.T) {
	dir := t.TempDir()
	first, cfg := startBroker(t, dir, "")
	var ahead atomic.Int64
	d, err := registry.NewDesk(registry.DeskOptions{Config: cfg, Now: func() time.Time { return theDay.Add(time.Duration(ahead.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	runDesk(t, d)
	if err := d.AwaitReady(soon(t)); err != nil {
		t.Fatal(err)
	}
	first.Close()
	ahead.Add(int64(time.Minute))
	eventually(t, "without Kafka", func() bool { return !d.Ready() }) // what it had answered before may arrive yet
	if err := d.Health(); !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "Kafka does not answer") {
		t.Errorf("without Kafka: got %v, want that it does not answer", err)
	}
	startBroker(t, dir, first.Addr())
	eventually(t, "with Kafka again", d.Ready)
}

// TestATopicMadeAnewThatGrewBeyond cuts a desk and a sensor's list off while their topics are replaced by longer ones.
func TestATopicMadeAnewThatGrewBeyond(t *testing.T) {
	first, cfg := startBroker(t, "", "")
	reg := prometheus.NewRegistry()
	d := openDesk(t, cfg, reg)
	for n := range byte(3) {
		register(t, d, key(n), uint32(n))
	}
	l := registry.NewList()
	await(t, follow(t, l, registry.FollowOptions{Config: cfg}), 3, 3)
	first.Close()
	dir := t.TempDir()
	second, other := startBroker(t, dir, "") // at another address, until its topics are longer
	w := newDesk(t, other)
	for n := range byte(8) {
		w.write(registry.Record{Key: key(50 + n), Tag: 50 + uint32(n), Day: 2200})
	}
	second.Close()
	startBroker(t, dir, first.Addr())
	eventually(t, "the desk to begin anew", func() bool { return d.Stats().Records == 8 && d.Stats().Version == 8 })
	eventually(t, "the list to begin anew", func() bool { return l.Len() == 8 && l.Has(50) && !l.Has(1) })
	wantStanding(t, "of the old topic", d, key(1), registry.Standing{})
	if got := metric(t, reg, "footfall_optout_topic_resets_total"); got != 1 {
		t.Errorf("resets: got %v, want that of the registry: nothing was ever in its quarantine", got)
	}
}

// TestWhatFailedIsWithdrawn has Kafka store a registration whose sender is told that it failed: the confirmation did not come.
func TestWhatFailedIsWithdrawn(t *testing.T) {
	cfg := startKafka(t)
	reg := prometheus.NewRegistry()
	d, err := registry.NewDesk(registry.DeskOptions{Config: cfg, Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	// Nobody runs the desk yet, so nothing is read back.
	for _, row := range []struct {
		topic string
		do    func(context.Context) error
	}{
		{broker.OptOuts, func(ctx context.Context) error { _, err := d.Register(ctx, key(1), 77); return err }},
		{broker.Quarantine, func(ctx context.Context) error { return d.Hold(ctx, key(2), 78, 5) }},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- row.do(ctx) }()
		eventually(t, "stored in "+row.topic, func() bool { return ends(t, cfg, row.topic) == 1 })
		cancel()
		if err := <-ended; !errors.Is(err, registry.ErrUnavailable) {
			t.Fatalf("%s: got %v, want ErrUnavailable", row.topic, err)
		}
	}
	runDesk(t, d)
	l := registry.NewList()
	await(t, follow(t, l, registry.FollowOptions{Config: cfg}), 2, 0)
	eventually(t, "withdrawn from the quarantine", func() bool {
		return ends(t, cfg, broker.Quarantine) == 2 && d.Ready() && d.Stats().Held == 0
	})
	eventually(t, "both counted", func() bool { return metric(t, reg, "footfall_optout_withdrawn_total") == 2 })
	if l.Has(77) {
		t.Error("what was reported as failed: got it listed, want it withdrawn")
	}
	if got := d.Stats(); got.Records != 0 || got.Held != 0 {
		t.Errorf("stats: got %+v, want nothing", got)
	}
}

// TestAnotherTopicIsTheTruth loses the broker and finds shorter topics of the same names.
func TestAnotherTopicIsTheTruth(t *testing.T) {
	first, cfg := startBroker(t, "", "")
	reg := prometheus.NewRegistry()
	d := openDesk(t, cfg, reg)
	for n := range byte(5) {
		register(t, d, key(n), uint32(n))
		hold(t, d, key(100+n), uint32(n), 1)
	}
	first.Close()
	_, cfg = startBroker(t, "", first.Addr())
	newDesk(t, cfg).write(registry.Record{Key: key(7), Tag: 7, Day: 2200})
	want := registry.Stats{Records: 1, Version: 1, OverExclusion: 1. / (1 << 28)}
	eventually(t, "the new topics' registry", func() bool { return d.Stats() == want })
	wantStanding(t, "of the new topic", d, key(7), registry.Standing{State: registry.Listed, Day: time.Date(2026, 1, 9, 0, 0, 0, 0, time.UTC), Version: 1})
	wantStanding(t, "of the old topic", d, key(1), registry.Standing{})
	wantStanding(t, "of the old quarantine", d, key(101), registry.Standing{})
	if got := metric(t, reg, "footfall_optout_topic_resets_total"); got != 2 {
		t.Errorf("resets: got %v, want 2", got)
	}
	if got := register(t, d, key(8), 8); got != 2 {
		t.Errorf("version in the new topic: got %d, want 2", got)
	}
}

func TestDeskCountsWhatItHas(t *testing.T) {
	cfg := startKafka(t)
	reg := prometheus.NewRegistry()
	d := openDesk(t, cfg, reg)
	for n := range byte(4) {
		register(t, d, key(n), 70+uint32(n)/2)
	}
	for n := range byte(3) {
		hold(t, d, key(50+n), 5, uint32(n)/2)
	}
	newDesk(t, cfg).raw(key(9), []byte("this is no registration"))
	newDesk(t, cfg).raw([]byte("short"), nil)
	register(t, d, key(10), 99)
	for name, want := range map[string]float64{
		"footfall_optout_records": 5, "footfall_optout_held": 3, "footfall_optout_bursts": 2,
		"footfall_optout_list_version": 7, "footfall_optout_over_exclusion_ratio": 5. / (1 << 28),
		"footfall_optout_broken_records_total": 2, "footfall_optout_unavailable_total": 0, "footfall_optout_topic_resets_total": 0,
	} {
		if got := metric(t, reg, name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
