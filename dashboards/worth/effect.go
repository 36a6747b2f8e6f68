package worth

import (
	"math"
	"slices"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// Visits are the published estimated visits of a store on a day that has a number.
type Visits struct {
	Store     string
	Day       calendar.Day
	Estimated float64 // above 0
}

// Method is what a campaign was held against.
type Method string

// The methods.
const (
	WeeksBefore   Method = "weeks_before"   // the same weekdays of the weeks before
	StoresWithout Method = "stores_without" // the same, less what stores without the campaign did: difference in differences
)

// How much there must be.
const (
	LookBack  = 8 // weeks before a campaign that it is held against
	MinWeeks  = 4 // of them with numbers; so there are at least 3 degrees of freedom
	MinDays   = 2 // of the campaign with a number
	MinOthers = 3 // stores without it, for difference in differences
)

// Why there is no effect, or what to know of one.
const (
	NotBegun    = "It has not begun."
	TooFewDays  = "Too little data: fewer than 2 of its days have a number."
	TooFewWeeks = "Too little data: fewer than 4 of the 8 weeks before have numbers for its weekdays."
	StillOn     = "So far: it is still on."
)

// Effect is what a campaign did to a store's estimated visits, with a 95 % interval.
type Effect struct {
	Campaign  string // name of the annotation
	Store     string // empty: all stores of the campaign together
	Method    Method
	Known     bool
	Change    float64 // share: 0.12 is 12 % more visits a day
	Low, High float64
	Reason    string // why it is not known, or what to know of it
	During    int    // days behind it
	Before    int    // days before behind it
	Weeks     int    // weeks before behind it
	Others    int    // stores without the campaign behind it; 0 under WeeksBefore
}

// days are logarithms of visits by day.
type days map[calendar.Day]float64

// study is one campaign with all that it is held against.
type study struct {
	campaign Annotation
	notes    []Annotation
	stores   map[string]days
}

// Effects are those of a campaign on each of its stores, in the order of their names, and for a campaign of all stores last on all of
// them together. Days of other promotions, of holidays and of closures are left out on every side. Logarithms of days are compared with
// the mean of their weekday in the LookBack weeks before. The unit of the error is the week, not the day: the campaign's mean is a
// further draw of the mean of a week, whose spread is that of the weeks before, so that days of a week may hang together (Bertrand,
// Duflo and Mullainathan 2004, on collapsing correlated periods), and the interval is Student's for a future mean (Hahn and Meeker
// 1991, section 4) with one degree of freedom fewer than weeks. Weeks that hang together, as in a season, make it too narrow where
// there are no stores to compare with. Stores without the campaign, where there are MinOthers, take off what all stores did.
func Effects(campaign Annotation, notes []Annotation, visits []Visits, today calendar.Day) []Effect {
	s := study{campaign, notes, map[string]days{}}
	for _, v := range visits {
		if v.Estimated <= 0 || v.Day > campaign.Last || v.Day < campaign.First-7*LookBack {
			continue
		}
		if s.stores[v.Store] == nil {
			s.stores[v.Store] = days{}
		}
		s.stores[v.Store][v.Day] = math.Log(v.Estimated)
	}
	of := []string{campaign.Store}
	if campaign.Store == "" {
		of = nil
		for name := range s.stores {
			of = append(of, name)
		}
		slices.Sort(of)
		of = append(of, "")
	}
	var out []Effect
	for _, store := range of {
		e := s.effect(store)
		switch {
		case campaign.First > today:
			e.Known, e.Change, e.Low, e.High, e.Reason = false, 0, 0, 0, NotBegun
		case e.Known && campaign.Last >= today:
			e.Reason = StillOn
		}
		out = append(out, e)
	}
	return out
}

// effect is that on one store, or on all together.
func (s *study) effect(store string) Effect {
	if store == "" {
		return s.compare(store, WeeksBefore, s.mean(s.without(nil), 1), 0)
	}
	own := s.usable(store)
	others := s.without(func(name string) bool { return name == store || s.campaign.Covers(name, s.campaign.First) })
	if len(others) >= MinOthers {
		common := s.mean(others, MinOthers)
		z := days{}
		for day, y := range own {
			if c, ok := common[day]; ok {
				z[day] = y - c
			}
		}
		if e := s.compare(store, StoresWithout, z, rounding(own)); e.Known {
			e.Others = len(others)
			return e
		}
	}
	return s.compare(store, WeeksBefore, own, rounding(own))
}

// usable are a store's days without another promotion, a holiday or a closure.
func (s *study) usable(store string) days {
	out := days{}
	for day, y := range s.stores[store] {
		if !slices.ContainsFunc(s.notes, func(a Annotation) bool {
			return a.Name != s.campaign.Name && a.Kind != Other && a.Covers(store, day)
		}) {
			out[day] = y
		}
	}
	return out
}

// without are the usable days of all stores but some, each store less the mean of its weekdays before the campaign, of those that have
// numbers during it.
func (s *study) without(skip func(string) bool) map[string]days {
	out := map[string]days{}
	for name := range s.stores {
		if skip != nil && skip(name) {
			continue
		}
		if r, _ := s.residuals(s.usable(name)); len(r) > 0 {
			out[name] = r
		}
	}
	return out
}

// mean is that of several stores' days, of the days that so many of them have, and at least half.
func (s *study) mean(stores map[string]days, least int) days {
	sum, n := days{}, map[calendar.Day]int{}
	for _, one := range stores {
		for day, y := range one {
			sum[day] += y
			n[day]++
		}
	}
	for day := range sum {
		if n[day] < least || 2*n[day] < len(stores) {
			delete(sum, day)
			continue
		}
		sum[day] /= float64(n[day])
	}
	return sum
}

// rounding is the least variance of a day's logarithm: numbers are rounded to 5 at random, which has the variance 4 on average.
func rounding(own days) float64 {
	if len(own) == 0 {
		return 0
	}
	sum := 0.0
	for _, y := range own {
		sum += y
	}
	level := math.Exp(sum / float64(len(own)))
	return 4 / (level * level)
}
