package optout

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// DefaultConnections is how many connections are served at once; more wait for a place.
const DefaultConnections = 512

// Times and sizes that a connection is given. A place is worth something, so who says nothing loses it soon: the handshake and the
// header have beginTime each. The longest answer waits for the registry, which waits for Kafka 15 s at most; the end of the
// service waits for that answer, because behind it is a receipt.
const (
	beginTime    = 5 * time.Second
	readTime     = 10 * time.Second
	registryTime = 20 * time.Second
	writeTime    = 40 * time.Second
	idleTime     = 15 * time.Second
	shutdownTime = 20 * time.Second
	maxHeader    = 8<<10 - 4<<10 // net/http adds 4 KiB to what it is told
	complainTime = time.Minute   // between two lines of the log about connections that are not accepted
)

// Run listens and serves until the context ends, and then lets the requests under way end. That is no error.
func (s *Service) Run(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.o.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s for the opt-out pages: %w: choose another address, or stop what has it", s.o.Listen, err)
	}
	if at, ok := l.Addr().(*net.TCPAddr); s.o.CertFile == "" && !s.o.BehindProxy && (!ok || !at.IP.IsLoopback()) {
		return errors.Join(fmt.Errorf("listen: %s is not on loopback here: give a certificate and its key, or listen on %s", s.o.Listen, DefaultListen), l.Close())
	}
	l = netutil.LimitListener(l, places(s.o.Connections, openFiles()))
	if s.o.CertFile != "" {
		cert, err := newCertificate(s.o.CertFile, s.o.KeyFile, s.o.Logger)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		l = tls.NewListener(l, &tls.Config{
			GetCertificate: cert.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		})
	}
	if s.o.OnListen != nil {
		s.o.OnListen(l.Addr())
	}
	return s.serveOn(ctx, l)
}

// places is how many connections are open at once: as many as wanted, but never so many that Kafka and the disk find no file left.
func places(wanted, files int) int {
	if wanted <= 0 {
		wanted = DefaultConnections
	}
	return max(min(wanted, files/2), 1)
}

func (s *Service) serveOn(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: beginTime, // of the handshake too
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(&silent{s: s, now: time.Now}, "", 0),
	}
	ended := make(chan error, 1)
	go func() {
		<-ctx.Done()
		bound, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer stop()
		err := server.Shutdown(bound)
		if err != nil {
			err = errors.Join(err, server.Close())
		}
		ended <- err
	}()
	err := server.Serve(l)
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the opt-out pages: %w", err)
	}
	if err := <-ended; err != nil {
		s.o.Logger.Warn("requests to the opt-out pages were cut off at the end", "after", shutdownTime)
	}
	return nil
}

// silent counts what net/http would log, and drops its words: they name who connected.
type silent struct {
	s   *Service
	now func() time.Time

	mu   sync.Mutex
	said time.Time // when the log last said that connections are not accepted
}

// Write takes one line of net/http's log.
func (q *silent) Write(line []byte) (int, error) {
	kind := "other"
	switch text := string(line); {
	case strings.HasPrefix(text, "http: TLS handshake error"):
		kind = "tls"
	case strings.HasPrefix(text, "http: Accept error"):
		kind = "accept"
		q.complain()
	}
	q.s.metrics.errors.WithLabelValues(kind).Inc()
	return len(line), nil
}

// complain logs now and then: net/http tries again every second for as long as it lasts.
func (q *silent) complain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at := q.now(); q.said.IsZero() || at.Sub(q.said) >= complainTime {
		q.said = at
		q.s.o.Logger.Warn("connections to the opt-out pages are not accepted at the moment: look at the limit of open files")
	}
}
