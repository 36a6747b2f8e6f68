// Package registry is the list of devices that shoppers excluded. A List is what sensors know of it: records of the registry's
// topic come in, or a list that an earlier start saved; out goes the answer whether a tag is listed, and how many records joined.
// A Desk is what the opt-out service knows: registrations and removals come in and go to the topic, or into quarantine until an
// operator decides; out goes what became of a receipt. Both know tags (28 bits that about 2,000 addresses share) and hashes of
// receipts, never addresses or receipts, and hold no visits (DESIGN sections 5 and 6).
package registry

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/openfootfall/footfall/ingest/wire"
)

// TagBits is the length of an opt-out tag.
const TagBits = 28

// Bounds of a record's key, the hash of a receipt, in bytes.
const (
	MinKey = 16
	MaxKey = 64
)

// maxValue bounds a value in bytes; what a later version adds to it has room.
const maxValue = 1024

// ErrBroken is what errors.Is finds in the error of a record that cannot be used.
var ErrBroken = errors.New("broken record in the opt-out registry")

// Record is one registered device, or its removal.
type Record struct {
	Key     []byte // the hash of the receipt
	Tag     uint32 // 28 bits; nothing in a removal
	Day     int32  // of the registration, days since 2020-01-01 UTC, 1 at least; nothing in a removal
	Removed bool   // a tombstone: the device is counted again
}

// Encode returns the key and value to send to the registry's topic. A removal's value is nil. The error is ErrBroken.
func (r Record) Encode() (key, value []byte, err error) {
	if err := r.check(); err != nil {
		return nil, nil, err
	}
	if r.Removed {
		return r.Key, nil, nil
	}
	return r.Key, encode(r.Tag, r.Day), nil
}

// Decode reads a record of the registry's topic; no value is a removal. The error is ErrBroken and repeats nothing of it.
func Decode(key, value []byte) (Record, error) {
	r := Record{Key: key, Removed: len(value) == 0}
	if !r.Removed {
		var o wire.OptOut
		if len(value) > maxValue || proto.Unmarshal(value, &o) != nil {
			return Record{}, fmt.Errorf("%w: its value is not a registration", ErrBroken)
		}
		r.Tag, r.Day = o.Tag, o.Day
	}
	if err := r.check(); err != nil {
		return Record{}, err
	}
	return r, nil
}

func (r Record) check() error {
	switch {
	case len(r.Key) < MinKey || len(r.Key) > MaxKey:
		return fmt.Errorf("%w: its key is not the hash of a receipt", ErrBroken)
	case r.Tag >= 1<<TagBits:
		return fmt.Errorf("%w: its tag has more than %d bits", ErrBroken, TagBits)
	case r.Day < 1 && !r.Removed: // and so a registration's value is never empty, which would read as a removal
		return fmt.Errorf("%w: its day is before 2020-01-02", ErrBroken)
	case r.Removed && (r.Tag != 0 || r.Day != 0):
		return fmt.Errorf("%w: a removal with a tag or a day", ErrBroken)
	}
	return nil
}
