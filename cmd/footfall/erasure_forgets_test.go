package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/registry"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/clock"
	"github.com/openfootfall/footfall/sensor/dot11"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/listen/tap"
	"github.com/openfootfall/footfall/sensor/live"
)

// alwaysOpen is a store with two sensors that listen now.
const alwaysOpen = `
stores:
  - id: corner
    time_zone: UTC
    policy: standard
    zones: [{id: shop, sensors: [{id: door, entrance: true}, {id: shelf}]}]
`

// rightClock is the machine's clock, said to be synchronised.
type rightClock struct{ began time.Time }

func (c rightClock) Read() (clock.Reading, error) {
	return clock.Reading{Wall: time.Now(), Boot: time.Since(c.began) + time.Hour, Synced: true}, nil
}

// ears are the live sensors of a store, each at a radio of its own.
type ears struct {
	*bench
	radios []*tap.Device
	hasher *keys.Hasher
	seq    uint16
}

// newEars starts the sensors with fresh keys of today.
func newEars(t *testing.T, storesYAML string) *ears {
	t.Helper()
	e := &ears{bench: newBenchOf(t, storesYAML)}
	bundles, spare := e.bundles()
	e.hasher = spare.Hasher()
	for i := range bundles {
		radio := tap.New(t, dot11.LinkRadiotap)
		e.radios = append(e.radios, radio)
		bundle := e.path(bundles[i].Sensor + ".bundle")
		if err := bundles[i].Write(bundle); err != nil {
			t.Fatal(err)
		}
		cfg, err := agent.ParseConfig(fmt.Appendf(nil, "state: %s\nbundle: %s\nsource: {interface: %s}\nspool: {fsync: 200ms, max_mb: 4}\nlisten: 127.0.0.1:0\nkafka: {brokers: ['%s']}\n",
			e.path(bundles[i].Sensor), bundle, radio.Name(), e.brokers[0]))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := live.Run(ctx, cfg, live.Options{Software: "test", Log: slog.New(slog.DiscardHandler), Clock: rightClock{time.Now()}})
			ended <- err
		}()
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Errorf("a sensor ended: %v", err)
			}
		})
	}
	return e
}

// bundles issues the store's keys; the spare is the test's.
func (e *ears) bundles() ([]keys.Bundle, *keys.State) {
	e.t.Helper()
	noise := rand.Reader
	seed, err := keys.NewStoreSeed(noise)
	if err != nil {
		e.t.Fatal(err)
	}
	defer seed.Wipe()
	optOut, err := keys.NewOptOutKey(noise)
	if err != nil {
		e.t.Fatal(err)
	}
	made := func() []keys.Bundle {
		bundles, err := keys.NewBundles(&e.store, seed, e.store.Calendar.DayOf(time.Now()), optOut)
		if err != nil {
			e.t.Fatal(err)
		}
		return bundles
	}
	away := e.t.TempDir()
	if err := made()[0].Write(filepath.Join(away, "bundle")); err != nil {
		e.t.Fatal(err)
	}
	spare, err := keys.Import(filepath.Join(away, "bundle"), filepath.Join(away, "keys"))
	if err != nil {
		e.t.Fatal(err)
	}
	return made(), spare
}

