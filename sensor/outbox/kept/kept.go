// Package kept is what the sensor of an extended store remembers of the return ids it sent: opt-out tags and return ids come in, and
// when a tag is listed later, on whatever day, its return ids go out once more, to be forgotten by those who keep them. Addresses do
// not come here, and no id of a store-day.
//
// One file a store-day, in the sensor's state folder, which is in no backup: returns.kept.N, mode 0600, replaced atomically with its
// older version overwritten. A file is destroyed when its day is 30 store-days back - those who keep return ids do so for 28, and
// need two to delete them - or when its period of 28 store-days is neither this one nor the one before. Whoever takes the sensor
// learns from the files which opt-out tags visited on which of those days: with the opt-out key, which is on the sensor too, that
// tells of a given phone whether it probably did. A store of another policy has no such file.
package kept

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/keys/onlycopy"
)

const (
	// Days is for how many store-days before the open one the return ids are kept.
	Days = 30
	// MaxDay bounds the visits of one day, and so what a Save writes of it: 400 KB.
	MaxDay = 20_000
	// Max bounds those of all days together, at 25 bytes each: 6,000 visitors a day. Above it each day still has its Sure ones, so
	// that no flood of some days takes the room of all others.
	Max = 200_000
	// Sure is how many visits a day always has room for.
	Sure = 2_000
)

// prefix is that of the files' names; the store-day's number follows.
const prefix = "returns.kept."

// Visit is what is kept of one device on one day.
type Visit struct {
	Tag uint32
	IDs [2]uint64 // under the key of the period of the day, and of the period before
}

// Table is the visits of an extended store's sensor. It may be used from anywhere.
type Table struct {
	dir string

	disk  sync.Mutex // held while files change; before mu
	mu    sync.Mutex
	begun bool // the day is known
	day   calendar.Day
	days  map[calendar.Day]*book
	n     int
}

// book is one store-day. Its visits are in the order of their numbers, as in its file.
type book struct {
	visits  []Visit
	taken   []bool // of each: a match was made of it, which has not been sent yet
	changed bool   // since its file was written
}

func (b *book) insert(at int, v Visit) {
	b.visits, b.taken, b.changed = slices.Insert(b.visits, at, v), slices.Insert(b.taken, at, false), true
}

// remove overwrites what it leaves behind.
func (b *book) remove(at int) {
	b.visits, b.taken, b.changed = slices.Delete(b.visits, at, at+1), slices.Delete(b.taken, at, at+1), true
}

// first is where the visits of a tag begin.
func (b *book) first(tag uint32) int {
	at, _ := slices.BinarySearchFunc(b.visits, tag, func(v Visit, tag uint32) int { return cmp.Compare(v.Tag, tag) })
	return at
}

// Open reads the files of the folder; nothing else is done before BeginDay. A file that cannot be read is an error that names it.
func Open(dir string) (*Table, error) {
	t := &Table{dir: dir, days: map[calendar.Day]*book{}}
	found, err := list(dir)
	if err != nil {
		return nil, err
	}
	for _, n := range found {
		visits, err := read(t.path(n), n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: remove the file; return ids of that day cannot be taken back after that, and go after 28 days", t.path(n), err)
		}
		t.days[n] = &book{visits: visits, taken: make([]bool, len(visits))}
		t.n += len(visits)
	}
	return t, nil
}

// Destroy shreds all files of the folder: the store is not extended any more.
func Destroy(dir string) error {
	found, err := list(dir)
	for _, n := range found {
		err = errors.Join(err, onlycopy.Remove(path(dir, n)))
	}
	if err != nil {
		return fmt.Errorf("destroy the kept return ids: %w: remove %s* in %s by hand", err, prefix, dir)
	}
	return nil
}

// BeginDay opens the store-day. The next Save destroys the days that are too old for it.
func (t *Table) BeginDay(day calendar.Day) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.day, t.begun = day, true
}

// keeps says whether a day is one of those that count on the open one.
func (t *Table) keeps(n calendar.Day) bool {
	return t.begun && n <= t.day && n >= t.day-Days && period(n) >= period(t.day)-1
}

func period(n calendar.Day) int32 { return wire.ReturnPeriod(int32(n)) }

// Note keeps a visit of the store-day. It says whether it is kept: not where there is no room, or where the day is another than the
// open one, and what is not kept must not be sent.
func (t *Table) Note(day calendar.Day, v Visit) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.begun || day != t.day {
		return false
	}
	b := t.days[day]
	if b == nil {
		b = &book{}
		t.days[day] = b
	}
	at, known := slices.BinarySearchFunc(b.visits, v, compare)
	if known { // from before a restart
		b.taken[at] = false
		return true
	}
	if len(b.visits) >= MaxDay || t.n >= Max && len(b.visits) >= Sure {
		return false
	}
	b.insert(at, v)
	t.n++
	return true
}

// known lists the days for which the condition holds. What is done to each is done under the lock of its own, so that a visit to
// be noted waits for one day and not for thirty.
func (t *Table) known(condition func(b *book) bool) (days []calendar.Day) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, b := range t.days {
		if condition(b) {
			days = append(days, n)
		}
	}
	return days
}

// Len is how many visits are kept.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// Save writes the files of the days that changed, and destroys those of days that are too old. A crash loses what was noted since,
// and brings back what was sent since. After an error it may be tried again.
func (t *Table) Save() error {
	t.disk.Lock() // so that no write of a day comes after its file is destroyed
	defer t.disk.Unlock()
	var errs []error
	for _, n := range t.over() {
		if err := onlycopy.Remove(t.path(n)); err != nil {
			errs = append(errs, fmt.Errorf("destroy kept return ids of a day that is over: %w: remove %s by hand", err, t.path(n)))
			continue
		}
		t.drop(n)
	}
	for _, n := range t.known(func(b *book) bool { return b.changed }) {
		data := t.file(n)
		err := onlycopy.Write(t.path(n), data)
		clear(data)
		if err != nil {
			t.again(n)
			errs = append(errs, fmt.Errorf("save the kept return ids: %w: check that the state folder is writable and not full", err))
		}
	}
	return errors.Join(errs...)
}

// over lists the days that are too old. One ahead is not: the clock was set back.
func (t *Table) over() (days []calendar.Day) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := range t.days {
		if t.begun && n < t.day && !t.keeps(n) {
			days = append(days, n)
		}
	}
	return days
}

func (t *Table) drop(n calendar.Day) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.days[n]
	t.n -= len(b.visits)
	clear(b.visits)
	delete(t.days, n)
}

func (t *Table) again(n calendar.Day) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.days[n].changed = true // it is there: only Save drops days, and one Save runs at a time
}

// file is that of a day, which is then taken as written. Days are made into files one by one, which spares memory.
func (t *Table) file(n calendar.Day) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.days[n]
	b.changed = false
	return encode(n, b.visits)
}

func (t *Table) path(n calendar.Day) string { return path(t.dir, n) }

func path(dir string, n calendar.Day) string {
	return filepath.Join(dir, prefix+strconv.Itoa(int(n)))
}

// list finds the days that have files, after clearing what a crash left half-written.
func list(dir string) (days []calendar.Day, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("look for kept return ids: %w", err)
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), prefix)
		number, _, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(number)
		if !ours || err != nil || n < 0 || n > lastDay {
			continue
		}
		if number != rest { // the version being written when it crashed; the day may have no other
			if err := onlycopy.Tidy(path(dir, calendar.Day(n))); err != nil {
				return nil, fmt.Errorf("clear half-written return ids: %w", err)
			}
			continue
		}
		days = append(days, calendar.Day(n))
	}
	return days, nil
}
