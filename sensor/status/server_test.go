package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func options(t testing.TB) (ServerOptions, *Board) {
	t.Helper()
	b, reg, _ := board(t)
	return ServerOptions{Listen: "127.0.0.1:0", Board: b, Gatherer: reg, Log: slog.New(slog.DiscardHandler)}, b
}

// serve runs a server until the test ends, and returns its URL.
func serve(t testing.TB, o ServerOptions) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	at, done := make(chan net.Addr, 1), make(chan error, 1)
	o.OnListen = func(a net.Addr) { at <- a }
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v, want no error", err)
		}
	})
	select {
	case a := <-at:
		return "http://" + a.String()
	case err := <-done:
		done <- nil
		t.Fatal(err)
		return ""
	}
}

func get(t testing.TB, method, url string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

func TestHealthNamesEveryTrouble(t *testing.T) {
	o, b := options(t)
	url := serve(t, o)
	if code, body, _ := get(t, "GET", url+"/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("got %d %q, want 200 ok", code, body)
	}
	for _, trouble := range Troubles() {
		b.Set(trouble, true)
		code, body, header := get(t, "GET", url+"/healthz")
		if want := fmt.Sprintf("%s: %s\n", trouble, trouble.Sentence()); code != 503 || body != want {
			t.Errorf("got %d %q, want 503 %q", code, body, want)
		}
		if got := header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("got Cache-Control %q, want no-store", got)
		}
		b.Set(trouble, false)
	}
	b.Set(SpoolFull, true)
	b.Set(KafkaRefused, true)
	code, body, _ := get(t, "GET", url+"/healthz")
	if want := fmt.Sprintf("kafka_refused: %s\nspool_full: %s\n", KafkaRefused.Sentence(), SpoolFull.Sentence()); code != 503 || body != want {
		t.Errorf("got %d %q, want 503 %q", code, body, want)
	}
}

func TestTheServerShowsTwoPathsToReaders(t *testing.T) {
	o, b := options(t)
	b.Set(NoStrength, true)
	url := serve(t, o)
	for _, row := range []struct {
		method, path string
		code         int
		holds        string
	}{
		{"GET", "/metrics", 200, `footfall_sensor_trouble{reason="no_strength"} 1`},
		{"GET", "/metrics", 200, `footfall_sensor_troubles_total{reason="spool_full"} 0`},
		{"HEAD", "/metrics", 200, ""},
		{"GET", "/healthz", 503, "no_strength: "},
		{"HEAD", "/healthz", 503, ""},
		{"POST", "/metrics", 405, ""},
		{"PUT", "/healthz", 405, ""},
		{"DELETE", "/healthz", 405, ""},
		{"OPTIONS", "/metrics", 405, ""},
		{"GET", "/", 404, ""},
		{"GET", "/metrics/", 404, ""},
		{"GET", "/healthz/x", 404, ""},
		{"GET", "/debug/pprof/", 404, ""},
		{"POST", "/", 404, ""},
	} {
		t.Run(row.method+" "+row.path, func(t *testing.T) {
			code, body, header := get(t, row.method, url+row.path)
			if code != row.code || !strings.Contains(body, row.holds) {
				t.Errorf("got %d %q, want %d with %q", code, body, row.code, row.holds)
			}
			if row.method == "HEAD" && body != "" {
				t.Errorf("got body %q for HEAD", body)
			}
			if row.path == "/metrics" && header.Get("Content-Encoding") != "" {
				t.Errorf("got encoding %q, want none", header.Get("Content-Encoding"))
			}
		})
	}
}

func TestTheServerIsForThisMachine(t *testing.T) {
	for _, row := range []struct {
		listen string
		want   string // part of the error; empty = it is taken
	}{
		{"127.0.0.1:9464", ""}, {"127.8.9.10:1", ""}, {"[::1]:9464", ""}, {"localhost:9464", ""}, {"127.0.0.1:0", ""},
		{"[::ffff:127.0.0.1]:9464", ""},
		{":9464", "not on loopback"}, {"0.0.0.0:9464", "not on loopback"}, {"[::]:9464", "not on loopback"},
		{"192.168.1.1:9464", "not on loopback"}, {"router.lan:9464", "not on loopback"}, {"localhost.example:1", "not on loopback"},
		{"9464", "host:port"}, {"127.0.0.1", "host:port"}, {"127.0.0.1:", "host:port"}, {"::1:9464", "host:port"}, {"", "host:port"},
	} {
		t.Run(row.listen, func(t *testing.T) {
			err := CheckListen(row.listen)
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
			o, _ := options(t)
			o.Listen = row.listen
			if _, got := NewServer(o); row.listen != "" && (got == nil) != (err == nil) {
				t.Errorf("got %v from NewServer, want %v", got, err)
			}
		})
	}
	o, _ := options(t)
	o.Listen = ""
	if s, err := NewServer(o); err != nil || s.o.Listen != DefaultListen {
		t.Errorf("got %v, want the default %s", err, DefaultListen)
	}
}

func TestAPortInUseSaysWhatToDo(t *testing.T) {
	o, _ := options(t)
	o.Listen = strings.TrimPrefix(serve(t, o), "http://")
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "another port under listen") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
	s.o.Listen = "192.0.2.1:9464" // no machine has this address (RFC 5737); NewServer would refuse it
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "address of this machine") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
}

func TestTheServerEndsWithTheContext(t *testing.T) {
	o, _ := options(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		t.Errorf("got %v from a server that was told to end before it began, want none", err)
	}
	url := ""
	t.Run("run", func(t *testing.T) {
		url = serve(t, o)
		get(t, "GET", url+"/healthz")
	})
	var d net.Dialer
	if c, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://")); err == nil {
		_ = c.Close()
		t.Error("the server still listens after its end")
	}
}

// failing is a metric that cannot be gathered, as of a bug.
type failing struct{}

func (failing) Describe(chan<- *prometheus.Desc) {}

func (failing) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(errBroken), errBroken)
}

var errBroken = errors.New("broken")

// TestABrokenMetricHidesNoOther: health and the others stay readable, and the log says so.
func TestABrokenMetricHidesNoOther(t *testing.T) {
	b, reg, log := board(t)
	reg.MustRegister(failing{})
	b.Set(ChannelTaken, true)
	log.Reset()
	s, err := NewServer(ServerOptions{Board: b, Gatherer: reg, Log: b.log})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `footfall_sensor_trouble{reason="channel_taken"} 1`) {
		t.Errorf("got %d %q, want the other metrics", w.Code, w.Body)
	}
	if got := lines(t, log); len(got) != 1 || got[0].Level != "WARN" {
		t.Errorf("got log %v, want a warning", got)
	}
}
