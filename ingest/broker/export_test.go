package broker

import (
	"context"
	"net"
)

// WithDial leads every connection elsewhere: a test's own name service and network.
func (c Config) WithDial(dial func(ctx context.Context, network, address string) (net.Conn, error)) Config {
	c.dial = dial
	return c
}

// Bounded is a connection as this package uses it.
func Bounded(c net.Conn) net.Conn { return &boundedConn{Conn: c} }

// ReadPassword is readPassword.
func ReadPassword(path string) (string, error) { return readPassword(path) }
