package page

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/openfootfall/footfall/dashboards/panels"
)

// A program that was asked who it is gets what the page answers, of its stores.
func TestReadIsThePagesAnswer(t *testing.T) {
	r := newRig(t)
	all := func(string) bool { return true }
	quay := func(store string) bool { return store == "quay" }
	for _, c := range []struct {
		name, panel string
		asCSV       bool
		query       string
		may         func(string) bool
		status      int
	}{
		{"JSON", "daily", false, "store=quay&from=2026-03-02&to=2026-03-07", all, 200},
		{"CSV", "daily", true, "store=quay&from=2026-03-02&to=2026-03-07", all, 200},
		{"one's own store", "daily", false, "store=quay", quay, 200},
		{"another's", "daily", false, "store=far", quay, 404},
		{"one that is not there", "daily", false, "store=moon", quay, 404},
		{"no store that is there", "across", false, "", func(string) bool { return false }, 404},
		{"no such panel", "nothing", false, "store=quay", all, 404},
		{"a typing error", "daily", false, "store=quay&form=x", all, 400},
	} {
		q, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.page.Read(t.Context(), c.panel, c.asCSV, q, c.may)
		var refused interface{ HTTPStatus() int }
		if c.status != http.StatusOK {
			if !errors.As(err, &refused) || refused.HTTPStatus() != c.status {
				t.Errorf("%s: got %v, want status %d", c.name, err, c.status)
			}
			continue
		}
		path := "/api/v1/panels/" + c.panel
		if c.asCSV {
			path += ".csv"
		}
		want := r.get(path + "?" + c.query)
		if err != nil || string(got.Body) != want.Body.String() || got.Kind != want.Header().Get("Content-Type") || got.Rows != 6 {
			t.Errorf("%s: got %d rows of %s, %v, want what the page answers", c.name, got.Rows, got.Kind, err)
		}
	}
	if _, err := r.page.Read(t.Context(), "across", false, nil, quay); err != nil {
		t.Fatal(err)
	}
	if got, want := r.fake.asked[len(r.fake.asked)-1], "SELECT across WHERE store IN ('quay')"; got != want {
		t.Errorf("a panel of all stores: asked %q, want %q", got, want)
	}
	if got := r.page.Panels(func(p panels.Panel) bool { return p.ID == "across" }); len(got) != 1 || got[0].ID != "across" {
		t.Errorf("got panels %v", got)
	}
	if got := r.page.Stores(); !slices.Equal(got, []StoreInfo{{"quay", "Quay Street 7", "Europe/Berlin", "2026-03-04"}, {"far", `<script>alert("x")</script>`, "Asia/Tokyo", "2026-03-04"}}) {
		t.Errorf("got stores %v", got)
	}
}
