// Package privacy publishes what whoever answers for privacy asks of a running installation. In come what the sensors say of their
// keys and opt-out lists, the Forgets of sealed store-days, and the audit log of the program it runs in; out go the rows of
// pub_privacy. No key, no tag, and no count of devices is among them.
package privacy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/stores"
)

// The measures of pub_privacy.
const (
	Keys       = "keys"
	OptOut     = "optout"
	OptOutList = "optout_list"
	Erasures   = "erasures"
	Audit      = "audit"
)

// The states of pub_privacy.
const (
	OK          = "ok"
	NoData      = "no_data"     // nobody said
	Silent      = "silent"      // the sensor said it too long ago to say what is now
	Late        = "late"        // the keys are of an earlier store-day
	Behind      = "behind"      // an older opt-out list
	OtherKey    = "other_key"   // another opt-out key, so other addresses are dropped than the registered ones
	Unconfirmed = "unconfirmed" // the list was never confirmed
	OfSensors   = "sensors"     // the newest of the sensors' lists stands for the newest there is
	Apart       = "apart"       // the program has no way to ClickHouse
	Off         = "off"         // the program has no audit log
	Broken      = "broken"      // the audit log is not what was written
)

const (
	// DefaultEvery is how often a Watch looks at the sensors.
	DefaultEvery = 5 * time.Minute
	// auditEvery is how often it verifies the audit log, which is read whole for that.
	auditEvery = time.Hour
)

// Config says what a Watch looks at.
type Config struct {
	DB      *store.DB
	Stores  []stores.Store
	Sensors func() []fleet.State // what the sensors said last
	// Newest is the version of the newest opt-out list where the registry is in this process; ok is false until it is read. nil:
	// the opt-out pages are another program, and the newest of the sensors' lists stands for it.
	Newest func() (version uint64, ok bool)
	// OptOutKeyCheck is the check value of the opt-out key, as fleet.Options have it; 0: it is not known, and not asked.
	OptOutKeyCheck uint32
	Program        string     // whose audit log it is
	Log            *audit.Log // nil: there is none
	Every          time.Duration
	Now            func() time.Time // time.Now where nil
	Logger         *slog.Logger     // nil: silent
}

// Watch publishes again and again, beside the aggregator.
type Watch struct {
	cfg     Config
	audited time.Time // when the audit log was last verified
}

// New checks the configuration and is inert.
func New(cfg Config) (*Watch, error) {
	if cfg.DB == nil || len(cfg.Stores) == 0 || cfg.Sensors == nil || cfg.Program == "" {
		return nil, errors.New("publish the privacy facts: it needs a database, the stores of stores.yaml, their sensors' states and the program's name")
	}
	if cfg.Every == 0 {
		cfg.Every = DefaultEvery
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Watch{cfg: cfg}, nil
}

// Run publishes at once and then at every interval, until the context ends; it returns the context's error. What fails is logged and
// tried again.
func (w *Watch) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		if err := w.Once(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Logger.Error("the privacy facts could not be published", "error", err)
		}
		timer.Reset(w.cfg.Every)
	}
}

// Once publishes what is known now.
func (w *Watch) Once(ctx context.Context) error {
	now := w.cfg.Now()
	rows := w.sensors(now)
	due := w.audited.IsZero() || now.Sub(w.audited) >= auditEvery
	if due {
		rows = append(rows, w.audit()...)
	}
	for i := range rows {
		stamp(&rows[i], now)
	}
	if err := store.Insert(ctx, w.cfg.DB, store.TablePubPrivacy, rows); err != nil {
		return fmt.Errorf("publish the privacy facts: %w", err)
	}
	if due {
		w.audited = now
	}
	return nil
}

// audit are the rows of the audit logs: this program's, and that of the opt-out pages where they are another program.
func (w *Watch) audit() []store.PubPrivacyRow {
	row := store.PubPrivacyRow{Measure: Audit, Item: w.cfg.Program, State: Off}
	if w.cfg.Log != nil {
		s, err := w.cfg.Log.Check()
		row.State = OK
		if err != nil {
			row.State = Broken
			w.cfg.Logger.Error("the audit log is not what was written; keep the file as it is, as evidence", "error", err)
		}
		row.Value = number(int64(s.Entries))
		if !s.Last.IsZero() {
			row.At = &s.Last
		}
	}
	rows := []store.PubPrivacyRow{row}
	if w.cfg.Newest == nil {
		rows = append(rows, store.PubPrivacyRow{Measure: Audit, Item: "optout", State: Apart})
	}
	return rows
}

// Erased publishes how many Forgets a store-day was told until it was sealed. How many of them it had held is nobody's business.
func Erased(ctx context.Context, db *store.DB, id string, day calendar.Day, forgets int, now time.Time) error {
	at, date := now.UTC().Truncate(time.Second), day.Date()
	row := store.PubPrivacyRow{Measure: Erasures, Store: id, Item: day.String(), At: &at, Day: &date, Value: number(int64(forgets)), State: OK}
	stamp(&row, now)
	if err := store.Insert(ctx, db, store.TablePubPrivacy, []store.PubPrivacyRow{row}); err != nil {
		return fmt.Errorf("publish the erasures: %w", err)
	}
	return nil
}

func stamp(row *store.PubPrivacyRow, now time.Time) {
	row.CheckedAt, row.Version = now.UTC().Truncate(time.Second), uint64(max(0, now.UnixMilli()))
}

func number(n int64) *int64 { return &n }
