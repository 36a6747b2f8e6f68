package registry_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/kafkatest"
	"github.com/openfootfall/footfall/ingest/registry"
)

// TestFollowTellsWhatJoined follows through three starts: without a list on disk, with one, and with one that Kafka's is newer than.
func TestFollowTellsWhatJoined(t *testing.T) {
	cfg := broker.Config{Brokers: kafkatest.Start(t)}
	ensure(t, cfg)
	d := newDesk(t, cfg)
	for n := range byte(5) {
		d.write(registry.Record{Key: key(n), Tag: 70 + uint32(n), Day: 2200})
	}
	file := filepath.Join(t.TempDir(), "optouts")
	// begin starts a list, and returns what waits for a version and saves it. It wants so many told, in any parts.
	begin := func(hasFile bool, want int) func(version uint64, records int) {
		l := registry.NewList()
		if err := l.Load(file); (err == nil) != hasFile {
			t.Fatalf("load: got %v, want a list %v", err, hasFile)
		}
		before, told, first := l.ConfirmedAt(), 0, false
		updates := follow(t, l, registry.FollowOptions{
			Config: cfg, Wait: 50 * time.Millisecond,
			OnJoined: func(records int) {
				told += records
				if !l.Has(70) {
					t.Error("told what joined: got a list that does not have it, want one that has")
				}
				if first && !l.ConfirmedAt().Equal(before) {
					t.Error("told what joined: got the list confirmed before, want it confirmed after")
				}
			},
			Now: func() time.Time { first = !before.IsZero() && l.ConfirmedAt().Equal(before); return time.Now() },
		})
		return func(version uint64, records int) {
			t.Helper()
			await(t, updates, version, records)
			if told != want {
				t.Errorf("joined: got %d, want %d", told, want)
			}
			if err := l.Save(file); err != nil {
				t.Error(err)
			}
		}
	}

	begin(false, 0)(5, 5) // the whole registry is not news to a sensor that had none

	// nothing new since the list on disk; then a registration, an undo, and a second registration of a known tag
	saved := begin(true, 2)
	d.write(registry.Record{Key: key(9), Tag: 79, Day: 2200})
	d.write(registry.Record{Key: key(4), Removed: true})
	d.write(registry.Record{Key: key(10), Tag: 70, Day: 2200})
	saved(8, 6)

	for n := range byte(3) { // while that sensor is off
		d.write(registry.Record{Key: key(20 + n), Tag: 70 + uint32(n), Day: 2200})
	}
	d.write(registry.Record{Key: key(20), Removed: true})
	begin(true, 2)(12, 8)
}
