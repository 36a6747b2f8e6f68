package kept

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/keys/onlycopy"
)

// magic is a file's first line, with its version. After it, big-endian: the store-day, and of each visit its tag and its two return
// ids; at the end the SHA-256 of all that. Visits are in the order of their numbers, which says nothing about when they were.
const magic = "footfall kept return ids 1\n"

const (
	visitBytes = 4 + 8 + 8
	maxFile    = len(magic) + 4 + MaxDay*visitBytes + sha256.Size
	lastDay    = 36500 // 2119-12-08: a greater number is a garbled one
	maxTag     = 1<<28 - 1
)

var errGarbled = errors.New("it is truncated or garbled")

func compare(a, b Visit) int {
	return cmp.Or(cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.IDs[0], b.IDs[0]), cmp.Compare(a.IDs[1], b.IDs[1]))
}

// encode makes the file of visits that are in order.
func encode(day calendar.Day, visits []Visit) []byte {
	out := make([]byte, 0, len(magic)+4+len(visits)*visitBytes+sha256.Size)
	out = append(out, magic...)
	out = binary.BigEndian.AppendUint32(out, uint32(day))
	for _, v := range visits {
		out = binary.BigEndian.AppendUint32(out, v.Tag)
		out = binary.BigEndian.AppendUint64(out, v.IDs[0])
		out = binary.BigEndian.AppendUint64(out, v.IDs[1])
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

func decode(raw []byte, day calendar.Day) ([]Visit, error) {
	if !bytes.HasPrefix(raw, []byte(magic)) {
		return nil, errors.New("it is truncated, or of another program or version")
	}
	if len(raw) < len(magic)+4+sha256.Size {
		return nil, errGarbled
	}
	body, sum := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, errGarbled
	}
	body = body[len(magic):]
	if binary.BigEndian.Uint32(body) != uint32(day) {
		return nil, errors.New("it is of another day than its name says")
	}
	body = body[4:]
	if len(body)%visitBytes != 0 || len(body)/visitBytes > MaxDay {
		return nil, errGarbled
	}
	visits := make([]Visit, len(body)/visitBytes)
	for i := range visits {
		at := body[i*visitBytes:]
		visits[i] = Visit{
			Tag: binary.BigEndian.Uint32(at), IDs: [2]uint64{binary.BigEndian.Uint64(at[4:]), binary.BigEndian.Uint64(at[12:])},
		}
		if visits[i].Tag > maxTag || i > 0 && compare(visits[i-1], visits[i]) >= 0 {
			return nil, errGarbled
		}
	}
	return visits, nil
}

func read(path string, day calendar.Day) ([]Visit, error) {
	raw, err := onlycopy.Read(path, int64(maxFile))
	if err != nil {
		return nil, fmt.Errorf("read the kept return ids: %w", err)
	}
	defer clear(raw)
	return decode(raw, day)
}
