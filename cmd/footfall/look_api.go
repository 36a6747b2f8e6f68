package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/openfootfall/footfall/aggregate/store"
	"github.com/openfootfall/footfall/dashboards/api"
	"github.com/openfootfall/footfall/dashboards/page"
	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/dashboards/tokens"
	"github.com/openfootfall/footfall/dashboards/worth/intake"
)

// lookAPI serves the API on what a database holds until the context ends, to whoever has a token that is made for this and printed. Nothing
// can be brought. The store is the one of the line that is printed.
func lookAPI(ctx context.Context, db *store.DB, source panels.Querier, p *page.Page, listen, id string, out io.Writer, log *slog.Logger) (err error) {
	dir, err := os.MkdirTemp("", "footfall-look-*") // mode 0700
	if err != nil {
		return fmt.Errorf("make a token for the API: %w: or serve none with --api off", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg := apiConfig{Tokens: filepath.Join(dir, "tokens.yaml"), Listen: listen}
	now := time.Now()
	once := &tokenRun{now: func() time.Time { return now }, random: rand.Reader}
	secret, err := once.add(cfg.Tokens, tokens.Token{
		Name: "footfall look", Role: tokens.Office, Made: now.UTC().Format(time.DateOnly), Expires: now.UTC().AddDate(0, 0, lookDays).Format(time.DateOnly),
	})
	if err != nil {
		return err
	}
	gate, err := openTokens(cfg, log)
	if err != nil {
		return err
	}
	n := &numbers{in: serveInput{log: log}, db: db, source: source, page: p, tokens: gate, imports: mounted{intake.Prefix, http.NotFoundHandler()}}
	n.in.cfg.API = cfg
	n.in.onAPI = func(at net.Addr) {
		fmt.Fprintf(out, "programs read the same numbers there, with a token that ends with this:\n  curl -H 'Authorization: Bearer %s' 'http://%s%spanels/visits_by_day?store=%s&range=4w'\n", secret, at, api.Prefix, url.QueryEscape(id))
	}
	return n.serveAPI(ctx)
}

// lookDays is how long the token of footfall look is good for, should it run on.
const lookDays = 30
