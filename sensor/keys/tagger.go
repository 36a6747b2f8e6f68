package keys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"crypto/sha256"

	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// Tagger makes opt-out tags and nothing else: it is all that the opt-out service has of a store's keys, so it can compute no id.
// It may be used from anywhere.
type Tagger struct {
	mu      sync.Mutex
	mac     *mac
	digest  digest
	message [len(hwaddr.Addr{})]byte
	out     [sha256.Size]byte
}

// Tagger returns a tagger under the key. The error says that there is no key.
func (o OptOutKey) Tagger() (*Tagger, error) {
	if o.k == nil || *o.k == (key{}) {
		return nil, errors.New("the opt-out key is missing: make one with footfall keys optout")
	}
	d := newDigest()
	return &Tagger{mac: newMAC(d, o.k), digest: d}, nil
}

// Check is a value by which two holders of an opt-out key can tell that it is the same: the first four bytes of HKDF-Expand under a
// label of its own (RFC 5869). Two keys have the same one with probability 2^-32; it gives nothing of the key away, and no tag. It
// is never 0, which stands for a sensor that does not say it. A missing key has 0.
func (o OptOutKey) Check() uint32 {
	if o.k == nil {
		return 0
	}
	return o.k.check()
}

// OptOutCheck is OptOutKey.Check of the sensor's opt-out key.
func (s *State) OptOutCheck() uint32 { return s.chain.optOut.check() }

func (k *key) check() uint32 {
	if *k == (key{}) {
		return 0
	}
	out := k.expand(labelCheck)
	defer out.wipe()
	return max(1, binary.BigEndian.Uint32(out[:4]))
}

// Tag is the 28-bit opt-out tag of an address, as the organisation's sensors compute it (Hasher.Tag). What it computed with is
// overwritten before it returns.
func (t *Tagger) Tag(a hwaddr.Addr) uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.message = a
	t.mac.sum(t.digest, t.message[:], &t.out)
	tag := binary.BigEndian.Uint32(t.out[:]) >> (32 - TagBits)
	clear(t.message[:])
	clear(t.out[:])
	t.digest.Reset()
	var zeros [sha256.BlockSize - 1]byte
	_, _ = t.digest.Write(zeros[:]) // its buffer held the end of the message
	t.digest.Reset()
	return tag
}

// Format keeps the key out of every fmt verb.
func (t *Tagger) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[tagger]")) }

// LogValue keeps the key out of logs.
func (t *Tagger) LogValue() slog.Value { return slog.StringValue("[tagger]") }
