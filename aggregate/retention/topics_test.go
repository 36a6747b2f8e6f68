package retention

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/registry"
)

func TestEveryTopicIsLookedAt(t *testing.T) {
	places := prove(t, Input{Kafka: topicsOf(t), Stores: chain(t), Now: noon})
	want := []string{broker.Sightings, broker.Counters, broker.OptOuts, broker.Quarantine, broker.Sensors, broker.DeadLetters, broker.Clock}
	var got []string
	for _, p := range places {
		if p.Kind == Topic {
			got = append(got, p.Name)
			if !p.OK() || !p.Oldest.IsZero() || p.Count != 0 || p.Reason != "" {
				t.Errorf("got %+v, want an empty topic to be in order", p)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got the topics %v, want %v", got, want)
	}
}

// TestTheOldestIDOfTheTopicIsFound: an id is as old as its sighting, whenever it was sent, and it may be as old as the store
// that seals last has it.
func TestTheOldestIDOfTheTopicIsFound(t *testing.T) {
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	type message struct {
		store string
		at    time.Time
		value func(testing.TB, string, time.Time) []byte
	}
	// The kiosk seals last, so ids of both live 25 h + 24 h + 1 h + 6 min, and 6 h more on a sensor.
	tests := []struct {
		name     string
		messages []message
		oldest   time.Time
		want     Verdict
	}{
		{"today's", []message{{"mall", ago(2 * time.Hour), sighting}}, ago(2 * time.Hour), OK},
		{"just in time", []message{{"mall", ago(56 * time.Hour), sighting}}, ago(56 * time.Hour), OK},
		{"too old", []message{{"mall", ago(57 * time.Hour), sighting}}, ago(57 * time.Hour), Breach},
		{"of another store", []message{{"kiosk", ago(56 * time.Hour), sighting}}, ago(56 * time.Hour), OK},
		{"of another store, too old", []message{{"kiosk", ago(57 * time.Hour), sighting}}, ago(57 * time.Hour), Breach},
		{"of a store that nobody knows", []message{{"gone", ago(60 * time.Hour), sighting}}, ago(60 * time.Hour), Breach},
		{"one of two stores is too old", []message{{"kiosk", ago(40 * time.Hour), sighting}, {"mall", ago(58 * time.Hour), sighting}}, ago(58 * time.Hour), Breach},
		{"behind others", []message{{"mall", ago(time.Hour), sighting}, {"mall", ago(58 * time.Hour), sighting}}, ago(58 * time.Hour), Breach},
		{"no ids, however old", []message{{"mall", ago(90 * time.Hour), heartbeat}}, time.Time{}, OK},
		{"behind one without", []message{{"mall", ago(90 * time.Hour), heartbeat}, {"mall", ago(58 * time.Hour), sighting}}, ago(58 * time.Hour), Breach},
		{"a Forget of its day", []message{{"mall", ago(90 * time.Hour), forget}}, chain(t)[0].Calendar.Start(dayOfMarch(21)).UTC(), Breach},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := topicsOf(t)
			for _, m := range test.messages {
				say(t, cfg, broker.Sightings, m.store, noon, m.value(t, m.store, m.at)) // all are sent now
			}
			got := find(t, prove(t, Input{Kafka: cfg, Stores: chain(t), Now: noon}), Topic, "", broker.Sightings)
			if got.Verdict != test.want || !got.Oldest.Equal(test.oldest) || got.Count != int64(len(test.messages)) || !got.Newest.Equal(noon) {
				t.Errorf("got %+v, want %s, the oldest of %v", got, test.want, test.oldest)
			}
			if got.Verdict == Breach && (got.Reason != TooOld || got.Age != noon.Sub(test.oldest) || got.Advice() == "") {
				t.Errorf("got %+v, want its age and what to do", got)
			}
		})
	}
}

