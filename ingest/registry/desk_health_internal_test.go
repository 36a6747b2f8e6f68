package registry

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

// setClock is a clock that tests set.
type setClock struct{ at atomic.Int64 }

func (c *setClock) now() time.Time        { return time.Unix(0, c.at.Load()) }
func (c *setClock) set(to time.Time)      { c.at.Store(to.UnixNano()) }
func (c *setClock) move(by time.Duration) { c.at.Add(int64(by)) }

// clockedDesk is a desk that runs until the test ends on a broker of its own, with a clock that stands at the time given.
func clockedDesk(t *testing.T, at time.Time) (*Desk, *setClock, broker.Config) {
	t.Helper()
	cfg := broker.Config{Brokers: kafkatest.Start(t)}
	if err := broker.EnsureTopics(t.Context(), cfg, broker.Settings{Partitions: 1, Replication: 1, Embedded: !kafkatest.Apache()}); err != nil {
		t.Fatal(err)
	}
	c := new(setClock)
	c.set(at)
	d, err := NewDesk(DeskOptions{Config: cfg, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	if err := d.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return d, c, cfg
}

// comes waits for something that a follower sees soon.
func comes(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for: %s", what)
		}
	}
}

// TestTheQuarantineForgetsWithKafka: Kafka drops what waited for too long and tells nobody. A clock that jumps and is set again does
// not lose what waits.
func TestTheQuarantineForgetsWithKafka(t *testing.T) {
	today := time.Now().UTC().Truncate(24 * time.Hour).Add(time.Hour)
	d, c, _ := clockedDesk(t, today.AddDate(0, 0, -30))
	for n := range 3 {
		c.set(today.AddDate(0, 0, (n-2)*15))
		if err := d.Hold(t.Context(), recordKey(uint64(n)), 1, uint32(n)); err != nil {
			t.Fatal(err)
		}
	}
	held := func(n int) func() bool {
		return func() bool { s := d.Stats(); return s.Held == n && s.Bursts == n }
	}
	comes(t, "all three on the thirtieth day", held(3))
	c.move(24 * time.Hour)
	comes(t, "the oldest to go", held(2))
	if got := d.Look(recordKey(0)).State; got != None {
		t.Errorf("the oldest: got %v, want it gone", got)
	}
	c.move(31 * 24 * time.Hour)
	comes(t, "a clock that jumped", held(0))
	c.set(today)
	comes(t, "a clock that was set again", held(3))
	if got := d.Look(recordKey(0)).State; got != Held {
		t.Errorf("the oldest, with the clock set again: got %v, want it held", got)
	}
}

func TestAClockBefore2020IsNamed(t *testing.T) {
	now := time.Now()
	d, c, _ := clockedDesk(t, now)
	c.set(time.Date(2020, 1, 1, 23, 59, 0, 0, time.UTC))
	_, registering := d.Register(t.Context(), recordKey(1), 1)
	_, undoing := d.Undo(t.Context(), recordKey(1))
	for name, err := range map[string]error{
		"register": registering, "hold": d.Hold(t.Context(), recordKey(1), 1, 1), "undo": undoing, "health": d.Health(),
	} {
		if !errors.Is(err, ErrClock) || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "clock") {
			t.Errorf("%s: got %v, want ErrClock", name, err)
		}
	}
	if d.Ready() {
		t.Error("got a desk that is ready, want not")
	}
	c.set(now)
	comes(t, "a clock that was set", d.Ready)
}

func TestADeskThatHearsNothingIsNotReady(t *testing.T) {
	now := time.Now()
	d := &Desk{now: func() time.Time { return now }}
	for _, row := range []struct {
		name                 string
		unread               int
		registry, quarantine time.Duration // ago
		want                 error
	}{
		{"both just now", 0, 0, 0, nil},
		{"both ten seconds ago", 0, silence, silence, nil},
		{"the registry longer ago", 0, silence + 1, 0, errSilent},
		{"the quarantine longer ago", 0, 0, silence + 1, errSilent},
		{"one was never read", 1, 0, 0, errUnread},
	} {
		d.unread, d.heard = row.unread, [2]time.Time{now.Add(-row.registry), now.Add(-row.quarantine)}
		if got := d.Health(); !errors.Is(got, row.want) || d.Ready() != (row.want == nil) || got != nil && !errors.Is(got, ErrUnavailable) {
			t.Errorf("%s: got %v and ready %v, want %v", row.name, got, d.Ready(), row.want)
		}
		if row.want == nil {
			continue
		}
		if _, err := d.Undo(t.Context(), recordKey(1)); !errors.Is(err, row.want) || errors.Is(err, ErrUncertain) {
			t.Errorf("%s: an undo: got %v, want that nothing was tried", row.name, err)
		}
	}
}

func TestAFullQuarantineRefuses(t *testing.T) {
	d, _, _ := clockedDesk(t, time.Now())
	d.maxHeld = 3
	for n := range uint64(3) {
		if err := d.Hold(t.Context(), recordKey(n), 1, 1); err != nil {
			t.Fatal(err)
		}
	}
	comes(t, "all three", func() bool { return d.Stats().Held == 3 })
	if err := d.Hold(t.Context(), recordKey(9), 1, 1); !errors.Is(err, ErrFull) || !errors.Is(err, ErrUnavailable) {
		t.Errorf("the fourth: got %v, want ErrFull", err)
	}
	if _, err := d.Register(t.Context(), recordKey(8), 1); err != nil {
		t.Errorf("an honest registration: got %v, want it taken", err)
	}
	if _, err := d.Drop(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	comes(t, "room again", func() bool { return d.Hold(t.Context(), recordKey(9), 1, 1) == nil })
}

// TestAnUndoOfNothingLeavesNothing reads what lies in the registry after somebody undid receipts that nobody has.
func TestAnUndoOfNothingLeavesNothing(t *testing.T) {
	d, _, cfg := clockedDesk(t, time.Now())
	version, err := d.Register(t.Context(), recordKey(1), 7)
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(5) {
		if got, err := d.Undo(t.Context(), recordKey(100+n)); err != nil || got != version {
			t.Errorf("got version %d, %v, want %d", got, err, version)
		}
	}
	end, err := broker.EndOffset(t.Context(), cfg, broker.OptOuts, 0)
	if err != nil || end != int64(version) {
		t.Errorf("the registry ends at %d, %v, want %d as before", end, err, version)
	}
	if s := d.Stats(); s.Records != 1 || s.Held != 0 {
		t.Errorf("stats: got %+v, want the one registration", s)
	}
}
