package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// ErrNoBrokerTime is BrokerTime's where the topic Clock does not stamp messages: it was made by hand, or the broker is the
// embedded one, which never stamps. That one is on the same machine (Config.Loopback), so its clock is this machine's.
var ErrNoBrokerTime = errors.New("the topic " + Clock + " does not stamp messages with the broker's time: " +
	"set its message.timestamp.type to LogAppendTime, as the aggregator does when it starts")

// BrokerTime is what the clock of the broker that leads the topic Clock shows, in whole milliseconds. Kafka has no request for
// it, so an empty message is appended and the stamp that Kafka gave it is read from the answer; it was taken between the call
// and the return, at most 15 s. It tries once. Errors have a Reason and end with what to do.
func BrokerTime(ctx context.Context, cfg Config) (time.Time, error) {
	if err := cfg.Validate(); err != nil {
		return time.Time{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	transport := cfg.transport()
	transport.MetadataTopics = []string{Clock}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: transport, Timeout: callTimeout}
	if _, err := askPartitions(ctx, client, Clock); err != nil { // kafka-go's own words for a missing topic are no help
		return time.Time{}, fmt.Errorf("ask for the broker's time: %w", advise(err))
	}
	// The record needs a time of its own, which the stamp replaces. It is not this machine's: Kafka refuses one that is
	// wrong by days, and whether it is wrong is the question.
	answer, err := produce(ctx, client, shipment{topic: Clock, records: []kafka.Record{{Time: time.UnixMilli(1), Value: kafka.NewBytes([]byte{})}}})
	if err != nil {
		return time.Time{}, fmt.Errorf("ask for the broker's time: %w", advise(err))
	}
	if answer.LogAppendTime.IsZero() {
		return time.Time{}, ErrNoBrokerTime
	}
	return answer.LogAppendTime, nil
}
