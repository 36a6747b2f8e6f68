package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/embedded"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
)

const storesYAML = `stores:
  - {id: berlin, time_zone: Europe/Berlin, zones: [{id: floor, sensors: [{id: door}, {id: till}]}]}
  - {id: prague, time_zone: Europe/Prague, zones: [{id: floor, sensors: [{id: door}]}]}
`

// noon is the time of these tests, which no clock of theirs leaves.
var noon = time.Date(2026, 1, 12, 12, 0, 0, 0, time.UTC)

func chain(t testing.TB) []stores.Store {
	t.Helper()
	list, err := stores.Parse([]byte(storesYAML))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// says is a state of a sensor, "store/sensor", under a version of the list; change may alter anything.
func says(t testing.TB, key string, version uint64, change func(*wire.Header, *wire.Heartbeat)) (k, v []byte) {
	t.Helper()
	store, sensor, _ := strings.Cut(key, "/")
	h := &wire.Header{Store: store, Sensor: sensor, Zone: "floor", Boot: 1, BaseMs: noon.UnixMilli(), StoreDay: 2203, OptoutVersion: version, Policy: wire.Policy_POLICY_STANDARD}
	b := &wire.Heartbeat{MadeMs: noon.UnixMilli(), OptoutAgeS: 3, Software: "test"}
	if change != nil {
		change(h, b)
	}
	raw, err := wire.Encode(&wire.Envelope{Header: h, Body: &wire.Envelope_Heartbeat{Heartbeat: b}})
	if err != nil {
		t.Fatal(err)
	}
	return []byte(key), raw
}

// topic is a Kafka with the topic of sensors.
type topic struct {
	t   *testing.T
	cfg broker.Config
	p   *broker.Publisher

	stop func() // ends what follow started
}

func newTopic(t *testing.T, brokers ...string) *topic {
	t.Helper()
	if len(brokers) == 0 {
		brokers = kafkatest.Start(t)
	}
	x := &topic{t: t, cfg: broker.Config{Brokers: brokers, ClientID: "test"}}
	settings := broker.Settings{Partitions: 1, Replication: 1, Embedded: !kafkatest.Apache()}
	if err := broker.EnsureTopics(t.Context(), x.cfg, settings); err != nil {
		t.Fatal(err)
	}
	var err error
	if x.p, err = broker.NewPublisher(x.cfg, broker.ProducerOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.p.Close() })
	return x
}

func (x *topic) put(key, value []byte) {
	x.t.Helper()
	err := x.p.Publish(x.t.Context(), broker.Sensors, key, [][]byte{value})
	for deadline := time.Now().Add(time.Minute); err != nil && time.Now().Before(deadline); err = x.p.Publish(x.t.Context(), broker.Sensors, key, [][]byte{value}) {
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		x.t.Fatal(err)
	}
}

// follow runs Follow until the test ends and waits until it stood at the end of the topic.
func (x *topic) follow(reg prometheus.Registerer) *fleet.Fleet {
	return x.followAs(fleet.Options{Registerer: reg})
}

func (x *topic) followAs(o fleet.Options) *fleet.Fleet {
	x.t.Helper()
	f := fleet.New()
	o.Config, o.Stores, o.Newest, o.Now = x.cfg, chain(x.t), func() uint64 { return 7 }, func() time.Time { return noon }
	ctx, cancel := context.WithCancel(x.t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- f.Follow(ctx, o)
	}()
	x.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			x.t.Errorf("Follow: got %v, want the context's error", err)
		}
	})
	x.t.Cleanup(x.stop)
	wait(x.t, "the end of the topic", func() bool { return f.Progress(chain(x.t), 0, noon).Ready })
	return f
}

func wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for: %s", what)
		}
	}
}

// summary is what the tests look at of the states.
func summary(states []fleet.State) string {
	var out []string
	for _, s := range states {
		out = append(out, fmt.Sprintf("%s/%s:%d", s.Store, s.Sensor, s.ListVersion))
	}
	return strings.Join(out, " ")
}

func TestFollow(t *testing.T) {
	x := newTopic(t)
	reg := prometheus.NewRegistry()
	x.put(says(t, "berlin/till", 5, nil))
	x.put(says(t, "berlin/door", 6, nil))
	x.put(says(t, "elsewhere/door", 6, nil))
	x.put([]byte("prague/door"), []byte("this is no state"))
	f := x.follow(reg)
	if got, want := summary(f.States()), "berlin/door:6 berlin/till:5"; got != want {
		t.Fatalf("states: got %q, want %q", got, want)
	}
	x.put(says(t, "prague/door", 7, nil))
	x.put(says(t, "berlin/till", 7, func(h *wire.Header, _ *wire.Heartbeat) { h.Sequence = 1 }))
	wait(t, "the newest states", func() bool { return summary(f.States()) == "berlin/door:6 berlin/till:7 prague/door:7" })
	if got, want := summary(f.Of("berlin")), "berlin/door:6 berlin/till:7"; got != want {
		t.Errorf("states of a store: got %q, want %q", got, want)
	}
	want := fleet.Progress{Sensors: 3, Online: 3, Enforcing: 2, Stores: 2, StoresAnswered: 1, OldestList: 3 * time.Second, Ready: true}
	if got := f.Progress(chain(t), 7, noon); got != want {
		t.Errorf("progress: got %+v, want %+v", got, want)
	}
	shows(t, reg, map[string]float64{
		"footfall_fleet_sensors": 3, "footfall_fleet_sensors_online": 3, "footfall_fleet_sensors_enforcing_newest": 2,
		"footfall_fleet_oldest_list_seconds": 3, "footfall_fleet_broken_states_total": 1, "footfall_fleet_unknown_states_total": 1,
	})
	x.put([]byte("prague/door"), nil) // struck off
	wait(t, "a sensor to be struck off", func() bool { return summary(f.States()) == "berlin/door:6 berlin/till:7" })
}

