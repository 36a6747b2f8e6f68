// Package keystest gives a test a sensor's bundle together with what only the test may have: a hasher of the same keys, to know
// which ids must come out.
package keystest

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/keys"
)

// Twin is a bundle and a key state of the same keys.
type Twin struct {
	Bundle string       // path, for the sensor to import
	State  string       // path of a key state that was made of a copy of the bundle
	Hasher *keys.Hasher // of that state
	Store  stores.Store
}

// New makes the bundle of the first sensor of the first store, with fresh keys that begin on the store-day of the time. The files
// lie in dir.
func New(t testing.TB, dir, storesYAML string, at time.Time) Twin {
	t.Helper()
	list, err := stores.Parse([]byte(storesYAML))
	if err != nil {
		t.Fatalf("the stores of a test: %v", err)
	}
	seed, err := keys.NewStoreSeed(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	defer seed.Wipe()
	optOut, err := keys.NewOptOutKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bundles, err := keys.NewBundles(&list[0], seed, list[0].Calendar.DayOf(at), optOut)
	if err != nil {
		t.Fatalf("make a bundle: %v", err)
	}
	w := Twin{Bundle: filepath.Join(dir, "door.bundle"), State: filepath.Join(dir, "twin"), Store: list[0]}
	copied := filepath.Join(dir, "twin.bundle")
	for _, path := range []string{w.Bundle, copied} {
		if err := bundles[0].Write(path); err != nil {
			t.Fatal(err)
		}
	}
	state, err := keys.Import(copied, w.State)
	if err != nil {
		t.Fatal(err)
	}
	w.Hasher = state.Hasher()
	return w
}
