package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/ingest/calendar"
	"github.com/openfootfall/footfall/ingest/stores"
)

const lookHelp = `footfall look shows a store's numbers as a web page: visits, people inside, dwell, new versus repeat, busy hours. It reads the pub_ tables
and the names of the stores, and asks nobody who they are, so it listens on loopback only. Where the data ended days ago, as the demo's did, the
page shows the last day that the store was open, an hour before it closed, and nothing that was published later.

  footfall look --clickhouse embedded:.demo/clickhouse

Programs read the same numbers over the API, on a port of its own, with a token that is made for the occasion and printed.

An embedded database is open in one process at a time; footfall serve shows the same page of its own.`

// defaultLook is where the page is served where nothing else is said.
const defaultLook = "127.0.0.1:8080"

func lookCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	f := flags("look", "usage: footfall look [flags]\n\n"+lookHelp, out, errs)
	target := f.String("clickhouse", "embedded:.demo/clickhouse", "`target`: embedded:DIR, or clickhouse://user:password@host:9000/database")
	listen := f.String("listen", defaultLook, "where the page is served, `host:port` on loopback")
	programs := f.String("api", "127.0.0.1:0", "where programs read the numbers, `host:port` on loopback; port 0: any that is free; off: nowhere")
	if err := f.parse(args); err != nil {
		return err
	}
	if err := checkLook(*listen); err != nil {
		return err
	}
	if err := (&apiConfig{Tokens: "of footfall look", Listen: *programs}).check(); err != nil && *programs != "off" {
		return fmt.Errorf("--api: %w", err)
	}
	log := slog.New(slog.NewTextHandler(errs, nil))
	db, err := store.Open(ctx, *target, store.Options{Logger: log})
	if err != nil {
		return err
	}
	err = look(ctx, db, *listen, *programs, out, log)
	return errors.Join(err, db.Close())
}

// look serves the page on what a database holds, and the API, until the context ends.
func look(ctx context.Context, db *store.DB, listen, programs string, out io.Writer, log *slog.Logger) error {
	known, err := store.Select[store.StoreRow](ctx, db, "SELECT * FROM stores FINAL ORDER BY store")
	if err != nil {
		return fmt.Errorf("%w: run make demo first, or name another database with --clickhouse", err)
	}
	if len(known) == 0 {
		return errors.New("this database holds no store: run make demo first, or name another with --clickhouse")
	}
	if err := db.CheckSchema(ctx); err != nil {
		return fmt.Errorf("%w; of a demo, make it anew with make demo", err)
	}
	list := make([]page.Store, 0, len(known))
	for _, s := range known {
		list = append(list, page.Store{ID: s.Store, Name: s.Name, TimeZone: s.TimeZone})
	}
	now, err := lookAt(ctx, db)
	if err != nil {
		return err
	}
	source, err := lookFrom(db, list, now())
	if err != nil {
		return err
	}
	p, err := page.New(page.Options{Query: source, Stores: list, Now: now, Logger: log})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	shown := make(chan struct{}) // the page stands first in what is printed
	group.Go(func() error {
		return servePage(ctx, listen, p, func(at net.Addr) {
			fmt.Fprintf(out, "http://%s%s shows the store; Ctrl-C ends it\n", at, page.DefaultPrefix)
			close(shown)
		})
	})
	if programs != "off" {
		group.Go(func() error {
			select {
			case <-shown:
				return lookAPI(ctx, db, source, p, programs, list[0].ID, out, log)
			case <-ctx.Done():
				return nil
			}
		})
	}
	return group.Wait()
}

// staleAfter is how old the newest open hour may be for a page of now.
const staleAfter = 60 * time.Hour

// lookAt is the clock of a page on what a database holds: where that is old, it stands at the beginning of the last hour in which a
// store was open and listened to, so that the page shows a day that is under way, and the last whole day before it.
func lookAt(ctx context.Context, db *store.DB) (func() time.Time, error) {
	rows, err := db.Rows(ctx, "SELECT max(start) FROM pub_store_hour FINAL WHERE visits_state NOT IN ('closed', 'no_data') HAVING count() > 0")
	if err != nil {
		return nil, err
	}
	if len(rows.Cells) == 0 {
		return time.Now, nil
	}
	last, ok := rows.Cells[0][0].(time.Time)
	if !ok || time.Since(last) <= staleAfter {
		return time.Now, nil
	}
	return func() time.Time { return last }, nil
}

