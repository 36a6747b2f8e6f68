package broker

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Register adds a collector, or finds the one of the same name: two producers of one process share their counters. A nil
// registerer takes nothing and is no error.
func Register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	if reg == nil {
		return c, nil
	}
	err := reg.Register(c)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if existing, ok := already.ExistingCollector.(C); ok {
			return existing, nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("register a metric: %w", err)
	}
	return c, nil
}

type producerMetrics struct {
	sent, acknowledged, bytes *prometheus.CounterVec // by topic
	retries                   *prometheus.CounterVec // by topic and reason
	queueMessages, queueBytes prometheus.Gauge
}

func newProducerMetrics(reg prometheus.Registerer) (producerMetrics, error) {
	counter := func(name, help string, labels ...string) (*prometheus.CounterVec, error) {
		return Register(reg, prometheus.NewCounterVec(
			prometheus.CounterOpts{Namespace: "footfall", Subsystem: "producer", Name: name, Help: help}, labels))
	}
	gauge := func(name, help string) (prometheus.Gauge, error) {
		return Register(reg, prometheus.NewGauge(
			prometheus.GaugeOpts{Namespace: "footfall", Subsystem: "producer", Name: name, Help: help}))
	}
	var m producerMetrics
	var errs [6]error
	m.sent, errs[0] = counter("messages_total", "Messages taken for sending.", "topic")
	m.acknowledged, errs[1] = counter("acknowledged_total", "Messages that Kafka acknowledged.", "topic")
	m.bytes, errs[2] = counter("bytes_total", "Bytes of keys and values that Kafka acknowledged, before compression.", "topic")
	m.retries, errs[3] = counter("retries_total", "Sends that were repeated, by reason.", "topic", "reason")
	m.queueMessages, errs[4] = gauge("queue_messages", "Messages that wait for Kafka's acknowledgement.")
	m.queueBytes, errs[5] = gauge("queue_bytes", "Bytes that wait for Kafka's acknowledgement.")
	return m, errors.Join(errs[:]...)
}

// publisherMetrics are a Publisher's: it repeats nothing, so its attempts have a result instead of retries.
type publisherMetrics struct {
	attempts        *prometheus.CounterVec // by topic and result
	messages, bytes *prometheus.CounterVec // by topic
	wire            prometheus.Counter
}

func newPublisherMetrics(reg prometheus.Registerer) (publisherMetrics, error) {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "footfall", Subsystem: "publisher", Name: name, Help: help}
	}
	vec := func(name, help string, labels ...string) (*prometheus.CounterVec, error) {
		return Register(reg, prometheus.NewCounterVec(opts(name, help), labels))
	}
	var m publisherMetrics
	var errs [4]error
	m.attempts, errs[0] = vec("attempts_total", "Batches given to Kafka, by what became of them: ok, or the reason they were not acknowledged.", "topic", "result")
	m.messages, errs[1] = vec("messages_total", "Messages that Kafka acknowledged.", "topic")
	m.bytes, errs[2] = vec("bytes_total", "Bytes of keys and values that Kafka acknowledged, before compression.", "topic")
	m.wire, errs[3] = Register(reg, prometheus.NewCounter(
		opts("wire_bytes_total", "Bytes written to the connections with Kafka: compressed, with TLS and everything that was repeated.")))
	return m, errors.Join(errs[:]...)
}

type consumerMetrics struct {
	messages, bytes, outOfRange *prometheus.CounterVec // by topic
	fetchErrors                 *prometheus.CounterVec // by topic
	generations, joinErrors     prometheus.Counter
}

func newConsumerMetrics(reg prometheus.Registerer) (consumerMetrics, error) {
	vec := func(name, help string) (*prometheus.CounterVec, error) {
		return Register(reg, prometheus.NewCounterVec(
			prometheus.CounterOpts{Namespace: "footfall", Subsystem: "consumer", Name: name, Help: help}, []string{"topic"}))
	}
	counter := func(name, help string) (prometheus.Counter, error) {
		return Register(reg, prometheus.NewCounter(
			prometheus.CounterOpts{Namespace: "footfall", Subsystem: "consumer", Name: name, Help: help}))
	}
	var m consumerMetrics
	var errs [6]error
	m.messages, errs[0] = vec("messages_total", "Messages read.")
	m.bytes, errs[1] = vec("bytes_total", "Bytes of keys and values read, after decompression.")
	m.outOfRange, errs[2] = vec("out_of_range_total", "Times reading began again at the earliest message because the offset was not there.")
	m.fetchErrors, errs[3] = vec("fetch_errors_total", "Reads that failed and were repeated.")
	m.generations, errs[4] = counter("generations_total", "Generations of the consumer group that this process took part in.")
	m.joinErrors, errs[5] = counter("join_errors_total", "Failed attempts to join the consumer group.")
	return m, errors.Join(errs[:]...)
}
