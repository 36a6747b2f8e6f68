package run

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/truncate"
	"github.com/openfootfall/footfall/ingest/wire"
)

func TestNewSaysAllThatIsWrong(t *testing.T) {
	_, err := New(Config{Kafka: broker.Config{Brokers: []string{"nowhere"}}}, nil, nil, slog.New(slog.DiscardHandler))
	for _, want := range []string{"no stores", "rounding key", "host:port"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to tell of %q", err, want)
		}
	}
}

// Nothing but dead letters is written, and no offset moves, before the log is read to where it ended at assignment: a half-read
// day must not stand for a whole one.
func TestNothingIsWrittenBeforeTheLogIsRead(t *testing.T) {
	b, v, day := newStreet(t, newEngine(t).database(), Config{Clock: ClockCapture})
	b.log.topics[sightings] = []entry{v.sightings(day, visitors(v, day, 12), nil, false), {sightings, time.Now(), []byte("\xff")}, v.sightings(day, visitors(v, day, 5), nil, false)}
	minutes := quiet(v, day, 90)
	b.log.topics[counters] = []entry{v.minutes(day, minutes[:30]), v.minutes(day, minutes[30:])}
	b.start(b.a.cfg)
	reads := []struct{ topic, offset int }{{sightings, 0}, {counters, 0}, {counters, 1}, {sightings, 1}, {sightings, 2}}
	for i, r := range reads {
		if err := b.read(r.topic, int64(r.offset)); err != nil {
			t.Fatal(err)
		}
		b.flush()
		rows := uint64(0)
		for _, table := range append(append([]string{}, exactTables...), keptTables...) {
			rows += count(t, b.db, table, "1")
		}
		if last := i == len(reads)-1; (rows > 0) != last || (b.log.committed[counters] > 0) != last {
			t.Errorf("after message %d of %d: got %d rows and committed %v", i+1, len(reads), rows, b.log.committed)
		}
	}
	if n := count(t, b.db, store.TableDeadLetters, "1"); n != 1 {
		t.Errorf("got %d dead letters, want 1", n)
	}
}

// TestALiveDay follows a day by the wall's clock: what is written while it is open, and how it is sealed.
func TestALiveDay(t *testing.T) {
	if kafkatest.Apache() {
		t.Skip("the messages' times are made up: Apache Kafka's retention would remove them")
	}
	list := parseStores(t, street)
	s, day := &list[0], parseDay(t, "2026-02-02")
	db, c := newEngine(t).database(), newCluster(t, 1)
	v := &voice{t: t, store: s, boot: 1}
	start := s.Calendar.Start(day)
	clock := func(at time.Time) { c.sent.Store(at.UnixMilli()) }
	clock(start.Add(6*time.Hour + 40*time.Minute)) // 10:40 at the store
	var sealed atomic.Value
	r := c.start(db, Config{Stores: list, Now: c.now, OnSealed: func(store, day string) { sealed.Store(store + " " + day) }})
	c.say(s, v.sightings(day, visitors(v, day, 12), nil, false), v.minutes(day, quiet(v, day, 40)), entry{topic: sightings, raw: []byte("\xff")})
	until(t, "all of it is written", func() bool {
		return count(t, db, store.TableStoreDays, "visits = 12") > 0 && value[uint64](t, db, "SELECT sum(listened_s) FROM pub_sensor_5min FINAL") == 40*60
	})
	for _, table := range []struct {
		name, where string
		want        uint64
	}{
		{store.TableDeviceDays, "1", 12},
		{store.TablePeopleMinutes, "1", 40},
		{store.TableCells, "listened_minutes > 0", 3},
		{store.TablePubStoreQuarter, "1", 4*6 + 2}, // from 04:00 to 10:30: the quarter in the making is not shown
		{store.TablePubStoreHour, "1", 6},
		{store.TablePubZoneHour, "1", 2 * 6},
		{store.TablePubStoreDay, "1", 0}, // the day is not over
		{store.TableStoreDays, "NOT sealed AND visits = 12", 1},
		{store.TableSealedDays, "1", 0},
	} {
		if n := count(t, db, table.name, table.where); n != table.want {
			t.Errorf("while the day is open: %s where %s: got %d rows, want %d", table.name, table.where, n, table.want)
		}
	}
	clock(s.Calendar.End(day).Add(s.SealAfter))
	until(t, "the day is sealed", func() bool { return sealed.Load() != nil })
	if got := sealed.Load(); got != "street 2026-02-02" {
		t.Errorf("got told of %q", got)
	}
	for table, want := range map[string]uint64{
		store.TableDeviceDays: 0, store.TablePeopleMinutes: 0, store.TableCells: 0, store.TableSealedDays: 1,
		store.TablePubStoreQuarter: 96, store.TablePubStoreHour: 24, store.TablePubZoneHour: 48, store.TablePubStoreDay: 1,
	} {
		if n := count(t, db, table, "1"); n != want {
			t.Errorf("after sealing: %s: got %d rows, want %d", table, n, want)
		}
	}
	r.stop()
	checkLiveMetrics(t, r)
	for _, topic := range topics {
		if n := c.seals(topic); n != 1 {
			t.Errorf("%s: got %d Seals, want 1", topic, n)
		}
	}
}

