package retention

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/stores"
)

// DefaultEvery is how often a Watch proves.
const DefaultEvery = time.Hour

// Config says what a Watch looks at, and who is told.
type Config struct {
	DB         *store.DB // its tables are proven, and it gets pub_retention
	Kafka      broker.Config
	Stores     []stores.Store
	Sensors    func() []SensorSpool // what the sensors said last; nil: nothing is known of spools, and no place is shown
	Every      time.Duration        // DefaultEvery where zero
	Log        *audit.Log           // nil: none
	Now        func() time.Time     // time.Now where nil
	Registerer prometheus.Registerer
	Logger     *slog.Logger // nil: silent
}

// Watch proves again and again, beside the aggregator.
type Watch struct {
	cfg     Config
	metrics metrics

	logged   time.Time             // the day of the last entries in the audit log
	verdicts map[[3]string]Verdict // as they were then
}

// New checks the configuration and is inert.
func New(cfg Config) (*Watch, error) {
	if cfg.DB == nil || len(cfg.Stores) == 0 {
		return nil, errors.New("watch the retention: it needs a database and the stores of stores.yaml")
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
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	return &Watch{cfg: cfg, metrics: m}, nil
}

// Run proves at once and then at every interval, until the context ends; it returns the context's error. A proof that fails is
// logged and counted, and tried again.
func (w *Watch) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		if _, err := w.Once(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Logger.Error("the retention proof failed", "error", err)
		}
		timer.Reset(w.cfg.Every)
	}
}

// Once proves, publishes the places, and writes them to the audit log once a day and whenever a verdict is another. The places are
// returned also where something could not be asked or written.
func (w *Watch) Once(ctx context.Context) ([]Place, error) {
	now := w.cfg.Now()
	in := Input{DB: w.cfg.DB, Kafka: w.cfg.Kafka, Stores: w.cfg.Stores, Now: now}
	if w.cfg.Sensors != nil {
		in.Sensors = w.cfg.Sensors()
	}
	places, err := Prove(ctx, in)
	if w.cfg.Sensors == nil {
		places = withoutSpools(places)
	}
	w.metrics.show(places)
	for _, p := range places {
		if p.Verdict == Breach {
			w.cfg.Logger.Error("retention breach", "place", string(p.Kind)+"/"+p.Name, "store", p.Store, "reason", string(p.Reason),
				"age", p.Age, "limit", p.Limit, "advice", p.Advice())
		}
	}
	err = errors.Join(err, Write(ctx, w.cfg.DB, places, now))
	if err == nil {
		err = w.record(places, now)
	}
	if err != nil {
		w.metrics.errors.Inc()
		return places, err
	}
	w.metrics.checked.Set(float64(now.Unix()))
	return places, nil
}

func (w *Watch) record(places []Place, now time.Time) error {
	verdicts := map[[3]string]Verdict{}
	for _, p := range places {
		if p.Verdict != OK {
			verdicts[[3]string{string(p.Kind), p.Store, p.Name}] = p.Verdict
		}
	}
	today := now.UTC().Truncate(day)
	if today.Equal(w.logged) && maps.Equal(verdicts, w.verdicts) {
		return nil
	}
	if err := Record(w.cfg.Log, places); err != nil {
		return err
	}
	w.logged, w.verdicts = today, verdicts
	return nil
}

func withoutSpools(places []Place) (out []Place) {
	for _, p := range places {
		if p.Kind != Spool {
			out = append(out, p)
		}
	}
	return out
}
