package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// connect is how every connection of this package begins. The name is asked for anew each time, so that a broker which moved
// is found, and each address has a time of its own, so that a dead one does not use up its neighbours'. The TLS handshake is
// made here and not by kafka-go: its errors then say that it is the handshake, and with whom.
func (c Config) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if c.SASL != nil && c.TLS == nil && c.SASL.Name() == Plain && !loopback([]string{address}) {
		return nil, fmt.Errorf("%w: a broker advertises itself elsewhere", errPlainInClear) // to log in there would tell the password
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dial := c.dial
	if dial == nil {
		dial = (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err // it names the address
	}
	if c.wire != nil {
		conn = countedConn{conn, c.wire}
	}
	if c.TLS == nil {
		return &boundedConn{Conn: conn}, nil
	}
	config := c.TLS.Clone()
	if config.ServerName == "" {
		if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("name the broker for TLS: %w", err)
		}
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%w with %s: %w", errHandshake, address, err)
	}
	return &boundedConn{Conn: secured}, nil
}

var errHandshake = errors.New("make the TLS handshake")

// keepAlive keeps a store's router from forgetting a quiet connection, at a few bytes a minute.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 45 * time.Second, Interval: 15 * time.Second, Count: 4}

// countedConn counts what is written to the network.
type countedConn struct {
	net.Conn
	written prometheus.Counter
}

// Write implements net.Conn.
func (c countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written.Add(float64(n))
	return n, err
}

// boundedConn gives reads and writes that have no deadline one of callTimeout: kafka-go logs in without any, and a broker that
// goes silent there would be waited for until the system gives the connection up.
type boundedConn struct {
	net.Conn
	readBound, writeBound atomic.Bool // the user has set a deadline
}

// Read implements net.Conn.
func (c *boundedConn) Read(b []byte) (int, error) {
	if !c.readBound.Load() {
		if err := c.Conn.SetReadDeadline(time.Now().Add(callTimeout)); err != nil {
			return 0, fmt.Errorf("set a deadline: %w", err)
		}
	}
	return c.Conn.Read(b)
}

// Write implements net.Conn.
func (c *boundedConn) Write(b []byte) (int, error) {
	if !c.writeBound.Load() {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(callTimeout)); err != nil {
			return 0, fmt.Errorf("set a deadline: %w", err)
		}
	}
	return c.Conn.Write(b)
}

// SetDeadline implements net.Conn.
func (c *boundedConn) SetDeadline(t time.Time) error {
	c.readBound.Store(!t.IsZero())
	c.writeBound.Store(!t.IsZero())
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *boundedConn) SetReadDeadline(t time.Time) error {
	c.readBound.Store(!t.IsZero())
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *boundedConn) SetWriteDeadline(t time.Time) error {
	c.writeBound.Store(!t.IsZero())
	return c.Conn.SetWriteDeadline(t)
}
