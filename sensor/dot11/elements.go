package dot11

import (
	"bytes"
	"iter"
)

// Element numbers that Masked treats apart (IEEE 802.11-2020, table 9-92).
const (
	elementSSID      = 0
	elementDSChannel = 3
	elementVendor    = 221
	elementExtension = 255
	extensionFILS    = 2 // FILS request parameters
)

// Elements goes through information elements, number and value, and ends before one that is cut. The values are aliases.
// Ranging over it allocates nothing.
func Elements(b []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for len(b) >= 2 {
			end := 2 + int(b[1])
			if end > len(b) || !yield(b[0], b[2:end]) {
				return
			}
			b = b[end:]
		}
	}
}

// whole returns the complete elements of b, and false when one runs past its end. A single byte left over is no element
// and no error: some drivers pad.
func whole(b []byte) ([]byte, bool) {
	at := 0
	for at+2 <= len(b) {
		at += 2 + int(b[at+1])
	}
	if at > len(b) {
		return nil, false
	}
	return b[:at:at], true
}

// Masked appends to dst what tells a phone's model from its elements: all of them in their order, without those that change
// from frame to frame. The SSID is left out; the DS channel, the vendor elements WPS (00:50:f2 type 4) and 00:50:f2 type 8,
// and the FILS request parameters keep their place but not their content; of equal elements the first stays. Each is written
// as number, length, value, so two outputs are equal exactly when the masked lists are. An element that is cut ends the list.
// It is the input of a class; the class itself is a keyed hash of it. With room in dst it allocates nothing.
func Masked(dst, elements []byte) []byte {
	start := len(dst)
	var seen [4]uint64 // element numbers already written, so that most elements need no comparing
	for len(elements) >= 2 {
		number, end := elements[0], 2+int(elements[1])
		if end > len(elements) {
			break
		}
		value := elements[2:end]
		elements = elements[end:]
		switch {
		case number == elementSSID:
			continue
		case number == elementDSChannel:
			value = nil
		case number == elementVendor && volatileVendor(value):
			value = value[:4]
		case number == elementExtension && len(value) > 0 && value[0] == extensionFILS:
			value = value[:1]
		}
		word, bit := number/64, uint64(1)<<(number%64)
		if seen[word]&bit != 0 && written(dst[start:], number, value) {
			continue
		}
		seen[word] |= bit
		dst = append(dst, number, byte(len(value)))
		dst = append(dst, value...)
	}
	return dst
}

func volatileVendor(value []byte) bool {
	return len(value) >= 4 && value[0] == 0x00 && value[1] == 0x50 && value[2] == 0xf2 && (value[3] == 4 || value[3] == 8)
}

// written reports whether an element is among those already masked.
func written(masked []byte, number byte, value []byte) bool {
	for len(masked) >= 2 {
		end := 2 + int(masked[1])
		if masked[0] == number && bytes.Equal(masked[2:end], value) {
			return true
		}
		masked = masked[end:]
	}
	return false
}
