package notice

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/lifetime"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/ingest/wire"
	"github.com/openfootfall/footfall/sensor/agent"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/outbox/kept"
	"github.com/openfootfall/footfall/sensor/returns"
	"github.com/openfootfall/footfall/sensor/status"
)

// What every store works under, from DESIGN sections 5 and 6. A test of cmd/footfall holds the first two against package
// publish, which this package cannot import.
const (
	RoundedTo    = 5
	HiddenUnder  = 10
	tagSpace     = 1 << 28                        // opt-out tags have 28 bits
	sharedByTag  = 2000                           // 2^39 addresses in blocks given to makers, over 2^28 tags
	codeDays     = wire.ReturnDays                // store-days that a return code is kept for
	codeKeyDays  = wire.ReturnDays * keys.Periods // a period's key is kept through the next period
	codeBits     = 64
	epsilonLimit = 20 // no sensor takes more than stores.MaxReturnEpsilon; more than this is no setting at all
)

// Gather makes the facts of a store. It is pure: what does not stand in its input is a constant of the software.
func Gather(in Input) Facts {
	return Facts{Store: in.Store.ID, Rules: gatherRules(in), Now: gatherNow(in)}
}

// widest is the weakest privacy that anything in a store works under.
type widest struct {
	policy         wire.Policy
	filter, codes  bool
	seal, spool    time.Duration
	listAge        time.Duration
	inside, floor  int
	epsilon        float64
	known          map[string]bool // sensors of stores.yaml whose settings are known
	otherHours     []Opening
	anythingInside bool
}

func gatherRules(in Input) Rules {
	w := widestOf(in)
	r := Rules{
		Name: in.Store.Name, Controller: in.Org.Controller, Contact: in.Org.Contact, URL: in.Org.URL,
		Policy: policyName(w.policy), SetPolicy: policyName(in.Store.Policy),
		TimeZone: in.Store.Calendar.Location().String(), Hours: in.Store.Hours.String(), OtherHours: w.otherHours,
		OptOutMaxAge: Span(w.listAge), InsideDBM: w.inside, FloorDBM: w.floor,
		PasserBy: Span(agent.SessionTimeout), RandomMemory: Span(agent.TransientMemory), ClassLife: Span(calendar.ClassBlock), CountersLife: Span(lifetime.Counters),
		RoundedTo: RoundedTo, HiddenUnder: HiddenUnder, SharedByTag: sharedByTag, OneComputer: in.Embedded,
		KeysDie: fmt.Sprintf("%02d:00", calendar.BoundaryHour),
	}
	if w.policy == wire.Policy_POLICY_COUNT_ONLY {
		return r
	}
	seal, day := in.chain()
	seal = max(seal, w.seal)
	life := lifetime.Of(seal, w.spool, day)
	r.SealAfter, r.SpoolIDAge = Span(w.seal), Span(w.spool)
	r.OnlineLife, r.LongestLife = Span(life.Online), Span(life.Longest)
	if w.filter {
		r.ReturnFilter, r.FilterWeeks = true, returns.Weeks
		r.ReturnEpsilon, r.OddsBound = w.epsilon, math.Ceil(math.Exp(w.epsilon)*10)/10
	}
	if w.codes {
		r.ReturnCodes, r.CodeDays, r.CodeKeyDays, r.CodeBits = true, codeDays, codeKeyDays, codeBits
		r.ReturnLife, r.TagDays = Span(lifetime.Returns(seal, day)), kept.Days
		r.LegalBasis = strings.TrimSpace(in.LegalBasis)
	}
	return r
}

// chain is what the notice of every store of the chain has to reckon with, of its own store at the least.
func (in Input) chain() (seal, day time.Duration) {
	seal, day = lifetime.Chain([]stores.Store{in.Store}, in.Now)
	return max(seal, in.ChainSealAfter), max(day, in.ChainLongestDay)
}

// widestOf takes the defaults for every sensor of stores.yaml whose settings are not known: that a setting is not known is no
// reason to promise more.
func widestOf(in Input) widest {
	w := widest{policy: known(in.Store.Policy), seal: in.Store.SealAfter, epsilon: in.Store.ReturnEpsilon, known: map[string]bool{}}
	w.keep(w.policy)
	for i := range in.Sensors {
		s := &in.Sensors[i]
		w.keep(s.Policy)
		if s.KnowsSettings {
			w.take(s, in.Store)
			w.known[s.ID] = in.Store.SensorIndex(s.ID) >= 0
		}
	}
	for _, s := range in.Store.Sensors {
		if !w.known[s.ID] {
			w.bound(agent.DefaultIDAge, agent.OptOutMaxAge, agent.DefaultRSSIInside, agent.DefaultRSSIFloor)
		}
	}
	slices.SortFunc(w.otherHours, func(a, b Opening) int {
		return cmp.Or(cmp.Compare(a.Hours, b.Hours), cmp.Compare(a.TimeZone, b.TimeZone))
	})
	w.otherHours = slices.Compact(w.otherHours)
	return w
}

