package main

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openfootfall/footfall/aggregate/run"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/fleet"
)

// TestTheFirstProofWaitsForTheFleet, though not for ever.
func TestTheFirstProofWaitsForTheFleet(t *testing.T) {
	ready := readyFleet(t, chainOf(t, standardStore))
	awaitFleet(t.Context(), ready)
	if !ready.Progress(nil, 0, time.Time{}).Ready {
		t.Error("it did not wait for what the sensors said")
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		awaitFleet(t.Context(), fleet.New())
		if got := time.Since(began); got != fleetWait {
			t.Errorf("no Kafka: it waited for %v, want %v", got, fleetWait)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		began = time.Now()
		awaitFleet(ended, fleet.New())
		if got := time.Since(began); got != 0 {
			t.Errorf("told to end: it waited for %v, want not at all", got)
		}
	})
}

// TestTheFirstProofKnowsTheSpools of the sensors that have reported: the next one is an hour later.
func TestTheFirstProofKnowsTheSpools(t *testing.T) {
	h := newHeld(t)
	door := h.store.Sensors[0].ID
	h.say(broker.Sensors, h.store.ID+"/"+door, h.now, h.state(h.now.Add(-time.Hour)))
	h.tables(func(db *store.DB) error {
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		a := aggregator{
			cfg: run.Config{Kafka: broker.Config{Brokers: h.brokers, ClientID: "test"}, Stores: h.stores}, db: db,
			registry: prometheus.NewRegistry(), log: slog.New(slog.DiscardHandler),
		}
		go func() { ended <- a.prove(ctx) }()
		defer func() { end(); <-ended }()
		for {
			rows, err := store.Select[store.PubRetentionRow](ctx, db, "SELECT * FROM pub_retention WHERE kind = 'spool' AND store = ? AND name = ?", h.store.ID, door)
			if err != nil {
				return err
			}
			if len(rows) > 0 {
				if got := rows[0]; got.State != "ok" || got.Reason != "" || got.Oldest == nil {
					t.Errorf("got the door's spool %s %q, oldest %v, want it proven", got.State, got.Reason, got.Oldest)
				}
				return nil
			}
			select {
			case err := <-ended:
				ended <- err
				return err
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

// TestTheAggregatorPublishesThePrivacyFacts: what a sensor says of its keys and list, and what a sealed day was told to forget, with
// and without an audit log.
func TestTheAggregatorPublishesThePrivacyFacts(t *testing.T) {
	h := newHeld(t)
	door := h.store.Sensors[0].ID
	h.say(broker.Sensors, h.store.ID+"/"+door, h.now, h.state(h.now.Add(-time.Hour)))
	h.tables(func(db *store.DB) error {
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		a := aggregator{
			cfg: run.Config{Kafka: broker.Config{Brokers: h.brokers, ClientID: "test"}, Stores: h.stores}, db: db,
			registry: prometheus.NewRegistry(), log: slog.New(slog.DiscardHandler),
		}
		a.noteErasures(ctx)
		a.cfg.OnErased(h.store.ID, "2026-03-02", 3)
		go func() { ended <- a.prove(ctx) }()
		defer func() { end(); <-ended }()
		for {
			rows, err := store.Select[store.PubPrivacyRow](ctx, db, "SELECT * FROM pub_privacy FINAL WHERE (store, item) IN ((?, ?), (?, '2026-03-02'), ('', 'optout'), ('', 'aggregate')) ORDER BY measure, item", h.store.ID, door, h.store.ID)
			if err != nil {
				return err
			}
			if len(rows) > 1 { // the first is the erasure
				got := map[string]store.PubPrivacyRow{}
				for _, r := range rows {
					got[r.Measure+" "+r.Item] = r
				}
				if r := got["erasures 2026-03-02"]; r.Value == nil || *r.Value != 3 {
					t.Errorf("got %+v, want 3 Forgets", r)
				}
				if r := got["optout "+door]; r.Value == nil || r.State == "no_data" {
					t.Errorf("got %+v, want the door's list", r)
				}
				if _, ok := got["keys "+door]; !ok || got["audit aggregate"].State != "off" || got["audit optout"].State != "apart" {
					t.Errorf("got %+v, want the door's keys and two logs of which nothing is known here", got)
				}
				return nil
			}
			select {
			case err := <-ended:
				ended <- err
				return err
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}
