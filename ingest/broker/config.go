// Package broker is how Footfall speaks to Kafka: topics and their retention, a producer that never drops, a consumer group
// whose partitions are handed over cleanly, and plain readers of a partition. Bytes come in and go out; what they mean is
// ingest/wire's. It is built on kafka-go alone, because the sensor links it and has to stay small (DESIGN section 12).
package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Config says how to reach Kafka.
type Config struct {
	Brokers  []string // host:port each; one that answers is enough
	ClientID string   // how this program appears in the brokers' logs, quotas and metrics

	// TLS encrypts the connections; nil speaks plain text. Without a ServerName every broker's certificate has to hold the
	// name that the broker is reached by.
	TLS *tls.Config
	// SASL authenticates them; nil does not.
	SASL sasl.Mechanism

	dial func(ctx context.Context, network, address string) (net.Conn, error) // tests lead names to other places
	wire prometheus.Counter                                                   // bytes written to the connections, where not nil
}

// Validate says what is wrong with the configuration, all at once.
func (c Config) Validate() error {
	if len(c.Brokers) == 0 {
		return errNoBrokers
	}
	var errs []error
	for _, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			errs = append(errs, fmt.Errorf("kafka broker %q: write it as host:port, such as kafka.example.org:9092", b))
		}
	}
	if c.SASL != nil && c.TLS == nil && c.SASL.Name() == Plain && !c.Loopback() {
		errs = append(errs, errPlainInClear)
	}
	return errors.Join(errs...)
}

var errNoBrokers = errors.New("no Kafka brokers: name at least one as host:port")

// Loopback says that every broker is on this machine, by its address or as localhost: then its clock is this machine's.
func (c Config) Loopback() bool { return loopback(c.Brokers) }

func loopback(brokers []string) bool {
	for _, b := range brokers {
		host, _, err := net.SplitHostPort(b)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return len(brokers) > 0
}

const (
	dialTimeout = 5 * time.Second  // of one address: its name, the connection, TLS
	callTimeout = 15 * time.Second // of one request; also of all addresses together
	// metadataTTL bounds how long a producer keeps asking a broker that stopped leading a partition.
	metadataTTL = 3 * time.Second
)

func (c Config) transport() *kafka.Transport {
	return &kafka.Transport{
		Dial: c.connect, ClientID: c.ClientID, SASL: c.SASL,
		DialTimeout: callTimeout, IdleTimeout: time.Minute, MetadataTTL: metadataTTL,
	}
}

func (c Config) dialer() *kafka.Dialer {
	return &kafka.Dialer{DialFunc: c.connect, ClientID: c.ClientID, SASLMechanism: c.SASL, Timeout: dialTimeout}
}

// dialLeader connects to the leader of a partition, asking one broker after the other for it.
func (c Config) dialLeader(ctx context.Context, topic string, partition int) (*kafka.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := errNoBrokers
	for _, b := range c.Brokers {
		var conn *kafka.Conn
		if conn, err = c.dialer().DialLeader(ctx, "tcp", b, topic, partition); err == nil {
			return conn, nil
		}
	}
	return nil, fmt.Errorf("connect to the leader of %s/%d: %w", topic, partition, advise(err))
}

// dialAny connects to the first broker that answers.
func (c Config) dialAny(ctx context.Context) (*kafka.Conn, error) {
	err := errNoBrokers
	for _, b := range c.Brokers {
		var conn *kafka.Conn
		if conn, err = c.dialer().DialContext(ctx, "tcp", b); err == nil {
			return conn, nil
		}
	}
	return nil, fmt.Errorf("connect to Kafka: %w", advise(err))
}

// Waits between attempts double from backoffMin to backoffMax.
const (
	backoffMin = 100 * time.Millisecond
	backoffMax = 3 * time.Second
)

// wait sleeps before the attempt with the number (the first retry is 1) and says whether the context still lives.
func wait(ctx context.Context, attempt int) bool { return waitUpTo(ctx, attempt, backoffMax) }

// waitUpTo is wait with a ceiling of its own. The second half of the wait is drawn, so that many clients do not come together.
func waitUpTo(ctx context.Context, attempt int, ceiling time.Duration) bool {
	d := ceiling
	if attempt < 10 {
		d = min(ceiling, backoffMin<<(attempt-1))
	}
	d = d/2 + rand.N(d/2+1)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// attempts of retry span about ten seconds: a leader election, or a node that just starts.
const attempts = 8

// retry calls do until it succeeds, a bounded number of times.
func retry(ctx context.Context, do func() error) error {
	var err error
	for i := 1; i <= attempts; i++ {
		if err = do(); err == nil || ctx.Err() != nil {
			break
		}
		if i < attempts && !wait(ctx, i) {
			break
		}
	}
	return err
}
