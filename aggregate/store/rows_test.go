package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var monday = time.Date(2026, 3, 23, 0, 0, 0, 0, time.UTC)

// fill sets every field of a row to something that its column can hold and that
// differs from the zero value.
func fill(r *rand.Rand, v reflect.Value, name string) {
	switch v.Interface().(type) {
	case time.Time:
		at := monday.AddDate(0, 0, r.IntN(7))
		switch {
		case name == "first" || name == "last":
			at = at.Add(time.Duration(r.IntN(86_400_000)) * time.Millisecond)
		case name != "day" && !strings.HasSuffix(name, "_day") && !strings.HasPrefix(name, "store_"):
			at = at.Add(time.Duration(r.IntN(86_400)) * time.Second)
		}
		v.Set(reflect.ValueOf(at))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i), v.Type().Field(i).Tag.Get("ch"))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+r.IntN(4), 5))
		for i := range v.Len() {
			fill(r, v.Index(i), name)
		}
	case reflect.Map:
		if v.Type() == reflect.TypeFor[map[uint16]uint64]() {
			v.Set(reflect.ValueOf(map[uint16]uint64{0: 7, 2412: r.Uint64(), 7115: 1}))
			return
		}
		v.Set(reflect.ValueOf(map[string]uint64{"bad_fcs": r.Uint64(), "too_weak": 1}))
	case reflect.String:
		v.SetString(fmt.Sprintf("%s-%d é'\n\n", name, r.IntN(1000)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(r.NormFloat64())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> (64 - v.Type().Bits()))
	default:
		v.SetInt(int64(r.Uint64()) >> (64 - v.Type().Bits()))
	}
}

// roundTrip writes a full and an empty row and reads both back.
func roundTrip[T any](t *testing.T, db *DB, table string) {
	t.Run(table, func(t *testing.T) {
		want := make([]T, 2)
		fill(rand.New(rand.NewPCG(1, 2)), reflect.ValueOf(&want[0]).Elem(), "")
		empty := reflect.ValueOf(&want[1]).Elem()
		for i := range empty.NumField() {
			switch f := empty.Field(i); {
			case f.Type() == reflect.TypeFor[time.Time]():
				f.Set(reflect.ValueOf(time.Unix(0, 0).UTC()))
				if name := empty.Type().Field(i).Tag.Get("ch"); name == "received" || name == "written" {
					f.Set(reflect.ValueOf(time.Now().UTC().Truncate(time.Second)))
				}
			case f.Kind() == reflect.Slice:
				f.Set(reflect.MakeSlice(f.Type(), 0, 0))
			case f.Kind() == reflect.Map:
				f.Set(reflect.MakeMap(f.Type()))
			}
		}
		if d, ok := any(&want[0]).(*DeadLetterRow); ok {
			d.Received = time.Now().UTC().Truncate(time.Second)
		}
		if r, ok := any(&want[0]).(*ReturnVisitRow); ok {
			r.Written = time.Now().UTC().Truncate(time.Second)
		}
		if err := Insert(t.Context(), db, table, want); err != nil {
			t.Fatal(err)
		}
		got, err := Select[T](t.Context(), db, "SELECT * FROM "+table+" ORDER BY store DESC")
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	})
}

