package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/spool"
	"github.com/openfootfall/footfall/ingest/wire"
)

// badDisk is a spool whose disk fails on demand.
type badDisk struct {
	Spool
	read, write error
}

func (b *badDisk) Next(after uint64, limit, maxBytes int) ([]spool.Message, error) {
	if b.read != nil {
		return nil, b.read
	}
	return b.Spool.Next(after, limit, maxBytes)
}

func (b *badDisk) Sync() error {
	if b.write != nil {
		return b.write
	}
	return b.Spool.Sync()
}

func TestDiskThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		disk := &badDisk{Spool: w.spool, write: errors.New("no space left on device")}
		w.box.opt.Spool = disk
		w.sights(id(1))
		if err := w.box.Sync(); err == nil {
			t.Error("got no error, want the disk's")
		}
		if !w.trouble(TroubleDisk) {
			t.Error("got no trouble, want spool_disk")
		}
		w.run(time.Second) // what is in memory is sent all the same
		equal(t, "ids", w.ids(), []uint64{id(1)})
		disk.write, disk.read = nil, errors.New("input/output error")
		w.sync()
		w.sights(id(2))
		w.run(time.Minute)
		if !w.trouble(TroubleDisk) {
			t.Error("got no trouble, want spool_disk while it cannot be read")
		}
		if got := w.raised[TroubleDisk]; got != 2 {
			t.Errorf("got it raised %d times, want 2", got)
		}
		disk.read = nil
		w.run(time.Minute)
		if w.trouble(TroubleDisk) {
			t.Error("got spool_disk, want it ended")
		}
		equal(t, "ids", w.ids(), slices.Sorted(slices.Values([]uint64{id(1), id(2)})))
		w.balanced()
	})
}

func TestIDsThatAreDueDoNotWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		disk := &badDisk{Spool: w.spool}
		w.box.opt.Spool = disk
		w.sights(id(1))
		w.sync()
		disk.write = errors.New("read-only file system")
		w.kafka.set(always(errDown))
		w.run(6*time.Hour + time.Minute)
		if got := w.sightings(outRolled); got != 1 {
			t.Errorf("got %d rolled, want 1", got)
		}
		w.kafka.set(nil)
		w.run(time.Minute)
		equal(t, "kinds", w.arrived(), []string{"rollup"})
	})
}

func TestFullSpoolIsCountedAndSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.spool.Close()
		var err error
		if w.spool, _, err = spool.Open(spool.Options{Dir: w.dir, MaxBytes: 1 << 20, MemoryBytes: 64 << 10}); err != nil {
			t.Fatal(err)
		}
		w.opt.Spool, w.opt.Registerer = w.spool, w.registry
		w.registry = prometheus.NewRegistry()
		w.opt.Registerer = w.registry
		if w.box, err = New(w.opt); err != nil {
			t.Fatal(err)
		}
		w.kafka.set(always(errDown))
		for n := range 400 {
			w.sights(ids(1000*n, 1000*n+300)...)
			w.counters()
			if n%5 == 0 {
				w.sync()
			}
		}
		w.sync()
		if !w.trouble(TroubleFull) {
			t.Error("got no trouble, want spool_full")
		}
		if got := w.sightings(outLost); got == 0 || got%300 != 0 {
			t.Errorf("got %d sightings lost, want some batches of 300", got)
		}
		if got := w.box.Stats().Lost; int(got) != w.messages(outLost) || got == 0 {
			t.Errorf("got %d messages lost, want the %d of the metric", got, w.messages(outLost))
		}
		w.balanced()
		w.kafka.set(nil)
		w.confirm()
		w.run(11 * time.Minute)
		w.balanced()
		if w.trouble(TroubleFull) {
			t.Error("got spool_full, want it ended after ten minutes")
		}
		if got, want := len(w.ids())+w.sightings(outLost), 400*300; got != want {
			t.Errorf("got %d sent and lost, want %d", got, want)
		}
	})
}

func TestMessageLargerThanTheSpoolIsLostAndSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		w := newWorld(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&text, nil)) })
		w.spool.Close()
		w.sights(id(1))
		if got := w.messages(outLost); got != 1 {
			t.Errorf("got %d lost, want 1", got)
		}
		if !strings.Contains(text.String(), "level=ERROR") {
			t.Errorf("got log %q, want an error", text.String())
		}
	})
}

