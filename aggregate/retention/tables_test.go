package retention

import (
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
)

func TestEveryTableOfTheSchemaIsDeclared(t *testing.T) {
	db := storetest.Open(t)
	places := prove(t, Input{DB: db, Stores: chain(t), Now: noon})
	type name struct {
		Name string `ch:"name"`
	}
	tables, err := store.Select[name](t.Context(), db, "SELECT name FROM system.tables WHERE database = ?", db.Database())
	if err != nil || len(tables) < 15 {
		t.Fatalf("got %d tables, %v", len(tables), err)
	}
	for _, table := range tables {
		if p := find(t, places, Table, "", table.Name); !p.OK() || p.Count != 0 && table.Name != "migrations" {
			t.Errorf("%s: got %+v, want it empty and in order", table.Name, p)
		}
	}
	for _, p := range places {
		if p.Kind != Spool && !p.OK() {
			t.Errorf("got %+v, want a fresh database in order", p)
		}
	}
}

// TestTheOldestRowOfEveryTableIsFound: rows of device-days and of what else goes with their sealing, per store, by its calendar.
func TestTheOldestRowOfEveryTableIsFound(t *testing.T) {
	db := storetest.Open(t)
	week := func(id string, monday int) store.ReturnPatternRow {
		return store.ReturnPatternRow{Store: id, StoreDay: dayOfMarch(monday).Date(), StoreWeek: dayOfMarch(monday).Date(), Version: 1}
	}
	minute := func(id string, d int) store.PeopleMinuteRow {
		return store.PeopleMinuteRow{Store: id, StoreDay: dayOfMarch(d).Date(), Minute: dayOfMarch(d).Date(), Sensor: "door", Version: 1}
	}
	// At noon on the 25th the mall's 24th is sealed since 05:00 UTC and its time is up at 06:06; the kiosk's ends on the 26th.
	tests := []struct {
		name, table string
		plant       func()
		breach      string // the store
		reason      Reason
		oldest      time.Time
	}{
		{"today's device", store.TableDeviceDays, func() { insert(t, db, store.TableDeviceDays, device("mall", 25)) }, "", "", at(t, 0, 25)},
		{"yesterday's device", store.TableDeviceDays, func() { insert(t, db, store.TableDeviceDays, device("mall", 24), device("mall", 25)) }, "mall", TooOld, at(t, 0, 24)},
		{"yesterday's, sealed after a day", store.TableDeviceDays, func() { insert(t, db, store.TableDeviceDays, device("kiosk", 24)) }, "", "", at(t, 1, 24)},
		{"one of two stores", store.TableDeviceDays, func() { insert(t, db, store.TableDeviceDays, device("kiosk", 23), device("mall", 25)) }, "kiosk", TooOld, at(t, 1, 23)},
		{"a store that is gone", store.TableDeviceDays, func() { insert(t, db, store.TableDeviceDays, device("gone", 20)) }, "gone", UnknownStore, calendar.Calendar{}.Start(dayOfMarch(20))},
		{"a store that is gone since today", store.TableDeviceDays, func() { insert(t, db, store.TableDeviceDays, device("gone", 24)) }, "", "", calendar.Calendar{}.Start(dayOfMarch(24))},
		{"old minutes", store.TablePeopleMinutes, func() { insert(t, db, store.TablePeopleMinutes, minute("mall", 22)) }, "mall", TooOld, at(t, 0, 22)},
		{"old cells", store.TableCells, func() {
			insert(t, db, store.TableCells, store.CellRow{Store: "mall", StoreDay: dayOfMarch(22).Date(), Start: noon, StoreWeek: noon, Version: 1})
		}, "mall", TooOld, at(t, 0, 22)},
		{"this week's patterns", store.TableReturnPatterns, func() { insert(t, db, store.TableReturnPatterns, week("mall", 23)) }, "", "", at(t, 0, 23)},
		{"last week's patterns", store.TableReturnPatterns, func() { insert(t, db, store.TableReturnPatterns, week("mall", 16)) }, "mall", TooOld, at(t, 0, 16)},
		{"a store's days stay", store.TableStoreDays, func() {
			insert(t, db, store.TableStoreDays, store.StoreDayRow{Store: "mall", StoreDay: dayOfMarch(1).Date().AddDate(-3, 0, 0), StoreWeek: noon, Version: 1})
		}, "", "", dayOfMarch(1).Date().AddDate(-3, 0, 0)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			exec(t, db, "TRUNCATE TABLE "+test.table)
			test.plant()
			places := prove(t, Input{DB: db, Stores: chain(t), Now: noon})
			got := find(t, places, Table, "", test.table)
			if got.OK() != (test.breach == "") || got.Reason != test.reason || !got.Oldest.Equal(test.oldest) || got.Age != noon.Sub(test.oldest) || got.Count == 0 || got.Bytes == 0 {
				t.Errorf("got %+v, want %q with the oldest of %v", got, test.reason, test.oldest)
			}
			if test.breach != "" {
				if p := find(t, places, Table, test.breach, test.table); p.Verdict != Breach || p.Reason != test.reason || p.Advice() == "" {
					t.Errorf("got %+v, want the store's own place to be a breach", p)
				}
			}
			exec(t, db, "TRUNCATE TABLE "+test.table)
		})
	}
}

// at is when a day of March began in a store of the chain.
func at(t *testing.T, i, d int) time.Time {
	t.Helper()
	return chain(t)[i].Calendar.Start(dayOfMarch(d)).UTC()
}

