package outbox

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/spool"
	"github.com/openfootfall/footfall/ingest/wire"
)

func TestIDsWaitForTheListAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.kafka.set(always(errDown))
		w.sights(id(1))
		w.run(time.Second)
		w.kafka.set(nil)
		w.run(time.Minute)
		equal(t, "ids before the list is confirmed", w.ids(), nil)
		if !w.trouble(TroubleList) {
			t.Error("got no trouble, want waiting_for_list")
		}
		w.confirm()
		w.run(time.Minute)
		equal(t, "ids once it is", w.ids(), []uint64{id(1)})
		if w.trouble(TroubleList) || w.trouble(TroubleUnreachable) {
			t.Error("got troubles, want them ended")
		}
		w.sights(id(2)) // nothing failed since
		w.run(time.Second)
		if got := len(w.ids()); got != 2 {
			t.Errorf("got %d ids, want 2", got)
		}
	})
}

func TestIDsWaitForTheFirstListOfAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.sights(id(1))
		w.restart() // the list has the confirmation of before
		w.run(time.Minute)
		equal(t, "ids before the list is confirmed", w.ids(), nil)
		w.confirm()
		w.run(time.Minute)
		equal(t, "ids once it is", w.ids(), []uint64{id(1)})
	})
}

func TestWhatHasNoIDsPassesThoseThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.sights(id(1))
		w.heartbeat()
		w.restart()
		w.counters()
		w.heartbeat()
		w.run(time.Minute)
		equal(t, "kinds of this start", w.arrived(), []string{"counters", "heartbeat"})
		waits := w.now().UnixMilli()
		w.sights(id(2))
		w.counters()
		w.run(time.Minute)
		w.heartbeat() // it must not overtake the ids of its own start
		w.run(time.Minute)
		equal(t, "kinds behind ids that wait", w.arrived(), []string{"counters", "heartbeat", "counters"})
		w.run(listPatience + rescanEvery) // but somebody has to hear why they wait
		equal(t, "kinds behind ids that wait for long", w.arrived(), []string{"counters", "heartbeat", "counters", "heartbeat"})
		stored := w.kafka.stored()
		if got := stored[len(stored)-1].e.GetHeartbeat().CaptureMs; got > waits {
			t.Errorf("got a heartbeat that says that nothing before %d follows, want no later than %d: the ids do", got, waits)
		}
		w.run(6*time.Hour + rescanEvery)
		equal(t, "kinds when they are old", w.arrived()[4:], []string{"rollup", "rollup", "heartbeat"})
		w.balanced()
	})
}

// More waits than one look at the spool brings: what stands behind it goes all the same, and is not looked for all the time.
func TestManyThatWaitHideNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for n := range 5 * maxMessages {
			w.sights(id(n))
		}
		w.restart()
		reads := &countingSpool{Spool: w.spool}
		w.box.opt.Spool = reads
		w.counters()
		w.heartbeat()
		w.run(time.Minute)
		equal(t, "kinds", w.arrived(), []string{"counters", "heartbeat"})
		if reads.next > 150 {
			t.Errorf("got %d reads in a minute, want two a second at most and one way through", reads.next)
		}
		w.confirm()
		w.run(time.Minute)
		if got := len(w.ids()); got != 5*maxMessages {
			t.Errorf("got %d ids, want %d", got, 5*maxMessages)
		}
		w.balanced()
	})
}

type countingSpool struct {
	Spool
	next int
}

func (c *countingSpool) Next(after uint64, limit, maxBytes int) ([]spool.Message, error) {
	c.next++
	return c.Spool.Next(after, limit, maxBytes)
}

