package keys

import (
	"fmt"
	"strings"
	"time"

	"github.com/openfootfall/footfall/ingest/stores"
)

var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // by time.Weekday

// hoursText writes opening hours as stores.ParseHours reads them, day by day: "00:00-02:00,09:00-24:00" where a night is open.
// Hours have no text of their own, so it asks for every minute of a week; once a day that costs nothing.
func hoursText(h stores.Hours) map[string]string {
	if h.Always() {
		return nil
	}
	text := make(map[string]string, len(weekdays))
	sunday := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	for d, name := range weekdays {
		text[name] = dayText(h, sunday.AddDate(0, 0, d))
	}
	return text
}

func dayText(h stores.Hours, midnight time.Time) string {
	const minutes = 24 * 60
	var spans []string
	from := -1
	for m := 0; m <= minutes; m++ {
		open := m < minutes && h.Open(midnight.Add(time.Duration(m)*time.Minute))
		if open && from < 0 {
			from = m
		}
		if !open && from >= 0 {
			spans = append(spans, fmt.Sprintf("%02d:%02d-%02d:%02d", from/60, from%60, m/60, m%60))
			from = -1
		}
	}
	if len(spans) == 0 {
		return "closed"
	}
	return strings.Join(spans, ",")
}
