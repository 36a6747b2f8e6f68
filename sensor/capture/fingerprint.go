package capture

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Fingerprint is the first 8 bytes, big-endian, of the SHA-256 of a file's bytes, compressed as they are: the same file read
// again gets the same boot id and is not counted twice. Standard input ("-") has none, because it can be read only once.
func Fingerprint(path string) (uint64, error) {
	if path == "-" {
		return 0, errors.New("fingerprint capture: standard input cannot be read twice; save it to a file first")
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("fingerprint capture: %w", err)
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("fingerprint capture: %w", err)
	}
	return binary.BigEndian.Uint64(sum.Sum(nil)), nil
}
