package optout_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/openfootfall/footfall/sensor/optout"
)

// chain is a chain of many stores with long names.
type chain struct {
	walls
	stores []optout.Store
}

func (c chain) Stores() []optout.Store { return c.stores }

func ofMany(n int) func(*optout.Options) {
	var list []optout.Store
	for i := range n {
		list = append(list, optout.Store{ID: fmt.Sprintf("store-%d", i), Name: fmt.Sprintf("House %d in the %s Street & Square", i, strings.Repeat("Long ", 12))})
	}
	return func(o *optout.Options) { o.Notices = chain{stores: list} }
}

// TestAPageOfStoresStaysLight: under 50 kB with its style, of a thousand stores too, and every store is reached.
func TestAPageOfStoresStaysLight(t *testing.T) {
	r := newRig(t, ofMany(1000))
	seen := map[string]bool{}
	pages := 0
	for path := "/en/notice"; path != ""; pages++ {
		got := r.get(path)
		r.wants(path, got, http.StatusOK, `<label for="q">`, `method="get"`)
		if len(got.page) > 36_000 {
			t.Fatalf("%s: got %d bytes", path, len(got.page))
		}
		for _, part := range strings.Split(got.page, `href="/en/notice/`)[1:] {
			id, _, _ := strings.Cut(part, `"`)
			seen[id] = true
		}
		_, next, more := strings.Cut(got.page, `rel="next" href="`)
		path = ""
		if more {
			path, _, _ = strings.Cut(next, `"`)
			path = strings.ReplaceAll(path, "&amp;", "&")
		}
	}
	if len(seen) != 1000 || pages != 20 {
		t.Errorf("got %d stores on %d pages, want 1000 on 20", len(seen), pages)
	}
}

func TestAStoreIsFound(t *testing.T) {
	r := newRig(t, ofMany(1000))
	r.wants("by id", r.get("/de/notice?q=STORE-742"), http.StatusOK, `href="/de/notice/store-742"`, "Filialen 1 bis 1 von 1", `value="STORE-742"`)
	r.wants("many", r.get("/en/notice?q=a+long&page=2"), http.StatusOK, "No store of that name")
	r.wants("the query stays", r.get("/en/notice?q=street+%26&page=2"), http.StatusOK, "Stores 51 to 100 of 1000", "q=street%20%26&amp;page=3")
	r.wants("markup", r.get("/en/notice?q=%22%3E%3Cscript%3E&page=x"), http.StatusOK, "&lt;script&gt;", "No store of that name")
	small := newRig(t)
	if got := small.get("/en/notice"); strings.Contains(got.page, `id="q"`) {
		t.Error("two stores need no search")
	}
}
