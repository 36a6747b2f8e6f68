package estimate

import "math"

// channel is the filters' noise: how true patterns of bits become answers.
type channel struct {
	bits     int       // bits used, 1..Filters
	counts   []float64 // visitors by answered pattern of the bits used
	visitors float64
	p1       float64
	q0       [Filters]float64 // mean over visitors
}

func newChannel(days []Answers, p1 float64, bits int) *channel {
	ch := &channel{bits: bits, p1: min(p1, 1-1e-9), counts: make([]float64, 1<<bits)}
	for _, d := range days {
		n := 0.0
		for pattern, c := range d.Counts {
			ch.counts[pattern&(1<<bits-1)] += float64(c)
			n += float64(c)
		}
		if n == 0 {
			continue
		}
		for k := range bits {
			ch.q0[k] += n * max(d.Q0[k], 1e-9)
		}
		ch.visitors += n
	}
	for k := range bits {
		ch.q0[k] /= ch.visitors
	}
	return ch
}

// The limits of the maximisation: it stops when no step moves a visitor in ten thousand, or after so many.
const (
	maxSteps = 4000
	stepEnd  = 1e-9
)

// maximise gives the shares of the true patterns under which the answers are likeliest.
func (ch *channel) maximise() []float64 {
	n := 1 << ch.bits
	truth, next, seen := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range truth {
		truth[i] = 1 / float64(n)
	}
	for range maxSteps {
		copy(seen, truth)
		ch.answer(seen)
		for y, c := range ch.counts {
			seen[y] = c / max(seen[y], 1e-300)
		}
		ch.blame(seen)
		moved := 0.0
		for x := range next {
			next[x] = truth[x] * seen[x] / ch.visitors
			moved = max(moved, math.Abs(next[x]-truth[x]))
		}
		truth, next = next, truth
		if moved < stepEnd {
			break
		}
	}
	return truth
}

// answer turns shares of true patterns into shares of answered patterns, in place, one bit after the other.
func (ch *channel) answer(v []float64) {
	for k := range ch.bits {
		q := ch.q0[k]
		for x := range v {
			if x>>k&1 == 0 {
				absent, there := v[x], v[x|1<<k]
				v[x] = absent*(1-q) + there*(1-ch.p1)
				v[x|1<<k] = absent*q + there*ch.p1
			}
		}
	}
}

// blame is answer's transpose: it takes what each answered pattern weighs back to the true ones.
func (ch *channel) blame(v []float64) {
	for k := range ch.bits {
		q := ch.q0[k]
		for x := range v {
			if x>>k&1 == 0 {
				zero, one := v[x], v[x|1<<k]
				v[x] = zero*(1-q) + one*q
				v[x|1<<k] = zero*(1-ch.p1) + one*ch.p1
			}
		}
	}
}

// share is the share of visitors of whom none of the first bits is true, with its interval.
func (ch *channel) share(truth []float64, bits int) Share {
	value, some, noiseSome := 0.0, 0.0, 0.0
	for x, share := range truth {
		if x&(1<<bits-1) == 0 {
			value += share
			continue
		}
		some += share
		noiseSome += share * ch.noise(x, bits)
	}
	noiseNone := ch.noise(0, bits)
	if some > 1e-6 {
		noiseSome /= some
	} else {
		noiseSome = noiseNone
	}
	value = min(1, max(0, value))
	crowded := 1 + ch.filled(bits)
	out := Share{Value: value, Known: true, noise: noise{noiseNone * crowded, noiseSome * crowded}}
	out.Low, out.High = out.Of(ch.visitors)
	return out
}

// filled is the share of buckets that somebody's visit has drawn, in the fullest of the first filters. Visitors who share a
// bucket share its noise, so that the answers are worth fewer independent ones.
func (ch *channel) filled(bits int) float64 {
	fullest := 0.0
	for _, q := range ch.q0[:bits] {
		fullest = max(fullest, (q-(1-ch.p1))/(2*ch.p1-1))
	}
	return min(1, fullest)
}

// noise is the variance, over the filters' noise, of the unbiased weight of one answer by a visitor with true pattern x.
func (ch *channel) noise(x, bits int) float64 {
	square, mean := 1.0, 1.0
	for k := range bits {
		q, p := ch.q0[k], ch.p1
		one := q // how often this bit answers 1
		if x>>k&1 == 1 {
			one, mean = p, 0
		}
		square *= ((1-one)*p*p + one*(1-p)*(1-p)) / ((p - q) * (p - q))
	}
	return square - mean
}

// standardErrors is how many standard errors the interval goes to each side. 1.96 would be 95 % for the unbiased estimate; the maximum
// of the likelihood leans inward near none and all, which the unbiased variance does not know.
const standardErrors = 2.1

// solve gives the shares f from which value is no further than standardErrors of them, where the variance of an answer is
// noiseNone with share f and noiseSome with the rest.
func solve(value, noiseNone, noiseSome, n float64) (low, high float64) {
	c := standardErrors * standardErrors / n
	d := noiseNone - noiseSome
	middle := value + c*d/2
	half := math.Sqrt(max(0, c*(value*noiseNone+(1-value)*noiseSome)+c*c*d*d/4))
	return max(0, min(value, middle-half)), min(1, max(value, middle+half))
}
