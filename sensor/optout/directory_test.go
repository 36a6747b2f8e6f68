package optout

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func manyStores(n int) []Store {
	var all []Store
	for i := range n {
		all = append(all, Store{ID: fmt.Sprintf("store-%04d", i), Name: fmt.Sprintf("Straße %d, Köln", i)})
	}
	return all
}

func TestDirectory(t *testing.T) {
	for _, row := range []struct {
		name   string
		stores int
		query  string
		number int
		want   directory // without its stores
		first  string
	}{
		{"no store", 0, "", 1, directory{}, ""},
		{"two", 2, "", 1, directory{Found: 2, From: 1, To: 2}, "store-0000"},
		{"a full page", 50, "", 1, directory{Found: 50, From: 1, To: 50}, "store-0000"},
		{"one more", 51, "", 1, directory{Search: true, Found: 51, From: 1, To: 50, After: 2}, "store-0000"},
		{"its last page", 51, "", 2, directory{Search: true, Found: 51, From: 51, To: 51, Before: 1}, "store-0050"},
		{"in the middle", 1000, "", 7, directory{Search: true, Found: 1000, From: 301, To: 350, Before: 6, After: 8}, "store-0300"},
		{"behind the end", 1000, "", 1 << 40, directory{Search: true, Found: 1000, From: 951, To: 1000, Before: 19}, "store-0950"},
		{"before the begin", 1000, "", -1 << 62, directory{Search: true, Found: 1000, From: 1, To: 50, After: 2}, "store-0000"},
		{"by id", 1000, "STORE-0042", 1, directory{Search: true, Query: "STORE-0042", Found: 1, From: 1, To: 1}, "store-0042"},
		{"by name", 1000, "  straße   77, ", 3, directory{Search: true, Query: "straße 77,", Found: 1, From: 1, To: 1}, "store-0077"},
		{"many of a name", 1000, "köln", 20, directory{Search: true, Query: "köln", Found: 1000, From: 951, To: 1000, Before: 19}, "store-0950"},
		{"nowhere", 1000, "Paris", 1, directory{Search: true, Query: "Paris"}, ""},
		{"in a small chain", 2, "köln", 1, directory{Query: "köln", Found: 2, From: 1, To: 2}, "store-0000"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := directoryOf(manyStores(row.stores), row.query, row.number)
			first := ""
			if len(got.Stores) > 0 {
				first = got.Stores[0].ID
			}
			if first != row.first || len(got.Stores) != max(got.To-got.From+1, 0) && got.Found > 0 {
				t.Errorf("got %d stores from %q, want them from %q", len(got.Stores), first, row.first)
			}
			got.Stores, row.want.Longest = nil, longestQuery
			if fmt.Sprint(got) != fmt.Sprint(row.want) {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

// FuzzDirectory: whatever is asked for, there is a page of 50 at most, and what is shown again is a short text.
func FuzzDirectory(f *testing.F) {
	f.Add("köln", 1)
	f.Add(strings.Repeat("ö", 200), -3)
	f.Add("\xff\xfe", 1<<30)
	all := manyStores(120)
	f.Fuzz(func(t *testing.T, query string, number int) {
		d := directoryOf(all, query, number)
		if len(d.Stores) > storesOnPage || !utf8.ValidString(d.Query) || utf8.RuneCountInString(d.Query) > longestQuery || d.Found > 0 && len(d.Stores) == 0 {
			t.Errorf("got %d stores of %d for %q", len(d.Stores), d.Found, d.Query)
		}
	})
}
