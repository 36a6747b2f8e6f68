package intake

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
)

// LocalHeader is a header that pages in a browser cannot send elsewhere without being asked first.
const LocalHeader = "X-Footfall-Import"

// Local allows programs on this machine, and no page that a browser there has open: it wants a loopback client and LocalHeader, and refuses
// what a proxy passes on. It is for installations without tokens.
func Local(r *http.Request, _ string) error {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	at, perr := netip.ParseAddr(host)
	if err != nil || perr != nil || !at.Unmap().IsLoopback() {
		return &Refusal{http.StatusForbidden, "Only programs on this machine may import here: run footfall import there, or give tokens."}
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return &Refusal{http.StatusForbidden, "A proxy passed this on, so it is not known who asks: give tokens (footfall token make)."}
		}
	}
	if r.Header.Get(LocalHeader) == "" || foreign(r) {
		return &Refusal{http.StatusForbidden, "The request could be of a page in a browser: send the header " + LocalHeader + ": 1, as footfall import does."}
	}
	return nil
}

// foreign reports whether a browser says that the request comes from a page of another origin.
func foreign(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	from, err := url.Parse(origin)
	return err != nil || from.Host != r.Host
}