// hears puts a phone's probe request on the air of a sensor.
func (e *ears) hears(sensor int, addr [6]byte) {
	e.t.Helper()
	e.seq++
	probe := dot11.AppendProbeRequest(nil, addr, e.seq, []byte{0, 4, 'c', 'a', 'f', 'e', 1, 4, 2, 4, 11, 22})
	frame, err := dot11.Append(nil, dot11.LinkRadiotap, dot11.Radio{RSSI: -50, HasRSSI: true, FreqMHz: 2437}, probe)
	if err == nil {
		err = e.radios[sensor].Write(frame)
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

// registers writes a registration as the opt-out service does.
func (e *ears) registers(receipt byte, addr [6]byte) {
	e.t.Helper()
	record := registry.Record{Key: bytes.Repeat([]byte{receipt}, 32), Tag: e.hasher.Tag(addr), Day: 2200}
	key, value, err := record.Encode()
	if err != nil {
		e.t.Fatal(err)
	}
	p, err := broker.NewProducer(broker.Config{Brokers: e.brokers, ClientID: "test"}, broker.ProducerOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	if err := p.Send(e.t.Context(), broker.OptOuts, key, value); err != nil {
		e.t.Fatal(err)
	}
	if err := p.Close(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
}

// forgotten is a Forget as Kafka has it, but for where in its sensor's stream it stands.
type forgotten struct {
	id            uint64
	size, returns int
}

// forgets are those in Kafka by sensor.
func (e *ears) forgets() (out map[string][]forgotten, all int) {
	e.t.Helper()
	out = map[string][]forgotten{}
	for _, m := range e.sentFrom(broker.Sightings, broker.Earliest) {
		if f := m.envelope.GetForget(); f != nil {
			id, sensor := f.Id, m.envelope.Header.Sensor
			m.envelope.Header.Sequence = 1
			raw, err := wire.Encode(m.envelope)
			if err != nil {
				e.t.Fatal(err)
			}
			out[sensor] = append(out[sensor], forgotten{id, len(raw), len(f.ReturnIds)})
			all++
		}
	}
	return out, all
}

// TestARegistrationLooksAlikeInKafka registers three phones: one that both sensors heard, one that one of them did, and one
// that nobody knows. Each makes one Forget from every sensor, equal in size; what differs is the id, and of two random-looking
// numbers only an aggregator, which has the ids, can say which one names a device.
func TestARegistrationLooksAlikeInKafka(t *testing.T) {
	for policy, lines := range map[string]string{
		"standard": "policy: standard", // and with return ids in each Forget, that of a stranger too:
		"extended": "policy: extended\n    legal_basis: consent at the till, decided by the board on 2026-01-05",
	} {
		t.Run(policy, func(t *testing.T) {
			registrationsLookAlike(t, newEars(t, strings.Replace(alwaysOpen, "policy: standard", lines, 1)))
		})
	}
}

func registrationsLookAlike(t *testing.T, e *ears) {
	t.Helper()
	both, one, stranger := [6]byte{0, 0x1b, 0x63, 1, 2, 3}, [6]byte{0, 0x1b, 0x63, 1, 2, 4}, [6]byte{0, 0x1b, 0x63, 1, 2, 5}
	heard, polls := map[uint64]int{}, 0
	e.until("both sensors' sightings", func() bool {
		if polls++; polls%60 == 1 { // until they listen; and a burst ends with a second's silence
			e.hears(0, both)
			e.hears(1, both)
			e.hears(0, one)
		}
		clear(heard)
		for _, m := range e.sentFrom(broker.Sightings, broker.Earliest) {
			for _, id := range m.envelope.GetSightings().GetIds() {
				heard[id] |= map[string]int{"door": 1, "shelf": 2}[m.envelope.Header.Sensor]
			}
		}
		return heard[e.hasher.ID(both)] == 3 && heard[e.hasher.ID(one)] == 1
	})
	sizes := map[string]int{}
	for i, r := range []struct {
		name    string
		addr    [6]byte
		matches map[string]bool
	}{
		{"heard by both", both, map[string]bool{"door": true, "shelf": true}},
		{"heard by one", one, map[string]bool{"door": true}},
		{"a stranger", stranger, nil},
		{"known already", both, nil},
	} {
		e.registers(byte(i+1), r.addr)
		var list map[string][]forgotten
		e.until("the Forgets of "+r.name, func() bool {
			var all int
			list, all = e.forgets()
			return all >= 2*(i+1)
		})
		for _, sensor := range []string{"door", "shelf"} {
			if len(list[sensor]) != i+1 {
				t.Fatalf("%s: got %d Forgets from %s, want %d", r.name, len(list[sensor]), sensor, i+1)
			}
			f := list[sensor][i]
			if want := map[bool]int{true: 2}[e.store.Policy == wire.Policy_POLICY_EXTENDED]; f.returns != want {
				t.Errorf("%s: got %d return ids in a Forget from %s, want %d", r.name, f.returns, sensor, want)
			}
			if want := sizes[sensor]; want != 0 && f.size != want {
				t.Errorf("%s: got a Forget of %d bytes from %s, want %d as before", r.name, f.size, sensor, want)
			}
			sizes[sensor] = f.size
			if got, want := f.id == e.hasher.ID(r.addr), r.matches[sensor]; got != want && r.name != "known already" {
				t.Errorf("%s: got a Forget of its id from %s: %v, want %v", r.name, sensor, got, want)
			}
		}
	}
}

// until polls until it holds.
func (b *bench) until(what string, holds func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("waited a minute for %s", what)
		}
	}
}
