package agent

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// mixture is a made-up air of some hours: phones in and out, chatterers, long pauses, and nonsense. Times lie on a grid of a
// quarter of a second so that gaps of exactly the thresholds happen.
func mixture(rng *rand.Rand, from int64, span time.Duration, devices int) []air {
	var out []air
	for d := range devices {
		addr := phone(d)
		if rng.IntN(2) == 0 {
			addr = made(d)
		}
		if rng.IntN(40) == 0 {
			addr[0] |= 1
		}
		dbm := int8(-95 + rng.IntN(45))
		t := from + rng.Int64N(int64(span))
		for n := 1 + rng.IntN(40); n > 0; n-- {
			for range 1 + rng.IntN(8) {
				out = append(out, air{t: t, addr: addr, dbm: dbm + int8(rng.IntN(9)-4), mute: rng.IntN(50) == 0, model: byte(d % 7)})
				t += []int64{0, 20e6, 250e6, 750e6, 1000e6}[rng.IntN(5)]
			}
			t += []int64{250e6, 1250e6, 20e9, 60e9, 300e9, 900e9, 901e9, 2000e9}[rng.IntN(8)]
			if t > from+int64(span) {
				break
			}
		}
	}
	out = append(out, chatter(rng, from, span)...)
	slices.SortStableFunc(out, func(a, b air) int { return int(min(1, max(-1, a.t-b.t))) })
	for i := range out {
		switch rng.IntN(60) {
		case 0:
			out[i].t -= rng.Int64N(3e9) // late
		case 1:
			out[i].t = []int64{0, -5e9, 42e17, 1e17}[rng.IntN(4)] // nonsense
		}
	}
	return out
}

// chatter is devices that never pause: their bursts are cut.
func chatter(rng *rand.Rand, from int64, span time.Duration) []air {
	var out []air
	for d := range 3 {
		t := from + rng.Int64N(int64(span))
		for end := t + rng.Int64N(400e9); t < end; t += []int64{250e6, 500e6, 1000e6}[rng.IntN(3)] {
			out = append(out, air{t: t, addr: []hwaddr.Addr{phone(900 + d), made(900 + d)}[d%2], dbm: -60, model: 9})
		}
	}
	return out
}

// mixtureRigs are the stores that mixtures are heard in.
func mixtureRigs(t testing.TB) map[string]func(*rig) {
	return map[string]func(*rig){
		"always open": nil,
		"hours": func(r *rig) {
			r.set.Hours = hours(t, map[string]string{"mon": "10:00-12:00,12:30-14:00,20:00-03:00", "tue": "closed"})
		},
		"over the day's end": func(r *rig) { r.set.Hours = hours(t, map[string]string{"mon-tue": "20:00-06:00"}) },
		"count only":         func(r *rig) { r.set.Policy = wire.Policy_POLICY_COUNT_ONLY },
		"excluded, opted out": func(r *rig) {
			r.deps.excluded = map[hwaddr.Addr]struct{}{phone(3): {}, made(4): {}, phone(5): {}}
			list := &fakeList{}
			list.put(phone(1), made(1), phone(2), made(2), made(6), phone(6))
			r.deps.OptOuts = list
		},
		"no strength is inside": func(r *rig) { r.set.NoRSSIInside = true },
	}
}

func TestThePipelineEqualsTheNaiveSteps(t *testing.T) {
	for name, change := range mixtureRigs(t) {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("%s %d", name, seed), func(t *testing.T) {
				r := newRig(t, change)
				frames := mixture(seeded(seed), r.at("09:30:00"), []time.Duration{2 * time.Hour, 26 * time.Hour}[seed%2], 60)
				want := naive(r, frames)
				r.feed(frames...).finish()
				agrees(t, r, want)
				checkBatches(t, r)
			})
		}
	}
}

func TestSightingsOnTheWireAreTheCountedOnes(t *testing.T) {
	for name, change := range mixtureRigs(t) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, change)
			r.feed(mixture(seeded(77), r.at("09:30:00"), 20*time.Hour, 200)...).finish()
			c := r.p.Counts()
			if got := uint64(len(r.sink.sightings())); got != c.Sightings {
				t.Errorf("got %d sightings on the wire, want the %d counted", got, c.Sightings)
			}
			var passers, long uint64
			for _, m := range r.sink.minutes() {
				passers += uint64(m.PassersBy)
				long += uint64(m.ExcludedLong)
			}
			if passers != c.PassersBy || long != c.ExcludedLong {
				t.Errorf("got %d passers-by and %d excluded_long on the wire, want the %d and %d counted", passers, long, c.PassersBy, c.ExcludedLong)
			}
			if c.Bursts == 0 || c.PassersBy == 0 {
				t.Errorf("got %d bursts and %d passers-by: the mixture proves nothing", c.Bursts, c.PassersBy)
			}
		})
	}
}

