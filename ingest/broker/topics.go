package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

// Topics of version 1 of the wire. Partition p of sightings and of counters belongs to one consumer (DESIGN section 7).
const (
	Sightings   = "footfall.sightings.v1"   // ids, until their day is sealed
	Counters    = "footfall.counters.v1"    // no ids
	OptOuts     = "footfall.optouts.v1"     // the registry: one record a registered device, compacted, one partition
	DeadLetters = "footfall.deadletters.v1" // headers and reasons of messages that could not be used, never their bodies
	Sensors     = "footfall.sensors.v1"     // the newest heartbeat of each sensor: what it enforces and works under; no ids, one partition
	Quarantine  = "footfall.quarantine.v1"  // registrations that an operator looks at before they are enforced; one partition
	Clock       = "footfall.clock.v1"       // empty messages that Kafka stamps with its time: BrokerTime; one partition
)

// EmbeddedSegmentBytes is the size of a segment on the embedded broker.
const EmbeddedSegmentBytes = 128 << 10

// Retention of the topics, and how long one of their segments is written to: retention frees whole segments only.
const (
	Segment             = time.Hour
	CountersRetention   = 12 * time.Hour
	DeadLetterRetention = 30 * 24 * time.Hour
	ClockRetention      = time.Hour
	// SensorsRetention is how long the embedded broker keeps what a sensor said of itself; Kafka keeps the newest of each.
	SensorsRetention = 24 * time.Hour
	// QuarantineRetention is how long a registration waits for an operator; then it is dropped.
	QuarantineRetention = 30 * 24 * time.Hour
	// tombstones outlive every sensor that is offline and keeps its list; after optout_max_age it counts only anyway.
	tombstoneRetention = 30 * 24 * time.Hour
	maxCompactionLag   = 24 * time.Hour
)

// SightingsRetention is how long sightings stay where nobody truncates: the day, its sealing, and two hours to spare.
func SightingsRetention(sealAfter time.Duration) time.Duration {
	return 24*time.Hour + sealAfter + 2*time.Hour
}

// Settings are an installation's choices about its topics.
type Settings struct {
	Partitions  int           // of sightings and of counters each; fixed for the life of the topics
	Replication int           // copies of every partition; 1 on one box, 3 on a cluster
	SealAfter   time.Duration // the longest of the stores
	Embedded    bool          // the embedded broker, which must not compact (DESIGN section 9)
}

// Validate says what is wrong with the settings, all at once.
func (s Settings) Validate() error {
	var errs []error
	if s.Partitions < 1 || s.Partitions > 1000 {
		errs = append(errs, fmt.Errorf("%d partitions: choose 1 to 1000", s.Partitions))
	}
	if s.Replication < 1 || s.Replication > 9 {
		errs = append(errs, fmt.Errorf("replication %d: choose 1 on one box, 3 on a cluster", s.Replication))
	}
	if s.SealAfter < 0 || s.SealAfter > 24*time.Hour {
		errs = append(errs, fmt.Errorf("seal_after %v: choose 0 to 24h", s.SealAfter))
	}
	return errors.Join(errs...)
}

// topic is a topic as it should be.
type topic struct {
	name       string
	partitions int
	config     map[string]string
}

func (s Settings) topics() []topic {
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	kept := func(d time.Duration) map[string]string {
		return map[string]string{"cleanup.policy": "delete", "retention.ms": ms(d), "segment.ms": ms(Segment)}
	}
	optouts := map[string]string{
		"cleanup.policy": "compact", "segment.ms": ms(Segment),
		"delete.retention.ms": ms(tombstoneRetention), "max.compaction.lag.ms": ms(maxCompactionLag),
	}
	sensors := map[string]string{"cleanup.policy": "compact", "segment.ms": ms(Segment), "max.compaction.lag.ms": ms(maxCompactionLag)}
	quarantine := map[string]string{"cleanup.policy": "compact,delete", "retention.ms": ms(QuarantineRetention), "segment.ms": ms(Segment)}
	if s.Embedded {
		// The embedded broker rolls by size only. What is truncated leaves the disk with its segment, so segments are small.
		kept = func(d time.Duration) map[string]string {
			return map[string]string{"cleanup.policy": "delete", "retention.ms": ms(d), "segment.ms": ms(Segment), "segment.bytes": strconv.Itoa(EmbeddedSegmentBytes)}
		}
		optouts = map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}
		sensors, quarantine = kept(SensorsRetention), kept(QuarantineRetention)
	}
	clock := kept(ClockRetention)
	clock["message.timestamp.type"] = "LogAppendTime"
	list := []topic{
		{Sightings, s.Partitions, kept(SightingsRetention(s.SealAfter))},
		{Counters, s.Partitions, kept(CountersRetention)},
		{OptOuts, 1, optouts},
		{DeadLetters, 1, kept(DeadLetterRetention)},
		{Sensors, 1, sensors},
		{Quarantine, 1, quarantine},
		{Clock, 1, clock},
	}
	if s.Replication >= 3 {
		for _, t := range list {
			t.config["min.insync.replicas"] = "2" // an acknowledged message is then on two machines
		}
	}
	return list
}

