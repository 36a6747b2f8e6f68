package broker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// topicQueue sends one topic's messages, round by round: what waits is split by partition, each partition's part is
// repeated until it is acknowledged, and then the next round begins. So a partition never has two requests under way, and
// the order of a key holds. One sensor fills one partition of a topic, and loses nothing by it.
type topicQueue struct {
	p          *Producer
	name       string
	wake       chan struct{}
	partitions []int // once known

	// Guarded by the producer's mutex.
	pending                []kafka.Message
	accepted, acknowledged uint64
}

func (q *topicQueue) run() {
	for {
		batch := q.next()
		if batch == nil || !q.deliver(batch) {
			return
		}
		q.p.acknowledge(q, batch)
	}
}

// next waits for messages, lets others join them for the linger, and takes one round; nil when the producer ends.
func (q *topicQueue) next() []kafka.Message {
	life := q.p.life
	for {
		batch, full := q.take(false)
		if len(batch) > 0 && !full {
			timer := time.NewTimer(q.p.opts.Linger)
			select {
			case <-timer.C:
			case <-life.Done():
			}
			timer.Stop()
		}
		if batch, _ = q.take(true); len(batch) > 0 {
			return batch
		}
		select {
		case <-q.wake:
		case <-life.Done():
			return nil
		}
	}
}

// take looks at the messages of one round, and removes them where told; full says that more cannot join.
func (q *topicQueue) take(remove bool) (batch []kafka.Message, full bool) {
	q.p.mu.Lock()
	defer q.p.mu.Unlock()
	n, size := 0, int64(0)
	for ; n < len(q.pending) && n < maxBatchMessages; n++ {
		c := cost(q.pending[n].Key, q.pending[n].Value)
		if n > 0 && size+c > MaxMessage {
			break
		}
		size += c
	}
	batch, full = q.pending[:n:n], n < len(q.pending)
	if remove {
		q.pending = q.pending[n:]
		if len(q.pending) == 0 {
			q.pending = nil // lets go of the messages behind the slice's start
		}
	}
	return batch, full
}

// deliver returns when all of the round is acknowledged, or with false when the producer ends.
func (q *topicQueue) deliver(batch []kafka.Message) bool {
	if !q.learnPartitions() {
		return false
	}
	byPartition := map[int][]kafka.Message{}
	balancer := kafka.Murmur2Balancer{Consistent: true}
	for _, m := range batch {
		partition := balancer.Balance(m, q.partitions...)
		byPartition[partition] = append(byPartition[partition], m)
	}
	var wg sync.WaitGroup
	for partition, part := range byPartition {
		wg.Go(func() { q.sendAll(partition, part) })
	}
	wg.Wait()
	return q.p.life.Err() == nil
}

// learnPartitions asks for the topic's partitions until it is told; their number never changes (EnsureTopics).
func (q *topicQueue) learnPartitions() bool {
	for attempt := 1; q.partitions == nil; attempt++ {
		partitions, err := askPartitions(q.p.life, q.p.client, q.name)
		if err == nil {
			q.partitions = partitions
			break
		}
		q.report(attempt, err)
		if !wait(q.p.life, attempt) {
			return false
		}
	}
	return true
}

// sendAll repeats until every message is acknowledged or the producer ends.
func (q *topicQueue) sendAll(partition int, messages []kafka.Message) {
	limit := len(messages)
	for attempt := 1; len(messages) > 0; {
		n := min(limit, len(messages))
		err := q.produce(partition, messages[:n])
		if err == nil {
			messages, attempt = messages[n:], 1
			continue
		}
		if errors.Is(err, kafka.MessageSizeTooLarge) && n > 1 {
			limit = n / 2 // the broker's limit is lower than Kafka's default
		}
		q.report(attempt, err)
		if !wait(q.p.life, attempt) {
			return
		}
		attempt++
	}
}

func (q *topicQueue) produce(partition int, messages []kafka.Message) error {
	ctx, cancel := context.WithTimeout(q.p.life, callTimeout)
	defer cancel()
	now := q.p.opts.Now()
	records := make([]kafka.Record, len(messages))
	for i, m := range messages {
		records[i] = kafka.Record{Time: now, Key: kafka.NewBytes(m.Key), Value: kafka.NewBytes(m.Value)}
	}
	_, err := produce(ctx, q.p.client, shipment{q.name, partition, q.p.opts.Compression, records})
	return err
}

// report counts every repetition and logs the first of an outage and then one about every minute.
func (q *topicQueue) report(attempt int, err error) {
	if q.p.life.Err() != nil {
		return
	}
	q.p.metrics.retries.WithLabelValues(q.name, Reason(err)).Inc()
	if attempt == 1 || attempt%20 == 0 {
		q.p.opts.Logger.Warn("kafka does not take messages, trying again", "topic", q.name, "attempt", attempt, "error", advise(err))
	}
}
