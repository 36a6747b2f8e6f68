package worth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

var now = time.Date(2026, time.November, 1, 12, 0, 0, 0, time.UTC)

var errForbidden = errors.New("not yours")

// reading knows a store in each of some zones; one is somebody else's.
func reading(t testing.TB) Reading {
	t.Helper()
	zones := map[string]string{"": "UTC", "a": "Europe/Berlin", "west": "America/St_Johns", "howe": "Australia/Lord_Howe", "troll": "Antarctica/Troll", "nepal": "Asia/Kathmandu"}
	return Reading{Now: now, Calendar: func(store string) (calendar.Calendar, error) {
		if store == "theirs" {
			return calendar.Calendar{}, errForbidden
		}
		zone, ok := zones[store]
		if !ok {
			return calendar.Calendar{}, ErrUnknownStore
		}
		return calendar.New(zone)
	}}
}

// line is a row as one string: its start, store-day, hour and count.
func line(t Transactions) string {
	return fmt.Sprintf("%s %s %s %d %d", t.Store, t.Start.Format("2006-01-02T15:04"), t.Day, t.Hour, t.Count)
}

func TestTransactionsAreOfHoursOfTheStoresClock(t *testing.T) {
	const byHour, byStart = "store,day,hour,transactions\n", "store,start,transactions\n"
	for _, c := range []struct {
		name, file string
		want       []string
		notes      int
	}{
		{"an hour", byHour + "a,2026-03-02,9,12\n", []string{"a 2026-03-02T08:00 2026-03-02 9 12"}, 0},
		{"written as the till does", byHour + "a,2026-03-02,09:00,12\na,2026-03-02,10,0\n", []string{"a 2026-03-02T08:00 2026-03-02 9 12", "a 2026-03-02T09:00 2026-03-02 10 0"}, 0},
		{"after midnight it is the store-day before", byHour + "a,2026-03-03,3,2\n", []string{"a 2026-03-03T02:00 2026-03-02 3 2"}, 0},
		{"columns in another order", "Transactions, hour,day,STORE\n3,9,2026-03-02,a\n", []string{"a 2026-03-02T08:00 2026-03-02 9 3"}, 0},
		{"from a spreadsheet", "\ufeffstore;day;hour;transactions\r\na;2026-03-02;9;3\r\n", []string{"a 2026-03-02T08:00 2026-03-02 9 3"}, 0},
		{"quoted", "\"store\",\"day\",\"hour\",\"transactions\"\n\"a\",\"2026-03-02\",\"9\",\"3\"\n", []string{"a 2026-03-02T08:00 2026-03-02 9 3"}, 0},
		{"by instants", byStart + "a,2026-03-02T09:00:00+01:00,4\na,2026-03-02T09:00:00Z,5\n", []string{"a 2026-03-02T08:00 2026-03-02 9 4", "a 2026-03-02T09:00 2026-03-02 10 5"}, 0},
		{"clocks are put back", byHour + "a,2026-10-25,1,1\na,2026-10-25,2,3\na,2026-10-25,2,4\na,2026-10-25,3,9\n",
			[]string{"a 2026-10-24T23:00 2026-10-24 1 1", "a 2026-10-25T00:00 2026-10-24 2 7", "a 2026-10-25T01:00 2026-10-24 2 0", "a 2026-10-25T02:00 2026-10-24 3 9"}, 1},
		{"clocks are put back in a zone of half hours", byHour + "west,2026-11-01,1,6\n", []string{"west 2026-11-01T03:30 2026-10-31 1 6", "west 2026-11-01T04:30 2026-10-31 1 0"}, 1},
		{"clocks are put back, by instants", byStart + "a,2026-10-25T02:00:00+02:00,3\na,2026-10-25T02:00:00+01:00,4\n", []string{"a 2026-10-25T00:00 2026-10-24 2 3", "a 2026-10-25T01:00 2026-10-24 2 4"}, 0},
		{"clocks are put on, and the till rang nothing", byHour + "a,2026-03-29,2,0\na,2026-03-29,3,1\n", []string{"a 2026-03-29T01:00 2026-03-28 3 1"}, 1},
		{"clocks are put back by half an hour", byHour + "howe,2026-04-05,1,1\nhowe,2026-04-05,2,2\n", []string{"howe 2026-04-04T14:00 2026-04-04 1 1", "howe 2026-04-04T15:30 2026-04-04 2 2"}, 1},
		{"clocks are put on by half an hour", byHour + "howe,2026-10-04,2,1\n", []string{"howe 2026-10-03T15:30 2026-10-03 2 1"}, 0},
		{"clocks are put back by two hours", byHour + "troll,2026-10-25,1,1\ntroll,2026-10-25,2,2\n",
			[]string{"troll 2026-10-24T23:00 2026-10-24 1 1", "troll 2026-10-25T01:00 2026-10-24 1 0", "troll 2026-10-25T00:00 2026-10-24 2 2", "troll 2026-10-25T02:00 2026-10-24 2 0"}, 1},
		{"a zone of quarters", byHour + "nepal,2026-03-02,9,1\n", []string{"nepal 2026-03-02T03:15 2026-03-02 9 1"}, 0},
		{"a zone of half hours", byStart + "west,2026-03-02T09:00:00-03:30,1\n", []string{"west 2026-03-02T12:30 2026-03-02 9 1"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, report, err := ReadTransactions(strings.NewReader(c.file), reading(t))
			var got []string
			for _, r := range rows {
				got = append(got, line(r))
			}
			if len(report.Notes) == 1 && strings.HasPrefix(report.Notes[0], "1 lines") {
				t.Errorf("got %q", report.Notes)
			}
			if err != nil || !slices.Equal(got, c.want) || len(report.Notes) != c.notes || report.Bad != 0 || report.Good != report.Lines {
				t.Errorf("got %q, %+v, %v, want %q and %d notes", got, report, err, c.want, c.notes)
			}
		})
	}
}

