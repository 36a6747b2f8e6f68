package broker

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// shipment is one request's worth of records for one partition.
type shipment struct {
	topic     string
	partition int
	codec     kafka.Compression
	records   []kafka.Record
}

// produce sends once, with acks=all, and returns Kafka's answer or why there is none or a bad one.
func produce(ctx context.Context, client *kafka.Client, s shipment) (*kafka.ProduceResponse, error) {
	res, err := client.Produce(ctx, &kafka.ProduceRequest{
		Topic: s.topic, Partition: s.partition, RequiredAcks: kafka.RequireAll, Compression: s.codec,
		Records: kafka.NewRecordReader(s.records...),
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return nil, fmt.Errorf("send to %s/%d: %w", s.topic, s.partition, err)
	}
	return res, nil
}

// askPartitions asks for the numbers of a topic's partitions; their count never changes (EnsureTopics).
func askPartitions(ctx context.Context, client *kafka.Client, name string) ([]int, error) {
	res, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{name}})
	if err != nil {
		return nil, fmt.Errorf("ask for the partitions of %s: %w", name, err)
	}
	for _, t := range res.Topics {
		switch {
		case t.Name != name:
		case t.Error != nil:
			return nil, fmt.Errorf("ask for the partitions of %s: %w", name, t.Error)
		case len(t.Partitions) > 0:
			partitions := make([]int, len(t.Partitions))
			for i := range partitions {
				partitions[i] = i
			}
			return partitions, nil
		}
	}
	return nil, fmt.Errorf("ask for the partitions of %s: %w", name, kafka.UnknownTopicOrPartition)
}
