package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
	"github.com/openfootfall/footfall/sensor/simulate"
)

const simulateHelp = `footfall simulate writes captures of a simulated store, one a store-day, and truth.json: who came, how long they stayed, who
came back. The same seed gives the same files.

  footfall simulate --stores stores.yaml --store demo --from 2026-03-02 --days 7 --out captures`

func simulateCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	var storesFile, storeID, from, dir string
	var days int
	var seed uint64
	f := flags("simulate", "usage: footfall simulate [flags]\n\n"+simulateHelp, out, errs)
	f.StringVar(&storesFile, "stores", "stores.yaml", "`file` of the chain's stores")
	f.StringVar(&storeID, "store", "", "the `store` to simulate; the first where empty")
	f.StringVar(&from, "from", "2026-03-02", "first store-day, a `date`; a Monday makes clean weeks")
	f.IntVar(&days, "days", 35, "store-days")
	f.Uint64Var(&seed, "seed", 1, "of the simulated shoppers")
	f.StringVar(&dir, "out", "captures", "`folder` to write to")
	if err := f.parse(args); err != nil {
		return err
	}
	list, err := stores.Load(storesFile)
	if err != nil {
		return err
	}
	first, err := calendar.ParseDay(from)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if storeID == "" {
		storeID = list[0].ID
	}
	s, err := findStore(list, storeID, storesFile)
	if err != nil {
		return err
	}
	cfg := simulate.Default(*s, first)
	cfg.Days, cfg.Seed = days, seed
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of captures: %w", err)
	}
	b := newBar(errs, "simulating a store")
	truth, err := simulate.Run(ctx, cfg, func(day calendar.Day) (io.WriteCloser, error) {
		return os.Create(filepath.Join(dir, s.ID+"-"+day.String()+".pcap"))
	}, func(done, total int) { b.set(int64(done), int64(total), "") })
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(truth, "", " ")
	if err != nil {
		return fmt.Errorf("write the truth: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "truth.json"), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the truth: %w", err)
	}
	return nil
}

const migrateHelp = `footfall migrate makes or updates the tables of a ClickHouse database. It only goes forward and may be run twice.

  footfall migrate --clickhouse clickhouse://footfall:secret@ch.example.org:9000/footfall`

func migrateCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	var target string
	f := flags("migrate", "usage: footfall migrate [flags]\n\n"+migrateHelp, out, errs)
	f.StringVar(&target, "clickhouse", "embedded:.footfall/clickhouse", "`target`: embedded:DIR, or clickhouse://user:password@host:9000/database")
	if err := f.parse(args); err != nil {
		return err
	}
	db, err := store.Open(ctx, target, store.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "database %s has this version's tables\n", db.Database())
	return nil
}
