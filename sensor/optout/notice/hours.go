package notice

import (
	"strings"
	"time"

	"github.com/openfootfall/footfall/ingest/stores"
)

// dayKeys name the days as stores.Hours writes them, in a week's order.
var dayKeys = [7]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// alwaysOpen is what stores.Hours writes for hours that are not set.
const alwaysOpen = "always open"

// week is opening hours as text, such as "09:00-13:00,14:00-18:00" or "closed", by day from Monday.
type week struct {
	always bool
	days   [7]string
	hours  stores.Hours
}

// readHours reads what stores.Hours.String wrote. It comes from a sensor, so it may be anything.
func readHours(text string) (week, bool) {
	if text == alwaysOpen {
		return week{always: true}, true
	}
	w := week{}
	named := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		day, times, _ := strings.Cut(strings.TrimSpace(part), ": ")
		named[day] = times
	}
	hours, errs := stores.ParseHours(named)
	if len(errs) > 0 || len(named) != len(dayKeys) {
		return week{}, false
	}
	w.hours = hours
	for i, day := range dayKeys {
		if w.days[i] = named[day]; w.days[i] == "" {
			return week{}, false
		}
	}
	return w, true
}

// open reports whether it is open at a local time.
func (w week) open(t time.Time) bool { return w.always || w.hours.Open(t) }
