package guard

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestTheClientOfARequest(t *testing.T) {
	proxies := plain(prefixes("10.0.0.0/8", "fd00::/16", "::ffff:172.16.0.0/108"))
	for _, row := range []struct {
		name, remote string
		forwarded    []string
		want         string
		garbled      bool
	}{
		{"straight", "192.0.2.7:4711", nil, "192.0.2.7", false},
		{"straight, IPv6", "[2001:db8::1]:4711", nil, "2001:db8::1", false},
		{"IPv4 in IPv6", "[::ffff:192.0.2.7]:1", nil, "192.0.2.7", false},
		{"a zone", "[fe80::1%eth0]:1", nil, "fe80::1", false},
		{"a header from a stranger", "192.0.2.7:1", []string{"198.51.100.1"}, "192.0.2.7", false},
		{"a proxy without a header", "10.0.0.1:1", nil, "10.0.0.1", true},
		{"a mapped proxy without a header", "[::ffff:10.0.0.1]:1", nil, "10.0.0.1", true},
		{"a proxy that is trusted in IPv6 writing", "172.16.3.4:1", []string{"198.51.100.1"}, "198.51.100.1", false},
		{"next to it", "172.32.0.1:1", []string{"198.51.100.1"}, "172.32.0.1", false},
		{"a proxy with an empty header", "10.0.0.1:1", []string{""}, "10.0.0.1", true},
		{"a proxy", "10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1", false},
		{"a proxy over IPv6", "[fd00::1]:1", []string{"2001:db8::1"}, "2001:db8::1", false},
		{"two proxies", "10.0.0.1:1", []string{"198.51.100.1, 10.0.0.2"}, "198.51.100.1", false},
		{"what the client wrote is to the left", "10.0.0.1:1", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1", false},
		{"the client writes that a proxy wrote it", "10.0.0.1:1", []string{"203.0.113.9, 10.0.0.3, 198.51.100.1, 10.0.0.2"}, "198.51.100.1", false},
		{"several headers", "10.0.0.1:1", []string{"203.0.113.9", "198.51.100.1,10.0.0.2"}, "198.51.100.1", false},
		{"only proxies", "10.0.0.1:1", []string{"10.0.0.3,10.0.0.2"}, "10.0.0.3", false},
		{"a port", "10.0.0.1:1", []string{"198.51.100.1:99"}, "198.51.100.1", false},
		{"brackets", "10.0.0.1:1", []string{"[2001:db8::1]"}, "2001:db8::1", false},
		{"brackets and a port", "10.0.0.1:1", []string{"[2001:db8::1]:99"}, "2001:db8::1", false},
		{"spaces and tabs", "10.0.0.1:1", []string{"\t 198.51.100.1 "}, "198.51.100.1", false},
		{"a name", "10.0.0.1:1", []string{"unknown"}, "10.0.0.1", true},
		{"nothing at the right", "10.0.0.1:1", []string{"198.51.100.1,"}, "10.0.0.1", true},
		{"nothing but commas", "10.0.0.1:1", []string{",,,"}, "10.0.0.1", true},
		{"garbage behind a proxy", "10.0.0.1:1", []string{"<script>, 10.0.0.2"}, "10.0.0.2", true},
		{"garbage left of the client", "10.0.0.1:1", []string{"<script>, 198.51.100.1"}, "198.51.100.1", false},
		{"garbage from a stranger", "192.0.2.7:1", []string{"<script>"}, "192.0.2.7", false},
		{"a long entry", "10.0.0.1:1", []string{strings.Repeat("1", 70)}, "10.0.0.1", true},
		{"very many proxies", "10.0.0.1:1", []string{"198.51.100.1" + strings.Repeat(",10.0.0.2", 1000)}, "10.0.0.2", true},
		{"as many as are looked at", "10.0.0.1:1", []string{"198.51.100.1" + strings.Repeat(",10.0.0.2", maxHops-1)}, "198.51.100.1", false},
		{"a Unix socket", "@", []string{"198.51.100.1"}, "invalid IP", true},
		{"nobody", "", nil, "invalid IP", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := request(row.remote)
			r.Header["X-Forwarded-For"] = row.forwarded
			got, garbled := client(r, proxies)
			if got.String() != row.want || garbled != row.garbled {
				t.Errorf("got %v %v, want %s %v", got, garbled, row.want, row.garbled)
			}
		})
	}
	r := newRig(t, func(o *Options) { o.TrustedProxies = proxies })
	bad := request("10.0.0.1:1")
	bad.Header.Set("X-Forwarded-For", "unknown")
	for range 7 {
		r.g.Judge(bad, Register, "")
	}
	r.want("the proxy itself", r.judge("10.0.0.1:1", Register, ""), Challenge)
	if got := r.metric("garbled_senders_total"); got != 8 {
		t.Errorf("got %v garbled senders, want 8", got)
	}
}

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func TestProxiesAreChecked(t *testing.T) {
	for _, row := range []struct {
		name    string
		proxies []netip.Prefix
		want    string // in the error; empty: none
	}{
		{"none", nil, ""},
		{"usual ones", prefixes("127.0.0.1/32", "10.0.0.0/8", "::1/128", "fd12:3456:789a::/48", "2001::/16"), ""},
		{"an IPv4 one in IPv6 writing", prefixes("::ffff:10.0.0.0/104"), ""},
		{"one with bits behind it", prefixes("10.1.2.3/8"), ""},
		{"everybody", prefixes("0.0.0.0/0"), "0.0.0.0/0 could say"},
		{"everybody in IPv6", prefixes("::/0"), "/16 or longer"},
		{"everybody in IPv4, in IPv6 writing", prefixes("::ffff:0.0.0.0/96"), "/8 or longer"},
		{"more than everybody", prefixes("::ffff:10.0.0.0/90"), "/90 could say"},
		{"half of a /6", prefixes("10.0.0.0/7"), "10.0.0.0/7"},
		{"a /103 in IPv6 writing", prefixes("::ffff:10.0.0.0/103"), "::ffff:10.0.0.0/103"},
		{"a wide one of IPv6", prefixes("2001::/15"), "2001::/15"},
		{"no prefix, after a good one", append(prefixes("10.0.0.0/8"), netip.Prefix{}), "number 2 is not a prefix"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := CheckProxies(row.proxies)
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q in it", err, row.want)
			}
			if _, made := New(Options{TrustedProxies: row.proxies}); (made == nil) != (err == nil) {
				t.Errorf("a guard is made with %v, want as the check says: %v", made, err)
			}
		})
	}
}

