package run

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/lifetime"
	"github.com/openfootfall/footfall/ingest/truncate"
	"github.com/openfootfall/footfall/ingest/wire"
)

// onDisk is an aggregator, driven by hand and by a clock of the test's, on an embedded broker whose files are looked into.
type onDisk struct {
	*cluster
	b    *bench
	v    *voice
	dir  string
	made map[uint64]time.Time // when the sighting was that made an id
	rnd  *rand.Rand
}

func newOnDisk(t *testing.T, rolled bool) *onDisk {
	t.Helper()
	d := &onDisk{dir: t.TempDir(), made: map[uint64]time.Time{}, rnd: rand.New(rand.NewPCG(5, 9))}
	k, err := embedded.Start(embedded.Options{DataDir: d.dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	list := parseStores(t, street)
	d.cluster = &cluster{t: t, kafka: broker.Config{Brokers: []string{k.Addr()}, ClientID: "test"}}
	if err := broker.EnsureTopics(t.Context(), d.kafka, broker.Settings{Partitions: 1, Replication: 1, SealAfter: list[0].SealAfter, Embedded: true}); err != nil {
		t.Fatal(err)
	}
	// Snappy leaves what cannot be made shorter as it is, so that ids are found in the files.
	if d.send, err = broker.NewProducer(d.kafka, broker.ProducerOptions{Now: d.now, Compression: kafka.Snappy}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.send.Close(context.Background()) })
	tr, err := truncate.New(truncate.Options{Kafka: d.kafka, Embedded: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	cfg := Config{Kafka: d.kafka, Stores: list, Now: d.now, Truncate: func(ctx context.Context, topic string, partition int, before int64) error {
		_, err := tr.Before(ctx, topic, partition, before)
		return err
	}}
	if rolled {
		cfg.RollEach = tr.RollEach
	}
	d.b = newBench(t, newEngine(t).database(), cfg)
	d.v = &voice{t: t, store: &cfg.Stores[0], boot: 1}
	return d
}

// at moves the clock, lets the aggregator do what is due, and then says some phones' sightings.
func (d *onDisk) at(now time.Time, phones int) {
	d.t.Helper()
	d.sent.Store(now.UnixMilli())
	d.works()
	if phones > 0 {
		var list []seen
		for range phones {
			id := d.rnd.Uint64()
			d.made[id] = now
			list = append(list, seen{id, now.UnixMilli(), 6})
		}
		d.say(d.v.store, d.v.sightings(d.v.store.Calendar.DayOf(now), list, nil, false))
		d.works()
	}
	if err := d.b.a.truncate(d.t.Context(), map[int]*owner{0: d.b.o}); err != nil {
		d.t.Fatal(err)
	}
}

// works reads what is new, asks for what is due, and reads that.
func (d *onDisk) works() {
	d.t.Helper()
	for range 2 {
		for topic, name := range topics {
			if _, err := broker.ReadPartition(d.t.Context(), d.kafka, name, 0, int64(len(d.b.log.topics[topic])), func(m broker.Message) error {
				d.b.send(entry{topic, m.Time, m.Value})
				return nil
			}); err != nil {
				d.t.Fatal(err)
			}
		}
		if err := d.b.a.seal(d.t.Context(), map[int]*owner{0: d.b.o}); err != nil {
			d.t.Fatal(err)
		}
		if err := d.b.a.producer.Flush(d.t.Context()); err != nil {
			d.t.Fatal(err)
		}
	}
}

// left are the ids in the broker's files.
func (d *onDisk) left() (ids []uint64) {
	d.t.Helper()
	var all []byte
	if err := filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			var raw []byte
			raw, err = os.ReadFile(path)
			all = append(all, raw...)
		}
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
	for id := range d.made {
		if bytes.Contains(all, binary.LittleEndian.AppendUint64(nil, id)) {
			ids = append(ids, id)
		}
	}
	return ids
}

// oldest is the age of the oldest id on the disk.
func (d *onDisk) oldest(now time.Time) (age time.Duration) {
	d.t.Helper()
	for _, id := range d.left() {
		age = max(age, now.Sub(d.made[id]))
	}
	return age
}

func (d *onDisk) files() int {
	d.t.Helper()
	files, err := filepath.Glob(filepath.Join(d.dir, "log", "partitions", broker.Sightings+"-0", "*.dat"))
	if err != nil || len(files) == 0 {
		d.t.Fatalf("the topic has no file: %v", err)
	}
	return len(files)
}

// TestNoIDIsOnTheDiskForLongerThanTheNoticeSays follows two days of a small box, on which a segment is never full: an id every
// half hour. The time that the notice prints for a sensor that is online holds for every id in every file, at any time; without
// having files begun it does not.
func TestNoIDIsOnTheDiskForLongerThanTheNoticeSays(t *testing.T) {
	for name, hours := range map[string]int{"files are begun": 51, "control: they are not": 29} {
		t.Run(name, func(t *testing.T) {
			rolled := hours > 48
			d := newOnDisk(t, rolled)
			s := d.v.store
			day := parseDay(t, "2026-02-02")
			bound := lifetime.Of(s.SealAfter, 0, lifetime.StoreDay).Online
			var longest time.Duration
			most := 0
			for i := range 2 * hours {
				now := s.Calendar.Start(day).Add(time.Minute + time.Duration(i)*30*time.Minute)
				d.at(now, 1)
				longest, most = max(longest, d.oldest(now)), max(most, d.files())
			}
			if (longest <= bound) != rolled {
				t.Errorf("an id was on the disk for up to %v; the notice says %v", longest, bound)
			}
			if most > hours || !rolled && most > 1 {
				t.Errorf("got up to %d files of one topic, want no more than about one an hour", most)
			}
			t.Logf("an id was on the disk for up to %v, in up to %d files", longest, most)
		})
	}
}

// TestASealedDayLeavesTheDisk seals a day after which nothing was heard: its Seal begins a file, and the ids' files go at once.
func TestASealedDayLeavesTheDisk(t *testing.T) {
	for name, rolled := range map[string]bool{"files are begun": true, "control: they are not": false} {
		t.Run(name, func(t *testing.T) {
			d := newOnDisk(t, rolled)
			start := d.v.store.Calendar.Start(parseDay(t, "2026-02-02"))
			d.at(start.Add(6*time.Hour), 15)
			d.at(start.Add(6*time.Hour+time.Minute), 15)
			if got := len(d.left()); got != 30 {
				t.Fatalf("got %d ids on the disk of the open day, want 30: the search proves nothing", got)
			}
			d.at(d.v.store.Calendar.End(parseDay(t, "2026-02-02")).Add(d.v.store.SealAfter), 0)
			if n := len(d.b.only().sealed); n != 1 {
				t.Fatalf("%d days are sealed, want 1", n)
			}
			if first, end := d.offsets(broker.Sightings); first != end-1 {
				t.Errorf("offsets %d to %d can be read, want the Seal alone", first, end)
			}
			if got := len(d.left()); (got == 0) != rolled {
				t.Errorf("got %d ids on the disk of the sealed day, rolled %v", got, rolled)
			}
		})
	}
}

// TestFilesAreBegun follows what the broker is told, step by step.
func TestFilesAreBegun(t *testing.T) {
	now := time.Date(2026, 2, 2, 10, 0, 0, 0, time.UTC)
	end, told, fails := int64(7), "", false
	var log bytes.Buffer
	b, _, day := newStreet(t, newEngine(t).database(), Config{Now: func() time.Time { return now }, RollEach: func(_ context.Context, topic string, each bool) error {
		switch {
		case fails:
			return errors.New("away")
		case topic != broker.Sightings:
			t.Errorf("got told of %s", topic)
		case each:
			told += "each "
		default:
			told += "no "
		}
		return nil
	}})
	b.a.log = slog.New(slog.NewTextHandler(&log, nil))
	b.a.endOffset = func(context.Context, string, int) (int64, error) { return end, nil }
	owners := map[int]*owner{0: b.o}
	for _, step := range []struct {
		name   string
		after  time.Duration
		read   int64 // of sightings
		fails  bool
		before func()
		want   string
	}{
		{name: "after a start nobody knows how old the file is", want: "each"},
		{name: "messages of before do not count", read: 7},
		{name: "the first message has begun one", read: 8, want: "no"},
		{name: "within the hour", after: 59 * time.Minute, read: 90},
		{name: "after the hour, Kafka away", after: time.Minute, fails: true},
		{name: "Kafka still away", fails: true},
		{name: "Kafka back", before: func() { end = 95 }, want: "each"},
		{name: "nothing comes for long", after: 5 * time.Hour, read: 95},
		{name: "something comes", read: 96, want: "no"},
		{name: "a Seal is sent", before: func() {
			b.a.beginFile(t.Context(), true)
			d, err := b.only().open(day, sightings, 90)
			if err != nil {
				t.Fatal(err)
			}
			d.asked = true
		}, want: "each"},
		{name: "other messages are read before it", read: 98},
		{name: "it is read", read: 99, before: func() { b.only().days[day].seal[sightings] = 98 }, want: "no"},
		{name: "the rhythm goes on", after: 2 * time.Hour, before: func() { end = 99 }, want: "each"},
	} {
		told, fails, now = "", step.fails, now.Add(step.after)
		b.o.next[sightings] = max(b.o.next[sightings], step.read)
		if step.before != nil {
			step.before()
		}
		b.a.roll(t.Context(), owners)
		b.a.roll(t.Context(), owners) // again is the same
		if got := strings.TrimSpace(told); got != step.want {
			t.Errorf("%s: got told %q, want %q", step.name, got, step.want)
		}
	}
	if n := strings.Count(log.String(), "look whether kafka can be reached"); n != 1 {
		t.Errorf("got %d warnings, want one:\n%s", n, log.String())
	}
}

// TestSealingDoesNotNeedFilesBegun: what cannot be rolled is sealed all the same.
func TestSealingDoesNotNeedFilesBegun(t *testing.T) {
	d := newOnDisk(t, false)
	d.b.a.cfg.RollEach = func(context.Context, string, bool) error { return errors.New("away") }
	day := parseDay(t, "2026-02-02")
	d.at(d.v.store.Calendar.Start(day).Add(6*time.Hour), 1)
	d.at(d.v.store.Calendar.End(day).Add(d.v.store.SealAfter), 0)
	if n := len(d.b.only().sealed); n != 1 {
		t.Errorf("%d days are sealed, want 1", n)
	}
	if !slices.ContainsFunc(d.b.log.topics[sightings], func(e entry) bool {
		m, err := wire.Decode(e.raw)
		return err == nil && m.GetSeal() != nil
	}) {
		t.Error("no Seal was sent")
	}
}
