package registry_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/registry"
)

// hold of a day writes to the quarantine as an opt-out service did on that day.
func (d desk) hold(r registry.HeldRecord) {
	d.t.Helper()
	key, value, err := r.Encode()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := errors.Join(d.p.Send(soon(d.t), broker.Quarantine, key, value), d.p.Flush(soon(d.t))); err != nil {
		d.t.Fatal(err)
	}
}

// date of a day since 2020-01-01.
func date(day int32) time.Time { return time.Date(2020, 1, 1+int(day), 0, 0, 0, 0, time.UTC) }

// today is theDay as records have it.
var today = int32(theDay.Sub(date(0)) / (24 * time.Hour))

// heldBursts is a desk with burst 7 of three registrations over two days, the last of a tag that is listed already, and burst 9
// of one.
func heldBursts(t *testing.T) (broker.Config, *registry.Desk) {
	t.Helper()
	cfg := startKafka(t)
	w := newDesk(t, cfg)
	w.hold(registry.HeldRecord{Key: key(1), Tag: 71, Day: today - 1, Burst: 7})
	w.hold(registry.HeldRecord{Key: key(2), Tag: 72, Day: today - 2, Burst: 7})
	w.hold(registry.HeldRecord{Key: key(3), Tag: 73, Day: today - 1, Burst: 7})
	w.hold(registry.HeldRecord{Key: key(9), Tag: 79, Day: today, Burst: 9})
	w.write(registry.Record{Key: key(20), Tag: 73, Day: today - 5})
	return cfg, openDesk(t, cfg, nil)
}

func TestBurstsAreListed(t *testing.T) {
	_, d := heldBursts(t)
	want := []registry.Burst{
		{Number: 7, Registrations: 3, First: date(today - 2), Last: date(today - 1)},
		{Number: 9, Registrations: 1, First: date(today), Last: theDay},
	}
	if got := d.Bursts(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAReleasedBurstIsEnforced(t *testing.T) {
	cfg, d := heldBursts(t)
	if n, err := d.Release(soon(t), 7); n != 3 || err != nil {
		t.Fatalf("Release: got %d, %v, want 3", n, err)
	}
	l := registry.NewList()
	await(t, follow(t, l, registry.FollowOptions{Config: cfg}), 4, 4)
	for tag, want := range map[uint32]bool{71: true, 72: true, 73: true, 79: false} {
		if got := l.Has(tag); got != want {
			t.Errorf("tag %d: got listed %v, want %v", tag, got, want)
		}
	}
	eventually(t, "one burst left", func() bool { return d.Stats().Held == 1 && d.Stats().Records == 4 })
	wantStanding(t, "released", d, key(2), registry.Standing{State: registry.Listed, Day: date(today - 2), Version: 3})
	wantStanding(t, "of the other burst", d, key(9), registry.Standing{State: registry.Held, Day: theDay})
	if n, err := d.Release(soon(t), 7); n != 0 || err != nil {
		t.Errorf("Release again: got %d, %v, want nothing to do", n, err)
	}
	await(t, follow(t, registry.NewList(), registry.FollowOptions{Config: cfg}), undo(t, d, key(3)), 3)
}

func TestADroppedBurstIsGone(t *testing.T) {
	cfg, d := heldBursts(t)
	if n, err := d.Drop(soon(t), 7); n != 3 || err != nil {
		t.Fatalf("Drop: got %d, %v, want 3", n, err)
	}
	eventually(t, "one burst left", func() bool { return d.Stats().Held == 1 })
	wantStanding(t, "dropped", d, key(2), registry.Standing{})
	if got := ends(t, cfg, broker.OptOuts); got != 1 {
		t.Errorf("the registry: got %d messages, want the one of before", got)
	}
	if n, err := d.Drop(soon(t), 7); n != 0 || err != nil {
		t.Errorf("Drop again: got %d, %v, want nothing to do", n, err)
	}
}

// TestAReleaseThatWasInterruptedIsFinishedByTheNext begins where one ended that wrote to the registry and no further.
func TestAReleaseThatWasInterruptedIsFinishedByTheNext(t *testing.T) {
	cfg, d := heldBursts(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Release(ctx, 7); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "release it again") {
		t.Errorf("Release without time: got %v, want the context's error and what to do", err)
	}
	if _, err := d.Drop(ctx, 7); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "drop it again") {
		t.Errorf("Drop without time: got %v, want the context's error and what to do", err)
	}
	w := newDesk(t, cfg)
	w.write(registry.Record{Key: key(1), Tag: 71, Day: today - 1})
	w.write(registry.Record{Key: key(2), Tag: 72, Day: today - 2})
	eventually(t, "half released", func() bool { return d.Stats().Records == 3 })
	wantStanding(t, "in both", d, key(1), registry.Standing{State: registry.Listed, Day: date(today - 1), Version: 2})
	if n, err := d.Release(soon(t), 7); n != 3 || err != nil {
		t.Fatalf("Release: got %d, %v, want all 3", n, err)
	}
	eventually(t, "all released", func() bool { return d.Stats().Records == 4 && d.Stats().Held == 1 })
}

func TestALargeBurstIsReleased(t *testing.T) {
	cfg := startKafka(t)
	w := newDesk(t, cfg)
	const n = 2500
	for i := range n {
		k := append(key(byte(i)), byte(i>>8))
		r := registry.HeldRecord{Key: k, Tag: uint32(i), Day: today, Burst: 3}
		key, value, err := r.Encode()
		if err := errors.Join(err, w.p.Send(soon(t), broker.Quarantine, key, value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.p.Flush(soon(t)); err != nil {
		t.Fatal(err)
	}
	d := openDesk(t, cfg, nil)
	if got, err := d.Release(soon(t), 3); got != n || err != nil {
		t.Fatalf("Release: got %d, %v, want %d", got, err, n)
	}
	eventually(t, "all released", func() bool { return d.Stats().Records == n && d.Stats().Held == 0 })
	if got := d.Stats(); got.OverExclusion != float64(n)/(1<<28) || got.Version != n {
		t.Errorf("stats: got %+v, want %d registrations at version %d", got, n, n)
	}
}
