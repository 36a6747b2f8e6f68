package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/aggregate/store/storetest"
	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/dashboards/worth"
)

// chainDays publishes ten weeks of five stores up to Sunday 2026-03-15, of which one has half as many visits again in the last week.
func chainDays(t *testing.T, db *store.DB) {
	t.Helper()
	insertAll(t, db, "pub_store_day (store, store_day, weekday, store_week, estimated_visits, estimated_low, estimated_high, estimated_state, sealed, version) "+
		"SELECT concat('s', toString(number % 5)) AS store, toDate('2026-01-05') + intDiv(number, 5) AS day, toDayOfWeek(day), toMonday(day), "+
		"if(weekday = 7, NULL, 5 * round((100 + 10 * weekday + 40 * (number % 5) + cityHash64(number) % 20) * if(store = 's0' AND day >= '2026-03-09', 1.5, 1) / 5)) AS n, n, n, "+
		"if(weekday = 7, 'closed', 'value'), true, 1 FROM (SELECT number, toDayOfWeek(toDate('2026-01-05') + intDiv(number, 5)) AS weekday FROM numbers(350))")
}

func TestTheEffectOfACampaignIsComputedPrintedAndShown(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	chainDays(t, db)
	insertAll(t, db, "pub_annotations (annotation, store, kind, title, first_day, last_day, removed, version) VALUES "+
		"('spring', 's0', 'promotion', 'Spring', '2026-03-09', '2026-03-14', false, 1), ('everywhere', '', 'promotion', 'Everywhere', '2026-02-23', '2026-02-28', false, 1), "+
		"('early', 's1', 'promotion', 'Early', '2026-01-12', '2026-01-17', false, 1), ('gone', 's1', 'promotion', 'Gone', '2026-03-09', '2026-03-14', true, 1), "+
		"('feast', 's2', 'holiday', 'Feast', '2026-03-09', '2026-03-09', false, 1)")
	params := panels.Params{From: date("2026-01-01"), To: date("2026-03-20"), Stores: []string{"s0", "s1"}}
	source := newPanelSource(t, db)
	columns := []string{"time", "store", "campaign", "effect_pct", "effect_state", "reason", "against"}
	const notYet = "It is not computed yet: footfall serve does it within the hour, footfall effect -all does it now."
	wantLines(t, "before it is computed", panelRows(t, source, "campaigns", params, columns...),
		"01-12 00:00 s1 Early <nil> no_data "+notYet+" ",
		"02-23 00:00 s0 Everywhere <nil> no_data "+notYet+" ", "02-23 00:00 s1 Everywhere <nil> no_data "+notYet+" ",
		"03-09 00:00 s0 Spring <nil> no_data "+notYet+" ")
	wantLines(t, "of the chain, before it is computed", panelRows(t, source, "chain_campaigns", params, "store", "reason"),
		"s1 "+notYet, "all stores "+notYet, "s0 "+notYet)
	var out bytes.Buffer
	if err := effect(t.Context(), db, "", &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Too little data: fewer than 4 of the 8 weeks before", "all stores", "7 weeks before, 4 stores without it"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	rows, err := store.Select[store.PubEffectRow](t.Context(), db, "SELECT * FROM pub_effects FINAL WHERE annotation = 'spring'")
	if err != nil || len(rows) != 1 {
		t.Fatalf("got %v, %v, want one row", rows, err)
	}
	if r := rows[0]; r.Method != "stores_without" || r.EffectPct == nil || *r.EffectPct < 40 || *r.EffectPct > 60 || *r.LowPct >= *r.EffectPct || *r.HighPct <= *r.EffectPct || *r.LowPct < 20 {
		t.Errorf("got %+v, want about 50 %%", r)
	}
	got := panelRows(t, source, "campaigns", params, "store", "campaign", "effect_state", "against", "days_during", "weeks_before", "other_stores")
	wantLines(t, "the store's panel", got, "s1 Early no_data the weeks before 6 1 0", "s0 Everywhere value the weeks before 6 7 0", "s1 Everywhere value the weeks before 6 6 0",
		"s0 Spring value stores without it 6 7 4")
	got = panelRows(t, source, "chain_campaigns", params, "campaign", "store", "effect_state")
	wantLines(t, "the chain's panel", got, "Early s1 no_data", "Everywhere all stores value", "Spring s0 value")
	if err := effect(t.Context(), db, "gone", &out); err == nil || !strings.Contains(err.Error(), "no such promotion") {
		t.Errorf("a removed one: got %v", err)
	}
	if err := effect(t.Context(), db, "spring", &out); err != nil {
		t.Error(err)
	}
}

func TestEffectsAreComputedWhileTheyMayChange(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	chainDays(t, db)
	insertAll(t, db, "pub_annotations (annotation, store, kind, title, first_day, last_day, version) VALUES "+
		"('spring', 's0', 'promotion', 'Spring', '2026-03-09', '2026-03-14', 1), ('old', 's1', 'promotion', 'Old', '2026-02-16', '2026-02-21', 1), ('feast', 's2', 'holiday', 'Feast', '2026-03-09', '2026-03-09', 1)")
	now := date("2026-03-15")
	e := effects{worthSink{db, func() time.Time { return now }}}
	computed := func() (out []string) {
		t.Helper()
		if err := e.due(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := store.Select[store.PubEffectRow](t.Context(), db, "SELECT * FROM pub_effects FINAL ORDER BY annotation")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			out = append(out, fmt.Sprintf("%s %s %s", r.Annotation, r.State, r.ComputedAt.Format(time.DateOnly)))
		}
		return out
	}
	wantLines(t, "at first", computed(), "old value 2026-03-15", "spring value 2026-03-15")
	now = now.AddDate(0, 0, 7)
	wantLines(t, "a week later", computed(), "old value 2026-03-15", "spring value 2026-03-22")
	now = now.AddDate(0, 0, 30)
	wantLines(t, "a month later", computed(), "old value 2026-03-15", "spring value 2026-03-22")
}

// TestALateNoteChangesTheEffectsThatAreMadeOfItsDays: long after a campaign is settled, a holiday, a closure or another campaign on its
// days or on those before, of any store, has its effect computed again, once; so does the removal of one, and the campaign's own return.
func TestALateNoteChangesTheEffectsThatAreMadeOfItsDays(t *testing.T) {
	needEngine(t)
	db := storetest.Open(t)
	chainDays(t, db)
	now := date("2026-05-01")
	e := effects{worthSink{db, func() time.Time { return now }}}
	noted := func(kind worth.Kind, store, first, last string) worth.Annotation {
		a := worth.Annotation{Store: store, Kind: kind, Title: string(kind), First: dayOf(date(first)), Last: dayOf(date(last))}.Named()
		if err := e.WriteAnnotations(t.Context(), []worth.Annotation{a}); err != nil {
			t.Fatal(err)
		}
		return a
	}
	computed := func() string {
		t.Helper()
		now = now.Add(time.Hour)
		if err := e.due(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := store.Select[store.PubEffectRow](t.Context(), db, "SELECT * FROM pub_effects FINAL")
		if err != nil || len(rows) != 1 {
			t.Fatalf("got %v, %v, want the effect of one campaign", rows, err)
		}
		again := ""
		if rows[0].ComputedAt.Equal(now) {
			again = " again"
		}
		return fmt.Sprintf("%d days of %d weeks, %d others%s", rows[0].DaysDuring, rows[0].Weeks, rows[0].Others, again)
	}
	spring := noted(worth.Promotion, "s0", "2026-03-09", "2026-03-14")
	var feast, stock worth.Annotation
	for _, c := range []struct {
		name string
		do   func()
		want string
	}{
		{"at first", func() {}, "6 days of 8 weeks, 4 others again"},
		{"nothing new", func() {}, "6 days of 8 weeks, 4 others"},
		{"a holiday on one of its days", func() { feast = noted(worth.Holiday, "", "2026-03-09", "2026-03-09") }, "5 days of 8 weeks, 4 others again"},
		{"once", func() {}, "5 days of 8 weeks, 4 others"},
		{"the same file again", func() { noted(worth.Holiday, "", "2026-03-09", "2026-03-09") }, "5 days of 8 weeks, 4 others"},
		{"a closure of another store", func() { stock = noted(worth.Closure, "s3", "2026-03-09", "2026-03-14") }, "5 days of 8 weeks, 3 others again"},
		{"a closure in the weeks before", func() { noted(worth.Closure, "s0", "2026-01-12", "2026-01-18") }, "5 days of 7 weeks, 3 others again"},
		{"a note before these", func() { noted(worth.Closure, "s0", "2026-01-05", "2026-01-11") }, "5 days of 7 weeks, 3 others"},
		{"a note after it", func() { noted(worth.Closure, "s0", "2026-03-15", "2026-03-15") }, "5 days of 7 weeks, 3 others"},
		{"a note that leaves nothing out", func() { noted(worth.Other, "s0", "2026-03-10", "2026-03-10") }, "5 days of 7 weeks, 3 others"},
		{"the holiday removed", func() { remove(t, e, feast) }, "6 days of 7 weeks, 3 others again"},
		{"the clock put back, and the closure removed", func() { now = now.AddDate(0, -1, 0); remove(t, e, stock) }, "6 days of 7 weeks, 4 others again"},
		{"the campaign removed", func() { remove(t, e, spring) }, "6 days of 7 weeks, 4 others"},
		{"and noted again", func() { noted(worth.Promotion, "s0", "2026-03-09", "2026-03-14") }, "6 days of 7 weeks, 4 others again"},
	} {
		now = now.AddDate(0, 0, 1)
		c.do()
		if got := computed(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func remove(t *testing.T, e effects, a worth.Annotation) {
	t.Helper()
	if err := e.Remove(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

func TestAnEffectIsInWholePercentRoundedOutward(t *testing.T) {
	for _, c := range []struct {
		name           string
		effect         worth.Effect
		pct, low, high int32
	}{
		{"plain", worth.Effect{Known: true, Change: .124, Low: .051, High: .209}, 12, 5, 21},
		{"a loss", worth.Effect{Known: true, Change: -.126, Low: -.201, High: -.049}, -13, -21, -4},
		{"without bounds", worth.Effect{Known: true, Change: 1, Low: -1, High: math.MaxFloat64}, 100, -100, 1_000_000},
	} {
		r := effectRow(c.effect, time.Time{}, 1)
		if r.State != "value" || *r.EffectPct != c.pct || *r.LowPct != c.low || *r.HighPct != c.high {
			t.Errorf("%s: got %d (%d to %d), want %d (%d to %d)", c.name, *r.EffectPct, *r.LowPct, *r.HighPct, c.pct, c.low, c.high)
		}
	}
	if r := effectRow(worth.Effect{Reason: worth.TooFewDays}, time.Time{}, 1); r.State != "no_data" || r.EffectPct != nil || !slices.Contains(panels.States(), r.State) {
		t.Errorf("got %+v", r)
	}
}

func TestEffectWantsOneCampaignOrAll(t *testing.T) {
	for _, args := range [][]string{{"effect"}, {"effect", "--all", "--campaign", "x"}} {
		var out, errs bytes.Buffer
		if code := execute(t.Context(), args, &out, &errs); code != 2 || !strings.Contains(errs.String(), "--campaign NAME or --all") {
			t.Errorf("%v: got %d, %s", args, code, errs.String())
		}
	}
}