// What is told to people and machines holds no id and no tag.
func TestNothingToldHoldsAnID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		w := newWorld(t, func(o *Options) {
			o.Logger = slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		for _, answer := range []error{errDown, errLarge, errRights, nil} {
			w.kafka.set(always(answer))
			w.sights(id(1), id(2))
			w.send(&wire.Envelope{Header: w.header(0), Body: &wire.Envelope_Sightings{Sightings: &wire.Sightings{Ids: []uint64{id(1)}}}})
			w.run(time.Minute)
			w.list.add(tagOf(id(2)))
			w.run(time.Minute)
		}
		families, err := w.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			fmt.Fprintln(&text, f.String())
		}
		if !strings.Contains(text.String(), "footfall_outbox_sightings_total") {
			t.Error("got no metrics to look at")
		}
		for _, x := range []uint64{id(1), id(2)} {
			for _, s := range []string{fmt.Sprint(x), fmt.Sprintf("%x", x), fmt.Sprintf("%X", x), fmt.Sprint(tagOf(x))} {
				if strings.Contains(text.String(), s) {
					t.Errorf("an id or its tag is told: %q", s)
				}
			}
		}
	})
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		if got := w.metric("footfall_outbox_oldest_seconds", ""); got != 0 {
			t.Errorf("got %d s, want 0 while nothing waits", got)
		}
		w.kafka.set(always(errDown))
		w.sights(id(1))
		w.run(90 * time.Second)
		if got := w.metric("footfall_outbox_oldest_seconds", ""); got != 90 {
			t.Errorf("got %d s, want 90", got)
		}
		if got := w.metric("footfall_outbox_attempts_total", broker.ReasonNetwork); got != 1 {
			t.Errorf("got %d failed attempts, want 1: the list was not confirmed since", got)
		}
		w.list.add(tagOf(id(9)))
		w.kafka.set(nil)
		w.run(time.Minute)
		if got := w.metric("footfall_outbox_attempts_total", resultOK); got != 1 {
			t.Errorf("got %d attempts, want 1", got)
		}
		if got := w.metric("footfall_outbox_rechecks_total", recheckUnchanged); got != 1 {
			t.Errorf("got %d looked at again, want 1", got)
		}
		stats := w.box.Stats()
		if stats.KnownIDs != 1 || stats.Messages != 0 || stats.OldestTimeMS != 0 {
			t.Errorf("got %+v, want one known id and nothing that waits", stats)
		}
	})
}

func TestOptions(t *testing.T) {
	good := Options{Store: "street", Sensor: "door", Spool: &badDisk{}, Publisher: &kafka{}, List: &list{}}
	tests := []struct {
		name string
		edit func(*Options)
		says []string
	}{
		{"no store", func(o *Options) { o.Store = "" }, []string{"no store"}},
		{"no spool", func(o *Options) { o.Spool = nil }, []string{"no spool"}},
		{"ids for ever", func(o *Options) { o.IDAge = 25 * time.Hour }, []string{"id age"}},
		{"sealed before the end", func(o *Options) { o.SealAfter = -time.Hour }, []string{"seal_after"}},
		{"all at once", func(o *Options) { *o = Options{IDAge: -1, SealAfter: 25 * time.Hour} }, []string{"no store", "no spool", "id age", "seal_after"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			tt.edit(&o)
			_, err := New(o)
			for _, want := range tt.says {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to say %q", err, want)
				}
			}
		})
	}
}

func TestTroubleNamesAreUnique(t *testing.T) {
	names := Troubles()
	slices.Sort(names)
	if len(slices.Compact(names)) != 5 {
		t.Errorf("got %v, want five names", names)
	}
}

// Run ends with its context, also while an attempt hangs or nothing waits.
func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		start := time.Now()
		w.run(time.Second)
		w.opt.Publisher = publisherFunc(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		w.restart()
		w.confirm()
		w.counters()
		w.run(time.Second)
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("got %v, want the two seconds given", took)
		}
		if got := w.box.Stats().Messages; got != 1 {
			t.Errorf("got %d messages that wait, want 1", got)
		}
	})
}

type publisherFunc func(ctx context.Context) error

func (f publisherFunc) Publish(ctx context.Context, _ string, _ []byte, _ [][]byte) error {
	return f(ctx)
}
