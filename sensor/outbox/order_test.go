package outbox

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/wire"
)

func TestMessagesGoOutInOrderAndNoHeartbeatOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for n := range 5 {
			w.sights(id(2 * n))
			w.counters()
			w.sights(id(2*n + 1))
			w.heartbeat()
			w.heartbeat()
			time.Sleep(time.Minute)
		}
		w.run(time.Minute)
		got := w.kafka.stored()
		if len(got) != 25 {
			t.Fatalf("got %d messages, want 25", len(got))
		}
		newest := map[string]uint64{}
		for _, m := range got {
			seq := m.e.Header.Sequence
			if last, ok := newest[m.topic]; ok && seq <= last {
				t.Errorf("got sequence %d behind %d of the same topic", seq, last)
			}
			newest[m.topic] = seq
			if m.e.GetHeartbeat() == nil {
				continue
			}
			for _, other := range got {
				if s := other.e.Header.Sequence; s < seq && other.attempt > m.attempt {
					t.Errorf("heartbeat %d overtook message %d", seq, s)
				}
			}
		}
		w.balanced()
	})
}

func TestBacklogSharesAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for n := range 1000 {
			w.sights(id(n))
		}
		w.run(time.Minute)
		if got, want := w.kafka.tries, 1000/maxMessages; got != want {
			t.Errorf("got %d attempts, want %d", got, want)
		}
		equal(t, "ids", w.ids(), slices.Sorted(slices.Values(ids(0, 1000))))
	})
}

func TestOneAttemptStaysBelowWhatThePublisherCompressesWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.kafka.set(func(_ string, values [][]byte) error {
			size := 0
			for _, v := range values {
				size += len(v) + 63
			}
			if size > broker.PublishBytes {
				t.Errorf("got an attempt of %d bytes, want at most %d", size, broker.PublishBytes)
			}
			return nil
		})
		for n := range 300 {
			w.sights(ids(100*n, 100*n+100)...)
		}
		w.run(time.Minute)
		w.balanced()
	})
}

func TestMessageIsDoneOnlyWhenAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.sights(id(1))
		w.counters()
		w.kafka.set(always(errUnknown))
		for range 3 {
			w.run(time.Minute)
			w.confirm()
		}
		if got := w.box.Stats().Messages; got != 2 {
			t.Errorf("got %d messages that wait, want 2", got)
		}
		if !w.trouble(TroubleUnreachable) {
			t.Error("got no trouble, want kafka_unreachable")
		}
		w.kafka.set(nil)
		w.confirm()
		w.run(2 * time.Minute)
		if got := w.box.Stats().Messages; got != 0 {
			t.Errorf("got %d messages that wait, want none", got)
		}
		first := map[uint64]int{}
		for _, m := range w.kafka.stored() {
			first[m.e.Header.Sequence]++ // the fake compares the bytes
		}
		if len(first) != 2 || first[0] < 2 {
			t.Errorf("got sequences %v, want 0 several times and 1", first)
		}
		if w.trouble(TroubleUnreachable) {
			t.Error("got kafka_unreachable, want it ended")
		}
		w.balanced()
	})
}

func TestAttemptsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.counters()
		w.kafka.set(always(errDown))
		var at []time.Time
		w.kafka.set(func(string, [][]byte) error {
			at = append(at, time.Now())
			return errDown
		})
		w.run(10 * time.Minute)
		want := firstPause
		for i := 1; i < len(at); i++ {
			if pause := at[i].Sub(at[i-1]); pause < want/2 || pause > want {
				t.Errorf("pause %d: got %v, want %v to %v", i, pause, want/2, want)
			}
			want = min(lastPause, 2*want)
		}
		if len(at) < 20 || len(at) > 60 {
			t.Errorf("got %d attempts in ten minutes, want 20 to 60", len(at))
		}
	})
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name             string
		reason           string
		trouble          string
		outcome          string // how the message is given up; "" it waits
		sent, lost, held int
	}{
		{name: "network", reason: broker.ReasonNetwork, trouble: TroubleUnreachable, held: 3},
		{name: "a full broker", reason: broker.ReasonBrokerFull, trouble: TroubleUnreachable, held: 3},
		{name: "certificate", reason: broker.ReasonTLS, trouble: TroubleRefused, held: 3},
		{name: "login", reason: broker.ReasonSASL, trouble: TroubleRefused, held: 3},
		{name: "rights", reason: broker.ReasonNotAuthorized, trouble: TroubleRefused, held: 3},
		{name: "no topic", reason: broker.ReasonUnknownTopic, trouble: TroubleRefused, held: 3},
		{name: "a clock an hour ahead", reason: broker.ReasonClock, trouble: TroubleRefused, held: 3},
		{name: "another version", reason: broker.ReasonUnsupported, trouble: TroubleRefused, held: 3},
		{name: "something new", reason: "quantum", trouble: TroubleUnreachable, held: 3},
		{name: "too large", reason: broker.ReasonTooLarge, outcome: outTooLarge, sent: 2, lost: 1},
		{name: "never fit", reason: broker.ReasonInvalid, outcome: outInvalid, sent: 2, lost: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.sights(id(1))
				w.sights(id(2))
				w.sights(id(3))
				w.kafka.set(func(_ string, values [][]byte) error {
					for _, v := range values {
						if e, _ := wire.Decode(v); e.GetHeader().GetSequence() == 1 || tt.held > 0 {
							return errors.New(tt.reason)
						}
					}
					return nil
				})
				w.run(time.Minute)
				if got := w.box.Stats().Messages; got != tt.held {
					t.Errorf("got %d that wait, want %d", got, tt.held)
				}
				if got := w.messages(outSent); got != tt.sent {
					t.Errorf("got %d sent, want %d", got, tt.sent)
				}
				if tt.outcome != "" && w.messages(tt.outcome) != 1 {
					t.Errorf("got %d counted as %s, want 1", w.messages(tt.outcome), tt.outcome)
				}
				if got := w.sightings(outLost); got != tt.lost {
					t.Errorf("got %d sightings lost, want %d", got, tt.lost)
				}
				for _, name := range []string{TroubleRefused, TroubleUnreachable} {
					if got, want := w.trouble(name), name == tt.trouble; got != want {
						t.Errorf("%s: got %v, want %v", name, got, want)
					}
				}
				w.balanced()
			})
		})
	}
}

