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
