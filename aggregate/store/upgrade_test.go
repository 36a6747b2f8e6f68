package store

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// landed are the SQL files that databases were made with. They are never edited, so their sums stand here; a new file is added
// with its sum once it is landed.
var landed = map[string]string{
	"001_private.sql":       "926c93c3e98d9e516fb625471f70e6c89ef06383c37fc5841e707d38b357fb81",
	"002_published.sql":     "febdbaa6f2541caa1181b4ed27f5477583a79a570d09c3e0289ae75f03efbf2b",
	"003_live_sensors.sql":  "4822ddef200f56d18fdf5ce022fcee1e084751297a240c7bdb2c4bd4e1c4f572",
	"004_retention.sql":     "68c33b55d8b4fd7c22011b4cc6547488d955c2e31d055023a90e5c6df5892e80",
	"005_extended.sql":      "d4bb9f0aa38e24b439269634b7fe0dca41640ec7abcb0489cc32761ddebbd7c0",
	"006_worth.sql":         "16bf1ec501b865988d9be1387509480041a3bc58db11fcad4d05e0908378cd69",
	"007_chain_privacy.sql": "58b61b910d0b8b41fcea6f717b0d2be2003a1b7a48b9180bb6b7125eb337b8af",
	"008_live.sql":          "cf3695d2caf8393b995e1be2de997bf0f70b868d3378ac761ea47c45563a5495",
}

func TestLandedMigrationsAreNeverEdited(t *testing.T) {
	migrations, err := readMigrations(schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range migrations {
		if want, ok := landed[m.name]; ok && m.sum() != want {
			t.Errorf("%s: got the sum %s, want %s: make the change in a new file", m.name, m.sum(), want)
		}
	}
}

// asBefore gives a test a database as the footfall made it that knew the first n migrations only.
func asBefore(t *testing.T, n int) (*DB, []migration) {
	t.Helper()
	migrations, err := readMigrations(schema)
	if err != nil {
		t.Fatal(err)
	}
	db := openEmpty(t, "embedded:"+t.TempDir())
	if err := db.migrate(t.Context(), migrations[:n]); err != nil {
		t.Fatal(err)
	}
	return db, migrations
}

// TestEveryEarlierSchemaBecomesThisOne migrates from each state that a footfall has left, and from one cut short after each
// statement of each later file.
func TestEveryEarlierSchemaBecomesThisOne(t *testing.T) {
	fresh := openEmpty(t, "embedded:"+t.TempDir())
	if err := fresh.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := columns(t, fresh)
	if err := fresh.Close(); err != nil { // a process can hold one engine
		t.Fatal(err)
	}
	for n := range len(landed) + 1 {
		db, migrations := asBefore(t, n)
		for _, m := range migrations[n:] {
			for _, statement := range splitStatements(m.sql) {
				for range 2 { // safe to run twice
					if err := db.Exec(t.Context(), statement); err != nil {
						t.Fatalf("from %d migrations, %s: %v", n, m.name, err)
					}
				}
			}
		}
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatalf("from %d migrations: %v", n, err)
		}
		if got := columns(t, db); !slices.Equal(got, want) {
			t.Errorf("from %d migrations: got %v, want %v", n, got, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRowsFromBeforeLiveSensors: rows that were written without the columns of live sensors say that there is nothing to say.
func TestRowsFromBeforeLiveSensors(t *testing.T) {
	db, _ := asBefore(t, 2)
	for _, insert := range []string{
		"INSERT INTO cells (store, store_day, start, stable, version) VALUES ('a', '2026-03-23', '2026-03-23 09:00:00', 6.5, 3)",
		"INSERT INTO pub_store_quarter (store, start, occupancy, occupancy_state, version) VALUES ('a', '2026-03-23 09:00:00', 15, 'value', 3)",
		"INSERT INTO pub_sensor_5min (store, sensor, start, listened_s, drops, version) VALUES ('a', 'door', '2026-03-23 09:00:00', 300, {'closed': 4}, 3)",
	} {
		if err := db.Exec(t.Context(), insert); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	cells, err := Select[CellRow](t.Context(), db, "SELECT * FROM cells FINAL")
	if err != nil || len(cells) != 1 || cells[0].Counted != nil || cells[0].Stable != 6.5 {
		t.Errorf("got %+v, %v, want a cell of which nothing was counted", cells, err)
	}
	quarters, err := Select[PubStoreQuarterRow](t.Context(), db, "SELECT * FROM pub_store_quarter FINAL")
	if err != nil || len(quarters) != 1 || quarters[0].Counted != nil || quarters[0].CountedState != "no_data" || *quarters[0].Occupancy != 15 {
		t.Errorf("got %+v, %v, want a quarter of which nothing was counted", quarters, err)
	}
	want := PubSensor5MinRow{
		Store: "a", Sensor: "door", Start: time.Date(2026, 3, 23, 9, 0, 0, 0, time.UTC), ListenedS: 300, LastCapture: time.Unix(0, 0).UTC(),
		Drops: map[string]uint64{"closed": 4}, Channels: map[uint16]uint64{}, Version: 3,
	}
	sensors, err := Select[PubSensor5MinRow](t.Context(), db, "SELECT * FROM pub_sensor_5min FINAL")
	if err != nil || len(sensors) != 1 || !reflect.DeepEqual(sensors[0], want) {
		t.Errorf("got %+v, %v, want %+v", sensors, err, want)
	}
	newer := want
	newer.Trouble, newer.SpoolOldest, newer.Channels, newer.Version = "kafka", &want.Start, map[uint16]uint64{2412: 9}, 4
	if err := Insert(t.Context(), db, TablePubSensor5Min, []PubSensor5MinRow{newer}); err != nil {
		t.Fatal(err)
	}
	sensors, err = Select[PubSensor5MinRow](t.Context(), db, "SELECT * FROM pub_sensor_5min FINAL")
	if err != nil || len(sensors) != 1 || !reflect.DeepEqual(sensors[0], newer) {
		t.Errorf("got %+v, %v, want the row written since", sensors, err)
	}
}

var tableCell = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|")

// TestTheReferenceListsASensorsHealth compares the table of pub_sensor_5min in aggregate/README.md with the row.
func TestTheReferenceListsASensorsHealth(t *testing.T) {
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(raw), "<!-- begin pub_sensor_5min -->")
	section, _, ok2 := strings.Cut(section, "<!-- end pub_sensor_5min -->")
	if !ok || !ok2 {
		t.Fatal("aggregate/README.md has no part pub_sensor_5min")
	}
	var got, want []string
	for _, m := range tableCell.FindAllStringSubmatch(section, -1) {
		got = append(got, m[1])
	}
	row := reflect.TypeFor[PubSensor5MinRow]()
	for i := range row.NumField() {
		want = append(want, row.Field(i).Tag.Get("ch"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got the columns %v in aggregate/README.md, want %v", got, want)
	}
}
