package registry

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// MaxSaved is how many records a saved list may have: 32 MiB of them.
const MaxSaved = 4 << 20

// ErrDamaged is what errors.Is finds in the error of a file that holds no list, or not all of one.
var ErrDamaged = errors.New("damaged or foreign opt-out list on disk")

// A saved list is a header, then for each first bits of tags that occur their number, the number of entries and these, then a
// checksum (CRC-32C) of it all. Numbers are little-endian.
const (
	fileMagic   = "footfall optouts"
	fileVersion = 1
	headerSize  = len(fileMagic) + 4 + 4 + 4 + 8 + 8 // version, records, buckets, the list's version, when it was confirmed
	bucketSize  = 2 + 4
	entrySize   = 8
	sumSize     = 4
)

// Save writes the list and when it was last confirmed to a file that only its owner may read, and that is replaced in one step.
// A list that was never confirmed is not saved: nobody may rely on it.
func (l *List) Save(path string) error {
	confirmed := l.confirmed.Load() // before the list, which may be newer and must not be older
	if confirmed <= 0 {
		return errors.New("save the opt-out list: it was never confirmed; wait until it was read from Kafka")
	}
	s := l.current.Load()
	if len(s.entries) > MaxSaved {
		return fmt.Errorf("save the opt-out list: %d records are more than %d; after a restart it is read from Kafka only", len(s.entries), MaxSaved)
	}
	if err := replace(path, func(w io.Writer) error { return s.write(w, confirmed) }); err != nil {
		return fmt.Errorf("save the opt-out list: %w", err)
	}
	return nil
}

// Load reads what Save wrote: the list, and as ConfirmedAt the time at which it was confirmed then. Whoever relies on it judges
// that time, which may be long ago, or ahead of a clock that was set back. Follow replaces the list once it stands at the end of
// the topic; Load comes before it. After an error the list is as it was: fs.ErrNotExist where there is no file, ErrDamaged where
// it cannot be used.
func (l *List) Load(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("load the opt-out list: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("load the opt-out list: %w", err)
	}
	s, confirmed, err := readSnapshot(f, info.Size())
	if err != nil {
		return fmt.Errorf("load the opt-out list: %w", err)
	}
	l.current.Store(s)
	l.confirmed.Store(confirmed)
	return nil
}

// replace writes a file beside the old one and puts it in its place once it is on disk.
func replace(path string, write func(io.Writer) error) (err error) {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // of a crash, with rights of its own
	}
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	if err := os.Rename(fresh, path); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *snapshot) write(to io.Writer, confirmed int64) error {
	sum := crc32.New(castagnoli)
	w := bufio.NewWriter(io.MultiWriter(to, sum))
	buckets := uint32(0)
	for b := range 1 << indexBits {
		if s.index[b+1] > s.index[b] {
			buckets++
		}
	}
	raw := append(make([]byte, 0, headerSize), fileMagic...)
	raw = binary.LittleEndian.AppendUint32(raw, fileVersion)
	raw = binary.LittleEndian.AppendUint32(raw, uint32(len(s.entries)))
	raw = binary.LittleEndian.AppendUint32(raw, buckets)
	raw = binary.LittleEndian.AppendUint64(raw, s.version)
	raw = binary.LittleEndian.AppendUint64(raw, uint64(confirmed))
	_, _ = w.Write(raw) // a bufio.Writer keeps its first error for Flush
	for b := range 1 << indexBits {
		entries := s.entries[s.index[b]:s.index[b+1]]
		if len(entries) == 0 {
			continue
		}
		raw = binary.LittleEndian.AppendUint16(raw[:0], uint16(b))
		raw = binary.LittleEndian.AppendUint32(raw, uint32(len(entries)))
		_, _ = w.Write(raw)
		for _, e := range entries {
			_, _ = w.Write(binary.LittleEndian.AppendUint64(raw[:0], e))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := to.Write(binary.LittleEndian.AppendUint32(raw[:0], sum.Sum32()))
	return err
}

func damaged(what string) error { return fmt.Errorf("%w: %s", ErrDamaged, what) }

// readSnapshot reads a saved list of the given size in bytes. It takes no more memory than the list itself, and none for a list
// that the size belies.
func readSnapshot(from io.Reader, size int64) (s *snapshot, confirmed int64, err error) {
	sum := crc32.New(castagnoli)
	r := bufio.NewReader(io.TeeReader(io.LimitReader(from, size-sumSize), sum))
	var head [headerSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, 0, damaged("it ends within its header")
	}
	rest := head[len(fileMagic):]
	version, records, buckets := binary.LittleEndian.Uint32(rest), binary.LittleEndian.Uint32(rest[4:]), binary.LittleEndian.Uint32(rest[8:])
	confirmed = int64(binary.LittleEndian.Uint64(rest[20:]))
	switch {
	case string(head[:len(fileMagic)]) != fileMagic:
		return nil, 0, damaged("it is something else")
	case version != fileVersion:
		return nil, 0, damaged(fmt.Sprintf("it has version %d, this program reads version %d", version, fileVersion))
	case records > MaxSaved || buckets > 1<<indexBits:
		return nil, 0, damaged("it has more records than a list may")
	case size != int64(headerSize)+int64(buckets)*bucketSize+int64(records)*entrySize+sumSize:
		return nil, 0, damaged("its size is not that of its records")
	case confirmed <= 0:
		return nil, 0, damaged("it was never confirmed")
	}
	s = &snapshot{version: binary.LittleEndian.Uint64(rest[12:]), entries: make([]uint64, 0, records)}
	if err := s.readBuckets(r, int(records), int(buckets)); err != nil {
		return nil, 0, err
	}
	var want [sumSize]byte
	if _, err := io.ReadFull(from, want[:]); err != nil || binary.LittleEndian.Uint32(want[:]) != sum.Sum32() {
		return nil, 0, damaged("its checksum does not fit")
	}
	return s, confirmed, nil
}

// readBuckets reads the entries, which ascend as Has wants them to.
func (s *snapshot) readBuckets(r io.Reader, records, buckets int) error {
	next := 0 // the first bucket whose beginning is not known
	var raw [max(bucketSize, entrySize)]byte
	for range buckets {
		if _, err := io.ReadFull(r, raw[:bucketSize]); err != nil {
			return damaged("it ends within its records")
		}
		bucket, n := int(binary.LittleEndian.Uint16(raw[:])), binary.LittleEndian.Uint32(raw[2:])
		if bucket < next || bucket >= 1<<indexBits || n == 0 || int64(n) > int64(records-len(s.entries)) {
			return damaged("its records are out of order")
		}
		for ; next <= bucket; next++ {
			s.index[next] = uint32(len(s.entries))
		}
		for i := range n {
			if _, err := io.ReadFull(r, raw[:entrySize]); err != nil {
				return damaged("it ends within its records")
			}
			e := binary.LittleEndian.Uint64(raw[:])
			if i > 0 && e <= s.entries[len(s.entries)-1] {
				return damaged("its records are out of order")
			}
			s.entries = append(s.entries, e)
		}
	}
	if len(s.entries) != records {
		return damaged("its records are fewer than it says")
	}
	for ; next <= 1<<indexBits; next++ {
		s.index[next] = uint32(len(s.entries))
	}
	return nil
}
