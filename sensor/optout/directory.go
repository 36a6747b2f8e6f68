package optout

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// storesOnPage keeps the page under 50 kB, however many stores a chain has.
	storesOnPage = 50
	// longestQuery bounds what is searched for, in characters.
	longestQuery = 60
)

// directory is one page of the list of stores.
type directory struct {
	Search        bool // there are more stores than fit on a page, so one can be looked for
	Query         string
	Longest       int
	Stores        []Store
	Found         int // by the query, over all pages
	From, To      int // of them on this page, counted from 1
	Before, After int // pages; 0 for none
}

// notices lists the stores. What is searched for is the name of a store and may stand in the page's address: it says nothing of a
// person.
func (s *Service) notices(q *ask) answer {
	values := q.r.URL.Query()
	number, err := strconv.Atoi(values.Get("page"))
	if err != nil {
		number = 1
	}
	return answer{status: http.StatusOK, view: "notices", data: directoryOf(s.o.Notices.Stores(), values.Get("q"), number), result: done}
}

// directoryOf is a page of the stores whose name or id holds the query. A page that there is not is the nearest that there is.
func directoryOf(all []Store, query string, number int) directory {
	d := directory{Search: len(all) > storesOnPage, Longest: longestQuery, Query: shorten(strings.Join(strings.Fields(query), " "), longestQuery)}
	want := strings.ToLower(d.Query)
	var found []Store
	for _, one := range all {
		if strings.Contains(strings.ToLower(one.Name), want) || strings.Contains(strings.ToLower(one.ID), want) {
			found = append(found, one)
		}
	}
	if d.Found = len(found); d.Found == 0 {
		return d
	}
	last := (d.Found + storesOnPage - 1) / storesOnPage
	number = min(max(number, 1), last)
	begin := (number - 1) * storesOnPage
	end := min(begin+storesOnPage, d.Found)
	d.Stores, d.From, d.To = found[begin:end], begin+1, end
	d.Before = number - 1
	if number < last {
		d.After = number + 1
	}
	return d
}

// shorten cuts a text to so many characters; what is no text becomes one.
func shorten(text string, most int) string {
	text = strings.ToValidUTF8(text, "")
	for utf8.RuneCountInString(text) > most {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
