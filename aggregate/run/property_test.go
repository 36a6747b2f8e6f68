package run

import (
	"math/rand/v2"
	"testing"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/wire"
)

// street has two zones with three sensors between them, in a time zone half an hour off.
const street = `
stores:
  - id: street
    time_zone: Asia/Kolkata
    seal_after: 2h
    hours: {mon-sun: "08:00-22:00"}
    zones:
      - {id: ground, sensors: [{id: door, entrance: true}, {id: till}]}
      - {id: upper, sensors: [{id: stairs, entrance: true}]}
`

// chaos is how a log differs from the plain one, and about how often rows are written and the process dies on the way.
type chaos struct {
	name                  string
	batches, mixed, twice bool
	writes, crashes       int
}

// TestTheAnswerDependsOnlyOnTheMessagesBeforeTheSeal sends two store-days of three sensors in many ways. The order within one
// sensor's sightings and within its minutes is kept; everything else is drawn: how they are batched, in which order counts of
// devices come and which of them more than once with other numbers, which sensor and topic is read when, which messages come twice, when rows are written, when the process dies and which messages are gone by then.
func TestTheAnswerDependsOnlyOnTheMessagesBeforeTheSeal(t *testing.T) {
	e := newEngine(t)
	plain := chaos{name: "plain"}
	everything := chaos{name: "everything", batches: true, mixed: true, twice: true, writes: 3, crashes: 3}
	again := everything
	again.name = "everything, drawn again"
	for policy, ways := range map[string][]chaos{
		"standard": {
			plain,
			{name: "other batches, mixed, twice", batches: true, mixed: true, twice: true},
			{name: "written while it comes", mixed: true, writes: 6},
			{name: "crashes, the log truncated", mixed: true, writes: 3, crashes: 3},
			everything, again,
		},
		"extended":   {plain, everything, again},
		"count-only": {plain, everything, again},
	} {
		list := parseStores(t, street+"    policy: "+policy+"\n"+basis[policy])
		w := newWorld(&list[0], parseDay(t, "2026-02-02"), days, 45, 11)
		want := ""
		for i, c := range ways {
			t.Run(policy+", "+c.name, func(t *testing.T) {
				b := newBench(t, e.database(), Config{Stores: list, Clock: ClockCapture})
				b.play(w, c, rand.New(rand.NewPCG(uint64(i), 5)))
				got := dump(t, b.db)
				if want == "" {
					want = got
					checkPlain(t, b.db, policy)
				}
				sameTables(t, c.name, got, want)
			})
		}
	}
}

// basis is what else stores.yaml says under a policy.
var basis = map[string]string{"extended": "    legal_basis: consent at the till, decided by the board on 2026-01-05\n"}

// days are the store-days of the property.
const days = 2

// checkPlain keeps the property from being shown of nothing.
func checkPlain(t *testing.T, db *store.DB, policy string) {
	t.Helper()
	if n := count(t, db, store.TableSealedDays, "1"); n != days {
		t.Errorf("got %d sealed days, want %d", n, days)
	}
	for _, table := range exactTables {
		if n := count(t, db, table, "1"); n != 0 {
			t.Errorf("%s: got %d rows of sealed days, want none", table, n)
		}
	}
	visits := value[uint64](t, db, "SELECT sum(visits) FROM store_days FINAL")
	if people := value[float64](t, db, "SELECT sum(occupancy_mean) FROM store_days FINAL"); people <= days {
		t.Errorf("got %v people inside on average, want more", people/days)
	}
	if got, want := visits > 0, policy != "count-only"; got != want {
		t.Errorf("got %d visits under the policy %s", visits, policy)
	}
	if n := count(t, db, store.TablePubStoreQuarter, "occupancy_state = 'value'"); n < 10 {
		t.Errorf("got %d quarters with an occupancy, want more", n)
	}
	counted := map[string]string{"standard": "counted_state = 'value'", "extended": "counted_state = 'value'", "count-only": "counted_state = 'policy'"}[policy]
	if n := count(t, db, store.TablePubStoreQuarter, counted); n < 10 {
		t.Errorf("got %d quarters of which %s, want more", n, counted)
	}
	if n := count(t, db, store.TablePubSensor5Min, "trouble = 'clock, kafka, spool_full' AND channels[2412] > 0 AND spool_oldest IS NOT NULL"); n == 0 {
		t.Error("got no sensor in trouble, want some")
	}
	if n := count(t, db, store.TableReturnPatterns, "1"); policy != "count-only" && n != days {
		t.Errorf("got %d days of return answers, want %d", n, days)
	}
	if n := count(t, db, store.TableReturnVisits, "1"); (n > 40) != (policy == "extended") {
		t.Errorf("got %d return visits under the policy %s", n, policy)
	}
	if n := value[uint64](t, db, "SELECT sum(repeat_7d) FROM return_patterns FINAL"); (n > 5) != (policy == "extended") {
		t.Errorf("got %d visitors known again under the policy %s", n, policy)
	}
}

