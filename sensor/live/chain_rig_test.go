package live

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/capture"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/status"
)

// The chain of the issue: 50 sensors on one broker, 200 registrations.
const (
	chainStores        = 2
	chainSensors       = 25 // of each store
	chainRegistrations = 200
	chainFrames        = 50 * time.Millisecond // between two frames of the device that is registered
)

// shopChain is a chain of stores with all of a sensor that an opt-out touches: the list that follows Kafka, the keys and the steps.
// Frames come from memory instead of a radio.
type shopChain struct {
	tb      testing.TB
	cfg     broker.Config
	desk    *broker.Publisher
	tagger  *keys.Tagger // the desk's
	sensors []*shopSensor
	phones  []hwaddr.Addr // to be registered, one after the other, each with a tag of its own
	frames  [][]byte      // of them, and last of one that nobody registers
	current atomic.Int32  // the phone that all sensors hear
	stop    func()        // has every sensor give out what it holds, and ends it
}

// shopSensor is one sensor; all below its list belongs to its goroutine, but what is atomic.
type shopSensor struct {
	chain    *shopChain
	list     *registry.List
	pipeline *agent.Pipeline
	phoneOf  map[uint64]int // by id; the last is never registered
	heard    []atomic.Int64 // by phone: Unix ns of its first frame that was not dropped
	dropped  []atomic.Int64 // and of the first that was
	before   int            // sightings of phones that were registered later
	others   int            // and of the one that never was
	rnd      *mathrand.Rand
}

func newShopChain(tb testing.TB, registrations int) *shopChain {
	tb.Helper()
	c := &shopChain{tb: tb, cfg: broker.Config{Brokers: kafkatest.Start(tb), ClientID: "test"}}
	ctx, cancel := context.WithCancel(context.Background())
	settings := broker.Settings{Partitions: 1, Replication: 1, SealAfter: 4 * time.Hour, Embedded: !kafkatest.Apache()}
	if err := broker.EnsureTopics(ctx, c.cfg, settings); err != nil {
		tb.Fatal(err)
	}
	var err error
	if c.desk, err = broker.NewPublisher(c.cfg, broker.ProducerOptions{}); err != nil {
		tb.Fatal(err)
	}
	hashers, days := c.keys()
	c.makePhones(registrations)
	var work sync.WaitGroup
	for i, hasher := range hashers {
		s := c.sensor(i, hasher, days[i])
		c.sensors = append(c.sensors, s)
		work.Go(func() {
			if err := s.list.Follow(ctx, registry.FollowOptions{Config: c.cfg, Wait: listWait}); !errors.Is(err, context.Canceled) {
				tb.Errorf("follow the list: %v", err)
			}
		})
		work.Go(func() { s.run(ctx) })
	}
	c.stop = func() {
		cancel()
		work.Wait()
	}
	tb.Cleanup(func() {
		c.stop()
		_ = c.desk.Close()
	})
	return c
}

// keys makes the keys of every sensor: a seed for each store, one opt-out key for all.
func (c *shopChain) keys() (hashers []*keys.Hasher, days []calendar.Day) {
	tb, dir := c.tb, c.tb.TempDir()
	fail := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	var text strings.Builder
	text.WriteString("stores:\n")
	for n := range chainStores {
		fmt.Fprintf(&text, "  - {id: shop-%d, time_zone: Etc/UTC, zones: [{id: floor, sensors: [", n)
		for m := range chainSensors {
			fmt.Fprintf(&text, "{id: s%d}, ", m)
		}
		text.WriteString("]}]}\n")
	}
	list, err := stores.Parse([]byte(text.String()))
	fail(err)
	optOut, err := keys.NewOptOutKey(rand.Reader)
	fail(err)
	c.tagger, err = optOut.Tagger()
	fail(err)
	for n := range list {
		seed, err := keys.NewStoreSeed(rand.Reader)
		fail(err)
		bundles, err := keys.NewBundles(&list[n], seed, list[n].Calendar.DayOf(time.Now()), optOut)
		fail(err)
		seed.Wipe()
		for i := range bundles {
			path := filepath.Join(dir, fmt.Sprintf("%d-%d", n, i))
			fail(bundles[i].Write(path + ".bundle"))
			state, err := keys.Import(path+".bundle", path)
			fail(err)
			hashers, days = append(hashers, state.Hasher()), append(days, state.Day())
		}
	}
	return hashers, days
}