func TestEveryRowComesBack(t *testing.T) {
	db := open(t, "")
	roundTrip[StoreRow](t, db, TableStores)
	roundTrip[DeviceDayRow](t, db, TableDeviceDays)
	roundTrip[PeopleMinuteRow](t, db, TablePeopleMinutes)
	roundTrip[CellRow](t, db, TableCells)
	roundTrip[StoreDayRow](t, db, TableStoreDays)
	roundTrip[ReturnPatternRow](t, db, TableReturnPatterns)
	roundTrip[RepeatWeekRow](t, db, TableRepeatWeeks)
	roundTrip[SealedDayRow](t, db, TableSealedDays)
	roundTrip[DeadLetterRow](t, db, TableDeadLetters)
	roundTrip[ReturnVisitRow](t, db, TableReturnVisits)
	roundTrip[PubStoreLiveRow](t, db, TablePubStoreLive)
	roundTrip[PubStoreQuarterRow](t, db, TablePubStoreQuarter)
	roundTrip[PubStoreHourRow](t, db, TablePubStoreHour)
	roundTrip[PubZoneHourRow](t, db, TablePubZoneHour)
	roundTrip[PubStoreDayRow](t, db, TablePubStoreDay)
	roundTrip[PubStoreWeekRow](t, db, TablePubStoreWeek)
	roundTrip[PubSensor5MinRow](t, db, TablePubSensor5Min)
	roundTrip[PubRetentionRow](t, db, TablePubRetention)
	roundTrip[PubAnnotationRow](t, db, TablePubAnnotations)
	roundTrip[PubTransactionsRow](t, db, TablePubTransactions)
	roundTrip[PubEffectRow](t, db, TablePubEffects)
	roundTrip[PubStoreRow](t, db, TablePubStores)
	roundTrip[PubPrivacyRow](t, db, TablePubPrivacy)
}

func TestTheGreatestVersionStands(t *testing.T) {
	db := open(t, "")
	day := func(visits uint32, version uint64) StoreDayRow {
		return StoreDayRow{Store: "a", StoreDay: monday, StoreWeek: monday, Visits: visits, Version: version}
	}
	steps := []struct {
		name string
		row  StoreDayRow
		want uint32
	}{
		{"the first", day(10, 5), 10},
		{"a newer one", day(12, 7), 12},
		{"an older one, late", day(11, 6), 12},
		{"the newest again", day(12, 7), 12},
		{"one from the beginning of a replay", day(1, 1), 12},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			if err := Insert(t.Context(), db, TableStoreDays, []StoreDayRow{step.row}); err != nil {
				t.Fatal(err)
			}
			for _, query := range []string{"SELECT visits FROM store_days FINAL", "OPTIMIZE TABLE store_days FINAL", "SELECT visits FROM store_days"} {
				if strings.HasPrefix(query, "OPTIMIZE") {
					if err := db.Exec(t.Context(), query); err != nil {
						t.Fatal(err)
					}
					continue
				}
				rows, err := Select[struct {
					Visits uint32 `ch:"visits"`
				}](t.Context(), db, query)
				if err != nil || len(rows) != 1 || rows[0].Visits != step.want {
					t.Errorf("%s: got %v, %v, want %d", query, rows, err, step.want)
				}
			}
		})
	}
}

// The tables that live long must take years of rows in one insert; those by day
// or hour take any number of days that can be open at once.
func TestYearsInOneInsert(t *testing.T) {
	db := open(t, "")
	const days = 3 * 365
	var quarters []PubStoreQuarterRow
	var stores []PubStoreDayRow
	for i := range days {
		day := monday.AddDate(0, 0, i)
		quarters = append(quarters, PubStoreQuarterRow{Store: "a", Start: day, StoreDay: day, StoreWeek: monday})
		stores = append(stores, PubStoreDayRow{Store: "a", StoreDay: day, StoreWeek: monday})
	}
	if err := Insert(t.Context(), db, TablePubStoreQuarter, quarters); err != nil {
		t.Error(err)
	}
	if err := Insert(t.Context(), db, TablePubStoreDay, stores); err != nil {
		t.Error(err)
	}
	var open []CellRow
	for i := range 60 {
		open = append(open, CellRow{Store: "a", StoreDay: monday.AddDate(0, 0, i), Start: monday, StoreWeek: monday})
	}
	if err := Insert(t.Context(), db, TableCells, open); err != nil {
		t.Error(err)
	}
}

func TestEveryTableHasATest(t *testing.T) {
	db := open(t, "")
	rows, err := Select[struct {
		Name string `ch:"name"`
	}](t.Context(), db, "SELECT name FROM system.tables WHERE database = ? AND name != 'migrations' ORDER BY name", db.Database())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows {
		got = append(got, row.Name)
	}
	if want := slices.Sorted(maps.Keys(tables())); !slices.Equal(got, want) {
		t.Errorf("got tables %v, want %v", got, want)
	}
}
