package registry_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/registry"
)

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func ensure(t *testing.T, cfg broker.Config) {
	t.Helper()
	settings := broker.Settings{Partitions: 1, Replication: 1, Embedded: !kafkatest.Apache()}
	if err := broker.EnsureTopics(soon(t), cfg, settings); err != nil {
		t.Fatal(err)
	}
}

// desk writes to the registry as the opt-out service does.
type desk struct {
	t *testing.T
	p *broker.Producer
}

func newDesk(t *testing.T, cfg broker.Config) desk {
	t.Helper()
	p, err := broker.NewProducer(cfg, broker.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(soon(t)) })
	return desk{t, p}
}

func (d desk) raw(key, value []byte) {
	d.t.Helper()
	if err := errors.Join(d.p.Send(soon(d.t), broker.OptOuts, key, value), d.p.Flush(soon(d.t))); err != nil {
		d.t.Fatal(err)
	}
}

func (d desk) write(r registry.Record) {
	d.t.Helper()
	key, value, err := r.Encode()
	if err != nil {
		d.t.Fatal(err)
	}
	d.raw(key, value)
}

func key(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

// follow runs Follow until the test ends and returns the updates.
func follow(t *testing.T, l *registry.List, o registry.FollowOptions) <-chan registry.Update {
	t.Helper()
	updates := make(chan registry.Update, 100)
	o.OnUpdate = func(u registry.Update) { updates <- u }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Follow(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow: got %v, want the context's error", err)
		}
	})
	return updates
}

// await waits for a version and wants its number of records.
func await(t *testing.T, updates <-chan registry.Update, version uint64, records int) registry.Update {
	t.Helper()
	for {
		select {
		case u := <-updates:
			if u.Version < version {
				continue
			}
			if u.Version != version || u.Records != records {
				t.Fatalf("update: got version %d with %d records, want %d with %d", u.Version, u.Records, version, records)
			}
			return u
		case <-soon(t).Done():
			t.Fatalf("update: got none, want version %d", version)
		}
	}
}

func TestFollow(t *testing.T) {
	cfg := broker.Config{Brokers: kafkatest.Start(t)}
	ensure(t, cfg)
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	reg := prometheus.NewRegistry()
	l := registry.NewList()
	if got := l.ConfirmedAt(); !got.IsZero() {
		t.Errorf("confirmed before anything was read: got %v, want never", got)
	}
	updates := follow(t, l, registry.FollowOptions{Config: cfg, Now: func() time.Time { return now }, Registerer: reg})

	// An empty topic is a valid list.
	if u := await(t, updates, 0, 0); !u.ConfirmedAt.Equal(now) || !l.ConfirmedAt().Equal(now) {
		t.Errorf("confirmed: got %v and %v, want %v", u.ConfirmedAt, l.ConfirmedAt(), now)
	}
	d := newDesk(t, cfg)
	d.write(registry.Record{Key: key(1), Tag: 77, Day: 2200})
	await(t, updates, 1, 1)
	d.write(registry.Record{Key: key(2), Tag: 77, Day: 2200})
	await(t, updates, 2, 2)
	d.raw(key(9), []byte("this is no registration"))
	await(t, updates, 3, 2)
	d.raw([]byte("short"), nil)
	await(t, updates, 4, 2)
	d.write(registry.Record{Key: key(1), Removed: true})
	await(t, updates, 5, 1)
	if !l.Has(77) {
		t.Error("a tag that another record still has: got not listed, want listed")
	}
	d.write(registry.Record{Key: key(2), Removed: true})
	await(t, updates, 6, 0)
	if l.Has(77) || l.Version() != 6 || l.Len() != 0 {
		t.Errorf("after both removals: got listed %v, version %d, %d records, want an empty list of version 6", l.Has(77), l.Version(), l.Len())
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "footfall_registry_broken_records_total" && f.GetMetric()[0].GetCounter().GetValue() != 2 {
			t.Errorf("broken records: got %v, want 2", f.GetMetric()[0].GetCounter().GetValue())
		}
	}
}

// TestFollowLoadsWhatIsThere starts a second list on a topic with a history.
func TestFollowLoadsWhatIsThere(t *testing.T) {
	cfg := broker.Config{Brokers: kafkatest.Start(t)}
	ensure(t, cfg)
	d := newDesk(t, cfg)
	for n := range byte(50) {
		d.write(registry.Record{Key: key(n), Tag: uint32(n) * 1000, Day: 2200})
	}
	for n := range byte(20) {
		d.write(registry.Record{Key: key(n), Removed: true})
	}
	l := registry.NewList()
	u := <-follow(t, l, registry.FollowOptions{Config: cfg})
	if u.Version != 70 || u.Records != 30 {
		t.Errorf("first update: got version %d with %d records, want the whole topic: 70 with 30", u.Version, u.Records)
	}
	for n := range byte(50) {
		if got, want := l.Has(uint32(n)*1000), n >= 20; got != want {
			t.Errorf("tag of device %d: got %v, want %v", n, got, want)
		}
	}
}

// TestFollowBeginsAgainOnAnotherTopic loses the broker and finds a shorter topic of the same name: that one is the truth.
func TestFollowBeginsAgainOnAnotherTopic(t *testing.T) {
	if kafkatest.Apache() {
		t.Skip("replaces the embedded broker")
	}
	first, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := broker.Config{Brokers: []string{first.Addr()}}
	ensure(t, cfg)
	d := newDesk(t, cfg)
	for n := range byte(5) {
		d.write(registry.Record{Key: key(n), Tag: uint32(n), Day: 2200})
	}
	l := registry.NewList()
	updates := follow(t, l, registry.FollowOptions{Config: cfg})
	await(t, updates, 5, 5)
	first.Close()
	if !l.Has(3) {
		t.Error("during the outage: got not listed, want the list as it was")
	}
	second, err := embedded.Start(embedded.Options{Addr: first.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	ensure(t, cfg)
	newDesk(t, cfg).write(registry.Record{Key: key(7), Tag: 7, Day: 2200})
	for u := range updates {
		if u.Version == 1 {
			break
		}
	}
	if !l.Has(7) || l.Has(3) || l.Len() != 1 {
		t.Errorf("the new topic's list: got %d records, tag 7 %v, tag 3 %v, want only tag 7", l.Len(), l.Has(7), l.Has(3))
	}
}
