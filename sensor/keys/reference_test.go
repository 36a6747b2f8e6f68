package keys

// A second implementation of every derivation, from the RFCs and SHA-256 alone: no crypto/hmac, no crypto/hkdf, nothing of ours.

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// refHMAC is RFC 2104: H(K xor opad, H(K xor ipad, text)).
func refHMAC(k, text []byte) []byte {
	block := make([]byte, 64)
	if len(k) > 64 {
		h := sha256.Sum256(k)
		k = h[:]
	}
	copy(block, k)
	in, out := make([]byte, 64), make([]byte, 64)
	for i, b := range block {
		in[i], out[i] = b^0x36, b^0x5c
	}
	inner := sha256.Sum256(append(in, text...))
	outer := sha256.Sum256(append(out, inner[:]...))
	return outer[:]
}

// refExpand is RFC 5869 section 2.3: T(i) = HMAC(PRK, T(i-1) | info | i).
func refExpand(prk []byte, info string, length int) []byte {
	var okm, t []byte
	for i := byte(1); len(okm) < length; i++ {
		t = refHMAC(prk, append(append(append([]byte{}, t...), info...), i))
		okm = append(okm, t...)
	}
	return okm[:length]
}

// refDay is D(n), counted from the store's first day.
func refDay(seed []byte, first, day int32) []byte {
	d := refExpand(seed, "footfall day chain", 32)
	for n := first; n < day; n++ {
		d = refExpand(d, "footfall day next", 32)
	}
	return d
}

// refWeek is W(k); the chain begins four weeks before the store's first.
func refWeek(seed []byte, firstWeek, week int32) []byte {
	w := refExpand(seed, "footfall week chain", 32)
	for k := firstWeek - 4; k < week; k++ {
		w = refExpand(w, "footfall week next", 32)
	}
	return w
}

// refPeriod is P(p); the chain begins one period of 28 days before the store's first.
func refPeriod(seed []byte, firstPeriod, period int32) []byte {
	p := refExpand(seed, "footfall period chain", 32)
	for k := firstPeriod - 1; k < period; k++ {
		p = refExpand(p, "footfall period next", 32)
	}
	return p
}

func refReturnID(period, addr []byte) []byte {
	return refHMAC(refExpand(period, "footfall period return", 32), addr)[:8]
}

func refID(dayChain, addr []byte) uint64 {
	return binary.BigEndian.Uint64(refHMAC(refExpand(dayChain, "footfall day id", 32), addr))
}

func refClass(dayChain []byte, epoch int32, masked []byte) uint16 {
	e := uint32(epoch)
	info := "footfall class" + string([]byte{byte(e >> 24), byte(e >> 16), byte(e >> 8), byte(e)})
	sum := refHMAC(refExpand(dayChain, info, 32), masked)
	return uint16(sum[0])<<2 | uint16(sum[1])>>6
}

func refBucket(week, addr []byte) uint16 {
	return binary.BigEndian.Uint16(refHMAC(refExpand(week, "footfall return", 32), addr))
}

func refTag(optOut, addr []byte) uint32 {
	sum := refHMAC(optOut, addr)
	return uint32(sum[0])<<20 | uint32(sum[1])<<12 | uint32(sum[2])<<4 | uint32(sum[3])>>4
}

// TestReferenceAgainstRFCs checks the checker: RFC 5869 test case 1 and RFC 4231 test cases 1, 2 and 6.
func TestReferenceAgainstRFCs(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, row := range []struct {
		name      string
		got, want []byte
	}{
		{"RFC 5869 case 1, extract", refHMAC(unhex("000102030405060708090a0b0c"), bytes.Repeat([]byte{0x0b}, 22)),
			unhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")},
		{"RFC 5869 case 1, expand", refExpand(unhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"), string(unhex("f0f1f2f3f4f5f6f7f8f9")), 42),
			unhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")},
		{"RFC 4231 case 1", refHMAC(bytes.Repeat([]byte{0x0b}, 20), []byte("Hi There")),
			unhex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")},
		{"RFC 4231 case 2", refHMAC([]byte("Jefe"), []byte("what do ya want for nothing?")),
			unhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")},
		{"RFC 4231 case 6, long key", refHMAC(bytes.Repeat([]byte{0xaa}, 131), []byte("Test Using Larger Than Block-Size Key - Hash Key First")),
			unhex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")},
	} {
		t.Run(row.name, func(t *testing.T) {
			if !bytes.Equal(row.got, row.want) {
				t.Errorf("got %x, want %x", row.got, row.want)
			}
		})
	}
}
