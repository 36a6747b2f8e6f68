package simulate

import (
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
)

// span is a stretch of a store-day in microseconds since its start.
type span struct{ from, to int64 }

// role is what somebody or something does here.
type role uint8

const (
	shopper role = iota
	passer
	staff
	fixture
	neighbour
)

// stay is one phone within reach from one time to another. device numbers the phones of the day.
type stay struct {
	span
	role     role
	mode     mode
	device   int32
	interval float64 // seconds between bursts
	strength float64 // dBm, before movement and noise
}

// device is a phone of the day. regular is its number among phones that are there on more days than one, or -1.
type device struct {
	phone   phone
	regular int32
}

// burst is frames of one phone in a row. peak is the strength of its strongest frame as sent.
type burst struct {
	at     int64
	stay   int32
	frames uint8
	peak   int8
}

// day is one store-day: when it is open, who is there, what is sent. bursts are in order of stay, and of time within a stay.
type day struct {
	number  calendar.Day
	start   time.Time
	length  int64 // microseconds: a change of clocks makes it 23 or 25 hours
	local   []localMinute
	open    []span
	devices []device
	stays   []stay
	bursts  []burst
}

// localMinute is what the store's clock and door say in a minute of the day.
type localMinute struct {
	hour uint8
	open bool
}

func newDay(store stores.Store, d calendar.Day) *day {
	cal := store.Calendar
	x := &day{number: d, start: cal.Start(d)}
	x.length = cal.End(d).Sub(x.start).Microseconds()
	for at := int64(0); at < x.length; at += minute {
		t := x.start.Add(time.Duration(at) * time.Microsecond)
		m := localMinute{hour: uint8(t.Hour()), open: store.Hours.Open(t)}
		x.local = append(x.local, m)
		switch {
		case !m.open:
		case len(x.open) > 0 && x.open[len(x.open)-1].to == at:
			x.open[len(x.open)-1].to = min(at+minute, x.length)
		default:
			x.open = append(x.open, span{at, min(at+minute, x.length)})
		}
	}
	return x
}

// isOpen reports whether the store is open at the time.
func (x *day) isOpen(at int64) bool {
	i := int(at / minute)
	return i >= 0 && i < len(x.local) && x.local[i].open
}

// closing is the end of the open stretch that holds the time, or the time itself when the store is closed.
func (x *day) closing(at int64) int64 {
	for _, s := range x.open {
		if at >= s.from && at < s.to {
			return s.to
		}
	}
	return at
}

// at is the instant of a time of this day.
func (x *day) at(t int64) time.Time { return x.start.Add(time.Duration(t) * time.Microsecond) }
