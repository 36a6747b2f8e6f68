package capture

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// FingerprintBytes is how much of a capture its fingerprint is made of: the header and the first records with their times.
const FingerprintBytes = 4 << 10

// Fingerprint is FingerprintOf a file's first bytes, compressed as they are: the same capture read again, or copied anew after
// it had been cut short, gets the same boot id and is not counted twice. Standard input ("-") has to be looked at as it is
// read.
func Fingerprint(path string) (uint64, error) {
	if path == "-" {
		return 0, errors.New("fingerprint capture: standard input cannot be read twice; save it to a file first")
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("open capture: %w: check the path", err)
	}
	head, err := io.ReadAll(io.LimitReader(f, FingerprintBytes))
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("fingerprint capture: %w", err)
	}
	return FingerprintOf(head), nil
}

// FingerprintOf is the first 8 bytes, big-endian, of the SHA-256 of a capture's first FingerprintBytes.
func FingerprintOf(head []byte) uint64 {
	sum := sha256.Sum256(head[:min(len(head), FingerprintBytes)])
	return binary.BigEndian.Uint64(sum[:])
}
