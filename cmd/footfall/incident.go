package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/keys"
)

const incidentHelp = `footfall incident snapshot lists the facts that are needed within 72 hours of an incident: what is held in which topic, table and
spool and how old it is, of how many devices at most, how many opt-outs are registered, which keys live and what could be computed
with them, which policies were in force, and what the sensors said last. It shows no id, no tag and no key. Take it early: it says
what is held now.

  footfall incident snapshot --stores stores.yaml --kafka kafka.example.org:9092 \
    --clickhouse clickhouse://footfall:secret@ch.example.org:9000/footfall --keyring keyring.age --out snapshot.json

What cannot be asked is named, the rest is listed all the same, and the exit status is 1. An embedded database is open in one process
at a time: end footfall serve or aggregate first, or leave the tables out with --clickhouse ''. The keyring is opened only where
--keyring, --passphrase-file or --identity is given.`

// incidentOptions are the flags of footfall incident snapshot.
type incidentOptions struct {
	stores, clickhouse, log, out string
	json                         bool
	kafka                        *kafkaFlags
	ring                         *ringFlags
	set                          *flagSet
}

func incidentCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	f := flags("incident snapshot", "usage: footfall incident snapshot [flags]\n\n"+incidentHelp, out, errs)
	o := incidentOptions{kafka: addKafkaFlags(f), ring: addRingFlags(f), set: f}
	f.StringVar(&o.stores, "stores", "stores.yaml", "`file` of the chain's stores")
	f.StringVar(&o.clickhouse, "clickhouse", "embedded:.footfall/clickhouse", "`target`: embedded:DIR, or clickhouse://user:password@host:9000/database; empty: no tables")
	f.StringVar(&o.out, "out", "", "new `file` that the snapshot is written to as JSON, beside the text")
	f.BoolVar(&o.json, "json", false, "print JSON instead of text")
	f.StringVar(&o.log, "log", "", "audit log `file` that the snapshot is noted in; one that no other program writes")
	switch {
	case len(args) > 0 && args[0] == "snapshot":
		args = args[1:]
	case len(args) == 0 || args[0] != "-help" && args[0] != "--help" && args[0] != "-h":
		return f.wrong("say what: footfall incident snapshot")
	}
	if err := f.parse(args); err != nil {
		return err
	}
	ask := func(prompt string) (string, error) { return askTerminal(ctx, os.Stdin, errs, prompt) }
	k := &keysRun{now: time.Now, ask: ask, harden: keys.HardenProcess, out: out, errs: errs}
	return takeSnapshot(ctx, o, k, out)
}

func takeSnapshot(ctx context.Context, o incidentOptions, k *keysRun, out io.Writer) (err error) {
	if err := k.harden(); err != nil {
		return fmt.Errorf("keep keys out of core dumps: %w", err)
	}
	list, err := stores.Load(o.stores)
	if err != nil {
		return err
	}
	log, err := openLog(o.log, "incident")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	s := newSnapshot(list, k.now())
	if cfg, err := o.kafka.config("footfall incident"); err != nil {
		s.missed("Kafka", err)
	} else {
		s.askKafka(ctx, cfg, list)
	}
	if o.clickhouse != "" {
		s.askClickHouse(ctx, o.clickhouse, list)
	}
	if given(o.set, "keyring", "passphrase-file", "identity") != "" {
		s.askKeyring(k, o)
	}
	if err := s.write(o, out); err != nil {
		return err
	}
	if err := log.Append(audit.IncidentSnapshot, audit.Places.Is(int64(len(s.Places))), audit.Stores.Is(int64(len(s.Stores))), audit.Unproven.Is(int64(len(s.NotAsked)))); err != nil {
		return err
	}
	if len(s.NotAsked) > 0 {
		return errors.New("the snapshot is not complete: mend what is named under not asked, and take another")
	}
	return nil
}

// write prints the snapshot and, where a file is named, writes it as JSON for its owner alone. It overwrites no file.
func (s *snapshot) write(o incidentOptions, out io.Writer) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	text = append(text, '\n')
	if o.json {
		_, err = out.Write(text)
	} else {
		err = s.print(out)
	}
	if err != nil || o.out == "" {
		return err
	}
	file, err := os.OpenFile(o.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the snapshot: %w: name a new file with --out", err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the snapshot: %w: check that the disk is not full", err)
	}
	return nil
}

// askKafka lists the topics, the opt-outs and what the sensors said.
func (s *snapshot) askKafka(ctx context.Context, cfg broker.Config, list []stores.Store) {
	states, err := lastStates(ctx, cfg, list)
	if err != nil {
		s.missed("sensors", err)
	}
	s.addSensors(states)
	if err := s.addPlaces(ctx, cfg, nil, list); err != nil {
		s.missed("topics", err)
		return
	}
	if s.OptOuts, err = countOptOuts(ctx, cfg); err != nil {
		s.missed("opt-outs", err)
	}
}
