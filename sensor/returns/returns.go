// Package returns is what a sensor remembers of visitors after their day: one noisy bit a week, for five weeks (DESIGN section 6).
// Return buckets come in: asked when an id first has a visit, marked when the visit counts. Five noisy bits a question go out. A
// bucket is a 16-bit keyed hash that many devices share; neither addresses nor ids come here.
//
// A return filter has 65,536 bits and belongs to one store-week. It is born random: a bit is 1 with probability p0. When a day
// ends, the bit of each marked bucket is drawn anew: 1 with probability p1 = e^E/(1+e^E), p0 = 1-p1. So one state of one filter
// changes the odds that a given phone came in that week by at most e^E, however often it came. Until its day ends, what is marked
// is exact: a bitmap in memory and in a file of its own.
//
// Two files, both in the sensor's state folder, both replaced atomically with their older versions overwritten:
// returns.filters (the five filters and the day that is open) and returns.openday (that day's bitmap). A day ends in this order:
// first the filters are replaced, drawn anew and stamped with the next day; then the bitmap is destroyed. A crash before the first
// step leaves both of the open day, and Open draws before it does anything else; a crash after it leaves a bitmap older than the
// filters, which Open destroys without drawing. So no draw is lost or made twice, and no exact bit outlives the next start.
package returns

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/keys/onlycopy"
)

// Weeks is how many filters there are: this store-week's and the four before.
const Weeks = 5

// Buckets is the number of bits of a filter.
const Buckets = 1 << 16

// MaxEpsilon is the weakest noise that is allowed: e^3 is 20 to 1.
const MaxEpsilon = 3.0

const (
	filtersFile = "returns.filters"
	openDayFile = "returns.openday"
)

// ErrOlder says that the day is over for these filters: its marks are drawn already.
var ErrOlder = errors.New("the store-day is over and its visits are drawn already")

// Options say whose filters these are.
type Options struct {
	// Epsilon is return_epsilon of the store, more than 0 and at most MaxEpsilon. Filters of another value begin anew.
	Epsilon float64
	// Day is the store-day that opens.
	Day calendar.Day
	// Issue names the keys that buckets are made with (keys.State.Issue). Filters of another issue mean nothing and begin anew.
	Issue string
	// Random is where noise comes from: nil is crypto/rand, anything else is for tests and demonstrations.
	Random io.Reader
}

// Filters are a sensor's return filters. SaveOpenDay may be called beside the others, from a goroutine that may wait for the disk;
// the others are for one goroutine.
type Filters struct {
	dir     string
	odds    odds
	disk    sync.Mutex // held while a file is replaced or destroyed; taken before mu
	mu      sync.Mutex // of what follows
	memory  *memory
	ones    [Weeks]uint32
	open    bits // buckets marked since the day began
	changed bool // since SaveOpenDay
	stale   bool // the file of a day that ended could not be destroyed yet
}

// Open reads the filters of the folder, or begins them where there are none. Marks that a crash left of an earlier day are drawn
// before anything else. A day before the filters' own is ErrOlder.
func Open(dir string, o Options) (*Filters, error) {
	if !(o.Epsilon > 0 && o.Epsilon <= MaxEpsilon) {
		return nil, fmt.Errorf("return_epsilon %v gives too little or no protection: use more than 0 and at most %v", o.Epsilon, MaxEpsilon)
	}
	if o.Day < 0 || o.Day > lastDay || len(o.Issue) > maxIssue {
		return nil, fmt.Errorf("return filters: store-day %d is not one since 2020: check the clock", o.Day)
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	f := &Filters{dir: dir, odds: newOdds(threshold(o.Epsilon), o.Random)}
	mine, err := f.load(o)
	if err != nil {
		return nil, err
	}
	if !mine {
		err = f.begin(o)
	} else if err = f.loadOpenDay(); err == nil {
		err = f.EndDay(o.Day)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Format keeps the bits out of every fmt verb: those of the open day are exact.
func (f *Filters) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("[return filters]")) }

// Ask is the answer about a visitor: bit k is the noisy bit of its bucket in the filter of k weeks before, as the day began.
func (f *Filters) Ask(buckets [Weeks]uint16) uint8 {
	var answer uint8
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, b := range buckets {
		if f.memory.filters[k].has(b) {
			answer |= 1 << k
		}
	}
	return answer
}

// Ones are the numbers of ones in the filters as the day began, this week's first.
func (f *Filters) Ones() [Weeks]uint32 { return f.ones }

// Lookback is how many of the weeks before, counted back without a hole, the sensor ran in on at least one day (0 to 4), and
// whether its filters began in this very store-week, so that their answers say nothing yet. A week in which it never ran is not
// covered, even if the store was closed: the sensor cannot tell.
func (f *Filters) Lookback() (weeks uint8, isNew bool) {
	for weeks < Weeks-1 && f.memory.covered>>(weeks+1)&1 == 1 {
		weeks++
	}
	return weeks, f.memory.began == f.memory.day.Week()
}

// Day is the store-day that is open.
func (f *Filters) Day() calendar.Day { return f.memory.day }

// Mark notes a visit under this week's bucket. Once or often is the same. It changes no answer until the day ends.
func (f *Filters) Mark(bucket uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed = f.changed || !f.open.has(bucket)
	f.open.set(bucket)
}

// Clear takes the day's mark back: the visitor opted out, or stayed longer than a visit lasts. A device that shares the bucket
// loses its mark too.
func (f *Filters) Clear(bucket uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed = f.changed || f.open.has(bucket)
	f.open.clear(bucket)
}

// SaveOpenDay writes the day's marks, if they changed; call it at the spool's fsync interval. A crash loses the marks since.
func (f *Filters) SaveOpenDay() error {
	f.disk.Lock() // so that no write of a day that ended comes after its file is destroyed
	defer f.disk.Unlock()
	data := f.changes()
	if data == nil {
		return nil
	}
	defer clear(data)
	err := onlycopy.Write(filepath.Join(f.dir, openDayFile), data)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.changed = true
		return fmt.Errorf("save the open day's return buckets: %w: check that the state folder is writable and not full", err)
	}
	f.stale = false
	return nil
}

