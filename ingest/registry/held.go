package registry

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/openfootfall/footfall/ingest/wire"
)

// ErrBrokenHeld is what errors.Is finds in the error of a record of the quarantine that cannot be used; it is an ErrBroken too.
var ErrBrokenHeld = fmt.Errorf("%w's quarantine", ErrBroken)

// HeldRecord is a registration that an operator looks at before it is enforced, or its removal.
type HeldRecord struct {
	Key     []byte // the hash of the receipt, as in Record
	Tag     uint32 // 28 bits; nothing in a removal
	Day     int32  // of the registration, days since 2020-01-01 UTC, 1 at least; nothing in a removal
	Burst   uint32 // a random number that the registrations of one burst share; nothing in a removal
	Removed bool   // a tombstone: it was released, dropped or undone
}

// Encode returns the key and value to send to the quarantine's topic. A removal's value is nil. The error is ErrBrokenHeld.
func (h HeldRecord) Encode() (key, value []byte, err error) {
	if err := h.check(); err != nil {
		return nil, nil, err
	}
	if h.Removed {
		return h.Key, nil, nil
	}
	return h.Key, protowire.AppendFixed32(protowire.AppendTag(encode(h.Tag, h.Day), 3, protowire.Fixed32Type), h.Burst), nil
}

// encode writes the fields that wire.OptOut and wire.Held have alike, also a tag of zero, which proto.Marshal would leave out:
// the length of a value says nothing about it.
func encode(tag uint32, day int32) []byte {
	value := protowire.AppendFixed32(protowire.AppendTag(nil, 1, protowire.Fixed32Type), tag)
	return protowire.AppendVarint(protowire.AppendTag(value, 2, protowire.VarintType), uint64(day))
}

// DecodeHeld reads a record of the quarantine's topic; no value is a removal. The error is ErrBrokenHeld and repeats nothing of it.
func DecodeHeld(key, value []byte) (HeldRecord, error) {
	h := HeldRecord{Key: key, Removed: len(value) == 0}
	if !h.Removed {
		var o wire.Held
		if len(value) > maxValue || proto.Unmarshal(value, &o) != nil {
			return HeldRecord{}, fmt.Errorf("%w: its value is not a registration", ErrBrokenHeld)
		}
		h.Tag, h.Day, h.Burst = o.Tag, o.Day, o.Burst
	}
	if err := h.check(); err != nil {
		return HeldRecord{}, err
	}
	return h, nil
}

func (h HeldRecord) check() error {
	if h.Removed && h.Burst != 0 {
		return fmt.Errorf("%w: a removal with a burst", ErrBrokenHeld)
	}
	if err := h.record().check(); err != nil {
		return errors.Join(ErrBrokenHeld, err)
	}
	return nil
}

// record is what it is in the registry once it is released.
func (h HeldRecord) record() Record {
	return Record{Key: h.Key, Tag: h.Tag, Day: h.Day, Removed: h.Removed}
}
