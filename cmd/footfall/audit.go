package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/openfootfall/footfall/aggregate/retention"
	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/audit"
	"github.com/openfootfall/footfall/ingest/broker"
	"github.com/openfootfall/footfall/ingest/fleet"
	"github.com/openfootfall/footfall/ingest/stores"
)

const auditHelp = `footfall audit proves by query how old the oldest thing is in every topic, table and sensor's spool, and holds that against what
the stores' settings promise. It exits with 1 where something is older, where the registry holds more than tags, or where a table that
nobody declared may hold ids. It changes nothing in Kafka and ClickHouse.

  footfall audit --stores stores.yaml --kafka kafka.example.org:9092 \
    --clickhouse clickhouse://footfall:secret@ch.example.org:9000/footfall
  footfall audit verify audit.jsonl               is the audit log as it was written?
  footfall audit show audit.jsonl                 its entries, for people

An embedded database is open in one process at a time: end footfall serve or aggregate first, or leave the tables out with
--clickhouse ''. Both prove the same every hour by themselves, into pub_retention. Of topics with ids the beginning is looked at; of
a cluster's deleted parts, those of the replica that answers. A sensor's spool is as the sensor said last.`

// auditOptions are the flags of footfall audit.
type auditOptions struct {
	stores, clickhouse, log string
	kafka                   *kafkaFlags
}

func auditCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "verify":
			return auditVerify(args[1:], out, errs)
		case "show":
			return auditShow(args[1:], out, errs)
		}
	}
	f := flags("audit", "usage: footfall audit [flags]\n\n"+auditHelp, out, errs)
	o := auditOptions{kafka: addKafkaFlags(f)}
	f.StringVar(&o.stores, "stores", "stores.yaml", "`file` of the chain's stores")
	f.StringVar(&o.clickhouse, "clickhouse", "embedded:.footfall/clickhouse", "`target`: embedded:DIR, or clickhouse://user:password@host:9000/database; empty: no tables")
	f.StringVar(&o.log, "log", "", "audit log `file` that the result is appended to; one that no other program writes")
	if err := f.parse(args); err != nil {
		return err
	}
	return proveRetention(ctx, o, out)
}

func proveRetention(ctx context.Context, o auditOptions, out io.Writer) (err error) {
	list, err := stores.Load(o.stores)
	cfg, kerr := o.kafka.config("footfall audit")
	if err := errors.Join(err, kerr); err != nil {
		return err
	}
	log, err := openLog(o.log, "audit")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	in := retention.Input{Kafka: cfg, Stores: list}
	if o.clickhouse != "" {
		if in.DB, err = store.Open(ctx, o.clickhouse, store.Options{}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, in.DB.Close()) }()
	}
	states, err := lastStates(ctx, cfg, list)
	if err != nil {
		return err
	}
	in.Sensors, in.Now = spoolsOf(states), time.Now()
	places, err := retention.Prove(ctx, in)
	if err != nil {
		return err
	}
	printPlaces(places, out)
	if err := retention.Record(log, places); err != nil {
		return err
	}
	return verdict(places, out)
}

// openLog opens an audit log for writing, where one is named.
func openLog(path, actor string) (*audit.Log, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // a nil log takes nothing
	}
	return audit.Open(path, actor, time.Now)
}

// statesWait bounds the reading of what the sensors said.
const statesWait = 20 * time.Second

// lastStates are what the sensors of the stores said last.
func lastStates(ctx context.Context, cfg broker.Config, list []stores.Store) ([]fleet.State, error) {
	if _, err := broker.EndOffset(ctx, cfg, broker.Sensors, 0); err != nil { // following it would wait for it
		return nil, fmt.Errorf("read what the sensors said: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, statesWait)
	defer stop()
	f, ended := fleet.New(), make(chan error, 1)
	go func() { ended <- f.Follow(ctx, fleet.Options{Config: cfg, Stores: list}) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f.Progress(nil, 0, time.Time{}).Ready {
		select {
		case err := <-ended:
			return nil, fmt.Errorf("read what the sensors said: %w: check --kafka, and the right to read %s", err, broker.Sensors)
		case <-tick.C:
		}
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		return nil, fmt.Errorf("read what the sensors said: %w", err)
	}
	return f.States(), nil
}

func spoolsOf(states []fleet.State) []retention.SensorSpool {
	var spools []retention.SensorSpool
	for _, s := range states {
		spools = append(spools, retention.SensorSpool{
			Store: s.Store, Sensor: s.Sensor, Known: true, Made: s.Made, Oldest: s.SpoolOldest, IDAge: s.Settings.SpoolIDAge,
		})
	}
	return spools
}

func printPlaces(places []retention.Place, out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "place\tstore\toldest\tage\tlimit\tverdict")
	for _, p := range places {
		oldest, age, limit, said := "-", "-", "stays", string(p.Verdict)
		if !p.Oldest.IsZero() {
			oldest, age = p.Oldest.UTC().Format("2006-01-02 15:04 UTC"), hours(p.Age)
		}
		if p.Limit > 0 {
			limit = hours(p.Limit)
		}
		if p.Reason != "" {
			said += ": " + string(p.Reason)
		}
		id := p.Store
		if id == "" {
			id = "-"
		}
		fmt.Fprintf(w, "%s %s\t%s\t%s\t%s\t%s\t%s\n", p.Kind, p.Name, id, oldest, age, limit, said)
	}
	_ = w.Flush() // what cannot be printed, nobody reads
}

// hours writes a length of time in hours and minutes, or in days where it is long.
func hours(d time.Duration) string {
	if d >= 10*24*time.Hour {
		return fmt.Sprintf("%d d", d/(24*time.Hour))
	}
	return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
}

// verdict says what is to be done, and is an error where a place holds what it should not.
func verdict(places []retention.Place, out io.Writer) error {
	count := map[retention.Verdict]int{}
	for _, p := range places {
		count[p.Verdict]++
		if !p.OK() {
			of := ""
			if p.Store != "" {
				of = " of store " + p.Store
			}
			fmt.Fprintf(out, "%s: %s %s%s: %s\n", p.Verdict, p.Kind, p.Name, of, p.Advice())
		}
	}
	fmt.Fprintf(out, "places: %d, within their limits: %d, unproven: %d, breaches: %d\n",
		len(places), count[retention.OK], count[retention.Unknown], count[retention.Breach])
	if n := count[retention.Breach]; n > 0 {
		return fmt.Errorf("%d places hold what they should not: do what is said above, and ask who has to be told: footfall incident snapshot lists what is held", n)
	}
	return nil
}

// openToRead opens an audit log for reading.
func openToRead(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w: name a file that you may read", err)
	}
	return file, nil
}
