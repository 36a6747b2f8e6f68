package page

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/ingest/calendar"
)

// longest is how many store-days one request may span: two years.
const longest = 731

// span is a range of store-days; both ends belong to it.
type span struct {
	From, To calendar.Day
	Preset   string // empty: custom
}

// preset is a range that is offered, in days up to today.
type preset struct {
	name, label string
	days        calendar.Day
}

func presets() []preset {
	return []preset{{"7d", "7 days", 7}, {"4w", "4 weeks", 28}, {"13w", "13 weeks", 91}}
}

const defaultPreset = "4w"

func upTo(today calendar.Day, p preset) span {
	return span{From: today - p.days + 1, To: today, Preset: p.name}
}

// days is how many store-days there are.
func (s span) days() int { return int(s.To-s.From) + 1 }

// params are for a panel's SQL. Store-days are dates there, and a date is midnight UTC; the last day is in it to its last second. Where
// the range ends today, panels about the present end now, and others if that is later: by UTC a store-day west of Greenwich ends on the
// next date; a range of the past ends before the next store-day of the first store, which east of Greenwich begins on its last date.
// Panels of what is over end on the store's clock, now at the latest.
func (s span) params(panel panels.Panel, places []place, now time.Time) panels.Params {
	const point, points = 300, 600
	at := places[0].calendar
	from, to := s.From.Date(), s.To.Date().Add(24*time.Hour-time.Second)
	width := int(to.Sub(from).Seconds()) / points
	today := at.DayOf(now)
	switch end := endOf(panel); {
	case end == endsNow && s.To >= today && s.From <= today, s.To == today && now.After(to):
		to = now.UTC()
	case end == endsDay && s.To < today && at.End(s.To).Before(to):
		to = at.End(s.To).Add(-time.Second).UTC()
	case end == endsOver && s.From <= today:
		to = at.End(s.To).Add(-time.Second).UTC()
		if now.Before(to) {
			to = now.UTC()
		}
	}
	if to.Before(from) { // a morning east of Greenwich
		from = at.Start(s.From).UTC()
	}
	return panels.Params{From: from, To: to, Stores: ids(places), Width: (width/point + 1) * point}
}

// end is where a panel's range ends.
type end int

const (
	endsDay  end = iota // with the last day's date
	endsNow             // now, where that is within the range
	endsOver            // with the last store-day on the store's clock, or now
)

// endOf says it of a panel. Sensors and facts of privacy are of now, unless they are counted by store-day.
func endOf(panel panels.Panel) end {
	switch {
	case panel.ID == "today" || panel.ID == "last_day":
		return endsOver
	case layoutOf(panel.ID).live:
		return endsNow
	case (panel.Dashboard == panels.Sensors || panel.Dashboard == panels.Privacy) && !strings.Contains(panel.SQL, "store_day"):
		return endsNow
	}
	return endsDay
}

// readSpan reads range, or from and to.
func readSpan(q url.Values, today calendar.Day) (span, error) {
	from, to, name := q.Get("from"), q.Get("to"), q.Get("range")
	if from == "" && to == "" {
		if name == "" {
			name = defaultPreset
		}
		for _, p := range presets() {
			if p.name == name {
				return upTo(today, p), nil
			}
		}
		return span{}, badRequest("range is not one that there is: write range=7d, range=4w or range=13w, or from and to as dates.")
	}
	var s span
	var err error
	if s.From, err = readDay("from", from); err != nil {
		return s, err
	}
	if s.To, err = readDay("to", to); err != nil {
		return s, err
	}
	switch {
	case s.To < s.From:
		return s, badRequest("The range ends before it begins: swap from and to.")
	case s.days() > longest:
		return s, badRequest("The range is longer than two years: write from and to at most %d days apart.", longest-1)
	}
	return s, nil
}

func readDay(name, text string) (calendar.Day, error) {
	day, err := calendar.ParseDay(text)
	if err != nil || day.Date().Year() < 2000 || day.Date().Year() > 2100 {
		return 0, badRequest("%s is not a date between 2000 and 2100: write it as year-month-day, such as %s=2026-03-02.", name, name)
	}
	return day, nil
}

// readPlace is the store that is asked for; without one, the first.
func (p *Page) readPlace(q url.Values) (place, error) {
	if !q.Has("store") {
		return p.stores[0], nil
	}
	return p.place(q.Get("store"))
}

func (p *Page) place(id string) (place, error) { return placeOf(id, p.stores) }

func placeOf(id string, among []place) (place, error) {
	i := slices.IndexFunc(among, func(s place) bool { return s.ID == id })
	if i < 0 {
		return place{}, &refusal{404, "There is no such store: " + API + "stores lists those that there are."}
	}
	return among[i], nil
}

// readPlaces is the stores that a panel is asked for. Panels that compare stores, or tell of all of them, may be asked without one.
func readPlaces(panel panels.Panel, q url.Values, among []place) ([]place, error) {
	if len(among) == 0 {
		return nil, &refusal{404, "There is none of your stores any more: " + API + "stores lists those that there are."}
	}
	if !q.Has("store") {
		if panel.Dashboard == panels.Store {
			return nil, badRequest("The panel is about one store: write store=%s, or another of %sstores.", url.QueryEscape(among[0].ID), API)
		}
		return among, nil
	}
	var all []place
	for _, id := range q["store"] {
		one, err := placeOf(id, among)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if len(all) > 1 && panel.Dashboard == panels.Store {
		return nil, badRequest("The panel is about one store: write store once.")
	}
	return all, nil
}

func ids(places []place) []string {
	out := make([]string, len(places))
	for i, s := range places {
		out[i] = s.ID
	}
	return out
}

// onlyKnown refuses parameters that a typing error made, because a range that is silently another one shows wrong numbers.
func onlyKnown(q url.Values, known ...string) error {
	for name := range q {
		if !slices.Contains(known, name) {
			return badRequest("There is no such parameter: there are %s.", strings.Join(known, ", "))
		}
	}
	return nil
}
