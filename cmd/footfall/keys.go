package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/sensor/keys"
	"github.com/openfootfall/footfall/sensor/keys/onlycopy"
)

const keysHelp = `usage: footfall keys <what> [flags]        footfall keys <what> -help says more

footfall keys makes keys. A bundle is all that one sensor needs: it is imported at the sensor's first start and then deleted,
and belongs into no backup. The sensors of a store share its keys; a lost sensor means a new seed.

  footfall keys optout --out optout.key                          the organisation's, once
  footfall keys rounding --out rounding.key                      the aggregator's, once
  footfall keys make --store demo                                a store's, into the keyring
  footfall keys issue --store demo --out bundles                 its sensors' bundles
  footfall keys turn --identity keyring-id.txt                   every night: the keyring forgets the day before

The keyring is for sensors that are replaced or added later. It is encrypted, and like a sensor it can compute no id of a day
before it was last written. Without one, keys issue draws a seed, makes all bundles of a store at once and keeps nothing.

`

// keysRun is what the parts of footfall keys need of the world.
type keysRun struct {
	now       func() time.Time
	random    io.Reader
	ask       func(prompt string) (string, error) // a passphrase, without echo
	harden    func() error                        // no core dump shows a key
	out, errs io.Writer

	logFile *string    // --audit-log of the part that runs; nil where it has none
	log     *audit.Log // nil: none was named
}

// keysPart is one of the commands under footfall keys.
type keysPart struct {
	name, short string
	run         func(k *keysRun, args []string) error
}

func keysParts() []keysPart {
	return []keysPart{
		{"optout", "draw the organisation's opt-out key", (*keysRun).optOut},
		{"rounding", "draw the aggregator's rounding key", (*keysRun).rounding},
		{"make", "draw a store's seed and put its key chains into the keyring", (*keysRun).make},
		{"issue", "make the bundles of a store's sensors", (*keysRun).issue},
		{"show", "list stores, epochs and who was given bundles; never keys", (*keysRun).show},
		{"turn", "turn the keyring's key chains to today, for a timer at night", (*keysRun).turn},
		{"rotate", "give a store a new seed from today on", (*keysRun).rotate},
		{"retire", "destroy a store's key chains", (*keysRun).retire},
	}
}

func keysCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	if len(args) > 0 && (args[0] == "-help" || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
		fmt.Fprint(out, keysHelp)
		for _, p := range keysParts() {
			fmt.Fprintf(out, "  %-10s %s\n", p.name, p.short)
		}
		return nil
	}
	ask := func(prompt string) (string, error) { return askTerminal(ctx, os.Stdin, errs, prompt) }
	k := &keysRun{now: time.Now, random: rand.Reader, ask: ask, harden: keys.HardenProcess, out: out, errs: errs}
	return k.run(args)
}

func (k *keysRun) run(args []string) error {
	var names []string
	for _, p := range keysParts() {
		if len(args) > 0 && args[0] == p.name {
			err := p.run(k, args[1:])
			return errors.Join(err, k.log.Close())
		}
		names = append(names, p.name)
	}
	return k.flags("", "").wrong("say which keys, or what to do with them: %s", strings.Join(names, ", "))
}

func (k *keysRun) flags(part, help string) *flagSet {
	return flags(strings.TrimSpace("keys "+part), "usage: footfall keys "+part+" [flags]\n\n"+help, k.out, k.errs)
}

// parse parses the flags, and makes the process fit to hold keys before it does.
func (k *keysRun) parse(f *flagSet, args []string) error {
	if err := f.parse(args); err != nil {
		return err
	}
	if err := k.harden(); err != nil {
		return fmt.Errorf("keep keys out of core dumps: %w", err)
	}
	if k.logFile == nil {
		return nil
	}
	var err error
	k.log, err = openLog(*k.logFile, "keys")
	return err
}

// addLogFlag gives a part an audit log to note in what it did. The log is opened, and verified, before anything is done.
func (k *keysRun) addLogFlag(f *flagSet) {
	k.logFile = f.String("audit-log", "", "audit log `file` in which is noted what was done, never a key; one that no other program writes")
}

// note writes to the audit log, where one was named.
func (k *keysRun) note(kind audit.Kind, facts ...audit.Fact) error {
	if err := k.log.Append(kind, facts...); err != nil {
		return fmt.Errorf("it is done, but could not be noted: %w", err)
	}
	return nil
}

const optOutHelp = `footfall keys optout draws the organisation's opt-out key, once: every sensor and the opt-out service hold it, and it is used
for nothing else. With another key the list of opt-outs means nothing. It overwrites no file.

  footfall keys optout --out optout.key`

func (k *keysRun) optOut(args []string) error {
	f := k.flags("optout", optOutHelp)
	target := f.String("out", "", "new `file`")
	if err := k.parse(f, args); err != nil {
		return err
	}
	if *target == "" {
		return f.wrong("--out: name the file or folder to write")
	}
	key, err := keys.NewOptOutKey(k.random)
	if err != nil {
		return err
	}
	return key.Write(*target)
}

const roundingHelp = `footfall keys rounding draws the aggregator's rounding key, once: published numbers are rounded by it, always alike. It overwrites
no file, and belongs nowhere near ClickHouse.

  footfall keys rounding --out rounding.key`

func (k *keysRun) rounding(args []string) error {
	f := k.flags("rounding", roundingHelp)
	target := f.String("out", "", "new `file`")
	if err := k.parse(f, args); err != nil {
		return err
	}
	if *target == "" {
		return f.wrong("--out: name the file or folder to write")
	}
	return writeRoundingKey(*target)
}

// writeRoundingKey writes a whole file or none: a part of a key would stop every later start.
func writeRoundingKey(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("write the rounding key: %s: file exists: an old key is never overwritten, or every published number would be rounded anew", path)
	}
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return fmt.Errorf("draw the rounding key: %w", err)
	}
	text := append(hex.AppendEncode(nil, key[:]), '\n')
	defer clear(text)
	if err := onlycopy.Write(path, text); err != nil {
		return fmt.Errorf("write the rounding key: %w", err)
	}
	return nil
}
