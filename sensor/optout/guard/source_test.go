package guard

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestTheClientOfARequest(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
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
		{"a proxy without a header", "10.0.0.1:1", nil, "10.0.0.1", false},
		{"a proxy with an empty header", "10.0.0.1:1", []string{""}, "10.0.0.1", false},
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
	if got := r.metric("garbled_senders_total"); got != 7 {
		t.Errorf("got %v garbled senders, want 7", got)
	}
}

func TestWhatCountsAsOneSource(t *testing.T) {
	of := func(text string) subnet { return subnetOf(netip.MustParseAddr(text)) }
	for _, row := range []struct {
		name, a, b string
		same, site bool
	}{
		{"one address", "192.0.2.7", "192.0.2.7", true, true},
		{"two addresses", "192.0.2.7", "192.0.2.8", false, false},
		{"one /56", "2001:db8:1:100::1", "2001:db8:1:1ff:9::2", true, true},
		{"two /56 of a /48", "2001:db8:1:100::1", "2001:db8:1:200::1", false, true},
		{"two /48", "2001:db8:1::1", "2001:db8:2::1", false, false},
		{"the families", "0.0.0.0", "::", false, false},
	} {
		a, b := of(row.a), of(row.b)
		if got := a == b; got != row.same {
			t.Errorf("%s: got the same source %v, want %v", row.name, got, row.same)
		}
		if got := a.site() == b.site(); got != row.site && a.family == 6 {
			t.Errorf("%s: got the same site %v, want %v", row.name, got, row.site)
		}
	}
	if n := of("2001:db8::"); n == n.site() {
		t.Error("a /56 is taken for its /48")
	}
}

func FuzzClient(f *testing.F) {
	f.Add("10.0.0.1:1", "198.51.100.1, 10.0.0.2")
	f.Add("10.0.0.1:1", "[2001:db8::1%x]:9,,")
	f.Add("[fd00::1]:1", strings.Repeat("10.0.0.1,", 50))
	f.Add("", "\x00")
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
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
