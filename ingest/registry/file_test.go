package registry

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

var confirmed = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// savedList is a list with its file.
func savedList(t *testing.T, records ...Record) (l *List, path string) {
	t.Helper()
	l, path = listOf(records...), filepath.Join(t.TempDir(), "optouts")
	l.confirmed.Store(confirmed.UnixNano())
	if err := l.Save(path); err != nil {
		t.Fatal(err)
	}
	return l, path
}

func someRecords(n int) (records []Record) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range n {
		records = append(records, Record{Key: recordKey(uint64(i)), Tag: rng.Uint32N(1<<TagBits) &^ (rng.Uint32N(2) * 0xffffff)})
	}
	return records
}

func TestASavedListIsTheSameList(t *testing.T) {
	for _, row := range []struct {
		name    string
		records []Record
	}{
		{"nothing", nil},
		{"one", someRecords(1)},
		{"the smallest and the largest tag", []Record{{Key: recordKey(1)}, {Key: recordKey(2), Tag: 1<<TagBits - 1}}},
		{"two with one tag", []Record{{Key: recordKey(1), Tag: 77}, {Key: recordKey(2), Tag: 77}}},
		{"thousands", someRecords(30_000)},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, path := savedList(t, row.records...)
			got := NewList()
			if err := got.Load(path); err != nil {
				t.Fatal(err)
			}
			if a, b := got.current.Load(), l.current.Load(); a.version != b.version || a.index != b.index || !slices.Equal(a.entries, b.entries) {
				t.Errorf("got version %d with %d records, want those that were saved: version %d with %d", got.Version(), got.Len(), l.Version(), l.Len())
			}
			if !got.ConfirmedAt().Equal(confirmed) {
				t.Errorf("got confirmed at %v, want %v", got.ConfirmedAt(), confirmed)
			}
			for _, r := range row.records {
				if !got.Has(r.Tag) {
					t.Fatal("got a tag not listed, want it listed")
				}
			}
		})
	}
}

func TestASavedListIsItsOwnersAlone(t *testing.T) {
	l, path := savedList(t, someRecords(3)...)
	for _, leftover := range []string{path, path + ".new"} {
		if err := os.WriteFile(leftover, []byte("of before"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(leftover, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Save(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got != 0o600 {
		t.Errorf("got mode %v, want -rw-------", got)
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v for the file beside it, want none", err)
	}
	if err := NewList().Load(path); err != nil {
		t.Errorf("got %v, want the list", err)
	}
}

func TestAListThatCannotBeSavedLeavesTheOldFile(t *testing.T) {
	l, path := savedList(t, someRecords(3)...)
	if err := NewList().Save(path); err == nil {
		t.Error("got a list saved that was never confirmed, want an error")
	}
	if err := os.Mkdir(path+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path+".new", "in the way"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Save(path); err == nil {
		t.Error("got no error, want what is in the way")
	}
	if err := l.Save(filepath.Join(path, "no", "folder")); err == nil {
		t.Error("got no error without a folder, want one")
	}
	if err := NewList().Load(path); err != nil {
		t.Errorf("got %v, want the list that was saved before", err)
	}
}

// wantsDamaged loads a file that cannot be used into a list that has something.
func wantsDamaged(t *testing.T, what string, raw []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "optouts")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	l := listOf(Record{Key: recordKey(9), Tag: 99})
	if err := l.Load(path); !errors.Is(err, ErrDamaged) {
		t.Fatalf("%s: got %v, want ErrDamaged", what, err)
	}
	if !l.Has(99) || l.Len() != 1 || !l.ConfirmedAt().IsZero() {
		t.Fatalf("%s: got another list, want the one before", what)
	}
}

func TestAFileThatIsNotWholeIsNoList(t *testing.T) {
	_, path := savedList(t, someRecords(12)...)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		wantsDamaged(t, "truncated", whole[:n])
		flipped := bytes.Clone(whole)
		flipped[n] ^= 1 << (n % 8)
		wantsDamaged(t, "a bit flipped", flipped)
	}
	wantsDamaged(t, "something follows", append(bytes.Clone(whole), 0))
	if err := NewList().Load(path + ".not"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v, want fs.ErrNotExist", err)
	}
}

// file makes a file with a checksum that fits.
func file(version, records, buckets uint32, at int64, body ...byte) []byte {
	raw := []byte(fileMagic)
	for _, n := range []uint32{version, records, buckets} {
		raw = binary.LittleEndian.AppendUint32(raw, n)
	}
	raw = binary.LittleEndian.AppendUint64(raw, 7)
	raw = append(binary.LittleEndian.AppendUint64(raw, uint64(at)), body...)
	return binary.LittleEndian.AppendUint32(raw, crc32.Checksum(raw, castagnoli))
}

// bucket makes the entries of a tag's first bits.
func bucket(n uint16, entries ...uint64) []byte {
	raw := binary.LittleEndian.AppendUint16(nil, n)
	raw = binary.LittleEndian.AppendUint32(raw, uint32(len(entries)))
	for _, e := range entries {
		raw = binary.LittleEndian.AppendUint64(raw, e)
	}
	return raw
}

func TestAFileThatSomethingElseMadeIsNoList(t *testing.T) {
	at := confirmed.UnixNano()
	good := file(1, 2, 2, at, append(bucket(0, 5), bucket(1<<14-1, 5)...)...)
	if _, _, err := readSnapshot(bytes.NewReader(good), int64(len(good))); err != nil {
		t.Fatalf("a good file: got %v, want a list", err)
	}
	for _, row := range []struct {
		name string
		raw  []byte
	}{
		{"empty", nil},
		{"text", []byte("tags:\n  - 12345678\n  - 12345679\n  - and so on, for long enough\n")},
		{"zeros", make([]byte, 4096)},
		{"another version", file(2, 1, 1, at, bucket(3, 5)...)},
		{"never confirmed", file(1, 1, 1, 0, bucket(3, 5)...)},
		{"confirmed before 1970", file(1, 1, 1, -5, bucket(3, 5)...)},
		{"more records than there may be", file(1, MaxSaved+1, 1, at, bucket(3, 5)...)},
		{"more records than there are", file(1, MaxSaved, 1, at, bucket(3, 5)...)},
		{"an empty bucket", file(1, 0, 1, at, bucket(3)...)},
		{"a bucket too far", file(1, 1, 1, at, bucket(1<<14, 5)...)},
		{"buckets that do not ascend", file(1, 2, 2, at, append(bucket(3, 5), bucket(3, 6)...)...)},
		{"entries that do not ascend", file(1, 2, 1, at, bucket(3, 5, 5)...)},
		{"a bucket that claims too much", file(1, 1, 1, at, 3, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0)},
		{"buckets for fewer records", file(1, 2, 1, at, append(bucket(3, 5), make([]byte, 8)...)...)},
	} {
		t.Run(row.name, func(t *testing.T) { wantsDamaged(t, row.name, row.raw) })
	}
}

func FuzzReadSnapshot(f *testing.F) {
	at := confirmed.UnixNano()
	f.Add(file(1, 0, 0, at))
	f.Add(file(1, 2, 2, at, append(bucket(0, 5), bucket(1<<14-1, 5)...)...))
	f.Add(file(1, 3, 1, at, bucket(77, 1, 2, 3)...))
	f.Add([]byte(fileMagic))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > sumSize { // let what is behind the checksum be reached
			raw = binary.LittleEndian.AppendUint32(raw[:len(raw)-sumSize:len(raw)-sumSize], crc32.Checksum(raw[:len(raw)-sumSize], castagnoli))
		}
		s, at, err := readSnapshot(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("got %v, want ErrDamaged", err)
			}
			return
		}
		var again bytes.Buffer
		if err := s.write(&again, at); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), raw) {
			t.Fatal("what was read is written with other bytes")
		}
		l := NewList()
		l.current.Store(s)
		l.Has(77)
	})
}

