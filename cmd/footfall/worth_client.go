package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/dashboards/worth"
	"github.com/openfootfall/footfall/dashboards/worth/intake"
)

// worthFlags say where transactions and annotations go: into a database, or over HTTP to the footfall serve that has it open.
type worthFlags struct{ program, clickhouse, server, tokenFile, auditLog string }

// addWorthFlags are the flags of a command; the program is what its audit log calls it.
func addWorthFlags(f *flagSet, program string) *worthFlags {
	w := &worthFlags{program: program}
	f.StringVar(&w.clickhouse, "clickhouse", "embedded:.footfall/clickhouse", "`target`: embedded:DIR, or clickhouse://user:password@host:9000/database")
	f.StringVar(&w.server, "server", "", "`URL` of a running footfall serve to send to instead, such as http://127.0.0.1:8080")
	f.StringVar(&w.tokenFile, "token-file", "", "`file` with a token of the role import, where the server wants one")
	f.StringVar(&w.auditLog, "audit-log", "", "audit log `file` in which is noted what was written, by store and count; one that no other program writes. A server notes it in its own")
	return w
}

// worthClient sends to an intake: one in this process, or one of a server.
type worthClient struct {
	http  *http.Client
	base  string
	token string
	close func() error
}

// open finds the intake. The caller closes the client.
func (w *worthFlags) open(ctx context.Context, log *slog.Logger) (*worthClient, error) {
	if w.server == "" {
		if w.tokenFile != "" {
			return nil, errors.New("--token-file is for a server: name it with --server")
		}
		return w.openHere(ctx, log)
	}
	if w.auditLog != "" {
		return nil, errors.New("--audit-log is for a database: a server notes it in an audit log of its own, so leave it out")
	}
	c := &worthClient{base: strings.TrimSuffix(w.server, "/"), close: func() error { return nil }, http: &http.Client{
		Timeout: 90 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	at, err := url.Parse(c.base)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.User != nil || at.RawQuery != "" || at.Path != "" {
		return nil, errors.New("--server: write it as http://127.0.0.1:8080 or https://footfall.example.org, without a path")
	}
	if w.tokenFile == "" {
		return c, nil
	}
	if at.Scheme == "http" && at.Hostname() != "localhost" && !net.ParseIP(at.Hostname()).IsLoopback() {
		return nil, errors.New("--server: the token would go over the network as it is: use https")
	}
	text, err := os.ReadFile(w.tokenFile)
	if err != nil {
		return nil, fmt.Errorf("read the token: %w: name its file with --token-file", err)
	}
	c.token = strings.TrimSpace(string(text))
	return c, nil
}

// openHere finds an intake of this process, and its audit log. The log is opened, and verified, before anything is done.
func (w *worthFlags) openHere(ctx context.Context, log *slog.Logger) (*worthClient, error) {
	record, err := openLog(w.auditLog, w.program)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, w.clickhouse, store.Options{})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w; where footfall serve has the database open, send to it with --server", err), record.Close())
	}
	h, err := directIntake(ctx, db, record, log)
	if err != nil {
		return nil, errors.Join(err, db.Close(), record.Close())
	}
	end := func() error { return errors.Join(db.Close(), record.Close()) }
	return &worthClient{http: &http.Client{Transport: inProcess{h}}, base: "http://127.0.0.1", close: end}, nil
}

// inProcess answers a client's requests with a handler, without a network.
type inProcess struct{ h http.Handler }

// RoundTrip implements http.RoundTripper.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &gathered{header: http.Header{}}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	p.h.ServeHTTP(w, r)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: r}, nil
}

// gathered is an answer in memory.
type gathered struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (g *gathered) Header() http.Header { return g.header }

// WriteHeader implements http.ResponseWriter.
func (g *gathered) WriteHeader(status int) { g.status = status }

// Write implements http.ResponseWriter.
func (g *gathered) Write(b []byte) (int, error) { return g.body.Write(b) }

// wrongLines is an import that was refused because of some lines.
type wrongLines struct{ report worth.Report }

// Error names no line: printLines does.
func (e *wrongLines) Error() string {
	if e.report.Good == 0 {
		return "nothing is imported, because every line is wrong: mend them"
	}
	return "nothing is imported, because some lines are wrong: mend them, or keep the others with --skip-bad"
}

// ask sends a request and decodes its answer into what is given.
func (c *worthClient) ask(ctx context.Context, method, path string, body io.Reader, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, c.base+intake.Prefix+path, body)
	if err != nil {
		return fmt.Errorf("ask %s: %w", c.base, err)
	}
	r.Header.Set("Content-Type", "text/csv; charset=utf-8")
	r.Header.Set(intake.LocalHeader, "1")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("ask %s: %w: look whether footfall serve runs there", c.base, err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(io.LimitReader(answer.Body, intake.MaxBody))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w: send it again, which is safe", c.base, err)
	}
	if answer.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, into); err != nil {
			return fmt.Errorf("%s answers, but not as footfall serve does: look at --server", c.base)
		}
		return nil
	}
	var problem struct {
		Detail string `json:"detail"`
		worth.Report
	}
	if err := json.Unmarshal(text, &problem); err != nil || problem.Detail == "" {
		return fmt.Errorf("%s answers with status %d: look whether --server is a footfall serve of this version", c.base, answer.StatusCode)
	}
	if answer.StatusCode == http.StatusUnauthorized && c.token == "" {
		return fmt.Errorf("%s wants a token of the role import: name its file with --token-file; footfall token make --role import makes one", c.base)
	}
	if len(problem.Problems) > 0 {
		return &wrongLines{problem.Report}
	}
	return errors.New(lowerFirst(strings.TrimSuffix(problem.Detail, ".")))
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// send imports a file and prints what became of it.
func (c *worthClient) send(ctx context.Context, what string, file io.Reader, skipBad bool, out, errs io.Writer) error {
	path := what
	if skipBad {
		path += "?skip_bad=1"
	}
	var counts intake.Counts
	err := c.ask(ctx, http.MethodPost, path, file, &counts)
	var wrong *wrongLines
	if errors.As(err, &wrong) {
		printLines(errs, wrong.report)
	}
	if err != nil {
		return err
	}
	printLines(errs, counts.Report)
	fmt.Fprintln(out, written(what, counts))
	for _, note := range counts.Notes {
		fmt.Fprintln(out, note)
	}
	return nil
}

// written says what a file brought: of transactions how many sales the tills rang, and in how many hours.
func written(what string, counts intake.Counts) string {
	text := howMany(int64(counts.Written), strings.TrimSuffix(what, "s"))
	if counts.Transactions != nil {
		text = howMany(*counts.Transactions, "transaction") + " in " + howMany(int64(counts.Written), "hour")
	}
	text += " written, from " + howMany(int64(counts.Good), "line")
	switch {
	case counts.Bad == 1:
		text += "; 1 line was wrong and is left out"
	case counts.Bad > 1:
		text += fmt.Sprintf("; %d lines were wrong and are left out", counts.Bad)
	}
	return text
}

func howMany(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// printLines names each line that is wrong.
func printLines(errs io.Writer, r worth.Report) {
	for _, p := range r.Problems {
		fmt.Fprintf(errs, "line %d: %s\n", p.Line, p.Text)
	}
	if more := r.Bad - len(r.Problems); more > 0 {
		fmt.Fprintf(errs, "and %s\n", howMany(int64(more), "more line"))
	}
}
