package keys

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// Widths of the short hashes, in bits (DESIGN section 5). Several devices share a value of each, by intent.
const (
	ClassBits  = 10
	BucketBits = 16
	TagBits    = 28
)

// Hasher turns addresses into the pseudonyms of one store-day. It is good until its State advances, when it is wiped: used after
// that it panics. It is not for concurrent use. Its calls do not allocate, except for the first of a class epoch.
type Hasher struct {
	chain   *chain // the state's own, for class keys
	id      *mac
	returns [Weeks]*mac
	periods [Periods]*mac // nil unless the store is extended
	optOut  *mac
	class   *mac
	epoch   int32
	fixed   bool // one class key for the whole capture
	digest  digest
	message [len(hwaddr.Addr{})]byte
	out     [sha256.Size]byte
}

// newHasher makes the hasher of the chain's day. A fixed class key is for all epochs.
func newHasher(c *chain, fixedClass *key) *Hasher {
	h := &Hasher{chain: c, digest: newDigest()}
	id, weeks := c.idKey(), c.returnKeys()
	h.id = newMAC(h.digest, &id)
	id.wipe()
	for i := range weeks {
		h.returns[i] = newMAC(h.digest, &weeks[i])
		weeks[i].wipe()
	}
	if c.hasPeriods() {
		periods := c.periodKeys()
		for i := range periods {
			h.periods[i] = newMAC(h.digest, &periods[i])
			periods[i].wipe()
		}
	}
	h.optOut = newMAC(h.digest, &c.optOut)
	if fixedClass != nil {
		h.class, h.fixed = newMAC(h.digest, fixedClass), true
	}
	return h
}

// ID is the 64-bit id of a stable address, good for this store and store-day.
func (h *Hasher) ID(a hwaddr.Addr) uint64 {
	h.sum(h.id, a)
	return binary.BigEndian.Uint64(h.out[:])
}

// Buckets are the return buckets of a stable address: index 0 under this store-week's key, k under that of k weeks before.
func (h *Hasher) Buckets(a hwaddr.Addr) [Weeks]uint16 {
	var b [Weeks]uint16
	for k, m := range h.returns {
		h.sum(m, a)
		b[k] = binary.BigEndian.Uint16(h.out[:]) // all BucketBits of it
	}
	return b
}

// ReturnIDs are the 64-bit return ids of a stable address: under the key of this period of 28 store-days, and under that of the one
// before. Only an extended store has them; ok is false in any other.
func (h *Hasher) ReturnIDs(a hwaddr.Addr) (now, before uint64, ok bool) {
	if h.periods[0] == nil {
		return 0, 0, false
	}
	h.sum(h.periods[0], a)
	now = binary.BigEndian.Uint64(h.out[:])
	h.sum(h.periods[1], a)
	return now, binary.BigEndian.Uint64(h.out[:]), true
}

// Tag is the 28-bit opt-out tag of an address, the same in every store and for as long as the organisation keeps its key.
func (h *Hasher) Tag(a hwaddr.Addr) uint32 {
	h.sum(h.optOut, a)
	return binary.BigEndian.Uint32(h.out[:]) >> (32 - TagBits)
}

// Class is the 10-bit class of a frame's masked elements (dot11.Masked) in the class epoch (calendar.ClassEpoch), which must be
// one of the state's day for the store's other sensors to agree. A throw-away state has one class key and ignores the epoch.
func (h *Hasher) Class(epoch int32, masked []byte) uint16 {
	if !h.fixed && (h.class == nil || epoch != h.epoch) {
		h.beginEpoch(epoch)
	}
	h.class.sum(h.digest, masked, &h.out)
	return binary.BigEndian.Uint16(h.out[:]) >> (16 - ClassBits)
}

func (h *Hasher) beginEpoch(epoch int32) {
	if h.chain == nil {
		//nolint:forbidigo // a broken invariant: going on would make ids from a wiped key
		panic("keys: a hasher was used after its store-day: take a new one from State.Hasher after Advance")
	}
	if h.class != nil {
		h.class.wipe()
	}
	k := h.chain.classKey(epoch)
	h.class, h.epoch = newMAC(h.digest, &k), epoch
	k.wipe()
}

func (h *Hasher) sum(m *mac, a hwaddr.Addr) {
	h.message = a // in the Hasher, or it would move to the heap on its way through the hash's interface
	m.sum(h.digest, h.message[:], &h.out)
}

// wipe overwrites the keys and what the digest still holds of the last message.
func (h *Hasher) wipe() {
	for _, m := range append(h.returns[:], h.id, h.periods[0], h.periods[1], h.optOut, h.class) {
		if m != nil {
			m.wipe()
		}
	}
	h.chain = nil
	clear(h.message[:])
	clear(h.out[:])
	h.digest.Reset()
	var zeros [sha256.BlockSize - 1]byte
	_, _ = h.digest.Write(zeros[:])
	h.digest.Reset()
}