// play sends a world with its Seals.
func (b *bench) play(w *world, c chaos, rnd *rand.Rand) {
	b.t.Helper()
	messages := b.arrange(w, c, rnd)
	for _, m := range messages {
		b.send(m)
		if draw := rnd.IntN(len(messages)); draw < c.crashes {
			if draw%2 == 0 {
				b.flush()
			}
			b.restart(rnd.IntN(2) == 0)
		} else if draw < c.crashes+c.writes {
			b.flush()
		}
	}
	if b.o.open() {
		b.t.Fatal("a day is open after its Seals")
	}
}

// queue is what one sensor says in one topic, not sent yet.
type queue struct {
	topic int
	days  [][]entry
}

// arrange makes one order of all messages: each queue's own order is kept, and a day's Seal follows its last message in the
// topic.
func (b *bench) arrange(w *world, c chaos, rnd *rand.Rand) (out []entry) {
	b.t.Helper()
	var batching *rand.Rand
	if c.batches {
		batching = rnd
	}
	var queues []*queue
	for sensor := range w.store.Sensors {
		if w.store.Policy != wire.Policy_POLICY_COUNT_ONLY {
			q := &queue{topic: counters, days: w.onlyCounted(b.t, sensor, batching)}
			for _, day := range q.days {
				if c.mixed {
					rnd.Shuffle(len(day), func(i, j int) { day[i], day[j] = day[j], day[i] })
				}
			}
			queues = append(queues, q)
		}
		days := w.say(b.t, sensor, batching)
		for topic := range topics {
			q := &queue{topic: topic}
			for _, d := range days {
				q.days = append(q.days, d[topic])
			}
			queues = append(queues, q)
		}
	}
	sealed := [2]int{}
	for {
		var ready []*queue
		for _, q := range queues {
			q.skip()
			if len(q.days) > 0 {
				ready = append(ready, q)
			}
		}
		for topic := range topics {
			for sealed[topic] < len(w.days) && allPast(queues, topic, len(w.days)-sealed[topic]) && (len(ready) == 0 || !c.mixed || rnd.IntN(4) == 0) {
				out = append(out, sealOf(b.t, w.store, topic, w.days[sealed[topic]].day))
				sealed[topic]++
			}
		}
		if len(ready) == 0 {
			return out
		}
		q := ready[0]
		if c.mixed {
			q = ready[rnd.IntN(len(ready))]
		}
		m := q.take()
		out = append(out, m)
		if c.twice && rnd.IntN(5) == 0 {
			out = append(out, m)
		}
	}
}

func (q *queue) skip() {
	for len(q.days) > 0 && len(q.days[0]) == 0 {
		q.days = q.days[1:]
	}
}

func (q *queue) take() entry {
	m := q.days[0][0]
	q.days[0] = q.days[0][1:]
	return m
}

// allPast says whether nothing of the day is left in the topic: of the days from it on are so many.
func allPast(queues []*queue, topic, days int) bool {
	for _, q := range queues {
		if q.topic == topic && len(q.days) >= days {
			return false
		}
	}
	return true
}
