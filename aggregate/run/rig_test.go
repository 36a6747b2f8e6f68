package run

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
)

// engine is the test's ClickHouse, which can hold a database for each aggregator that is compared.
type engine struct {
	t    testing.TB
	home *store.DB
	made int
}

func newEngine(t testing.TB) *engine {
	t.Helper()
	return &engine{t: t, home: storetest.Open(t)}
}

// database makes an empty one with the schema.
func (e *engine) database() *store.DB {
	e.t.Helper()
	address, password, _ := e.home.Front()
	e.made++
	db, err := store.Open(e.t.Context(), fmt.Sprintf("http://test:%s@%s/d%d", password, address, e.made), store.Options{})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	return db
}

// exactTables go with a day's sealing; keptTables stay.
var (
	exactTables = []string{store.TableDeviceDays, store.TablePeopleMinutes, store.TableCells}
	keptTables  = []string{
		store.TableStoreDays, store.TableReturnVisits, store.TableReturnPatterns, store.TableRepeatWeeks, store.TableSealedDays, store.TablePubStoreQuarter,
		store.TablePubStoreHour, store.TablePubZoneHour, store.TablePubStoreDay, store.TablePubStoreWeek, store.TablePubSensor5Min,
	}
)

type line struct {
	Row string `ch:"row"`
}

// dump gives the rows of the tables as they stand, without what depends on where in the log a message stands.
func dump(t testing.TB, db *store.DB, tables ...string) string {
	t.Helper()
	if len(tables) == 0 {
		tables = append(append(tables, exactTables...), keptTables...)
	}
	var b strings.Builder
	for _, table := range tables {
		columns := "COLUMNS('.*') EXCEPT ('^(version|sightings_offset|counters_offset|drops|channels|written)$')"
		if table == store.TablePubSensor5Min {
			columns += ", mapSort(drops), mapSort(channels)" // the driver writes a map in any order
		}
		rows, err := store.Select[line](t.Context(), db, "SELECT formatRow('JSONEachRow', "+columns+") AS row FROM "+table+" FINAL ORDER BY row")
		if err != nil {
			t.Fatalf("dump %s: %v", table, err)
		}
		for _, r := range rows {
			b.WriteString(table + " " + r.Row)
		}
	}
	return b.String()
}

// sameTables compares dumps and shows the first row that differs.
func sameTables(t testing.TB, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := lineAt(g, i), lineAt(w, i)
		if a != b {
			t.Fatalf("%s: %d rows, want %d; the first that differs:\n got %s\nwant %s", what, len(g), len(w), a, b)
		}
	}
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// count is the number of rows of a table as it stands.
func count(t testing.TB, db *store.DB, table, where string, args ...any) uint64 {
	t.Helper()
	if table != store.TableDeadLetters { // it has no versions
		table += " FINAL"
	}
	return value[uint64](t, db, "SELECT count() FROM "+table+" WHERE "+where, args...)
}

