package worth

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// TransactionColumns are the headers that a file of transactions may have: hours on the store's clock, or instants.
func TransactionColumns() [][]string {
	return [][]string{{"store", "day", "hour", "transactions"}, {"store", "start", "transactions"}}
}

// hourKey is one hour of one store.
type hourKey struct {
	store string
	start int64 // Unix seconds
}

// hours gathers the lines of a file.
type hours struct {
	o        Reading
	out      []Transactions
	at       map[hourKey]int // in out
	line     []int           // of out
	repeated int             // lines of an hour that the clock showed twice
	skipped  int             // lines without a sale in an hour that the clock skipped
}

// ReadTransactions reads a file of transactions. A day is a date on the calendar and an hour one of the store's clock, as tills print
// them. Where clocks are put back, the sales of an hour that comes twice are all the first one's, and lines of it are added up; the second
// has none and is Repeated, so that what a file of instants said of it before does not count as well. An hour that clocks skip can have no
// sale. Any other hour that is there twice is an error. With an error there are no rows, and the Report says what was wrong with which line.
func ReadTransactions(from io.Reader, o Reading) ([]Transactions, Report, error) {
	h := hours{o: o, at: map[hourKey]int{}}
	report, err := o.read(from, TransactionColumns(), h.take)
	if err != nil {
		return nil, report, err
	}
	if h.repeated > 0 {
		report.Notes = append(report.Notes, lines(h.repeated, "is of an hour that the store's clock showed twice: it is one hour here, which begins with the first",
			"are of an hour that the store's clock showed twice: it is one hour here, which begins with the first"))
	}
	if h.skipped > 0 {
		report.Notes = append(report.Notes, lines(h.skipped, "without a sale is of an hour that the store's clock skipped: it is left out",
			"without a sale are of an hour that the store's clock skipped: they are left out"))
	}
	return h.out, report, nil
}

// lines is a sentence about so many lines.
func lines(n int, one, several string) string {
	if n == 1 {
		return "1 line " + one
	}
	return fmt.Sprintf("%d lines %s", n, several)
}

func (h *hours) take(r record) error {
	store := r.of("store")
	if store == "" {
		return wrongLine("there is no store: write it as in stores.yaml")
	}
	c, err := h.o.calendarOf(store)
	if err != nil {
		return err
	}
	count, err := parseCount(r.of("transactions"))
	if err != nil {
		return err
	}
	start, second, twice, err := startOf(r, c)
	if err != nil {
		return err
	}
	if start.IsZero() {
		if count > 0 {
			return wrongLine("the store's clock skipped this hour, so it can have no sale: look at the till's clock")
		}
		h.skipped++
		return nil
	}
	if start.After(h.o.Now) {
		return wrongLine("the hour is in the future: look at the date")
	}
	key := hourKey{store, start.Unix()}
	i, ok := h.at[key]
	switch {
	case ok && !twice:
		return wrongLine("the hour stands in line %d already: add them up, or remove one", h.line[i])
	case ok && h.out[i].Count+count > MostAnHour:
		return wrongLine("the lines of this hour are more than %d transactions together: look at the numbers", MostAnHour)
	case ok:
		h.out[i].Count += count
	default:
		h.add(r, c, key, count)
		if !second.IsZero() && !second.After(h.o.Now) {
			h.add(r, c, hourKey{store, second.Unix()}, 0)
			h.out[len(h.out)-1].Repeated = true
		}
	}
	if twice {
		h.repeated++
	}
	return nil
}

// add makes a cell of a line.
func (h *hours) add(r record, c calendar.Calendar, key hourKey, count uint32) {
	start := time.Unix(key.start, 0).UTC()
	h.at[key] = len(h.out)
	h.line = append(h.line, r.line)
	h.out = append(h.out, Transactions{Store: key.store, Start: start, Day: c.DayOf(start), Hour: start.In(c.Location()).Hour(), Count: count})
}

func parseCount(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	switch {
	case strings.HasPrefix(text, "-"):
		return 0, wrongLine("the transactions %s are negative: write how many sales the tills rang, returns left out", quoted(text))
	case err != nil && strings.Trim(text, "0123456789") != "" || text == "":
		return 0, wrongLine("the transactions %s are not a whole number: write digits only", quoted(text))
	case err != nil || n > MostAnHour:
		return 0, wrongLine("the transactions %s are more than %d in an hour: look whether it is the turnover", quoted(text), MostAnHour)
	}
	return uint32(n), nil
}

// startOf is when a line's hour begins; zero where the clock skipped it. Twice is true for an hour of the clock that came twice, and
// second is when it began again, zero where that was within the hour.
func startOf(r record, c calendar.Calendar) (start, second time.Time, twice bool, err error) {
	if _, ok := r.column["start"]; ok {
		at, err := time.Parse(time.RFC3339, r.of("start"))
		if err != nil || at.Year() < 2000 || at.Year() > 2100 {
			return at, second, false, wrongLine("the start %s is not a time: write it as 2026-03-02T09:00:00+01:00", quoted(r.of("start")))
		}
		if local := at.In(c.Location()); local.Minute() != 0 || local.Second() != 0 || local.Nanosecond() != 0 {
			return at, second, false, wrongLine("the start %s is not the beginning of an hour on the store's clock: write full hours", quoted(r.of("start")))
		}
		return at.UTC(), second, false, nil
	}
	day, err := ParseDay(r.of("day"))
	if err != nil {
		return start, second, false, lineError{fmt.Errorf("day: %w", err)}
	}
	text := strings.TrimSuffix(r.of("hour"), ":00")
	hour, err := strconv.ParseUint(text, 10, 8)
	if err != nil || hour > 23 || len(text) > 2 {
		return start, second, false, wrongLine("the hour %s is not one of the clock: write 0 to 23", quoted(r.of("hour")))
	}
	start, second, twice = clockHour(day.Date(), int(hour), c.Location())
	return start, second, twice, nil
}

// clockHour is when an hour of a date begins on a clock, and when it begins again where it comes twice; zero where the clock skips it.
// Shifts are of half an hour, which are within an hour, of one or two.
func clockHour(date time.Time, hour int, loc *time.Location) (start, second time.Time, twice bool) {
	near := time.Date(date.Year(), date.Month(), date.Day(), hour, 0, 0, 0, loc)
	for _, minutes := range []int{-120, -60, -30, 0, 30, 60, 120} {
		at := near.Add(time.Duration(minutes) * time.Minute)
		local := at.In(loc)
		if local.Hour() != hour || local.Day() != date.Day() {
			continue
		}
		if start.IsZero() {
			start = at.UTC()
		} else if at.Sub(start) >= time.Hour {
			twice = true
			if local.Minute() == 0 {
				second = at.UTC()
			}
		}
	}
	return start, second, twice
}
