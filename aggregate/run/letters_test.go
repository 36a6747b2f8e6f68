package run

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
)

// raw encodes an envelope without checking it, as a program with a fault might.
func raw(t testing.TB, e *wire.Envelope) []byte {
	t.Helper()
	out, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// canary is an id that must not be found in a dead letter.
const canary = 0x1122334455667788

// letter is a message, and what should be said of it: no reason where it is used.
type letter struct {
	name          string
	clock         Clock
	topic         int
	raw           []byte
	sent          time.Time // when the day begins where zero
	reason        string
	store, sensor string
}

func letters(t testing.TB, v, counting *voice, day calendar.Day) []letter {
	t.Helper()
	start, end := v.store.Calendar.Start(day), v.store.Calendar.End(day)
	header := func(shop, sensor string) *wire.Header {
		return &wire.Header{Store: shop, Sensor: sensor, StoreDay: int32(day), BaseMs: start.UnixMilli(), Policy: wire.Policy_POLICY_STANDARD}
	}
	with := func(h *wire.Header) []byte {
		return raw(t, &wire.Envelope{Header: h, Body: &wire.Envelope_Sightings{Sightings: &wire.Sightings{
			Ids: []uint64{canary}, Counts: []uint32{1}, OffsetsMs: []uint32{0}, Bands: []byte{7},
		}}})
	}
	unpaired := &wire.Envelope{Header: header("street", "door"), Body: &wire.Envelope_Sightings{Sightings: &wire.Sightings{Ids: []uint64{canary}}}}
	one := []seen{{canary, start.UnixMilli(), 7}}
	beyond := []seen{{canary, start.UnixMilli(), 7}, {canary + 1, end.UnixMilli(), 7}}
	minute := func(at time.Time) []wire.Minute { return []wire.Minute{{Minute: at.Unix() / 60, ListenedS: 60}} }
	quarter := func(at time.Time) wire.QuarterCount { return wire.QuarterCount{Quarter: at.Unix() / 900, Devices: 3} }
	return []letter{
		{name: "broken bytes", topic: counters, raw: []byte("\xff\xff\x88\x77\x66\x55\x44\x33\x22\x11"), reason: "broken"},
		{name: "nothing", raw: nil, reason: "unknown_kind"},
		{name: "unknown kind", raw: raw(t, &wire.Envelope{Header: header("street", "door")}), reason: "unknown_kind", store: "street", sensor: "door"},
		{name: "unknown kind of an unknown sensor", raw: raw(t, &wire.Envelope{Header: header("street", "1122334455667788")}), reason: "unknown_kind", store: "street"},
		{name: "unknown kind of an unknown store", raw: raw(t, &wire.Envelope{Header: header("1122334455667788", "door")}), reason: "unknown_kind"},
		{name: "bad header", raw: with(header("street!", "door")), reason: "bad_header"},
		{name: "columns that disagree", raw: raw(t, unpaired), reason: "inconsistent", store: "street", sensor: "door"},
		{name: "unknown store", raw: with(header("elsewhere", "door")), reason: "unknown_store"},
		{name: "unknown sensor", raw: with(header("street", "attic")), reason: "unknown_sensor", store: "street"},
		{name: "sent on its day", raw: v.sightings(day, one, nil, false).raw, sent: start},
		{name: "sent the day after", raw: v.sightings(day, one, nil, false).raw, sent: end.Add(24*time.Hour - time.Millisecond)},
		{name: "sent two days after", raw: v.sightings(day, one, nil, false).raw, sent: end.Add(24 * time.Hour), reason: "wrong_day", store: "street", sensor: "door"},
		{name: "sent before its day", raw: v.sightings(day, one, nil, false).raw, sent: start.Add(-time.Millisecond), reason: "wrong_day", store: "street", sensor: "door"},
		{name: "counters sent two days after", topic: counters, raw: v.minutes(day, minute(start)).raw, sent: end.Add(24 * time.Hour), reason: "wrong_day", store: "street", sensor: "door"},
		{name: "a file's, years after", clock: ClockCapture, raw: v.sightings(day, one, nil, false).raw, sent: end.AddDate(3, 0, 0)},
		{name: "a Seal, years after", raw: sealOf(t, v.store, sightings, day).raw, sent: end.AddDate(3, 0, 0)},
		{name: "a sighting outside the day", raw: v.sightings(day, beyond, nil, false).raw, reason: "outside_day", store: "street", sensor: "door"},
		{name: "the day's last minute", topic: counters, raw: v.minutes(day, minute(end.Add(-time.Minute))).raw},
		{name: "a minute after the day", topic: counters, raw: v.minutes(day, minute(end)).raw, reason: "outside_day", store: "street", sensor: "door"},
		{name: "a minute before the day", topic: counters, raw: v.minutes(day, append(minute(start.Add(-time.Minute)), minute(start)...)).raw, reason: "outside_day", store: "street", sensor: "door"},
		{name: "a quarter outside the day", topic: counters, raw: v.rollup(day, quarter(end)).raw, reason: "outside_day", store: "street", sensor: "door"},
		{name: "ids of a store that only counts", raw: with(header("bar", "a")), reason: "policy", store: "bar", sensor: "a"},
		{name: "its counts", topic: counters, raw: counting.rollup(day, quarter(start)).raw},
	}
}

const bar = `
  - {id: bar, time_zone: Asia/Kolkata, policy: count-only, zones: [{id: in, sensors: [{id: a}]}]}
`

func TestDeadLettersHaveAReasonAndNoBody(t *testing.T) {
	list := parseStores(t, street+bar)
	day := list[0].Calendar.DayOf(time.Now()) // dead letters of long ago would expire at once
	v, counting := &voice{t: t, store: &list[0]}, &voice{t: t, store: &list[1]}
	b := newBench(t, newEngine(t).database(), Config{Stores: list})
	var all []store.DeadLetterRow
	for _, l := range letters(t, v, counting, day) {
		t.Run(l.name, func(t *testing.T) {
			if l.sent.IsZero() {
				l.sent = list[0].Calendar.Start(day)
			}
			now := func() time.Time { return l.sent.AddDate(9, 0, 0) } // what judges is the message's time
			b.log = new(topicLog)
			b.start(Config{Stores: list, Clock: l.clock, Now: now})
			b.send(entry{l.topic, l.sent, l.raw})
			if l.reason == "" {
				if len(b.o.dead) != 0 || len(b.o.stores["street"].days)+len(b.o.stores["bar"].days) != 1 {
					t.Errorf("got dead letters %+v, want the message to be used", b.o.dead)
				}
				return
			}
			want := store.DeadLetterRow{Topic: topics[l.topic], Reason: l.reason, Store: l.store, Sensor: l.sensor, Received: l.sent.UTC()}
			if len(b.o.dead) != 1 || b.o.dead[0] != want {
				t.Fatalf("got %+v, want %+v", b.o.dead, want)
			}
			if got := metric(t, b.reg, "footfall_aggregate_dead_letters_total", l.reason); got != 1 {
				t.Errorf("got %v of them counted, want 1", got)
			}
			want.Offset = int64(len(all))
			all = append(all, want)
		})
	}
	b.start(Config{Stores: list})
	b.o.dead = all
	b.flush()
	if n := count(t, b.db, store.TableDeadLetters, "1"); n != uint64(len(all)) || len(b.o.dead) != 0 {
		t.Errorf("got %d rows and %d still to write, want %d and none", n, len(b.o.dead), len(all))
	}
	rows, err := store.Select[line](t.Context(), b.db, "SELECT formatRow('JSONEachRow', *) AS row FROM dead_letters")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ToLower(fmt.Sprint(rows))
	for _, form := range []string{"%x", "%d"} {
		if strings.Contains(text, fmt.Sprintf(form, uint64(canary))) {
			t.Errorf("the id is in the dead letters: %s", text)
		}
	}
}

// A batch with one sighting outside its day is told of, and the rest of it counts.
func TestTheRestOfABatchCounts(t *testing.T) {
	b, v, _ := newStreet(t, newEngine(t).database(), Config{Clock: ClockCapture})
	day := v.store.Calendar.DayOf(time.Now())
	list := append(visitors(v, day, 12), seen{canary, v.store.Calendar.End(day).UnixMilli(), 7})
	b.send(v.sightings(day, list, nil, false))
	b.seal(v, day)
	b.flush()
	if got := value[uint32](t, b.db, "SELECT visits FROM store_days FINAL"); got != 12 {
		t.Errorf("got %d visits, want 12", got)
	}
	if n := count(t, b.db, "dead_letters", "reason = 'outside_day'"); n != 1 {
		t.Errorf("got %d dead letters, want 1", n)
	}
}

// What is dead-lettered for its day opens none and holds no offset: one sensor with a wrong clock must not keep the topic.
func TestAWrongDayHoldsNoOffset(t *testing.T) {
	b, v, day := newStreet(t, newEngine(t).database(), Config{})
	wrong := v.sightings(day, visitors(v, day, 3), nil, false)
	wrong.at = v.store.Calendar.End(day + 5)
	b.send(wrong)
	b.flush()
	if b.o.open() || b.log.committed[sightings] != 1 {
		t.Errorf("got open %v and committed %d, want no day and 1", b.o.open(), b.log.committed[sightings])
	}
}
