package agent

import (
	"encoding/binary"
	"hash/crc32"
	"hash/fnv"
	"testing"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// fakeHasher is plain arithmetic of the address and the day, and counts what it was asked.
type fakeHasher struct {
	day               calendar.Day
	ids, tags, bucket map[hwaddr.Addr]int
	classes           int
	returns           map[hwaddr.Addr]int
	standard          bool   // there are no keys of return ids
	salt              uint64 // other values give other tags and buckets, and the same ids
}

func newFakeHasher(day calendar.Day) *fakeHasher {
	return &fakeHasher{day: day, ids: map[hwaddr.Addr]int{}, tags: map[hwaddr.Addr]int{}, bucket: map[hwaddr.Addr]int{}, returns: map[hwaddr.Addr]int{}}
}

func fakeSum(a hwaddr.Addr, salt uint64) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64(a[:len(a):len(a)], salt))
	return h.Sum64()
}

func (f *fakeHasher) id(a hwaddr.Addr) uint64 { return fakeSum(a, uint64(f.day)) }

func (f *fakeHasher) ID(a hwaddr.Addr) uint64 {
	f.ids[a]++
	return f.id(a)
}

func (f *fakeHasher) buckets(a hwaddr.Addr) (b [5]uint16) {
	for k := range b {
		b[k] = uint16(fakeSum(a, f.salt+1<<40+uint64(k)))
	}
	return b
}

func (f *fakeHasher) Buckets(a hwaddr.Addr) [5]uint16 {
	f.bucket[a]++
	return f.buckets(a)
}

func (f *fakeHasher) returnIDs(a hwaddr.Addr) (now, before uint64) {
	period := uint64(wire.ReturnPeriod(int32(f.day)))
	return fakeSum(a, 1<<45+period), fakeSum(a, 1<<45+period-1)
}

func (f *fakeHasher) ReturnIDs(a hwaddr.Addr) (now, before uint64, ok bool) {
	f.returns[a]++
	now, before = f.returnIDs(a)
	return now, before, !f.standard
}

func fakeTag(a hwaddr.Addr, salt uint64) uint32 { return uint32(fakeSum(a, salt+1<<50) >> 36) }

func (f *fakeHasher) Tag(a hwaddr.Addr) uint32 {
	f.tags[a]++
	return fakeTag(a, f.salt)
}

func fakeClass(epoch int32, masked []byte) uint16 {
	return uint16(crc32.ChecksumIEEE(binary.BigEndian.AppendUint32(masked[:len(masked):len(masked)], uint32(epoch))) & 1023)
}

func (f *fakeHasher) Class(epoch int32, masked []byte) uint16 {
	f.classes++
	return fakeClass(epoch, masked)
}

// fakeList is an opt-out list.
type fakeList struct {
	tags    map[uint32]bool
	version uint64
}

func (l *fakeList) Has(tag uint32) bool { return l.tags[tag] }
func (l *fakeList) Len() int            { return len(l.tags) }
func (l *fakeList) Version() uint64     { return l.version }

func (l *fakeList) put(addrs ...hwaddr.Addr) {
	if l.tags == nil {
		l.tags = map[uint32]bool{}
	}
	for _, a := range addrs {
		l.tags[fakeTag(a, 0)] = true
	}
	l.version++
}

// fakeSink takes envelopes through the wire's encoding, as Kafka would.
type fakeSink struct {
	t         testing.TB
	envelopes []*wire.Envelope
	topics    []Topic
	raw       [][]byte
	err       error
}

func (s *fakeSink) Send(topic Topic, e *wire.Envelope) error {
	if s.err != nil {
		return s.err
	}
	raw, err := wire.Encode(e)
	if err != nil {
		s.t.Errorf("an envelope is refused: %v", err)
		return nil
	}
	if e, err = wire.Decode(raw); err != nil {
		s.t.Errorf("an envelope cannot be read again: %v", err)
	}
	s.envelopes, s.topics, s.raw = append(s.envelopes, e), append(s.topics, topic), append(s.raw, raw)
	return nil
}
