package worth

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

var campaignMonday = calendar.DayOfDate(2026, time.March, 2)

// market is a simulated chain, of which only published numbers are seen.
type market struct {
	stores  int     // the first has the campaign; 0 has it in all of them
	days    int     // of the campaign
	effect  float64 // share
	noise   float64 // of a store's day, on logarithms
	weather float64 // of a day, all stores alike
	cold    float64 // of the campaign's days, all stores alike, beside the weather
	hang    float64 // how much a day's noise hangs on the day before's
	level   float64 // visits on a usual day
	all     bool    // all stores have the campaign
}

// weekdays are what a day of the week brings, Sunday first: it is closed.
var weekdays = [7]float64{0, .8, .85, .9, 1, 1.3, 1.6}

// visits are what would be published: rounded to 5 at random, fewer than 10 left out.
func (m market) visits(r *rand.Rand) []Visits {
	var out []Visits
	first, last := campaignMonday-7*LookBack-7, campaignMonday+calendar.Day(m.days)-1
	weather := map[calendar.Day]float64{}
	for day := first; day <= last; day++ {
		weather[day] = m.weather * r.NormFloat64()
	}
	for store := range m.stores {
		size, carried := m.level*math.Exp(.5*r.NormFloat64()), r.NormFloat64()
		for day := first; day <= last; day++ {
			carried = m.hang*carried + math.Sqrt(1-m.hang*m.hang)*r.NormFloat64()
			mean := size * weekdays[day.Weekday()] * math.Exp(m.noise*carried+weather[day])
			if day >= campaignMonday {
				mean *= math.Exp(m.cold)
				if store == 0 || m.all {
					mean *= 1 + m.effect
				}
			}
			n := 5 * math.Floor(mean/5+r.Float64())
			if n >= 10 {
				out = append(out, Visits{fmt.Sprintf("s%02d", store), day, n})
			}
		}
	}
	return out
}

// held is how often, of so many campaigns, the interval held the truth, and how wide it was on average, on logarithms.
func (m market) held(t *testing.T, campaigns int, want Method) (share, width float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, uint64(m.days)))
	campaign := Annotation{Store: "s00", Kind: Promotion, First: campaignMonday, Last: campaignMonday + calendar.Day(m.days) - 1, Title: "x"}
	if m.all {
		campaign.Store = ""
	}
	campaign = campaign.Named()
	in := 0
	for range campaigns {
		effects := Effects(campaign, []Annotation{campaign}, m.visits(r), campaign.Last+1)
		e := effects[len(effects)-1]
		if !e.Known || e.Method != want {
			t.Fatalf("got %+v, want a known one by %s", e, want)
		}
		if e.Low > e.Change || e.Change > e.High {
			t.Fatalf("got %+v", e)
		}
		if e.Low <= m.effect && m.effect <= e.High {
			in++
		}
		width += math.Log1p(e.High) - math.Log1p(e.Low)
	}
	return float64(in) / float64(campaigns), width / float64(campaigns)
}

// TestTheIntervalHoldsTheTruth: of 1,000 simulated campaigns each, 95 % intervals hold the true effect in 93 to 98 %, to the whole
// percent, as the README says: whatever the weekdays bring, with an effect and without (a placebo), for days that hang together, and
// where rounding is most of the noise.
func TestTheIntervalHoldsTheTruth(t *testing.T) {
	for _, c := range []struct {
		name string
		m    market
		by   Method
	}{
		{"a week, one store", market{stores: 1, days: 6, effect: .2, noise: .1, level: 300}, WeeksBefore},
		{"a placebo", market{stores: 1, days: 6, noise: .1, level: 300}, WeeksBefore},
		{"a loss", market{stores: 1, days: 6, effect: -.15, noise: .2, level: 300}, WeeksBefore},
		{"two days", market{stores: 1, days: 2, effect: .3, noise: .15, level: 300}, WeeksBefore},
		{"ten days", market{stores: 1, days: 10, effect: .1, noise: .15, level: 300}, WeeksBefore},
		{"four weeks", market{stores: 1, days: 27, effect: .1, noise: .15, level: 300}, WeeksBefore},
		{"weather", market{stores: 1, days: 6, effect: .2, noise: .05, weather: .2, level: 300}, WeeksBefore},
		{"days that hang together", market{stores: 1, days: 6, effect: .2, noise: .15, hang: .5, level: 300}, WeeksBefore},
		{"a small store, rounded", market{stores: 1, days: 6, effect: .1, noise: .02, level: 50}, WeeksBefore},
		{"all stores", market{stores: 6, days: 6, effect: .2, noise: .15, weather: .1, level: 300, all: true}, WeeksBefore},
		{"three stores without it", market{stores: 4, days: 6, effect: .2, noise: .1, weather: .2, level: 300}, StoresWithout},
		{"ten stores without it", market{stores: 11, days: 6, effect: .2, noise: .1, weather: .2, level: 300}, StoresWithout},
		{"a placebo beside others", market{stores: 6, days: 6, noise: .1, weather: .2, level: 300}, StoresWithout},
		{"a cold week", market{stores: 6, days: 6, effect: .2, noise: .1, weather: .1, cold: -.3, level: 300}, StoresWithout},
		{"others, days that hang together", market{stores: 6, days: 6, effect: .2, noise: .15, weather: .1, hang: .5, level: 300}, StoresWithout},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, width := c.m.held(t, 1000, c.by)
			t.Logf("%.1f %% held, %.0f %% wide", 100*got, 100*math.Expm1(width))
			if percent := math.Round(100 * got); percent < 93 || percent > 98 {
				t.Errorf("held in %.1f %%, want 93 to 98 %%", 100*got)
			}
		})
	}
}

