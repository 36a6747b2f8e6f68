package page

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// frame is what every HTML answer has.
type frame struct {
	Prefix, Static, Title string
}

func (p *Page) frame(title string) frame {
	return frame{Prefix: p.o.Prefix, Static: p.o.Prefix + "static/" + p.assets.Version + "/", Title: title}
}

// problemView is a page that says what went wrong.
func (p *Page) problemView(r *refusal) any {
	return struct {
		frame
		Text string
	}{p.frame("This page cannot be shown"), r.text}
}

// storeView is the page of one store.
type storeView struct {
	frame
	Store    Store
	Stores   []Store
	From, To string
	Range    string // in words
	Now      string // on the store's clock
	Presets  []presetLink
	Sections []section
	Words    []word
	More     string // where the list of all data is
}

type presetLink struct {
	Label, Link string
	Current     bool
}

// section is a group of cards under a heading.
type section struct {
	ID, Title string
	Cards     []card
}

// word is a state and what it means.
type word struct{ Word, Meaning string }

// show is the page.
func (p *Page) show(r *http.Request) (answer, error) {
	q := r.URL.Query()
	if err := onlyKnown(q, "store", "range", "from", "to"); err != nil {
		return answer{}, err
	}
	s, err := p.readPlace(q)
	if err != nil {
		return answer{}, err
	}
	now := p.o.Now()
	days, err := readSpan(q, s.calendar.DayOf(now))
	if err != nil {
		return answer{}, err
	}
	v := storeView{
		frame: p.frame(s.Name), Store: s.Store, Stores: p.o.Stores, From: days.From.String(), To: days.To.String(),
		Range: longDay(days.From) + " " + until + " " + longDay(days.To), Now: now.In(s.calendar.Location()).Format("Monday 2 January, 15:04"),
		Sections: p.sections(r, s, days), More: API + "panels",
	}
	for _, one := range presets() {
		v.Presets = append(v.Presets, presetLink{one.label, "?" + url.Values{"store": {s.ID}, "range": {one.name}}.Encode(), one.name == days.Preset})
	}
	for _, state := range panels.States() {
		if meaning := panels.StateMeaning(state, "en"); meaning != "" {
			v.Words = append(v.Words, word{upper(panels.StateText(state, "en")), meaning})
		}
	}
	var out bytes.Buffer
	if err := p.templates.ExecuteTemplate(&out, "store.html", v); err != nil {
		return answer{}, fmt.Errorf("write the page: %w", err)
	}
	return answer{kind: typeHTML, body: out.Bytes()}, nil
}

// sections reads all panels of the store's dashboard, side by side, and puts them where layout says. A panel that cannot be read says
// so in its own place.
func (p *Page) sections(r *http.Request, s place, days span) []section {
	var shown []panels.Panel
	live := s.calendar.DayOf(p.o.Now()) == days.To
	for _, one := range p.o.Panels {
		if one.Dashboard == panels.Store && (live || !layoutOf(one.ID).live) {
			shown = append(shown, one)
		}
	}
	cards := make([]card, len(shown))
	var group errgroup.Group
	var marks []noted
	group.Go(func() error {
		marks = p.readNoted(r.Context(), s, days.params(panels.Panel{}, []place{s}, p.o.Now()))
		return nil
	})
	for i, one := range shown {
		group.Go(func() error {
			cards[i] = p.card(r, one, s, days)
			return nil
		})
	}
	_ = group.Wait()
	for i := range cards {
		cards[i].note(marks)
	}
	return arrangeCards(cards, live)
}

func (p *Page) card(r *http.Request, panel panels.Panel, s place, days span) card {
	table, err := p.read(r.Context(), panel, days.params(panel, []place{s}, p.o.Now()))
	var c card
	if err != nil {
		p.o.Logger.Error("a panel of the page could not be read", "panel", panel.ID, "error", err)
		c = titled(panel)
		c.Form, c.Why = "broken", "This could not be read just now. Load the page again in a moment; the others are not affected."
	} else {
		c = newCard(panel, table.Rows, s.TimeZone, s.calendar.Location())
	}
	c.Size = layoutOf(panel.ID).size
	q := url.Values{"store": {s.ID}, "from": {days.From.String()}, "to": {days.To.String()}}
	c.CSV = API + "panels/" + url.PathEscape(panel.ID) + ".csv?" + q.Encode()
	return c
}

// spot is where a card stands.
type spot struct {
	section, size string
	live          bool // only where the range ends today
}

// layout is where the cards of known panels stand; the order in a section is that of the list.
func layout() []struct {
	id string
	spot
} {
	return []struct {
		id string
		spot
	}{
		{"today", spot{"today", "w5", true}},
		{"occupancy_now", spot{"today", "w3", true}},
		{"last_day", spot{"today", "w4", false}},
		{"today_by_hour", spot{"today", "w6", false}},
		{"occupancy_by_quarter", spot{"today", "w6", false}},
		{"visits_by_day", spot{"visits", "w12", false}},
		{"busy_hours", spot{"visits", "w6", false}},
		{"trend", spot{"visits", "w6", false}},
		{"unusual_hours", spot{"visits", "w12", false}},
		{"capture_rate", spot{"behaviour", "w4", false}},
		{"engaged_share", spot{"behaviour", "w4", false}},
		{"dwell", spot{"behaviour", "w4", false}},
		{"new_repeat", spot{"behaviour", "w8", false}},
		{"zones", spot{"behaviour", "w4", false}},
		{"conversion", spot{"worth", "w6", false}},
		{"conversion_by_hour", spot{"worth", "w6", false}},
		{"campaigns", spot{"worth", "w12", false}},
		{"data_quality", spot{"trust", "w6", false}},
		{"why_empty", spot{"trust", "w6", false}},
		{"days", spot{"trust", "w12", false}},
		{"only_counted", spot{"trust", "w6", false}},
		{"repeat_exact", spot{"trust", "w6", false}},
	}
}

func layoutOf(id string) spot {
	for _, l := range layout() {
		if l.id == id {
			return l.spot
		}
	}
	return spot{"more", "w6", false}
}

// arrangeCards groups the cards. Sections without any are left out.
func arrangeCards(cards []card, live bool) (out []section) {
	newest := "The newest day"
	if live {
		newest = "Today"
	}
	order := func(c card) int {
		i := slices.IndexFunc(layout(), func(l struct {
			id string
			spot
		}) bool {
			return l.id == c.ID
		})
		if i < 0 {
			return len(layout())
		}
		return i
	}
	slices.SortStableFunc(cards, func(a, b card) int { return order(a) - order(b) })
	for _, s := range []section{
		{ID: "today", Title: newest}, {ID: "visits", Title: "How many came, and when"}, {ID: "behaviour", Title: "What they did"},
		{ID: "worth", Title: "What it was worth"}, {ID: "trust", Title: "How far to trust it"}, {ID: "more", Title: "More"},
	} {
		for _, c := range cards {
			if layoutOf(c.ID).section == s.ID {
				s.Cards = append(s.Cards, c)
			}
		}
		if len(s.Cards) > 0 {
			out = append(out, s)
		}
	}
	return out
}
