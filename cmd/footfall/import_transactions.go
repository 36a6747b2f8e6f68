package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/openfootfall/footfall/dashboards/worth/intake"
)

const importHelp = `footfall import transactions takes how many sales the tills of the stores rang, by the hour, from CSV; - is standard input. With
them the dashboards show conversion: transactions / estimated visits. The first line names the columns, one way or the other:

  store,day,hour,transactions        a date, and an hour of the store's clock: demo,2026-03-02,9,41
  store,start,transactions           the hour's beginning: demo,2026-03-02T09:00:00+01:00,41

A file with any other column is refused: no customer data is kept. Each line is checked, and nothing is imported while one is wrong.
An hour that is imported again is replaced, so a file may be imported twice. Where clocks are put back, an hour comes twice: by day and
hour it is one, whose lines are added up; by its start it is two.

  footfall import transactions tills.csv
  footfall import transactions --server http://127.0.0.1:8080 --token-file import.token tills.csv

An embedded database is open in one process at a time: where footfall serve runs, send to it with --server.`

func importCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	f := flags("import", "usage: footfall import transactions [flags] FILE.csv\n\n"+importHelp, out, errs)
	to := addWorthFlags(f, "import")
	skipBad := f.Bool("skip-bad", false, "import the good lines of a file that has bad ones, and name those")
	if len(args) > 0 && args[0] == "transactions" {
		args = args[1:]
	} else if len(args) == 0 || args[0] == "" || args[0][0] != '-' {
		return f.wrong("write footfall import transactions FILE.csv")
	}
	if err := f.parseWithFiles(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return f.wrong("name one file, or - for standard input; flags go before it")
	}
	return to.importFile(ctx, "transactions", f.Arg(0), *skipBad, out, errs)
}

// importFile sends a file to where the flags say.
func (w *worthFlags) importFile(ctx context.Context, what, path string, skipBad bool, out, errs io.Writer) (err error) {
	file := os.Stdin
	if path != "-" {
		if file, err = os.Open(path); err != nil {
			return fmt.Errorf("read the file: %w: name a file that is there", err)
		}
		defer file.Close() //nolint:errcheck // it was read
	}
	text, err := io.ReadAll(io.LimitReader(file, intake.MaxBody+1)) // of a longer one the server says so
	if err != nil {
		return fmt.Errorf("read the file: %w: name a file of CSV, or - for standard input", err)
	}
	c, err := w.open(ctx, slog.New(slog.NewTextHandler(errs, nil)))
	if err != nil {
		return err
	}
	return errors.Join(c.send(ctx, what, bytes.NewReader(text), skipBad, out, errs), c.close())
}