// TestAMappedProxyIsBelieved has a guard whose proxies were given in IPv6 writing.
func TestAMappedProxyIsBelieved(t *testing.T) {
	r := newRig(t, func(o *Options) { o.TrustedProxies = prefixes("::ffff:10.0.0.0/104") })
	for i := range 20 {
		q := request("10.0.0.1:1")
		q.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.%d.1", i))
		r.want(fmt.Sprint("client ", i), r.g.Judge(q, Register, ""), Admit)
	}
	if got := r.metric("garbled_senders_total"); got != 0 {
		t.Errorf("got %v garbled senders, want none", got)
	}
}

func TestWhatCountsAsOneSource(t *testing.T) {
	of := func(text string) subnet { return subnetOf(netip.MustParseAddr(text)) }
	for _, row := range []struct {
		name, a, b string
		same, site bool
	}{
		{"one address", "192.0.2.7", "192.0.2.7", true, true},
		{"two addresses of a /24", "192.0.2.7", "192.0.2.8", false, true},
		{"two /24", "192.0.2.7", "192.0.3.7", false, false},
		{"an address and the network it begins", "192.0.2.0", "192.0.2.1", false, true},
		{"one /56", "2001:db8:1:100::1", "2001:db8:1:1ff:9::2", true, true},
		{"two /56 of a /48", "2001:db8:1:100::1", "2001:db8:1:200::1", false, true},
		{"two /48", "2001:db8:1::1", "2001:db8:2::1", false, false},
		{"the families", "0.0.0.0", "::", false, false},
	} {
		a, b := of(row.a), of(row.b)
		if got := a == b; got != row.same {
			t.Errorf("%s: got the same source %v, want %v", row.name, got, row.same)
		}
		if got := a.site() == b.site(); got != row.site {
			t.Errorf("%s: got the same site %v, want %v", row.name, got, row.site)
		}
	}
	for _, n := range []subnet{of("2001:db8::"), of("192.0.2.0")} {
		if n == n.site() {
			t.Error("a source is taken for its site")
		}
	}
	if n := (subnet{}); n != n.site() {
		t.Error("what has no address has a site")
	}
}

func FuzzClient(f *testing.F) {
	f.Add("10.0.0.1:1", "198.51.100.1, 10.0.0.2")
	f.Add("10.0.0.1:1", "[2001:db8::1%x]:9,,")
	f.Add("[fd00::1]:1", strings.Repeat("10.0.0.1,", 50))
	f.Add("", "\x00")
	proxies := prefixes("10.0.0.0/8", "fd00::/16")
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		r := request(remote)
		r.Header.Set("X-Forwarded-For", forwarded)
		got, garbled := client(r, proxies)
		if got.Zone() != "" || got.Is4In6() {
			t.Errorf("got %v: two writings of one address are two sources", got)
		}
		peer, ok := parseHost(remote)
		switch {
		case !ok && (got.IsValid() || !garbled):
			t.Errorf("got %v for a peer that cannot be read", got)
		case ok && !trusted(peer, proxies) && got != peer:
			t.Errorf("got %v, want the peer %v: it is no proxy", got, peer)
		}
		// What a client writes cannot make it another one: the proxy adds the client's address at the right.
		r.Header.Set("X-Forwarded-For", forwarded+", 198.51.100.77")
		if got, _ := client(r, proxies); ok && trusted(peer, proxies) && got.String() != "198.51.100.77" {
			t.Errorf("got %v, want what the proxy wrote", got)
		}
		_ = fmt.Sprint(subnetOf(got))
	})
}
