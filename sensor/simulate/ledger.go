package simulate

import "github.com/openfootfall/footfall/ingest/calendar"

// Look-backs of the repeat rate, in weeks (DESIGN section 2).
const (
	shortLookBack = 1
	longLookBack  = 4
)

// ledger adds store-days up to weeks, and remembers who visited when.
type ledger struct {
	cfg   Config
	who   map[calendar.Day]seen
	days  []DayTruth
	weeks []calendar.Week
}

func newLedger(cfg Config) *ledger {
	return &ledger{cfg: cfg, who: make(map[calendar.Day]seen)}
}

// past takes a store-day before the simulation.
func (l *ledger) past(d calendar.Day, who seen) { l.who[d] = who }

// add takes the next simulated store-day.
func (l *ledger) add(t DayTruth, who seen) {
	d := l.cfg.Start + calendar.Day(len(l.days))
	l.days = append(l.days, t)
	l.who[d] = who
	if n := len(l.weeks); n == 0 || l.weeks[n-1] != d.Week() {
		l.weeks = append(l.weeks, d.Week())
	}
}

func (l *ledger) truth() Truth {
	t := Truth{StoreID: l.cfg.Store.ID, Seed: l.cfg.Seed, InsideDBM: l.cfg.InsideDBM, Days: l.days}
	random, entries := 0, 0
	for _, d := range l.days {
		random, entries = random+d.RandomEntries, entries+d.Entries
	}
	t.RandomShare = share(random, entries)
	for _, w := range l.weeks {
		t.Weeks = append(t.Weeks, l.week(w))
	}
	return t
}

func (l *ledger) week(w calendar.Week) WeekTruth {
	t := WeekTruth{Monday: w.String()}
	outside := 0
	for i, d := range l.days {
		if (l.cfg.Start + calendar.Day(i)).Week() == w {
			t.Visits += d.Stable.Visits
			t.Visitors += d.Stable.Visitors
			outside += d.Stable.Bounces + d.Stable.PassersBy
		}
	}
	t.CaptureRate = share(t.Visits, t.Visits+outside)
	t.OneWeek = l.repeat(w, shortLookBack, t.Visitors)
	t.FourWeeks = l.repeat(w, longLookBack, t.Visitors)
	return t
}

// repeat asks of each visitor of each simulated store-day of the week whether it visited on an earlier day of it or of the weeks
// before. People seen once never did.
func (l *ledger) repeat(w calendar.Week, lookBack, visitors int) Repeat {
	end := l.cfg.Start + calendar.Day(len(l.days))
	r := Repeat{LookBack: min(lookBack, max(0, int(w.Monday()-l.cfg.Start)/7))}
	ever, span := make(map[int32]bool), make(map[int32]bool)
	for d := w.Monday() - calendar.Day(7*lookBack); d <= w.Sunday() && d < end; d++ {
		simulated := d >= l.cfg.Start
		if simulated && d >= w.Monday() {
			for _, n := range l.who[d].regulars {
				if ever[n] {
					r.Ever++
				}
				if span[n] {
					r.Span++
				}
			}
		}
		for _, n := range l.who[d].regulars {
			ever[n] = true
			span[n] = span[n] || simulated
		}
	}
	r.EverShare, r.SpanShare = share(r.Ever, visitors), share(r.Span, visitors)
	return r
}