// TestOneStoreWaitsForNoOther: with the mall alone its own 2 hours count.
func TestOneStoreWaitsForNoOther(t *testing.T) {
	for _, test := range []struct {
		age  time.Duration
		want Verdict
	}{{34 * time.Hour, OK}, {35 * time.Hour, Breach}} { // 25 h + 2 h + 1 h + 6 min + 6 h
		cfg := topicsOf(t)
		say(t, cfg, broker.Sightings, "mall", noon, sighting(t, "mall", noon.Add(-test.age)))
		if p := find(t, prove(t, Input{Kafka: cfg, Stores: chain(t)[:1], Now: noon}), Topic, "", broker.Sightings); p.Verdict != test.want {
			t.Errorf("%v old: got %+v, want %s", test.age, p, test.want)
		}
	}
}

func TestALongerSpoolAgeIsALongerLife(t *testing.T) {
	cfg := topicsOf(t)
	say(t, cfg, broker.Sightings, "mall", noon, sighting(t, "mall", noon.Add(-60*time.Hour)))
	in := Input{Kafka: cfg, Stores: chain(t), Now: noon}
	if p := find(t, prove(t, in), Topic, "", broker.Sightings); p.OK() {
		t.Errorf("spool_id_age of 6 h: got %+v, want a breach", p)
	}
	in.Sensors = []SensorSpool{{Store: "mall", Sensor: "door", Known: true, Made: noon, IDAge: 12 * time.Hour}}
	if p := find(t, prove(t, in), Topic, "", broker.Sightings); !p.OK() {
		t.Errorf("spool_id_age of 12 h: got %+v, want it in order", p)
	}
}

// TestOfManyMessagesTheFirstAreLookedAt: the end is known without reading all.
func TestOfManyMessagesTheFirstAreLookedAt(t *testing.T) {
	cfg := topicsOf(t)
	p, err := broker.NewPublisher(cfg, broker.ProducerOptions{Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	values := make([][]byte, lookAt+500)
	for i := range values {
		values[i] = sighting(t, "mall", noon.Add(time.Duration(i)*time.Second-10*time.Hour))
	}
	for part := range slices.Chunk(values, 500) {
		if err := p.Publish(t.Context(), broker.Sightings, []byte("mall"), part); err != nil {
			t.Fatal(err)
		}
	}
	say(t, cfg, broker.Sightings, "mall", noon.Add(time.Minute), heartbeat(t, "mall", noon))
	got := find(t, prove(t, Input{Kafka: cfg, Stores: chain(t), Now: noon}), Topic, "", broker.Sightings)
	if !got.OK() || got.Count != lookAt+501 || got.Age != 10*time.Hour || !got.Newest.Equal(noon.Add(time.Minute)) {
		t.Errorf("got %+v, want %d messages, the oldest of ten hours ago", got, lookAt+501)
	}
}

// TestTheRegistryHoldsTagsAndNothingElse looks at every record of the topics that the opt-out service writes.
func TestTheRegistryHoldsTagsAndNothingElse(t *testing.T) {
	today := noon.Truncate(24 * time.Hour)
	key := string(make([]byte, 32))
	_, tag, err := registry.Record{Key: []byte(key), Tag: 5, Day: 2274}.Encode()
	_, held, err2 := registry.HeldRecord{Key: []byte(key), Tag: 5, Day: 2274, Burst: 9}.Encode()
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	more := func(value []byte) []byte { // an address in a field that the decoder skips
		return protowire.AppendBytes(protowire.AppendTag(slices.Clone(value), 15, protowire.BytesType), []byte{2, 0, 0x5e, 0x10, 0, 1})
	}
	tests := []struct {
		name, topic, key string
		at               time.Time
		value            []byte
		want             Reason
	}{
		{"a registration", broker.OptOuts, key, today, tag, ""},
		{"an old one: they stay", broker.OptOuts, key, today.AddDate(-5, 0, 0), tag, ""},
		{"a removal", broker.OptOuts, key, today, nil, ""},
		{"with more in it", broker.OptOuts, key, today, more(tag), NotATag},
		{"under an address", broker.OptOuts, "02:00:5e:10:00:01", today, []byte{8}, NotATag},
		{"at its exact time", broker.OptOuts, key, noon.Add(time.Second), tag, ExactTime},
		{"one that waits", broker.Quarantine, key, today, held, ""},
		{"one that waits, with more in it", broker.Quarantine, key, today, more(held), NotATag},
		{"one that waits, at its exact time", broker.Quarantine, key, noon.Add(time.Second), held, ExactTime},
		{"one that waits for too long", broker.Quarantine, key, today.AddDate(0, 0, -40), held, TooOld},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := topicsOf(t)
			say(t, cfg, test.topic, test.key, test.at, test.value)
			say(t, cfg, test.topic, key, today, nil) // a good one behind it
			got := find(t, prove(t, Input{Kafka: cfg, Stores: chain(t), Now: noon}), Topic, "", test.topic)
			if got.Reason != test.want || got.OK() != (test.want == "") || got.Count != 2 {
				t.Errorf("got %+v, want the reason %q", got, test.want)
			}
		})
	}
}

