package registry

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

// TestWhatIsUndoneDuringAReleaseStaysUndone undoes between the moment at which a release knows what it will release and the one at
// which it looks who undid theirs.
func TestWhatIsUndoneDuringAReleaseStaysUndone(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := broker.Config{Brokers: kafkatest.Start(t)}
	if err := broker.EnsureTopics(ctx, cfg, broker.Settings{Partitions: 1, Replication: 1, Embedded: !kafkatest.Apache()}); err != nil {
		t.Fatal(err)
	}
	d, err := NewDesk(DeskOptions{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- d.Run(running) }()
	defer func() { stop(); <-ended }()
	for n := range uint64(3) {
		if err := d.Hold(ctx, recordKey(n), uint32(n), 7); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	d.mu.RLock()
	records, seen := d.held.ofBurst(7), int64(d.held.end)
	d.mu.RUnlock()
	if _, err := d.Undo(ctx, recordKey(1)); err != nil {
		t.Fatal(err)
	}
	undone := map[string]bool{}
	err = d.producing(ctx, func(p *broker.Producer) error {
		n, err := d.release(ctx, p, records, undone, &seen)
		if n != 2 {
			t.Errorf("released: got %d, want the 2 that were not undone", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(undone) != 2 || seen != 5 { // the undo's second message removes what nobody has
		t.Errorf("got %d undone up to offset %d, want 2 up to 5", len(undone), seen)
	}
	want := map[string]bool{string(recordKey(0)): true, string(recordKey(2)): true}
	listed := map[string]bool{}
	if _, err := broker.ReadPartition(ctx, cfg, broker.OptOuts, 0, broker.Earliest, func(m broker.Message) error {
		if delete(listed, string(m.Key)); len(m.Value) > 0 {
			listed[string(m.Key)] = true
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(listed) != len(want) || !listed[string(recordKey(0))] || !listed[string(recordKey(2))] {
		t.Errorf("the registry: got %d registrations, want the two that were not undone", len(listed))
	}
}

// mustList writes to a book as if it came from Kafka.
func mustList(t testing.TB, b *book, r Record, offset int64) {
	key, value, err := r.Encode()
	if err == nil {
		_, err = b.list(key, value, offset)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestBook(t *testing.T) {
	b := newBook()
	mustList(t, b, Record{Key: recordKey(1), Tag: 7, Day: 2500}, 0)
	mustList(t, b, Record{Key: recordKey(1), Tag: 7, Day: 2501}, 1) // the same again, as a producer may repeat it
	mustList(t, b, Record{Key: recordKey(2), Tag: 7, Day: 2501}, 2)
	if len(b.entries) != 2 {
		t.Errorf("got %d records, want 2", len(b.entries))
	}
	mustList(t, b, Record{Key: recordKey(2), Tag: 8, Day: 2501}, 3) // under another tag
	mustList(t, b, Record{Key: recordKey(9), Removed: true}, 4)     // never was
	if got := b.entries[hashKey(recordKey(2))]; len(b.entries) != 2 || got.tag != 8 || got.next != 4 {
		t.Errorf("got %d records and %+v, want 2 and tag 8", len(b.entries), got)
	}
	for n := range uint64(2) {
		mustList(t, b, Record{Key: recordKey(n + 1), Removed: true}, int64(5+n))
	}
	if len(b.entries) != 0 {
		t.Errorf("after all was removed: got %d records, want none", len(b.entries))
	}
	for _, broken := range []func() error{
		func() error { _, err := b.list(recordKey(1), []byte("text"), 9); return err },
		func() error { _, err := b.hold(recordKey(1), []byte("text"), 9); return err },
		func() error { _, err := b.list([]byte("short"), nil, 9); return err },
	} {
		if err := broken(); !errors.Is(err, ErrBroken) {
			t.Errorf("got %v, want ErrBroken", err)
		}
	}
}

func TestStateString(t *testing.T) {
	for s, want := range map[State]string{None: "none", Listed: "listed", Held: "held", 9: "state_9"} {
		if got := s.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// BenchmarkDeskMillion reports what a million registrations take in a desk's memory, and how long they take to read.
func BenchmarkDeskMillion(b *testing.B) {
	const n = 1_000_000
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		before := heap()
		d := newBook()
		for i := range uint64(n) {
			k := recordKey(i)
			mustList(b, d, Record{Key: k, Tag: uint32(i*2654435761) >> 4, Day: 2500}, int64(i))
		}
		b.ReportMetric(float64(heap()-before)/n, "bytes/record")
		runtime.KeepAlive(d)
	}
}

// BenchmarkLook tells a hit from a miss, if anything does.
func BenchmarkLook(b *testing.B) {
	d := &Desk{optouts: newBook(), held: newBook()}
	for i := range uint64(100_000) {
		mustList(b, d.optouts, Record{Key: recordKey(i), Tag: uint32(i), Day: 2500}, int64(i))
	}
	for name, first := range map[string]uint64{"hit": 0, "miss": 1 << 40} {
		keys := make([][]byte, 1<<12)
		for i := range keys {
			keys[i] = recordKey(first + uint64(i))
		}
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				d.Look(keys[i%len(keys)])
			}
		})
	}
}
