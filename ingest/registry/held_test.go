package registry_test

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/wire"
)

func TestHeldRecordRoundTrip(t *testing.T) {
	for _, row := range []struct {
		name string
		r    registry.HeldRecord
	}{
		{"a registration", registry.HeldRecord{Key: someKey, Tag: 0x0fedcba9, Day: 2200, Burst: 0xfedcba98}},
		{"the smallest of everything", registry.HeldRecord{Key: someKey[:16], Day: 1}},
		{"the largest of everything", registry.HeldRecord{Key: bytes.Repeat(someKey, 2), Tag: 1<<28 - 1, Day: 1<<31 - 1, Burst: 1<<32 - 1}},
		{"a removal", registry.HeldRecord{Key: someKey, Removed: true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			key, value, err := row.r.Encode()
			if err != nil {
				t.Fatalf("Encode: %v", err)
			}
			got, err := registry.DecodeHeld(key, value)
			if err != nil {
				t.Fatalf("DecodeHeld: %v", err)
			}
			if !bytes.Equal(got.Key, row.r.Key) || got.Tag != row.r.Tag || got.Day != row.r.Day || got.Burst != row.r.Burst || got.Removed != row.r.Removed {
				t.Errorf("got %+v, want %+v", got, row.r)
			}
		})
	}
}

func TestHeldRecordRefuses(t *testing.T) {
	for _, row := range []struct {
		name string
		r    registry.HeldRecord
	}{
		{"no key", registry.HeldRecord{Tag: 1, Day: 1}},
		{"a tag of 29 bits", registry.HeldRecord{Key: someKey, Tag: 1 << 28, Day: 1}},
		{"no day", registry.HeldRecord{Key: someKey, Tag: 1}},
		{"a removal with a tag", registry.HeldRecord{Key: someKey, Tag: 1, Removed: true}},
		{"a removal with a burst", registry.HeldRecord{Key: someKey, Burst: 1, Removed: true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, _, err := row.r.Encode(); !errors.Is(err, registry.ErrBrokenHeld) {
				t.Errorf("Encode: got %v, want ErrBrokenHeld", err)
			}
		})
	}
}

// TestValuesHaveOneLength: the length of a record tells nothing of it, and what is written by hand is what protobuf reads.
func TestValuesHaveOneLength(t *testing.T) {
	for _, tag := range []uint32{0, 1, 127, 128, 1 << 27, 1<<28 - 1} {
		for _, day := range []int32{2200, 2517, 16383} { // to 2064
			_, listed, err1 := registry.Record{Key: someKey, Tag: tag, Day: day}.Encode()
			_, held, err2 := registry.HeldRecord{Key: someKey, Tag: tag, Day: day}.Encode()
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			if len(listed) != 8 || len(held) != 13 {
				t.Errorf("tag %d, day %d: got values of %d and %d bytes, want 8 and 13", tag, day, len(listed), len(held))
			}
			var o wire.OptOut
			var h wire.Held
			if err := errors.Join(proto.Unmarshal(listed, &o), proto.Unmarshal(held, &h)); err != nil {
				t.Fatal(err)
			}
			if o.Tag != tag || o.Day != day || h.Tag != tag || h.Day != day {
				t.Errorf("got tags %d and %d, days %d and %d, want %d and %d", o.Tag, h.Tag, o.Day, h.Day, tag, day)
			}
		}
	}
}

func FuzzDecodeHeld(f *testing.F) {
	f.Add(someKey, []byte{0x0d, 1, 2, 3, 4, 0x10, 5, 0x1d, 6, 7, 8, 9})
	f.Add(someKey, []byte(nil))
	f.Add([]byte("short"), []byte("text"))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		r, err := registry.DecodeHeld(key, value)
		if err != nil {
			if !errors.Is(err, registry.ErrBrokenHeld) || !errors.Is(err, registry.ErrBroken) {
				t.Fatalf("error: got %v, want ErrBrokenHeld", err)
			}
			return
		}
		key, value, err = r.Encode()
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		again, err := registry.DecodeHeld(key, value)
		if err != nil || again.Tag != r.Tag || again.Day != r.Day || again.Burst != r.Burst || again.Removed != r.Removed {
			t.Fatalf("decode what was encoded: got %+v, %v, want %+v", again, err, r)
		}
	})
}