// lookFrom gives the page's queries a database as it stood at an instant. Where that is long ago, what was published later is left out: the
// intervals and the days that were not over. The page of a running store never has them either.
func lookFrom(db *store.DB, list []page.Store, now time.Time) (panels.Querier, error) {
	if time.Since(now) <= staleAfter {
		return published{db}, nil
	}
	var days, weeks []string // that are over in each store
	for _, s := range list {
		at, err := calendar.New(s.TimeZone)
		if err != nil {
			return nil, fmt.Errorf("store %s: %w", s.ID, err)
		}
		const isOver = "(store != '%s' OR %s < toDate('%s'))"
		days = append(days, fmt.Sprintf(isOver, s.ID, "store_day", at.DayOf(now)))
		weeks = append(weeks, fmt.Sprintf(isOver, s.ID, "store_week + 6", at.DayOf(now)))
	}
	over := func(seconds int64) string { return fmt.Sprintf("start <= toDateTime(%d)", now.Unix()-seconds) }
	return asOf{published{db}, []string{
		"pub_store_quarter", over(900), "pub_store_hour", over(3600), "pub_zone_hour", over(3600), "pub_transactions", over(3600),
		"pub_store_live", over(0), "pub_sensor_5min", over(300), "pub_store_day", strings.Join(days, " AND "), "pub_store_week", strings.Join(weeks, " AND "),
	}}, nil
}

// asOf are published tables without some of their rows.
type asOf struct {
	published
	filters []string // a table and what its rows have to be, by turns
}

// Query implements panels.Querier. The filter is a setting of the statement, whose own settings stand last in it.
func (q asOf) Query(ctx context.Context, sql string) (panels.Table, error) {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	pairs := make([]string, 0, len(q.filters)/2)
	for i := 0; i < len(q.filters); i += 2 {
		pairs = append(pairs, fmt.Sprintf("'%s': '%s'", q.filters[i], quote.Replace(q.filters[i+1])))
	}
	begin := "\nSETTINGS "
	if strings.Contains(sql, "SETTINGS ") {
		begin = ", "
	}
	return q.published.Query(ctx, sql+begin+"additional_table_filters = {"+strings.Join(pairs, ", ")+"}")
}

// published gives the page's queries a database.
type published struct{ db *store.DB }

// Query implements panels.Querier.
func (p published) Query(ctx context.Context, sql string) (panels.Table, error) {
	rows, err := p.db.Rows(ctx, sql)
	return panels.Table{Columns: rows.Columns, Rows: rows.Cells}, err
}

// storePage is the page of a running installation.
func storePage(db *store.DB, list []stores.Store, reg prometheus.Registerer, log *slog.Logger) (*page.Page, error) {
	o := page.Options{Query: published{db}, Registerer: reg, Logger: log}
	for _, s := range list {
		o.Stores = append(o.Stores, page.Store{ID: s.ID, Name: s.Name, TimeZone: s.Zone})
	}
	return page.New(o)
}

// checkLook refuses an address that others can reach: the page asks nobody who they are.
func checkLook(listen string) error {
	if listen == "off" {
		return nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "" {
		return fmt.Errorf("the store page's address %q is not host:port: write it as %s", listen, defaultLook)
	}
	if host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return fmt.Errorf("the store page's address %q is not on loopback, and the page asks nobody who they are: use %s, and let a proxy that asks serve it to others", listen, defaultLook)
	}
	return nil
}

// mounted is a handler under a path of the store page's server.
type mounted struct {
	path    string
	handler http.Handler
}

// servePage serves the page, and what else is mounted there, until the context ends.
func servePage(ctx context.Context, listen string, p *page.Page, onListen func(net.Addr), also ...mounted) error {
	if listen == "off" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen on %s for the store page: %w: choose another address under store_page (of footfall look: with --listen), or stop what has it", listen, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", p.Handler()) // which says where the page is, too
	for _, m := range also {
		mux.Handle(m.path, m.handler)
	}
	mux.Handle("GET /{$}", http.RedirectHandler(page.DefaultPrefix, http.StatusSeeOther))
	server := &http.Server{
		Handler: localOnly(mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	go func() {
		<-ctx.Done()
		_ = server.Close() // a page that is cut off is loaded again
	}()
	if onListen != nil {
		onListen(l.Addr())
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the store page: %w", err)
	}
	return nil
}

// localOnly refuses requests under a name that is not this machine's: a page elsewhere could have a browser ask here under its own
// name otherwise (DNS rebinding), and read the answer.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		at, err := netip.ParseAddr(host)
		if host != "localhost" && (err != nil || !at.IsLoopback()) {
			http.Error(w, "This page answers under 127.0.0.1 and localhost only.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
