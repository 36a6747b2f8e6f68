package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/semaphore"
)

// Limits of the producer.
const (
	// MaxMessage is the largest message in bytes, key and value together: Kafka takes 1 MiB with its framing.
	MaxMessage = 920 << 10
	// DefaultQueueBytes bounds what waits for acknowledgement where ProducerOptions do not say.
	DefaultQueueBytes = 8 << 20
	// DefaultLinger is how long a message waits for others to share a request with.
	DefaultLinger = 5 * time.Millisecond

	maxBatchMessages = 10000
	messageOverhead  = 100 // bytes of bookkeeping that a queued message is charged for
)

// ErrClosed is returned for messages given to a producer that was closed.
var ErrClosed = errors.New("the producer is closed")

// ProducerOptions tune a Producer; the zero value is fit for a sensor.
type ProducerOptions struct {
	QueueBytes  int64             // bound of what waits for acknowledgement; DefaultQueueBytes where zero
	Linger      time.Duration     // DefaultLinger where zero
	Compression kafka.Compression // zstd where zero
	Registerer  prometheus.Registerer
	Logger      *slog.Logger
	Now         func() time.Time // stamps messages with their send time; time.Now where nil
}

// Producer sends messages with acks=all, in the order of Send for each key, to the partition that every Kafka client with
// the murmur2 partitioner chooses. It repeats until Kafka acknowledges, so a message may arrive twice and none is dropped
// while the producer lives. It is safe for concurrent use.
type Producer struct {
	opts      ProducerOptions
	transport *kafka.Transport
	client    *kafka.Client
	metrics   producerMetrics
	room      *semaphore.Weighted

	life context.Context // ends when Close gives up
	end  context.CancelFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	topics   map[string]*topicQueue
	progress chan struct{} // closed and replaced at every acknowledgement
	closed   bool
}

// NewProducer checks the configuration; it connects with the first message.
func NewProducer(cfg Config, o ProducerOptions) (*Producer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if o.QueueBytes == 0 {
		o.QueueBytes = DefaultQueueBytes
	}
	if o.QueueBytes < MaxMessage+messageOverhead {
		return nil, fmt.Errorf("producer queue of %d bytes: give it room for one message of %d", o.QueueBytes, MaxMessage+messageOverhead)
	}
	if o.Linger == 0 {
		o.Linger = DefaultLinger
	}
	if o.Compression == 0 {
		o.Compression = kafka.Zstd
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m, err := newProducerMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	p := &Producer{
		opts: o, transport: cfg.transport(), metrics: m, room: semaphore.NewWeighted(o.QueueBytes),
		topics: map[string]*topicQueue{}, progress: make(chan struct{}),
	}
	p.client = &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: p.transport, Timeout: callTimeout}
	p.life, p.end = context.WithCancel(context.Background())
	return p, nil
}

func cost(key, value []byte) int64 { return int64(len(key) + len(value) + messageOverhead) }

// Send queues a message and returns; while the queue is full it waits, which is the backpressure a file source needs. The
// slices must not be changed before the message is acknowledged. The error is the context's, ErrClosed, or that the
// message is larger than MaxMessage; the message is not sent then.
func (p *Producer) Send(ctx context.Context, topic string, key, value []byte) error {
	if len(key)+len(value) > MaxMessage {
		return fmt.Errorf("send to %s: a message of %d bytes: send at most %d", topic, len(key)+len(value), MaxMessage)
	}
	size := cost(key, value)
	if err := p.room.Acquire(ctx, size); err != nil {
		return fmt.Errorf("wait for room in the producer's queue: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.room.Release(size)
		return ErrClosed
	}
	q := p.topics[topic]
	if q == nil {
		q = &topicQueue{p: p, name: topic, wake: make(chan struct{}, 1)}
		p.topics[topic] = q
		p.wg.Go(q.run)
	}
	q.pending = append(q.pending, kafka.Message{Key: key, Value: value})
	q.accepted++
	p.metrics.sent.WithLabelValues(topic).Inc()
	p.metrics.queueMessages.Inc()
	p.metrics.queueBytes.Add(float64(size))
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

// Flush waits until everything sent before the call is acknowledged. The error is the context's, or ErrClosed where Close
// gave up on some of it.
func (p *Producer) Flush(ctx context.Context) error {
	p.mu.Lock()
	target := make(map[*topicQueue]uint64, len(p.topics))
	for _, q := range p.topics {
		target[q] = q.accepted
	}
	p.mu.Unlock()
	for {
		p.mu.Lock()
		progress, waiting := p.progress, uint64(0)
		for q, n := range target {
			waiting += n - min(n, q.acknowledged)
		}
		p.mu.Unlock()
		if waiting == 0 {
			return nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return fmt.Errorf("wait for Kafka to acknowledge %d messages: %w", waiting, ctx.Err())
		case <-p.life.Done():
			return fmt.Errorf("%d messages were not acknowledged: %w", waiting, ErrClosed)
		}
	}
}

// Close takes no more messages, waits until all are acknowledged or the context ends, and ends the producer's goroutines.
// The error says how many messages were given up.
func (p *Producer) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.Flush(ctx)
	p.end()
	p.wg.Wait()
	p.transport.CloseIdleConnections()
	return err
}

// acknowledge notes that the first messages of a queue are stored.
func (p *Producer) acknowledge(q *topicQueue, batch []kafka.Message) {
	size := int64(0)
	for _, m := range batch {
		size += cost(m.Key, m.Value)
	}
	p.metrics.acknowledged.WithLabelValues(q.name).Add(float64(len(batch)))
	p.metrics.bytes.WithLabelValues(q.name).Add(float64(size - int64(len(batch))*messageOverhead))
	p.metrics.queueMessages.Sub(float64(len(batch)))
	p.metrics.queueBytes.Sub(float64(size))
	p.mu.Lock()
	q.acknowledged += uint64(len(batch))
	close(p.progress)
	p.progress = make(chan struct{})
	p.mu.Unlock()
	p.room.Release(size)
}
