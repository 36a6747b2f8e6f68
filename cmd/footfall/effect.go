package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/dashboards/worth"
	"github.com/openfootfall/footfall/ingest/calendar"
)

const effectHelp = `footfall effect says what promotions (footfall annotate) did to the estimated visits, prints it and writes it for the dashboards. The days of a
promotion are held against the same weekdays of the eight weeks before, and where three or more stores had none on those days, against
what those did (difference in differences on logarithms). Days of other promotions, of holidays and of closures are left out. The
interval of 95 % takes the spread of whole weeks, so it is honest about days that hang together, and wide: where there is too little
data it says so. It reads published numbers and nothing else. footfall serve does it every hour by itself.

  footfall effect --all --clickhouse clickhouse://footfall:secret@ch.example.org:9000/footfall
  footfall effect --campaign k3x9m2pq

An embedded database is open in one process at a time.`

func effectCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	f := flags("effect", "usage: footfall effect [flags]\n\n"+effectHelp, out, errs)
	target := f.String("clickhouse", "embedded:.footfall/clickhouse", "`target`: embedded:DIR, or clickhouse://user:password@host:9000/database")
	campaign := f.String("campaign", "", "the `name` of one promotion, as footfall annotate --list has it")
	all := f.Bool("all", false, "all promotions")
	if err := f.parse(args); err != nil {
		return err
	}
	if *all == (*campaign != "") {
		return f.wrong("write --campaign NAME or --all")
	}
	db, err := store.Open(ctx, *target, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(effect(ctx, db, *campaign, out), db.Close())
}

// effect computes the effects of one campaign, or of all where it has no name, and prints them.
func effect(ctx context.Context, db *store.DB, name string, out io.Writer) error {
	e := effects{worthSink{db, time.Now}}
	version, err := e.version(ctx)
	if err != nil {
		return err
	}
	notes, err := e.Annotations(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "campaign\tstore\tfrom\tto\tchange of visits\tagainst\ttitle")
	found := false
	for _, a := range notes {
		if a.Kind != worth.Promotion || name != "" && a.Name != name {
			continue
		}
		found = true
		rows, err := e.write(ctx, a, notes, version)
		if err != nil {
			return err
		}
		for _, r := range rows {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.Name, orAll(r.Store), a.First, a.Last, changeText(r), againstText(r), a.Title)
		}
	}
	if !found {
		return errors.New("there is no such promotion: footfall annotate --list names those that there are, and footfall annotate notes one")
	}
	return w.Flush()
}

func orAll(store string) string {
	if store == "" {
		return "all stores"
	}
	return store
}

func changeText(r store.PubEffectRow) string {
	if r.EffectPct == nil {
		return r.Reason
	}
	text := fmt.Sprintf("%+d %% (%+d to %+d)", *r.EffectPct, *r.LowPct, *r.HighPct)
	if r.Reason != "" {
		text += " " + r.Reason
	}
	return text
}

func againstText(r store.PubEffectRow) string {
	if r.Others > 0 {
		return fmt.Sprintf("%d weeks before, %d stores without it", r.Weeks, r.Others)
	}
	return fmt.Sprintf("%d weeks before", r.Weeks)
}

// effects computes what campaigns did from a database's published numbers, and writes it there.
type effects struct{ worthSink }

type dayVisits struct {
	Store     string    `ch:"store"`
	Day       time.Time `ch:"store_day"`
	Estimated int32     `ch:"estimated"`
}

// version is that of effects: before all that there are, and before the notes that they are made with.
func (e effects) version(ctx context.Context) (uint64, error) {
	return e.worthSink.version(ctx, store.TablePubEffects, store.TablePubAnnotations)
}

// write computes the effects of one campaign.
func (e effects) write(ctx context.Context, a worth.Annotation, notes []worth.Annotation, version uint64) ([]store.PubEffectRow, error) {
	found, err := store.Select[dayVisits](ctx, e.db, "SELECT store, store_day, assumeNotNull(estimated_visits) AS estimated FROM pub_store_day FINAL "+
		"WHERE estimated_state = 'value' AND estimated_visits > 0 AND store_day >= ? AND store_day <= ?", (a.First - 7*worth.LookBack).Date(), a.Last.Date())
	if err != nil {
		return nil, fmt.Errorf("read the published days: %w: run footfall aggregate or footfall migrate first", err)
	}
	visits := make([]worth.Visits, len(found))
	for i, d := range found {
		visits[i] = worth.Visits{Store: d.Store, Day: dayOf(d.Day), Estimated: float64(d.Estimated)}
	}
	at := e.now().UTC().Truncate(time.Second)
	var rows []store.PubEffectRow
	for _, f := range worth.Effects(a, notes, visits, calendar.Calendar{}.DayOf(at)) {
		rows = append(rows, effectRow(f, at, version))
	}
	return rows, store.Insert(ctx, e.db, store.TablePubEffects, rows)
}

