package optout

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// A receipt is 100 random bits, written as 20 symbols of Crockford's base 32: who has none cannot guess one that exists, even
// among millions.
const (
	receiptSymbols = 20
	receiptBytes   = 13 // the last four bits are zero
	crockford      = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// Receipt is what a shopper needs to look up and to undo a registration. It is shown once, and kept by nobody but the shopper.
type Receipt [receiptBytes]byte

// ErrReceipt says that a text is not a receipt. It never repeats the text.
var ErrReceipt = errors.New("not a receipt code: it has 20 letters and digits, such as those on the printed receipt")

// NewReceipt draws a receipt.
func NewReceipt(random io.Reader) (Receipt, error) {
	var r Receipt
	if _, err := io.ReadFull(random, r[:]); err != nil {
		return Receipt{}, fmt.Errorf("draw a receipt: %w", err)
	}
	r[receiptBytes-1] &= 0xf0
	return r, nil
}

// Code is the receipt as the shopper sees it: XXXXX-XXXXX-XXXXX-XXXXX.
func (r Receipt) Code() string {
	var out [receiptSymbols + 3]byte
	n := 0
	for i := range receiptSymbols {
		if i > 0 && i%5 == 0 {
			out[n] = '-'
			n++
		}
		at := i * 5
		two := uint16(r[at/8]) << 8
		if at/8+1 < receiptBytes {
			two |= uint16(r[at/8+1])
		}
		out[n] = crockford[two>>(11-at%8)&31]
		n++
	}
	return string(out[:])
}

// Key is the receipt's key in the registry: SHA-256("footfall receipt" 0x00, the 13 bytes).
func (r Receipt) Key() []byte {
	sum := sha256.Sum256(append([]byte("footfall receipt\x00"), r[:]...))
	return sum[:]
}

// Format keeps the receipt out of every fmt verb.
func (r Receipt) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[receipt]")) }

// MarshalText keeps the receipt out of JSON and YAML.
func (r Receipt) MarshalText() ([]byte, error) { return []byte("[receipt]"), nil }

// LogValue keeps the receipt out of logs.
func (r Receipt) LogValue() slog.Value { return slog.StringValue("[receipt]") }

// ParseReceipt reads a receipt as people copy it: in any case, with or without dashes and spaces, O for 0, I and L for 1. The
// error is ErrReceipt.
func ParseReceipt(text []byte) (Receipt, error) {
	var r Receipt
	n := 0
	for _, c := range string(text) {
		if skipped(c) {
			continue
		}
		v, ok := symbol(c)
		if !ok || n == receiptSymbols {
			return Receipt{}, ErrReceipt
		}
		at := n * 5
		two := uint16(v) << (11 - at%8)
		r[at/8] |= byte(two >> 8)
		if at/8+1 < receiptBytes {
			r[at/8+1] |= byte(two)
		}
		n++
	}
	if n != receiptSymbols {
		return Receipt{}, ErrReceipt
	}
	return r, nil
}

func symbol(c rune) (byte, bool) {
	if c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
	}
	switch c {
	case 'O':
		c = '0'
	case 'I', 'L':
		c = '1'
	}
	for i := range len(crockford) {
		if rune(crockford[i]) == c {
			return byte(i), true
		}
	}
	return 0, false
}
