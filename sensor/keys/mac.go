package keys

import (
	"crypto/sha256"
	"encoding"
	"hash"
)

// mac is an HMAC-SHA256 key (RFC 2104) as the two hash states after its padded blocks. crypto/hmac keeps the same two states, but
// out of reach; these can be wiped, and one digest serves all the keys of a Hasher without allocating.
type mac struct {
	inner, outer []byte
}

// digest is what crypto/sha256 documents of its New: a hash whose state can be saved and loaded.
type digest interface {
	hash.Hash
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

func newDigest() digest {
	d, ok := sha256.New().(digest)
	if !ok {
		//nolint:forbidigo // a broken invariant: the package documents it
		panic("keys: crypto/sha256 no longer saves its state")
	}
	return d
}

func newMAC(d digest, k *key) *mac {
	m := &mac{}
	m.inner = padded(d, k, 0x36)
	m.outer = padded(d, k, 0x5c)
	return m
}

func padded(d digest, k *key, pad byte) []byte {
	var block [sha256.BlockSize]byte
	copy(block[:], k[:])
	for i := range block {
		block[i] ^= pad
	}
	d.Reset()
	_, _ = d.Write(block[:]) // a hash never fails to write
	clear(block[:])
	state, err := d.MarshalBinary()
	if err != nil {
		//nolint:forbidigo // a broken invariant: the package documents it
		panic("keys: save the state of a hash: " + err.Error()) // a broken invariant, as above
	}
	return state
}

// sum is the HMAC of the message, in the buffer out. A wiped mac panics rather than hash with a key of zeros.
func (m *mac) sum(d digest, message []byte, out *[sha256.Size]byte) {
	m.load(d, m.inner)
	_, _ = d.Write(message)
	d.Sum(out[:0])
	m.load(d, m.outer)
	_, _ = d.Write(out[:])
	d.Sum(out[:0])
}

func (m *mac) load(d digest, state []byte) {
	if err := d.UnmarshalBinary(state); err != nil {
		//nolint:forbidigo // a broken invariant: the package documents it
		panic("keys: a hasher was used after its store-day: take a new one from State.Hasher after Advance")
	}
}

func (m *mac) wipe() {
	clear(m.inner)
	clear(m.outer)
}