func TestMessagesUnderAnotherList(t *testing.T) {
	tests := []struct {
		name    string
		listed  []uint64 // since the batch of ids 1, 2, 3 was made
		change  func(w *world)
		ids     []uint64
		version uint64 // in the header of what arrives
		removed int
		rolled  int
		unknown int
	}{
		{name: "nothing changed", ids: ids(1, 4), version: 7},
		{name: "somebody else is listed", listed: []uint64{id(9)}, ids: ids(1, 4), version: 7},
		{name: "one of three is listed", listed: []uint64{id(2)}, ids: []uint64{id(1), id(3)}, version: 8, removed: 1},
		{name: "all are listed", listed: ids(1, 4), removed: 3},
		{name: "the topic was made anew, so that versions begin again", listed: []uint64{id(2)}, change: func(w *world) { w.list.version = 3 },
			ids: []uint64{id(1), id(3)}, version: 3, removed: 1},
		{name: "the ids were not heard in this start", listed: []uint64{id(9)}, change: func(w *world) { w.box.heard = heard{day: w.box.heard.day, begun: true} },
			removed: 3, unknown: 3},
		{name: "an earlier start", listed: []uint64{id(9)}, change: func(w *world) { w.restart() }, rolled: 3},
		{name: "an earlier start, the same list", change: func(w *world) { w.restart() }, ids: ids(1, 4), version: 7},
		{name: "an earlier store-day", listed: []uint64{id(9)}, change: func(w *world) { w.box.NewDay(w.cal.DayOf(w.now()) + 1) }, rolled: 3},
		{name: "an earlier store-day, the same list", change: func(w *world) { w.box.NewDay(w.cal.DayOf(w.now()) + 1) }, ids: ids(1, 4), version: 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.sights(ids(1, 4)...)
				w.sync()
				if len(tt.listed) > 0 {
					var tags []uint32
					for _, x := range tt.listed {
						tags = append(tags, tagOf(x))
					}
					w.list.add(tags...)
				}
				if tt.change != nil {
					tt.change(w)
				}
				w.confirm()
				w.run(time.Minute)
				equal(t, "ids", w.ids(), slices.Sorted(slices.Values(tt.ids)))
				for _, m := range w.kafka.stored() {
					if m.e.GetSightings() != nil && m.e.Header.OptoutVersion != tt.version {
						t.Errorf("got version %d, want %d", m.e.Header.OptoutVersion, tt.version)
					}
				}
				for name, want := range map[string]int{outRemoved: tt.removed, outRolled: tt.rolled, outSent: len(tt.ids)} {
					if got := w.sightings(name); got != want {
						t.Errorf("%s: got %d, want %d", name, got, want)
					}
				}
				if got := w.causes()[wire.Rollup_CAUSE_FAIL_CLOSED]; (got == 1) != (tt.rolled > 0) {
					t.Errorf("got %d rollups, want one where something is rolled", got)
				}
				if got := w.metric("footfall_outbox_unknown_ids_total", ""); got != tt.unknown {
					t.Errorf("got %d unknown, want %d", got, tt.unknown)
				}
				w.balanced()
				equal(t, "on disk", w.onDisk(ids(1, 4)...), nil)
			})
		})
	}
}

// While Kafka's answer is unknown the list changes, twice: each content has a number of its own.
func TestListChangesBetweenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.sights(ids(1, 6)...)
		w.kafka.set(always(errUnknown))
		w.run(time.Second)
		for n := 1; n < 4; n++ {
			w.list.add(tagOf(id(n)))
			w.run(time.Minute)
			w.confirm()
			w.run(time.Minute)
		}
		w.kafka.set(nil)
		w.confirm()
		w.run(time.Minute)
		sizes, numbers := map[int]bool{}, map[uint64]bool{}
		for _, m := range w.kafka.stored() {
			sizes[len(m.e.GetSightings().GetIds())], numbers[m.e.Header.Sequence] = true, true
		}
		if len(sizes) != 4 || len(numbers) != 4 {
			t.Errorf("got sizes %v under numbers %v, want 5, 4, 3 and 2 ids under a number each", sizes, numbers)
		}
		if got := w.sightings(outRemoved); got != 3 {
			t.Errorf("got %d removed, want 3", got)
		}
		w.balanced()
	})
}

