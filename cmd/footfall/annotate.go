package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/openfootfall/footfall/dashboards/worth"
	"github.com/openfootfall/footfall/dashboards/worth/intake"
)

const annotateHelp = `footfall annotate notes what happened on some store-days: a promotion, a holiday, a closure. Dashboards show it beside the
numbers, and of a promotion what it did to the visits (footfall effect). Without --store it is about all stores.

  footfall annotate --store demo --kind promotion --from 2026-03-02 --to 2026-03-07 --title "Spring, half price"
  footfall annotate --list
  footfall annotate --remove k3x9m2pq
  footfall annotate --csv calendar.csv           its first line is store,kind,first_day,last_day,title;
                                                 without a last day it is of the first only

Titles are shown to everybody who sees a dashboard: no customer's and no employee's name belongs there. What is noted again replaces
itself. An embedded database is open in one process at a time: where footfall serve runs, send to it with --server.`

// annotateOptions are the flags of footfall annotate.
type annotateOptions struct {
	store, kind, from, to, title string
	list, skipBad                bool
	remove, csv                  string
}

func annotateCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	var o annotateOptions
	f := flags("annotate", "usage: footfall annotate [flags]\n\n"+annotateHelp, out, errs)
	to := addWorthFlags(f, "annotate")
	f.StringVar(&o.store, "store", "", "the `store` it is about; all where empty")
	f.StringVar(&o.kind, "kind", string(worth.Promotion), "`kind`: promotion, holiday, closure or other")
	f.StringVar(&o.from, "from", "", "first store-day, a `date` such as 2026-03-02")
	f.StringVar(&o.to, "to", "", "last store-day, a `date`, which belongs to it; the first where empty")
	f.StringVar(&o.title, "title", "", "what it is, in a few `words`")
	f.BoolVar(&o.list, "list", false, "list what is noted, with its names")
	f.StringVar(&o.remove, "remove", "", "remove what has this `name` in the list")
	f.StringVar(&o.csv, "csv", "", "import a `file`; - is standard input")
	f.BoolVar(&o.skipBad, "skip-bad", false, "import the good lines of a file that has bad ones, and name those")
	if err := f.parse(args); err != nil {
		return err
	}
	asked := 0
	for _, on := range []bool{o.list, o.remove != "", o.csv != "", o.title != "" || o.from != ""} {
		if on {
			asked++
		}
	}
	if asked != 1 {
		return f.wrong("write --from and --title, or one of --list, --remove and --csv")
	}
	if o.csv != "" {
		return to.importFile(ctx, "annotations", o.csv, o.skipBad, out, errs)
	}
	for _, part := range []struct{ flag, value string }{{"from", o.from}, {"title", o.title}} {
		if part.value == "" && !o.list && o.remove == "" {
			return f.wrong("--%s is missing", part.flag)
		}
	}
	line, err := o.check()
	if err != nil {
		return err
	}
	c, err := to.open(ctx, slog.New(slog.NewTextHandler(errs, nil)))
	if err != nil {
		return err
	}
	return errors.Join(c.annotate(ctx, o, line, out, errs), c.close())
}

// check is the annotation of the flags, and everything that is wrong with it.
func (o *annotateOptions) check() (worth.Annotation, error) {
	if o.list || o.remove != "" {
		return worth.Annotation{}, nil
	}
	a := worth.Annotation{Store: o.store, Kind: worth.Kind(o.kind), Title: strings.TrimSpace(o.title)}
	var wrong [2]error
	if a.First, wrong[0] = worth.ParseDay(o.from); wrong[0] != nil {
		wrong[0] = fmt.Errorf("--from: %w", wrong[0])
	}
	a.Last = a.First
	if o.to != "" {
		if a.Last, wrong[1] = worth.ParseDay(o.to); wrong[1] != nil {
			wrong[1] = fmt.Errorf("--to: %w", wrong[1])
		}
	}
	if err := errors.Join(wrong[:]...); err != nil {
		return a, err
	}
	return a.Named(), a.Check()
}

// annotate does what the flags ask for.
func (c *worthClient) annotate(ctx context.Context, o annotateOptions, a worth.Annotation, out, errs io.Writer) error {
	switch {
	case o.list:
		return c.list(ctx, out)
	case o.remove != "":
		var done struct {
			Removed string `json:"removed"`
		}
		if err := c.ask(ctx, http.MethodDelete, "annotations/"+url.PathEscape(o.remove), nil, &done); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s is removed\n", done.Removed)
		return nil
	}
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	if err := w.WriteAll([][]string{worth.AnnotationColumns()[0], {a.Store, string(a.Kind), a.First.String(), a.Last.String(), a.Title}}); err != nil {
		return fmt.Errorf("write the annotation: %w", err)
	}
	if err := c.ask(ctx, http.MethodPost, "annotations", &file, new(intake.Counts)); err != nil {
		var wrong *wrongLines
		if errors.As(err, &wrong) {
			return errors.New(wrong.report.Problems[0].Text)
		}
		return err
	}
	fmt.Fprintf(out, "%s is noted; footfall annotate --remove %s undoes it\n", a.Name, a.Name)
	return nil
}

// list prints what is noted.
func (c *worthClient) list(ctx context.Context, out io.Writer) error {
	var found struct {
		Annotations []intake.AnnotationJSON `json:"annotations"`
	}
	if err := c.ask(ctx, http.MethodGet, "annotations", nil, &found); err != nil {
		return err
	}
	if len(found.Annotations) == 0 {
		fmt.Fprintln(out, "nothing is noted yet")
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tstore\tkind\tfrom\tto\ttitle")
	for _, a := range found.Annotations {
		name := a.Store
		if name == "" {
			name = "all stores"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", a.Annotation, name, a.Kind, a.FirstDay, a.LastDay, a.Title)
	}
	return w.Flush()
}
