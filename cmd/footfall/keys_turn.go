package main

import (
	"fmt"

	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/sensor/keys"
)

const turnHelp = `footfall keys turn opens the keyring, turns the key chains of all its stores to today, writes it, and prints where they stand. After
that the keyring can compute no id of the days before. Let a timer run it every night, some time after 04:00 in each store's time
zone: sensors turn by themselves, and without this the keyring knows the ids of every day since it was last written.

  footfall keys turn --identity keyring-id.txt --audit-log audit-keys.jsonl`

func (k *keysRun) turn(args []string) error {
	f := k.flags("turn", turnHelp)
	ring := addRingFlags(f)
	k.addLogFlag(f)
	if err := k.parse(f, args); err != nil {
		return err
	}
	var list []keys.StoreKeys
	err := k.change(f, ring, nil, func(r *keys.Keyring) error { // change turns it first
		list = r.Stores()
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range list {
		fmt.Fprintf(k.out, "%s: day %s, week of %s\n", s.Store, s.Day, s.Day.Week())
	}
	if len(list) == 0 {
		fmt.Fprintf(k.out, "%s holds no store: footfall keys make --store S makes one's keys\n", ring.keyring)
	}
	return k.note(audit.KeysTurned, audit.Stores.Is(int64(len(list))))
}