func TestTheSecondOfAnHourThatComesTwiceIsNotWrittenBeforeItComes(t *testing.T) {
	o := reading(t)
	for _, c := range []struct {
		now  time.Time
		rows int
	}{{time.Date(2026, time.October, 25, 0, 59, 0, 0, time.UTC), 1}, {time.Date(2026, time.October, 25, 1, 0, 0, 0, time.UTC), 2}} {
		o.Now = c.now
		rows, report, err := ReadTransactions(strings.NewReader("store,day,hour,transactions\na,2026-10-25,2,3\n"), o)
		if err != nil || len(rows) != c.rows || rows[0].Count != 3 || rows[0].Repeated || c.rows == 2 && !rows[1].Repeated {
			t.Errorf("at %s: got %v, %+v, %v, want %d rows", c.now.Format(time.TimeOnly), rows, report, err, c.rows)
		}
	}
}

func TestABadLineIsNamedAndNothingIsImported(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"negative", "a,2026-03-02,9,-1", "negative"},
		{"no whole number", "a,2026-03-02,9,1.5", "not a whole number"},
		{"no number", "a,2026-03-02,9,", "not a whole number"},
		{"a word", "a,2026-03-02,9,many", "not a whole number"},
		{"huge", "a,2026-03-02,9,100001", "more than 100000"},
		{"huger", "a,2026-03-02,9,99999999999999999999", "more than 100000"},
		{"an unknown store", "b,2026-03-02,9,1", "as in stores.yaml"},
		{"no store", ",2026-03-02,9,1", "no store"},
		{"no such day", "a,2026-02-30,9,1", "not a date"},
		{"another date", "a,02.03.2026,9,1", "not a date"},
		{"long ago", "a,1926-03-02,9,1", "not a date"},
		{"the future", "a,2026-11-02,9,1", "future"},
		{"no such hour", "a,2026-03-02,24,1", "0 to 23"},
		{"half an hour", "a,2026-03-02,09:30,1", "0 to 23"},
		{"an hour that was skipped", "a,2026-03-29,2,1", "skipped"},
		{"twice", "a,2026-03-02,8,1", "stands in line 2 already"},
		{"a cell too many", "a,2026-03-02,9,1,anna@example.org", "not as many cells"},
		{"a cell too few", "a,2026-03-02,9", "not as many cells"},
		{"quotes", "a,2026-03-02,9,\"1", "quotation marks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := "store,day,hour,transactions\na,2026-03-02,8,5\n" + c.line + "\n"
			rows, report, err := ReadTransactions(strings.NewReader(file), reading(t))
			if !errors.Is(err, ErrBadLines) || rows != nil || report.Bad != 1 || report.Problems[0].Line != 3 || !strings.Contains(report.Problems[0].Text, c.want) {
				t.Errorf("got %v, %+v, %v, want nothing, and line 3 named with %q", rows, report, err, c.want)
			}
			o := reading(t)
			o.SkipBad = true
			rows, report, err = ReadTransactions(strings.NewReader(file), o)
			if err != nil || len(rows) != 1 || report.Bad != 1 || report.Good != 1 || report.Lines != 2 {
				t.Errorf("got %v, %+v, %v, want the good line, and the bad one counted", rows, report, err)
			}
		})
	}
}

