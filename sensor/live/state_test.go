package live

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/status"
)

// said are the states in Kafka, in their order; messages their keys and bytes.
func (b *box) said() (states []*wire.Envelope, messages []broker.Message) {
	b.t.Helper()
	_, err := broker.ReadPartition(b.t.Context(), b.kafka(), broker.Sensors, 0, 0, func(m broker.Message) error {
		e, err := wire.Decode(m.Value)
		if err != nil {
			return err
		}
		states, messages = append(states, e), append(messages, m)
		return nil
	})
	if err != nil {
		b.t.Fatalf("read %s: %v", broker.Sensors, err)
	}
	return states, messages
}

// newest waits until the newest state is such.
func (r *running) newest(what string, holds func(h *wire.Header, b *wire.Heartbeat) bool) *wire.Envelope {
	r.t.Helper()
	var newest *wire.Envelope
	r.wait("a state: "+what, func() bool {
		states, _ := r.said()
		if len(states) == 0 {
			return false
		}
		newest = states[len(states)-1]
		return holds(newest.Header, newest.GetHeartbeat())
	})
	return newest
}

func works(_ *wire.Header, b *wire.Heartbeat) bool {
	return len(b.FailClosed) == 0 && b.OptoutAgeS >= 0
}

func TestASensorSaysWhatItEnforces(t *testing.T) {
	t.Parallel() // most of it is waiting
	b := newBox(t, nil)
	r := b.start()
	e := r.newest("it works", works)
	h, beat := e.Header, e.GetHeartbeat()
	if h.Store != "shop" || h.Sensor != "door" || h.Zone != "floor" || h.Policy != wire.Policy_POLICY_STANDARD || h.OptoutVersion != 0 {
		t.Errorf("got the header %v, want the sensor's, under the empty list", h)
	}
	if d := time.Since(time.UnixMilli(beat.MadeMs)); d < 0 || d > time.Minute || beat.Software != "test" {
		t.Errorf("got a state made %v ago by %q, want one of now and the program's name", d, beat.Software)
	}
	cal, err := calendar.New("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	day := int32(cal.DayOf(time.UnixMilli(beat.MadeMs)))
	twin, err := keys.Load(filepath.Join(b.dir, "twin"))
	if err != nil {
		t.Fatal(err)
	}
	want := &wire.Settings{
		SpoolIdAgeS: 6 * 3600, OptoutMaxAgeS: 48 * 3600, SealAfterS: 4 * 3600, InsideDbm: -70, FloorDbm: -90, Hours: "always open",
		TimeZone: "Europe/Berlin", ReturnEpsilon: 2, KeysDay: day, OptoutKeyCheck: twin.OptOutCheck(),
	}
	if !proto.Equal(beat.Settings, want) || h.StoreDay != day {
		t.Errorf("got the settings %v on day %d, want %v", beat.Settings, h.StoreDay, want)
	}
	b.registers(1, own(1))
	r.newest("the registration's list", func(h *wire.Header, _ *wire.Heartbeat) bool { return h.OptoutVersion == 1 })
	b.undoes(1)
	r.newest("the list after the undo", func(h *wire.Header, _ *wire.Heartbeat) bool { return h.OptoutVersion == 2 })
	r.end()
	states, messages := b.said()
	for i, e := range states {
		if e.Header.Sequence != uint64(i) || e.Header.Boot != states[0].Header.Boot || string(messages[i].Key) != "shop/door" {
			t.Errorf("state %d: got sequence %d under the key %q, want them counted under the sensor's", i, e.Header.Sequence, messages[i].Key)
		}
	}
	for _, e := range b.log(broker.Sightings) {
		if e.GetHeartbeat().GetSettings() != nil {
			t.Fatal("got settings in an ordinary heartbeat, want them on the topic of sensors alone")
		}
	}
}

// TestTheFleetHearsWhatASensorSays: the service's view of a sensor that is registered at, falls silent, and is gone.
func TestTheFleetHearsWhatASensorSays(t *testing.T) {
	t.Parallel()
	b := newBox(t, nil)
	list, err := stores.Parse([]byte(storesYAML))
	if err != nil {
		t.Fatal(err)
	}
	f := fleet.New()
	go func() { _ = f.Follow(t.Context(), fleet.Options{Config: b.kafka(), Stores: list}) }()
	r := b.start()
	r.wait("a sensor under the empty list", func() bool { return f.Progress(list, 0, time.Now()).StoresAnswered == 1 })
	if p := f.Progress(list, 1, time.Now()); p.Online != 1 || p.Enforcing != 0 || p.StoresAnswered != 0 {
		t.Errorf("got %+v before the registration, want a sensor that does not enforce it", p)
	}
	b.registers(1, own(1))
	r.wait("a sensor under the new list", func() bool { return f.Progress(list, 1, time.Now()).Enforcing == 1 })
	r.end()
	p := f.Progress(list, 1, time.Now().Add(time.Hour))
	if p.Sensors != 1 || p.Online != 0 || p.StoresAnswered != 0 || p.OldestList < time.Hour || p.OldestList > time.Hour+5*time.Minute {
		t.Errorf("got %+v an hour later, want it offline with a list an hour old", p)
	}
	s := f.Of("shop")[0]
	if !s.Settings.Known || s.Settings.SpoolIDAge != 6*time.Hour || s.Settings.OptOutMaxAge != agent.OptOutMaxAge || s.Settings.InsideDBM != -70 {
		t.Errorf("got the settings %+v, want those of the sensor", s.Settings)
	}
}

func TestASensorSaysWhyItFailsClosed(t *testing.T) {
	t.Parallel() // most of it is waiting
	b := newBox(t, nil)
	r := b.start()
	r.newest("it works", works)
	b.clock.unsynced.Store(true)
	e := r.newest("the clock", func(_ *wire.Header, b *wire.Heartbeat) bool {
		return slices.Contains(b.FailClosed, string(status.ClockUnsynchronised))
	})
	if got := e.GetHeartbeat().Trouble; !slices.Contains(got, string(status.ClockUnsynchronised)) {
		t.Errorf("got the troubles %v, want the clock among them", got)
	}
	b.clock.unsynced.Store(false)
	r.newest("it works again", works)
	r.end()
}

func TestAfterAnOutageASensorSaysOnlyWhereItStandsNow(t *testing.T) {
	t.Parallel() // most of it is waiting
	b := newBox(t, nil)
	r := b.start()
	r.newest("it works", works)
	before, _ := b.said()
	b.broker.Close()
	b.sends(own(1), -50)
	r.troubled(string(status.KafkaUnreachable), 1)
	for _, on := range []bool{true, false, true} {
		b.clock.unsynced.Store(on)
		r.wait("the clock's trouble", func() bool {
			return (r.metric("footfall_sensor_trouble", string(status.ClockUnsynchronised)) == 1) == on
		})
	}
	b.startBroker()
	r.newest("the last of what happened", func(_ *wire.Header, b *wire.Heartbeat) bool {
		return slices.Contains(b.FailClosed, string(status.ClockUnsynchronised))
	})
	b.clock.unsynced.Store(false)
	r.newest("it works", works)
	r.end()
	after, _ := b.said()
	for i := 1; i < len(after); i++ {
		if was, is := after[i-1].Header.Sequence, after[i].Header.Sequence; is < was {
			t.Errorf("got state %d after state %d, want none older than the one before", is, was)
		}
	}
	if len(before) == 0 || len(after) <= len(before) {
		t.Errorf("got %d states before the outage and %d with those after it, want both", len(before), len(after))
	}
}

// without deletes a topic.
func (b *box) without(topic string) {
	b.t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(b.addr)}
	res, err := client.DeleteTopics(b.t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err == nil {
		err = res.Errors[topic]
	}
	if err != nil {
		b.t.Fatalf("delete %s: %v", topic, err)
	}
}

func TestAMissingTopicOfSensorsDisturbsNothing(t *testing.T) {
	t.Parallel() // most of it is waiting
	b := newBox(t, nil)
	b.without(broker.Sensors)
	r := b.start()
	r.until("footfall_publisher_attempts_total", 2, `"`+broker.Sensors+`"`, `"`+broker.ReasonUnknownTopic+`"`)
	for n := range 5 {
		b.sends(own(n), -50)
	}
	r.wait("the sightings", func() bool { return len(ids(b.log(broker.Sightings))) == 5 })
	b.registers(1, own(1))
	r.wait("the Forget", func() bool { return len(b.forgets()) == 1 })
	if health, body := r.get("/healthz"); health != 200 {
		t.Errorf("got health %d %q, want 200", health, body)
	}
	r.end()
	if got := ids(b.log(broker.Sightings)); len(got) != 5 {
		t.Errorf("got %d ids, want 5", len(got))
	}
}

// TestAStateHoldsNothingOfADevice looks for what was heard in every byte that a sensor says of itself.
func TestAStateHoldsNothingOfADevice(t *testing.T) {
	t.Parallel() // most of it is waiting
	b := newBox(t, nil)
	r := b.start()
	r.newest("it works", works)
	for n := range 5 {
		b.sends(own(n), -50)
		b.sends(made(n), -50)
	}
	r.wait("the sightings", func() bool { return len(ids(b.log(broker.Sightings))) == 5 })
	b.registers(1, own(1))
	r.newest("the list", func(h *wire.Header, _ *wire.Heartbeat) bool { return h.OptoutVersion == 1 })
	r.end()
	_, messages := b.said()
	for _, m := range messages {
		for n := range 5 {
			for _, a := range [][6]byte{own(n), made(n)} {
				text := fmt.Sprintf("%x", a)
				id := binary.LittleEndian.AppendUint64(nil, b.hasher.ID(a))
				tag := binary.LittleEndian.AppendUint32(nil, b.hasher.Tag(a))
				for _, secret := range [][]byte{a[:], []byte(text), id, reversed(id), tag, reversed(tag), []byte("cafe")} {
					if bytes.Contains(m.Value, secret) || bytes.Contains(m.Key, secret) {
						t.Errorf("a state holds something of device %d", n)
					}
				}
			}
		}
	}
}

func reversed(b []byte) []byte {
	b = slices.Clone(b)
	slices.Reverse(b)
	return b
}

func TestWhenAStateIsDue(t *testing.T) {
	at := time.Now()
	closed, trouble := []string{"a"}, []string{"a", "b"}
	for _, row := range []struct {
		name            string
		since           time.Duration
		version         uint64
		closed, trouble []string
		want            bool
	}{
		{"nothing changed", 59 * time.Second, 7, closed, trouble, false},
		{"a minute passed", time.Minute, 7, closed, trouble, true},
		{"another list", stateList, 8, closed, trouble, true},
		{"a list that was made anew", stateList, 3, closed, trouble, true},
		{"another list at once", stateList - 1, 8, closed, trouble, false},
		{"another reason", stateNews, 7, nil, trouble, true},
		{"another trouble", stateNews, 7, closed, closed, true},
		{"another reason at once", stateNews - 1, 7, nil, trouble, false},
	} {
		s := newStates(1)
		if !s.due(at, 0, nil, nil) {
			t.Error("got a start that says nothing")
		}
		s.at, s.version, s.closed, s.trouble = at, 7, closed, trouble
		if got := s.due(at.Add(row.since), row.version, row.closed, row.trouble); got != row.want {
			t.Errorf("%s: got due %v, want %v", row.name, got, row.want)
		}
	}
}

func TestTheNewestStateWins(t *testing.T) {
	s := newStates(1)
	for n := range uint64(5) {
		s.put(&wire.Envelope{Header: &wire.Header{Sequence: n}})
	}
	if got := (<-s.next).Header.Sequence; got != 4 {
		t.Errorf("got state %d, want the last of five", got)
	}
	select {
	case e := <-s.next:
		t.Errorf("got state %d too, want only the newest", e.Header.Sequence)
	default:
	}
}

func TestPausesGrow(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		most time.Duration
	}{
		{"the network", errors.New("broken"), statePauseMax},
		{"no such topic", kafka.UnknownTopicOrPartition, stateRefusedMax},
		{"no right to it", kafka.TopicAuthorizationFailed, stateRefusedMax},
	} {
		pause := longer(0, row.err)
		if pause != statePauseMin {
			t.Errorf("%s: got a first pause of %v, want %v", row.name, pause, statePauseMin)
		}
		for range 20 {
			next := longer(pause, row.err)
			if next < pause || next > row.most {
				t.Fatalf("%s: got %v after %v, want it longer, up to %v", row.name, next, pause, row.most)
			}
			pause = next
		}
		if pause != row.most {
			t.Errorf("%s: got a last pause of %v, want %v", row.name, pause, row.most)
		}
	}
}

// TestAStateThatCannotBeSentIsForgotten: nothing behind it waits for ever.
func TestAStateThatCannotBeSentIsForgotten(t *testing.T) {
	s, _ := still(t)
	e := s.state(0, nil, nil)
	e.GetHeartbeat().Settings.Hours = strings.Repeat("x", 1<<16)
	if err := s.sendState(e); err != nil {
		t.Errorf("got %v, want it logged and forgotten", err)
	}
	if err := s.sendState(s.state(0, nil, nil)); err != nil {
		t.Errorf("the next: got %v, want it sent", err)
	}
}