func TestJoinedCountsRecordsThatAreNew(t *testing.T) {
	add := func(key uint64, tag uint32) Record { return Record{Key: recordKey(key), Tag: tag} }
	remove := func(key uint64) Record { return Record{Key: recordKey(key), Removed: true} }
	for _, row := range []struct {
		name          string
		before, after []Record
		want          int
	}{
		{"the first", nil, []Record{add(1, 77)}, 1},
		{"a new tag", []Record{add(1, 77)}, []Record{add(2, 78)}, 1},
		{"a known tag under another key", []Record{add(1, 77)}, []Record{add(2, 77)}, 1},
		{"the same record again", []Record{add(1, 77)}, []Record{add(1, 77)}, 0},
		{"an undo", []Record{add(1, 77), add(2, 78)}, []Record{remove(1)}, 0},
		{"an undo of nobody", []Record{add(1, 77)}, []Record{remove(3)}, 0},
		{"registered and undone meanwhile", []Record{add(1, 77)}, []Record{add(2, 78), remove(2)}, 0},
		{"undone and registered again under its key", []Record{add(1, 77)}, []Record{remove(1), add(1, 77)}, 0},
		{"a key with another tag", []Record{add(1, 77)}, []Record{add(1, 79)}, 1},
		{"many", someRecords(500), []Record{add(1000, 5), add(1001, 1<<TagBits-1), remove(3), add(1002, 1<<20)}, 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			before, after := listOf(row.before...), listOf(append(slices.Clone(row.before), row.after...)...)
			if got := after.current.Load().joined(before.current.Load()); got != row.want {
				t.Errorf("got %d, want %d", got, row.want)
			}
		})
	}
}

// TestLoadingAMillionTakesNoSecondCopy: what loading allocates is the list and little else.
func TestLoadingAMillionTakesNoSecondCopy(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	l, path := millionRecords(), filepath.Join(t.TempDir(), "optouts")
	l.confirmed.Store(confirmed.UnixNano())
	if err := l.Save(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	loaded := NewList()
	if err := loaded.Load(path); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	t.Logf("a file of %d bytes, %d bytes allocated", info.Size(), allocated)
	if loaded.Len() != million || allocated > 9<<20 || info.Size() > 9<<20 {
		t.Errorf("got %d records, %d bytes allocated and a file of %d, want a million and at most 9 MiB each", loaded.Len(), allocated, info.Size())
	}
}

func BenchmarkSaveAMillion(b *testing.B) {
	l, path := millionRecords(), filepath.Join(b.TempDir(), "optouts")
	l.confirmed.Store(confirmed.UnixNano())
	for b.Loop() {
		if err := l.Save(path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadAMillionFromDisk(b *testing.B) {
	l, path := millionRecords(), filepath.Join(b.TempDir(), "optouts")
	l.confirmed.Store(confirmed.UnixNano())
	if err := l.Save(path); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := l.Load(path); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkJoined is what finding out how much is new costs a sensor with a million records.
func BenchmarkJoined(b *testing.B) {
	before := millionRecords().current.Load()
	loader := &loader{base: before}
	loader.add(Record{Key: recordKey(million), Tag: 5})
	after := loader.apply(million + 1)
	for b.Loop() {
		if after.joined(before) != 1 {
			b.Fatal("not one")
		}
	}
}
