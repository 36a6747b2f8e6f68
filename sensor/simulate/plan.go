package simulate

import (
	"math"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// Stays of shoppers (COUNTING 2.5: log-normal, mean 12 min; the spread is an assumption). The median follows from the mean.
const (
	meanStay    = 12.0 // minutes
	stayShape   = 0.6
	longestStay = 150.0 // minutes
	lookInShare = 0.05  // come in and turn round: 1 to 4 minutes
	againShare  = 0.03  // come a second time on the same day
	lastEntry   = 5 * minute
)

// companyInterval is how many seconds devices that are on a network already wait between bursts; an assumption.
var companyInterval = [2]float64{120, 300}

// Arrivals by local hour on working days, at the weekend, and of people walking past. Only the shape counts.
var (
	workdayHours = [24]float64{1, 1, 1, 1, 1, 1, 2, 5, 10, 13, 15, 17, 20, 16, 14, 15, 19, 24, 23, 16, 10, 6, 3, 2}
	weekendHours = [24]float64{1, 1, 1, 1, 1, 1, 1, 3, 7, 14, 21, 24, 23, 22, 23, 21, 18, 14, 10, 7, 5, 4, 3, 2}
	streetHours  = [24]float64{2, 1, 1, 1, 1, 3, 8, 18, 20, 15, 14, 16, 19, 17, 16, 18, 21, 24, 22, 16, 11, 8, 6, 4}
)

// live makes a store-day: who comes when, and every burst that their phones send. It depends on the seed and the date only.
func (w *world) live(d calendar.Day) *day {
	x := newDay(w.cfg.Store, d)
	p := planner{w: w, day: x, dice: newDice(w.seed, streamPlan, int32(d))}
	p.doors, p.street = p.arrivals()
	p.fixtures()
	p.shoppers()
	p.passers()
	for i := range x.stays {
		p.emit(int32(i))
	}
	return x
}

type planner struct {
	w      *world
	day    *day
	dice   dice
	doors  []float64 // cumulative arrivals at the door by minute; nil when the store is closed all day
	street []float64
	serial int // stable phones of this day only
}

func (p *planner) arrivals() (doors, street []float64) {
	hours := &workdayHours
	if wd := p.day.number.Weekday(); wd == time.Saturday || wd == time.Sunday {
		hours = &weekendHours
	}
	for i, m := range p.day.local {
		at := int64(i) * minute
		weight := 0.0
		if p.day.closing(at)-at > lastEntry {
			weight = hours[m.hour]
		}
		doors, street = stack(doors, weight), stack(street, streetHours[m.hour])
	}
	if doors[len(doors)-1] == 0 {
		doors = nil
	}
	return doors, street
}

// device adds a phone to the day. regular is -1 for one that is seen on this day only.
func (p *planner) device(ph phone, regular int) int32 {
	p.day.devices = append(p.day.devices, device{ph, int32(regular)})
	return int32(len(p.day.devices) - 1)
}

// stranger is a phone that is seen on this day only.
func (p *planner) stranger() int32 {
	ph := p.w.dayPhone(p.dice, p.day.number, p.serial)
	if ph.stable() {
		p.serial++
	}
	return p.device(ph, -1)
}

// add puts a phone within reach, from and to cut at the ends of the day.
func (p *planner) add(r role, dev int32, when span, strength float64) {
	s := stay{span: span{max(when.from, 0), min(when.to, p.day.length)}, role: r, device: dev, strength: strength, mode: active}
	if p.dice.chance(standbyShare) {
		s.mode = standby
	}
	ph := &p.day.devices[dev].phone
	s.interval = ph.model.interval[s.mode]
	if r == fixture || r == neighbour || r == staff && ph.stable() {
		s.interval = p.dice.between(companyInterval[0], companyInterval[1])
	}
	if s.to > s.from {
		p.day.stays = append(p.day.stays, s)
	}
}

// fixtures are the tills and the neighbours', on all day, and the staff of an open day, each with one day off in six.
func (p *planner) fixtures() {
	all := span{0, p.day.length}
	number := 0
	for _, ph := range p.w.gear {
		p.add(fixture, p.device(ph, number), all, p.dice.between(-55, -45))
		number++
	}
	for _, ph := range p.w.outside {
		p.add(neighbour, p.device(ph, number), all, p.outsideStrength())
		number++
	}
	for i, ph := range p.w.staff {
		if p.doors != nil && p.dice.chance(5.0/6) {
			p.add(staff, p.device(ph, number+i), p.shift(i), p.insideStrength())
		}
	}
}

// shift is a working day of 8.5 to 9.5 hours, or as long as the store is open: from before opening, or until after closing.
func (p *planner) shift(nth int) span {
	opens, closes := p.day.open[0].from, p.day.open[len(p.day.open)-1].to
	slack := int64(p.dice.between(5, 20) * float64(minute))
	length := int64(p.dice.between(510, 570) * float64(minute))
	if nth%2 == 0 {
		return span{opens - slack, min(opens+length, closes+slack)}
	}
	return span{max(closes-length, opens-slack), closes + slack}
}

func (p *planner) shoppers() {
	if p.doors == nil {
		return
	}
	wd := p.day.number.Weekday()
	first := len(p.w.gear) + len(p.w.outside) + len(p.w.staff)
	for i := range p.w.regulars {
		if r := &p.w.regulars[i]; p.dice.chance(r.comes[wd]) {
			p.shop(p.device(r.phone, first+i))
		}
	}
	for range p.dice.poisson(onceShare * float64(p.w.cfg.ShoppersPerDay) * p.w.busy[wd]) {
		p.shop(p.stranger())
	}
}

// shop is one visit, and now and then a second one at least half an hour later.
func (p *planner) shop(dev int32) {
	in := p.arrival(p.doors)
	out := min(in+p.stayLength(), p.day.closing(in))
	p.add(shopper, dev, span{in, out}, p.insideStrength())
	if !p.dice.chance(againShare) {
		return
	}
	in = out + int64(p.dice.between(30, 240)*float64(minute))
	if closing := p.day.closing(in); closing-in > lastEntry {
		p.add(shopper, dev, span{in, min(in+p.stayLength(), closing)}, p.insideStrength())
	}
}

func (p *planner) stayLength() int64 {
	minutes := min(p.dice.logNormal(meanStay*math.Exp(-stayShape*stayShape/2), stayShape), longestStay)
	if p.dice.chance(lookInShare) {
		minutes = p.dice.between(1, 4)
	}
	return int64(minutes * float64(minute))
}

// passers walk past in 20 to 90 seconds; one in ten waits outside for a few minutes.
func (p *planner) passers() {
	for range p.dice.poisson(float64(p.w.cfg.PassersPerDay)) {
		from := p.arrival(p.street)
		seconds := p.dice.between(20, 90)
		if p.dice.chance(0.1) {
			seconds = p.dice.between(90, 480)
		}
		p.add(passer, p.stranger(), span{from, from + int64(seconds*float64(second))}, p.outsideStrength())
	}
}

// arrival draws a time of the day from cumulative weights by minute.
func (p *planner) arrival(cumulative []float64) int64 {
	return int64(p.dice.pick(cumulative))*minute + p.dice.Int64N(minute)
}

func (p *planner) insideStrength() float64  { return p.dice.between(-62, -48) }
func (p *planner) outsideStrength() float64 { return p.dice.between(-86, -76) }