// shows wants the metrics of the fleet to be these and no others.
func shows(t *testing.T, reg *prometheus.Registry, want map[string]float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		name := family.GetName()
		if !strings.HasPrefix(name, "footfall_fleet_") {
			continue
		}
		m := family.GetMetric()[0]
		got := m.GetGauge().GetValue() + m.GetCounter().GetValue()
		if w, ok := want[name]; !ok || got != w || len(m.GetLabel()) > 0 {
			t.Errorf("%s: got %v, want %v and no labels", name, got, w)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s: got none, want it", name)
	}
}

func TestAFleetOutlivesAnOutageOfTheBroker(t *testing.T) {
	if kafkatest.Apache() {
		t.Skip("skipped: it restarts the embedded broker")
	}
	data := t.TempDir()
	b, err := embedded.Start(embedded.Options{DataDir: data})
	if err != nil {
		t.Fatal(err)
	}
	x := newTopic(t, b.Addr())
	f := x.follow(nil)
	x.put(says(t, "berlin/door", 1, nil))
	wait(t, "the first state", func() bool { return summary(f.States()) == "berlin/door:1" })
	b.Close()
	if b, err = embedded.Start(embedded.Options{DataDir: data, Addr: b.Addr()}); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	x.put(says(t, "berlin/door", 2, func(h *wire.Header, _ *wire.Heartbeat) { h.Sequence = 1 }))
	wait(t, "the state after the outage", func() bool { return summary(f.States()) == "berlin/door:2" })
}

func TestAFleetWithoutStoresIsRefused(t *testing.T) {
	err := fleet.New().Follow(t.Context(), fleet.Options{Config: broker.Config{Brokers: []string{"127.0.0.1:1"}}})
	if err == nil || !strings.Contains(err.Error(), "stores.yaml") {
		t.Errorf("got %v, want that the stores of stores.yaml are missing", err)
	}
	err = fleet.New().Follow(t.Context(), fleet.Options{Stores: chain(t)})
	if err == nil {
		t.Error("got no error without brokers, want one")
	}
}

func TestStatesAreCopies(t *testing.T) {
	x := newTopic(t)
	x.put(says(t, "berlin/door", 1, func(_ *wire.Header, b *wire.Heartbeat) { b.FailClosed, b.Trouble = []string{"a"}, []string{"a", "b"} }))
	f := x.follow(nil)
	got := f.States()
	got[0].FailClosed[0], got[0].Trouble[1] = "changed", "changed"
	again := f.Of("berlin")[0]
	if !slices.Equal(again.FailClosed, []string{"a"}) || !slices.Equal(again.Trouble, []string{"a", "b"}) {
		t.Errorf("got %v and %v, want what the sensor said", again.FailClosed, again.Trouble)
	}
}

// TestASensorWithAnotherKeyEnforcesNothing: it drops what the list says, under a key that makes other tags of the same addresses.
func TestASensorWithAnotherKeyEnforcesNothing(t *testing.T) {
	x := newTopic(t)
	reg, log := prometheus.NewRegistry(), new(strings.Builder)
	key := func(check uint32) func(*wire.Header, *wire.Heartbeat) {
		return func(_ *wire.Header, b *wire.Heartbeat) { b.Settings = &wire.Settings{OptoutKeyCheck: check} }
	}
	x.put(says(t, "berlin/door", 7, key(0xc0ffee)))
	x.put(says(t, "berlin/till", 7, key(0xbad)))
	x.put(says(t, "prague/door", 7, nil)) // it is too old to say
	f := x.followAs(fleet.Options{Registerer: reg, OptOutKeyCheck: 0xc0ffee, Logger: slog.New(slog.NewTextHandler(log, nil))})
	want := fleet.Progress{Sensors: 3, Online: 3, Enforcing: 1, OtherKey: 1, Stores: 2, OldestList: 3 * time.Second, Ready: true}
	if got := f.Progress(chain(t), 7, noon); got != want {
		t.Errorf("progress: got %+v, want %+v", got, want)
	}
	shows(t, reg, map[string]float64{
		"footfall_fleet_sensors": 3, "footfall_fleet_sensors_online": 3, "footfall_fleet_sensors_enforcing_newest": 1,
		"footfall_fleet_sensors_other_key": 1, "footfall_fleet_oldest_list_seconds": 3,
		"footfall_fleet_broken_states_total": 0, "footfall_fleet_unknown_states_total": 0,
	})
	x.put(says(t, "berlin/till", 7, func(h *wire.Header, b *wire.Heartbeat) { h.Boot = 2; key(0xc0ffee)(h, b) }))
	x.put(says(t, "prague/door", 7, func(h *wire.Header, b *wire.Heartbeat) { h.Boot = 2; key(0xbad)(h, b) }))
	wait(t, "a bundle of the service's key", func() bool {
		p := f.Progress(chain(t), 7, noon)
		return p.Enforcing == 2 && p.StoresAnswered == 1 && p.OtherKey == 1
	})
	x.stop()
	if got := strings.Count(log.String(), "another opt-out key"); got != 1 {
		t.Errorf("the log says it %d times, want once", got)
	}
}
