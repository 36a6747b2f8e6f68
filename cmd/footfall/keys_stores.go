package main

import (
	"fmt"
	"strings"

	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/sensor/keys"
)

const makeHelp = `footfall keys make draws a seed for a store of stores.yaml and puts the key chains that follow from it into the keyring, from
today on; the seed is wiped. The first one makes the keyring, and puts the organisation's opt-out key into it.

  footfall keys make --store demo                                asks for a passphrase
  footfall keys make --store demo --identity keyring-id.txt      an identity of age-keygen instead

The keyring belongs into no backup: an older copy brings back ids that are meant to be gone. If it is lost, make the stores anew
and give their sensors new bundles.`

func (k *keysRun) make(args []string) error {
	f := k.flags("make", makeHelp)
	ring := addRingFlags(f)
	storesFile := f.String("stores", "stores.yaml", "`file` of the chain's stores")
	store := f.String("store", "", "the `store` that gets keys")
	optOutFile := f.String("optout-key", "optout.key", "`file` with the organisation's opt-out key, read when the keyring is made")
	k.addLogFlag(f)
	if err := k.parse(f, args); err != nil {
		return err
	}
	s, err := loadStore(*storesFile, *store)
	if err != nil {
		return err
	}
	var optOut keys.OptOutKey
	named := given(f, "optout-key") != ""
	if named || !exists(ring.keyring) { // before a passphrase is asked for
		if optOut, err = keys.LoadOptOutKey(*optOutFile); err != nil {
			return err
		}
	}
	begin := func() (*keys.Keyring, error) { return keys.NewKeyring(optOut) }
	err = k.change(f, ring, begin, func(r *keys.Keyring) error {
		if named && !r.HasOptOutKey(optOut) {
			return fmt.Errorf("%s is not the opt-out key of the keyring, and an organisation has one: leave --optout-key out, or use another --keyring", *optOutFile)
		}
		return r.Make(s, k.now(), k.random)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(k.out, "store %s has keys in %s from %s on: footfall keys issue --store %s makes its sensors' bundles\n",
		s.ID, ring.keyring, s.Calendar.DayOf(k.now()), s.ID)
	return k.note(audit.KeysMade, audit.Store.Is(s.ID), audit.Day.Is(s.Calendar.DayOf(k.now())))
}

const showHelp = `footfall keys show lists the keyring's stores: which seed they have (by its issue name, which gives nothing of it away), from which
day on, the store-day and store-week at which the key chains stand, and which sensors were given bundles. It shows no key, and
writes nothing: the chains stand where the last make, issue, turn, rotate or retire left them. Ids of days before cannot be computed from
them; ids of that day and later can, by whoever has the file and its passphrase or identity.

  footfall keys show`

func (k *keysRun) show(args []string) error {
	f := k.flags("show", showHelp)
	flags := addRingFlags(f)
	if err := k.parse(f, args); err != nil {
		return err
	}
	file, err := k.open(f, flags, false)
	if err != nil {
		return err
	}
	defer file.close()
	list := file.ring.Stores()
	if len(list) == 0 {
		fmt.Fprintf(k.out, "%s holds no store: footfall keys make --store S makes one's keys\n", flags.keyring)
	}
	for _, s := range list {
		fmt.Fprintf(k.out, "%s: issue %s, made %s, day %s, week of %s\n", s.Store, s.Issue, s.Made, s.Day, s.Day.Week())
		for _, i := range s.Issued {
			fmt.Fprintf(k.out, "  sensor %s: bundles issued: %d, the last of %s\n", i.Sensor, i.Times, i.Last)
		}
		if len(s.Issued) == 0 {
			fmt.Fprintf(k.out, "  no sensor has a bundle: footfall keys issue --store %s makes them\n", s.Store)
		}
	}
	return nil
}

const rotateHelp = `footfall keys rotate gives a store a new seed from today on, for a sensor that was lost or stolen. The old key chains are destroyed.
All the store's sensors need new bundles: until they have them, one phone has two ids. The repeat rate begins anew.

  footfall keys rotate --store demo
  footfall keys issue --store demo --out bundles`

func (k *keysRun) rotate(args []string) error {
	f := k.flags("rotate", rotateHelp)
	ring := addRingFlags(f)
	storesFile := f.String("stores", "stores.yaml", "`file` of the chain's stores")
	store := f.String("store", "", "the `store` that gets a new seed")
	k.addLogFlag(f)
	if err := k.parse(f, args); err != nil {
		return err
	}
	s, err := loadStore(*storesFile, *store)
	if err != nil {
		return err
	}
	err = k.change(f, ring, nil, func(r *keys.Keyring) error { return r.Rotate(s, k.now(), k.random) })
	if err != nil {
		return err
	}
	var sensors []string
	for _, one := range s.Sensors {
		sensors = append(sensors, one.ID)
	}
	fmt.Fprintf(k.out, "store %s has new keys from %s on: all its sensors (%s) need new bundles: footfall keys issue --store %s makes them\n",
		s.ID, s.Calendar.DayOf(k.now()), strings.Join(sensors, ", "), s.ID)
	return k.note(audit.KeysRotated, audit.Store.Is(s.ID), audit.Day.Is(s.Calendar.DayOf(k.now())))
}

const retireHelp = `footfall keys retire destroys a store's key chains in the keyring, when it closes for good: no bundle can be issued for it any more.
Its sensors go on by themselves until they are switched off; stores.yaml need not name the store any longer.

  footfall keys retire --store demo`

func (k *keysRun) retire(args []string) error {
	f := k.flags("retire", retireHelp)
	ring := addRingFlags(f)
	store := f.String("store", "", "the `store` whose key chains are destroyed")
	k.addLogFlag(f)
	if err := k.parse(f, args); err != nil {
		return err
	}
	if *store == "" {
		return f.wrong("--store: name the store to retire")
	}
	if err := k.change(f, ring, nil, func(r *keys.Keyring) error { return r.Retire(*store) }); err != nil {
		return err
	}
	fmt.Fprintf(k.out, "the key chains of store %s are destroyed: remove the state folders of its sensors, and their bundles\n", *store)
	return k.note(audit.KeysRetired, audit.Store.Is(*store))
}
