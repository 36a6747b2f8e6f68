package retention

import (
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

const twoStores = `
stores:
  - id: mall
    time_zone: Europe/Berlin
    seal_after: 2h
    zones: [{id: shop, sensors: [{id: door}, {id: till}]}]
  - id: kiosk
    time_zone: Europe/Lisbon
    seal_after: 24h
    zones: [{id: shop, sensors: [{id: door}]}]
`

// noon is of a Wednesday, 13:00 in Berlin: the mall's Tuesday is sealed since 05:00 UTC.
var noon = time.Date(2026, 3, 25, 12, 0, 0, 0, time.UTC)

func chain(t testing.TB) []stores.Store {
	t.Helper()
	list, err := stores.Parse([]byte(twoStores))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func dayOfMarch(d int) calendar.Day { return calendar.DayOfDate(2026, time.March, d) }

// topicsOf gives a test the topics, with two partitions of those that have several.
func topicsOf(t testing.TB) broker.Config {
	t.Helper()
	cfg := broker.Config{Brokers: kafkatest.Start(t), ClientID: "test"}
	if err := broker.EnsureTopics(t.Context(), cfg, broker.Settings{Partitions: 2, Replication: 1, SealAfter: 24 * time.Hour, Embedded: !kafkatest.Apache()}); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// say writes a message as of a time.
func say(t testing.TB, cfg broker.Config, topic, key string, at time.Time, value []byte) {
	t.Helper()
	p, err := broker.NewPublisher(cfg, broker.ProducerOptions{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Publish(t.Context(), topic, []byte(key), [][]byte{value}); err != nil {
		t.Fatal(err)
	}
}

func header(id string, at time.Time) *wire.Header {
	var c calendar.Calendar
	return &wire.Header{Store: id, Sensor: "door", Boot: 1, StoreDay: int32(c.DayOf(at)), BaseMs: at.UnixMilli(), Policy: wire.Policy_POLICY_STANDARD}
}

// sighting is one of an id, heard at the time.
func sighting(t testing.TB, id string, at time.Time) []byte {
	t.Helper()
	return encoded(t, &wire.Envelope{Header: header(id, at), Body: &wire.Envelope_Sightings{Sightings: &wire.Sightings{
		Ids: []uint64{7}, Counts: []uint32{1}, OffsetsMs: []uint32{0}, Bands: []byte{wire.MinBand},
	}}})
}

func forget(t testing.TB, id string, at time.Time) []byte {
	t.Helper()
	return encoded(t, &wire.Envelope{Header: header(id, at), Body: &wire.Envelope_Forget{Forget: &wire.Forget{Id: 7}}})
}

func heartbeat(t testing.TB, id string, at time.Time) []byte {
	t.Helper()
	return encoded(t, &wire.Envelope{Header: header(id, at), Body: &wire.Envelope_Heartbeat{Heartbeat: &wire.Heartbeat{CaptureMs: at.UnixMilli()}}})
}

func encoded(t testing.TB, e *wire.Envelope) []byte {
	t.Helper()
	raw, err := wire.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func prove(t testing.TB, in Input) []Place {
	t.Helper()
	places, err := Prove(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return places
}

// find gives the place of a kind and name, of a store where it is about one.
func find(t testing.TB, places []Place, kind Kind, store, name string) Place {
	t.Helper()
	i := slices.IndexFunc(places, func(p Place) bool { return p.Kind == kind && p.Store == store && p.Name == name })
	if i < 0 {
		t.Fatalf("got %+v, want a place %s %s %s", places, kind, store, name)
	}
	return places[i]
}

func device(id string, d int) store.DeviceDayRow {
	date := dayOfMarch(d).Date()
	return store.DeviceDayRow{Store: id, StoreDay: date, ID: 7, SealHour: date, Visits: []store.DeviceVisit{}, Version: 1}
}

func insert[T any](t testing.TB, db *store.DB, table string, rows ...T) {
	t.Helper()
	if err := store.Insert(t.Context(), db, table, rows); err != nil {
		t.Fatal(err)
	}
}

func exec(t testing.TB, db *store.DB, statement string) {
	t.Helper()
	if err := db.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
