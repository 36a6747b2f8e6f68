package kafkatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BrokerName is a name that is in the certificates of StartSecure's brokers, beside localhost and 127.0.0.1.
const BrokerName = "kafka.test"

// CA is a certificate authority that lives as long as its test.
type CA struct {
	File string // its certificate, as PEM

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Pair names the PEM files of a certificate and its key.
type Pair struct{ Cert, Key string }

// NewCA makes an authority.
func NewCA(t testing.TB) *CA {
	t.Helper()
	ca := &CA{key: newKey(t)}
	ca.cert = template("Footfall's test authority")
	ca.cert.IsCA, ca.cert.BasicConstraintsValid = true, true
	ca.cert.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, ca.cert, ca.cert, &ca.key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	ca.File = filepath.Join(t.TempDir(), "ca.pem")
	writePEM(t, ca.File, "CERTIFICATE", der)
	return ca
}

// Issue makes a certificate for servers and clients that holds the name, localhost and 127.0.0.1, and is good until the time.
// The files lie in dir, which must exist; those of an earlier one are replaced.
func (ca *CA) Issue(t testing.TB, dir, name string, until time.Time) Pair {
	t.Helper()
	leaf := template(name)
	leaf.DNSNames, leaf.IPAddresses = []string{name, "localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	leaf.NotAfter = until
	return ca.sign(t, dir, leaf)
}

// IssueFor makes a certificate that holds the name and nothing else.
func (ca *CA) IssueFor(t testing.TB, dir, name string) Pair {
	t.Helper()
	leaf := template(name)
	leaf.DNSNames = []string{name}
	return ca.sign(t, dir, leaf)
}

func (ca *CA) sign(t testing.TB, dir string, leaf *x509.Certificate) Pair {
	t.Helper()
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p := Pair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	writePEM(t, p.Cert, "CERTIFICATE", der)
	writePEM(t, p.Key, "PRIVATE KEY", secret)
	return p
}

func template(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
