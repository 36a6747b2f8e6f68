package retention

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/lifetime"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/wire"
)

// lookAt is how many messages of a topic's beginning are looked at, where not all are.
const lookAt = 1000

// deleted is how long after its retention a message may still be there: its segment has to be full, and its file deleted.
const deleted = broker.Segment + lifetime.CheckInterval

// topicRule says what may be in a topic.
type topicRule struct {
	name  string
	all   bool          // every message is looked at, not only the first ones
	limit time.Duration // by the messages' times; 0: they stay, or look knows better
	look  func(p *proof, place *Place, m broker.Message) (counts bool)
}

func topicRules() []topicRule {
	return []topicRule{
		{broker.Sightings, false, 0, (*proof).lookAtIDs},
		{broker.Counters, false, broker.CountersRetention + deleted, (*proof).lookForIDs},
		{broker.OptOuts, true, 0, (*proof).lookAtOptOut},
		{broker.Quarantine, true, broker.QuarantineRetention + day + deleted, (*proof).lookAtHeld},
		{broker.Sensors, true, 0, (*proof).lookAtSensor},
		{broker.DeadLetters, false, broker.DeadLetterRetention + deleted, (*proof).lookForIDs},
		{broker.Clock, false, 0, (*proof).lookAtClock},
	}
}

// day is how much too old the time of a record may be that was cut to its day.
const day = 24 * time.Hour

func (p *proof) topics(ctx context.Context, rules []topicRule) ([]Place, error) {
	var places []Place
	for _, rule := range rules {
		place, err := p.topic(ctx, rule)
		switch {
		case errors.Is(err, kafka.UnknownTopicOrPartition):
			place = Place{Kind: Topic, Name: rule.name, Verdict: OK, Reason: Absent}
		case errors.Is(err, kafka.TopicAuthorizationFailed):
			place = Place{Kind: Topic, Name: rule.name, Verdict: Unknown, Reason: Unreadable}
		case err != nil:
			return places, fmt.Errorf("look at the age of %s: %w", rule.name, err)
		}
		places = append(places, place)
	}
	return places, nil
}

// topic looks at a topic's partitions. The one that is closest to its limit, or farthest beyond it, stands for it.
func (p *proof) topic(ctx context.Context, rule topicRule) (Place, error) {
	partitions, err := broker.PartitionCount(ctx, p.in.Kafka, rule.name)
	if err != nil {
		return Place{}, err
	}
	whole := Place{Kind: Topic, Name: rule.name, Limit: rule.limit, Verdict: OK}
	if rule.name == broker.Sightings {
		whole.Limit = p.longest()
	}
	for partition := range partitions {
		place := Place{Kind: Topic, Name: rule.name, Limit: rule.limit, Verdict: OK}
		if err := p.partition(ctx, rule, partition, &place); err != nil {
			return Place{}, err
		}
		whole.join(place)
	}
	return whole, nil
}

// longest is the longest life of an id in any of the stores.
func (p *proof) longest() (d time.Duration) {
	for id := range p.stores {
		d = max(d, p.bounds(id).Longest)
	}
	return d
}

// join takes in another part of the place.
func (p *Place) join(part Place) {
	worse := p.Oldest.IsZero() || part.Age-part.Limit > p.Age-p.Limit
	if part.Verdict == Breach && p.Verdict != Breach || part.Verdict == p.Verdict && worse && !part.Oldest.IsZero() {
		p.Oldest, p.Age, p.Limit, p.Verdict, p.Reason = part.Oldest, part.Age, part.Limit, part.Verdict, part.Reason
	}
	if part.Newest.After(p.Newest) {
		p.Newest = part.Newest
	}
	p.Count += part.Count
	p.Bytes += part.Bytes
}

var errLookedEnough = errors.New("looked at enough")

