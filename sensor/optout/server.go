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
	"time"
)

// Times and sizes that a connection is given. The longest answer waits for the registry, which waits for Kafka.
const (
	readTime     = 10 * time.Second
	writeTime    = 40 * time.Second
	idleTime     = 60 * time.Second
	shutdownTime = 10 * time.Second
	maxHeader    = 8<<10 - 4<<10 // net/http adds 4 KiB to what it is told
	registryTime = 20 * time.Second
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
	if s.o.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(s.o.CertFile, s.o.KeyFile)
		if err != nil {
			return errors.Join(fmt.Errorf("read the opt-out pages' certificate: %w: give PEM files that belong together", err), l.Close())
		}
		l = tls.NewListener(l, &tls.Config{
			Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		})
	}
	if s.o.OnListen != nil {
		s.o.OnListen(l.Addr())
	}
	return s.serveOn(ctx, l)
}

func (s *Service) serveOn(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(silent{s}, "", 0),
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
type silent struct{ s *Service }

// Write takes one line of net/http's log.
func (q silent) Write(line []byte) (int, error) {
	kind := "other"
	switch text := string(line); {
	case strings.HasPrefix(text, "http: TLS handshake error"):
		kind = "tls"
	case strings.HasPrefix(text, "http: Accept error"):
		kind = "accept"
		q.s.o.Logger.Warn("connections to the opt-out pages are not accepted at the moment: look at the limit of open files")
	}
	q.s.metrics.errors.WithLabelValues(kind).Inc()
	return len(line), nil
}
