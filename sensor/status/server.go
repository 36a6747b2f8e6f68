package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// DefaultListen is where a sensor serves its metrics and health.
const DefaultListen = "127.0.0.1:9464"

// ServerOptions say where a server listens and what it shows.
type ServerOptions struct {
	Listen   string // host:port on loopback; empty is DefaultListen
	Board    *Board
	Gatherer prometheus.Gatherer
	Log      *slog.Logger
	OnListen func(net.Addr) // called once it listens; nil for nothing
}

// Server shows /metrics and /healthz, and nothing else. They hold no address, id or SSID, but the number of frames of a shop.
type Server struct {
	o    ServerOptions
	http *http.Server
}

// NewServer checks the options; Run listens.
func NewServer(o ServerOptions) (*Server, error) {
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if err := CheckListen(o.Listen); err != nil {
		return nil, err
	}
	s := &Server{o: o}
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    4 << 10,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// CheckListen checks an address to listen on: an IP address of loopback, or localhost.
func CheckListen(listen string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "" {
		return fmt.Errorf("listen: %q is not host:port: write it as %s", listen, DefaultListen)
	}
	if host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return fmt.Errorf("listen: %q is not on loopback, and the figures of a shop are for nobody else: use %s, and let a proxy on this box serve it to others", listen, DefaultListen)
	}
	return nil
}

// Run listens and serves until the context ends. That is no error; what else ends it says what to do.
func (s *Server) Run(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.o.Listen)
	if err != nil && ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return listenError(s.o.Listen, err)
	}
	if at, ok := l.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return errors.Join(fmt.Errorf("listen: %s is not on loopback here: use %s", s.o.Listen, DefaultListen), l.Close())
	}
	if s.o.OnListen != nil {
		s.o.OnListen(l.Addr())
	}
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve metrics and health: %w: start the sensor again", err)
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if s.http.Shutdown(closing) != nil {
		_ = s.http.Close() // a slow reader of metrics holds up nobody's end
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics and health until the end: %w: start the sensor again", err)
	}
	return nil
}

func listenError(listen string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen for metrics and health: %w: another program, perhaps another sensor, has %s: stop it, or set another port under listen", err, listen)
	}
	return fmt.Errorf("listen for metrics and health: %w: set an address of this machine under listen, such as %s", err, DefaultListen)
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.o.Gatherer, promhttp.HandlerOpts{
		ErrorLog:            scrapeLog{s.o.Log},
		ErrorHandling:       promhttp.ContinueOnError,
		DisableCompression:  true, // its buffers cost a router more than the bytes on loopback
		MaxRequestsInFlight: 2,
		Timeout:             5 * time.Second,
	}))
	mux.HandleFunc("GET /healthz", s.health)
	return http.MaxBytesHandler(mux, 4<<10)
}

// health answers 200 "ok", or 503 and a line for each trouble.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	troubles, _ := s.o.Board.Now()
	if len(troubles) == 0 {
		_, _ = io.WriteString(w, "ok\n")
		return
	}
	var text strings.Builder
	for _, t := range troubles {
		fmt.Fprintf(&text, "%s: %s\n", t, Trouble(t).Sentence())
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, text.String())
}

// scrapeLog is promhttp's logger.
type scrapeLog struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (l scrapeLog) Println(v ...any) {
	l.log.Warn("metrics could not be gathered whole", "error", strings.TrimSpace(fmt.Sprintln(v...)))
}