func checkLiveMetrics(t *testing.T, r *running) {
	t.Helper()
	for name, want := range map[string]float64{
		"footfall_aggregate_messages_total": 5, "footfall_aggregate_sealed_days_total": 1, "footfall_aggregate_dead_letters_total": 1,
		"footfall_aggregate_late_batches_total": 0, "footfall_aggregate_gaps_total": 0, "footfall_aggregate_truncate_errors_total": 0,
	} {
		if got := metric(t, r.reg, name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	families, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() { // none may be able to name a device
				if !words.MatchString(l.GetValue()) {
					t.Errorf("%s has a label %s=%q", f.GetName(), l.GetName(), l.GetValue())
				}
			}
		}
	}
}

// seals counts the Seals of a topic.
func (c *cluster) seals(topic string) (n int) {
	c.t.Helper()
	if _, err := broker.ReadPartition(c.t.Context(), c.kafka, topic, 0, broker.Earliest, func(m broker.Message) error {
		if e, err := wire.Decode(m.Value); err == nil && e.GetSeal() != nil {
			n++
		}
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
	return n
}

// over is the end of input of every sensor.
func (w *world) over(t testing.TB) (out []entry) {
	last := w.days[len(w.days)-1].day
	for i := range w.store.Sensors {
		v := &voice{t: t, store: w.store, sensor: i, boot: 1000 + uint64(i), seq: 1 << 20}
		out = append(out, v.heartbeat(last, &wire.Heartbeat{CaptureMs: w.store.Calendar.End(last).UnixMilli() - 1, EndOfInput: true}))
	}
	return out
}

// TestARestartOverTruncatedTopics stops an aggregator in the middle of a day whose first counters are gone from the topic by
// then. The next one takes people by minute from ClickHouse, and comes to the tables of an undisturbed run.
func TestARestartOverTruncatedTopics(t *testing.T) {
	e := newEngine(t)
	list := parseStores(t, street)
	s := &list[0]
	w := newWorld(s, parseDay(t, "2026-02-02"), 2, 30, 21)
	var parts [3][]entry // the first day; the second day's sightings and some of its counters; the rest
	for sensor := range s.Sensors {
		days := w.say(t, sensor, nil)
		parts[0] = append(append(parts[0], days[0][counters]...), days[0][sightings]...)
		half := len(days[1][counters]) / 2
		parts[1] = append(append(parts[1], days[1][counters][:half]...), days[1][sightings]...)
		parts[2] = append(parts[2], days[1][counters][half:]...)
	}
	parts[2] = append(parts[2], w.over(t)...)

	cfg := Config{Stores: list, Clock: ClockCapture}
	undisturbed, whole := newCluster(t, 1), e.database()
	for _, part := range parts {
		undisturbed.say(s, part...)
	}
	undisturbed.drain(whole, cfg)

	c, db := newCluster(t, 1), e.database()
	tr, err := truncate.New(truncate.Options{Kafka: c.kafka, Embedded: !kafkatest.Apache()})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	cfg.Truncate = func(ctx context.Context, topic string, partition int, before int64) error {
		_, err := tr.Before(ctx, topic, partition, before)
		return err
	}
	c.say(s, parts[0]...)
	_, mark := c.offsets(broker.Counters)
	first := c.start(db, cfg)
	c.say(s, parts[1]...)
	until(t, "counters of the open day are truncated", func() bool {
		from, _ := c.offsets(broker.Counters)
		return from > mark+1 // behind the first day's Seal
	})
	first.stop()
	if n := count(t, db, store.TablePeopleMinutes, "final"); n == 0 {
		t.Error("got no final people by minute: the restart would show nothing")
	}
	c.say(s, parts[2]...)
	second := c.drain(db, cfg)
	sameTables(t, "a restart over truncated topics", dump(t, db), dump(t, whole))
	if got := metric(t, second.reg, "footfall_aggregate_gaps_total"); got != 0 {
		t.Errorf("got %v gaps, want none: nothing that was needed is gone", got)
	}
	if n := count(t, whole, store.TableSealedDays, "1"); n != 2 {
		t.Errorf("got %d sealed days, want 2", n)
	}
}

const two = `
stores:
  - {id: c, time_zone: Europe/Berlin, zones: [{id: in, sensors: [{id: x}]}]}
  - {id: d, time_zone: Asia/Kolkata, zones: [{id: in, sensors: [{id: x}]}]}
`

// TestPartitionsGoFromOneAggregatorToAnother has two of them share two stores, and then one take over all.
func TestPartitionsGoFromOneAggregatorToAnother(t *testing.T) {
	e := newEngine(t)
	list := parseStores(t, two)
	var worlds []*world
	used := map[int]bool{}
	for i := range list {
		worlds = append(worlds, newWorld(&list[i], parseDay(t, "2026-02-02"), 2, 12, uint64(i)))
		used[broker.PartitionOf([]byte(list[i].ID), 2)] = true
	}
	if len(used) != 2 {
		t.Fatal("the stores fall on one partition: name them otherwise")
	}
	say := func(c *cluster, day int) {
		for i, w := range worlds {
			said := w.say(t, 0, nil)[day]
			c.say(&list[i], said[counters]...)
			c.say(&list[i], said[sightings]...)
			if day == 1 {
				c.say(&list[i], w.over(t)...)
			}
		}
	}
	cfg := Config{Stores: list, Clock: ClockCapture}
	undisturbed, whole := newCluster(t, 2), e.database()
	say(undisturbed, 0)
	say(undisturbed, 1)
	undisturbed.drain(whole, cfg)

	c, db := newCluster(t, 2), e.database()
	first := c.start(db, cfg)
	say(c, 0)
	until(t, "the first has written", func() bool { return count(t, db, store.TableCells, "1") > 0 })
	done := make(chan struct{})
	cfg.Drained = done
	second := c.start(db, cfg)
	until(t, "the second has a partition", func() bool { return metric(t, second.reg, "footfall_aggregate_messages_total") > 0 })
	first.stop()
	say(c, 1)
	until(t, "all days are sealed", func() bool { return count(t, db, store.TableSealedDays, "1") == 4 })
	close(done)
	second.wait()
	sameTables(t, "handed over", dump(t, db), dump(t, whole))
}

// A log that ends before the offset that the group committed has lost messages. Going on would wait for offsets that come again
// with other messages, so it is an error that says what to do.
func TestALogThatLostItsEndIsAnError(t *testing.T) {
	c, db := newCluster(t, 1), newEngine(t).database()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.kafka.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var offsets kadm.Offsets
	offsets.AddOffset(broker.Sightings, 0, 17, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), DefaultGroup, offsets); err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{Kafka: c.kafka, Stores: parseStores(t, street), RoundingKey: [32]byte{1}, Session: 6 * time.Second}, db, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := a.Run(ctx); err == nil || !strings.Contains(err.Error(), "delete the consumer group") {
		t.Errorf("got %v, want an error that says to delete the consumer group", err)
	}
}

// TestToldToStopBeforeItBegan: a stop is no error, at whatever moment it comes.
func TestToldToStopBeforeItBegan(t *testing.T) {
	c, db := newCluster(t, 1), newEngine(t).database()
	a, err := New(Config{Kafka: c.kafka, Stores: parseStores(t, street), RoundingKey: [32]byte{1}, Session: 6 * time.Second}, db, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Run(ctx); err != nil {
		t.Errorf("got %v, want no error", err)
	}
}
