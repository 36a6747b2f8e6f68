package stores

import (
	"fmt"
	"strings"
	"time"
)

// Hours are a store's opening hours in its own time. The zero value is open always.
type Hours struct {
	set  bool
	days [7][]span // by time.Weekday
}

// span is minutes since local midnight; to may pass 24:00 into the next day.
type span struct{ from, to int }

var dayNames = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseHours reads opening hours such as {"mon-fri": "09:00-20:00", "sat": "09:00-13:00,14:00-18:00", "sun": "closed"}.
// Days not named are closed; a closing time at or before the opening time means the next morning. A nil map is open always.
func ParseHours(text map[string]string) (Hours, []error) {
	if text == nil {
		return Hours{}, nil
	}
	h := Hours{set: true}
	var errs []error
	named := [7]bool{}
	for key, value := range text {
		days, err := parseDays(key)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		spans, err := parseSpans(value)
		if err != nil {
			errs = append(errs, fmt.Errorf("hours of %s: %w", key, err))
			continue
		}
		for _, d := range days {
			if named[d] {
				errs = append(errs, fmt.Errorf("hours name %s twice: name each day once", dayNames[d]))
			}
			named[d] = true
			h.days[d] = spans
		}
	}
	return h, errs
}

// Open reports whether the store is open at t, which must be in the store's time zone.
func (h Hours) Open(t time.Time) bool {
	if !h.set {
		return true
	}
	day, minute := t.Weekday(), t.Hour()*60+t.Minute()
	for _, s := range h.days[day] {
		if minute >= s.from && minute < s.to {
			return true
		}
	}
	for _, s := range h.days[(day+6)%7] {
		if minute+24*60 < s.to {
			return true
		}
	}
	return false
}

// Always reports whether the hours are open always.
func (h Hours) Always() bool { return !h.set }

func parseDays(key string) ([]time.Weekday, error) {
	from, to, isRange := strings.Cut(strings.ToLower(strings.TrimSpace(key)), "-")
	a, ok := weekday(from)
	if !ok {
		return nil, fmt.Errorf("hours: %q is not a day: write mon, tue, wed, thu, fri, sat, sun or a range such as mon-fri", key)
	}
	if !isRange {
		return []time.Weekday{a}, nil
	}
	b, ok := weekday(to)
	if !ok {
		return nil, fmt.Errorf("hours: %q is not a range of days: write one such as mon-fri", key)
	}
	var days []time.Weekday
	for d := a; ; d = (d + 1) % 7 {
		days = append(days, d)
		if d == b {
			return days, nil
		}
	}
}

func weekday(name string) (time.Weekday, bool) {
	for d, n := range dayNames {
		if n == strings.TrimSpace(name) {
			return time.Weekday(d), true
		}
	}
	return 0, false
}

func parseSpans(text string) ([]span, error) {
	if strings.TrimSpace(text) == "closed" {
		return nil, nil
	}
	var spans []span
	for part := range strings.SplitSeq(text, ",") {
		from, to, ok := strings.Cut(strings.TrimSpace(part), "-")
		if !ok {
			return nil, fmt.Errorf("%q: write closed, or times such as 09:00-20:00", part)
		}
		a, err := clock(from)
		if err != nil {
			return nil, err
		}
		b, err := clock(to)
		if err != nil {
			return nil, err
		}
		if b <= a {
			b += 24 * 60
		}
		spans = append(spans, span{a, b})
	}
	return spans, nil
}

func clock(text string) (int, error) {
	text = strings.TrimSpace(text)
	if text == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time: write it as 09:00", text)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// String writes the hours as ParseHours reads them, day by day.
func (h Hours) String() string {
	if !h.set {
		return "always open"
	}
	clock := func(m int) string { return fmt.Sprintf("%02d:%02d", m/60%24, m%60) }
	var days []string
	for i := range 7 {
		d := (i + 1) % 7
		text := "closed"
		var spans []string
		for _, s := range h.days[d] {
			spans = append(spans, clock(s.from)+"-"+clock(s.to))
		}
		if len(spans) > 0 {
			text = strings.Join(spans, ",")
		}
		days = append(days, dayNames[d]+": "+text)
	}
	return strings.Join(days, "; ")
}
