package simulate

import (
	"math"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/sensor/internal/hwaddr"
)

// phone is one device. Its network is a name that it may call for.
type phone struct {
	model   *model
	address hwaddr.Addr // of a stable phone
	network uint8
}

func (p phone) stable() bool { return p.model.stable }

// regular is somebody who comes back: the chance of a visit on each day of the week.
type regular struct {
	phone phone
	comes [7]float64
}

// habits: which share of all visits such people make, how often each comes in a week, and whether always on one weekday. The
// shares are an assumption; together half of the visits, which leaves a repeat rate that a weekly filter can see.
var habits = [...]struct {
	share, perWeek float64
	oneWeekday     bool
}{
	{0.15, 3, false},
	{0.20, 0.75, true},
	{0.15, 0.3, false},
}

const onceShare = 0.50 // of visits: people never seen before or after

// weekdayWeights is how busy a shop is by weekday, Sunday first.
var weekdayWeights = [7]float64{0.8, 0.85, 0.85, 0.9, 1, 1.15, 1.35}

// world is what holds for every day: models, the people who come back, the fixtures.
type world struct {
	cfg      Config
	seed     uint64
	market   market
	busy     [7]float64 // weekday weights over the open weekdays, mean 1; 0 when closed
	regulars []regular
	staff    []phone
	gear     []phone
	outside  []phone // neighbours' fixtures
	lasting  int     // stable phones made so far that live longer than a day
	networks []string
}

func newWorld(cfg Config) *world {
	w := &world{cfg: cfg, seed: cfg.seed(), market: newMarket(), networks: networkNames()}
	d := newDice(w.seed, streamPeople, 0)
	openDays := w.weighWeekdays()
	for i := range cfg.Staff {
		w.staff = append(w.staff, w.keptPhone(d, i < cfg.Staff-1))
	}
	for range cfg.Gear {
		w.gear = append(w.gear, w.keptPhone(d, true))
	}
	for range cfg.Neighbours {
		w.outside = append(w.outside, w.keptPhone(d, true))
	}
	for _, h := range habits {
		people := int(h.share * float64(cfg.ShoppersPerDay*openDays) / h.perWeek)
		for range people {
			w.regulars = append(w.regulars, w.newRegular(d, h.perWeek, h.oneWeekday, openDays))
		}
	}
	return w
}

// weighWeekdays fills busy and returns the number of open weekdays. Hours depend on the weekday only, so any week will do.
func (w *world) weighWeekdays() int {
	n, sum := 0, 0.0
	for d := calendar.Week(1).Monday(); d <= calendar.Week(1).Sunday(); d++ {
		if len(newDay(w.cfg.Store, d).open) > 0 {
			n++
			w.busy[d.Weekday()] = weekdayWeights[d.Weekday()]
			sum += weekdayWeights[d.Weekday()]
		}
	}
	for i := range w.busy {
		if n > 0 {
			w.busy[i] *= float64(n) / sum
		}
	}
	return n
}

func (w *world) newRegular(d dice, perWeek float64, oneWeekday bool, openDays int) regular {
	r := regular{phone: w.keptPhone(d, d.chance(w.cfg.StableShare))}
	if oneWeekday {
		var lots []float64
		for _, b := range w.busy {
			lots = stack(lots, b)
		}
		r.comes[d.pick(lots)] = perWeek
		return r
	}
	for i, b := range w.busy {
		r.comes[i] = math.Min(0.95, perWeek/float64(openDays)*b)
	}
	return r
}

// keptPhone is a phone that is there on more days than one.
func (w *world) keptPhone(d dice, stable bool) phone {
	w.lasting++
	return w.newPhone(d, stable, 1<<23|uint32(w.lasting))
}

// dayPhone is a phone seen on one day only, the nth of that day.
func (w *world) dayPhone(d dice, day calendar.Day, nth int) phone {
	return w.newPhone(d, d.chance(w.cfg.StableShare), uint32(day)&0x7ff<<12|uint32(nth)&0xfff)
}

// newPhone draws a phone. Its built-in address is the model's vendor and a permutation of the 24-bit serial number, so two
// phones never share one.
func (w *world) newPhone(d dice, stable bool, serial uint32) phone {
	p := phone{network: uint8(d.IntN(len(w.networks)))}
	if !stable {
		p.model = &w.market.models[w.market.random[d.pick(w.market.randomLots)]]
		return p
	}
	p.model = &w.market.models[w.market.stable[d.pick(w.market.stableLots)]]
	s := serial*0x9e3779 + uint32(w.seed)
	oui := p.model.oui
	p.address = hwaddr.Addr{oui[0], oui[1], oui[2], byte(s >> 16), byte(s >> 8), byte(s)}
	return p
}

// networkNames are made-up names of home and work networks.
func networkNames() []string {
	var names []string
	for _, place := range [...]string{"home", "WLAN-", "Guest ", "office-net-", "cafe", "router_2G_"} {
		for i := range 20 {
			names = append(names, place+string(rune('A'+i))+string(rune('0'+i%10)))
		}
	}
	return names
}
