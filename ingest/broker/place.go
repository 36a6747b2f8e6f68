package broker

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// PartitionOf is the partition that every producer with the murmur2 partitioner sends a key's messages to.
func PartitionOf(key []byte, partitions int) int {
	all := make([]int, partitions)
	for i := range all {
		all[i] = i
	}
	return kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: key}, all...)
}

// PartitionCount asks how many partitions a topic has.
func PartitionCount(ctx context.Context, cfg Config, topic string) (int, error) {
	n := 0
	err := retry(ctx, func() error {
		conn, err := cfg.dialAny(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		partitions, err := conn.ReadPartitions(topic)
		n = len(partitions)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("ask for the partitions of %s: %w", topic, err)
	}
	return n, nil
}
