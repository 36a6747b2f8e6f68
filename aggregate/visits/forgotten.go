package visits

import (
	"crypto/sha256"
	"encoding/binary"
)

// Salt is what the hashes of a day's forgotten ids are made with. It is drawn for the day and gone with it; whoever deletes the
// rows of forgotten ids elsewhere may use it there, so that no id has to be kept, or written down, for that.
type Salt [16]byte

// Hash is the first eight bytes, the lowest first, of SHA-256 of the salt and the id in eight bytes, the lowest first. It is
// never 0.
func (s *Salt) Hash(id uint64) uint64 {
	var text [24]byte
	copy(text[:], s[:])
	binary.LittleEndian.PutUint64(text[16:], id)
	sum := sha256.Sum256(text[:])
	return max(1, binary.LittleEndian.Uint64(sum[:]))
}

// What a set of hashes costs is bounded, however many ids are to be forgotten: up to exactHashes it keeps each one whole, in 11
// to 22 bytes; of more it keeps one bit each among flooded bits, 16 MiB in all. A device whose bit another one has set is then
// left out, too: one in a hundred at 1.3 million forgotten ids in a store-day, and never one too few.
const (
	exactHashes = 1 << 20
	floodedBits = 1 << 27
)

// forgotten is a set of hashes: open addressing, 0 is empty. Every hash is random already, so its low bits are its slot.
type forgotten struct {
	slots   []uint64
	n       int
	flooded []uint64 // bits by the low part of the hash, once there are too many to keep them whole
}

// bytes is what the set has reserved.
func (f *forgotten) bytes() int { return 8*cap(f.slots) + 8*cap(f.flooded) }

func (f *forgotten) has(h uint64) bool {
	if f.flooded != nil {
		bit := h % floodedBits
		return f.flooded[bit/64]>>(bit%64)&1 == 1
	}
	if len(f.slots) == 0 {
		return false
	}
	return f.slots[f.slot(h)] != 0
}

// slot is where the hash is, or where it would go.
func (f *forgotten) slot(h uint64) uint64 {
	mask := uint64(len(f.slots) - 1)
	i := h & mask
	for f.slots[i] != 0 && f.slots[i] != h {
		i = (i + 1) & mask
	}
	return i
}

// add is false where the hash was there already.
func (f *forgotten) add(h uint64) bool {
	if f.has(h) {
		return false
	}
	f.n++
	if f.flooded == nil && f.n > exactHashes {
		f.flood()
	}
	if f.flooded != nil {
		f.flooded[h%floodedBits/64] |= 1 << (h % 64)
		return true
	}
	if 4*f.n > 3*len(f.slots) {
		f.grow(max(minSlots, 2*len(f.slots)))
	}
	f.slots[f.slot(h)] = h
	return true
}

func (f *forgotten) grow(size int) {
	old := f.slots
	f.slots = make([]uint64, size)
	for _, h := range old {
		if h != 0 {
			f.slots[f.slot(h)] = h
		}
	}
}

func (f *forgotten) flood() {
	f.flooded = make([]uint64, floodedBits/64)
	for _, h := range f.slots {
		if h != 0 {
			f.flooded[h%floodedBits/64] |= 1 << (h % 64)
		}
	}
	f.slots = nil
}

// all lists the hashes; nothing once there are too many to keep them whole.
func (f *forgotten) all() []uint64 {
	out := make([]uint64, 0, len(f.slots)*3/4)
	for _, h := range f.slots {
		if h != 0 {
			out = append(out, h)
		}
	}
	return out
}
