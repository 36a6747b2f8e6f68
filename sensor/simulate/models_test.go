package simulate

import (
	"bytes"
	"math"
	"slices"
	"testing"
)

func TestTheMarketIsAsAssumed(t *testing.T) {
	m := newMarket()
	if got := len(m.models); got < 60 || got > 150 {
		t.Errorf("got %d models, want 60 to 150", got)
	}
	// Zipf(.8) over all ranks: the shares of both parts add up to it.
	want := 0.0
	for i := range m.models {
		want += math.Pow(float64(i+1), -0.8)
	}
	if got := m.randomLots[len(m.randomLots)-1] + m.stableLots[len(m.stableLots)-1]; math.Abs(got-want) > 1e-9 {
		t.Errorf("got weights of %g, want %g", got, want)
	}
	several, kept, rates, looks := 0, 0, []float64{}, map[string]int{}
	for i := range m.models {
		x := &m.models[i]
		looks[string(x.elements[standby].bytes)]++
		if x.oui[0]&3 != 0 {
			t.Errorf("model %d: vendor prefix is local or a group", i)
		}
		for mode, seconds := range x.interval {
			if !slices.Contains(measuredIntervals[:], seconds) || x.stable && seconds > 40 {
				t.Errorf("model %d, mode %d: an interval of %g s", i, mode, seconds)
			}
			if !x.stable {
				rates = append(rates, 60/seconds)
			}
		}
		if x.stable && (x.addresses || x.keep > 0) {
			t.Errorf("model %d is stable and changes its address", i)
		}
		if x.addresses {
			several++
		}
		if x.keep > 0 {
			kept++
		}
	}
	if len(looks) < 90 {
		t.Errorf("got %d different sets of elements of 96 models, want nearly all", len(looks))
	}
	if several < 4 || kept < 8 {
		t.Errorf("got %d models with several addresses a burst and %d that keep one, want some", several, kept)
	}
	slices.Sort(rates)
	if got := rates[len(rates)/2]; got < 0.4 || got > 0.7 {
		t.Errorf("median of %g bursts a minute, want about .55", got)
	}
}

func TestElementsAreWellFormed(t *testing.T) {
	m := newMarket()
	protected := 0
	for i := range m.models {
		for _, e := range m.models[i].elements {
			total := 0
			for body := e.bytes; len(body) > 0; body = body[2+int(body[1]):] {
				if len(body) < 2 || len(body) < 2+int(body[1]) {
					t.Fatalf("model %d: an element is cut off", i)
				}
				if total++; body[0] == idHT && body[1] != 26 || body[0] == idVHT && body[1] != 12 {
					t.Errorf("model %d: element %d has %d bytes", i, body[0], body[1])
				}
			}
			if e.bytes[e.channel-2] != idChannel || e.bytes[e.channel-1] != 1 || total < 5 {
				t.Errorf("model %d: %d elements, the channel is not where it is said to be", i, total)
			}
			if bytes.Contains(e.bytes, []byte{0x00, 0x50, 0xf2, 0x04}) {
				protected++
			}
		}
	}
	if protected == 0 || protected > 20 {
		t.Errorf("got %d of 192 sets with a WPS element, want a few", protected)
	}
}

func TestNearestInterval(t *testing.T) {
	for name, row := range map[string]struct{ seconds, want float64 }{
		"below all": {1, 5}, "exact": {63, 63}, "between, nearer by ratio": {42, 30}, "above all": {1000, 300},
	} {
		t.Run(name, func(t *testing.T) {
			if got := nearestInterval(row.seconds); got != row.want {
				t.Errorf("got %g, want %g", got, row.want)
			}
		})
	}
}

func TestDice(t *testing.T) {
	d := newDice(1, streamPlan, 0)
	lots := []float64{1, 1, 4} // the second weighs nothing
	var drawn [3]int
	sum, logs := 0, 0.0
	for range 10_000 {
		drawn[d.pick(lots)]++
		sum += d.poisson(7)
		logs += math.Log(d.logNormal(2, 0.5))
	}
	if drawn[1] != 0 || drawn[0] < 2300 || drawn[0] > 2700 {
		t.Errorf("got draws of %v, want a quarter, none, the rest", drawn)
	}
	if got := float64(sum) / 10_000; math.Abs(got-7) > 0.15 {
		t.Errorf("got a Poisson mean of %g, want 7", got)
	}
	if got := math.Exp(logs / 10_000); math.Abs(got-2) > 0.05 {
		t.Errorf("got a log-normal median of %g, want 2", got)
	}
	if d.poisson(0) != 0 || d.pick([]float64{3}) != 0 {
		t.Error("nothing is drawn from nothing, and one from one")
	}
}