func TestAFileWithWhatMightBeACustomersIsRefused(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"a customer's name", "store,day,hour,transactions,customer\na,2026-03-02,9,1,Anna\n", `the column "customer" is not expected: remove it`},
		{"both ways of telling time", "store,day,hour,start,transactions\n", "is not expected"},
		{"a column is missing", "store,day,transactions\n", "a column is missing"},
		{"no header", "a,2026-03-02,9,1\n", "is not expected"},
		{"a column twice", "store,day,hour,transactions,hour\n", "named twice"},
		{"nothing", "", "empty"},
		{"a header only", "store,day,hour,transactions\n", "no line"},
		{"no CSV", "\"", "not CSV"},
		{"binary", "\x00\x01\x02", "not expected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := ReadTransactions(strings.NewReader(c.file), reading(t))
			var whole *FileError
			if !errors.As(err, &whole) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			o := reading(t)
			o.SkipBad = true
			if _, _, err := ReadTransactions(strings.NewReader(c.file), o); err == nil {
				t.Error("taken when bad lines are skipped")
			}
		})
	}
}

func TestAFileWithoutAGoodLineIsAnErrorHoweverItIsRead(t *testing.T) {
	o := reading(t)
	o.SkipBad = true
	rows, report, err := ReadTransactions(strings.NewReader("store,day,hour,transactions\na,2026-03-02,9,-1\n"), o)
	if !errors.Is(err, ErrBadLines) || rows != nil || report.Bad != 1 {
		t.Errorf("got %v, %+v, %v", rows, report, err)
	}
}

func TestWhoMayNotWriteAStoreEndsTheReading(t *testing.T) {
	file := "store,day,hour,transactions\na,2026-03-02,8,5\ntheirs,2026-03-02,8,5\nb,2026-03-02,9,1\n"
	rows, _, err := ReadTransactions(strings.NewReader(file), reading(t))
	if !errors.Is(err, errForbidden) || rows != nil {
		t.Errorf("got %v, %v, want no rows", rows, err)
	}
}

func TestOnlySomeOfManyProblemsAreListed(t *testing.T) {
	file := "store,day,hour,transactions\n" + strings.Repeat("a,2026-03-02,9,-1\n", 500)
	_, report, err := ReadTransactions(strings.NewReader(file), reading(t))
	if !errors.Is(err, ErrBadLines) || report.Bad != 500 || len(report.Problems) != MaxProblems {
		t.Errorf("got %d bad, %d listed, %v", report.Bad, len(report.Problems), err)
	}
}