// effectRow is an effect in whole percent, its ends rounded outward.
func effectRow(f worth.Effect, at time.Time, version uint64) store.PubEffectRow {
	r := store.PubEffectRow{
		Annotation: f.Campaign, Store: f.Store, Method: string(f.Method), State: "no_data", Reason: f.Reason, DaysDuring: uint16(f.During), DaysBefore: uint16(f.Before),
		Weeks: uint8(f.Weeks), Others: uint16(min(f.Others, math.MaxUint16)), ComputedAt: at, Version: version,
	}
	if f.Known {
		whole := func(percent float64) *int32 {
			n := int32(min(max(percent, -100), 1_000_000))
			return &n
		}
		r.State, r.EffectPct, r.LowPct, r.HighPct = "value", whole(math.Round(100*f.Change)), whole(math.Floor(100*f.Low)), whole(math.Ceil(100*f.High))
	}
	return r
}

// settled is how long after its end a campaign's effect may still change: its last days are sealed by then.
const settled = 14

// noted is what was last written of an annotation, removed or not, and when, as versions count.
type noted struct {
	Kind    string    `ch:"kind"`
	First   time.Time `ch:"first_day"`
	Last    time.Time `ch:"last_day"`
	Version uint64    `ch:"version"`
}

// slack is how much older than an effect a note may be that it was not made with, in microseconds as versions count: a note has its
// version before it is written.
const slack = 60e6

// changes reports whether an annotation is newer than a campaign's effect and of days that it is made of. Those of other stores are,
// too: the campaign's is held against what they did.
func (n noted) changes(a worth.Annotation, computed uint64) bool {
	return n.Version+slack >= computed && n.Kind != string(worth.Other) && dayOf(n.First) <= a.Last && dayOf(n.Last) >= a.First-7*worth.LookBack
}

// due computes the effects that may have changed: of campaigns that are on or ended lately, those of which there is none yet, and those
// of whose days something was noted or removed since. The version is taken before the notes are read, so that it never stands before
// that of a note which is not among them.
func (e effects) due(ctx context.Context) error {
	version, err := e.version(ctx)
	if err != nil {
		return err
	}
	notes, err := e.Annotations(ctx)
	if err != nil {
		return err
	}
	log, err := store.Select[noted](ctx, e.db, "SELECT kind, first_day, last_day, version FROM pub_annotations FINAL")
	if err != nil {
		return fmt.Errorf("read the annotations: %w: run footfall migrate first", err)
	}
	known, err := store.Select[struct {
		Annotation string `ch:"annotation"`
		Version    uint64 `ch:"computed"`
	}](ctx, e.db, "SELECT annotation, max(version) AS computed FROM pub_effects FINAL GROUP BY annotation")
	if err != nil {
		return fmt.Errorf("read the effects: %w: run footfall migrate first", err)
	}
	computed := map[string]uint64{}
	for _, k := range known {
		computed[k.Annotation] = k.Version
	}
	today := calendar.Calendar{}.DayOf(e.now())
	for _, a := range notes {
		if a.Kind != worth.Promotion || a.Last < today-settled && !slices.ContainsFunc(log, func(n noted) bool { return n.changes(a, computed[a.Name]) }) {
			continue
		}
		if _, err := e.write(ctx, a, notes, version); err != nil {
			return err
		}
	}
	return nil
}

// effectEvery is how often a running installation computes effects.
const effectEvery = time.Hour

// run computes what is due, now and every hour, until the context ends. What fails is tried again an hour later.
func (e effects) run(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(effectEvery)
	defer tick.Stop()
	for {
		if err := e.due(ctx); err != nil && ctx.Err() == nil {
			log.Error("what campaigns did could not be computed; it is tried again in an hour", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
