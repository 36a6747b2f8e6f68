package guard

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"strings"
	"time"
)

// A token is 36 bytes in base64 (RFC 4648 section 5, without padding): what follows, and the first 16 bytes of HMAC-SHA256 of it
// and of the source's number. Nothing is stored of it until it is redeemed.
//
//	1 kind, 1 bits, 2 wait in seconds, 8 made at (Unix ms), 8 random
const (
	bodyBytes  = 20
	macBytes   = 16
	tokenChars = (bodyBytes + macBytes) * 8 / 6
	maxNonce   = 32
)

// tokenID is a token's code: no two tokens have the same.
type tokenID [macBytes]byte

// proof is what a browser or a person sends back.
type proof struct {
	text  string // the token as it was sent
	nonce string // empty: waited
	body  [bodyBytes]byte
	id    tokenID
}

// parseProof takes TOKEN:NONCE apart; TOKEN and TOKEN: are proofs by waiting. The nonce is 1 to 32 letters and digits.
func parseProof(text string) (proof, bool) {
	var p proof
	if len(text) > tokenChars+1+maxNonce {
		return p, false
	}
	p.text, p.nonce, _ = strings.Cut(text, ":")
	for _, c := range []byte(p.nonce) {
		if c-'0' > 9 && c|0x20-'a' > 25 {
			return p, false
		}
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(p.text)
	if err != nil || len(p.text) != tokenChars || len(raw) != bodyBytes+macBytes {
		return p, false
	}
	copy(p.body[:], raw)
	copy(p.id[:], raw[bodyBytes:])
	return p, true
}

func (p *proof) kind() Kind { return Kind(p.body[0]) }
func (p *proof) bits() int  { return int(p.body[1]) }
func (p *proof) wait() time.Duration {
	return time.Duration(binary.BigEndian.Uint16(p.body[2:])) * time.Second
}
func (p *proof) madeMillis() int64 { return int64(binary.BigEndian.Uint64(p.body[4:])) }
func (p *proof) worked() bool      { return p.nonce != "" && zeros(p.text+":"+p.nonce) >= p.bits() }

// zeros is how many zero bits SHA-256 of the text begins with, counted from the most significant bit of the first byte.
func zeros(text string) int {
	sum := sha256.Sum256([]byte(text))
	n := 0
	for _, b := range sum {
		n += bits.LeadingZeros8(b)
		if b != 0 {
			break
		}
	}
	return n
}

// seal is the code of a token's body for a subnet.
func (k *generation) seal(body []byte, n *subnet) tokenID {
	message := binary.BigEndian.AppendUint64(append([]byte(nil), body...), k.source(n))
	return tokenID(k.mac('t', message))
}

// challenge makes a token. How hard it is rises with the proofs that came from the source; when there is much to do over all
// sources it is harder by load bits.
func (g *Guard) challenge(n subnet, what Kind, e *entry, load int) (Decision, error) {
	step := min(e.proofs/4+load, g.limits.MaxBits-g.limits.Bits)
	wait := seconds(g.limits.Wait + time.Duration(step)*g.limits.Wait/2)
	body := make([]byte, 0, bodyBytes+macBytes)
	body = append(body, byte(what), byte(g.limits.Bits+step))
	body = binary.BigEndian.AppendUint16(body, uint16(wait/time.Second))
	body = binary.BigEndian.AppendUint64(body, uint64(g.start.UnixMilli()+int64(g.last)/1e6))
	body = body[:bodyBytes]
	if _, err := io.ReadFull(g.random, body[bodyBytes-8:]); err != nil {
		return Decision{}, fmt.Errorf("draw a token: %w", err)
	}
	id := g.keys[g.key].seal(body, &n)
	g.metrics.token(tokenIssued)
	token := base64.RawURLEncoding.EncodeToString(append(body, id[:]...))
	return Decision{Verdict: Challenge, Challenge: Task{token, g.limits.Bits + step, wait}}, nil
}

// redeem says whether the proof is good now, and uses it up if it is.
func (g *Guard) redeem(n subnet, what Kind, text string, e *entry, now instant) bool {
	if text == "" {
		return false
	}
	result := g.check(n, what, text, e, now)
	g.metrics.token(result)
	return result == tokenWorked || result == tokenWaited
}

func (g *Guard) check(n subnet, what Kind, text string, e *entry, now instant) tokenResult {
	p, ok := parseProof(text)
	if !ok {
		return tokenWrong
	}
	made := p.madeMillis() - g.start.UnixMilli()
	if made < 0 || made > int64(now)/1e6 || now > instant(made*1e6).add(TokenLife) {
		return tokenExpired
	}
	at := instant(made * 1e6)
	k := g.keyAt(at)
	if k == nil {
		return tokenExpired
	}
	want := k.seal(p.body[:], &n)
	if subtle.ConstantTimeCompare(want[:], p.id[:]) != 1 || p.kind() != what {
		return tokenWrong
	}
	if _, again := g.used[p.id]; again {
		return tokenUsed
	}
	if len(g.used) >= g.limits.Tokens {
		return tokenFull
	}
	result := tokenWorked
	switch {
	case p.worked():
	case now < at.add(p.wait()):
		return tokenEarly
	case !e.patience.take(now, g.limits.Patience):
		return tokenBusy
	default:
		result = tokenWaited
	}
	g.used[p.id] = at.add(TokenLife + time.Second)
	return result
}
