package page

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/dashboards/panels"
)

func notedRows() panels.Table {
	return panels.Table{Columns: []string{"time", "timeEnd", "text", "tags"}, Rows: [][]any{
		{monday(-30), monday(-29).Add(-time.Second), "Winter (quay)", "promotion"},
		{monday(1), monday(3).Add(-time.Second), "<b>Spring</b> (quay)", "promotion"},
		{monday(2), monday(3).Add(-time.Second), "Founders' Day", "holiday"},
	}}
}

func TestChartsOfDaysShowWhatWasNoted(t *testing.T) {
	r := newRig(t)
	r.fake.tables["pub_annotations"] = notedRows()
	body := r.get("/store/?store=quay&range=4w").Body.String()
	for _, want := range []string{"Promotion: &lt;b&gt;Spring&lt;/b&gt;, 3 Mar – 4 Mar", "Holiday: Founders&#39; Day, 4 Mar", `class="mark-noted"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(body, "Winter") || strings.Contains(body, "<b>Spring") {
		t.Error("the page shows what is of other days, or a title as HTML")
	}
	_, data, _ := strings.Cut(body, `<script type="application/json">`)
	data, _, _ = strings.Cut(data, "</script>")
	var got plot
	if err := json.Unmarshal([]byte(data), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Noted) != 2 || got.Noted[0].From != float64(monday(1).Unix()) || got.Noted[0].To != float64(monday(2).Unix()) {
		t.Errorf("got %+v", got.Noted)
	}
	for _, sql := range r.fake.asked {
		if strings.Contains(sql, "pub_annotations") && !strings.Contains(sql, "IN ('quay')") {
			t.Errorf("asked %s", sql)
		}
	}
}

func TestAPageWithoutWhatWasNotedIsShown(t *testing.T) {
	r := newRig(t)
	r.fake.fails["pub_annotations"] = errors.New("no such table")
	if w := r.get("/store/?store=quay"); w.Code != 200 || strings.Contains(w.Body.String(), "mark-noted") || !strings.Contains(w.Body.String(), "Visits by day") {
		t.Errorf("got %d", w.Code)
	}
}

func TestOnlyChartsOfDaysAreNoted(t *testing.T) {
	all := []noted{{From: 0, To: 2 * 86400, Text: "x"}}
	for _, c := range []struct {
		name string
		card card
		want int
	}{
		{"days", card{Form: "plot", Plot: plot{Zone: "UTC", Step: 86400, X: []float64{0, 86400}}}, 1},
		{"other days", card{Form: "plot", Plot: plot{Zone: "UTC", Step: 86400, X: []float64{3 * 86400}}}, 0},
		{"weeks", card{Form: "plot", Plot: plot{Zone: "UTC", Step: 7 * 86400, X: []float64{0}}}, 0},
		{"hours by name", card{Form: "plot", Plot: plot{Zone: "UTC", Step: 86400, X: []float64{0}, Names: []string{"09:00"}}}, 0},
		{"instants", card{Form: "plot", Plot: plot{Zone: "Europe/Berlin", Step: 900, X: []float64{0}}}, 0},
		{"nothing", card{Form: "nothing"}, 0},
	} {
		if c.card.note(all); len(c.card.Plot.Noted) != c.want || len(c.card.Legend) != c.want {
			t.Errorf("%s: got %+v", c.name, c.card.Plot.Noted)
		}
	}
}