// checkBatches checks what holds for all envelopes of a boot: their headers, their bounds and their order.
func checkBatches(t *testing.T, r *rig) {
	t.Helper()
	promised, last := int64(0), int64(-1)
	for i, e := range r.sink.envelopes {
		h := e.Header
		if h.Sequence != uint64(i) {
			t.Fatalf("envelope %d: got sequence %d, want %d", i, h.Sequence, i)
		}
		if h.Store != r.set.Store || h.Sensor != r.set.Sensor || h.Zone != r.set.Zone || h.Boot != r.set.Boot || h.Policy != r.set.Policy {
			t.Errorf("envelope %d has the header of another sensor", i)
		}
		if int64(h.StoreDay) < last {
			t.Errorf("envelope %d: got store-day %d after %d", i, h.StoreDay, last)
		}
		last = int64(h.StoreDay)
		if want := e.Kind() == "sightings" || e.Kind() == "heartbeat"; want != (r.sink.topics[i] == Sightings) {
			t.Errorf("envelope %d, of kind %s: got topic %d", i, e.Kind(), r.sink.topics[i])
		}
		if first, ok := checkBatch(t, r, e); ok && first < promised {
			t.Errorf("envelope %d, of kind %s, begins %d ms before what a heartbeat promised", i, e.Kind(), promised-first)
		}
		if b := e.GetHeartbeat(); b != nil {
			if b.CaptureMs < promised {
				t.Errorf("envelope %d: a heartbeat goes back from %d to %d", i, promised, b.CaptureMs)
			}
			if b.EndOfInput != (i == len(r.sink.envelopes)-1) {
				t.Errorf("envelope %d of %d: got end of input %v", i, len(r.sink.envelopes), b.EndOfInput)
			}
			promised = b.CaptureMs
		}
	}
}

// checkBatch checks one envelope, and gives the earliest capture time in it, in Unix milliseconds.
func checkBatch(t *testing.T, r *rig, e *wire.Envelope) (first int64, ok bool) {
	t.Helper()
	cal, h := r.set.Calendar, e.Header
	inDay := func(ms int64) bool { return int32(cal.DayOf(time.UnixMilli(ms))) == h.StoreDay }
	switch e.Kind() {
	case "sightings":
		s := sightsOf(e)
		latest := int64(0)
		first = s[0].ms
		for _, x := range s {
			first, latest = min(first, x.ms), max(latest, x.ms)
		}
		if len(s) > maxSightings || latest-first > maxSpanMS || h.BaseMs != first || !inDay(first) || !inDay(latest) {
			t.Errorf("a batch of %d sightings over %d ms from %d on, of day %d", len(s), latest-first, h.BaseMs, h.StoreDay)
		}
	case "counters":
		ms := minutesOf(e)
		first = ms[0].Minute * 60_000
		if len(ms) > maxMinutes || h.BaseMs != first {
			t.Errorf("a batch of %d minutes from %d on, base %d", len(ms), first, h.BaseMs)
		}
		for _, m := range ms {
			if got := cal.ClassEpoch(time.Unix(m.Minute*60, 0)); got != h.ClassEpoch || !inDay(m.Minute*60_000) {
				t.Errorf("a minute of epoch %d in a batch of %d, day %d", got, h.ClassEpoch, h.StoreDay)
			}
			if m.ListenedS != 60 || m.MemoryAge != wire.MemoryMinutes {
				t.Errorf("got %d s listened, memory age %d", m.ListenedS, m.MemoryAge)
			}
		}
	case "rollup":
		first = e.GetRollup().FirstQuarter * 15 * 60_000
		if !inDay(first) || h.BaseMs != first || h.Policy != wire.Policy_POLICY_COUNT_ONLY {
			t.Errorf("a rollup from %d on, base %d, of day %d", first, h.BaseMs, h.StoreDay)
		}
	default:
		if h.StoreDay < int32(calendar.Day(0)) {
			t.Errorf("a %s of day %d", e.Kind(), h.StoreDay)
		}
		return 0, false
	}
	return first, true
}
