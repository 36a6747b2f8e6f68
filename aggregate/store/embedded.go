package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/openfootfall/footfall/aggregate/store/engine"
)

// embedded is an engine of this process with its front.
type embedded struct {
	engine   *engine.Engine
	address  string
	password string
	close    func() error // stops the front and closes the folder, once
}

// startEmbedded opens the data folder and serves its front on loopback.
func startEmbedded(dir string, o Options, log *slog.Logger) (*embedded, error) {
	listen := cmp.Or(o.Listen, "127.0.0.1:0")
	address, err := net.ResolveTCPAddr("tcp", listen)
	if err != nil || !address.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("the embedded engine answers on the loopback interface only, not on %s: use an address such as 127.0.0.1:8123", listen), err)
	}
	e, err := engine.Start(engine.Options{Library: o.Library, DataDir: dir})
	if err != nil {
		return nil, err
	}
	listener, err := net.ListenTCP("tcp", address)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the embedded engine's front: %w; choose another address", err), e.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	em := &embedded{
		engine: e, address: listener.Addr().String(), password: cmp.Or(o.Password, rand.Text()),
		close: sync.OnceValue(func() error {
			stop()
			return errors.Join(<-ended, e.Close())
		}),
	}
	front := engine.NewFront(e, engine.FrontOptions{Password: em.password, Logger: log})
	go func() { ended <- front.Serve(ctx, listener) }()
	return em, nil
}

// options are those of a connection to the front.
func (em *embedded) options(database string) *clickhouse.Options {
	return &clickhouse.Options{
		Protocol:     clickhouse.HTTP,
		Addr:         []string{em.address},
		Auth:         clickhouse.Auth{Database: database, Username: "footfall", Password: em.password},
		MaxOpenConns: 8,
		ReadTimeout:  10 * time.Minute, // until an answer begins
	}
}