func TestAnnotations(t *testing.T) {
	const header = "store,kind,first_day,last_day,title\n"
	rows, report, err := ReadAnnotations(strings.NewReader(header+
		"a,promotion,2026-03-02,2026-03-07,\"Spring, half price\"\n,holiday,2026-04-06,2026-04-06,Easter Monday\na,promotion,2026-03-02,2026-03-07,\"Spring, half price\"\n"), reading(t))
	if err != nil || len(rows) != 2 || report.Good != 3 {
		t.Fatalf("got %v, %+v, %v, want two, one of which was there twice", rows, report, err)
	}
	if a := rows[0]; a.Store != "a" || a.Kind != Promotion || a.First.String() != "2026-03-02" || a.Last.String() != "2026-03-07" || a.Title != "Spring, half price" || len(a.Name) != 8 {
		t.Errorf("got %+v", a)
	}
	if rows[0].Name == rows[1].Name || rows[0].Name != rows[0].Named().Name {
		t.Errorf("got the names %s and %s, want two that stay", rows[0].Name, rows[1].Name)
	}
	rows, _, err = ReadAnnotations(strings.NewReader(header+"a,promotion,2026-03-02,,Spring\n"), reading(t))
	if err != nil || len(rows) != 1 || rows[0].Last != rows[0].First || rows[0].First.String() != "2026-03-02" {
		t.Errorf("without a last day: got %v, %v, want one of the first alone", rows, err)
	}
	for _, c := range []struct{ name, line, want string }{
		{"no first day", "a,promotion,,2026-03-02,x", "first_day: there is no date: write one such as"},
		{"no last date", "a,promotion,2026-03-02,friday,x", `last_day: "friday" is not a date`},
		{"kind", "a,sale,2026-03-02,2026-03-07,x", "promotion, holiday, closure or other"},
		{"no title", "a,promotion,2026-03-02,2026-03-07, ", "no title"},
		{"a long title", "a,promotion,2026-03-02,2026-03-07," + strings.Repeat("ä", 101), "longer than 100"},
		{"a control character", "a,promotion,2026-03-02,2026-03-07,a\x07b", "cannot be printed"},
		{"two lines", "a,promotion,2026-03-02,2026-03-07,\"a\nb\"", "cannot be printed"},
		{"no UTF-8", "a,promotion,2026-03-02,2026-03-07,a\xff", "cannot be printed"},
		{"ends first", "a,promotion,2026-03-07,2026-03-02,x", "swap"},
		{"too long", "a,promotion,2026-03-07,2027-03-08,x", "longer than 366 days"},
		{"no date", "a,promotion,tomorrow,2026-03-02,x", "not a date"},
		{"an unknown store", "b,promotion,2026-03-02,2026-03-02,x", "as in stores.yaml"},
		{"two things", "a,sale,2026-03-07,2026-03-02,x", "; it ends before"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, report, err := ReadAnnotations(strings.NewReader(header+c.line+"\n"), reading(t))
			if !errors.Is(err, ErrBadLines) || rows != nil || report.Bad != 1 || !strings.Contains(report.Problems[0].Text, c.want) {
				t.Errorf("got %v, %+v, %v, want %q", rows, report, err, c.want)
			}
			if c.want != "swap" && c.want != "; it ends before" && c.want != "longer than 366 days" && strings.Count(report.Problems[0].Text, ";") > 0 {
				t.Errorf("got %q, want what is wrong once", report.Problems[0].Text)
			}
		})
	}
	if _, _, err := ReadAnnotations(strings.NewReader("store,kind,first_day,last_day,title,email\n"), reading(t)); err == nil || !strings.Contains(err.Error(), `"email" is not expected`) {
		t.Errorf("got %v", err)
	}
}

func TestCovers(t *testing.T) {
	march, _ := calendar.ParseDay("2026-03-02")
	one, all := Annotation{Store: "a", First: march, Last: march + 5}, Annotation{First: march, Last: march}
	for _, c := range []struct {
		a     Annotation
		store string
		day   calendar.Day
		want  bool
	}{{one, "a", march, true}, {one, "a", march + 5, true}, {one, "a", march + 6, false}, {one, "a", march - 1, false}, {one, "b", march, false}, {all, "b", march, true}} {
		if got := c.a.Covers(c.store, c.day); got != c.want {
			t.Errorf("%+v, %s, %s: got %v, want %v", c.a, c.store, c.day, got, c.want)
		}
	}
}

// Whatever a file holds, a row that comes out of it is one that may be written.
func FuzzReadTransactions(f *testing.F) {
	for _, s := range []string{"store,day,hour,transactions\na,2026-03-02,9,12\n", "store,start,transactions\na,2026-03-02T09:00:00+01:00,4\n", "store;day;hour;transactions\n\"", "\ufeffstore,day\n", "a\x00,\n"} {
		f.Add([]byte(s), true)
	}
	o := reading(f)
	f.Fuzz(func(t *testing.T, file []byte, skip bool) {
		o := o
		o.SkipBad = skip
		rows, report, err := ReadTransactions(strings.NewReader(string(file)), o)
		if err != nil && rows != nil || report.Good+report.Bad != report.Lines && !errors.Is(err, errForbidden) {
			t.Fatalf("got %v, %+v, %v", rows, report, err)
		}
		seen := map[hourKey]bool{}
		for _, r := range rows {
			c, _ := o.Calendar(r.Store)
			key := hourKey{r.Store, r.Start.Unix()}
			if r.Count > MostAnHour || r.Start.After(now) || r.Store == "" || c.DayOf(r.Start) != r.Day || r.Start.In(c.Location()).Hour() != r.Hour || seen[key] {
				t.Errorf("got %+v", r)
			}
			seen[key] = true
		}
	})
}

func FuzzReadAnnotations(f *testing.F) {
	f.Add([]byte("store,kind,first_day,last_day,title\na,promotion,2026-03-02,2026-03-07,\"Spring, half price\"\n"))
	f.Add([]byte("store;kind;first_day;last_day;title\n;holiday;2026-03-02;2026-03-07;'\n"))
	o := reading(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, _, err := ReadAnnotations(strings.NewReader(string(file)), o)
		for _, a := range rows {
			if err != nil || a.Check() != nil || a.Named() != a {
				t.Errorf("got %+v, %v", a, err)
			}
		}
	})
}
