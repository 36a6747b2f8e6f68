package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
)

// DefaultSession is how long a consumer that died is waited for before its partitions go to others.
const DefaultSession = 10 * time.Second

const joinBackoff = 300 * time.Millisecond

// ConsumerOptions name the group and what it reads.
type ConsumerOptions struct {
	Group      string
	Topics     []string      // with the same number of partitions each, so that partition p of all has one owner
	Session    time.Duration // DefaultSession where zero; Kafka's default minimum is 6 s
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Consumer is one member of a consumer group. It is built on the group's generations, not on kafka-go's group reader, which
// can hand out messages of a partition that already belongs to another member (its issue 1398).
type Consumer struct {
	cfg     Config
	opts    ConsumerOptions
	metrics consumerMetrics
}

// NewConsumer checks the configuration; Run connects.
func NewConsumer(cfg Config, o ConsumerOptions) (*Consumer, error) {
	err := cfg.Validate()
	if o.Group == "" {
		err = errors.Join(err, errors.New("no consumer group: name one"))
	}
	if len(o.Topics) == 0 {
		err = errors.Join(err, errors.New("no topics to consume: name at least one"))
	}
	if err != nil {
		return nil, err
	}
	if o.Session == 0 {
		o.Session = DefaultSession
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := newConsumerMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	return &Consumer{cfg: cfg, opts: o, metrics: m}, nil
}

// orderedRange is kafka-go's range balancer with the partitions in order: then partition p of every topic has one owner,
// whatever order the broker lists them in.
type orderedRange struct{ kafka.RangeGroupBalancer }

// AssignGroups implements kafka.GroupBalancer.
func (r orderedRange) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	sorted := slices.Clone(partitions)
	slices.SortFunc(sorted, func(a, b kafka.Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
	return r.RangeGroupBalancer.AssignGroups(members, sorted)
}

// Run joins the group, calls fn once a generation with what this member owns, and joins again when the generation ends. fn's
// context ends with the generation or with ctx; fn commits what it still wants to commit and returns, and every goroutine of
// the generation ends before the next one begins. Where fn returns an error while its context lives, Run leaves the group
// and returns that error; any other return means another generation. Failures to join are repeated for ever, and counted.
// Run returns nil when ctx ended.
func (c *Consumer) Run(ctx context.Context, fn func(ctx context.Context, g *Generation) error) error {
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: c.opts.Group, Brokers: c.cfg.Brokers, Topics: c.opts.Topics, Dialer: c.cfg.dialer(),
		GroupBalancers:    []kafka.GroupBalancer{orderedRange{}},
		HeartbeatInterval: min(time.Second, c.opts.Session/4), SessionTimeout: c.opts.Session, RebalanceTimeout: 30 * time.Second,
		JoinGroupBackoff: joinBackoff, StartOffset: kafka.FirstOffset,
	})
	if err != nil {
		return fmt.Errorf("set up the consumer group %s: %w", c.opts.Group, err)
	}
	defer func() { _ = group.Close() }()
	for failures := 0; ; {
		generation, err := group.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			failures++
			c.metrics.joinErrors.Inc()
			if failures == 1 || failures%100 == 0 { // a fresh cluster has no coordinator in its first seconds
				c.opts.Logger.Warn("cannot join the consumer group yet, trying again", "group", c.opts.Group, "error", err)
			}
			continue
		}
		failures = 0
		c.metrics.generations.Inc()
		if err := c.serve(ctx, generation, fn); err != nil {
			return err
		}
	}
}

// serve runs fn inside the generation, so that kafka-go joins again only after fn and its readers are done.
func (c *Consumer) serve(ctx context.Context, generation *kafka.Generation, fn func(context.Context, *Generation) error) error {
	done := make(chan error, 1)
	generation.Start(func(alive context.Context) {
		if alive.Err() != nil { // it ended before it began, and kafka-go does not wait for us
			done <- nil
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(alive, cancel)()
		g := &Generation{c: c, g: generation}
		err := fn(ctx, g)
		if ctx.Err() != nil {
			err = nil
		}
		cancel()
		g.readers.Wait()
		done <- err
	})
	return <-done
}

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int
}

// Assignment is a partition that this member owns.
type Assignment struct {
	Topic     string
	Partition int
	Committed int64 // the group's offset to go on at; negative (Earliest) where none was committed
}

// Start says where to read a partition from; Earliest begins at the first message that is there.
type Start struct {
	Topic     string
	Partition int
	Offset    int64
}

// Generation is the time during which the group's partitions are spread in one way.
type Generation struct {
	c       *Consumer
	g       *kafka.Generation
	readers sync.WaitGroup
}

// Assignments are the partitions this member owns, by topic and number.
func (g *Generation) Assignments() []Assignment {
	var list []Assignment
	for topic, partitions := range g.g.Assignments {
		for _, p := range partitions {
			list = append(list, Assignment{Topic: topic, Partition: p.ID, Committed: p.Offset})
		}
	}
	slices.SortFunc(list, func(a, b Assignment) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return list
}

// FirstOffset is the offset of a partition's earliest message. See the function of the same name.
func (g *Generation) FirstOffset(ctx context.Context, topic string, partition int) (int64, error) {
	return FirstOffset(ctx, g.c.cfg, topic, partition)
}

// EndOffset is the offset that a partition's next message will get. See the function of the same name.
func (g *Generation) EndOffset(ctx context.Context, topic string, partition int) (int64, error) {
	return EndOffset(ctx, g.c.cfg, topic, partition)
}

// Read reads the partitions side by side, in order within each, and hands out batches that have messages, a jump of Next, or
// a Reset. The channel has no buffer, so that a slow receiver slows the reading down, and is closed once the context (the
// generation's, or one below it) has ended. A partition that cannot be read is tried again until then.
func (g *Generation) Read(ctx context.Context, starts []Start) <-chan Batch {
	out := make(chan Batch)
	var wg sync.WaitGroup
	for _, s := range starts {
		r := &partitionReader{
			cfg: g.c.cfg, topic: s.Topic, partition: s.Partition, offset: s.Offset, metrics: g.c.metrics, log: g.c.opts.Logger,
		}
		at := s.Offset
		wg.Go(func() {
			_ = r.run(ctx, func(b Batch) error { // run returns only the context's error
				if len(b.Messages) == 0 && b.Next == at && !b.Reset {
					return nil
				}
				at = b.Next
				if ctx.Err() != nil { // select would choose at random
					return ctx.Err()
				}
				select {
				case out <- b:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		})
	}
	g.readers.Go(func() {
		wg.Wait()
		close(out)
	})
	return out
}

// Commit stores the offsets the group is to go on at. After the generation ended Kafka refuses it, and the error says so.
func (g *Generation) Commit(offsets map[TopicPartition]int64) error {
	byTopic := map[string]map[int]int64{}
	for tp, offset := range offsets {
		if byTopic[tp.Topic] == nil {
			byTopic[tp.Topic] = map[int]int64{}
		}
		byTopic[tp.Topic][tp.Partition] = offset
	}
	if err := g.g.CommitOffsets(byTopic); err != nil {
		return fmt.Errorf("commit offsets of the consumer group %s: %w", g.c.opts.Group, err)
	}
	return nil
}
