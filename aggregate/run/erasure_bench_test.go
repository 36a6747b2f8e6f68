package run

import (
	"fmt"
	"math/rand/v2"
	"testing"
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