func (w *widest) keep(p wire.Policy) {
	w.policy = max(w.policy, known(p))
	w.filter = w.filter || p == wire.Policy_POLICY_STANDARD
	w.codes = w.codes || p == wire.Policy_POLICY_EXTENDED
}

func (w *widest) take(s *Sensor, store stores.Store) {
	w.bound(s.SpoolIDAge, s.OptOutMaxAge, s.InsideDBM, s.FloorDBM)
	w.seal = max(w.seal, s.SealAfter)
	if s.ReturnEpsilon > 0 && s.ReturnEpsilon <= epsilonLimit {
		w.epsilon = max(w.epsilon, s.ReturnEpsilon)
	}
	zone := cmp.Or(s.TimeZone, store.Calendar.Location().String())
	if s.Hours != "" && (s.Hours != store.Hours.String() || zone != store.Calendar.Location().String()) {
		w.otherHours = append(w.otherHours, Opening{s.Hours, zone})
	}
}

func (w *widest) bound(spool, listAge time.Duration, inside, floor int) {
	w.spool, w.listAge = max(w.spool, spool), max(w.listAge, listAge)
	if !w.anythingInside {
		w.inside, w.floor, w.anythingInside = inside, floor, true
	}
	w.inside, w.floor = min(w.inside, inside), min(w.floor, floor)
}

// known is the policy, or the one that keeps least where it is none: it decides nothing then.
func known(p wire.Policy) wire.Policy {
	if p < wire.Policy_POLICY_COUNT_ONLY || p > wire.Policy_POLICY_EXTENDED {
		return wire.Policy_POLICY_COUNT_ONLY
	}
	return p
}

func policyName(p wire.Policy) string {
	switch known(p) {
	case wire.Policy_POLICY_EXTENDED:
		return Extended
	case wire.Policy_POLICY_STANDARD:
		return Standard
	}
	return CountOnly
}

func gatherNow(in Input) Now {
	n := Now{
		At: in.Now.In(in.Store.Calendar.Location()).Truncate(time.Minute), Sensors: len(in.Store.Sensors),
		Asked: in.Asked, OneIn: overExclusion(in.Registrations),
	}
	listening := in.Store.Hours.Open(n.At)
	seen := map[string]bool{}
	for i := range in.Sensors {
		s := &in.Sensors[i]
		if in.Store.SensorIndex(s.ID) < 0 || seen[s.ID] {
			continue
		}
		seen[s.ID] = true
		listening = listening || s.KnowsSettings && openUnder(s, in)
		if s.KnowsSettings {
			n.Known++
		}
		if !s.Online {
			continue
		}
		n.Online++
		if len(s.FailClosed) > 0 {
			n.CountOnly++
			n.Reasons = append(n.Reasons, reasons(s.FailClosed)...)
		}
	}
	slices.Sort(n.Reasons)
	n.Reasons = slices.Compact(n.Reasons)
	switch {
	case !listening:
		n.State = Closed
	case !in.Asked:
		n.State = NotAsked
	case n.Online == 0:
		n.State = Silent
	default:
		n.State = Listening
	}
	return n
}

// openUnder reports whether a sensor listens by its own hours; hours that cannot be read are taken as open.
func openUnder(s *Sensor, in Input) bool {
	if s.Hours == "" {
		return false
	}
	zone, err := calendar.New(cmp.Or(s.TimeZone, in.Store.Calendar.Location().String()))
	days, ok := readHours(s.Hours)
	if err != nil || !ok {
		return true
	}
	return days.open(in.Now.In(zone.Location()))
}

func reasons(failClosed []string) []string {
	var out []string
	for _, f := range failClosed {
		switch t := status.Trouble(f); {
		case t == status.ListStale, t == status.ListUnread:
			out = append(out, ReasonList)
		case slices.Contains(status.ClockTroubles(), t):
			out = append(out, ReasonClock)
		case t == status.KeyGap, t == status.KeysUnsaved:
			out = append(out, ReasonKeys)
		default:
			out = append(out, ReasonOther)
		}
	}
	return out
}

// overExclusion is how many addresses there are at least to one that the list leaves out, down to two digits; 0 for none, -1
// unknown. Each registration is taken for a tag of its own, so that the figure tells nobody which addresses share one.
func overExclusion(registrations int) int64 {
	if registrations <= 0 {
		return int64(max(registrations, -1))
	}
	n := int64(tagSpace / registrations)
	step := int64(1)
	for n/step >= 100 {
		step *= 10
	}
	return max(n/step*step, 1)
}
