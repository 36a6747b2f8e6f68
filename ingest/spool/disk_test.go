package spool

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// memoryDisk is a folder of which the power can be cut: it knows what was synced and what came after.
type memoryDisk struct {
	mu      sync.Mutex
	state   *memoryFile            // there from the beginning
	files   map[string]*memoryFile // as the process sees them
	durable map[string]*memoryFile // the names that a power cut leaves
	renames []rename               // names that came and went since the folder was synced, in order

	fail    func(op string) error // nil lets everything succeed; it is called with the lock held
	counts  map[string]int        // of operations
	removed func(data []byte)     // sees what a deleted file, or a cut off end, held, in the process's view and on the disk
	most    int64                 // the most room it ever took, also as a power cut would leave it, the spool's state file counted
}

type rename struct {
	name string
	file *memoryFile // nil: removed
}

type memoryFile struct {
	disk          *memoryDisk
	data, durable []byte
	writes        []write // since the last sync
}

// write is data at an offset, or a new size where data is nil.
type write struct {
	off  int64
	data []byte
}

func newMemoryDisk() *memoryDisk {
	d := &memoryDisk{files: map[string]*memoryFile{}, durable: map[string]*memoryFile{}, counts: map[string]int{}}
	d.state = &memoryFile{disk: d}
	return d
}

// op counts an operation and lets it fail.
func (d *memoryDisk) op(name string) error {
	d.counts[name]++
	if d.fail == nil {
		return nil
	}
	return d.fail(name)
}

// operations is the number of operations since the last call, reads excepted.
func (d *memoryDisk) operations() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := maps.Clone(d.counts)
	delete(n, "read")
	clear(d.counts)
	return n
}

func (d *memoryDisk) measure() {
	n := blocks(slotApart + slotBytes)
	for _, f := range d.files {
		n += blocks(int64(max(len(f.data), len(f.durable))))
	}
	for name, f := range d.durable {
		if d.files[name] != f {
			n += blocks(int64(len(f.durable)))
		}
	}
	d.most = max(d.most, n)
}

func (d *memoryDisk) lock(string) (file, error) { return d.state, nil }

func (d *memoryDisk) list() ([]string, error) {
	return slices.Sorted(maps.Keys(d.files)), nil
}

func (d *memoryDisk) open(name string, create bool) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !create {
		if f, ok := d.files[name]; ok {
			return f, nil
		}
		return nil, fs.ErrNotExist
	}
	if err := d.op("create"); err != nil {
		return nil, err
	}
	if _, ok := d.files[name]; ok {
		return nil, fs.ErrExist
	}
	f := &memoryFile{disk: d}
	d.files[name] = f
	d.renames = append(d.renames, rename{name, f})
	return f, nil
}

func (d *memoryDisk) remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.op("remove"); err != nil {
		return err
	}
	if f, ok := d.files[name]; ok && d.removed != nil {
		d.removed(f.data)
		d.removed(f.durable)
	}
	delete(d.files, name)
	d.renames = append(d.renames, rename{name, nil})
	return nil
}

func (d *memoryDisk) sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.op("sync folder"); err != nil {
		return err
	}
	d.durable, d.renames = maps.Clone(d.files), nil
	return nil
}

func (f *memoryFile) ReadAt(b []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.op("read"); err != nil {
		return 0, err
	}
	if off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// errPartly lets a write fail after half of its bytes.
var errPartly = errors.New("no space left on device")

func (f *memoryFile) WriteAt(b []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	err := f.disk.op("write")
	if err != nil {
		b = b[:len(b)/2]
	}
	if err == nil || errors.Is(err, errPartly) {
		w := write{off, bytes.Clone(b)}
		f.data = w.apply(f.data)
		f.writes = append(f.writes, w)
		f.disk.measure()
	}
	return len(b), err
}

func (f *memoryFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.op("truncate"); err != nil {
		return err
	}
	if f.disk.removed != nil {
		f.disk.removed(f.data[min(int(size), len(f.data)):])
		f.disk.removed(f.durable[min(int(size), len(f.durable)):])
	}
	w := write{size, nil}
	f.data = w.apply(f.data)
	f.writes = append(f.writes, w)
	return nil
}

func (f *memoryFile) sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.op("sync"); err != nil {
		return err
	}
	f.durable, f.writes = bytes.Clone(f.data), nil
	return nil
}

func (f *memoryFile) size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *memoryFile) Close() error { return nil }

func (w write) apply(data []byte) []byte {
	if w.data == nil {
		data = append(data, make([]byte, max(0, int(w.off)-len(data)))...)
		return data[:w.off]
	}
	end := int(w.off) + len(w.data)
	data = append(data, make([]byte, max(0, end-len(data)))...)
	copy(data[w.off:], w.data)
	return data
}

// cut is the disk after a power cut: what was synced, and of what came after any beginning, torn at any byte, or, where the disk
// reorders, any of the last write's sectors.
func (d *memoryDisk) cut(random *rand.Rand) *memoryDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := newMemoryDisk()
	after.state.data = d.state.cut(random)
	after.state.durable = bytes.Clone(after.state.data)
	names := maps.Clone(d.durable)
	for _, r := range d.renames[:random.IntN(len(d.renames)+1)] {
		names[r.name] = r.file
		if r.file == nil {
			delete(names, r.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		data := names[name].cut(random)
		f := &memoryFile{disk: after, data: data, durable: bytes.Clone(data)}
		after.files[name], after.durable[name] = f, f
	}
	after.measure()
	return after
}

func (f *memoryFile) cut(random *rand.Rand) []byte {
	data := bytes.Clone(f.durable)
	n := random.IntN(len(f.writes) + 1)
	for _, w := range f.writes[:n] {
		data = w.apply(data)
	}
	if n == len(f.writes) || f.writes[n].data == nil {
		return data
	}
	last := f.writes[n]
	if random.IntN(2) == 0 {
		return write{last.off, last.data[:random.IntN(len(last.data)+1)]}.apply(data)
	}
	const sector = 512
	for at := 0; at < len(last.data); {
		end := min(len(last.data), at+sector-(int(last.off)+at)%sector)
		if random.IntN(2) == 0 {
			data = write{last.off + int64(at), last.data[at:end]}.apply(data)
		}
		at = end
	}
	return data
}

// bytesOnDisk is everything that stands in the files.
func (d *memoryDisk) bytesOnDisk() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []byte
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		all = append(all, d.files[name].data...)
	}
	return all
}

// openOn opens a spool on a memory disk.
func openOn(t testing.TB, d *memoryDisk, o Options) (*Spool, Recovery) {
	t.Helper()
	o.Dir = "in memory"
	s, found, err := openIn(d, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, found
}

// kill ends a spool as a killed process does.
func kill(t testing.TB, s *Spool) {
	t.Helper()
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if err := s.closeFiles(); err != nil {
		t.Fatal(err)
	}
}
