package guard

import (
	"errors"
	"fmt"
	"time"
)

// How long things live, and over which spans is counted.
const (
	TokenLife    = 10 * time.Minute // of a token, from its making
	SourceLife   = 14 * time.Minute // of what is held of a source, from its first request; forgotten within sweepEvery
	keyLife      = 10 * time.Minute // of the key that sources are hashed with
	globalWindow = 10 * time.Minute
	heldWindow   = 24 * time.Hour
	sweepEvery   = time.Minute
)

// Rate admits Burst requests at once, and then one in every Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// Limits say how much is too much. A field that is 0 is that of DefaultLimits.
type Limits struct {
	Free       Rate // registrations of a source that need no proof
	Proved     Rate // registrations of a source that are enforced with a proof, beside the free ones; more are held
	LookFree   Rate // checks of a source that need no proof, and as many undos
	LookProved Rate // checks of a source that are answered with a proof, and as many undos; more are refused
	Patience   Rate // proofs by waiting of a source: who waits with many tokens at once gains nothing

	Bits, MaxBits int           // work of a proof: Bits at first, one more for every four proofs of the source, MaxBits at most
	Wait          time.Duration // patience of a proof at first; half of it more for every bit more

	GlobalFree   int // registrations enforced in 10 minutes over all sources, above which each needs a proof
	GlobalProved int // registrations enforced in 10 minutes over all sources, above which each is held

	HeldPerBurst int // registrations held under one burst number; more are refused
	HeldPerDay   int // registrations held in 24 hours over all sources; more are refused

	Sources int // sources remembered at once; those beyond share one, which has nothing free and ten times Proved
	Subnets int // networks (/56) of one /48 that count as sources of their own; those beyond share one
	Tokens  int // redeemed tokens remembered at once; while there are as many no proof is taken
}

// DefaultLimits are for a chain of stores: a family at home or a service desk is never challenged, an office behind one address
// now and then.
func DefaultLimits() Limits {
	return Limits{
		Free: Rate{5, time.Minute}, Proved: Rate{10, time.Minute},
		LookFree: Rate{10, 6 * time.Second}, LookProved: Rate{10, 6 * time.Second},
		Patience: Rate{3, 20 * time.Second},
		Bits:     16, MaxBits: 20, Wait: 20 * time.Second,
		GlobalFree: 300, GlobalProved: 1200,
		HeldPerBurst: 5000, HeldPerDay: 50_000,
		Sources: 1 << 16, Subnets: 16, Tokens: 1 << 16,
	}
}

// Bound is the most registrations of one source that are enforced within any span of that length. In SourceLife each rate gives
// its burst once and then one in every Every; a span that is no multiple of SourceLife touches one life more at each end. With
// DefaultLimits it is 52 in ten minutes and 212 in an hour. An IPv6 /48 counts as 17 sources at most;
// newcomers that share what is left in a flood (Limits.Sources) are bounded together.
func (l Limits) Bound(span time.Duration) int {
	lives := int(span/SourceLife) + 2
	refill := func(r Rate) int { return int(span/r.Every) + 1 }
	return lives*(l.Free.Burst+l.Proved.Burst) + refill(l.Free) + refill(l.Proved)
}

