package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/sensor/keys"
)

// pemPair writes a certificate and its key into a folder.
func pemPair(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestTheCheckOfThePagesRefusesWhatCannotRun: each of these would end the service when it has begun, some after it made files.
func TestTheCheckOfThePagesRefusesWhatCannotRun(t *testing.T) {
	dir := t.TempDir()
	cert, key := pemPair(t, dir)
	_, other := pemPair(t, t.TempDir())
	for _, row := range []struct {
		name, text string // beside controller, contact and a good url; a url here stands for that
		want       string // nothing where it can run
	}{
		{"nothing more", "", ""},
		{"plain HTTP on a network", "listen: 0.0.0.0:80", "may not cross a network in the clear"},
		{"with TLS", fmt.Sprintf("listen: 0.0.0.0:8443\ntls: {cert: %q, key: %q}", cert, key), ""},
		{"a certificate without its key", fmt.Sprintf("tls: {cert: %q}", cert), "belong together: give both files"},
		{"a certificate that is missing", fmt.Sprintf("tls: {cert: none.pem, key: %q}", key), "name readable PEM files under tls"},
		{"a key that is missing", fmt.Sprintf("tls: {cert: %q, key: none.pem}", cert), "name readable PEM files under tls"},
		{"another certificate's key", fmt.Sprintf("tls: {cert: %q, key: %q}", cert, other), "give PEM files that belong together"},
		{"no port", "listen: localhost", "is not host:port"},
		{"a query", "url: https://a.example/?x=1", "is not the address of a page"},
		{"a fragment", "url: https://a.example/#x", "is not the address of a page"},
		{"a url in the clear", "url: http://a.example", "write it with https://"},
		{"that behind a proxy", "url: http://a.example\nbehind_proxy: true\ntrusted_proxies: [127.0.0.1]", "write it with https://"},
		{"a url on this machine", "url: http://localhost:8480", ""},
		{"metrics where the pages are", "listen: 127.0.0.1:9466", "metrics: 127.0.0.1:9466 is where listen listens already"},
		{"by another name", "listen: localhost:9466", "is where listen listens already"},
		{"on every address", "behind_proxy: true\ntrusted_proxies: [10.1.2.3]\nlisten: ':9466'", "is where listen listens already"},
		{"metrics off", "listen: 127.0.0.1:9466\nmetrics: 'off'", ""},
		{"a port of its own choice", "listen: 127.0.0.1:0\nmetrics: 127.0.0.1:0", ""},
		{"a proxy", "behind_proxy: true\ntrusted_proxies: [127.0.0.1, 10.1.0.0/16, '2001:db8::1']", ""},
		{"a proxy that nobody knows", "behind_proxy: true", "write the proxy's address under trusted_proxies"},
		{"proxies everywhere", "behind_proxy: true\ntrusted_proxies: [0.0.0.0/0]", "could say to be anybody"},
		{"too many proxies", "behind_proxy: true\ntrusted_proxies: ['2000::/3']", "could say to be anybody"},
		{"a proxy's name", "behind_proxy: true\ntrusted_proxies: [proxy.example]", `trusted_proxies: "proxy.example" is not an address`},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := "controller: A\ncontact: B\n" + row.text + "\n"
			if !strings.Contains(row.text, "url:") {
				text += "url: https://a.example\n"
			}
			file := filepath.Join(dir, "c.yaml")
			for name, read := range map[string]func() error{
				"optout": func() error { return readConfig(file, new(optOutConfig), (*optOutConfig).check) },
				"serve":  func() error { return readConfig(file, new(serveConfig), (*serveConfig).check) },
			} {
				more := map[string]string{"optout": "kafka: {brokers: ['127.0.0.1:9092']}\n"}[name]
				if err := os.WriteFile(file, []byte(text+more), 0o600); err != nil {
					t.Fatal(err)
				}
				err := read()
				if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
					t.Errorf("%s: got %v, want %q", name, err, row.want)
				}
				if err != nil && len(strings.Split(err.Error(), "\n")) != 1 {
					t.Errorf("%s: got more than one thing that is wrong: %v", name, err)
				}
			}
		})
	}
}

func TestTheServersOfOneBoxListenApart(t *testing.T) {
	for _, row := range []struct{ name, listen, metrics, kafka, want string }{
		{"apart", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", ""},
		{"kafka and metrics", "127.0.0.1:1", "127.0.0.1:3", "localhost:3", "kafka_listen: localhost:3 is where metrics listens already"},
		{"kafka and the pages", "127.0.0.1:3", "off", "127.0.0.1:3", "kafka_listen: 127.0.0.1:3 is where listen listens already"},
		{"one port, two addresses", "127.0.0.1:3", "[::1]:3", "127.0.0.2:3", ""},
	} {
		c := serveConfig{KafkaListen: row.kafka}
		c.Controller, c.Contact, c.URL, c.Listen, c.Metrics = "A", "B", "https://a.example", row.listen, row.metrics
		err := errors.Join(c.check()...)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: got %v, want %q", row.name, err, row.want)
		}
	}
}

func TestTheCheckReadsTheOptOutKey(t *testing.T) {
	c := optOutConfig{OptOutKey: filepath.Join(t.TempDir(), "optout.key")}
	if err := c.checkKey(); err == nil {
		t.Error("no key: got no error")
	}
	key, err := keys.NewOptOutKey(rand.Reader)
	if err == nil {
		err = key.Write(c.OptOutKey)
	}
	if err == nil {
		err = c.checkKey()
	}
	if err != nil {
		t.Errorf("a good key: got %v", err)
	}
}
