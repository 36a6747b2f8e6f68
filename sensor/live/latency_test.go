package live

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/registry"
)

// all waits until it holds for every sensor; a minute is for ever.
func (c *shopChain) all(what string, holds func(*shopSensor) bool) {
	c.tb.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if !slices.ContainsFunc(c.sensors, func(s *shopSensor) bool { return !holds(s) }) {
			return
		}
		if time.Now().After(deadline) {
			c.tb.Fatalf("waited a minute for every sensor: %s", what)
		}
	}
}

// registers writes the phone's registration as the desk does and returns when Kafka acknowledged it, which is when the page says
// that it is done.
func (c *shopChain) registers(phone int) (done time.Time) {
	c.tb.Helper()
	receipt := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(phone)))
	r := registry.Record{Key: receipt[:], Tag: c.tagger.Tag(c.phones[phone]), Day: 2200}
	key, value, err := r.Encode()
	if err != nil {
		c.tb.Fatal(err)
	}
	if err := c.desk.Publish(c.tb.Context(), broker.OptOuts, key, [][]byte{value}); err != nil {
		c.tb.Fatal(err)
	}
	return time.Now()
}

// measure registers so many phones, one after the other, each of which every sensor hears all the time. It returns how long each
// sensor took from "done" to the first frame that it dropped, and how long the last of them took, both sorted.
func (c *shopChain) measure(registrations int) (each, slowest []time.Duration) {
	c.tb.Helper()
	c.all("the list is read", func(s *shopSensor) bool { return !s.list.ConfirmedAt().IsZero() })
	for n := range registrations {
		c.current.Store(int32(n))
		c.all("the device is heard", func(s *shopSensor) bool { return s.heard[n].Load() != 0 })
		done := c.registers(n)
		c.all("a frame is dropped", func(s *shopSensor) bool { return s.dropped[n].Load() != 0 })
		last := time.Duration(0)
		for _, s := range c.sensors {
			took := max(0, time.Duration(s.dropped[n].Load()-done.UnixNano()))
			each, last = append(each, took), max(last, took)
		}
		slowest = append(slowest, last)
	}
	slices.Sort(each)
	slices.Sort(slowest)
	return each, slowest
}

// share is the value that the share of the sorted values does not exceed.
func share(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// TestEverySensorDropsWhatIsRegistered reports the latency of an opt-out (DESIGN section 12: 5 s) and decides on what is not a
// matter of time: every sensor drops every registered address, and its id never leaves after that.
func TestEverySensorDropsWhatIsRegistered(t *testing.T) {
	t.Parallel()
	c := newShopChain(t, chainRegistrations)
	each, slowest := c.measure(chainRegistrations)
	t.Logf("%d registrations, %d sensors, a frame each %v: from done to the first dropped frame p50 %v, p99 %v, most %v; to the last of the sensors p50 %v, p99 %v, most %v",
		chainRegistrations, len(c.sensors), chainFrames, share(each, 0.5), share(each, 0.99), share(each, 1),
		share(slowest, 0.5), share(slowest, 0.99), share(slowest, 1))
	c.stop()
	for n, s := range c.sensors {
		if s.before == 0 || s.others == 0 {
			t.Errorf("sensor %d: got %d sightings of devices before they were registered and %d of the one that never was, want both: else this test saw nothing", n, s.before, s.others)
		}
	}
}

func BenchmarkFromDoneToDropped(b *testing.B) {
	c := newShopChain(b, b.N)
	b.ResetTimer()
	each, _ := c.measure(b.N)
	b.ReportMetric(float64(share(each, 0.5).Microseconds())/1e3, "p50-ms")
	b.ReportMetric(float64(share(each, 0.99).Microseconds())/1e3, "p99-ms")
	b.ReportMetric(float64(share(each, 1).Microseconds())/1e3, "max-ms")
}
