package optout_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/sensor/optout"
)

// replace puts a file's content in the place of another's, which is then from a later hour.
func replace(t *testing.T, place, from string, hour int) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(place, raw, 0o600)
	}
	later := time.Date(2026, 3, 9, hour, 0, 0, 0, time.UTC)
	if err == nil {
		err = os.Chtimes(place, later, later)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestARenewedCertificateIsTaken: without a new start; and one that is broken, or whose key has not come yet, leaves the old one in
// force, with one line in the log however many shoppers come.
func TestARenewedCertificateIsTaken(t *testing.T) {
	cert, key, first := certificate(t)
	cert2, key2, second := certificate(t)
	r, at := run(t, func(o *optout.Options) { o.CertFile, o.KeyFile = cert, key })
	shows := func(what string, want *x509.CertPool) {
		t.Helper()
		c, err := tls.Dial("tcp", at, &tls.Config{RootCAs: want})
		if err != nil {
			t.Fatalf("%s: got %v", what, err)
		}
		_ = c.Close()
	}
	shows("the first", first)
	replace(t, cert, cert2, 9)
	for range 3 {
		shows("while the key is missing", first)
	}
	replace(t, key, key2, 9)
	shows("renewed", second)
	replace(t, cert, "server_test.go", 10)
	for range 3 {
		shows("while the file is none", second)
	}
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	shows("while there is no file", second)
	replace(t, cert, cert2, 11)
	shows("repaired", second)
	if got := strings.Count(r.log.String(), "the old one stays in force"); got != 2 {
		t.Errorf("got %d lines in the log, want one for each time that it was broken:\n%s", got, r.log.String())
	}
}
