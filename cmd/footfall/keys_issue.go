package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/keys"
)

const issueHelp = `footfall keys issue makes bundles for a store's sensors. A bundle is imported at its sensor's first start and then deleted, and
belongs into no backup.

  footfall keys issue --store demo --out bundles                 all its sensors
  footfall keys issue --store demo --sensor door --out bundles   one that was replaced or added

With a keyring the bundles begin today and are in step with the store's other sensors. Where there is none, a seed is drawn, all
the store's bundles are made at once, and the seed is wiped: a sensor that is added later then means new bundles for them all.`

// issueFlags are the flags of footfall keys issue.
type issueFlags struct {
	*ringFlags
	set                                         *flagSet
	stores, store, sensor, optOut, from, target string
}

func (k *keysRun) issue(args []string) error {
	f := k.flags("issue", issueHelp)
	o := issueFlags{set: f, ringFlags: addRingFlags(f)}
	f.StringVar(&o.stores, "stores", "stores.yaml", "`file` of the chain's stores")
	f.StringVar(&o.store, "store", "", "the `store` whose sensors they are for")
	f.StringVar(&o.sensor, "sensor", "", "one `sensor` of it; all where empty (with a keyring)")
	f.StringVar(&o.optOut, "optout-key", "optout.key", "`file` with the organisation's opt-out key (without a keyring)")
	f.StringVar(&o.from, "from", "", "first store-day, a `date` such as 2026-01-31; today where empty (without a keyring)")
	f.StringVar(&o.target, "out", "", "`folder` of bundles")
	k.addLogFlag(f)
	if err := k.parse(f, args); err != nil {
		return err
	}
	if o.target == "" {
		return f.wrong("--out: name the file or folder to write")
	}
	with := given(f, "keyring", "passphrase-file", "identity", "sensor")
	if _, err := os.Lstat(o.keyring); with == "" && errors.Is(err, fs.ErrNotExist) {
		return k.issueOnce(&o)
	}
	if without := given(f, "optout-key", "from"); without != "" {
		return f.wrong("--%s: the keyring %s says this", without, o.keyring)
	}
	return k.issueFromRing(&o)
}

// given is the first of the flags that was given, or empty.
func given(f *flagSet, names ...string) (first string) {
	f.Visit(func(one *flag.Flag) {
		if first == "" && slices.Contains(names, one.Name) {
			first = one.Name
		}
	})
	return first
}

// issueOnce draws a seed that is wiped when all the store's bundles are made.
func (k *keysRun) issueOnce(o *issueFlags) error {
	s, err := loadStore(o.stores, o.store)
	if err != nil {
		return err
	}
	optOut, err := keys.LoadOptOutKey(o.optOut)
	if err != nil {
		return err
	}
	first := s.Calendar.DayOf(k.now())
	if o.from != "" {
		if first, err = calendar.ParseDay(o.from); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	seed, err := keys.NewStoreSeed(k.random)
	if err != nil {
		return err
	}
	defer seed.Wipe()
	bundles, err := keys.NewBundles(s, seed, first, optOut)
	if err != nil {
		return err
	}
	// All or none: bundles of two seeds would give a store two ids for one address.
	for i := range bundles {
		if path := bundlePath(o.target, s.ID, bundles[i].Sensor); exists(path) {
			return fmt.Errorf("%s exists already, and the sensors of a store share its keys: move it to its sensor, or remove it to give the whole store new keys", path)
		}
	}
	return k.writeBundles(o.target, bundles)
}

// issueFromRing makes bundles at today of what the keyring holds. The keyring stands at today, on disk, before a bundle does.
func (k *keysRun) issueFromRing(o *issueFlags) error {
	s, err := loadStore(o.stores, o.store)
	if err != nil {
		return err
	}
	var sensors []string
	for _, one := range s.Sensors {
		if o.sensor == "" || o.sensor == one.ID {
			sensors = append(sensors, one.ID)
		}
	}
	if len(sensors) == 0 {
		return fmt.Errorf("--sensor %q is not in store %s of %s: add it under zones, or use one it has", o.sensor, s.ID, o.stores)
	}
	for _, name := range sensors {
		if path := bundlePath(o.target, s.ID, name); exists(path) {
			return fmt.Errorf("%s exists already: move it to its sensor, or remove it and issue it again", path)
		}
	}
	var bundles []keys.Bundle
	err = k.change(o.set, o.ringFlags, nil, func(ring *keys.Keyring) error {
		bundles, err = ring.Issue(s, sensors)
		return err
	})
	if err != nil {
		return err
	}
	return k.writeBundles(o.target, bundles)
}

func (k *keysRun) writeBundles(dir string, bundles []keys.Bundle) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of bundles: %w", err)
	}
	for i := range bundles {
		path := bundlePath(dir, bundles[i].Store, bundles[i].Sensor)
		if err := bundles[i].Write(path); err != nil {
			return err
		}
		fmt.Fprintf(k.out, "%s: for sensor %s from %s on; move it there, keep no copy\n", path, bundles[i].Sensor, bundles[i].Day())
		if err := k.note(audit.BundlesIssued, audit.Store.Is(bundles[i].Store), audit.Sensor.Is(bundles[i].Sensor), audit.Day.Is(bundles[i].Day())); err != nil {
			return err
		}
	}
	return nil
}

func bundlePath(dir, store, sensor string) string {
	return filepath.Join(dir, store+"-"+sensor+".bundle")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// loadStore reads a stores.yaml and finds a store in it.
func loadStore(file, id string) (*stores.Store, error) {
	list, err := stores.Load(file)
	if err != nil {
		return nil, err
	}
	return findStore(list, id, file)
}

// findStore finds a store by its id. The error names those that there are.
func findStore(list []stores.Store, id, file string) (*stores.Store, error) {
	var known []string
	for i := range list {
		if list[i].ID == id {
			return &list[i], nil
		}
		known = append(known, list[i].ID)
	}
	return nil, fmt.Errorf("--store %q is not in %s: use one of %s", id, file, strings.Join(known, ", "))
}
