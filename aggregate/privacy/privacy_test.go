package privacy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/engine"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/stores"
)

// noon is noon of the store-day today in Berlin.
var noon = time.Date(2026, 1, 12, 11, 0, 0, 0, time.UTC)

func chain(t *testing.T) []stores.Store {
	t.Helper()
	list, err := stores.Parse([]byte(`stores:
  - {id: berlin, time_zone: Europe/Berlin, zones: [{id: floor, sensors: [{id: door}, {id: till}]}]}
  - {id: apia, time_zone: Pacific/Apia, zones: [{id: floor, sensors: [{id: door}]}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// good is what a sensor of Berlin says at noon where all is well.
func good(sensor string, change func(*fleet.State)) fleet.State {
	s := fleet.State{
		Store: "berlin", Sensor: sensor, ListVersion: 7, ListAge: 30 * time.Second, Made: noon.Add(-10 * time.Second),
		Settings: fleet.Settings{Known: true, KeysDay: calendar.DayOfDate(2026, 1, 12), OptOutKeyCheck: 5},
	}
	if change != nil {
		change(&s)
	}
	return s
}

func watch(t *testing.T, change func(*Config)) *Watch {
	t.Helper()
	cfg := Config{DB: &store.DB{}, Stores: chain(t), Sensors: func() []fleet.State { return nil }, Program: "serve", Now: func() time.Time { return noon }}
	if change != nil {
		change(&cfg)
	}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// line is a row as one line, its nils as dashes.
func line(r store.PubPrivacyRow) string {
	at, day, value := "-", "-", "-"
	if r.At != nil {
		at = r.At.Format("01-02T15:04:05")
	}
	if r.Day != nil {
		day = r.Day.Format("01-02")
	}
	if r.Value != nil {
		value = fmt.Sprint(*r.Value)
	}
	return strings.Join([]string{r.Measure, r.Store + "/" + r.Item, at, day, value, r.State}, " ")
}

func TestEachSensorSaysOfItsKeysAndItsList(t *testing.T) {
	tests := []struct {
		name   string
		state  fleet.State
		now    time.Time
		check  uint32
		newest func() (uint64, bool)
		want   []string // of the list, and of the door's keys and list
	}{
		{"all is well", good("door", nil), noon, 5, func() (uint64, bool) { return 7, true },
			[]string{"optout_list / - - 7 ok", "keys berlin/door 01-12T10:59:50 01-12 0 ok", "optout berlin/door 01-12T10:59:20 - 7 ok"}},
		{"the registry is elsewhere", good("door", nil), noon, 0, nil,
			[]string{"optout_list / - - 7 sensors", "keys berlin/door 01-12T10:59:50 01-12 0 ok", "optout berlin/door 01-12T10:59:20 - 7 ok"}},
		{"the registry is not read yet", good("door", nil), noon, 5, func() (uint64, bool) { return 0, false },
			[]string{"optout_list / - - 7 sensors", "keys berlin/door 01-12T10:59:50 01-12 0 ok", "optout berlin/door 01-12T10:59:20 - 7 ok"}},
		{"a newer list", good("door", nil), noon, 5, func() (uint64, bool) { return 9, true },
			[]string{"optout_list / - - 9 ok", "keys berlin/door 01-12T10:59:50 01-12 0 ok", "optout berlin/door 01-12T10:59:20 - 7 behind"}},
		{"another opt-out key", good("door", nil), noon, 6, nil,
			[]string{"optout_list / - - 7 sensors", "keys berlin/door 01-12T10:59:50 01-12 0 ok", "optout berlin/door 01-12T10:59:20 - 7 other_key"}},
		{"a list that was never confirmed", good("door", func(s *fleet.State) { s.ListAge = -1 }), noon, 5, nil,
			[]string{"optout_list / - - 7 sensors", "keys berlin/door 01-12T10:59:50 01-12 0 ok", "optout berlin/door - - 7 unconfirmed"}},
		{"keys of yesterday", good("door", func(s *fleet.State) { s.Settings.KeysDay-- }), noon, 5, nil,
			[]string{"optout_list / - - 7 sensors", "keys berlin/door 01-12T10:59:50 01-11 1 late", "optout berlin/door 01-12T10:59:20 - 7 ok"}},
		{"said just before they were turned", good("door", func(s *fleet.State) { s.Made = time.Date(2026, 1, 13, 2, 59, 30, 0, time.UTC) }), time.Date(2026, 1, 13, 3, 0, 10, 0, time.UTC), 5, nil,
			[]string{"optout_list / - - 7 sensors", "keys berlin/door 01-13T02:59:30 01-12 1 ok", "optout berlin/door 01-13T02:59:00 - 7 ok"}},
		{"silent for three days", good("door", nil), noon.AddDate(0, 0, 3), 5, nil,
			[]string{"optout_list / - - 7 sensors", "keys berlin/door 01-12T10:59:50 01-12 3 silent", "optout berlin/door 01-12T10:59:20 - 7 silent"}},
		{"too old to say", good("door", func(s *fleet.State) { s.Settings = fleet.Settings{} }), noon, 5, nil,
			[]string{"optout_list / - - 7 sensors", "keys berlin/door - - - no_data", "optout berlin/door 01-12T10:59:20 - 7 ok"}},
		{"a clock and keys that no table holds", good("door", func(s *fleet.State) { s.Settings.KeysDay, s.ListAge = 1<<30, 1<<62 }), noon, 5, nil,
			[]string{"optout_list / - - 7 sensors", "keys berlin/door - - - no_data", "optout berlin/door - - 7 ok"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := watch(t, func(c *Config) {
				c.OptOutKeyCheck, c.Newest = test.check, test.newest
				c.Sensors = func() []fleet.State { return []fleet.State{test.state} }
			})
			var got []string
			rest := 0
			for _, row := range w.sensors(test.now) {
				if row.Measure == OptOutList || row.Item == "door" && row.Store == "berlin" {
					got = append(got, line(row))
				} else if rest++; row.State != NoData || row.Value != nil || row.At != nil {
					t.Errorf("of a sensor that nobody heard: got %s", line(row))
				}
			}
			if !slices.Equal(got, test.want) || rest != 4 {
				t.Errorf("got %q and %d others, want %q and 4", got, rest, test.want)
			}
		})
	}
	if got := line(watch(t, nil).sensors(noon)[0]); got != "optout_list / - - - no_data" {
		t.Errorf("nobody said anything: got %s", got)
	}
}

func TestTheFactsStandInTheTable(t *testing.T) {
	if _, err := engine.Find(); err != nil {
		t.Skip(err)
	}
	db := storetest.Open(t)
	path := filepath.Join(t.TempDir(), "audit.log")
	now := noon
	clock := func() time.Time { return now }
	log, err := audit.Open(path, "serve", clock)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := log.Append(audit.Started); err != nil {
		t.Fatal(err)
	}
	states := []fleet.State{good("door", nil)}
	w := watch(t, func(c *Config) {
		c.DB, c.Log, c.Now, c.Sensors = db, log, clock, func() []fleet.State { return states }
		c.Newest = func() (uint64, bool) { return 7, true }
	})
	rows := func(where string) (out []string) {
		t.Helper()
		got, err := store.Select[store.PubPrivacyRow](t.Context(), db, "SELECT * FROM pub_privacy FINAL WHERE "+where+" ORDER BY measure, store, item")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range got {
			out = append(out, line(r)+" at "+r.CheckedAt.Format("15:04"))
		}
		return out
	}
	once := func() {
		t.Helper()
		if err := w.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	once()
	want("all", rows("store IN ('', 'berlin') AND item != 'till'"), "audit /serve 01-12T11:00:00 - 1 ok at 11:00",
		"keys berlin/door 01-12T10:59:50 01-12 0 ok at 11:00", "optout berlin/door 01-12T10:59:20 - 7 ok at 11:00", "optout_list / - - 7 ok at 11:00")
	if err := log.Append(audit.KeysRetired); err != nil {
		t.Fatal(err)
	}
	now, states = noon.Add(DefaultEvery), nil
	once()
	want("a row replaces the one before", rows("item = 'door' AND store = 'berlin'"), "keys berlin/door - - - no_data at 11:05", "optout berlin/door - - - no_data at 11:05")
	want("the log is verified hourly", rows("measure = 'audit'"), "audit /serve 01-12T11:00:00 - 1 ok at 11:00")
	now = noon.Add(auditEvery)
	once()
	want("an hour later", rows("measure = 'audit'"), "audit /serve 01-12T11:00:00 - 2 ok at 12:00")
	if err := os.Truncate(path, 40); err != nil {
		t.Fatal(err)
	}
	now = noon.Add(2 * auditEvery)
	once()
	want("cut off", rows("measure = 'audit'"), "audit /serve - - 0 broken at 13:00")

	day := calendar.DayOfDate(2026, 1, 11)
	for _, n := range []int{3, 4} { // sealed once more after a crash
		if err := Erased(t.Context(), db, "berlin", day, n, now.Add(time.Duration(n)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Erased(t.Context(), db, "berlin", day+1, 1, now); err != nil {
		t.Fatal(err)
	}
	want("erasures", rows("measure = 'erasures'"), "erasures berlin/2026-01-11 01-12T13:00:04 01-11 4 ok at 13:00", "erasures berlin/2026-01-12 01-12T13:00:00 01-12 1 ok at 13:00")

	apart := watch(t, func(c *Config) { c.DB, c.Program, c.Now = db, "aggregate", clock })
	if err := apart.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("without a log, the pages in another program", rows("measure = 'audit' AND item != 'serve'"), "audit /aggregate - - - off at 13:00", "audit /optout - - - apart at 13:00")
}

func TestAWatchRunsUntilItIsTold(t *testing.T) {
	if _, err := engine.Find(); err != nil {
		t.Skip(err)
	}
	db := storetest.Open(t)
	ctx, end := context.WithCancel(t.Context())
	asked := 0
	w := watch(t, func(c *Config) {
		c.DB, c.Every = db, time.Millisecond
		c.Sensors = func() []fleet.State {
			if asked++; asked == 3 {
				end()
			}
			return nil
		}
	})
	if err := w.Run(ctx); !errors.Is(err, context.Canceled) || asked < 3 {
		t.Errorf("got %v after %d looks", err, asked)
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "needs a database") {
		t.Errorf("without anything: got %v", err)
	}
}