// The columns of answers stay with their ids.
func TestAnswersFollowTheirIDs(t *testing.T) {
	tests := []struct {
		name    string
		listed  []uint64
		answers map[uint64]uint8
	}{
		{name: "none removed", answers: map[uint64]uint8{id(1): 3, id(3): 17}},
		{name: "an id without an answer removed", listed: []uint64{id(2)}, answers: map[uint64]uint8{id(1): 3, id(3): 17}},
		{name: "an id with an answer removed", listed: []uint64{id(1)}, answers: map[uint64]uint8{id(3): 17}},
		{name: "all answers removed", listed: []uint64{id(1), id(3)}, answers: map[uint64]uint8{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				var b wire.SightingsBuilder
				at := w.now().UnixMilli()
				for n, x := range ids(1, 4) {
					w.box.Heard(x, tagOf(x))
					b.Add(x, at+int64(n)*100, uint8(3+n))
					b.Add(x, at+5000, 5)
				}
				b.Answer(id(1), 3)
				b.Answer(id(3), 17)
				s, base := b.Build()
				s.FilterOnes, s.LookbackWeeks, s.FilterNew = []uint32{1, 2, 3, 4, 5}, 2, true
				w.send(&wire.Envelope{Header: w.header(base), Body: &wire.Envelope_Sightings{Sightings: s}})
				for _, x := range tt.listed {
					w.list.add(tagOf(x))
				}
				w.confirm()
				w.run(time.Minute)
				got := w.kafka.stored()
				if len(got) != 1 {
					t.Fatalf("got %d messages, want 1", len(got))
				}
				body := got[0].e.GetSightings()
				answers := map[uint64]uint8{}
				var run wire.Run
				for runs := body.Runs(); runs.Next(&run); {
					if run.HasAnswer {
						answers[run.ID] = run.Answer
					}
					if n := slices.Index(ids(1, 4), run.ID); len(run.Bands) != 2 || run.Bands[0] != uint8(3+n) {
						t.Errorf("id %d: got bands %v, want its own two", n+1, run.Bands)
					}
				}
				if len(answers) != len(tt.answers) {
					t.Errorf("got %d answers, want %d", len(answers), len(tt.answers))
				}
				for x, want := range tt.answers {
					if answers[x] != want {
						t.Errorf("got answer %d, want %d", answers[x], want)
					}
				}
				if want := len(tt.answers) > 0; (len(body.FilterOnes) == 5) != want || body.FilterNew != want {
					t.Errorf("got filters %v, want them beside answers only", body.FilterOnes)
				}
				w.balanced()
			})
		})
	}
}

func TestHeardIsForgottenWithItsDay(t *testing.T) {
	var h heard
	h.begin(5)
	for n := range 2000 {
		h.add(id(n), tagOf(id(n)))
		h.add(id(n), 1) // what is known stays
	}
	if got := h.len(); got != 2000 {
		t.Errorf("got %d ids, want 2000", got)
	}
	for n := range 2000 {
		if tag, ok := h.tag(id(n)); !ok || tag != tagOf(id(n)) {
			t.Fatalf("id %d: got %d, %v, want %d", n, tag, ok, tagOf(id(n)))
		}
	}
	if _, ok := h.tag(id(2000)); ok {
		t.Error("got a tag of an id that was not heard")
	}
	if !slices.IsSorted(h.ids) {
		t.Error("got ids out of order")
	}
	before, tags := h.ids, h.tags
	h.begin(5)
	if got := h.len(); got != 2000 {
		t.Errorf("got %d ids after the same day again, want 2000", got)
	}
	h.begin(6)
	if got := h.len(); got != 0 {
		t.Errorf("got %d ids, want none", got)
	}
	if slices.ContainsFunc(before, func(x uint64) bool { return x != 0 }) || slices.ContainsFunc(tags, func(x uint32) bool { return x != 0 }) {
		t.Error("got ids or tags in the old memory, want zeros")
	}
	if h.today(calendar.Day(5)) || !h.today(calendar.Day(6)) {
		t.Error("got the wrong day")
	}
}

func TestCountOnlyStoresRememberNoTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.Policy = wire.Policy_POLICY_COUNT_ONLY })
		w.box.Heard(id(1), 5)
		if got := w.box.Stats().KnownIDs; got != 0 {
			t.Errorf("got %d ids, want none", got)
		}
	})
}
