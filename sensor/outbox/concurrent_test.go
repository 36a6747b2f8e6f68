package outbox

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openfootfall/footfall/ingest/wire"
)

// Capture, the syncing goroutine, the list and the sender go beside each other, as in a live sensor.
func TestEverybodyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ctx, cancel := context.WithCancel(context.Background())
		var wg, capture sync.WaitGroup
		wg.Go(func() {
			if err := w.box.Run(ctx); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		every := func(d time.Duration, do func(n int)) {
			wg.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					do(n)
					time.Sleep(d)
				}
			})
		}
		every(time.Second, func(int) { w.sync() })
		every(700*time.Millisecond, func(int) { w.list.confirm() })
		every(300*time.Millisecond, func(int) { w.box.Stats() })
		every(20*time.Second, func(n int) { w.kafka.set(always([]error{nil, errDown, errUnknown}[n%3])) })
		every(13*time.Second, func(n int) { w.list.add(tagOf(id(100_000 + n))) })
		capture.Go(func() {
			for n := range 300 {
				w.sights(id(2*n), id(2*n+1))
				if n%10 == 0 {
					w.counters()
					w.heartbeat()
				}
				time.Sleep(time.Second)
			}
		})
		capture.Wait()
		time.Sleep(time.Minute)
		cancel()
		wg.Wait()
		w.kafka.set(nil)
		w.confirm()
		closing, done := context.WithTimeout(context.Background(), time.Minute)
		defer done()
		if err := w.box.Drain(closing); err != nil {
			t.Errorf("drain: %v", err)
		}
		equal(t, "ids", w.ids(), slices.Sorted(slices.Values(ids(0, 600))))
		w.balanced()
	})
}

// A list that is confirmed again and again, and a spool with whatever bytes in it, never make the outbox stop or send them.
func FuzzSpooledBytes(f *testing.F) {
	good, err := wire.Encode(&wire.Envelope{
		Header: &wire.Header{Store: "street", Sensor: "door", StoreDay: 2253, BaseMs: 1772528400000, OptoutVersion: 6, Policy: wire.Policy_POLICY_STANDARD},
		Body: &wire.Envelope_Sightings{Sightings: &wire.Sightings{
			Ids: []uint64{1, 5}, Counts: []uint32{1, 2}, OffsetsMs: []uint32{0, 10, 20}, Bands: []byte{3, 4, 5},
			AnswerOf: []uint32{1}, Answers: []byte{9}, FilterOnes: []uint32{1, 2, 3, 4, 5},
		}},
	})
	if err != nil {
		f.Fatal(err)
	}
	for kind := range uint8(8) {
		f.Add(kind, int64(1772528400000), good)
		f.Add(kind, int64(-1<<63), []byte{})
	}
	f.Add(kindSightings, int64(1<<63-1), []byte("\n\x02\n\x00"))
	f.Fuzz(func(t *testing.T, kind uint8, timeMS int64, raw []byte) {
		if len(raw) > wire.MaxBytes {
			t.Skip("the spool does not take it")
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			if _, err := w.spool.Append(kind&15, timeMS, raw); err != nil {
				t.Fatal(err)
			}
			var before *wire.Envelope
			if before, err = wire.Decode(raw); err != nil {
				before = nil
			}
			w.restart()
			w.list.add(1)
			w.confirm()
			w.run(time.Minute)
			if got := w.box.Stats().Messages; got != 0 {
				t.Errorf("got %d messages that wait, want none", got)
			}
			for _, m := range w.kafka.stored() {
				if m.e.GetSightings() != nil && before.GetHeader().GetOptoutVersion() != w.list.Version() {
					t.Error("ids of an earlier start under another list are sent")
				}
			}
			w.balanced()
			if err := w.spool.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	})
}
