package simulate

import (
	"math"
	"math/rand/v2"
)

// Streams of random numbers. Each store-day has its own of each, so that no day depends on the days before it, and what people
// do does not depend on which frames were written.
const (
	streamModels uint64 = iota + 1
	streamPeople
	streamPlan
	streamAir
)

// dice draws what a simulation needs from one seeded stream.
type dice struct{ *rand.Rand }

func newDice(seed, stream uint64, day int32) dice {
	return dice{rand.New(rand.NewPCG(mix(seed^stream), mix(seed+uint64(uint32(day)))))}
}

// mix is the finaliser of splitmix64: close inputs give far outputs.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (d dice) chance(p float64) bool { return d.Float64() < p }

func (d dice) between(low, high float64) float64 { return low + (high-low)*d.Float64() }

func (d dice) logNormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*d.NormFloat64())
}

// poisson counts arrivals at rate 1 within mean: exact, and fast enough for the few thousand that a store-day needs.
func (d dice) poisson(mean float64) int {
	n := 0
	for t := d.ExpFloat64(); t < mean; t += d.ExpFloat64() {
		n++
	}
	return n
}

// pick draws an index by its cumulative weight.
func (d dice) pick(cumulative []float64) int {
	x := d.Float64() * cumulative[len(cumulative)-1]
	low, high := 0, len(cumulative)-1
	for low < high {
		if mid := (low + high) / 2; cumulative[mid] > x {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}
