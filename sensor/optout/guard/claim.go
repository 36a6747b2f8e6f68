package guard

import "time"

// claim is a request while it is decided on: whose it is, and, once it is decided, what it took, so that it can be given back.
type claim struct {
	what   Kind
	now    instant
	pace   pace
	source *entry
	site   *entry // the /48 or /24 around it; the source itself where that has a bound of its own
	around Rate   // of the site
	first  bool   // the source did nothing of the kind for a while: it may use what is kept free for such

	g       *Guard // from here on: what it took
	bucket  *bucket
	rate    Rate
	proved  bool
	counted bool // as the source's one that was there first
	burst   *burst
	number  uint32
	gone    bool // given back
}

// claim looks up whose the request is.
func (g *Guard) claim(n *subnet, what Kind, now instant) claim {
	c := claim{what: what, now: now, around: g.limits.Block}
	if n.family == 6 {
		c.around = g.limits.Site
	}
	c.source, c.site = g.source(n, now)
	c.pace = g.limits.of(what, c.source == &g.table.rest)
	c.first = !c.source.came[what] && c.site.firsts[what] < g.limits.Firsts
	return c
}

// load is 0 where what goes on over all sources asks for no proof, and otherwise by how many bits the proof is harder.
func (g *Guard) load(c *claim) int {
	switch {
	case g.full(c):
		return 4
	case g.done[c.what].full(c.pace.easy, c.first, c.now):
		return 2
	}
	return 0
}

// full says whether no proof helps, for what goes on over all sources.
func (g *Guard) full(c *claim) bool {
	return g.done[c.what].full(c.pace.most, c.first, c.now) ||
		c.what == Register && !c.first && g.today.count(c.now) >= g.limits.EnforcedPerDay
}

// wait is how long it is until the source and its site have one, in the source's bucket.
func (c *claim) wait(b *bucket, r Rate) time.Duration {
	wait := b.wait(c.now, r)
	if c.bounded() {
		wait = max(wait, c.site.site.wait(c.now, c.around))
	}
	return wait
}

// bounded says whether the site's bucket counts. Those that share what is left in a flood are bounded by that.
func (c *claim) bounded() bool { return c.what == Register && c.pace.free.Burst > 0 }

// admit takes what an admitted request needs.
func (g *Guard) admit(c *claim, b *bucket, r Rate, proved bool) Decision {
	b.take(c.now, r)
	if c.bounded() {
		c.site.site.take(c.now, c.around)
	}
	c.bucket, c.rate, c.proved = b, r, proved
	g.done[c.what].add(c.first, c.now)
	if c.what == Register {
		g.today.add(c.now)
	}
	return g.decide(Decision{Verdict: Admit}, c)
}

// decide notes that the source came, and ties the decision to what it took.
func (g *Guard) decide(d Decision, c *claim) Decision {
	if !c.source.came[c.what] {
		c.source.came[c.what], c.counted = true, true
		c.site.firsts[c.what]++
	}
	c.g, d.took = g, c
	return d
}

// Return gives back what the request was counted for, when what it was admitted or held for failed: the next try is like this one.
// A proof stays used. Doing it twice, or for another verdict, does nothing. What was written all the same, though that was not
// confirmed, is then counted nowhere: the bounds hold for what was confirmed.
func (d Decision) Return() {
	if d.took == nil {
		return
	}
	g := d.took.g
	g.mu.Lock()
	defer g.mu.Unlock()
	g.giveBack(d.took, g.tick())
}

func (g *Guard) giveBack(c *claim, now instant) {
	if c.gone {
		return
	}
	c.gone = true
	known := c.source.born <= c.now // else it is the one that newcomers share, begun anew since
	if known && c.counted {
		c.source.came[c.what] = false
		c.site.firsts[c.what] = max(0, c.site.firsts[c.what]-1)
	}
	if known && c.proved {
		c.source.proofs = max(0, c.source.proofs-1)
	}
	if c.burst != nil {
		if c.burst.number == c.number {
			c.burst.held--
		}
		g.held.remove(c.first, c.now, now)
		return
	}
	if known {
		c.bucket.put(c.now, now, c.rate)
		if c.bounded() {
			c.site.site.put(c.now, now, c.around)
		}
	}
	g.done[c.what].remove(c.first, c.now, now)
	if c.what == Register {
		g.today.remove(c.now, now)
	}
}
