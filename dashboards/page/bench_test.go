package page

import (
	"net/http/httptest"
	"testing"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// BenchmarkPage is a page of 18 panels with a year of days each, without the database.
func BenchmarkPage(b *testing.B) {
	var all []panels.Panel
	for i := range 18 {
		one := daily()
		one.ID += string(rune('a' + i))
		all = append(all, one)
	}
	rows := panels.Table{Columns: dailyRows().Columns}
	for i := range 365 {
		rows.Rows = append(rows.Rows, []any{monday(i), "quay", int64(500 + i), int64(400), int64(900), "value", 41.5})
	}
	p, err := New(Options{Panels: all, Query: &fake{tables: map[string]panels.Table{"SELECT": rows}}, Stores: []Store{{"quay", "Quay", "UTC"}}})
	if err != nil {
		b.Fatal(err)
	}
	h := p.Handler()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), "GET", "/store/", nil))
		b.ReportMetric(float64(w.Body.Len()), "bytes/page")
	}
}
