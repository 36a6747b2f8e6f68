package optout_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openfootfall/footfall/sensor/optout"
)

// run serves a rig until the test ends, and returns where.
func run(t *testing.T, change ...func(*optout.Options)) (*rig, string) {
	t.Helper()
	at := make(chan net.Addr, 1)
	r := newRig(t, append(change, func(o *optout.Options) { o.Listen, o.OnListen = "127.0.0.1:0", func(a net.Addr) { at <- a } })...)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("run: got %v, want no error at the end", err)
		}
	})
	select {
	case a := <-at:
		return r, a.String()
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return nil, ""
}

func TestServes(t *testing.T) {
	_, at := run(t)
	res, err := http.Get("http://" + at + "/en/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || !strings.Contains(string(raw), "Lindgren &amp; Hale") {
		t.Errorf("got %d, %v", res.StatusCode, err)
	}
}

// send sends raw bytes and returns the first line of the answer.
func send(t *testing.T, at, raw string) string {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func TestLimitsOfARequest(t *testing.T) {
	r, at := run(t)
	for _, row := range []struct{ name, raw, want string }{
		{"a long header", "GET /en/ HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 9<<10) + "\r\n\r\n", "431"},
		{"a header that is long and allowed", "GET /en/ HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 6<<10) + "\r\n\r\n", "200"},
		{"a body that is announced too large", "POST /en/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\n" + strings.Repeat("a", 5000), "413"},
		{"a body without an end", "POST /en/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n" + strings.Repeat("a", 0x2000) + "\r\n", "413"},
		{"no HTTP", "hello\r\n\r\n", "400"},
	} {
		if got := send(t, at, row.raw); !strings.Contains(got, " "+row.want+" ") {
			t.Errorf("%s: got %q, want %s", row.name, got, row.want)
		}
	}
	if len(r.book.records) != 0 {
		t.Error("something was registered")
	}
}

// certificate writes a self-signed certificate for 127.0.0.1.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return cert, key, pool
}

// TestTLS: it speaks TLS 1.2 and newer, and a handshake that fails is counted without a word of who tried.
func TestTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	r, at := run(t, func(o *optout.Options) { o.CertFile, o.KeyFile = cert, key })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	res, err := client.Get("https://" + at + "/de/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("got %d over %s, Strict-Transport-Security %q", res.StatusCode, res.Proto, res.Header.Get("Strict-Transport-Security"))
	}
	if _, err := tls.Dial("tcp", at, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("got a connection with TLS 1.1, want none")
	}
	deadline := time.Now().Add(10 * time.Second)
	for counted := 0.0; counted == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a failed handshake is not counted")
		}
		families, err := r.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "footfall_optout_connection_errors_total" {
				for _, m := range f.GetMetric() {
					counted += m.GetCounter().GetValue()
				}
			}
		}
	}
	if strings.Contains(r.log.String(), "127.0.0.1") {
		t.Errorf("the log says who connected: %s", r.log.String())
	}
	if n, err := testutil.GatherAndCount(r.metrics, "footfall_optout_connection_errors_total"); n != 3 || err != nil {
		t.Errorf("got %d kinds, %v, want 3", n, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*optout.Options)
		want   string
	}{
		"plain HTTP on a network":       {func(o *optout.Options) { o.Listen = "0.0.0.0:80" }, "may not cross a network in the clear"},
		"plain HTTP on every interface": {func(o *optout.Options) { o.Listen = ":80" }, "may not cross a network"},
		"no port":                       {func(o *optout.Options) { o.Listen = "localhost" }, "is not host:port"},
		"a certificate without its key": {func(o *optout.Options) { o.CertFile = "a.pem" }, "belong together"},
		"a certificate that is missing": {func(o *optout.Options) { o.CertFile, o.KeyFile = "none.pem", "none.pem" }, "name readable PEM files under tls"},
		"a URL in the clear":            {func(o *optout.Options) { o.URL = "http://a.example" }, "write it with https://"},
		"that behind a proxy":           {func(o *optout.Options) { o.URL, o.BehindProxy = "http://a.example", true }, "write it with https://"},
		"a URL with a fragment":         {func(o *optout.Options) { o.URL = "https://a.example/#x" }, "url is not an address"},
		"no controller":                 {func(o *optout.Options) { o.Controller = "" }, "controller is missing"},
		"no contact":                    {func(o *optout.Options) { o.Contact = "" }, "contact is missing"},
		"no URL":                        {func(o *optout.Options) { o.URL = "" }, "url is not an address"},
		"a URL with a query":            {func(o *optout.Options) { o.URL = "https://a.example/?x=1" }, "url is not an address"},
		"a URL of another kind":         {func(o *optout.Options) { o.URL = "ftp://a.example/" }, "url is not an address"},
		"a URL that no code can hold":   {func(o *optout.Options) { o.URL = "https://a.example/" + strings.Repeat("a", 200) }, "url is not an address"},
		"no key, registry, guard, notice": {func(o *optout.Options) {
			o.Tagger, o.Registry, o.Guard, o.Notices, o.Progress = nil, nil, nil, nil, nil
		}, "was given no opt-out key"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &rig{t: t}
			o := optout.Options{
				Controller: "A", Contact: "B", URL: "https://a.example", Tagger: testKey(t), Registry: &book{}, Guard: &verdicts{}, Notices: walls{},
				Progress: func(uint64) optout.Enforcement { return optout.Enforcement{} },
			}
			row.change(&o)
			var err error
			if r.Service, err = optout.New(o); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	_, at := run(t)
	r := newRig(t, func(o *optout.Options) { o.Listen = at })
	if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "choose another address") {
		t.Errorf("a port that is taken: got %v", err)
	}
	cert, key, _ := certificate(t)
	r = newRig(t, func(o *optout.Options) { o.CertFile, o.KeyFile, o.Listen = cert, key, "127.0.0.1:0" })
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("no certificate: got %v", err)
	}
}

// TestARequestUnderWayEnds: the end of the service lets it get its answer.
func TestARequestUnderWayEnds(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	at := make(chan net.Addr, 1)
	r := newRig(t, func(o *optout.Options) {
		o.Listen, o.OnListen = "127.0.0.1:0", func(a net.Addr) { at <- a }
		o.Progress = func(uint64) optout.Enforcement { close(begun); <-release; return optout.Enforcement{} }
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	got := make(chan string, 1)
	go func() {
		res, err := http.Post(fmt.Sprintf("http://%s/en/register", <-at), "application/x-www-form-urlencoded", strings.NewReader("address="+stable))
		if err != nil {
			got <- err.Error()
			return
		}
		defer res.Body.Close()
		got <- res.Status
	}()
	<-begun
	stop()
	close(release)
	if status := <-got; status != "200 OK" {
		t.Errorf("got %s, want the answer", status)
	}
	if err := <-ended; err != nil {
		t.Errorf("got %v at the end, want nothing", err)
	}
}