// EnsureTopics creates the topics that are missing, waits until they can be used, and sets the retention of those that
// exist where it differs. An existing topic with another number of partitions is an error: keys would move.
func EnsureTopics(ctx context.Context, cfg Config, s Settings) error {
	if err := errors.Join(cfg.Validate(), s.Validate()); err != nil {
		return err
	}
	transport := cfg.transport()
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: transport, Timeout: callTimeout}
	want := s.topics()
	if err := retry(ctx, func() error { return create(ctx, client, want, s.Replication) }); err != nil {
		return fmt.Errorf("create Kafka's topics: %w", advise(err))
	}
	if err := checkPartitions(ctx, cfg, want); err != nil {
		return err
	}
	if err := retry(ctx, func() error { return alignConfig(ctx, client, want) }); err != nil {
		return fmt.Errorf("set the retention of Kafka's topics: %w", advise(err))
	}
	return nil
}

func create(ctx context.Context, client *kafka.Client, want []topic, replication int) error {
	req := new(kafka.CreateTopicsRequest)
	for _, t := range want {
		entries := make([]kafka.ConfigEntry, 0, len(t.config))
		for _, name := range slices.Sorted(maps.Keys(t.config)) {
			entries = append(entries, kafka.ConfigEntry{ConfigName: name, ConfigValue: t.config[name]})
		}
		req.Topics = append(req.Topics, kafka.TopicConfig{
			Topic: t.name, NumPartitions: t.partitions, ReplicationFactor: replication, ConfigEntries: entries,
		})
	}
	if _, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{}}); err != nil {
		return err // kafka-go keeps the reason from the other requests, and says that the broker is not available
	}
	res, err := client.CreateTopics(ctx, req)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range want {
		if err := res.Errors[t.name]; err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
			errs = append(errs, fmt.Errorf("%s: %w", t.name, err))
		}
	}
	return errors.Join(errs...)
}

// checkPartitions waits until every topic has leaders, and compares the numbers of partitions.
func checkPartitions(ctx context.Context, cfg Config, want []topic) error {
	count := map[string]int{}
	err := retry(ctx, func() error {
		conn, err := cfg.dialAny(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		if err := conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
			return fmt.Errorf("set a deadline: %w", err)
		}
		clear(count)
		for _, t := range want {
			partitions, err := conn.ReadPartitions(t.name)
			if err != nil {
				return fmt.Errorf("ask for the partitions of %s: %w", t.name, err)
			}
			for _, p := range partitions {
				if p.Error != nil {
					return fmt.Errorf("%s/%d: %w", t.name, p.ID, p.Error)
				}
			}
			count[t.name] = len(partitions)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look at Kafka's topics: %w", advise(err))
	}
	var errs []error
	for _, t := range want {
		if got := count[t.name]; got != t.partitions {
			errs = append(errs, fmt.Errorf("topic %s has %d partitions and should have %d: the number is fixed for the life of a topic; "+
				"configure %d, or delete the topic to begin anew", t.name, got, t.partitions, got))
		}
	}
	return errors.Join(errs...)
}

// alignConfig changes only what differs, so that a program without the right to alter topics may start where nothing does.
func alignConfig(ctx context.Context, client *kafka.Client, want []topic) error {
	has, err := currentConfig(ctx, client, want)
	if err != nil {
		return err
	}
	alter := new(kafka.IncrementalAlterConfigsRequest)
	for _, t := range want {
		resource := kafka.IncrementalAlterConfigsRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: t.name}
		for _, name := range slices.Sorted(maps.Keys(t.config)) {
			if has[t.name][name] != t.config[name] {
				resource.Configs = append(resource.Configs, kafka.IncrementalAlterConfigsRequestConfig{
					Name: name, Value: t.config[name], ConfigOperation: kafka.ConfigOperationSet,
				})
			}
		}
		if len(resource.Configs) > 0 {
			alter.Resources = append(alter.Resources, resource)
		}
	}
	if len(alter.Resources) == 0 {
		return nil
	}
	altered, err := client.IncrementalAlterConfigs(ctx, alter)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range altered.Resources {
		if r.Error != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.ResourceName, r.Error))
		}
	}
	return errors.Join(errs...)
}

// currentConfig is what the topics are set to, by topic and name.
func currentConfig(ctx context.Context, client *kafka.Client, topics []topic) (map[string]map[string]string, error) {
	describe := new(kafka.DescribeConfigsRequest)
	for _, t := range topics {
		describe.Resources = append(describe.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: t.name, ConfigNames: slices.Sorted(maps.Keys(t.config)),
		})
	}
	res, err := client.DescribeConfigs(ctx, describe)
	if err != nil {
		return nil, err
	}
	has := map[string]map[string]string{}
	for _, r := range res.Resources {
		if r.Error != nil {
			return nil, fmt.Errorf("%s: %w", r.ResourceName, r.Error)
		}
		has[r.ResourceName] = map[string]string{}
		for _, e := range r.ConfigEntries {
			has[r.ResourceName][e.ConfigName] = e.ConfigValue
		}
	}
	return has, nil
}