func TestWhatDoesNotBelongIntoATopicIsFound(t *testing.T) {
	tests := []struct {
		name, topic string
		at          time.Time
		value       []byte
		want        Reason
	}{
		{"a heartbeat among the sensors' states", broker.Sensors, noon.AddDate(0, 0, -9), heartbeat(t, "mall", noon), ""},
		{"a sensor that was struck off", broker.Sensors, noon, nil, ""},
		{"ids among the sensors' states", broker.Sensors, noon, sighting(t, "mall", noon), WrongKind},
		{"anything among the sensors' states", broker.Sensors, noon, []byte("hello"), WrongKind},
		{"ids among the counters", broker.Counters, noon, sighting(t, "mall", noon), WrongKind},
		{"a Forget among the counters", broker.Counters, noon, forget(t, "mall", noon), WrongKind},
		{"counters of half a day", broker.Counters, noon.Add(-12 * time.Hour), heartbeat(t, "mall", noon), ""},
		{"counters of a day", broker.Counters, noon.Add(-24 * time.Hour), heartbeat(t, "mall", noon), TooOld},
		{"a letter's body", broker.DeadLetters, noon, sighting(t, "mall", noon), WrongKind},
		{"an old letter", broker.DeadLetters, noon.AddDate(0, 0, -32), []byte("reason"), TooOld},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := topicsOf(t)
			say(t, cfg, test.topic, "mall", test.at, test.value)
			got := find(t, prove(t, Input{Kafka: cfg, Stores: chain(t), Now: noon}), Topic, "", test.topic)
			if got.Reason != test.want || got.OK() != (test.want == "") {
				t.Errorf("got %+v, want the reason %q", got, test.want)
			}
		})
	}
	t.Run("a message to the clock", func(t *testing.T) {
		cfg := topicsOf(t)
		say(t, cfg, broker.Clock, "", noon, []byte("hello"))
		if got := find(t, prove(t, Input{Kafka: cfg, Stores: chain(t), Now: noon}), Topic, "", broker.Clock); got.Reason != NotEmpty {
			t.Errorf("got %+v, want %s", got, NotEmpty)
		}
	})
}

// TestAMissingTopicIsNoBreach, and a Kafka that does not answer is an error.
func TestAMissingTopicIsNoBreach(t *testing.T) {
	p := &proof{in: Input{Kafka: topicsOf(t), Now: noon}}
	got, err := p.topics(t.Context(), []topicRule{{name: "footfall.nowhere.v1"}})
	if err != nil || len(got) != 1 || !got[0].OK() || got[0].Reason != Absent {
		t.Errorf("got %+v, %v, want a place that is absent", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if places, err := Prove(ctx, Input{Kafka: broker.Config{Brokers: []string{"127.0.0.1:1"}}, Stores: chain(t), Now: noon}); err == nil {
		t.Errorf("no Kafka: got %+v, want an error", places)
	}
}
