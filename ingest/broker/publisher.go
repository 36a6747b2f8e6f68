package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// PublishBytes is what one Publish should hold, keys and values together. The encoder of zstd takes 16 MB more, for as long as
// the garbage collector likes, where a batch is larger than one of its blocks of 128 KiB; larger ones are sent with gzip.
const PublishBytes = 120 << 10

// The connections of a Publisher. Its requests fail when the cluster's layout has changed, and it asks anew then, so the
// layout is refreshed seldom; a sensor that says something about every minute keeps its connection.
const (
	publisherMetadataTTL = 2 * time.Minute
	publisherIdle        = 5 * time.Minute
)

var (
	errTooLarge = errors.New("larger than a Kafka message may be")
	errNoValues = errors.New("no messages to send: give at least one")
)

// Publisher sends one batch at a time and says what became of it; what to repeat, and when, is the caller's choice: it has the
// messages on disk. It keeps two connections and little memory. It is safe for concurrent use, but only the caller's waiting
// for one Publish before the next keeps an order.
type Publisher struct {
	cfg     Config
	opts    ProducerOptions
	metrics publisherMetrics

	mu         sync.Mutex
	closed     bool
	client     *kafka.Client
	topics     []string
	partitions map[string][]int // of a topic, once known
}

// NewPublisher checks the configuration; the first Publish connects. Of the options it uses Compression, Registerer and Now.
func NewPublisher(cfg Config, o ProducerOptions) (*Publisher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if o.Compression == 0 {
		o.Compression = kafka.Zstd
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m, err := newPublisherMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	cfg.wire = m.wire
	p := &Publisher{cfg: cfg, opts: o, metrics: m, partitions: map[string][]int{}}
	p.reset(nil)
	return p, nil
}

// reset gives up the connections and with them everything that was learned from the brokers, unless another Publish has done
// so already: the next attempt asks the name service, tries all brokers and learns the cluster's layout. The layout is asked
// for the topics in use alone, because a cluster may have thousands. The caller holds the mutex, or is the only one.
func (p *Publisher) reset(used *kafka.Client) {
	if p.client != used {
		return
	}
	if used != nil {
		disconnect(used)
	}
	transport := p.cfg.transport()
	transport.IdleTimeout, transport.MetadataTTL = publisherIdle, publisherMetadataTTL
	transport.MetadataTopics = slices.Clone(p.topics)
	p.client = &kafka.Client{Addr: kafka.TCP(p.cfg.Brokers...), Transport: transport, Timeout: callTimeout}
	clear(p.partitions)
}

// Publish sends the values under one key, in one request to the partition that PartitionOf gives, and returns nil when Kafka
// has stored all of them (acks=all). It tries once and takes 15 s at most. After an error of OutcomeOf Later all of them may
// be stored or none, so what is repeated may arrive twice. Errors end with what to do about them.
func (p *Publisher) Publish(ctx context.Context, topic string, key []byte, values [][]byte) error {
	size, err := measure(key, values)
	if err == nil {
		err = p.attempt(ctx, topic, key, values, size)
	}
	result := "ok"
	if err != nil {
		result = Reason(err)
	}
	p.metrics.attempts.WithLabelValues(topic, result).Inc()
	if err != nil {
		return advise(err)
	}
	p.metrics.messages.WithLabelValues(topic).Add(float64(len(values)))
	p.metrics.bytes.WithLabelValues(topic).Add(float64(size))
	return nil
}

// measure is the size of a batch in bytes, or says that it cannot be sent.
func measure(key []byte, values [][]byte) (int, error) {
	if len(values) == 0 {
		return 0, errNoValues
	}
	size := 0
	for _, v := range values {
		size += len(key) + len(v)
	}
	if size > MaxMessage {
		return 0, fmt.Errorf("send %d messages of %d bytes: %w", len(values), size, errTooLarge)
	}
	return size, nil
}

func (p *Publisher) attempt(ctx context.Context, topic string, key []byte, values [][]byte, size int) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	client, err := p.connected(topic)
	if err != nil {
		return err
	}
	err = p.send(ctx, client, topic, key, values, size)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && outdated(err) {
		p.reset(client)
	}
	if p.client != client || p.closed {
		disconnect(client) // it was given up meanwhile, and this attempt may have connected it again
	}
	return err
}

func disconnect(client *kafka.Client) {
	if t, ok := client.Transport.(*kafka.Transport); ok {
		t.CloseIdleConnections()
	}
}

// connected is the client to use, which knows of the topic.
func (p *Publisher) connected(topic string) (*kafka.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	if !slices.Contains(p.topics, topic) {
		p.topics = append(p.topics, topic)
		p.reset(p.client)
	}
	return p.client, nil
}

func (p *Publisher) send(ctx context.Context, client *kafka.Client, topic string, key []byte, values [][]byte, size int) error {
	p.mu.Lock()
	partitions := p.partitions[topic]
	p.mu.Unlock()
	if partitions == nil {
		var err error
		if partitions, err = askPartitions(ctx, client, topic); err != nil {
			return err
		}
		p.mu.Lock()
		p.partitions[topic] = partitions
		p.mu.Unlock()
	}
	codec := p.opts.Compression
	if size > PublishBytes {
		codec = kafka.Gzip
	}
	now := p.opts.Now()
	records := make([]kafka.Record, len(values))
	for i, v := range values {
		records[i] = kafka.Record{Time: now, Key: kafka.NewBytes(key), Value: kafka.NewBytes(v)}
	}
	_, err := produce(ctx, client, shipment{topic, PartitionOf(key, len(partitions)), codec, records})
	return err
}

// outdated says whether an error may come from what is remembered of the cluster, or from its connections.
func outdated(err error) bool {
	var answer kafka.Error
	if !errors.As(err, &answer) {
		return true
	}
	switch Reason(err) {
	case ReasonTooLarge, ReasonInvalid:
		return false
	case ReasonBroker:
		return answer != kafka.NotEnoughReplicas && answer != kafka.NotEnoughReplicasAfterAppend
	}
	return true
}

// Close ends the connections; a Publish under way ends by itself. The error is always nil.
func (p *Publisher) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	disconnect(p.client)
	return nil
}
