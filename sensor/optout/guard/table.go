package guard

import "time"

// entry is what is held of a source, of a site, or of a /48 that is both. It says nothing of who that is.
type entry struct {
	born     instant
	free     [kinds]bucket
	proved   [kinds]bucket
	patience bucket
	proofs   int // redeemed; each makes the next ones harder
	came     [kinds]bool

	// Of a site:
	site    bucket
	firsts  [kinds]int // how many of its sources came, once each
	subnets int        // of a /48: how many of its /56 became sources of their own
	burst   burst
}

func (e *entry) old(now instant) bool { return now >= e.born.add(SourceLife) }

// table holds the sources by their number under the key in use, or under an older one until they come again.
type table struct {
	entries map[uint64]*entry
	most    int
	rest    entry // those for which there was no room
}

func newTable(l Limits) table { return table{entries: map[uint64]*entry{}, most: l.Sources} }

// source finds what is held of a source and of its site, or begins to hold something. Under a flood from very many sources memory
// stays bounded, and newcomers share what is left; those who were there before keep their own.
func (g *Guard) source(n *subnet, now instant) (source, site *entry) {
	around := n.site()
	if site = g.find(&around, now); site == nil {
		site = g.insert(&around, now)
	}
	if site == &g.table.rest || around == *n {
		return site, site
	}
	if source = g.find(n, now); source != nil {
		return source, site
	}
	if n.family == 6 {
		if site.subnets >= g.limits.Subnets {
			return site, site
		}
		site.subnets++
	}
	if source = g.insert(n, now); source == &g.table.rest {
		return source, source
	}
	return source, site
}

func (g *Guard) find(n *subnet, now instant) *entry {
	current := g.keys[g.key].source(n)
	if e := g.table.entries[current]; e != nil {
		if !e.old(now) {
			return e
		}
		delete(g.table.entries, current)
		return nil
	}
	for i := range g.keys {
		k := &g.keys[i]
		if i == g.key || !k.alive {
			continue
		}
		before := k.source(n)
		e := g.table.entries[before]
		if e == nil {
			continue
		}
		delete(g.table.entries, before)
		if !e.old(now) {
			g.table.entries[current] = e
			return e
		}
	}
	return nil
}

func (g *Guard) insert(n *subnet, now instant) *entry {
	if len(g.table.entries) >= g.table.most {
		if g.table.rest.old(now) {
			g.table.rest = entry{born: now}
		}
		return &g.table.rest
	}
	e := &entry{born: now}
	g.table.entries[g.keys[g.key].source(n)] = e
	g.metrics.sources.Set(float64(len(g.table.entries)))
	g.later()
	return e
}

// sweep forgets what is old: sources, and tokens that could not be redeemed again anyway.
func (g *Guard) sweep(now instant) {
	g.swept = now
	for number, e := range g.table.entries {
		if e.old(now) {
			delete(g.table.entries, number)
		}
	}
	for id, until := range g.used {
		if now >= until {
			delete(g.used, id)
		}
	}
	g.metrics.sources.Set(float64(len(g.table.entries)))
}

// later sees to it that old sources are forgotten when nobody asks any more, too.
func (g *Guard) later() {
	if g.timer {
		return
	}
	g.timer = true
	time.AfterFunc(sweepEvery, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.timer = false
		g.sweep(g.tick())
		if len(g.table.entries) > 0 {
			g.later()
		}
	})
}
