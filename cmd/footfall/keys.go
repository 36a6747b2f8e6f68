package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/keys"
)

const keysHelp = `footfall keys makes keys. A bundle is all that one sensor needs: it is imported at the sensor's first start and then deleted,
and belongs into no backup. The sensors of a store share its keys, so issue them together; a lost sensor means a new seed.

  footfall keys optout --out optout.key                          the organisation's, once
  footfall keys rounding --out rounding.key                      the aggregator's, once
  footfall keys issue --store demo --out bundles                 a store's sensors, at its beginning`

func keysCommand(_ context.Context, args []string, out, errs io.Writer) error {
	var storesFile, storeID, optOut, target, from string
	f := flags("keys", "usage: footfall keys optout|rounding|issue [flags]\n\n"+keysHelp, out, errs)
	f.StringVar(&storesFile, "stores", "stores.yaml", "`file` of the chain's stores (issue)")
	f.StringVar(&storeID, "store", "", "the `store` whose seed is drawn (issue)")
	f.StringVar(&optOut, "optout-key", "optout.key", "`file` with the organisation's opt-out key (issue)")
	f.StringVar(&from, "from", "", "first store-day, a `date` such as 2026-01-31; today where empty (issue)")
	f.StringVar(&target, "out", "", "new `file`, or folder of bundles (issue)")
	what := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		what, args = args[0], args[1:]
	}
	if err := f.parse(args); err != nil {
		return err
	}
	if err := keys.HardenProcess(); err != nil {
		return fmt.Errorf("keep keys out of core dumps: %w", err)
	}
	if what != "optout" && what != "rounding" && what != "issue" {
		return f.wrong("say which keys: optout, rounding or issue")
	}
	if target == "" {
		return f.wrong("--out: name the file or folder to write")
	}
	switch what {
	case "optout":
		key, err := keys.NewOptOutKey(rand.Reader)
		if err != nil {
			return err
		}
		return key.Write(target)
	case "rounding":
		return writeRoundingKey(target)
	}
	return issue(storesFile, storeID, optOut, from, target, out)
}

func writeRoundingKey(path string) error {
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return fmt.Errorf("draw the rounding key: %w", err)
	}
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the rounding key: %w: an old key is never overwritten, or every published number would be rounded anew", err)
	}
	_, err = fmt.Fprintln(w, hex.EncodeToString(key[:]))
	return errors.Join(err, w.Close())
}

func issue(storesFile, storeID, optOutFile, from, dir string, out io.Writer) error {
	list, err := stores.Load(storesFile)
	if err != nil {
		return err
	}
	s, err := findStore(list, storeID, storesFile)
	if err != nil {
		return err
	}
	optOut, err := keys.LoadOptOutKey(optOutFile)
	if err != nil {
		return err
	}
	first := s.Calendar.DayOf(time.Now())
	if from != "" {
		if first, err = calendar.ParseDay(from); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	seed, err := keys.NewStoreSeed(rand.Reader)
	if err != nil {
		return err
	}
	defer seed.Wipe()
	bundles, err := keys.NewBundles(s, seed, first, optOut)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of bundles: %w", err)
	}
	path := func(i int) string { return filepath.Join(dir, s.ID+"-"+bundles[i].Sensor+".bundle") }
	for i := range bundles { // all or none: bundles of two seeds would give a store two ids for one address
		if _, err := os.Lstat(path(i)); err == nil {
			return fmt.Errorf("%s exists already, and the sensors of a store share its keys: move it to its sensor, or remove it to give the whole store new keys", path(i))
		}
	}
	for i := range bundles {
		if err := bundles[i].Write(path(i)); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: for sensor %s from %s on; move it there, keep no copy\n", path(i), bundles[i].Sensor, first)
	}
	return nil
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