func TestRefusedBatchDoesNotKeepItsNeighbours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for n := range 500 {
			w.sights(id(n))
		}
		w.kafka.set(func(_ string, values [][]byte) error {
			for _, v := range values {
				if e, _ := wire.Decode(v); e.GetHeader().GetSequence()%100 == 37 {
					return errLarge
				}
			}
			return nil
		})
		w.run(time.Minute)
		if got := w.messages(outTooLarge); got != 5 {
			t.Errorf("got %d given up, want 5", got)
		}
		if got := len(w.ids()); got != 495 {
			t.Errorf("got %d ids, want 495", got)
		}
		w.balanced()
	})
}

func TestTopicThatDoesNotFitTheKindIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var b wire.SightingsBuilder
		b.Add(id(1), w.now().UnixMilli(), 3)
		s, base := b.Build()
		body := &wire.Envelope_Sightings{Sightings: s}
		for _, tt := range []struct {
			name  string
			topic string
			e     *wire.Envelope
		}{
			{"ids into the topic without ids", broker.Counters, &wire.Envelope{Header: w.header(base), Body: body}},
			{"a topic that is not there", "other", &wire.Envelope{Header: w.header(base), Body: body}},
			{"a kind that sensors do not send", broker.Sightings, &wire.Envelope{Header: w.header(base), Body: &wire.Envelope_Seal{Seal: &wire.Seal{}}}},
			{"no header", broker.Sightings, &wire.Envelope{Body: body}},
			{"nothing", broker.Sightings, nil},
		} {
			before := w.messages(outInvalid)
			if err := w.box.Send(tt.topic, tt.e); err != nil {
				t.Errorf("%s: got %v, want no error", tt.name, err)
			}
			if got := w.messages(outInvalid) - before; got != 1 {
				t.Errorf("%s: got %d counted as invalid, want 1", tt.name, got)
			}
		}
		w.run(time.Minute)
		if got := len(w.kafka.stored()); got != 0 {
			t.Errorf("got %d messages, want none", got)
		}
		w.balanced()
	})
}

func TestBrokenAndForeignMessagesAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.sights(id(1))
		other := w.header(w.now().UnixMilli())
		other.Sensor = "window"
		foreign, err := wire.Encode(&wire.Envelope{Header: other, Body: &wire.Envelope_Forget{Forget: &wire.Forget{Id: id(2)}}})
		if err != nil {
			t.Fatal(err)
		}
		for kind, raw := range map[uint8][]byte{kindSightings: {1, 2, 3}, kindCounters: bytes.Repeat([]byte{255}, 100), kindForget: foreign, 9: nil} {
			if _, err := w.spool.Append(kind, w.now().UnixMilli(), raw); err != nil {
				t.Fatal(err)
			}
		}
		w.restart()
		w.confirm()
		w.run(time.Minute)
		equal(t, "kinds", w.arrived(), []string{"sightings"})
		if got := w.messages(outBroken); got != 3 {
			t.Errorf("got %d broken, want 3", got)
		}
		if got := w.messages(outForeign); got != 1 {
			t.Errorf("got %d foreign, want 1", got)
		}
		w.balanced()
		equal(t, "on disk", w.onDisk(id(2)), nil)
	})
}

func TestDrainSendsWhatItCanAndKeepsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.kafka.set(always(errDown))
		w.sights(id(1))
		w.counters()
		w.run(10 * time.Minute) // the pause is long now
		w.kafka.set(nil)
		w.confirm()
		start := time.Now()
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := w.box.Drain(closing); err != nil {
			t.Errorf("drain: %v", err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("got %v to drain, want no pause", took)
		}
		equal(t, "kinds", w.arrived(), []string{"sightings", "counters"})

		w.kafka.set(always(errDown))
		w.sights(id(2))
		closing, cancel = context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := w.box.Drain(closing); err != nil {
			t.Errorf("drain: %v", err)
		}
		w.restart()
		w.kafka.set(nil)
		w.confirm()
		w.run(time.Minute)
		equal(t, "ids", w.ids(), slices.Sorted(slices.Values([]uint64{id(1), id(2)})))
		w.balanced()
	})
}

func TestSequenceIsGivenOncePerStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for range 3 {
			w.sights(id(1))
			w.counters()
			w.heartbeat()
			w.run(time.Second)
			w.confirm()
			w.restart()
			w.confirm()
		}
		seen := map[[2]uint64]bool{}
		for _, m := range w.kafka.stored() {
			if m.e.Header.Sequence > 2 {
				t.Errorf("got sequence %d, want 0 to 2", m.e.Header.Sequence)
			}
			seen[[2]uint64{m.e.Header.Boot, m.e.Header.Sequence}] = true
		}
		if len(seen) != 9 {
			t.Errorf("got %d names, want 9", len(seen))
		}
	})
}