func (p *proof) partition(ctx context.Context, rule topicRule, partition int, place *Place) error {
	first, err := broker.FirstOffset(ctx, p.in.Kafka, rule.name, partition)
	if err != nil {
		return err
	}
	looked, oldest := 0, place.Oldest
	end, err := broker.ReadPartition(ctx, p.in.Kafka, rule.name, partition, first, func(m broker.Message) error {
		if m.Time.After(place.Newest) {
			place.Newest = m.Time.UTC()
		}
		if rule.look(p, place, m) {
			looked++
			if oldest.IsZero() || m.Time.Before(oldest) {
				oldest = m.Time.UTC()
			}
		}
		if looked >= lookAt && !rule.all {
			return errLookedEnough
		}
		return nil
	})
	switch {
	case errors.Is(err, errLookedEnough):
		if err := p.newest(ctx, rule.name, partition, end, place); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	if rule.name != broker.Sightings { // there the messages' own times count
		place.Oldest = oldest
	}
	place.Count = end - first
	place.judge(p.in.Now)
	return nil
}

// newest reads the last message of a partition of which only the beginning was read.
func (p *proof) newest(ctx context.Context, topic string, partition int, end int64, place *Place) error {
	_, err := broker.ReadPartition(ctx, p.in.Kafka, topic, partition, end-1, func(m broker.Message) error {
		if m.Time.After(place.Newest) {
			place.Newest = m.Time.UTC()
		}
		return nil
	})
	return err
}

// lookAtIDs notes the oldest id, by when it was heard, where its store's limit makes it the worst so far.
func (p *proof) lookAtIDs(place *Place, m broker.Message) bool {
	at, id := m.Time.UTC(), ""
	if e, err := wire.Decode(m.Value); err == nil {
		id = e.Header.Store
		switch b := e.Body.(type) {
		case *wire.Envelope_Sightings:
			if len(b.Sightings.Ids) == 0 {
				return false
			}
			at = time.UnixMilli(e.Header.BaseMs).UTC()
		case *wire.Envelope_Forget: // an id of its day
			at = p.dayStart(id, calendar.Day(e.Header.StoreDay))
		default:
			return false
		}
	}
	limit := p.bounds(id).Longest
	if place.Oldest.IsZero() || p.in.Now.Sub(at)-limit > p.in.Now.Sub(place.Oldest)-place.Limit {
		place.Oldest, place.Limit = at, limit
	}
	return true
}

// dayStart is when a store's day began; of an unknown store, in UTC.
func (p *proof) dayStart(id string, d calendar.Day) time.Time {
	var c calendar.Calendar
	if s := p.stores[id]; s != nil {
		c = s.Calendar
	}
	return c.Start(d).UTC()
}

func (p *proof) lookForIDs(place *Place, m broker.Message) bool {
	if e, err := wire.Decode(m.Value); err == nil && (e.GetSightings() != nil || e.GetForget() != nil) {
		place.fault(WrongKind)
	}
	return true
}

func (p *proof) lookAtOptOut(place *Place, m broker.Message) bool {
	var o wire.OptOut
	_, err := registry.Decode(m.Key, m.Value)
	lookAtRecord(place, m, err, &o)
	return true
}

func (p *proof) lookAtHeld(place *Place, m broker.Message) bool {
	var h wire.Held
	_, err := registry.DecodeHeld(m.Key, m.Value)
	lookAtRecord(place, m, err, &h)
	return true
}

// lookAtRecord checks that a record says nothing but its tag and day: no field that the decoder skips, no exact time.
func lookAtRecord(place *Place, m broker.Message, err error, value proto.Message) {
	if err == nil && len(m.Value) > 0 {
		err = proto.Unmarshal(m.Value, value)
	}
	switch {
	case err != nil || len(value.ProtoReflect().GetUnknown()) > 0:
		place.fault(NotATag)
	case place.Verdict != Breach && m.Time.UnixMilli()%day.Milliseconds() != 0:
		place.fault(ExactTime)
	}
}

func (p *proof) lookAtSensor(place *Place, m broker.Message) bool {
	if e, err := wire.Decode(m.Value); m.Value != nil && (err != nil || e.GetHeartbeat() == nil) {
		place.fault(WrongKind)
	}
	return true
}

func (p *proof) lookAtClock(place *Place, m broker.Message) bool {
	if len(m.Key)+len(m.Value) > 0 {
		place.fault(NotEmpty)
	}
	return true
}
