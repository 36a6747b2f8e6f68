package api

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/tokens"
)

// Whatever is asked, what reaches the database is one SELECT on one table, of stores that the token is for, and no text leaves its quotes.
func FuzzTheQuery(f *testing.F) {
	for _, s := range []string{
		"", "from=2026-03-01&to=2026-03-02", "from=2026-03-01&to=2026-03-02&store=quay", "store=far", "store=')%20OR%201=1--&from=2026-03-01&to=2026-03-02", "from=0001-01-01&to=9999-12-31",
		"from=2026-03-01&to=2026-03-02&format=csv&limit=5", "cursor=WyJwdWJfc3RvcmVfZGF5IiwicXVheSIsIjIwMjYtMDMtMDIiXQ&from=2026-03-01&to=2026-03-02", "limit=%00", "&&;=",
	} {
		f.Add(s)
	}
	table := catalog()[0]
	rule, _ := ruleOf(table.Name)
	who := &tokens.Token{Role: tokens.Manager, Stores: []string{"quay"}}
	all := []page.StoreInfo{{ID: "quay", TimeZone: "Europe/Berlin"}, {ID: "far", TimeZone: "Asia/Tokyo"}}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		r, err := readRequest(table, rule, q, who, all)
		if err != nil {
			var refused *refusal
			var denied *tokens.Denied
			if !errors.As(err, &refused) && !errors.As(err, &denied) {
				t.Errorf("got %v, want a refusal", err)
			}
			return
		}
		sql, err := r.sql(max(r.limit, 1), r.after)
		if err != nil {
			t.Fatal(err)
		}
		var bare strings.Builder // without what stands in quotes
		for in, i := false, 0; i < len(sql); i++ {
			switch {
			case in && sql[i] == '\\':
				i++
			case sql[i] == '\'':
				in = !in
			case !in:
				bare.WriteByte(sql[i])
			}
		}
		for _, bad := range []string{";", "--", "UNION", "system", "device_days"} {
			if strings.Contains(bare.String(), bad) {
				t.Errorf("%q becomes %s", query, sql)
			}
		}
		if !strings.Contains(sql, "WHERE store IN ('quay') AND") && !strings.Contains(sql, "store IN ('quay', 'quay'") || strings.Contains(sql, "'far'") && !q.Has("cursor") || strings.Count(bare.String(), "SELECT") != 1 {
			t.Errorf("%q becomes %s", query, sql)
		}
		if int(r.to-r.from) >= longestRange || r.limit > largestLimit {
			t.Errorf("%q: got %d days, %d rows", query, r.to-r.from+1, r.limit)
		}
	})
}

func FuzzCursor(f *testing.F) {
	table := catalog()[0]
	for _, s := range []string{"", "x", "W10", "WyJwdWJfc3RvcmVfZGF5IiwicXVheSIsIjIwMjYtMDMtMDIiXQ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := readCursor(text, &table)
		if err != nil {
			return
		}
		again, err := writeCursor(&table, key)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := readCursor(again, &table); err != nil || fmt.Sprint(back) != fmt.Sprint(key) {
			t.Errorf("got %v, %v, want %v", back, err, key)
		}
	})
}
