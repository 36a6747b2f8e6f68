package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/kafkatest"
)

// network is a test's own name service: it says where a name leads now, and counts how often it is asked.
type network struct {
	mu    sync.Mutex
	to    map[string]string // an address to dial instead; "" has no address
	asked map[string]int
}

func (n *network) dial(ctx context.Context, proto, address string) (net.Conn, error) {
	n.mu.Lock()
	target, known := n.to[address]
	n.asked[address]++
	n.mu.Unlock()
	switch {
	case !known:
		target = address
	case target == "":
		host, _, _ := net.SplitHostPort(address)
		return nil, &net.OpError{Op: "dial", Net: proto, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	return new(net.Dialer).DialContext(ctx, proto, target)
}

func (n *network) lead(name, to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.to[name] = to
}

// listenAt makes a fake broker listen there.
func listenAt(addr string) kfake.Opt {
	return kfake.ListenFn(func(proto, _ string) (net.Listener, error) { return net.Listen(proto, addr) })
}

// TestBrokerMovesBehindItsName: a name without an address, then one place, then another machine and port, as after a move to
// other hardware. Nothing that was acknowledged is gone, and nothing is lost.
func TestBrokerMovesBehindItsName(t *testing.T) {
	const name = "kafka.test:9092"
	dir := t.TempDir()
	n := &network{to: map[string]string{name: ""}, asked: map[string]int{}}
	cfg := broker.Config{Brokers: []string{name}}.WithDial(n.dial)
	reg := prometheus.NewRegistry()
	p := publisher(t, cfg, reg)
	err := p.Publish(soon(t), "t", nil, list("0"))
	checkReason(t, err, broker.ReasonDNS)
	checkError(t, err, "check this machine's DNS")

	one := fake(t, kfake.DataDir(dir), kfake.SyncWrites(), listenAt("127.0.0.1:0"))
	n.lead(name, one.ListenAddrs()[0])
	repeat(t, p, "t", "", list("0"))
	one.Close()
	checkReason(t, p.Publish(soon(t), "t", nil, list("1")), broker.ReasonNetwork)
	before := n.asked[name]
	checkReason(t, p.Publish(soon(t), "t", nil, list("1")), broker.ReasonNetwork)
	if n.asked[name] <= before {
		t.Errorf("the name was asked for %d times while it was gone, want more than %d", n.asked[name], before)
	}

	two := fake(t, kfake.DataDir(dir), kfake.SyncWrites(), listenAt("127.0.0.2:0"))
	n.lead(name, two.ListenAddrs()[0])
	repeat(t, p, "t", "", list("1"))
	if host, _, _ := net.SplitHostPort(two.ListenAddrs()[0]); host != "127.0.0.2" {
		t.Errorf("the new place: got %s, want another machine", host)
	}
	if got := values(t, cfg, "t", 0); !slices.Equal(got, numbers(0, 2)) {
		t.Errorf("messages: got %v, want 0 and 1", got)
	}
}

// TestBrokerComesBackAtItsPlace stops the embedded broker and starts it again, while a reader and a Publisher go on.
func TestBrokerComesBackAtItsPlace(t *testing.T) {
	options := embedded.Options{DataDir: t.TempDir()}
	up := func() *embedded.Broker {
		b, err := embedded.Start(options)
		if err != nil {
			t.Fatal(err)
		}
		options.Addr = b.Addr()
		t.Cleanup(b.Close)
		return b
	}
	b := up()
	cfg := broker.Config{Brokers: []string{b.Addr()}}
	settings := broker.Settings{Partitions: 1, Replication: 1, Embedded: true}
	if err := broker.EnsureTopics(soon(t), cfg, settings); err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 100)
	go func() {
		f := broker.Follower{Config: cfg, Topic: broker.OptOuts, Wait: 5 * time.Second}
		_ = f.Follow(soon(t), broker.Earliest, func(b broker.Batch) error {
			for _, m := range b.Messages {
				heard <- string(m.Value)
			}
			return nil
		})
	}()
	p := publisher(t, cfg, nil)
	for round := range 3 {
		want := fmt.Sprint(round)
		repeat(t, p, broker.OptOuts, "k", list(want))
		if got := <-heard; got != want {
			t.Errorf("heard: got %s, want %s", got, want)
		}
		b.Close()
		err := p.Publish(soon(t), broker.OptOuts, []byte("k"), list("gone"))
		checkReason(t, err, broker.ReasonNetwork)
		checkError(t, err, "check that the broker runs")
		b = up()
	}
}

// TestDeadBrokersAmongSeveral: one refuses, one never answers, one has a stranger's certificate, and the last is well.
func TestDeadBrokersAmongSeveral(t *testing.T) {
	ca := kafkatest.NewCA(t)
	pair := ca.Issue(t, t.TempDir(), kafkatest.BrokerName, time.Now().Add(time.Hour))
	cluster := fake(t, kfake.TLS(kafkatest.ServerTLS(t, pair, nil)))
	stranger := kafkatest.NewCA(t).Issue(t, t.TempDir(), kafkatest.BrokerName, time.Now().Add(time.Hour))
	wrong := fake(t, kfake.TLS(kafkatest.ServerTLS(t, stranger, nil)))
	brokers := []string{"127.0.0.1:1", wrong.ListenAddrs()[0], "127.0.0.1:2", cluster.ListenAddrs()[0]}
	cfg := secured(t, brokers, broker.Security{TLS: broker.SecurityTLS{Enabled: true, CA: ca.File}})
	for range 10 { // kafka-go asks in a random order
		if err := publisher(t, cfg, nil).Publish(soon(t), "t", nil, list("v")); err != nil {
			t.Fatalf("Publish: %v", err)
		}
	}
	if got := len(values(t, cfg, "t", 0)); got != 10 {
		t.Errorf("messages: got %d, want 10", got)
	}
}

// TestNoConnectionWaitsForEver: what has no deadline gets one before it waits, and what has one keeps it.
func TestNoConnectionWaitsForEver(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	set := &deadlines{Conn: near}
	c := broker.Bounded(set)
	go func() { _, _ = far.Write([]byte("x")); _, _ = far.Read(make([]byte, 1)) }()
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if set.read != 1 || set.write != 1 {
		t.Errorf("deadlines set: got %d and %d, want one each", set.read, set.write)
	}
	past := time.Unix(1, 0)
	if err := c.SetDeadline(past); err != nil {
		t.Fatal(err)
	}
	_, err := c.Read(make([]byte, 1))
	_, err2 := c.Write([]byte("x"))
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err2, os.ErrDeadlineExceeded) {
		t.Errorf("after the user's deadline: got %v and %v, want it to be kept", err, err2)
	}
}

// deadlines counts what is set.
type deadlines struct {
	net.Conn
	read, write int
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.read++
	return d.Conn.SetReadDeadline(t)
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.write++
	return d.Conn.SetWriteDeadline(t)
}
