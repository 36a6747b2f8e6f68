package run

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/openfootfall/footfall/ingest/wire"
)

// BenchmarkForgets is the first flush after a burst of Forgets: 2,000 devices are in ClickHouse, two of the ids are theirs, and
// the rest match nothing, as when 50 sensors hear of 200 registrations.
func BenchmarkForgets(b *testing.B) {
	e := newEngine(b)
	for _, forgets := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprint(forgets), func(b *testing.B) {
			rnd := rand.New(rand.NewPCG(1, 2))
			for b.Loop() {
				b.StopTimer()
				bench, v, day := newStreet(b, e.database(), Config{Clock: ClockCapture})
				all := visitors(v, day, 2_000)
				bench.send(v.sightings(day, all, nil, false))
				bench.flush()
				for i := range forgets {
					id := rnd.Uint64()
					if i%(forgets/2) == 0 {
						id = all[i%len(all)].id
					}
					bench.send(v.forget(day, id))
				}
				b.StartTimer()
				bench.flush()
			}
		})
	}
}

// chain is an aggregator of many stores with twenty devices each in ClickHouse.
func chain(t testing.TB, e *engine, stores int, policy string) (b *bench, voices []*voice, held []uint64) {
	t.Helper()
	text := "stores:\n"
	for i := range stores {
		text += fmt.Sprintf("  - id: s%d\n    time_zone: Asia/Kolkata\n    seal_after: 2h\n    policy: %s\n%s    zones:\n      - {id: ground, sensors: [{id: door, entrance: true}]}\n", i, policy, basis[policy])
	}
	list := parseStores(t, text)
	b = newBench(t, e.database(), Config{Stores: list, Clock: ClockCapture})
	day := parseDay(t, "2026-02-02")
	for i := range list {
		v := &voice{t: t, store: &list[i], boot: uint64(i + 1)}
		all := visitors(v, day, 20)
		b.send(v.sightings(day, all, answers(all, 1), false))
		voices, held = append(voices, v), append(held, all[0].id)
	}
	b.flush()
	return b, voices, held
}

// registers has each store's sensor send a Forget, with the held devices of the first ones.
func (b *bench) registers(voices []*voice, held []uint64, rnd *rand.Rand) {
	b.t.Helper()
	day := parseDay(b.t, "2026-02-02")
	for i, v := range voices {
		f := &wire.Forget{Id: rnd.Uint64()}
		if i < len(held) {
			f.Id = held[i]
		}
		if v.store.Policy == wire.Policy_POLICY_EXTENDED {
			f.ReturnIds, f.ReturnPeriod = []uint64{rnd.Uint64(), rnd.Uint64()}, wire.ReturnPeriod(int32(day))
		}
		b.send(v.entry(sightings, day, 0, 0, &wire.Envelope{Body: &wire.Envelope_Forget{Forget: f}}))
	}
}

// BenchmarkARegistrationInAChain is the flush after one registration in a chain of 300 stores: a Forget from each, of which some
// match.
func BenchmarkARegistrationInAChain(b *testing.B) {
	e := newEngine(b)
	for _, policy := range []string{"standard", "extended"} {
		for _, matches := range []int{0, 10} {
			b.Run(fmt.Sprintf("%s/%d matches", policy, matches), func(b *testing.B) {
				bench, voices, held := chain(b, e, 300, policy)
				rnd := rand.New(rand.NewPCG(3, 4))
				for b.Loop() {
					b.StopTimer()
					bench.registers(voices, held[:matches], rnd)
					held = held[matches:]
					voices, held = append(voices[matches:], voices[:matches]...), append(held, held[:0]...)
					b.StartTimer()
					bench.flush()
				}
			})
		}
	}
}

// TestAllStoresAreAskedForAtOnce: however many stores a registration reaches, a flush asks as often.
func TestAllStoresAreAskedForAtOnce(t *testing.T) {
	e := newEngine(t)
	for _, policy := range []string{"standard", "extended"} {
		asked := map[int]uint64{}
		for _, stores := range []int{3, 30} {
			b, voices, held := chain(t, e, stores, policy)
			for round, matches := range []int{0, 2} {
				b.registers(voices, held[:matches], rand.New(rand.NewPCG(1, uint64(round))))
				before := b.selects()
				b.flush()
				asked[stores] += b.selects() - before
				left := value[uint64](t, b.db, "SELECT count() FROM device_days FINAL")
				if want := uint64(20*stores - matches); left != want {
					t.Errorf("%s, %d stores: got %d devices after %d matches, want %d", policy, stores, left, matches, want)
				}
			}
		}
		if asked[3] != asked[30] {
			t.Errorf("%s: got %d queries for 30 stores, want as many as for 3: %d", policy, asked[30], asked[3])
		}
	}
}

// selects is how many queries the engine was asked so far; this one is counted each time.
func (b *bench) selects() uint64 {
	b.t.Helper()
	return value[uint64](b.t, b.db, "SELECT toUInt64(value) FROM system.events WHERE event = 'SelectQuery'")
}
