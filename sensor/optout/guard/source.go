package guard

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops is how many entries of X-Forwarded-For are looked at, from the right.
const maxHops = 16

// client is who sent the request: the peer, or, where the peer is a trusted proxy, the right-most entry of X-Forwarded-For that is
// no trusted proxy itself: what is left of it the client may have written. What cannot be read stands for the proxy that passed
// it on, and is reported. The zero Addr is a peer without an address, such as a Unix socket; all of them are one source.
func client(r *http.Request, proxies []netip.Prefix) (from netip.Addr, garbled bool) {
	from, ok := parseHost(r.RemoteAddr)
	if !ok {
		return netip.Addr{}, true
	}
	hops := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	if hops == "" { // a trusted proxy that says nothing makes one source of all its clients
		return from, trusted(from, proxies)
	}
	for range maxHops {
		if hops == "" || !trusted(from, proxies) {
			return from, false
		}
		i := strings.LastIndexByte(hops, ',')
		next, ok := parseHost(strings.TrimSpace(hops[i+1:]))
		if !ok {
			return from, true
		}
		from, hops = next, hops[:max(i, 0)]
	}
	return from, hops != ""
}

func trusted(a netip.Addr, proxies []netip.Prefix) bool {
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// The shortest prefixes that may be trusted: whoever is in one can say to be anybody, and so be a new source every time.
const (
	shortestV4 = 8
	shortestV6 = 16
	mappedBits = 96 // of ::ffff:0:0, before an IPv4 address in IPv6 (RFC 4291 section 2.5.5.2)
)

// CheckProxies says which of the prefixes are none, or are too much to trust: an IPv4 one has 8 bits at least, an IPv6 one 16. One
// of IPv4 written in IPv6 (::ffff:10.0.0.0/104) is taken for what it means.
func CheckProxies(prefixes []netip.Prefix) error {
	var errs []error
	for i, p := range plain(prefixes) {
		shortest := shortestV6
		if p.Addr().Is4() {
			shortest = shortestV4
		}
		switch {
		case !p.IsValid():
			errs = append(errs, fmt.Errorf("trusted proxies: number %d is not a prefix: write it as 10.0.0.0/8", i+1))
		case p.Bits() < shortest || p.Addr().Is4In6():
			errs = append(errs, fmt.Errorf("trusted proxies: whoever is in %v could say to be anybody: name your proxies more closely, with /%d or longer", prefixes[i], shortest))
		}
	}
	return errors.Join(errs...)
}

// plain writes prefixes of IPv4 in IPv6 as those of IPv4 that they are, as addresses are written; one that holds more stays.
func plain(prefixes []netip.Prefix) []netip.Prefix {
	list := slices.Clone(prefixes)
	for i, p := range list {
		if bits := p.Bits() - mappedBits; p.Addr().Is4In6() && bits >= 0 {
			list[i] = netip.PrefixFrom(p.Addr().Unmap(), bits)
		}
	}
	return list
}

// parseHost reads an address with or without a port, an IPv6 one with or without brackets.
func parseHost(text string) (netip.Addr, bool) {
	if len(text) > 64 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		at, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		a = at.Addr()
	}
	return a.Unmap().WithZone(""), true
}

// subnet is what counts as one source: its family, and the leading bytes of its address. It is never kept.
type subnet struct {
	family byte // 4, 6, 'b' for an IPv4 /24, 's' for an IPv6 /48, 0 for what has no address
	prefix [7]byte
}

func subnetOf(a netip.Addr) subnet {
	switch {
	case a.Is4():
		v4, n := a.As4(), subnet{family: 4}
		copy(n.prefix[:], v4[:])
		return n
	case a.Is6():
		v6 := a.As16()
		return subnet{6, [7]byte(v6[:7])}
	default:
		return subnet{}
	}
}

// site is the /48 or /24 that a source lies in. What has no address is its own.
func (n subnet) site() subnet {
	switch n.family {
	case 4:
		n.family, n.prefix[3] = 'b', 0
	case 6:
		n.family, n.prefix[6] = 's', 0
	}
	return n
}

// generation is a key and since when it is used.
type generation struct {
	key   [32]byte
	from  instant
	alive bool
}

func (k *generation) draw(random io.Reader, now instant) error {
	if _, err := io.ReadFull(random, k.key[:]); err != nil {
		return err
	}
	k.from, k.alive = now, true
	return nil
}

// source is the number of a subnet under this key.
func (k *generation) source(n *subnet) uint64 {
	return binary.BigEndian.Uint64(k.mac('s', append([]byte{n.family}, n.prefix[:]...)))
}

func (k *generation) mac(purpose byte, message []byte) []byte {
	h := hmac.New(sha256.New, k.key[:])
	_, _ = h.Write(append([]byte{purpose}, message...))
	return h.Sum(nil)
}

// redraw changes the key when it is old enough, and destroys those that nothing can hang on any more.
func (g *Guard) redraw(now instant) error {
	for i := range g.keys {
		if k := &g.keys[i]; i != g.key && k.alive && now >= k.from.add(keyLife+SourceLife) {
			*k = generation{}
		}
	}
	if now < g.keys[g.key].from.add(keyLife) {
		return nil
	}
	next := (g.key + 1) % len(g.keys)
	if err := g.keys[next].draw(g.random, now); err != nil {
		return err
	}
	g.key = next
	return nil
}

// keyAt is the key that was in use at that time, nil where it is destroyed.
func (g *Guard) keyAt(at instant) *generation {
	var found *generation
	for i := range g.keys {
		if k := &g.keys[i]; k.alive && k.from <= at && (found == nil || k.from > found.from) {
			found = k
		}
	}
	return found
}