// TestADayOfTwentyFiveHoursMayBeAnHourOlder: the clocks are set back at the end of October.
func TestADayOfTwentyFiveHoursMayBeAnHourOlder(t *testing.T) {
	list := chain(t)
	p := &proof{in: Input{Stores: list}, stores: map[string]*stores.Store{"mall": &list[0]}}
	for _, test := range []struct {
		name string
		day  calendar.Day
		want time.Duration
	}{
		{"an ordinary day", calendar.DayOfDate(2026, 10, 20), 27*time.Hour + 6*time.Minute},
		{"of 25 hours", calendar.DayOfDate(2026, 10, 24), 28*time.Hour + 6*time.Minute},
		{"of 23 hours", calendar.DayOfDate(2026, 3, 28), 26*time.Hour + 6*time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			part := Place{Store: "mall", Oldest: test.day.Date(), Newest: test.day.Date()}
			p.sealing(tableRule{sealed: 0}, &part)
			if part.Limit != test.want {
				t.Errorf("got a limit of %v, want %v", part.Limit, test.want)
			}
		})
	}
}

func TestAnUndeclaredTableWithIDsIsFound(t *testing.T) {
	db := storetest.Open(t)
	for _, statement := range []string{
		"CREATE TABLE mine (n UInt8) ENGINE = MergeTree ORDER BY n",
		"CREATE TABLE copy (id UInt64, day Date) ENGINE = MergeTree ORDER BY id",
		"CREATE TABLE other (return_id UInt64) ENGINE = MergeTree ORDER BY return_id",
		"CREATE TABLE third (Device_Address String) ENGINE = MergeTree ORDER BY tuple()",
		"CREATE VIEW seen AS SELECT store, id FROM device_days",
		"ALTER TABLE cells ADD COLUMN ids Array(UInt64)",
	} {
		exec(t, db, statement)
	}
	insert(t, db, store.TableReturnVisits, store.ReturnVisitRow{Store: "mall", StoreDay: calendar.DayOfDate(2026, 2, 24).Date(), ReturnID: 7, Written: time.Now(), Version: 1})
	places := prove(t, Input{DB: db, Stores: chain(t), Now: noon})
	tests := []struct {
		table string
		want  Verdict
	}{
		{"mine", Unknown}, {"copy", Breach}, {"other", Breach}, {"third", Breach}, {"seen", Breach}, {"cells", Breach},
		{store.TableDeviceDays, OK},
	}
	for _, test := range tests {
		p := find(t, places, Table, "", test.table)
		if p.Verdict != test.want || p.Reason != Undeclared && test.want != OK {
			t.Errorf("%s: got %+v, want %s", test.table, p, test.want)
		}
	}
	// Kept return ids of a day 29 days ago are within their limit until the day is sealed, and one day later they are not.
	if p := find(t, places, Table, "", store.TableReturnVisits); !p.OK() || !p.Oldest.Equal(chain(t)[0].Calendar.Start(calendar.DayOfDate(2026, 2, 24)).UTC()) {
		t.Errorf("got %+v, want kept return ids in order", p)
	}
	if p := find(t, prove(t, Input{DB: db, Stores: chain(t), Now: noon.AddDate(0, 0, 1)}), Table, "", store.TableReturnVisits); p.Reason != TooOld {
		t.Errorf("got %+v, want kept return ids found too old", p)
	}
}

// TestDeletedRowsThatAreStillOnTheDiskAreFound: parts out of use, and parts that were put aside.
func TestDeletedRowsThatAreStillOnTheDiskAreFound(t *testing.T) {
	db := storetest.Open(t)
	exec(t, db, "ALTER TABLE device_days MODIFY SETTING old_parts_lifetime = 100000")
	for range 2 {
		insert(t, db, store.TableDeviceDays, device("mall", 25))
	}
	exec(t, db, "OPTIMIZE TABLE device_days FINAL")
	now := time.Now()
	p := find(t, prove(t, Input{DB: db, Stores: chain(t), Now: now.Add(5 * time.Minute)}), Parts, "", store.TableDeviceDays)
	if !p.OK() || p.Count == 0 || p.Bytes == 0 {
		t.Errorf("just out of use: got %+v, want old parts in order", p)
	}
	p = find(t, prove(t, Input{DB: db, Stores: chain(t), Now: now.Add(2 * time.Hour)}), Parts, "", store.TableDeviceDays)
	if p.Reason != TooOld || p.Verdict != Breach {
		t.Errorf("two hours out of use: got %+v, want a breach", p)
	}
	insert(t, db, store.TablePeopleMinutes, store.PeopleMinuteRow{Store: "mall", StoreDay: dayOfMarch(25).Date(), Minute: noon, Version: 1})
	exec(t, db, "ALTER TABLE people_minutes DETACH PARTITION ID '20260325'")
	places := prove(t, Input{DB: db, Stores: chain(t), Now: now})
	if p := find(t, places, Parts, "", store.TablePeopleMinutes); p.Reason != Detached || p.Verdict != Breach {
		t.Errorf("put aside: got %+v, want a breach", p)
	}
	if i := slices.IndexFunc(places, func(p Place) bool { return p.Kind == Parts && p.Name == store.TablePubStoreDay }); i >= 0 {
		t.Errorf("got %+v, want no place for what stays anyway", places[i])
	}
}
