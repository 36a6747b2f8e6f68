package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An id whose bytes do not turn up by chance.
const marked = 0xC0FFEE5EED5EA1ED

// device makes a row without compression getting a say: the tests look for the
// id's bytes on the disk, so they switch it off.
func device(store string, day time.Time, id, version uint64) DeviceDayRow {
	at := day.Add(10 * time.Hour)
	return DeviceDayRow{
		Store: store, StoreDay: day, ID: id, Sightings: 3, SealHour: day.Add(32 * time.Hour), Version: version,
		Visits: []DeviceVisit{{First: at, Last: at.Add(time.Hour), Zones: []ZoneStay{{"in", at, at.Add(time.Hour), 3}}}},
	}
}

func uncompressed(t *testing.T, db *DB) {
	t.Helper()
	if err := db.Exec(t.Context(), "ALTER TABLE device_days MODIFY COLUMN id UInt64 CODEC(NONE)"); err != nil {
		t.Fatal(err)
	}
}

func insertDevices(t *testing.T, db *DB, rows ...DeviceDayRow) {
	t.Helper()
	if err := Insert(t.Context(), db, TableDeviceDays, rows); err != nil {
		t.Fatal(err)
	}
}

// filesWith lists the files under dir that hold the id in one of the forms it
// could have been written in.
func filesWith(t *testing.T, dir string, id uint64) []string {
	t.Helper()
	forms := map[string][]byte{
		"little endian": binary.LittleEndian.AppendUint64(nil, id),
		"big endian":    binary.BigEndian.AppendUint64(nil, id),
		"decimal":       []byte(strconv.FormatUint(id, 10)),
		"hex":           fmt.Appendf(nil, "%x", id),
		"capital hex":   fmt.Appendf(nil, "%X", id),
	}
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && !entry.Type().IsRegular() {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		for form, b := range forms {
			if bytes.Contains(content, b) {
				found = append(found, fmt.Sprintf("%s (%s)", path, form))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// salt and hashOf are what the aggregator names forgotten devices by.
var salt = [16]byte{1, 2, 3}

func hashOf(id uint64) uint64 {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(salt[:len(salt):len(salt)], id))
	return binary.LittleEndian.Uint64(sum[:])
}

func TestForgetDevicesLeavesNoByteOfTheID(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	uncompressed(t, db)
	for version := range uint64(3) {
		insertDevices(t, db, device("a", monday, marked, version), device("a", monday, marked+1, version))
		insertDevices(t, db, device("b", monday, marked, version), device("a", monday.AddDate(0, 0, 1), marked, version))
	}
	if len(filesWith(t, dir, marked)) == 0 {
		t.Fatal("the id is not found before it is deleted: the test sees nothing")
	}
	for _, test := range []struct {
		name  string
		store string
		day   time.Time
		found int
		rows  uint64 // of it left
	}{
		{"in one store", "a", monday, 1, 2},
		{"on the next day", "a", monday.AddDate(0, 0, 1), 1, 1},
		{"again", "a", monday, 0, 1},
		{"in the other store", "b", monday, 1, 0},
	} {
		found, err := db.ForgetDevices(t.Context(), Forgets{test.store, test.day, salt, []uint64{hashOf(5), hashOf(marked), hashOf(6)}})
		if found != test.found || err != nil {
			t.Fatalf("%s: got %d devices, %v, want %d", test.name, found, err, test.found)
		}
		if got := value[uint64](t, db, "SELECT count() FROM device_days FINAL WHERE id = ?", uint64(marked)); got != test.rows {
			t.Errorf("%s: got %d rows, want %d", test.name, got, test.rows)
		}
	}
	if found := filesWith(t, dir, marked); len(found) != 0 {
		t.Errorf("the id is still in %s", strings.Join(found, ", "))
	}
	if got := value[uint64](t, db, "SELECT count() FROM device_days FINAL WHERE id = ?", uint64(marked+1)); got != 1 {
		t.Errorf("the other device: got %d rows, want 1", got)
	}
}

func TestDeleteDeviceDaysLeavesNoByteOfTheIDs(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	uncompressed(t, db)
	for version := range uint64(2) {
		insertDevices(t, db, device("a", monday, marked, version), device("b", monday, marked+256, version))
	}
	if err := db.DeleteDeviceDays(t.Context(), "a", monday); err != nil {
		t.Fatal(err)
	}
	if found := filesWith(t, dir, marked); len(found) != 0 {
		t.Errorf("the id is still in %s", strings.Join(found, ", "))
	}
	if got := value[uint64](t, db, "SELECT count() FROM device_days FINAL"); got != 1 {
		t.Errorf("the other store: got %d rows, want 1", got)
	}
	if err := db.DeleteDeviceDays(t.Context(), "b", monday); err != nil {
		t.Fatal(err)
	}
	if found := filesWith(t, dir, marked+256); len(found) != 0 {
		t.Errorf("the other id is still in %s", strings.Join(found, ", "))
	}
	if got := value[uint64](t, db, "SELECT count() FROM system.parts WHERE table = 'device_days'"); got != 0 {
		t.Errorf("got %d parts left of an empty table, want 0", got)
	}
}

// Merging is what ClickHouse does with parts anyhow; the old ones hold the ids.
func TestDeletesAlsoSweepMergedParts(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	uncompressed(t, db)
	for version := range uint64(4) {
		insertDevices(t, db, device("a", monday, marked, version), device("a", monday, marked+256, version))
	}
	if err := db.Exec(t.Context(), "OPTIMIZE TABLE device_days FINAL"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ForgetDevices(t.Context(), Forgets{"a", monday, salt, []uint64{hashOf(marked)}}); err != nil {
		t.Fatal(err)
	}
	if found := filesWith(t, dir, marked); len(found) != 0 {
		t.Errorf("the id is still in %s", strings.Join(found, ", "))
	}
}

// TestForgettingManyAtOnce looks for more devices than one statement can name. Where none of them is there, nothing is changed.
func TestForgettingManyAtOnce(t *testing.T) {
	db := open(t, "")
	var rows []DeviceDayRow
	for id := range uint64(50) {
		rows = append(rows, device("a", monday, id, 1), device("b", monday, id, 1))
	}
	insertDevices(t, db, rows...)
	var strangers, all []uint64
	for id := range uint64(3 * forgetText / 21) {
		strangers = append(strangers, hashOf(1000+id))
	}
	all = append(append(append(all, hashOf(7)), strangers...), hashOf(8), hashOf(49))
	for _, test := range []struct {
		name    string
		hashes  []uint64
		found   int
		mutated uint64 // the table was changed
		rows    uint64 // of store a
	}{
		{"nobody", nil, 0, 0, 50},
		{"strangers", strangers, 0, 0, 50},
		{"strangers and three devices", all, 3, 1, 47}, // in the first and the last statement
		{"the same again", all, 0, 1, 47},
	} {
		found, err := db.ForgetDevices(t.Context(), Forgets{"a", monday, salt, test.hashes})
		if found != test.found || err != nil {
			t.Fatalf("%s: got %d devices, %v, want %d", test.name, found, err, test.found)
		}
		if got := value[uint64](t, db, "SELECT count() FROM device_days FINAL WHERE store = 'a'"); got != test.rows {
			t.Errorf("%s: got %d rows, want %d", test.name, got, test.rows)
		}
		if got := value[uint64](t, db, "SELECT least(count(), 1) FROM system.mutations WHERE table = 'device_days'"); got != test.mutated {
			t.Errorf("%s: got mutated %d, want %d", test.name, got, test.mutated)
		}
	}
	if got := value[uint64](t, db, "SELECT count() FROM device_days FINAL WHERE store = 'b'"); got != 50 {
		t.Errorf("the other store: got %d rows, want 50", got)
	}
}

// TestForgettingInManyStoresAtOnce names the same devices in stores and days with salts of their own. A statement that names
// store a's Monday and store b's Tuesday leaves their other days alone.
func TestForgettingInManyStoresAtOnce(t *testing.T) {
	db := open(t, "")
	tuesday := monday.AddDate(0, 0, 1)
	var rows []DeviceDayRow
	var returns []ReturnVisitRow
	for _, store := range []string{"a", "b", "c"} {
		for _, day := range []time.Time{monday, tuesday} {
			for id := range uint64(10) {
				rows = append(rows, device(store, day, id, 1))
				returns = append(returns, returnVisit(store, day, id, time.Now()))
			}
		}
	}
	insertDevices(t, db, rows...)
	insertReturns(t, db, returns...)
	other := [16]byte{9}
	otherHash := func(id uint64) uint64 {
		sum := sha256.Sum256(binary.LittleEndian.AppendUint64(other[:len(other):len(other)], id))
		return binary.LittleEndian.Uint64(sum[:])
	}
	list := []Forgets{
		{"a", monday, salt, []uint64{hashOf(1), hashOf(2), hashOf(77)}},
		{"b", tuesday, other, []uint64{otherHash(1), otherHash(77)}},
		{"c", monday, salt, nil},
		{"nobody", monday, salt, []uint64{hashOf(4)}},
		{"b", tuesday, salt, []uint64{hashOf(4)}}, // a second salt, which is another store-day's, too
	}
	for round, want := range []int{4, 0} {
		if found, err := db.ForgetDevices(t.Context(), list...); found != want || err != nil {
			t.Errorf("round %d: got %d devices, %v, want %d", round, found, err, want)
		}
		if found, err := db.ForgetReturns(t.Context(), list...); found != want || err != nil {
			t.Errorf("round %d: got %d return ids, %v, want %d", round, found, err, want)
		}
	}
	const gone = "SELECT arrayStringConcat(groupArray(concat(store, ' ', toString(6 - toDayOfWeek(store_day)), ' ', toString(n))), ', ') FROM " +
		"(SELECT store, store_day, 10 - count() AS n FROM %s FINAL GROUP BY store, store_day HAVING n > 0 ORDER BY store, store_day)"
	if got, want := value[string](t, db, fmt.Sprintf(gone, TableDeviceDays)), "a 5 2, b 4 2"; got != want {
		t.Errorf("got %q devices gone by store and days to Saturday, want %q", got, want)
	}
	if got, want := value[string](t, db, fmt.Sprintf(gone, TableReturnVisits)), "a 5 2, a 4 2, b 5 2, b 4 2"; got != want {
		t.Errorf("got %q return visits gone, want %q", got, want)
	}
}

// TestAStatementIsNeverTooLong, and all hashes are named, whatever is asked for.
func TestAStatementIsNeverTooLong(t *testing.T) {
	devices := forgettable{table: TableDeviceDays, column: "id", days: true}
	hashes := make([]uint64, 30_000)
	for i := range hashes {
		hashes[i] = 1<<64 - 1 - uint64(i)
	}
	long := strings.Repeat("x", 59)
	for _, test := range []struct {
		name         string
		stores, each int
		parts        int
	}{
		{"nothing", 0, 0, 0},
		{"stores without hashes", 5, 0, 0},
		{"one hash", 1, 1, 1},
		{"a chain with one each", 300, 1, 1},
		{"a long chain with one each", 3_000, 1, 6},
		{"a flood in one store", 1, 30_000, 4},
		{"floods in three stores", 3, 30_000, 11},
	} {
		t.Run(test.name, func(t *testing.T) {
			var list []Forgets
			for i := range test.stores {
				list = append(list, Forgets{long + strconv.Itoa(i), monday, [16]byte{byte(i), byte(i >> 8)}, hashes[:test.each]})
			}
			parts, named := devices.parts(list), 0
			for _, part := range parts {
				key, hash, where := devices.sql(part)
				if n := len(key) + len(hash) + len(where); n > 250_000 {
					t.Errorf("got a statement of %d bytes, want at most 250,000", n)
				}
				for _, f := range part {
					named += len(f.Hashes)
				}
			}
			if len(parts) != test.parts || named != test.stores*test.each {
				t.Errorf("got %d statements and %d hashes, want %d and %d", len(parts), named, test.parts, test.stores*test.each)
			}
		})
	}
}

func TestDeletesOfADay(t *testing.T) {
	db := open(t, "")
	next := monday.AddDate(0, 0, 1)
	var cells []CellRow
	var minutes []PeopleMinuteRow
	var patterns []ReturnPatternRow
	for _, store := range []string{"a", "b"} {
		for _, day := range []time.Time{monday, next} {
			cells = append(cells, CellRow{Store: store, StoreDay: day, Start: day, StoreWeek: monday})
			minutes = append(minutes, PeopleMinuteRow{Store: store, StoreDay: day, Minute: day})
			patterns = append(patterns, ReturnPatternRow{Store: store, StoreDay: day, StoreWeek: day})
		}
	}
	for _, err := range []error{
		Insert(t.Context(), db, TableCells, cells),
		Insert(t.Context(), db, TablePeopleMinutes, minutes),
		Insert(t.Context(), db, TableReturnPatterns, patterns),
		db.DeleteCells(t.Context(), "a", monday),
		db.DeletePeopleMinutes(t.Context(), "a", monday),
		db.DeleteReturnPatterns(t.Context(), "a", monday),
		db.DeleteCells(t.Context(), "nobody", monday),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{TableCells, TablePeopleMinutes, TableReturnPatterns} {
		got := value[string](t, db, "SELECT toString(groupArray((store, store_day))) FROM (SELECT * FROM "+table+" ORDER BY store, store_day)")
		if want := "[('a','2026-03-24'),('b','2026-03-23'),('b','2026-03-24')]"; got != want {
			t.Errorf("%s: got %s, want %s", table, got, want)
		}
		if got := value[uint64](t, db, "SELECT count() FROM system.parts WHERE table = ? AND NOT active", table); got != 0 {
			t.Errorf("%s: got %d old parts, want 0", table, got)
		}
	}
}

func TestDeleteFailsWithoutItsTable(t *testing.T) {
	db := openEmpty(t, "embedded:")
	if err := db.DeleteDeviceDays(t.Context(), "a", monday); code(err) != 60 {
		t.Errorf("got %v, want code 60", err)
	}
}

func BenchmarkDeleteDay(b *testing.B) {
	db := open(b, "")
	for b.Loop() {
		b.StopTimer()
		rows := make([]DeviceDayRow, 1000)
		for i := range rows {
			rows[i] = device("a", monday, uint64(i), 1)
		}
		if err := Insert(b.Context(), db, TableDeviceDays, rows); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := db.DeleteDeviceDays(b.Context(), "a", monday); err != nil {
			b.Fatal(err)
		}
	}
}
