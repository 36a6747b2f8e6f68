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
	dayWindow    = 24 * time.Hour
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

	Site   Rate // registrations of an IPv6 /48 that are enforced, over all its sources; more are held
	Block  Rate // the same of an IPv4 /24: providers put many customers behind one, and nobody is given one for nothing
	Firsts int  // sources of a /48 or /24 whose first registration may use the reserve, and as many for checks and for undos

	// Half of each of these is the reserve. It is for the first registration (check, undo) of a source within SourceLife, so that
	// a few networks that flood the pages leave room for people, who come once.
	GlobalFree     int // registrations enforced in 10 minutes over all sources, above which each needs a proof
	GlobalProved   int // registrations enforced in 10 minutes over all sources, above which each is held
	GlobalLookFree int // checks answered in 10 minutes over all sources, above which each needs a proof, and as many undos
	GlobalLook     int // checks answered in 10 minutes over all sources, above which each is refused, and as many undos
	HeldPerDay     int // registrations held in 24 hours over all sources; more are refused

	EnforcedPerDay int // registrations enforced in 24 hours over all sources, above which all but a source's first are held
	HeldPerBurst   int // registrations held under one burst number; more of its site are refused

	Sources int // sources, and /48 and /24, remembered at once; those beyond share one: nothing free, and ten times Proved
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
		Site: Rate{40, 20 * time.Second}, Block: Rate{80, 10 * time.Second}, Firsts: 8,
		GlobalFree: 300, GlobalProved: 1200, GlobalLookFree: 600, GlobalLook: 2400,
		HeldPerDay: 50_000, EnforcedPerDay: 10_000, HeldPerBurst: 5000,
		Sources: 1 << 16, Subnets: 16, Tokens: 1 << 16,
	}
}

// Bound is the most registrations of one source that are enforced within any span of that length. In SourceLife each rate gives
// its burst once and then one in every Every; a span that is no multiple of SourceLife touches one life more at each end. With
// DefaultLimits it is 52 in ten minutes and 212 in an hour. Newcomers that share what is left in a flood (Limits.Sources) are
// bounded together. SiteBound is for the network around the source, TotalBound for all.
func (l Limits) Bound(span time.Duration) int { return most(span, l.Free) + most(span, l.Proved) }

// SiteBound is the most registrations out of one IPv6 /48 and out of one IPv4 /24 that are enforced within any span of that
// length. With DefaultLimits it is 421 and 841 in an hour: two and four times that of a source. People in the same /48 or /24 as
// somebody who floods the pages are held for review.
func (l Limits) SiteBound(span time.Duration) (v6, v4 int) {
	return most(span, l.Site), most(span, l.Block)
}

// TotalBound is the most registrations that are enforced within any span of that length, whoever sends them. With DefaultLimits
// it is 7200 in an hour. Above EnforcedPerDay, and above half of GlobalProved, only first registrations of sources are: Firsts
// of a /48 or /24 in SourceLife. So it takes GlobalProved/2 sources (600) in GlobalProved/4/Firsts such networks (37), and
// proofs by all of them in every ten minutes, before people who come once from elsewhere are held for review instead; and
// HeldPerDay/2 of those sources have to be held in a day before people are refused.
func (l Limits) TotalBound(span time.Duration) int {
	return int((span+globalWindow-1)/globalWindow) * l.GlobalProved
}

// most is how many pass a rate within a span, where its bucket is forgotten and full again after every SourceLife.
func most(span time.Duration, r Rate) int {
	return (int(span/SourceLife)+2)*r.Burst + int(span/r.Every) + 1
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
		{"site", &l.Site, d.Site},
		{"block", &l.Block, d.Block},
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
		{"checks without a proof", &l.GlobalLookFree, d.GlobalLookFree, 1e6},
		{"checks with a proof", &l.GlobalLook, max(d.GlobalLook, l.GlobalLookFree), 1e6},
		{"held in a burst", &l.HeldPerBurst, d.HeldPerBurst, 1e6},
		{"held in a day", &l.HeldPerDay, d.HeldPerDay, 1e6},
		{"enforced in a day", &l.EnforcedPerDay, d.EnforcedPerDay, 1e6},
		{"firsts", &l.Firsts, d.Firsts, 256},
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
	if l.GlobalLook < l.GlobalLookFree {
		errs = append(errs, fmt.Errorf("limits: checks with a proof: %d is less than the %d without one: give as many or more", l.GlobalLook, l.GlobalLookFree))
	}
	return l, errors.Join(errs...)
}

const (
	mostBurst = 1_000_000
	maxSteps  = 8 // of difficulty: the patience that goes with the last one is less than TokenLife
)

// pace is what a kind of request is measured by.
type pace struct {
	free, proved Rate
	easy, most   int // over all sources: above easy each needs a proof, above most no proof helps
}

func (l Limits) of(what Kind, shared bool) pace {
	p := pace{l.LookFree, l.LookProved, l.GlobalLookFree, l.GlobalLook}
	if what == Register {
		p = pace{l.Free, l.Proved, l.GlobalFree, l.GlobalProved}
	}
	if shared {
		p.free = Rate{0, SourceLife}
		p.proved = Rate{10 * p.proved.Burst, max(p.proved.Every/10, time.Microsecond)}
	}
	return p
}