// changes is the file of the open day if its marks changed since it was written, which is then taken as done.
func (f *Filters) changes() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.changed {
		return nil
	}
	f.changed = false
	return encodeOpenDay(f.memory.day, &f.open)
}

// EndDay draws the bits of the marked buckets, forgets the marks, opens the next day, and moves the filters on by the weeks
// between, whose filters are born without a visit; what is more than four weeks back is destroyed. The day that is open already
// is no error, an earlier one is ErrOlder. Advance the keys first: after a crash between the two, Open follows the keys' day.
// After an error EndDay may be tried again: either nothing was drawn, or only the old bitmap is left to destroy.
func (f *Filters) EndDay(next calendar.Day) error {
	f.disk.Lock()
	defer f.disk.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case next == f.memory.day && f.stale:
		return f.destroyOpenDay()
	case next == f.memory.day:
		return nil
	case next < f.memory.day:
		return fmt.Errorf("return filters of %s wanted, they are of %s: %w: replay older captures with footfall try", next, f.memory.day, ErrOlder)
	case next > lastDay:
		return fmt.Errorf("end the day of the return filters: store-day %d is too far ahead: check the clock", next)
	}
	m := *f.memory
	defer m.wipe()
	if err := m.redraw(&f.open, &f.odds); err != nil {
		return err
	}
	if err := m.move(next, &f.odds); err != nil {
		return err
	}
	if err := f.replace(&m); err != nil {
		return err
	}
	return f.forgetOpenDay()
}

// replace writes the filters and takes them over. The order is that of the package comment.
func (f *Filters) replace(m *memory) error {
	data := encodeFilters(m)
	defer clear(data)
	if err := onlycopy.Write(filepath.Join(f.dir, filtersFile), data); err != nil {
		return fmt.Errorf("save the return filters: %w: check that the state folder is writable and not full", err)
	}
	if f.memory == nil {
		f.memory = new(memory)
	}
	*f.memory = *m
	for k := range f.ones {
		f.ones[k] = m.filters[k].count()
	}
	return nil
}

func (f *Filters) forgetOpenDay() error {
	f.open, f.changed = bits{}, false
	return f.destroyOpenDay()
}

func (f *Filters) destroyOpenDay() error {
	f.stale = true
	if err := onlycopy.Remove(filepath.Join(f.dir, openDayFile)); err != nil {
		return fmt.Errorf("destroy the return buckets of a day that ended: %w: remove %s by hand", err, filepath.Join(f.dir, openDayFile))
	}
	f.stale = false
	return nil
}

// begin makes filters that remember nobody. Marks that may stand belong to keys or noise that are no more.
func (f *Filters) begin(o Options) error {
	if err := f.forgetOpenDay(); err != nil {
		return err
	}
	m := &memory{issue: o.Issue, epsilon: o.Epsilon, day: o.Day, began: o.Day.Week(), covered: 1}
	for k := range m.filters {
		if err := f.odds.bear(&m.filters[k]); err != nil {
			return err
		}
	}
	return f.replace(m)
}

// load reads the filters and reports whether they are of this issue and noise.
func (f *Filters) load(o Options) (mine bool, err error) {
	path := filepath.Join(f.dir, filtersFile)
	raw, err := onlycopy.Read(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the return filters: %w", err)
	}
	defer clear(raw)
	m, err := decodeFilters(raw)
	if err != nil {
		return false, fmt.Errorf("return filters %s: %w: remove the file, and the sensor begins anew without a look-back", path, err)
	}
	if m.issue != o.Issue || m.epsilon != o.Epsilon {
		return false, nil
	}
	f.memory = m
	for k := range f.ones {
		f.ones[k] = m.filters[k].count()
	}
	return true, nil
}

// loadOpenDay reads the marks of the open day. Those of a day before are drawn already and only destroyed.
func (f *Filters) loadOpenDay() error {
	path := filepath.Join(f.dir, openDayFile)
	raw, err := onlycopy.Read(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the open day's return buckets: %w", err)
	}
	defer clear(raw)
	day, marked, err := decodeOpenDay(raw)
	if err == nil && day > f.memory.day {
		err = fmt.Errorf("it is of %s, after the filters' %s", day, f.memory.day)
	}
	if err != nil {
		return fmt.Errorf("return buckets of the open day, %s: %w: remove the file; the day's returning visitors will read as new", path, err)
	}
	if day < f.memory.day {
		return f.forgetOpenDay()
	}
	f.open = *marked
	return nil
}

// Destroy shreds the filters and the open day's bitmap of a sensor that remembers nobody any more: its store only counts now.
func Destroy(dir string) error {
	var errs []error
	for _, name := range []string{filtersFile, openDayFile} {
		path := filepath.Join(dir, name)
		errs = append(errs, onlycopy.Tidy(path), onlycopy.Remove(path))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("destroy the return filters: %w: remove %s and %s in %s by hand", err, filtersFile, openDayFile, dir)
	}
	return nil
}
