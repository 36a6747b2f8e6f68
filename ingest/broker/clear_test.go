package broker

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// TestThePasswordGoesToNoAdvertisedBrokerInTheClear: a tunnel on loopback may lead to a cluster that advertises itself elsewhere.
func TestThePasswordGoesToNoAdvertisedBrokerInTheClear(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret-word"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Config{Brokers: []string{"127.0.0.1:9092"}}
	if err := (Security{SASL: SecuritySASL{Mechanism: Plain, User: "u", PasswordFile: file}}).Apply(&c); err != nil {
		t.Fatal(err)
	}
	dialed := errors.New("dialed")
	c.dial = func(context.Context, string, string) (net.Conn, error) { return nil, dialed }
	for address, want := range map[string]error{"127.0.0.1:9092": dialed, "[::1]:9092": dialed, "192.0.2.1:9092": errPlainInClear, "kafka.example.org:9092": errPlainInClear} {
		if _, err := c.connect(t.Context(), "tcp", address); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", address, err, want)
		}
	}
	c.SASL = nil
	if _, err := c.connect(t.Context(), "tcp", "192.0.2.1:9092"); !errors.Is(err, dialed) {
		t.Errorf("without a password: got %v, want a connection", err)
	}
}
