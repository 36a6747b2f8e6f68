package dot11

import (
	"encoding/binary"
	"math/bits"
)

// Bits of a radiotap present word (radiotap.org, "Defined Fields").
const (
	radiotapFlags   = 1
	radiotapChannel = 3
	radiotapSignal  = 5
	radiotapTLV     = 28 // fields in type-length-value form follow
	radiotapNS      = 29 // the next word starts again with field 0
	radiotapVendor  = 30 // the next word belongs to a vendor
	radiotapMore    = 31 // another present word follows
)

const (
	radiotapFlagFCS    = 0x10
	radiotapFlagBadFCS = 0x40
)

// maxPresent bounds the present words of one header; drivers write at most one for each antenna and one more.
const maxPresent = 32

// radiotapFields are the alignment and the size in bytes of the fields 0 to 27. Later ones have no fixed size.
var radiotapFields = [28][2]uint8{
	{8, 8}, {1, 1}, {1, 1}, {2, 4}, {2, 2}, {1, 1}, {1, 1}, {2, 2}, {2, 2}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, {1, 1},
	{2, 2}, {2, 2}, {1, 1}, {1, 1}, {4, 8}, {1, 3}, {4, 8}, {2, 12}, {8, 12}, {2, 12}, {2, 12}, {2, 6}, {1, 1}, {2, 4},
}

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// tap is a radiotap header while its fields are read: at is the offset of the next field.
type tap struct {
	head []byte
	at   int
	r    *reception
	own  bool // the RSSI found is the first word's
}

// radiotap reads a radiotap header. RSSI is the signal of the first present word, which is the radio's own sum over its
// antennas, or else the strongest of the later words. A field that cannot be placed ends the reading, not the frame: what
// came before it is used, as every reader of radiotap does.
func radiotap(data []byte, r *reception) bool {
	if len(data) < 8 || data[0] != 0 {
		return false
	}
	length := int(le16(data[2:]))
	if length < 8 || length > len(data) {
		return false
	}
	end := 8
	for le32(data[end-4:])>>radiotapMore&1 != 0 {
		if end += 4; end > length || end > 4+4*maxPresent {
			return false
		}
	}
	r.length = length
	t := tap{head: data[:length], at: end, r: r}
	t.words(data[4:end])
	return true
}

// words goes through the present words. Vendors' words say nothing to us; their data is skipped as a whole.
func (t *tap) words(present []byte) {
	undefined, vendor := false, false
	for i := 0; i < len(present); i += 4 {
		word := le32(present[i:])
		if !vendor {
			if undefined && word<<3 != 0 {
				return // fields from 32 on: nobody defined any, so nobody knows their size
			}
			if !t.fields(word, i == 0) {
				return
			}
		}
		switch {
		case word>>radiotapVendor&1 != 0:
			if !t.skipVendor() {
				return
			}
			vendor, undefined = true, false
		case word>>radiotapNS&1 != 0:
			vendor, undefined = false, false
		default:
			undefined = true
		}
	}
}

// fields reads the fields of one present word; false where the reading has to end.
func (t *tap) fields(word uint32, first bool) bool {
	for rest := word & (1<<len(radiotapFields) - 1); rest != 0; rest &= rest - 1 {
		bit := bits.TrailingZeros32(rest)
		align, size := int(radiotapFields[bit][0]), int(radiotapFields[bit][1])
		t.at = (t.at + align - 1) &^ (align - 1)
		if t.at+size > len(t.head) {
			return false
		}
		switch bit {
		case radiotapFlags:
			t.r.fcs = radiotapFCS(t.head[t.at])
		case radiotapChannel:
			t.r.freq = le16(t.head[t.at:])
		case radiotapSignal:
			t.signal(int8(t.head[t.at]), first)
		}
		t.at += size
	}
	return word>>radiotapTLV&1 == 0
}

// signal keeps the first word's signal, or else the strongest.
func (t *tap) signal(dbm int8, first bool) {
	if !t.r.hasRSSI || !t.own && dbm > t.r.rssi {
		t.r.rssi = dbm
	}
	t.r.hasRSSI, t.own = true, t.own || first
}

// skipVendor passes over a vendor's data: an OUI, a sub-namespace, and the length of what follows.
func (t *tap) skipVendor() bool {
	t.at = (t.at + 1) &^ 1
	if t.at+6 > len(t.head) {
		return false
	}
	t.at += 6 + int(le16(t.head[t.at+4:]))
	return t.at <= len(t.head)
}

// radiotapFCS reads the flags field. Without one the header does not tell.
func radiotapFCS(flags byte) fcs {
	switch {
	case flags&radiotapFlagBadFCS != 0:
		return fcsBad
	case flags&radiotapFlagFCS != 0:
		return fcsPresent
	}
	return fcsAbsent
}
