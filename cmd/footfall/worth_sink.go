package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/dashboards/tokens"
	"github.com/openfootfall/footfall/dashboards/worth"
	"github.com/openfootfall/footfall/dashboards/worth/intake"
	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
)

// worthSink writes transactions and annotations into a database.
type worthSink struct {
	db  *store.DB
	now func() time.Time
}

// version is one that stands before all of some tables, even where a clock was put back.
func (s worthSink) version(ctx context.Context, tables ...string) (uint64, error) {
	version := uint64(s.now().UnixMicro())
	for _, table := range tables {
		newest, err := store.Value[uint64](ctx, s.db, "SELECT max(version) FROM "+table)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w: run footfall migrate first", table, err)
		}
		version = max(version, newest+1)
	}
	return version, nil
}

// WriteTransactions implements intake.Sink.
func (s worthSink) WriteTransactions(ctx context.Context, list []worth.Transactions) error {
	version, err := s.version(ctx, store.TablePubTransactions)
	if err != nil {
		return err
	}
	rows := make([]store.PubTransactionsRow, len(list))
	for i, t := range list {
		rows[i] = store.PubTransactionsRow{
			Store: t.Store, Start: t.Start, StoreDay: t.Day.Date(), LocalHour: uint8(t.Hour), Weekday: uint8((int(t.Day.Weekday())+6)%7 + 1),
			Transactions: t.Count, Version: version,
		}
	}
	return store.Insert(ctx, s.db, store.TablePubTransactions, rows)
}

// WriteAnnotations implements intake.Sink. What is noted already stays as it is: written anew, its campaigns would be computed again
// each time that a file is sent.
func (s worthSink) WriteAnnotations(ctx context.Context, list []worth.Annotation) error {
	there, err := s.Annotations(ctx)
	if err != nil {
		return err
	}
	var fresh []worth.Annotation
	for _, a := range list {
		if !slices.Contains(there, a) {
			fresh = append(fresh, a)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return s.annotations(ctx, fresh, false)
}

// Remove implements intake.Sink.
func (s worthSink) Remove(ctx context.Context, a worth.Annotation) error {
	return s.annotations(ctx, []worth.Annotation{a}, true)
}

func (s worthSink) annotations(ctx context.Context, list []worth.Annotation, removed bool) error {
	version, err := s.version(ctx, store.TablePubAnnotations, store.TablePubEffects) // effects ask which notes are newer than they are
	if err != nil {
		return err
	}
	rows := make([]store.PubAnnotationRow, len(list))
	for i, a := range list {
		rows[i] = store.PubAnnotationRow{
			Annotation: a.Name, Store: a.Store, Kind: string(a.Kind), Title: a.Title, FirstDay: a.First.Date(), LastDay: a.Last.Date(), Removed: removed, Version: version,
		}
	}
	return store.Insert(ctx, s.db, store.TablePubAnnotations, rows)
}

// Annotations implements intake.Sink.
func (s worthSink) Annotations(ctx context.Context) ([]worth.Annotation, error) {
	rows, err := store.Select[store.PubAnnotationRow](ctx, s.db, "SELECT * FROM pub_annotations FINAL WHERE NOT removed ORDER BY first_day, store, annotation")
	if err != nil {
		return nil, fmt.Errorf("read the annotations: %w: run footfall migrate first", err)
	}
	out := make([]worth.Annotation, len(rows))
	for i, r := range rows {
		out[i] = worth.Annotation{Name: r.Annotation, Store: r.Store, Kind: worth.Kind(r.Kind), Title: r.Title, First: dayOf(r.FirstDay), Last: dayOf(r.LastDay)}
	}
	return out, nil
}

// dayOf is the store-day of a date in a table.
func dayOf(date time.Time) calendar.Day {
	return calendar.DayOfDate(date.Year(), date.Month(), date.Day())
}

// worthCalendars are the calendars of a configuration's stores.
func worthCalendars(list []stores.Store) map[string]calendar.Calendar {
	out := map[string]calendar.Calendar{}
	for i := range list {
		out[list[i].ID] = list[i].Calendar
	}
	return out
}

// storedCalendars are those of the stores that the aggregator has written into a database.
func storedCalendars(ctx context.Context, db *store.DB) (map[string]calendar.Calendar, error) {
	rows, err := store.Select[store.StoreRow](ctx, db, "SELECT * FROM stores FINAL")
	if err == nil && len(rows) == 0 {
		err = errors.New("there is none")
	}
	if err != nil {
		return nil, fmt.Errorf("read the stores of this database: %w: run footfall aggregate first, which writes them", err)
	}
	out := map[string]calendar.Calendar{}
	for _, r := range rows {
		if out[r.Store], err = calendar.New(r.TimeZone); err != nil {
			return nil, fmt.Errorf("store %s: %w", r.Store, err)
		}
	}
	return out, nil
}

// directIntake writes into a database that is open in this process, for whoever started it, and notes it in an audit log, which may be nil.
func directIntake(ctx context.Context, db *store.DB, record *audit.Log, log *slog.Logger) (http.Handler, error) {
	known, err := storedCalendars(ctx, db)
	if err != nil {
		return nil, err
	}
	in, err := intake.New(intake.Options{
		Sink: worthSink{db, time.Now}, Stores: known, Allow: func(*http.Request, string) error { return nil }, Note: noteChanges(record), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	return in.Handler(), nil
}

// serveIntake is where a running installation takes transactions and annotations: from whoever has a token of the role import, and
// where there are no tokens from programs on this machine.
func serveIntake(db *store.DB, list []stores.Store, gate *tokens.Tokens, record *audit.Log, reg prometheus.Registerer, log *slog.Logger) (mounted, error) {
	o := intake.Options{
		Sink: worthSink{db, time.Now}, Stores: worthCalendars(list), Allow: intake.Local, Note: noteChanges(record), Registerer: reg, Logger: log,
	}
	if gate != nil {
		o.Tokens(gate)
	}
	in, err := intake.New(o)
	if err != nil {
		return mounted{}, err
	}
	return mounted{intake.Prefix, in.Handler()}, nil
}
