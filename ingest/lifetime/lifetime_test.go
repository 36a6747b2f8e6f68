package lifetime

import (
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
)

const minutes6 = 6 * time.Minute

func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		seal, spool, day time.Duration
		want             Bounds
	}{
		"the defaults":           {4 * time.Hour, 6 * time.Hour, StoreDay, Bounds{24 * time.Hour, 29*time.Hour + minutes6, 35*time.Hour + minutes6}},
		"clocks are put back":    {4 * time.Hour, 6 * time.Hour, 25 * time.Hour, Bounds{25 * time.Hour, 30*time.Hour + minutes6, 36*time.Hour + minutes6}},
		"the shortest":           {0, time.Minute, StoreDay, Bounds{24 * time.Hour, 25*time.Hour + minutes6, 25*time.Hour + 7*time.Minute}},
		"a day of 26 hours":      {24 * time.Hour, 0, 26 * time.Hour, Bounds{26 * time.Hour, 51*time.Hour + minutes6, 51*time.Hour + minutes6}},
		"offline for a day":      {0, 24 * time.Hour, StoreDay, Bounds{24 * time.Hour, 25*time.Hour + minutes6, 49*time.Hour + minutes6}},
		"clocks of half an hour": {time.Hour, 0, 24*time.Hour + 30*time.Minute, Bounds{24*time.Hour + 30*time.Minute, 26*time.Hour + 36*time.Minute, 26*time.Hour + 36*time.Minute}},
	} {
		if got := Of(c.seal, c.spool, c.day); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

// TestReturns: the return id of day d goes when day d+29 is sealed, 30 days after d began.
func TestReturns(t *testing.T) {
	for name, c := range map[string]struct{ seal, day, want time.Duration }{
		"the defaults":        {4 * time.Hour, StoreDay, 30*24*time.Hour + 5*time.Hour + minutes6},
		"clocks are put back": {4 * time.Hour, 25 * time.Hour, 30*24*time.Hour + 6*time.Hour + minutes6},
		"sealed at once":      {0, StoreDay, 30*24*time.Hour + time.Hour + minutes6},
	} {
		if got := Returns(c.seal, c.day); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	berlin := zone(t, "Europe/Berlin")
	d := calendar.DayOfDate(2026, time.October, 1) // the clocks are put back on the 25th
	if got, most := berlin.End(d+29).Sub(berlin.Start(d))+5*time.Hour+minutes6, Returns(4*time.Hour, 25*time.Hour); got != most {
		t.Errorf("a day of October: got %v until it is gone, want the bound %v", got, most)
	}
}

func zone(t *testing.T, name string) calendar.Calendar {
	t.Helper()
	c, err := calendar.New(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTheStoreThatSealsLastDecidesForAll: stores share partitions, which are truncated as far as all have sealed.
func TestTheStoreThatSealsLastDecidesForAll(t *testing.T) {
	store := func(name string, seal time.Duration) stores.Store {
		return stores.Store{ID: "s", Calendar: zone(t, name), SealAfter: seal}
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		list      []stores.Store
		seal, day time.Duration
	}{
		"one":                           {[]stores.Store{store("Asia/Kolkata", 4*time.Hour)}, 4 * time.Hour, 24 * time.Hour},
		"two that differ in seal_after": {[]stores.Store{store("UTC", 2*time.Hour), store("UTC", 24*time.Hour)}, 24 * time.Hour, 24 * time.Hour},
		"one with a change of clocks":   {[]stores.Store{store("UTC", 2*time.Hour), store("Europe/Berlin", time.Hour)}, 2 * time.Hour, 25 * time.Hour},
		"none":                          {nil, 0, 24 * time.Hour},
	} {
		seal, day := Chain(c.list, now)
		if seal != c.seal || day != c.day {
			t.Errorf("%s: got %v and %v, want %v and %v", name, seal, day, c.seal, c.day)
		}
	}
	seal, day := Chain([]stores.Store{store("Europe/Berlin", 2*time.Hour), store("Europe/Lisbon", 24*time.Hour)}, now)
	if got, want := Of(seal, 6*time.Hour, day).Longest, 25*time.Hour+24*time.Hour+time.Hour+minutes6+6*time.Hour; got != want {
		t.Errorf("the longest life beside a store that seals a day later: got %v, want %v", got, want)
	}
}
