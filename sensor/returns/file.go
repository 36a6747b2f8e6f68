package returns

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// The files' first lines, with their versions. After them: big-endian numbers, bitmaps, and the SHA-256 of all that.
const (
	filtersMagic = "footfall return filters 1\n"
	openDayMagic = "footfall open day 1\n"
)

const (
	maxIssue = 64
	maxFile  = 64 << 10
	lastDay  = calendar.Day(36500) // 2119-12-08: a greater number is a garbled one
)

var errGarbled = errors.New("it is truncated or garbled")

// encodeFilters writes issue (length, bytes), epsilon (float64), day, first week, covered weeks, and the filters.
func encodeFilters(m *memory) []byte {
	out := make([]byte, 0, len(filtersMagic)+len(m.issue)+Weeks*len(bits{})+64)
	out = append(out, filtersMagic...)
	out = append(out, byte(len(m.issue)))
	out = append(out, m.issue...)
	out = binary.BigEndian.AppendUint64(out, math.Float64bits(m.epsilon))
	out = binary.BigEndian.AppendUint32(out, uint32(m.day))
	out = binary.BigEndian.AppendUint32(out, uint32(m.began))
	out = append(out, m.covered)
	for k := range m.filters {
		out = append(out, m.filters[k][:]...)
	}
	return seal(out)
}

func decodeFilters(raw []byte) (*memory, error) {
	body, err := unseal(filtersMagic, raw)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 || len(body) != 1+int(body[0])+8+4+4+1+Weeks*len(bits{}) {
		return nil, errGarbled
	}
	issue, body := body[1:1+int(body[0])], body[1+int(body[0]):]
	m := &memory{issue: string(issue)}
	m.epsilon = math.Float64frombits(binary.BigEndian.Uint64(body))
	m.day = calendar.Day(binary.BigEndian.Uint32(body[8:]))
	m.began = calendar.Week(binary.BigEndian.Uint32(body[12:]))
	m.covered = body[16]
	for k := range m.filters {
		copy(m.filters[k][:], body[17+k*len(bits{}):])
	}
	if len(m.issue) > maxIssue || !(m.epsilon > 0 && m.epsilon <= MaxEpsilon) || m.day < 0 || m.day > lastDay ||
		m.began < 0 || m.began > m.day.Week() || m.covered>>Weeks != 0 || m.covered&1 == 0 {
		return nil, errGarbled
	}
	return m, nil
}

// encodeOpenDay writes day and bitmap. Its length does not tell how many visits there were.
func encodeOpenDay(day calendar.Day, marked *bits) []byte {
	out := make([]byte, 0, len(openDayMagic)+len(marked)+64)
	out = append(out, openDayMagic...)
	out = binary.BigEndian.AppendUint32(out, uint32(day))
	return seal(append(out, marked[:]...))
}

func decodeOpenDay(raw []byte) (calendar.Day, *bits, error) {
	body, err := unseal(openDayMagic, raw)
	if err != nil {
		return 0, nil, err
	}
	if len(body) != 4+len(bits{}) {
		return 0, nil, errGarbled
	}
	day := calendar.Day(binary.BigEndian.Uint32(body))
	if day < 0 || day > lastDay {
		return 0, nil, errGarbled
	}
	return day, (*bits)(bytes.Clone(body[4:])), nil
}

func seal(out []byte) []byte {
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

func unseal(magic string, raw []byte) ([]byte, error) {
	if !bytes.HasPrefix(raw, []byte(magic)) {
		return nil, errors.New("it is truncated, or of another program or version")
	}
	if len(raw) < len(magic)+sha256.Size {
		return nil, errGarbled
	}
	body, sum := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, errGarbled
	}
	return body[len(magic):], nil
}