func (c *shopChain) makePhones(registrations int) {
	tags := map[uint32]bool{}
	for n := 0; len(c.phones) < registrations+1; n++ {
		if tag := c.tagger.Tag(own(n)); !tags[tag] {
			tags[tag] = true
			c.phones = append(c.phones, own(n))
		}
	}
	for _, a := range c.phones {
		probe := dot11.AppendProbeRequest(nil, a, 1, []byte{0, 0, 1, 4, 2, 4, 11, 22})
		data, err := dot11.Append(nil, dot11.LinkRadiotap, dot11.Radio{RSSI: -50, HasRSSI: true, FreqMHz: 2437}, probe)
		if err != nil {
			c.tb.Fatal(err)
		}
		c.frames = append(c.frames, data)
	}
}

func (c *shopChain) sensor(n int, hasher *keys.Hasher, day calendar.Day) *shopSensor {
	s := &shopSensor{
		chain: c, list: registry.NewList(), phoneOf: map[uint64]int{}, heard: make([]atomic.Int64, len(c.phones)),
		dropped: make([]atomic.Int64, len(c.phones)), rnd: mathrand.New(mathrand.NewPCG(uint64(n), 1)),
	}
	for i, a := range c.phones {
		s.phoneOf[hasher.ID(a)] = i
	}
	cal, err := calendar.New("Etc/UTC")
	if err != nil {
		c.tb.Fatal(err)
	}
	s.pipeline = agent.NewPipeline(agent.Settings{
		Store: fmt.Sprintf("shop-%d", n/chainSensors), Sensor: fmt.Sprintf("s%d", n%chainSensors), Zone: "floor", Calendar: cal,
		Policy: wire.Policy_POLICY_STANDARD, RSSIInside: -70, RSSIFloor: -90, Software: "test", Live: true,
	}, day, agent.Deps{Hasher: hasher, OptOuts: s.list, Sink: s, MayTurn: func(calendar.Day) bool { return false }})
	s.pipeline.FailClosed([]string{string(status.ListUnread)})
	s.pipeline.Clock(true)
	s.pipeline.Listening(true)
	return s
}

// run is a sensor's loop: what it hears is the phone that all hear, one that it heard or will hear, and now and then the one that
// is never registered.
func (s *shopSensor) run(ctx context.Context) {
	time.Sleep(mathrand.N(chainFrames)) // the sensors do not hear in step
	ticks := time.NewTicker(chainFrames)
	defer ticks.Stop()
	open := false
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			s.must(s.pipeline.Stop())
			return
		case <-ticks.C:
		}
		if !open && !s.list.ConfirmedAt().IsZero() {
			open = true
			s.pipeline.FailClosed(nil)
		}
		s.hears(int(s.chain.current.Load()))
		s.hears(s.rnd.IntN(len(s.chain.phones) - 1))
		if n%40 == 0 {
			s.hears(len(s.chain.phones) - 1)
		}
		s.must(s.pipeline.Tick(time.Now().Add(-behind).UnixNano()))
		if n%10 == 0 {
			s.must(s.pipeline.Flush())
		}
	}
}

func (s *shopSensor) must(err error) {
	if err != nil {
		s.chain.tb.Errorf("a sensor's pipeline: %v", err)
	}
}

// hears takes a frame of the phone through the steps and notes what became of it.
func (s *shopSensor) hears(phone int) {
	data := s.chain.frames[phone]
	now := time.Now().UnixNano()
	before := s.pipeline.Counts().Drops[agent.DropOptedOut]
	s.must(s.pipeline.Frame(capture.Record{Time: now, Link: dot11.LinkRadiotap, Data: data, OrigLen: len(data)}))
	if s.pipeline.Counts().Drops[agent.DropOptedOut] > before {
		s.dropped[phone].CompareAndSwap(0, now)
		return
	}
	if s.dropped[phone].Load() != 0 {
		s.chain.tb.Error("a frame of a listed device was kept after one was dropped")
	}
	s.heard[phone].CompareAndSwap(0, now)
}

// Send implements agent.Sink: it holds what leaves the steps against what is listed. Phone n is listed from version n+1 on.
func (s *shopSensor) Send(_ agent.Topic, e *wire.Envelope) error {
	var run wire.Run
	for runs := e.GetSightings().Runs(); runs.Next(&run); {
		phone, ok := s.phoneOf[run.ID]
		if !ok {
			s.chain.tb.Error("an id of nobody left a sensor")
			continue
		}
		if phone == len(s.chain.phones)-1 {
			s.others++
			continue
		}
		s.before++
		if e.Header.OptoutVersion > uint64(phone) {
			s.chain.tb.Errorf("the id of a device that is listed from version %d on left under list %d", phone+1, e.Header.OptoutVersion)
		}
		last := e.Header.BaseMs
		for _, d := range run.DeltasMS {
			last += int64(d)
		}
		if dropped := s.dropped[phone].Load(); dropped != 0 && last > dropped/1e6 {
			s.chain.tb.Error("a sighting of later than the first frame that was dropped left a sensor")
		}
	}
	return nil
}
