package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// A record on disk, little endian:
//
//	0  magic "FS"
//	2  version, 1
//	3  state: live or done; not in the header's checksum, because it changes in place
//	4  kind
//	5  three zeros
//	8  LSN
//	16 age stamp, Unix milliseconds
//	24 length of the payload
//	28 CRC-32C of bytes 0 to 27, the state taken as zero
//	32 CRC-32C of the payload, never zero; zero once the payload is being overwritten
//	36 payload
//
// Where a message is done, its state changes and everything from byte 32 on becomes zero: a checksum tells something of its bytes.
const (
	headerBytes = 36
	sumAt       = 32
	stateAt     = 3
	version     = 1
	maxKind     = 15
	lsnLimit    = 1 << 63 // no LSN is this large

	stateLive = 0xA5
	stateDone = 0x00
)

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is what a record says of its payload.
type header struct {
	lsn    uint64
	timeMS int64
	length uint32
	kind   uint8
}

// record is the size of the whole record.
func (h header) record() int64 { return headerBytes + int64(h.length) }

func recordBytes(payload int) int64 { return headerBytes + int64(payload) }

// append adds the header with the payload's checksum, or of a record that is done.
func (h header) append(b []byte, state byte, sum uint32) []byte {
	at := len(b)
	b = append(b, 'F', 'S', version, 0, h.kind, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, h.lsn)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.timeMS))
	b = binary.LittleEndian.AppendUint32(b, h.length)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
	b = binary.LittleEndian.AppendUint32(b, sum)
	b[at+stateAt] = state
	return b
}

// parseHeader reads the header at the start of b, which has headerBytes at least.
func parseHeader(b []byte) (h header, state byte, sum uint32, ok bool) {
	var fixed [28]byte
	copy(fixed[:], b)
	fixed[stateAt] = 0
	h = header{
		lsn:    binary.LittleEndian.Uint64(b[8:]),
		timeMS: int64(binary.LittleEndian.Uint64(b[16:])),
		length: binary.LittleEndian.Uint32(b[24:]),
		kind:   b[4],
	}
	ok = b[0] == 'F' && b[1] == 'S' && b[2] == version && h.kind <= maxKind && h.lsn > 0 && h.lsn < lsnLimit &&
		crc32.Checksum(fixed[:], castagnoli) == binary.LittleEndian.Uint32(b[28:])
	return h, b[stateAt], binary.LittleEndian.Uint32(b[sumAt:]), ok
}

// appendRecord adds the whole record of a live message.
func appendRecord(b []byte, m Message) []byte {
	h := header{lsn: m.LSN, timeMS: m.TimeMS, length: uint32(len(m.Data)), kind: m.Kind}
	b = h.append(b, stateLive, finish(crc32.Checksum(m.Data, castagnoli)))
	return append(b, m.Data...)
}

// finish keeps a checksum from being zero, which has a meaning of its own.
func finish(sum uint32) uint32 {
	if sum == 0 {
		return 1
	}
	return sum
}