// TestStoresWithoutTakeOffWhatAllDid: weather makes the interval of one store alone wide, and a cold week makes it wrong; beside others
// it is neither.
func TestStoresWithoutTakeOffWhatAllDid(t *testing.T) {
	alone := market{stores: 1, days: 6, effect: .2, noise: .1, weather: .2, cold: -.3, level: 300}
	beside := alone
	beside.stores = 6
	wrong, wide := alone.held(t, 500, WeeksBefore)
	right, narrow := beside.held(t, 500, StoresWithout)
	if wrong > .8 || right < .9 || narrow > .7*wide {
		t.Errorf("alone %.2f held, %.2f wide; beside others %.2f held, %.2f wide", wrong, wide, right, narrow)
	}
}

// without are visits of which some days of some stores are left out.
func without(all []Visits, out func(Visits) bool) []Visits {
	var kept []Visits
	for _, v := range all {
		if !out(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

func TestTooLittleDataSaysWhy(t *testing.T) {
	m := market{stores: 1, days: 6, effect: .2, noise: .1, level: 300}
	all := m.visits(rand.New(rand.NewPCG(1, 2)))
	campaign := Annotation{Store: "s00", Kind: Promotion, First: campaignMonday, Last: campaignMonday + 5, Title: "x"}.Named()
	note := func(kind Kind, store string, first, last calendar.Day) Annotation {
		return Annotation{Store: store, Kind: kind, First: first, Last: last, Title: "y"}.Named()
	}
	for _, c := range []struct {
		name   string
		out    func(Visits) bool
		notes  []Annotation
		today  calendar.Day
		known  bool
		reason string
		during int
		weeks  int
	}{
		{"enough", nil, nil, campaignMonday + 6, true, "", 6, 8},
		{"on its last day", nil, nil, campaignMonday + 5, true, StillOn, 6, 8},
		{"not begun", nil, nil, campaignMonday - 1, false, NotBegun, 6, 8},
		{"one day", func(v Visits) bool { return v.Day > campaignMonday }, nil, campaignMonday + 6, false, TooFewDays, 1, 8},
		{"no day", func(v Visits) bool { return v.Day >= campaignMonday }, nil, campaignMonday + 6, false, TooFewDays, 0, 0},
		{"three weeks before", func(v Visits) bool { return v.Day < campaignMonday-21 }, nil, campaignMonday + 6, false, TooFewWeeks, 6, 3},
		{"four weeks before", func(v Visits) bool { return v.Day < campaignMonday-28 }, nil, campaignMonday + 6, true, "", 6, 4},
		{"nothing before", func(v Visits) bool { return v.Day < campaignMonday }, nil, campaignMonday + 6, false, TooFewWeeks, 6, 0},
		{"its weekdays were never open", func(v Visits) bool { return v.Day < campaignMonday && v.Day.Weekday() != time.Saturday }, nil, campaignMonday + 6, false, TooFewWeeks, 6, 0},
		{"another promotion before", nil, []Annotation{note(Promotion, "s00", campaignMonday-14, campaignMonday-8)}, campaignMonday + 6, true, "", 6, 7},
		{"another store's promotion", nil, []Annotation{note(Promotion, "s01", campaignMonday-14, campaignMonday-8)}, campaignMonday + 6, true, "", 6, 8},
		{"something else", nil, []Annotation{note(Other, "s00", campaignMonday-14, campaignMonday-8)}, campaignMonday + 6, true, "", 6, 8},
		{"a holiday during it", nil, []Annotation{note(Holiday, "", campaignMonday+2, campaignMonday+2)}, campaignMonday + 6, true, "", 5, 8},
		{"closed during it", nil, []Annotation{note(Closure, "s00", campaignMonday+1, campaignMonday+7)}, campaignMonday + 6, false, TooFewDays, 1, 8},
		{"another promotion all the time before", nil, []Annotation{note(Promotion, "s00", campaignMonday-60, campaignMonday-1)}, campaignMonday + 6, false, TooFewWeeks, 6, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			visits := all
			if c.out != nil {
				visits = without(all, c.out)
			}
			effects := Effects(campaign, append(c.notes, campaign), visits, c.today)
			if len(effects) != 1 {
				t.Fatalf("got %+v", effects)
			}
			e := effects[0]
			if e.Known != c.known || e.Reason != c.reason || e.During != c.during || e.Weeks != c.weeks || e.Campaign != campaign.Name || e.Store != "s00" || e.Method != WeeksBefore {
				t.Errorf("got %+v, want known %v, %q, %d days, %d weeks", e, c.known, c.reason, c.during, c.weeks)
			}
			if !e.Known && (e.Change != 0 || e.Low != 0 || e.High != 0) {
				t.Errorf("got numbers of an unknown one: %+v", e)
			}
		})
	}
}

func TestWhichStoresACampaignIsHeldAgainst(t *testing.T) {
	m := market{stores: 5, days: 6, effect: .2, noise: .1, level: 300}
	visits := m.visits(rand.New(rand.NewPCG(1, 2)))
	campaign := Annotation{Store: "s00", Kind: Promotion, First: campaignMonday, Last: campaignMonday + 5, Title: "x"}.Named()
	also := func(store string) Annotation {
		return Annotation{Store: store, Kind: Promotion, First: campaignMonday, Last: campaignMonday + 5, Title: "x"}.Named()
	}
	after := campaign.Last + 1
	if e := Effects(campaign, []Annotation{campaign}, visits, after)[0]; e.Method != StoresWithout || e.Others != 4 {
		t.Errorf("got %+v, want four stores", e)
	}
	if e := Effects(campaign, []Annotation{campaign, also("s01")}, visits, after)[0]; e.Method != StoresWithout || e.Others != 3 {
		t.Errorf("got %+v, want three stores: one has it, too", e)
	}
	if e := Effects(campaign, []Annotation{campaign, also("s01"), also("s02")}, visits, after)[0]; e.Method != WeeksBefore || e.Others != 0 || !e.Known {
		t.Errorf("got %+v, want the weeks before: two stores are too few", e)
	}
	silent := without(visits, func(v Visits) bool { return v.Store != "s00" && v.Day >= campaignMonday })
	if e := Effects(campaign, []Annotation{campaign}, silent, after)[0]; e.Method != WeeksBefore || !e.Known {
		t.Errorf("got %+v, want the weeks before: the others have no numbers during it", e)
	}
	everywhere := also("")
	all := Effects(everywhere, []Annotation{everywhere}, visits, after)
	if len(all) != 6 || all[0].Store != "s00" || all[5].Store != "" || all[5].Method != WeeksBefore || !all[5].Known {
		t.Errorf("got %+v, want five stores and all together", all)
	}
	if none := Effects(everywhere, nil, nil, after); len(none) != 1 || none[0].Known || none[0].Reason != TooFewDays {
		t.Errorf("got %+v of nothing", none)
	}
}

// Whatever is published, an effect is a number or a reason, and never worse than nothing.
func FuzzEffects(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(6), uint8(30))
	f.Add(uint64(2), uint8(1), uint8(1), uint8(200))
	f.Fuzz(func(t *testing.T, seed uint64, stores, length, missing uint8) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := market{stores: int(stores)%8 + 1, days: int(length)%40 + 1, effect: r.Float64() - .5, noise: r.Float64(), weather: r.Float64(), level: 5 + 500*r.Float64()}
		visits := without(m.visits(r), func(Visits) bool { return uint8(r.Uint32()) < missing })
		campaign := Annotation{Store: []string{"", "s00"}[seed%2], Kind: Promotion, First: campaignMonday, Last: campaignMonday + calendar.Day(m.days) - 1, Title: "x"}.Named()
		for _, e := range Effects(campaign, []Annotation{campaign}, visits, campaign.Last+1) {
			bad := math.IsNaN(e.Change) || math.IsInf(e.High, 0) || e.Low > e.Change || e.Change > e.High || e.Low < -1 || e.Known == (e.Reason != "")
			if bad || e.Known && (e.Weeks < MinWeeks || e.During < MinDays || e.Weeks > LookBack) {
				t.Errorf("got %+v", e)
			}
		}
	})
}
