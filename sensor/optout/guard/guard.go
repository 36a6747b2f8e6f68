// Package guard keeps somebody from registering the world out of the counts: no hardware address is proof of who sends it. In
// comes a request and what it wants (register, check, undo); out goes whether it is admitted, must prove work or patience first,
// waits for an operator's review, or is refused. The guard never reads a request's body: it cannot know which address or receipt
// is meant, nor whether it is registered, so its answers tell nothing of either.
//
// A source is an IPv4 address or an IPv6 /56. The /24 or /48 around it, its site, has a bound of its own, and so have all together,
// where half is kept free for sources that come for the first time (Limits). Only a keyed hash of a source and of a site is held,
// under a key of this process that is redrawn every ten minutes, in memory, for 15 minutes at most; it is in no log and no metric.
// So a source that comes back after a quarter of an hour is a new one: what one source can have enforced is bounded for every span
// of time (Limits.Bound), and not once and for all.
//
// Several instances of the service behind one balancer do not know of each other: each bounds for itself, and a token of one
// means nothing to another. Let the balancer keep a source at its instance (by client address), or people who are challenged by
// one and prove to another are challenged again. A secret shared by instances is left out on purpose: it would outlive the process.
package guard

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options are what a guard works with. The zero value is a guard with DefaultLimits and no trusted proxy.
type Options struct {
	Limits         Limits                // fields that are 0 are those of DefaultLimits
	TrustedProxies []netip.Prefix        // whose X-Forwarded-For is believed; a proxy adds its client at the right
	Now            func() time.Time      // nil: time.Now
	Random         io.Reader             // of keys, tokens and burst numbers; nil: crypto/rand
	Registerer     prometheus.Registerer // nil: no metrics
	Logger         *slog.Logger          // nil: none
}

// Guard decides about requests. It may be used from anywhere.
type Guard struct {
	limits  Limits
	proxies []netip.Prefix
	clock   func() time.Time
	start   time.Time
	random  io.Reader
	log     *slog.Logger
	metrics metrics

	mu       sync.Mutex
	last     instant
	keys     [3]generation // the key in use, and those before it that something still hangs on
	key      int           // the place of the key in use
	table    table
	used     map[tokenID]instant // redeemed tokens, until they are too old to be redeemed anyway
	done     [kinds]tally        // requests that were admitted in globalWindow, over all sources
	today    window              // registrations that were admitted in dayWindow
	held     tally               // registrations that were held in dayWindow
	spread   burst               // of registrations that many sources sent together
	swept    instant
	timer    bool // a sweep is to come
	warned   bool
	warnedAt instant // of the last burst that the log tells of
}

// instant is the time since the guard was made. It never goes back, whatever the clock does.
type instant int64

func (t instant) add(d time.Duration) instant { return t + instant(d) }

// New checks the options and draws the first keys.
func New(o Options) (*Guard, error) {
	limits, err := o.Limits.complete()
	if err != nil {
		return nil, err
	}
	if err := CheckProxies(o.TrustedProxies); err != nil {
		return nil, err
	}
	g := &Guard{
		limits: limits, proxies: plain(o.TrustedProxies), clock: o.Now, random: o.Random, log: o.Logger,
		table: newTable(limits), used: map[tokenID]instant{}, today: newWindow(dayWindow), held: newTally(dayWindow),
	}
	for i := range g.done {
		g.done[i] = newTally(globalWindow)
	}
	if g.clock == nil {
		g.clock = time.Now
	}
	if g.random == nil {
		g.random = rand.Reader
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, err
	}
	g.start = g.clock()
	if err := g.keys[0].draw(g.random, 0); err != nil {
		return nil, fmt.Errorf("draw the guard's keys: %w", err)
	}
	return g, nil
}

// Judge decides about a request. It reads the request's sender, not its body. The proof is what the sender brings for an earlier
// challenge, or empty; one that is not needed is left good.
func (g *Guard) Judge(r *http.Request, what Kind, proof string) Decision {
	if what >= kinds {
		return Decision{Verdict: Refuse, RetryAfter: time.Minute}
	}
	from, garbled := client(r, g.proxies)
	if garbled {
		g.metrics.garbled.Inc()
	}
	d, err := g.judge(subnetOf(from), what, proof)
	if err != nil { // there is no randomness: nothing is safe
		g.log.Error("refused a request of the opt-out pages: there are no random numbers", "error", err)
		d = Decision{Verdict: Refuse, RetryAfter: time.Minute}
	}
	g.metrics.decisions[what][d.Verdict].Inc()
	return d
}

func (g *Guard) judge(net subnet, what Kind, proof string) (Decision, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.tick()
	if err := g.redraw(now); err != nil {
		return Decision{}, err
	}
	if now >= g.swept.add(sweepEvery) {
		g.sweep(now)
	}
	c := g.claim(&net, what, now)
	load := g.load(&c)
	if free := &c.source.free[what]; load == 0 && c.wait(free, c.pace.free) == 0 {
		return g.admit(&c, free, c.pace.free, false), nil
	}
	if what != Register && g.full(&c) { // a proof would not help, and stays good
		return refuse(globalWindow / 10), nil
	}
	if !g.redeem(net, what, proof, c.source, now) {
		return g.challenge(net, what, c.source, load)
	}
	c.source.proofs++
	proved := &c.source.proved[what]
	switch wait := c.wait(proved, c.pace.proved); {
	case wait > 0 && what == Register:
		return g.hold(&c, &c.site.burst)
	case wait > 0:
		return refuse(wait), nil
	case !g.full(&c):
		return g.admit(&c, proved, c.pace.proved, true), nil
	case c.first:
		return g.hold(&c, &g.spread)
	default:
		return g.hold(&c, &c.site.burst)
	}
}

func refuse(wait time.Duration) Decision {
	return Decision{Verdict: Refuse, RetryAfter: max(seconds(wait), time.Second)}
}

// seconds rounds up to whole ones, as headers and pages say them.
func seconds(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }

func (g *Guard) tick() instant {
	g.last = max(g.last, instant(g.clock().Sub(g.start)))
	return g.last
}
