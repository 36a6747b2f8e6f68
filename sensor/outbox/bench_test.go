package outbox

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/spool"
	"github.com/openfootfall/footfall/ingest/wire"
)

// The memory of a busy day's ids.
func BenchmarkHeard(b *testing.B) {
	const ids = 100_000
	var bytes float64
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var h heard
		h.begin(1)
		for n := range ids {
			h.add(id(n), tagOf(id(n)))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		bytes = float64(after.HeapAlloc-before.HeapAlloc) / ids
		runtime.KeepAlive(&h)
	}
	b.ReportMetric(bytes, "bytes/id")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/ids, "ns/id")
}

type nowhere struct{}

func (nowhere) Publish(context.Context, string, []byte, [][]byte) error { return nil }

func benchOutbox(b *testing.B, publisher Publisher) (*Outbox, *list) {
	s, _, err := spool.Open(spool.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	l := &list{tags: map[uint32]bool{}, version: 1}
	o, err := New(Options{Store: "street", Sensor: "door", Boot: 1, Policy: wire.Policy_POLICY_STANDARD, SealAfter: 4 * time.Hour, Spool: s, Publisher: publisher, List: l})
	if err != nil {
		b.Fatal(err)
	}
	o.NewDay(calendar.Calendar{}.DayOf(time.Now()))
	time.Sleep(time.Millisecond)
	l.confirm()
	return o, l
}

func benchBatch(n int) *wire.Envelope {
	var builder wire.SightingsBuilder
	now := time.Now().UnixMilli()
	for range n {
		builder.Add(rand.Uint64(), now, 4)
	}
	s, base := builder.Build()
	return &wire.Envelope{
		Header: &wire.Header{Store: "street", Sensor: "door", StoreDay: int32(calendar.Calendar{}.DayOf(time.UnixMilli(base))), BaseMs: base, OptoutVersion: 1, Policy: wire.Policy_POLICY_STANDARD},
		Body:   &wire.Envelope_Sightings{Sightings: s},
	}
}

// What one second of a busy store costs from Send to the acknowledgement.
func BenchmarkSecond(b *testing.B) {
	o, _ := benchOutbox(b, nowhere{})
	e := benchBatch(50)
	b.ReportAllocs()
	for b.Loop() {
		if err := o.Send(topicOf(kindSightings), e); err != nil {
			b.Fatal(err)
		}
		for o.step(context.Background()) == 0 {
		}
	}
}

// What six hours that wait cost at each look: the ledger is gone through, the disk is not read.
func BenchmarkAgeingBacklog(b *testing.B) {
	o, _ := benchOutbox(b, nowhere{})
	now := time.Now().UnixMilli()
	for n := range uint64(6 * 3600) {
		o.ledger.add(entry{lsn: n + 1, timeMS: now, sightings: 50})
	}
	b.ReportAllocs()
	for b.Loop() {
		o.age()
	}
}