func value[T any](t testing.TB, db *store.DB, query string, args ...any) T {
	t.Helper()
	v, err := store.Value[T](t.Context(), db, query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func parseStores(t testing.TB, text string) []stores.Store {
	t.Helper()
	list, err := stores.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func parseDay(t testing.TB, date string) calendar.Day {
	t.Helper()
	d, err := calendar.ParseDay(date)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// entry is a message of the log.
type entry struct {
	topic int
	at    time.Time // when it was sent
	raw   []byte
}

// topicLog is both topics of one partition, and what an aggregator has committed of them. It stands in for Kafka where a test says
// itself in which order messages come and when a process dies; the tests of Run use Kafka.
type topicLog struct {
	topics    [2][]entry
	committed [2]int64
	gone      [2]int64 // messages before it were truncated
}

// bench drives one partition's owner by hand.
type bench struct {
	t   testing.TB
	a   *Aggregator
	o   *owner
	db  *store.DB
	reg *prometheus.Registry
	log *topicLog
}

// newBench makes an aggregator on an empty log and database. No clock moves it: the test calls each step.
func newBench(t testing.TB, db *store.DB, cfg Config) *bench {
	t.Helper()
	b := &bench{t: t, db: db, log: new(topicLog)}
	b.start(cfg)
	return b
}

// start makes the aggregator's process anew: nothing is left of an earlier one but the database, the log and its offsets.
func (b *bench) start(cfg Config) {
	b.t.Helper()
	if cfg.Kafka.Brokers == nil {
		cfg.Kafka = broker.Config{Brokers: []string{"127.0.0.1:1"}, ClientID: "test"} // nothing is sent
	}
	cfg.RoundingKey = [32]byte{5, 10}
	b.reg = prometheus.NewRegistry()
	var err error
	if b.a, err = New(cfg, b.db, b.reg, slog.New(slog.DiscardHandler)); err != nil {
		b.t.Fatal(err)
	}
	a := b.a
	b.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = a.producer.Close(ctx)
	})
	b.o = &owner{a: a, stores: map[string]*state{}, next: b.log.committed}
	for id, cfg := range a.stores {
		s := newState(cfg, a.params)
		if err := a.restoreStore(b.t.Context(), s); err != nil {
			b.t.Fatal(err)
		}
		b.o.stores[id] = s
	}
	for t := range topics {
		b.o.logEnd[t] = int64(len(b.log.topics[t]))
	}
}

// restart is a crash and a new start: the log is read again from the committed offsets, in an order of the topics that swap
// chooses. Everything before them may be gone.
func (b *bench) restart(countersFirst bool) {
	b.t.Helper()
	b.start(b.a.cfg)
	b.log.gone = b.log.committed
	order := []int{sightings, counters}
	if countersFirst {
		order = []int{counters, sightings}
	}
	for _, topic := range order {
		for at := b.log.committed[topic]; at < int64(len(b.log.topics[topic])); at++ {
			if err := b.read(topic, at); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// send appends a message and reads it.
func (b *bench) send(entries ...entry) {
	b.t.Helper()
	for _, e := range entries {
		if err := b.try(e); err != nil {
			b.t.Fatal(err)
		}
	}
}

// try is send for a message whose reading may fail.
func (b *bench) try(e entry) error {
	b.log.topics[e.topic] = append(b.log.topics[e.topic], e)
	return b.read(e.topic, int64(len(b.log.topics[e.topic]))-1)
}

// read consumes the message at an offset as consume does: alone in its batch.
func (b *bench) read(topic int, offset int64) error {
	b.t.Helper()
	if offset < b.log.gone[topic] {
		b.t.Fatalf("offset %d of %s was truncated and is read again", offset, topics[topic])
	}
	e := b.log.topics[topic][offset]
	m := broker.Message{Topic: topics[topic], Offset: offset, Time: e.at, Value: e.raw}
	owners := map[int]*owner{0: b.o}
	return b.a.consume(b.t.Context(), owners, broker.Batch{Topic: topics[topic], Messages: []broker.Message{m}, Next: offset + 1})
}

// flush writes and commits as flush does, to the log in place of Kafka.
func (b *bench) flush() {
	b.t.Helper()
	if err := b.a.write(b.t.Context(), map[int]*owner{0: b.o}); err != nil {
		b.t.Fatal(err)
	}
	if b.o.caughtUp() {
		b.log.committed = b.o.needed()
	}
}

// weeks publishes the weeks that are over.
func (b *bench) weeks() {
	b.t.Helper()
	for _, s := range b.o.stores {
		if err := b.o.publishWeeks(b.t.Context(), s); err != nil {
			b.t.Fatal(err)
		}
	}
}

// only is the state of the single store.
func (b *bench) only() *state {
	b.t.Helper()
	if len(b.o.stores) != 1 {
		b.t.Fatalf("got %d stores, want 1", len(b.o.stores))
	}
	for _, s := range b.o.stores {
		return s
	}
	return nil
}

// metric is the sum of a counter's series that have all the label values.
func metric(t testing.TB, reg *prometheus.Registry, name string, values ...string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var has []string
			for _, l := range m.GetLabel() {
				has = append(has, l.GetValue())
			}
			if f.GetName() == name && !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(has, v) }) {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// words are what a metric's label or a dead letter may hold: nothing that looks like an id.
var words = regexp.MustCompile(`^[a-z_.0-9-]{0,40}$`)
