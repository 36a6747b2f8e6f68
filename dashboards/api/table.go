package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/openfootfall/footfall/dashboards/tokens"
)

// streamRows is how many rows of a CSV are read at a time.
const streamRows = 5000

func (a *API) giveTable(w *answering, who *tokens.Token) error {
	name, err := withoutFormat(w.request.PathValue("table"), w.query)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(a.tables, func(t Table) bool { return t.Name == name })
	if i < 0 {
		return &refusal{http.StatusNotFound, "There is no such table: look at " + Prefix + "tables."}
	}
	t := a.tables[i]
	if !mayTable(who.Role, t.Name) {
		return tokens.NotAllowed()
	}
	rule, _ := ruleOf(t.Name) // all of a.tables have one
	r, err := readRequest(t, rule, w.query, who, a.o.Page.Stores())
	if err != nil {
		return err
	}
	if r.format == asCSV {
		return a.giveCSV(w, &r)
	}
	ctx, stop := w.bounded()
	defer stop()
	rows, next, err := a.readPage(ctx, &r, r.limit, r.after)
	if err != nil {
		return err
	}
	cursor, err := link(w, &r, next)
	if err != nil {
		return err
	}
	body, err := r.writeJSON(rows, cursor)
	if err != nil {
		return err
	}
	w.note(t.Name, len(rows))
	return w.whole("application/json", body)
}

// giveCSV sends one page where a limit is asked for, and else all pages, one after the other, so that none of them is long in memory.
func (a *API) giveCSV(w *answering, r *request) error {
	ctx, stop := context.WithTimeout(w.request.Context(), wholeTime)
	defer stop()
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="`+r.file()+`"`)
	size := r.limit
	if size == 0 {
		size = streamRows
	}
	for after := r.after; ; {
		rows, next, err := a.readNext(ctx, r, size, after)
		if err != nil {
			return a.cut(w, err)
		}
		var out bytes.Buffer
		lines := csv.NewWriter(&out)
		lines.UseCRLF = true
		if !w.began {
			err = r.csvHeader(lines)
		}
		if err == nil {
			err = r.csvRows(lines, rows)
		}
		if err == nil && r.limit > 0 {
			_, err = link(w, r, next)
		}
		if err != nil {
			return a.cut(w, err)
		}
		w.note(r.table.Name, len(rows))
		w.send(out.Bytes())
		if next == nil || r.limit > 0 || w.request.Method == http.MethodHead {
			return nil
		}
		after = next
	}
}

// cut is an error, or, where a part is sent, the end of the connection.
func (a *API) cut(w *answering, err error) error {
	if !w.began {
		return err
	}
	if w.request.Context().Err() == nil { // else who asked is gone
		a.o.Logger.Error("an answer of the API was cut off", "error", err)
	}
	return errCut
}

// link says where the next page is, in a header. It returns the cursor; empty on the last page.
func link(w *answering, r *request, next []string) (string, error) {
	if next == nil {
		return "", nil
	}
	cursor, err := writeCursor(&r.table, next)
	if err != nil {
		return "", err
	}
	q := w.query
	q.Set("cursor", cursor)
	w.Header().Set("Link", "<"+Prefix+"tables/"+r.table.Name+"?"+q.Encode()+`>; rel="next"`)
	return cursor, nil
}

// readNext is readPage with the time of one query.
func (a *API) readNext(ctx context.Context, r *request, size int, after []string) (rows [][]any, next []string, err error) {
	ctx, stop := context.WithTimeout(ctx, queryTime)
	defer stop()
	return a.readPage(ctx, r, size, after)
}

// readPage reads one page behind a row. next is the key of its last row where there are more.
func (a *API) readPage(ctx context.Context, r *request, size int, after []string) (rows [][]any, next []string, err error) {
	sql, err := r.sql(size+1, after)
	if err != nil {
		return nil, nil, err
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("table %s waited for other queries: %w", r.table.Name, ctx.Err())
	}
	began := time.Now()
	got, err := a.o.Query.Query(ctx, sql)
	a.metrics.queries.WithLabelValues(r.table.Name).Observe(time.Since(began).Seconds())
	if err == nil {
		rows, err = arrange(&r.table, got)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("table %s: %w", r.table.Name, err)
	}
	if len(rows) > size {
		rows = rows[:size]
		next = keyOf(&r.table, rows[size-1])
	}
	return rows, next, nil
}