// complete fills in what is 0 and says everything that is wrong.
func (l Limits) complete() (Limits, error) {
	d := DefaultLimits()
	if l.Bits != 0 {
		d.MaxBits = l.Bits + d.MaxBits - d.Bits
	}
	var errs []error
	for _, r := range []struct {
		name  string
		value *Rate
		or    Rate
	}{
		{"free", &l.Free, d.Free},
		{"proved", &l.Proved, d.Proved},
		{"look free", &l.LookFree, d.LookFree},
		{"look proved", &l.LookProved, d.LookProved},
		{"patience", &l.Patience, d.Patience},
	} {
		if *r.value == (Rate{}) {
			*r.value = r.or
		}
		if n, every := r.value.Burst, r.value.Every; n < 1 || n > mostBurst || every < time.Millisecond || every > SourceLife {
			errs = append(errs, fmt.Errorf("limits: %s: %d at once and one in %v is out of range: give 1 to %d, and 1ms to %v", r.name, n, every, mostBurst, SourceLife))
		}
	}
	for _, n := range []struct {
		name     string
		value    *int
		or, most int
	}{
		{"bits", &l.Bits, d.Bits, 30},
		{"max bits", &l.MaxBits, d.MaxBits, 30},
		{"registrations without a proof", &l.GlobalFree, d.GlobalFree, 1e6},
		{"registrations with a proof", &l.GlobalProved, max(d.GlobalProved, l.GlobalFree), 1e6},
		{"held in a burst", &l.HeldPerBurst, d.HeldPerBurst, 1e6},
		{"held in a day", &l.HeldPerDay, d.HeldPerDay, 1e6},
		{"sources", &l.Sources, d.Sources, 1 << 20},
		{"subnets", &l.Subnets, d.Subnets, 256},
		{"tokens", &l.Tokens, d.Tokens, 1 << 20},
	} {
		if *n.value == 0 {
			*n.value = n.or
		}
		if *n.value < 1 || *n.value > n.most {
			errs = append(errs, fmt.Errorf("limits: %s: %d is out of range: give 1 to %d", n.name, *n.value, n.most))
		}
	}
	if l.Wait == 0 {
		l.Wait = d.Wait
	}
	if l.Wait < time.Second || l.Wait > time.Minute {
		errs = append(errs, fmt.Errorf("limits: wait: %v is out of range: give 1s to 1m", l.Wait))
	}
	if l.MaxBits < l.Bits || l.MaxBits > l.Bits+maxSteps {
		errs = append(errs, fmt.Errorf("limits: max bits: %d does not go with %d bits: give as many or up to %d more", l.MaxBits, l.Bits, maxSteps))
	}
	if l.GlobalProved < l.GlobalFree {
		errs = append(errs, fmt.Errorf("limits: registrations with a proof: %d is less than the %d without one: give as many or more", l.GlobalProved, l.GlobalFree))
	}
	return l, errors.Join(errs...)
}

const (
	mostBurst = 1_000_000
	maxSteps  = 8 // of difficulty: the patience that goes with the last one is less than TokenLife
)

// pace is what a kind of request is measured by.
type pace struct{ free, proved Rate }

func (l Limits) of(what Kind, shared bool) pace {
	p := pace{l.LookFree, l.LookProved}
	if what == Register {
		p = pace{l.Free, l.Proved}
	}
	if shared {
		p.free = Rate{0, SourceLife}
		p.proved = Rate{10 * p.proved.Burst, max(p.proved.Every/10, time.Microsecond)}
	}
	return p
}

// bucket is a token bucket in one number: when it will be full again (the generic cell rate algorithm, ITU-T I.371).
type bucket instant

// take takes one if there is one.
func (b *bucket) take(now instant, r Rate) bool {
	if b.wait(now, r) > 0 {
		return false
	}
	*b = bucket(max(instant(*b), now).add(r.Every))
	return true
}

// wait is how long it is until there is one.
func (b *bucket) wait(now instant, r Rate) time.Duration {
	room := time.Duration(r.Burst-1) * r.Every
	return max(0, time.Duration(max(instant(*b), now)-now)-room)
}

// window counts events over a span by slots. An event counts until the slot it fell into is wholly out of the span: it is counted
// for a little longer than the span and never shorter, so a bound that holds for the count holds for every span of that length.
type window struct {
	slot  time.Duration
	first int64 // number of the oldest slot
	slots []int
	total int
}

const windowSlots = 60

func newWindow(span time.Duration) window {
	return window{slot: span / windowSlots, slots: make([]int, windowSlots+1)}
}

func (w *window) count(now instant) int {
	current := int64(now) / int64(w.slot)
	for last := w.first + windowSlots; last < current && w.total > 0; last++ {
		oldest := &w.slots[w.first%int64(len(w.slots))]
		w.total -= *oldest
		*oldest = 0
		w.first++
	}
	w.first = max(w.first, current-windowSlots)
	return w.total
}

func (w *window) add(now instant) {
	w.count(now)
	w.slots[int64(now)/int64(w.slot)%int64(len(w.slots))]++
	w.total++
}
