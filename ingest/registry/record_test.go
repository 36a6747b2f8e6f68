package registry_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/openfootfall/footfall/ingest/registry"
)

var someKey = bytes.Repeat([]byte{0xab}, 32)

func TestRecordRoundTrip(t *testing.T) {
	tests := []struct {
		name string
		r    registry.Record
	}{
		{"a registration", registry.Record{Key: someKey, Tag: 0x0fedcba9, Day: 2200}},
		{"the first tag on the first day", registry.Record{Key: someKey[:16], Day: 1}},
		{"a removal", registry.Record{Key: someKey, Removed: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, value, err := tt.r.Encode()
			if err != nil {
				t.Fatalf("Encode: %v", err)
			}
			if removal := value == nil; removal != tt.r.Removed {
				t.Fatalf("value %x reads as a removal: got %v, want %v", value, removal, tt.r.Removed)
			}
			got, err := registry.Decode(key, value)
			if err != nil {
				t.Fatalf("Decode: %v", err)
			}
			if !bytes.Equal(got.Key, tt.r.Key) || got.Tag != tt.r.Tag || got.Day != tt.r.Day || got.Removed != tt.r.Removed {
				t.Errorf("got %+v, want %+v", got, tt.r)
			}
		})
	}
}

func TestRecordRefuses(t *testing.T) {
	tests := []struct {
		name string
		r    registry.Record
	}{
		{"no key", registry.Record{Tag: 1, Day: 1}},
		{"a short key", registry.Record{Key: someKey[:15], Tag: 1, Day: 1}},
		{"a long key", registry.Record{Key: make([]byte, 65), Tag: 1, Day: 1}},
		{"a tag of 29 bits", registry.Record{Key: someKey, Tag: 1 << 28, Day: 1}},
		{"a day before 2020", registry.Record{Key: someKey, Tag: 1, Day: -1}},
		{"a registration that would read as a removal", registry.Record{Key: someKey}},
		{"a removal with a tag", registry.Record{Key: someKey, Tag: 1, Removed: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := tt.r.Encode(); !errors.Is(err, registry.ErrBroken) {
				t.Errorf("Encode: got %v, want ErrBroken", err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(someKey, []byte{0x0d, 1, 2, 3, 4, 0x10, 5})
	f.Add(someKey, []byte(nil))
	f.Add([]byte("short"), []byte("text"))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		r, err := registry.Decode(key, value)
		if err != nil {
			if !errors.Is(err, registry.ErrBroken) {
				t.Fatalf("error: got %v, want ErrBroken", err)
			}
			return
		}
		key, value, err = r.Encode()
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		again, err := registry.Decode(key, value)
		if err != nil || again.Tag != r.Tag || again.Day != r.Day || again.Removed != r.Removed {
			t.Fatalf("decode what was encoded: got %+v, %v, want %+v", again, err, r)
		}
	})
}
