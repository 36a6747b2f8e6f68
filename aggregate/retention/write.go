package retention

import (
	"context"
	"fmt"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/audit"
)

// breachFirst makes the version of a breach greater than that of any other row of its day.
const breachFirst = 1 << 40

// Write puts the places into pub_retention: a row a place and day, of which the newest stands, and a breach before all others.
func Write(ctx context.Context, db *store.DB, places []Place, now time.Time) error {
	now = now.UTC().Truncate(time.Second)
	rows := make([]store.PubRetentionRow, 0, len(places))
	for _, p := range places {
		row := store.PubRetentionRow{
			Day: now.Truncate(day), Kind: string(p.Kind), Store: p.Store, Name: p.Name, CheckedAt: now, State: string(p.Verdict), Reason: string(p.Reason),
			Version: uint64(max(0, now.Unix())),
		}
		if p.Verdict == Breach {
			row.Version |= breachFirst
		}
		if !p.Oldest.IsZero() {
			oldest := p.Oldest.UTC().Truncate(time.Second)
			row.Oldest, row.AgeS = &oldest, seconds(p.Age)
		}
		if p.Limit > 0 {
			row.LimitS = seconds(p.Limit)
		}
		rows = append(rows, row)
	}
	if err := store.Insert(ctx, db, store.TablePubRetention, rows); err != nil {
		return fmt.Errorf("publish the retention proof: %w", err)
	}
	return nil
}

func seconds(d time.Duration) *uint64 {
	s := uint64(d / time.Second)
	return &s
}

// Record appends a proof to the audit log: a line for the whole, and one for each topic, and each table and its parts, whose things
// have to go. Of tables that stay and of spools only those are written that are not proven to be in order. A nil log takes nothing.
func Record(log *audit.Log, places []Place) error {
	err := log.Append(audit.RetentionProof, audit.Places.Is(int64(len(places))),
		audit.Breaches.Is(int64(count(places, Breach))), audit.Unproven.Is(int64(count(places, Unknown))))
	if err != nil {
		return err
	}
	for _, p := range places {
		if p.OK() && (p.Kind == Spool || p.Kind == Table && p.Limit == 0) {
			continue
		}
		facts := []audit.Fact{audit.Where.Is(string(p.Kind)), audit.Verdict.Is(string(p.Verdict))}
		switch {
		case p.Reason == Undeclared: // anybody may have chosen its name
		case p.Kind == Spool:
			facts = append(facts, audit.Sensor.Is(p.Name))
		default:
			facts = append(facts, audit.Place.Is(p.Name))
		}
		if p.Store != "" {
			facts = append(facts, audit.Store.Is(p.Store))
		}
		if p.Reason != "" {
			facts = append(facts, audit.Reason.Is(string(p.Reason)))
		}
		if !p.Oldest.IsZero() {
			facts = append(facts, audit.OldestAge.Is(min(p.Age, audit.MaxSpan)))
		}
		if p.Limit > 0 {
			facts = append(facts, audit.Limit.Is(p.Limit))
		}
		if err := log.Append(audit.RetentionProof, facts...); err != nil {
			return err
		}
	}
	return nil
}
